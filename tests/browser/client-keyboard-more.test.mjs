// The web client by keyboard alone: what is not done every day, and what needs a server with other settings.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { Client, PASSWORD } from './lib/client.mjs';
import { focused, press, reach, register, signIn, write } from './lib/keyboard.mjs';
import { Server } from './lib/server.mjs';
import { moderator } from './lib/staff.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 120_000;
const UNLIMITED = { TEBDIL_LIMITS__ENABLED: 'false' };
const anybody = /^Who will you meet today\?$/;
let browser;

before(async () => {
  browser = await Browser.start();
});

after(() => browser?.close());

/** The server of a test. */
async function serving(t, starting) {
  const server = await starting;
  t.after(() => server.close());
  return server;
}

async function somebody(t, server, options) {
  const client = await Client.open(browser, server, options);
  t.after(() => client.close());
  return client;
}

const number = () => `+90533${randomInt(1_000_000, 9_999_999)}`;

/** Registers, and ends at home. */
async function registered(page, server, phone = number()) {
  await register(page, server, phone, 'ayse_k');
  await focused(page, anybody);
}

/** Signs out, from a page with the ways about. */
async function signOut(page) {
  await press(page, /^Account$/);
  await focused(page, /^ayse_k#/);
  await press(page, /^Sign out/);
  await focused(page, /^Sign out\?$/);
  await press(page, /^Sign out$/);
  await focused(page, /^Talk with somebody/);
}

/** Keeps the file that a press brings. */
async function downloaded(page) {
  const [file] = await Promise.all([page.waitForEvent('download'), press(page, /^Download my data$/)]);
  await page.getByText('Downloaded.').waitFor();
  await focused(page, /^Download my data$/);
  return JSON.parse(await readFile(await file.path(), 'utf8'));
}

test('a video call, from the search to the end', { timeout }, async (t) => {
  const server = await serving(t, Server.withRelay(UNLIMITED));
  const [{ page }, berk] = [await somebody(t, server), await somebody(t, server)];
  await registered(page, server);
  await press(page, /^Text$/, 'ArrowRight');
  await focused(page, /^Video$/);
  await press(page, /^Find someone$/);
  await focused(page, /^Camera and sound$/);
  await page.locator('video.preview').waitFor();
  await press(page, /^Find someone$/);
  await focused(page, /^Looking for someone$/);

  await berk.register('berk_t');
  await berk.page.getByRole('radio', { name: 'Video' }).click();
  await berk.find.click();
  await berk.page.locator('video.preview').waitFor();
  await berk.find.click();
  await focused(page, /^berk_t#\d{4}$/);
  await page.getByText(/^Connected/).waitFor();

  await press(page, /^Mute$/);
  await focused(page, /^Unmute$/);
  await page.keyboard.press('Enter');
  await focused(page, /^Mute$/);
  const own = page.locator('.self-view');
  await press(page, /^Turn the camera off$/, 'Space');
  await own.waitFor({ state: 'detached' });
  await focused(page, /^Turn the camera on$/);
  await page.keyboard.press('Space');
  await own.waitFor();
  await focused(page, /^Turn the camera off$/);
  await press(page, /^Move your picture/);
  await page.locator('.self-view.left').waitFor();

  const sheet = page.getByRole('dialog');
  await press(page, /^Report$/);
  await sheet.waitFor();
  await reach(page, /^Cancel$/);
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  await focused(page, /^Report$/);

  await press(page, /^End the call$/);
  await focused(page, /^Chat with .?berk_t/);
  await eventually('the other side is out of it', () => /\/chats\/\d+$/.test(berk.page.url()));
});

test('a camera that was refused is asked for again', { timeout }, async (t) => {
  const server = await serving(t, Server.withRelay(UNLIMITED));
  const { page, context } = await somebody(t, server);
  await context.addInitScript(() => {
    let refusals = 1;
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (wished) =>
      refusals-- > 0 ? Promise.reject(new DOMException('no', 'NotAllowedError')) : real(wished);
  });
  await registered(page, server);
  await press(page, /^Text$/, 'ArrowRight');
  await press(page, /^Find someone$/);
  await page.getByRole('alert').waitFor();
  await press(page, /^Try again$/);
  await page.locator('video.preview').waitFor();
  await focused(page, /^Camera and sound$/);
  await press(page, /^Find someone$/);
  await focused(page, /^Looking for someone$/);
});

test('a ban, an appeal and the way back', { timeout }, async (t) => {
  const server = await serving(t, Server.start(UNLIMITED));
  const { page } = await somebody(t, server);
  const phone = number();
  await registered(page, server, phone);
  const [one, other] = [await moderator(server, 'yargic'), await moderator(server, 'hakem')];
  const [{ id }] = (await one('GET', '/users?query=ayse_k')).items;
  await one('POST', `/users/${id}/ban`, { reason: 'an insult' });
  await focused(page, /^Your account is banned/);
  await press(page, /^Sign in$/);
  await signIn(page, phone, PASSWORD);
  await focused(page, /^Your account is banned/);
  await page.getByText('an insult').waitFor();
  await press(page, /^Send the appeal$/);
  await page.getByText('Write what happened.').waitFor();
  await write(page, /^What happened\?$/, 'It was a line from a film.');
  await press(page, /^Send the appeal$/);
  await focused(page, /^Your appeal is waiting$/);

  const [appeal] = (await other('GET', '/appeals')).items;
  assert.equal(appeal.text, 'It was a line from a film.');
  await other('POST', `/appeals/${appeal.id}/decide`, { decision: 'lift', note: 'a film indeed' });
  await press(page, /^Look again$/);
  await focused(page, /^Your ban was lifted$/);
  await press(page, /^Sign in$/);
  await signIn(page, phone, PASSWORD);
  await focused(page, anybody);
});

test('new terms: the ways out, and consent', { timeout }, async (t) => {
  const server = await serving(t, Server.start(UNLIMITED));
  const { page } = await somebody(t, server);
  await registered(page, server);
  await server.restart(0, { TEBDIL_LEGAL__TERMS_VERSION: '2' });
  const changed = /^The terms have changed$/;
  await focused(page, changed);
  for (const paper of [/^Terms of use$/, /^Community rules$/, /^Privacy notice$/]) await reach(page, paper);

  await press(page, /^Download my data$/);
  await focused(page, /^Download my data$/);
  assert.equal((await downloaded(page)).account.terms_version, 1);
  await press(page, /^Back$/);
  await focused(page, changed);
  await press(page, /^Delete my account$/);
  await focused(page, /^Delete account$/);
  await press(page, /^Back$/);
  await focused(page, changed);

  await press(page, /^I accept$/);
  await focused(page, anybody);
  await page.reload();
  await reach(page, /^Find someone$/);
});

test('the data of an account is taken along', { timeout }, async (t) => {
  const server = await serving(t, Server.start(UNLIMITED));
  const { page } = await somebody(t, server);
  await registered(page, server);
  await press(page, /^Account$/);
  await focused(page, /^ayse_k#/);
  await press(page, /^Download my data/);
  await focused(page, /^Download my data$/);
  assert.equal((await downloaded(page)).account.alias, 'ayse_k');
  await press(page, /^Back$/);
  await focused(page, /^ayse_k#/);
});

test('name, languages, place and an invitation', { timeout }, async (t) => {
  const server = await serving(t, Server.start(UNLIMITED));
  const here = { geolocation: { latitude: 41, longitude: 29 }, permissions: ['geolocation'] };
  const { page } = await somebody(t, server, here);
  await registered(page, server);
  await press(page, /^Account$/);
  await press(page, /^Change name$/);
  await focused(page, /^Your name$/);
  await press(page, /^Alias$/, 'Control+a');
  await page.keyboard.type('kediadam');
  await page.keyboard.press('Enter');
  await focused(page, /^kediadam#/);

  await press(page, /^Languages you speak/);
  await focused(page, /^Languages you speak$/);
  await press(page, /^German/, 'Space');
  await page.getByRole('button', { name: /^German/, pressed: true }).waitFor();
  await focused(page, /^German/);
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: /^German/, pressed: false }).waitFor();
  await focused(page, /^German/);
  await press(page, /^Back$/);
  await focused(page, /^kediadam#/);

  await press(page, /^Approximate place/);
  await press(page, /^Save where I am$/);
  await page.getByText('Your place was saved.').waitFor();
  await focused(page, /^Save where I am$/);
  await press(page, /^Delete the saved place$/);
  await page.getByText('The saved place was deleted.').waitFor();
  await press(page, /^Back$/);
  await focused(page, /^kediadam#/);

  await press(page, /^Invite/);
  await focused(page, /^Invite people$/);
  await reach(page, /^Copy$/);
  await write(page, /^Phone$/, number());
  await page.keyboard.press('Enter');
  await page.getByText('By phone').waitFor();
  await focused(page, /^Phone$/);
});

test('other devices end, and a new password', { timeout }, async (t) => {
  const server = await serving(t, Server.start(UNLIMITED));
  const { page } = await somebody(t, server);
  const phone = number();
  await registered(page, server, phone);
  for (const name of ['one', 'two', 'three']) {
    const device = { name, platform: 'ios' };
    await server.call('POST', '/v1/auth/login', null, { phone, password: PASSWORD, device });
  }
  await press(page, /^Account$/);
  await press(page, /^Devices$/);
  await focused(page, /^Devices$/);
  await press(page, /^End: two$/);
  await focused(page, /^End: (one|three)$/);
  await press(page, /^End all others$/);
  await focused(page, /^Devices$/);
  await page.getByRole('button', { name: /^End/ }).first().waitFor({ state: 'detached' });
  await press(page, /^Back$/);
  await focused(page, /^ayse_k#/);

  const next = 'another long passphrase';
  await press(page, /^Password$/);
  await write(page, /^Current password$/, PASSWORD);
  await write(page, /^New password$/, next);
  await page.keyboard.press('Enter');
  await focused(page, /^ayse_k#/);
  await press(page, /^Find$/);
  await focused(page, anybody);
  await signOut(page);
  await press(page, /^I have an account$/);
  await signIn(page, phone, next);
  await focused(page, anybody);
});

test('a search that goes on in the background', { timeout }, async (t) => {
  const server = await serving(t, Server.start(UNLIMITED));
  const { page } = await somebody(t, server);
  await registered(page, server);
  await press(page, /^Find someone$/);
  await press(page, /^Tell me when found$/);
  await page.getByText(/^The search goes on/).waitFor();
  await focused(page, /^Looking for someone$/);
  await press(page, /^Cancel$/);
  await focused(page, anybody);
});

/** A server that writes the codes to its log. */
const sending = { ...UNLIMITED, TEBDIL_VERIFICATION__SENDER: 'log', TEBDIL_VERIFICATION__UNSAFE_ALLOW_LOG: 'true' };

/** The newest code, when this many were sent. */
const code = (server, count) => eventually(`${count} codes are sent`, () => {
  const codes = [...server.log.matchAll(/your code is (\d{6})/g)];
  return codes.length === count && codes.at(-1)[1];
});

test('a code for a new account, sent again', { timeout }, async (t) => {
  const server = await serving(t, Server.start({ ...sending, TEBDIL_VERIFICATION__PHONE: 'true' }));
  const { page } = await somebody(t, server);
  // Its time passes as ours does, but can be moved on.
  await page.clock.install();
  await register(page, server, number(), 'ayse_k', /^Send the code$/);
  await focused(page, /^Enter the code$/);
  await code(server, 1);
  await page.clock.fastForward(61_000);
  await press(page, /^Send again$/);
  await code(server, 2);
  await focused(page, /^Enter the code$/);
  await press(page, /^Correct the number$/);
  await focused(page, /^Your phone$/);
  await press(page, /^Continue$/);
  await focused(page, /^Your name here$/);
  await press(page, /^Continue$/);
  await focused(page, /^Your password$/);
  await press(page, /^Send the code$/);
  await focused(page, /^Enter the code$/);
  // The last digit confirms: no button is needed.
  const right = await code(server, 3);
  await write(page, /^Code$/, right === '000000' ? '000001' : '000000');
  await page.getByText('The code is wrong or too old.').waitFor();
  await focused(page, /^Code$/);
  await page.keyboard.press('Control+a');
  await page.keyboard.type(right);
  await focused(page, anybody);
});

test('a code for a new password', { timeout }, async (t) => {
  const server = await serving(t, Server.start(sending));
  const { page } = await somebody(t, server);
  const phone = number();
  await registered(page, server, phone);
  await signOut(page);
  await press(page, /^I have an account$/);
  await press(page, /^I forgot my password$/);
  await focused(page, /^A new password$/);
  await write(page, /^Mobile number$/, phone);
  await page.keyboard.press('Enter');
  const next = 'another long passphrase';
  await page.getByText(/a code of six digits was sent to it/).waitFor();
  await focused(page, /^A new password$/);
  await write(page, /^Code$/, await code(server, 1));
  await write(page, /^New password$/, next);
  await press(page, /^Change the password$/);
  await signIn(page, phone, next);
  await focused(page, anybody);
});
