// The one WebSocket of this device. It comes back by itself, as docs/protocol.md says of each
// close.

import type { ClientFrame, Hello, ServerFrame, ServerWelcomeFrame } from './frames.d.ts';
import { readFrame } from './read.ts';

/** Why no further connection is tried. */
export type Ended =
  | 'session' // the session is over: sign in again
  | 'banned'
  | 'consent' // the terms are new
  | 'replaced' // the same session connected elsewhere
  | 'outdated' // the server does not understand this client
  | 'closed';

export type LineState = 'connecting' | 'online' | 'offline';

export interface ConnectionHooks {
  url: string;
  /** A good access token; null when the session is over. Rejects without a line. */
  token(): Promise<string | null>;
  /** Another one than `spent`, which was refused. */
  renewed(spent: string): Promise<string | null>;
  hello(): Omit<Hello, 'token'>;
  /** Milliseconds that the token of the moment is still good for. */
  tokenLasts(): number;
  /** One after the other: the next waits for this one. */
  frame(frame: ServerFrame): void | Promise<void>;
  state(state: LineState): void;
  ended(why: Ended): void;
  socket?: (url: string) => WebSocket;
}

type Lost = Extract<ServerFrame, { type: 'error' }>;
type Timer = ReturnType<typeof setTimeout>;

const LOST = { type: 'error', code: 'connection_lost', message: '' } as unknown as Lost;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A connection that lasted this long was a good one: the pauses begin anew. */
const GOOD_MS = 10_000;
const HELLO_MS = 15_000;
const ANSWER_MS = 30_000;
/** A token is renewed this long before it runs out: later than its keeper holds it for good. */
const TOKEN_EARLY_MS = 45_000;
const TOKEN_AGAIN_MS = 5_000;

const FINAL: Record<number, Ended> = {
  1002: 'outdated', 1007: 'outdated', 4000: 'outdated', 4013: 'outdated',
  4003: 'banned', 4009: 'replaced', 4014: 'consent',
};

export class Connection {
  readonly #hooks: ConnectionHooks;
  #socket: WebSocket | null = null;
  #state: LineState = 'offline';
  #over = false;
  #tries = 0;
  #notBefore = 0;
  /** The one this line is good by. */
  #token = '';
  #spent: string | undefined;
  #left = (): void => undefined;
  #id = 0;
  #answers = new Map<number, (frame: ServerFrame) => void>();
  #turn: Promise<void> = Promise.resolve();
  #again: Timer | undefined;
  #renewal: Timer | undefined;
  #quiet: Timer | undefined;
  #waiting: (() => void)[] = [];
  #pace = new Pace();
  #heard = 0;
  #heartbeatMs = 30_000;

  constructor(hooks: ConnectionHooks) {
    this.#hooks = hooks;
  }

