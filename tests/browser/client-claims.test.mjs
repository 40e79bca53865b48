// The right that a match cost, asked back in the web client.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, pair } from './lib/client.mjs';
import { focused, press } from './lib/keyboard.mjs';
import { moderator } from './lib/staff.mjs';
import { browser, server, stage } from './lib/stage.mjs';

// The server decides claims once a minute.
const timeout = 180_000;
const DECIDED = { timeout: 90_000 };

stage({ TEBDIL_CLAIMS__DAILY_CAP: '1' });

/** Leaves a chat. The other side sees the end once it can no longer be undone. */
async function leave({ page }, other) {
  await page.getByRole('button', { name: 'Leave', exact: true }).click();
  await other.page.locator('.after').waitFor();
}

const asked = (page) => page.getByRole('button', { name: 'Ask for it back' });

/** What is said at home about the searches that are left. */
async function left({ page }, count) {
  await page.goto(server.url);
  await page.locator('.rights').getByText(`${count} left today`, { exact: true }).waitFor();
}

test('a right comes back, and not a second one that day', { timeout }, async (t) => {
  const [ayse, berk] = await pair(browser, server);
  for (const side of [ayse, berk]) t.after(() => side.close());
  const staff = await moderator(server, 'yargic');
  const status = async () => (await staff('GET', '/claims')).items.map((claim) => claim.status);

  await ayse.say('is anybody there?');
  await berk.reads('is anybody there?');
  await leave(berk, ayse);
  const { page } = ayse;
  const chat = page.url();
  await page.getByText('The other person never wrote to you.').waitFor();
  // By keyboard alone. What was pressed goes, and focus is where the answer is.
  await press(page, /^Ask for it back$/);
  await page.getByRole('heading', { name: 'Your request is being looked at' }).waitFor();
  await focused(page, /^Your request is being looked at$/);
  assert.equal(await asked(page).count(), 0);
  assert.equal((await status()).length, 1);
  // Who left at once is not offered it. A reload forgets who left and what was said; the server does not.
  await berk.page.locator('a[href^="/chats/"]', { hasText: 'ayse_k' }).click();
  await berk.page.locator('.after').waitFor();
  assert.equal(await asked(berk.page).count(), 0);
  await berk.page.reload();
  await asked(berk.page).click();
  await berk.page.getByRole('alert').getByText('The other person wrote to you, so it is not given back.').waitFor();
  assert.equal((await status()).length, 1);

  const ceren = await Client.open(browser, server);
  t.after(() => ceren.close());
  await ceren.register('ceren_d');
  await page.goto(server.url);
  for (const side of [ayse, ceren]) await side.find.click();
  for (const side of [ayse, ceren]) await side.matched();
  await leave(ceren, ayse);
  await asked(page).click();
  await page.getByRole('alert').getByText(/^No more can be asked for today\./).waitFor();

  // Both were paid, and the first comes back, which the open page tells by itself.
  await page.goto(chat);
  await page.getByRole('heading', { name: 'You got it back' }).waitFor(DECIDED);
  await page.getByText('What this match cost was given back to you.').waitFor();
  assert.deepEqual(await status(), ['approved']);
  await left(ayse, 9);
  await left(berk, 9);
  await left(ceren, 9);
  await page.goto(`${server.url}/notifications`);
  await page.getByText('You got a match back: the other side did not answer.').first().waitFor();
});
