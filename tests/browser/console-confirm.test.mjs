// What destroys asks staff who they are, where they have not shown it lately. Here that is after seconds.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { PASSWORD } from './lib/client.mjs';
import { appoint, atConsole, shows, signIn, totp, violations } from './lib/console.mjs';
import { Server } from './lib/server.mjs';
import { eventually, pause } from './lib/waiting.mjs';

const timeout = 90_000;
const GOOD_MS = 4_000;
const ASKED = 'Confirm who you are';
let browser;
let server;
let chief;

before(async () => {
  browser = await Browser.start();
  server = await Server.start({ TEBDIL_LIMITS__ENABLED: 'false', TEBDIL_AUTH__CONFIRM_FOR_S: String(GOOD_MS / 1_000) });
  chief = await appoint(server, 'bas_admin', 'admin');
});

after(async () => {
  await browser?.close();
  await server?.close();
});

const sheet = (page, name) => page.getByRole('dialog', { name });
const press = (where, name) => where.getByRole('button', { name, exact: true }).click();
const focused = (page) =>
  page.evaluate(() => document.activeElement?.textContent.trim() || document.activeElement?.type);

/** An admin on somebody's page, whose sign-in is too long ago. */
async function longAgo(t, alias, user, code) {
  const admin = await appoint(server, alias, 'admin');
  const page = await atConsole(t, browser, server, `/people/${user.id}`, { colorScheme: 'dark' });
  await signIn(page, admin, await code?.(admin));
  await shows(page, user.handle.replace('#', ' ?#'));
  await pause(GOOD_MS);
  return { admin, page };
}

async function begin(page, deed) {
  await page.getByText('More', { exact: true }).click();
  await press(page, deed);
}

const found = ({ id }) => chief.api('GET', `/v1/admin/users/${id}`);

/** Who did this to somebody. */
async function record({ id }, action) {
  const { items } = await chief.api('GET', `/v1/admin/system-logs?user=${id}&action=${action}`);
  return items.map(({ actor_id }) => actor_id);
}

test('erasing somebody asks who it is, and is done once', { timeout }, async (t) => {
  const somebody = await appoint(server, 'gecici');
  const { admin, page } = await longAgo(t, 'silgi', somebody);
  const keys = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/erase')) keys.push(request.headers()['idempotency-key']);
  });
  await begin(page, 'Erase the account…');
  const deed = sheet(page, /^Erase /);
  await deed.getByLabel('Who asked for it, and how').fill('Ticket 17');
  await deed.getByRole('checkbox').check();
  await press(deed, 'Erase permanently');

  const asked = sheet(page, ASKED);
  await asked.waitFor();
  assert.equal(await focused(page), 'password');
  assert.deepEqual(await violations(page), []);
  await press(asked, 'Cancel');
  await deed.getByText('You did not confirm who you are. Nothing was done.').waitFor();
  assert.equal(await focused(page), 'Erase permanently');
  assert.equal((await found(somebody)).erased_at ?? null, null);

  await press(deed, 'Erase permanently');
  await press(asked, 'Confirm');
  await asked.getByText('Enter your password.').waitFor();
  await asked.getByLabel('Password', { exact: true }).fill('not that one');
  await press(asked, 'Confirm');
  await asked.getByText('The password is not right.').waitFor();
  assert.equal(await focused(page), 'password');
  assert.deepEqual(await violations(page), []);
  assert.equal((await found(somebody)).erased_at ?? null, null);
  await asked.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByText('The account is erased.').waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  assert.ok((await found(somebody)).erased_at);
  assert.deepEqual(await record(somebody, 'account_erased'), [admin.id]);
  // That which was given up is another one; that which was confirmed is the same.
  assert.equal(keys.length, 3);
  assert.equal(new Set(keys).size, 2);
  assert.equal(keys[1], keys[2]);
});

test('a role is changed after password and second factor', { timeout }, async (t) => {
  const somebody = await appoint(server, 'yeni_mod');
  let secret;
  const { admin, page } = await longAgo(t, 'titiz', somebody, async ({ api }) => {
    ({ secret } = await api('POST', '/v1/me/totp', { password: PASSWORD }));
    await api('POST', '/v1/me/totp/confirm', { code: totp(secret, -1) });
    return totp(secret);
  });
  await begin(page, 'Change the role…');
  const deed = sheet(page, /^Role of /);
  await deed.getByRole('radio', { name: /^moderator/ }).check();
  await press(deed, 'Save');
  const asked = sheet(page, ASKED);
  await asked.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await press(asked, 'Confirm');
  const code = asked.getByLabel('Verification code');
  await code.waitFor();
  assert.ok(await code.evaluate((input) => input === document.activeElement));
  await code.fill('000000');
  await press(asked, 'Confirm');
  await asked.getByText('The code is wrong.').waitFor();
  assert.equal((await found(somebody)).role, 'user');
  await code.fill(totp(secret, 1));
  await press(asked, 'Confirm');
  await page.getByText('The role is changed.').waitFor();
  assert.equal((await found(somebody)).role, 'moderator');
  assert.deepEqual(await record(somebody, 'role_changed'), [admin.id]);
  // What was typed is kept nowhere.
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).includes(PASSWORD));
});

test('a session that ends meanwhile is said, and nothing is done', { timeout }, async (t) => {
  const somebody = await appoint(server, 'sessiz');
  const { admin, page } = await longAgo(t, 'kapi', somebody);
  await begin(page, 'End the sessions…');
  await press(sheet(page, 'Sign out everywhere?'), 'End the sessions');
  const asked = sheet(page, ASKED);
  await asked.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await chief.api('POST', '/v1/admin/confirm', { password: PASSWORD });
  await chief.api('DELETE', `/v1/admin/users/${admin.id}/sessions`);
  await press(asked, 'Confirm');
  await shows(page, 'Sign in to the console');
  await page.getByText('Your session ended.').waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  assert.equal((await found(somebody)).counts.sessions, 1);
  assert.deepEqual(await violations(page), []);
});

test('whoever has just confirmed is not asked', { timeout }, async (t) => {
  const somebody = await appoint(server, 'terfi');
  const admin = await appoint(server, 'taze', 'admin');
  await server.restart(0, { TEBDIL_AUTH__CONFIRM_FOR_S: '600' });
  const page = await atConsole(t, browser, server, `/people/${somebody.id}`);
  await signIn(page, admin);
  await begin(page, 'Change the role…');
  await sheet(page, /^Role of /).getByRole('radio', { name: /^moderator/ }).check();
  await press(sheet(page, /^Role of /), 'Save');
  await page.getByText('The role is changed.').waitFor();
  await eventually('it is so', async () => (await found(somebody)).role === 'moderator');
});
