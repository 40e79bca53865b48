// The web client by keyboard alone. Only who is there to be met may use a mouse.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';

import { Client, PASSWORD, pair } from './lib/client.mjs';
import { focused, press, reach, register, write } from './lib/keyboard.mjs';
import { moderator } from './lib/staff.mjs';
import { browser, server, stage } from './lib/stage.mjs';

const timeout = 90_000;

stage();

const anybody = /^Who will you meet today\?$/;
// At the head of a chat, after whether the other one is here.
const peer = /berk_t#\d{4}/;

async function somebody(t, options) {
  const client = await Client.open(browser, server, options);
  t.after(() => client.close());
  return client;
}

async function met(t) {
  const sides = await pair(browser, server);
  for (const side of sides) t.after(() => side.close());
  return sides;
}

/** Registers, and ends at home. */
async function registered(page, phone) {
  await register(page, server, phone, 'ayse_k');
  await focused(page, anybody);
}

test('somebody registers, searches, cancels and meets', { timeout }, async (t) => {
  // So small that what stays below takes a good part of it.
  const [ayse, berk] = [await somebody(t, { viewport: { width: 320, height: 568 } }), await somebody(t)];
  const { page } = ayse;
  await registered(page, `+90533${randomInt(1_000_000, 9_999_999)}`);

  await press(page, /^Who should it be\?/);
  await press(page, /^coffee/);
  await focused(page, /^coffee ?remove$/);
  await page.keyboard.press('Enter');
  await focused(page, /add$/);
  await press(page, /^Find someone$/);
  await focused(page, /^Looking for someone$/);
  await press(page, /^Cancel$/);
  await focused(page, anybody);

  await berk.register('berk_t');
  await berk.find.click();
  await berk.page.waitForURL(/searching$/);
  await press(page, /^Find someone$/);
  await focused(page, /^Chat with .?berk_t/);
  await write(page, /^Your message$/, 'typed without a mouse');
  await page.keyboard.press('Enter');
  await berk.reads('typed without a mouse');

  await press(page, peer);
  await page.getByRole('dialog').waitFor();
  await press(page, /^Leave$/);
  await focused(page, /^Chats$/);
  await berk.page.locator('.after').waitFor();
});

test('Escape closes a sheet and goes back to its opener', { timeout }, async (t) => {
  const [{ page }] = await met(t);
  const sheet = page.getByRole('dialog');
  const safety = /^End-to-end encrypted\. Safety number$/;
  await press(page, safety);
  await focused(page, /^Safety number$/);
  await sheet.locator('.six').waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  await focused(page, safety);

  // The second of two sheets: its opener went with the first one.
  await press(page, peer);
  await focused(page, /^This person$/);
  await press(page, /^Safety number/);
  await focused(page, /^Safety number$/);
  // Nothing behind it is reached.
  await assert.rejects(reach(page, /^Your message$/), /not reached by Tab/);
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  await focused(page, peer);
});

