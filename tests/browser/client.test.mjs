// The web client, as people use it: two profiles of Chromium and the real server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { WebSocket } from 'ws';

import { Client, pair } from './lib/client.mjs';
import { Cluster, noCluster } from './lib/cluster.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { terminal } from './lib/terminal.mjs';
import { eventually, inTime } from './lib/waiting.mjs';

const timeout = 90_000;

stage();

/** Two who have just met; what went wrong in their pages fails the test. */
async function met(t, options) {
  const sides = await pair(browser, server, options);
  for (const side of sides) t.after(() => side.close());
  return sides;
}

/** The safety number that the screen of a side shows. */
async function safetyNumber({ page }) {
  await page.locator('button.peer').click();
  await page.getByRole('button', { name: /^Safety number/ }).click();
  const number = (await page.locator('.six').innerText()).trim();
  await page.getByRole('button', { name: 'Done' }).click();
  return number;
}

async function meetAndPart([ayse, berk], at) {
  await ayse.say('Good evening');
  await berk.reads('Good evening');
  await berk.say('Hello to you');
  await ayse.shows(['Good evening', 'Hello to you']);

  const [mine, theirs] = [await safetyNumber(ayse), await safetyNumber(berk)];
  assert.match(mine, /\d{5}/);
  assert.equal(mine, theirs);

  await ayse.page.getByRole('button', { name: 'Leave', exact: true }).click();
  await berk.page.locator('.after').waitFor();
  assert.doesNotMatch(at.log, /Good evening|Hello to you|\+90532/);
}

test('two strangers meet, talk, compare numbers and part', { timeout }, async (t) => {
  await meetAndPart(await met(t), server);
});

test('two strangers meet on two nodes behind nginx', { timeout, skip: noCluster() }, async (t) => {
  const cluster = await Cluster.start({ TEBDIL_LIMITS__ENABLED: 'false' });
  t.after(() => cluster.close());
  const sides = await pair(browser, cluster);
  for (const side of sides) t.after(() => side.close());
  await meetAndPart(sides, cluster);
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

test('a server that is killed while both type loses nothing', { timeout }, async (t) => {
  const [ayse, berk] = await met(t);
  await ayse.say('before');
  await berk.reads('before');
  const back = server.restart(1_500);
  await Promise.all([ayse.say('mine, one'), berk.say('theirs, one')]);
  await Promise.all([ayse.say('mine, two'), berk.say('theirs, two')]);
  await back;
  for (const side of [ayse, berk]) {
    await eventually('all five are shown', async () => (await side.log()).length === 5);
    const shown = (await side.log()).join('\n');
    for (const text of ['before', 'mine, one', 'mine, two', 'theirs, one', 'theirs, two']) {
      assert.equal(shown.split(text).length, 2, `${text} once in ${shown}`);
    }
    assert.ok(shown.indexOf('mine, one') < shown.indexOf('mine, two'));
    assert.ok(shown.indexOf('theirs, one') < shown.indexOf('theirs, two'));
  }
  await ayse.say('after');
  await berk.reads('after');
});

test('one tab has the chats, and another can take them over', { timeout }, async (t) => {
  const [ayse, berk] = await met(t);
  await ayse.say('from the first tab');
  await berk.reads('from the first tab');
  const first = ayse.page;
  const address = first.url();
  ayse.page = await ayse.tab();
  await ayse.page.goto(address);
  await ayse.page.getByRole('heading', { name: 'Tebdil is open in another tab' }).waitFor();
  await ayse.page.getByRole('button', { name: 'Use it here' }).click();
  await ayse.shows(['from the first tab']);
  await first.getByRole('heading', { name: 'Tebdil is open in another tab' }).waitFor();
  await ayse.say('from the second');
  await berk.shows(['from the first tab', 'from the second']);
});

test('a device that another connection took is taken back', { timeout }, async (t) => {
  const [ayse, berk] = await met(t);
  await ayse.say('before');
  await berk.reads('before');
  let hello;
  ayse.page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => (hello ??= payload)),
  );
  await ayse.page.reload();
  await ayse.shows(['before']);
  await eventually('a hello', () => hello);

  const thief = new WebSocket(`${server.url.replace('http', 'ws')}/v1/ws`, 'tebdil.v1');
  t.after(() => thief.terminate());
  await inTime('a WebSocket', once(thief, 'open'));
  thief.send(hello);
  await ayse.page.getByRole('heading', { name: 'Tebdil is open in another tab' }).waitFor();
  await ayse.page.getByRole('button', { name: 'Use it here' }).click();
  await ayse.shows(['before']);
  await ayse.say('after');
  await berk.shows(['before', 'after']);
});

test('nothing that was said can be read where it is kept', { timeout }, async (t) => {
  const [ayse, berk] = await met(t);
  const secret = 'quite unmistakable words';
  await ayse.say(secret);
  await berk.reads(secret);
  await berk.say(`${secret} back`);
  await ayse.reads(`${secret} back`);
  for (const side of [ayse, berk]) {
    const kept = await side.kept();
    assert.ok(kept.records > 5, `only ${kept.records} records`);
    assert.deepEqual(kept.keys, [], 'a key that can be taken out');
    assert.doesNotMatch(kept.text, /unmistakable|Set-Cookie|eyJ[A-Za-z0-9_-]{20}/);
  }
});

// Who searches first waits, and the other one completes the match: the roles in the encryption follow from it.
for (const first of ['web', 'rust']) {
  test(`the web client talks with the Rust client, ${first} first`, { timeout }, async (t) => {
    const rust = await terminal(server);
    t.after(() => rust.end());
    const web = await Client.open(browser, server);
    t.after(() => web.close());
    await web.register('ayse_k');
    const search = {
      web: async () => {
        await web.find.click();
        await web.page.getByText('Looking for someone').first().waitFor();
      },
      rust: async () => {
        rust.type('/find');
        await eventually('the terminal searches', () => rust.said.includes('Looking for someone'));
      },
    };
    await search[first]();
    if (first === 'web') rust.type('/find');
    else await web.find.click();
    await web.matched();
    await web.say('from the browser');
    await eventually(() => `the words in ${rust.said}`, () => rust.said.includes('from the browser'));
    rust.type('from the terminal');
    await web.shows(['from the browser', 'from the terminal']);
    rust.type('/safety');
    const number = (await safetyNumber(web)).replace(/\D/g, '');
    await eventually(
      () => `${number} in ${rust.said}`,
      () => rust.said.replace(/\D/g, '').includes(number),
    );
    rust.type('/leave');
    await web.page.locator('.after').waitFor();
  });
}
