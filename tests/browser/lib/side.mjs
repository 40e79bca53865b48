// One side of a call: a user, and the page that sends and shows the media.

import { User } from './user.mjs';
import { eventually } from './waiting.mjs';

/** A user before a page with camera and microphone. */
export class Side {
  user;
  page;
  /** The `match` of `match.found`. */
  match;
  /** When `match.found` came, by `performance.now()`. */
  foundAt;
  /** When the call was connected first. */
  connectedAt;
  /** What the page says of its connection. */
  state = 'new';
  /** Every signal that the page sent, before the server had it. */
  sent = [];
  /** What the page could not do with a signal that came. */
  faults = [];
  /** What becomes of a signal that the page sends: a list of the frames that go to the server instead. */
  alter = (frame) => [frame];
  #browser;

  /** Registers and opens the page. */
  static async join(server, browser, alias) {
    const side = new Side();
    side.user = await User.join(server, alias);
    side.#browser = browser;
    await side.#open();
    side.user.onFrame = (frame) => side.#hear(frame);
    return side;
  }

  /** Calls a method of the page's side. */
  do(method, argument) {
    return this.page.evaluate(([name, value]) => window.side[name](value), [method, argument]);
  }

  /** Sends a frame about the match. */
  send(frame) {
    this.user.send({ ...frame, match_id: this.match.id });
  }

  /** Waits for the match, and fetches what the call needs. */
  async found() {
    this.match = (await this.user.until('match.found')).match;
    this.ice = await this.user.iceServers(this.match.id);
  }

  /** Begins the call. `policy` is the page's: a modified client takes another than it is told. */
  start(policy = this.ice.transport_policy) {
    return this.do('start', { offers: this.match.role === 'offerer', iceServers: this.ice.ice_servers, policy });
  }

  /** Loses the page with everything it had, as a program that is killed, and opens a new one. */
  async reopen() {
    await this.page.context().close();
    this.state = 'new';
    await this.#open();
  }

  /** Waits until the call is connected. */
  connected() {
    return eventually(() => `the ${this.match.role}, now ${this.state}, is connected`, () => this.state === 'connected');
  }

  /** What the page sees. */
  stats() {
    return this.do('stats');
  }

  /** Waits until this many more frames of every one of `tracks` video tracks were decoded. */
  async sees(more, tracks = 1) {
    let before;
    await eventually(`the ${this.match.role} decodes ${more} more frames of ${tracks} tracks`, async () => {
      const { framesDecoded: now } = await this.stats();
      if (now.length !== tracks) return false;
      before ??= now;
      return now.every((frames, track) => frames >= before[track] + more);
    });
  }

  async #open() {
    this.page = await this.#browser.open((frame) => this.#tell(frame));
    await this.do('prepare');
  }

  async #tell(frame) {
    if (frame.type === 'state') {
      this.state = frame.state;
      if (frame.state === 'connected' && this.connectedAt === undefined) {
        this.connectedAt = performance.now();
        this.send({ type: 'rtc.state', state: 'connected' });
      }
      return;
    }
    this.sent.push(frame);
    for (const altered of this.alter(frame)) this.send(altered);
  }

  #hear(frame) {
    if (frame.type === 'match.found') this.foundAt = performance.now();
    if (frame.type === 'rtc.description' || frame.type === 'rtc.candidate') this.do('hear', frame).catch((error) => this.faults.push(error));
  }

  /** Leaves. */
  async close() {
    this.user.close();
    await this.page.context().close();
  }
}

/** Two sides that found each other for a call. The first is the offerer: it waited longer. */
export async function pair(server, browser) {
  const [first, second] = await Promise.all(['kediadam', 'marti'].map((alias) => Side.join(server, browser, alias)));
  for (const side of [first, second]) {
    side.user.send({ type: 'match.find', mode: 'video' });
    await side.user.until('match.searching');
  }
  await Promise.all([first.found(), second.found()]);
  return [first, second];
}
