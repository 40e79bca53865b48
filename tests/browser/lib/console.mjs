// Somebody of the staff, and their browser at the console.

import { createHmac, randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { Client, PASSWORD } from './client.mjs';

/** Registers, and is appointed. */
export async function appoint(server, alias, role) {
  const phone = `+90537${randomInt(1_000_000, 9_999_999)}`;
  const person = { phone, password: PASSWORD, alias, birth_date: '1985-03-04', accept_terms: true };
  const { user, tokens } = await server.call('POST', '/v1/auth/register', null, person);
  if (role) await server.admin('grant', '--role', role, phone);
  const api = (method, path, body) => server.call(method, path, tokens.access_token, body);
  return { phone, id: user.id, handle: user.handle, role, api };
}

/** The code that an app shows for a secret (RFC 6238), some steps of 30 s from now. */
export function totp(secret, steps = 0) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac('sha1', key).update(counter).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** Opens an address of the console in a browser of its own, in English. */
export async function atConsole(t, browser, server, path = '', options = {}) {
  const client = await Client.open(browser, server, { viewport: { width: 1280, height: 800 }, ...options });
  t.after(() => client.close());
  await client.page.goto(`${server.url}/admin${path}`);
  return client.page;
}

/** Types phone and password, and presses, in either language. */
export async function signIn(page, { phone }, code) {
  await page.getByLabel(/^(Mobile number|Cep telefonu)$/).fill(phone);
  await page.getByLabel(/^(Password|Parola)$/).fill(PASSWORD);
  await page.getByRole('button', { name: /^(Sign in|Giriş yap)$/ }).click();
  if (code === undefined) return;
  await page.getByLabel('Verification code').fill(code);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Waits until a page of the console has this heading; that of a queue has its number, too. */
export const shows = (page, heading) =>
  page.getByRole('heading', { level: 1, name: new RegExp(`^${heading}( \\d+)?$`) }).waitFor();

/** What axe finds wrong with the page. */
export async function violations(page) {
  const axe = new URL('../../../web/node_modules/axe-core/axe.min.js', import.meta.url);
  await page.evaluate(await readFile(axe, 'utf8'));
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}
