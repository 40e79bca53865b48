// The web client in another language, at other widths, and without motion.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, pair } from './lib/client.mjs';
import { browser, server, stage } from './lib/stage.mjs';

const timeout = 90_000;

stage();

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
