// The web client, as people use it: two profiles of Chromium and the real server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { pair } from './lib/client.mjs';
import { Server } from './lib/server.mjs';

const timeout = 90_000;
let browser;
let server;

before(async () => {
  browser = await Browser.start();
  server = await Server.start();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Two who have just met; what went wrong in their pages fails the test. */
async function met(t, options) {
  const sides = await pair(browser, server, options);
  for (const side of sides) t.after(() => side.close());
  return sides;
}

/** The safety number that the screen of a side shows. */
async function safetyNumber({ page }) {
  await page.locator('button.peer').click();
  const number = await page.locator('.six').getAttribute('aria-label');
  await page.getByRole('button', { name: 'Done' }).click();
  return number;
}

test('two strangers meet, talk, compare numbers and part', { timeout }, async (t) => {
  const [ayse, berk] = await met(t);
  await ayse.say('Good evening');
  await berk.reads('Good evening');
  await berk.say('Hello to you');
  await ayse.shows(['Good evening', 'Hello to you']);

  const [mine, theirs] = [await safetyNumber(ayse), await safetyNumber(berk)];
  assert.match(mine, /\d{5}/);
  assert.equal(mine, theirs);

  await ayse.page.getByRole('button', { name: 'Leave', exact: true }).click();
  await berk.page.locator('.after').waitFor();
  assert.doesNotMatch(server.log, /Good evening|Hello to you|\+90532/);
});

test('a reload in the middle of a chat loses nothing', { timeout }, async (t) => {
  const [ayse, berk] = await met(t);
  await ayse.say('one');
  await berk.say('two');
  await ayse.shows(['one', 'two']);
  await ayse.page.reload();
  await ayse.shows(['one', 'two']);
  await ayse.say('three');
  await berk.shows(['one', 'two', 'three']);
});

test('what is typed without a line is sent once', { timeout }, async (t) => {
  const [ayse, berk] = await met(t);
  await ayse.say('before');
  await berk.reads('before');
  await ayse.offline(true);
  await ayse.say('meanwhile');
  await berk.say('from the other side');
  await ayse.page.reload().catch(() => {});
  await ayse.offline(false);
  await berk.shows(['before', 'from the other side', 'meanwhile']);
  await ayse.say('after');
  await berk.shows(['before', 'from the other side', 'meanwhile', 'after']);
  assert.deepEqual((await ayse.log()).length, 4);
});
