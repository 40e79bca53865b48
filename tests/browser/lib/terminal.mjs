// The Rust client in a terminal.

import { randomInt } from 'node:crypto';
import { dirname, join } from 'node:path';

import { Program } from './processes.mjs';
import { BINARY } from './server.mjs';
import { eventually } from './waiting.mjs';

/** Somebody new, signed in: what is typed is a command or a message. */
export async function terminal(server) {
  const who = ['--phone', `+90533${randomInt(1_000_000, 9_999_999)}`, '--alias', 'marti', '--birth-date', '1991-05-20'];
  const args = ['chat', '--ephemeral', '--lang', 'en', '--accept-terms', '--server', server.url, ...who];
  const env = { TEBDIL_PASSWORD: 'a long enough passphrase' };
  const program = new Program(join(dirname(BINARY), 'tebdil-client'), args, { env });
  await eventually(
    () => `the terminal is signed in, it said ${program.said}`,
    () => /marti#\d+/.test(program.said),
  );
  return program;
}