  /** Tries at once, also while it waits for its next try. */
  async open(): Promise<void> {
    clearTimeout(this.#again);
    if (this.#over || this.#socket || this.#state === 'connecting') return;
    if (Date.now() < this.#notBefore) return this.#tryIn(this.#notBefore - Date.now());
    this.#enter('connecting');
    let token: string | null;
    try {
      const spent = this.#spent;
      token = await (spent ? this.#hooks.renewed(spent) : this.#hooks.token());
      this.#spent = undefined;
    } catch {
      return this.#later();
    }
    if (this.#over) return;
    if (token === null) return this.#end('session');
    this.#connect(token);
  }

  close(): void {
    this.#end('closed');
  }

  /**
   * The page was hidden, the machine asleep, or the network is another: what looks open may have been dead
   * for long. A line that was silent for `trusted` milliseconds is made anew.
   */
  woke(trusted = 2 * this.#heartbeatMs): void {
    const silent = Date.now() - this.#heard;
    if (this.#state === 'online' && silent > trusted) this.#drop();
    else void this.open();
  }

  /** False without a line; then nothing was sent. */
  send(frame: ClientFrame): boolean {
    if (this.#state !== 'online') return false;
    this.#pace.push(() => this.#put(frame));
    return true;
  }

  /** The answer, or an `error` of code `connection_lost`: then it may have been done or not. */
  ask(frame: ClientFrame): Promise<ServerFrame> {
    if (this.#state !== 'online') return Promise.resolve(LOST);
    const id = ++this.#id;
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#answer(id, LOST);
        // Every question is answered, so a silent line is a dead one.
        if (Date.now() - this.#heard >= ANSWER_MS) this.#drop();
      }, ANSWER_MS);
      this.#answers.set(id, (answer) => {
        clearTimeout(late);
        resolve(answer);
      });
      this.#pace.push(() => this.#put({ ...frame, id }));
    });
  }

  /** Resolves when there is a line, at once if there is one. */
  online(): Promise<void> {
    if (this.#state === 'online') return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #connect(token: string): void {
    const make = this.#hooks.socket ?? ((url) => new WebSocket(url, 'tebdil.v1'));
    const socket = make(this.#hooks.url);
    this.#socket = socket;
    let since = 0;
    this.#token = token;
    const late = setTimeout(() => this.#drop(), HELLO_MS);
    this.#left = () => {
      clearTimeout(late);
      if (since && Date.now() - since > GOOD_MS) this.#tries = 0;
    };
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'hello', token, ...this.#hooks.hello() }));
    };
    socket.onmessage = ({ data }) => {
      const frame = readFrame(data);
      if (typeof frame === 'string') return console.warn('passed over:', frame);
      if (this.#socket !== socket) return;
      this.#heard = Date.now();
      if (frame.type === 'welcome') {
        clearTimeout(late);
        since = Date.now();
        this.#welcomed(frame);
      }
      if (frame.type === 'draining' || (frame.type === 'error' && since === 0)) {
        this.#notBefore = Date.now() + (frame.retry_after_ms ?? 0);
      }
      this.#take(frame);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      const why = FINAL[code];
      if (why) return this.#end(why);
      if (code === 4001) this.#spent = this.#token;
      this.#drop();
    };
  }

  /** The line is lost, also where the browser would wait long for the other side to say so. */
  #drop(): void {
    if (!this.#socket) return;
    this.#abandon();
    this.#later();
  }

  #abandon(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#left();
    clearTimeout(this.#renewal);
    clearTimeout(this.#quiet);
    this.#pace.clear();
    for (const id of [...this.#answers.keys()]) this.#answer(id, LOST);
  }

  #welcomed(frame: ServerWelcomeFrame): void {
    this.#heartbeatMs = frame.heartbeat_s * 1000;
    this.#pace.limit(frame.limits.frames_per_second);
    this.#enter('online');
    this.#renewLater();
    this.#askLater(this.#heartbeatMs);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  // Answers do not wait for their turn: a handler that asks would wait for itself.
  #take(frame: ServerFrame): void {
    const { re } = frame as { re?: unknown };
    if (typeof re === 'number' && this.#answers.has(re)) {
      this.#answer(re, frame);
      if (frame.type === 'error' || frame.type === 'pong') return;
    }
    this.#turn = this.#turn
      .then(() => this.#hooks.frame(frame))
      // One frame that cannot be handled does not stop the others.
      .catch((error: Error) => console.error(`${frame.type} could not be handled:`, error.name));
  }

  #answer(id: number, frame: ServerFrame): void {
    const answer = this.#answers.get(id);
    this.#answers.delete(id);
    answer?.(frame);
  }

  /** A page does not see the server's pings: on a line that died silently it would wait for ever. */
  #askLater(ms: number): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      const silent = Date.now() - this.#heard;
      if (silent >= this.#heartbeatMs) void this.ask({ type: 'ping' });
      // The clock may have been set meanwhile.
      const pause = Math.max(this.#heartbeatMs - silent, this.#heartbeatMs / 2);
      this.#askLater(Math.min(pause, this.#heartbeatMs));
    }, ms);
  }

  #renewLater(): void {
    clearTimeout(this.#renewal);
    const left = Math.max(this.#hooks.tokenLasts() - TOKEN_EARLY_MS, TOKEN_AGAIN_MS);
    // Longer waits than a timer can hold are asked again.
    this.#renewal = setTimeout(() => void this.#renew(), Math.min(left, 2 ** 30));
  }

  async #renew(): Promise<void> {
    const token = await this.#hooks.token().catch(() => undefined);
    if (token === null) return this.#end('session');
    if (this.#state !== 'online') return;
    if (token && token !== this.#token && this.send({ type: 'token.refresh', token })) {
      this.#token = token;
    }
    this.#renewLater();
  }

  #later(): void {
    if (this.#over) return;
    this.#enter('offline');
    const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#tries++);
    const pause = Math.max(most * (0.5 + Math.random() / 2), this.#notBefore - Date.now());
    this.#tryIn(pause);
  }

  #tryIn(ms: number): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.open(), Math.min(ms, 2 ** 30));
  }

  #end(why: Ended): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#again);
    this.#abandon();
    this.#enter('offline');
    this.#hooks.ended(why);
  }

  #enter(state: LineState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#hooks.state(state);
  }

  #put(frame: object): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }
}

/** Keeps the frames of this side below what the server takes in a second. */
class Pace {
  #perSecond = 10;
  #queue: (() => void)[] = [];
  #sent: number[] = [];
  #timer: Timer | undefined;

  limit(perSecond: number): void {
    // A little less: the clocks of the two sides do not tick together.
    this.#perSecond = Math.max(1, Math.floor(perSecond * 0.8));
  }

  push(send: () => void): void {
    this.#queue.push(send);
    this.#flush();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#queue = [];
    this.#sent = [];
  }

  #flush(): void {
    const now = Date.now();
    this.#sent = this.#sent.filter((at) => now - at < 1_000);
    while (this.#queue.length && this.#sent.length < this.#perSecond) {
      this.#sent.push(now);
      this.#queue.shift()!();
    }
    if (!this.#queue.length || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, 1_000 - (now - this.#sent[0]!));
  }
}
