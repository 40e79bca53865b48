// The web client in other ways than with a mouse, in English, on one phone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { Client, pair } from './lib/client.mjs';
import { Server } from './lib/server.mjs';

const timeout = 90_000;
let browser;
let server;

before(async () => {
  browser = await Browser.start();
  server = await Server.start({ TEBDIL_LIMITS__ENABLED: 'false' });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** Tabs to what has this name, as somebody without a mouse does. */
async function reach(page, name) {
  const heard = [];
  for (let times = 0; times < 60; times += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const { activeElement: one } = document;
      if (one === document.body) return '';
      const labels = [...(one.labels ?? [])].map((label) => label.textContent).join(' ');
      return (one.getAttribute('aria-label') ?? (labels || one.textContent)).trim();
    });
    heard.push(at);
    if (name.test(at)) return;
  }
  throw new Error(`${name} is not reached by Tab, only ${[...new Set(heard)].join(' | ')}`);
}

test('two talk and part by keyboard alone', { timeout }, async (t) => {
  const sides = [];
  for (const alias of ['ayse_k', 'berk_t']) {
    const side = await Client.open(browser, server);
    t.after(() => side.close());
    await side.register(alias);
    sides.push(side);
  }
  for (const { page } of sides) {
    await reach(page, /^Find someone$/);
    await page.keyboard.press('Enter');
  }
  const [ayse, berk] = sides;
  for (const side of sides) await side.matched();
  await reach(ayse.page, /^Your message$/);
  await ayse.page.keyboard.type('typed without a mouse');
  await reach(ayse.page, /^Send$/);
  await ayse.page.keyboard.press('Enter');
  await berk.reads('typed without a mouse');

  await reach(ayse.page, /berk_t/);
  await ayse.page.keyboard.press('Enter');
  await ayse.page.getByRole('dialog').waitFor();
  await reach(ayse.page, /^Leave$/);
  await ayse.page.keyboard.press('Enter');
  await berk.page.locator('.after').waitFor();
});

for (const [locale, viewport] of [
  ['tr', { width: 360, height: 740 }],
  ['en', { width: 1280, height: 800 }],
]) {
  test(`two talk in ${locale} at ${viewport.width} px`, { timeout }, async (t) => {
    const sides = await pair(browser, server, { locale, viewport });
    for (const side of sides) t.after(() => side.close());
    const [ayse, berk] = sides;
    await ayse.say('İyi akşamlar');
    await berk.reads('İyi akşamlar');
    for (const { page } of sides) {
      assert.equal(await page.evaluate(() => document.documentElement.lang), locale);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} px too wide`);
    }
  });
}

test('nothing moves for whoever asked for less motion', { timeout }, async (t) => {
  const client = await Client.open(browser, server);
  t.after(() => client.close());
  await client.register('ayse_k');
  await client.find.click();
  await client.page.waitForURL(/searching$/);
  const moving = await client.page.evaluate(() =>
    document.getAnimations().filter((one) => one.effect?.getComputedTiming().duration > 10).length,
  );
  assert.equal(moving, 0);
});
