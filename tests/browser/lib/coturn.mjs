// coturn with the configuration of the repository, as docker-compose.yml runs it, on an address of the test's own.

import { createSocket } from 'node:dgram';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Program, ownAddress } from './processes.mjs';
import { eventually } from './waiting.mjs';

const PROGRAM = process.env.TEBDIL_TEST_TURNSERVER || '';
const CONFIGURATION = new URL('../../../coturn/turnserver.conf', import.meta.url);

/** Why tests with coturn cannot run here, if they cannot and need not. */
export const noCoturn = !PROGRAM && process.env.REQUIRE_SERVICES !== '1' && 'TEBDIL_TEST_TURNSERVER is not set';

/** A running coturn. */
export class Coturn {
  address = ownAddress();
  port = randomInt(20_000, 30_000);
  secret = randomBytes(16).toString('hex');
  /** What it gives out, as the configuration says. */
  ports;
  #program;
  #folder;

  /** Starts it and waits until it answers. */
  static async start() {
    if (!PROGRAM) throw new Error('REQUIRE_SERVICES=1, but TEBDIL_TEST_TURNSERVER is not set');
    const coturn = new Coturn();
    coturn.#folder = await mkdtemp(join(tmpdir(), 'tebdil-coturn-'));
    const configuration = await readFile(CONFIGURATION, 'utf8');
    const port = (name) => new RegExp(`^${name}=(\\d+)$`, 'm').exec(configuration)[1];
    coturn.ports = `${port('min-port')}-${port('max-port')}`;
    const file = join(coturn.#folder, 'turnserver.conf');
    const address = coturn.address;
    const settings = [
      // As docker-compose.yml adds them.
      'realm=localhost',
      `static-auth-secret=${coturn.secret}`,
      `listening-ip=${address}`,
      `relay-ip=${address}`,
      `allowed-peer-ip=${address}`,
      // Of this test.
      'allow-loopback-peers',
      `userdb=${join(coturn.#folder, 'turndb')}`,
      `pidfile=${join(coturn.#folder, 'pid')}`,
      '',
    ];
    const text = configuration.replace(/^listening-port=.*$/m, `listening-port=${coturn.port}`);
    await writeFile(file, `${text}\n${settings.join('\n')}`, { mode: 0o600 });
    coturn.#program = new Program(PROGRAM, ['-c', file], { cwd: coturn.#folder, env: { PATH: process.env.PATH } });
    try {
      await eventually('coturn answers', () => {
        if (coturn.#program.ended) throw new Error('coturn ended');
        return answers(address, coturn.port);
      });
    } catch (error) {
      error.message += `\ncoturn said:\n${coturn.#program.said}`;
      await coturn.close();
      throw error;
    }
    return coturn;
  }

  /** Where clients reach it. */
  url(transport) {
    return `turn:${this.address}:${this.port}?transport=${transport}`;
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

/** Whether somebody answers a STUN Binding request (RFC 8489) within 200 ms. */
function answers(address, port) {
  const request = Buffer.concat([Buffer.from('000100002112a442', 'hex'), randomBytes(12)]);
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    const finish = (answered) => {
      clearTimeout(timer);
      socket.close();
      resolve(answered);
    };
    const timer = setTimeout(finish, 200, false);
    socket.once('message', () => finish(true));
    socket.once('error', () => finish(false));
    socket.send(request, port, address);
  });
}
