// Reports that wait for a moderator, made by users over the API.

import { randomInt } from 'node:crypto';
import { once } from 'node:events';

import { WebSocket } from 'ws';

import { eventually, inTime } from './waiting.mjs';

const REASONS = ['spam', 'harassment', 'threat', 'other', 'hate', 'underage', 'sexual_content'];

/** Somebody who only searches and reports. */
class Reporter {
  found = null;
  #server;
  #token;
  #socket;

  static async join(server, alias) {
    const one = new Reporter();
    one.#server = server;
    const phone = `+90535${randomInt(1_000_000, 9_999_999)}`;
    const person = { phone, password: 'yağmur yağıyor', alias, birth_date: '1990-05-17', accept_terms: true };
    const { tokens } = await server.call('POST', '/v1/auth/register', null, person);
    one.#token = tokens.access_token;
    await server.call('PUT', '/v1/keys', one.#token, { packages: ['AAAA'], last_resort: 'AAAC' });
    one.#socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/ws`, 'tebdil.v1');
    const welcome = new Promise((resolve) => {
      one.#socket.on('message', (data) => {
        const frame = JSON.parse(data.toString());
        if (frame.type === 'welcome') resolve();
        if (frame.type === 'match.found') one.found = frame.match;
      });
    });
    await inTime('a WebSocket', once(one.#socket, 'open'));
    one.#socket.send(JSON.stringify({ type: 'hello', token: one.#token }));
    await inTime('a welcome', welcome);
    return one;
  }

  find() {
    this.#socket.send(JSON.stringify({ type: 'match.find', mode: 'text' }));
  }

  report(reason, note) {
    return this.#server.call('POST', '/v1/reports', this.#token, { match_id: this.found.id, reason, note });
  }

  close() {
    this.#socket.terminate();
  }
}

/**
 * `many` reports of all reasons: the two of each pair report each other. `note` is what the n-th one writes, `alias` how
 * they are called.
 */
export async function reported(server, many, note = (n) => `report ${n}`, alias = (n) => `kisi_${n}`) {
  for (let n = 0; n < many; n += 2) {
    const pair = await Promise.all([n, n + 1].map((each) => Reporter.join(server, alias(each))));
    for (const one of pair) one.find();
    await eventually('two are matched', () => pair.every((one) => one.found));
    for (const [i, one] of pair.entries()) {
      if (n + i < many) await one.report(REASONS[(n + i) % REASONS.length], note(n + i));
    }
    for (const one of pair) one.close();
  }
}
