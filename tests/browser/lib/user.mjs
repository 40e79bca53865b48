// A signed-in user: what any client does over REST and WebSocket.

import { once } from 'node:events';

import { WebSocket } from 'ws';

import { eventually, inTime } from './waiting.mjs';

let users = 0;

/** A user with a device and key packages. */
export class User {
  /** Every frame that came, as text. */
  received = [];
  /** Called with each frame that comes. */
  onFrame = () => {};
  #server;
  #token;
  #socket;
  #waiting = 0;

  /** Registers, puts keys and connects. */
  static async join(server, alias) {
    const user = new User();
    user.#server = server;
    users += 1;
    const phone = `+90530${String(users).padStart(7, '0')}`;
    const registration = { phone, password: 'yağmur yağıyor', alias, birth_date: '1990-05-17', accept_terms: true };
    const { tokens } = await server.call('POST', '/v1/auth/register', null, registration);
    user.#token = tokens.access_token;
    // Opaque to the server.
    await server.call('PUT', '/v1/keys', user.#token, { packages: ['AAAA', 'AAAB'], last_resort: 'AAAC' });
    await user.#connect();
    return user;
  }

  async #connect() {
    this.#socket = new WebSocket(`${this.#server.url.replace('http', 'ws')}/v1/ws`, 'tebdil.v1');
    this.#socket.on('message', (data) => {
      const text = data.toString();
      this.received.push(text);
      this.onFrame(JSON.parse(text));
    });
    await inTime('a WebSocket', once(this.#socket, 'open'));
    this.send({ type: 'hello', token: this.#token });
    await this.until('welcome');
  }

  /** Sends a frame. */
  send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  /** The next frame of this type after those that `until` returned before. */
  async until(type) {
    return eventually(`a frame ${type} comes`, () => {
      while (this.#waiting < this.received.length) {
        const frame = JSON.parse(this.received[this.#waiting]);
        this.#waiting += 1;
        if (frame.type === type) return frame;
        if (frame.type === 'error') throw new Error(`waiting for ${type}: ${frame.code}: ${frame.message}`);
      }
      return undefined;
    });
  }

  /** Every frame so far of this type. */
  all(type) {
    return this.received.map((text) => JSON.parse(text)).filter((frame) => frame.type === type);
  }

  /** What this user's side of a match needs to reach a relay. */
  iceServers(matchId) {
    return this.#server.call('POST', '/v1/rtc/ice-servers', this.#token, { match_id: matchId });
  }

  /** Leaves without a word. */
  close() {
    this.#socket.terminate();
  }
}
