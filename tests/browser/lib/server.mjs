// The server: the real binary, on a database and a port of its own.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Program, ownAddress } from './processes.mjs';
import { eventually, pause } from './waiting.mjs';

export const BINARY = process.env.TEBDIL_TEST_SERVER || fileURLToPath(new URL('../../../target/debug/tebdil', import.meta.url));

/** A running server. */
export class Server {
  /** Where clients go. */
  url;
  /** The address of its relay, which nothing else has. */
  relay;
  #program;
  #folder;
  #env;

  /** Starts it without calls. */
  static async start(settings = {}) {
    return new Server().#start({ TEBDIL_RELAY__EMBEDDED: 'false', ...settings });
  }

  /** Starts it with an embedded relay, and waits until it is ready. */
  static async withRelay(settings = {}) {
    const server = new Server();
    server.relay = ownAddress();
    return server.#start({ TEBDIL_RELAY__LISTEN: `${server.relay}:0`, ...settings });
  }

  /** Starts it for a relay that runs elsewhere. */
  static async withCoturn(coturn, urls) {
    const server = new Server();
    server.relay = coturn.address;
    return server.#start({
      TEBDIL_RELAY__EMBEDDED: 'false',
      TEBDIL_RELAY__URLS: urls.join(','),
      TEBDIL_RELAY__OTHERS: `${coturn.address}:${coturn.ports}`,
      TEBDIL_SECRETS__RELAY_SECRET: coturn.secret,
    });
  }

  async #start(settings) {
    this.#folder = await mkdtemp(join(tmpdir(), 'tebdil-browser-'));
    this.#env = {
      TEBDIL_DATA_DIR: join(this.#folder, 'data'),
      TEBDIL_HTTP__LISTEN: '127.0.0.1:0',
      TEBDIL_METRICS__LISTEN: '',
      TEBDIL_AUTH__BCRYPT_COST: '4',
      TEBDIL_LOG: 'info',
      ...settings,
    };
    return this.#run();
  }

  async #run() {
    this.#program = new Program(BINARY, [], { cwd: this.#folder, env: this.#env });
    try {
      // Its first line ends with the address.
      this.url = await eventually('the server says where it is', () => {
        if (this.#program.ended) throw new Error('the server ended');
        return /(http:\/\/127\.0\.0\.1:\d+)\s/.exec(this.#program.said)?.[1];
      });
      await eventually('the server is ready', async () => (await fetch(`${this.url}/readyz`)).ok);
    } catch (error) {
      error.message += `\n${BINARY} said:\n${this.#program.said}`;
      await this.close();
      throw error;
    }
    return this;
  }

  /** Kills it (SIGKILL), and starts it again at its address after `down` milliseconds, with these settings changed. */
  async restart(down, settings = {}) {
    await this.#program.kill();
    await pause(down);
    Object.assign(this.#env, settings, { TEBDIL_HTTP__LISTEN: new URL(this.url).host });
    await this.#run();
  }

  /** Everything it printed since it was started last. */
  get log() {
    return this.#program.said;
  }

  /** Sends JSON and returns what is answered; anything but success is an error. */
  async call(method, path, token, body) {
    const headers = { 'content-type': 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    const response = await fetch(this.url + path, { method, headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** What its operator does at the command line: `tebdil admin …`. */
  async admin(...args) {
    await promisify(execFile)(BINARY, ['admin', ...args], { cwd: this.#folder, env: this.#env });
  }

  /** Ends it, and removes what it wrote. */
  async close() {
    try {
      await this.#program.end();
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }
}
