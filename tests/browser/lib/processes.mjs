// Programs that end with the test, however it ends.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';

import { inTime } from './waiting.mjs';

/** An address of this machine that nobody else uses: what it and another one say cannot be mixed up. */
export const ownAddress = () => `127.${randomInt(64, 127)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;

/** A running program. */
export class Program {
  #child;
  #said = '';

  /** Starts it with exactly this environment. The kernel ends it if this process is killed. */
  constructor(program, args, { cwd, env = {} }) {
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    // What is written to a program that has ended is lost, as from a keyboard.
    this.#child.stdin.on('error', () => {});
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        this.#said += text;
      });
    }
    this.#child.on('error', (error) => {
      this.#said += error.message;
    });
  }

  /** Types a line. */
  type(line) {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Everything it printed. */
  get said() {
    return this.#said;
  }

  /** Whether it is over. */
  get ended() {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Kills it outright (SIGKILL) and waits until it is gone. */
  async kill() {
    if (this.ended) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** Ends it and waits until it is gone. */
  async end() {
    if (this.ended) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    try {
      await inTime('the end of a program', gone, 15_000);
    } catch (error) {
      this.#child.kill('SIGKILL');
      await gone;
      throw error;
    }
  }
}