test('a report with chosen messages, and a block', { timeout }, async (t) => {
  const [ayse, berk] = await met(t);
  const { page } = ayse;
  const said = ['the first line', 'the second line', 'the third line'];
  for (const text of said) {
    await berk.say(text);
    await ayse.reads(text);
  }
  await press(page, peer);
  await press(page, /^Report/);
  await focused(page, /^Report$/);
  await press(page, /^Harassment$/, 'Space');
  await page.keyboard.press('ArrowRight');
  await focused(page, /^Threat$/);
  await press(page, /^the second line/, 'Space');
  await write(page, /^Note/, 'only these two');
  await press(page, /^Report and block$/);
  const sheet = page.getByRole('dialog');
  await focused(page, /^Your report has arrived$/);
  await press(page, /^Done$/);
  await sheet.waitFor({ state: 'detached' });
  await focused(page, peer);
  await berk.page.locator('.after').waitFor();

  const staff = await moderator(server, 'yargic');
  const { items } = await staff('GET', '/reports');
  const report = await staff('GET', `/reports/${items[0].id}`);
  assert.deepEqual(
    [items.length, report.reason, report.note, report.evidence.map(({ text }) => text)],
    [1, 'threat', 'only these two', ['the first line', 'the third line']],
  );

  await press(page, /^Back to chats$/);
  await press(page, /^Account$/);
  await focused(page, /^ayse_k#/);
  await press(page, /^Blocked people$/);
  await focused(page, /^Blocked people$/);
  await press(page, /^Unblock$/);
  await focused(page, /^Blocked people$/);
  await press(page, /^Undo/);
  await reach(page, /^Unblock$/);
});

test('a chat that moves in the list keeps focus', { timeout }, async (t) => {
  const [{ page }, berk] = await met(t);
  for (const alias of ['ceren_d', 'deniz_e']) {
    const next = await somebody(t);
    await next.register(alias);
    await press(page, /^Back to chats$/);
    await press(page, /^Find$/);
    await press(page, /^Find someone$/);
    await next.find.click();
    await focused(page, new RegExp(`^Chat with .?${alias}`));
    await next.matched();
  }
  await press(page, /^Back to chats$/);
  // The last of three.
  await reach(page, /berk_t/);
  await berk.say('first now');
  const first = page.getByRole('main').locator('.rows a').first();
  await first.filter({ hasText: 'berk_t' }).filter({ hasText: 'first now' }).waitFor();
  await focused(page, /berk_t/);
  await page.keyboard.press('Enter');
  await focused(page, /^Chat with .?berk_t/);
});

test('interests, sign out, sign in, and a deleted account', { timeout }, async (t) => {
  const client = await somebody(t);
  const { page } = client;
  const phone = `+90533${randomInt(1_000_000, 9_999_999)}`;
  await registered(page, phone);
  await press(page, /^Account$/);
  await focused(page, /^ayse_k#/);
  await press(page, /^Interests/);
  await focused(page, /^Interests$/);
  for (const interest of ['Coffee', 'Cinema']) {
    await write(page, /^Interest$/, interest);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: new RegExp(`^${interest}`, 'i') }).waitFor();
  }
  // What was pressed is gone, and its neighbour has focus; after the last one the heading has.
  await press(page, /^coffee/);
  await focused(page, /^cinema/);
  await page.keyboard.press('Enter');
  await focused(page, /^Interests$/);
  await write(page, /^Interest$/, 'Music');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /^music/ }).waitFor();
  await press(page, /^Back$/);
  await focused(page, /^ayse_k#/);

  await press(page, /^Notifications/);
  await focused(page, /^Notifications$/);
  const saved = page.waitForResponse((response) => response.request().method() === 'PATCH');
  await press(page, /^Claims$/, 'Space');
  assert.ok((await saved).ok());
  await focused(page, /^Claims$/);
  await page.reload();
  await reach(page, /^Claims$/);
  assert.equal(await page.getByRole('switch', { name: 'Claims' }).isChecked(), false);
  await press(page, /^Back$/);
  await focused(page, /^ayse_k#/);

  await press(page, /^Sign out/);
  await focused(page, /^Sign out\?$/);
  await press(page, /^Sign out$/);
  await focused(page, /^Talk with somebody/);
  await press(page, /^I have an account$/);
  await focused(page, /^Welcome back$/);
  await write(page, /^Mobile number$/, phone);
  await write(page, /^Password$/, `not ${PASSWORD}`);
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await press(page, /^Password$/, 'Control+a');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await focused(page, anybody);

  await press(page, /^Account$/);
  await reach(page, /^Interests music$/);
  await press(page, /^Delete account/);
  await focused(page, /^Delete account$/);
  await press(page, /^Delete my account$/);
  await page.getByText('Tick this to go on.').waitFor();
  await write(page, /^Current password$/, PASSWORD);
  await press(page, /^I understand/, 'Space');
  await press(page, /^Delete my account$/);
  await page.getByRole('link', { name: 'Get started' }).waitFor();
  await press(page, /^I have an account$/);
  await write(page, /^Mobile number$/, phone);
  await write(page, /^Password$/, PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
});
