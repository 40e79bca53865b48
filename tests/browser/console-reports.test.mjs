// Moderators work in the console: the queue of reports, by keyboard alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { pair } from './lib/client.mjs';
import { appoint, atConsole, signIn, violations } from './lib/console.mjs';
import { reported } from './lib/reported.mjs';
import { Server } from './lib/server.mjs';
import { moderator } from './lib/staff.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 120_000;
let browser;

before(async () => {
  browser = await Browser.start();
});

after(() => browser?.close());

async function serverFor(t) {
  const server = await Server.start({ TEBDIL_LIMITS__ENABLED: 'false' });
  t.after(() => server.close());
  return server;
}

/** A moderator whose console shows the queue. */
async function atQueue(t, server, alias) {
  const page = await atConsole(t, browser, server, '/reports');
  await signIn(page, await appoint(server, alias, 'moderator'));
  await page.locator('[data-row]').first().waitFor();
  return page;
}

/** Waits until another case than `before` can be decided, and says which; null where none is left. */
async function nextCase(page, before) {
  const { id } = await eventually('the next case comes', async () => {
    const there = await page.evaluate(() => ({
      id: /^\/admin\/reports\/(\d+)$/.exec(location.pathname)?.[1] ?? null,
      ready: Boolean(document.querySelector('.decide')) && !document.querySelector('.case .skeleton'),
    }));
    return there.id !== before && (there.ready || (before !== null && there.id === null)) && there;
  });
  return id;
}

/** Decides one case after the other by keyboard until none is left, and says which. */
async function workThrough(page) {
  const decided = [];
  await page.keyboard.press('Enter');
  for (let id = await nextCase(page, null); id; id = await nextCase(page, id)) {
    await page.keyboard.press(String((decided.length % 5) + 1));
    await page.keyboard.press('Enter');
    decided.push(id);
  }
  return decided;
}

const unsent = (page) => page.getByText('the decision was not recorded').count();

test('thirty reports are worked through by keyboard alone', { timeout }, async (t) => {
  const server = await serverFor(t);
  const api = await moderator(server, 'hakem');
  await reported(server, 30);
  const page = await atQueue(t, server, 'yargic');
  const { items } = await api('GET', '/reports/queue');
  assert.equal(items.length, 30);
  assert.deepEqual(new Set(items.slice(0, 8).map(({ reason }) => reason)), new Set(['threat', 'underage']));

  assert.deepEqual(await violations(page), []);

  const began = performance.now();
  const decided = await workThrough(page);
  const seconds = (performance.now() - began) / 1000;
  t.diagnostic(`30 reports, a key for each choice and one to decide: ${seconds.toFixed(1)} s`);
  assert.deepEqual(decided, items.map(({ id }) => id));
  await page.getByRole('heading', { name: 'The queue is empty' }).waitFor();
  await eventually('all decisions are sent', async () => (await api('GET', '/reports?status=open')).items.length === 0);

  const all = (await api('GET', '/reports')).items;
  const counts = {};
  for (const { status } of all) counts[status] = (counts[status] ?? 0) + 1;
  assert.deepEqual(counts, { dismissed: 6, warned: 6, banned: 12, renamed: 6 });
  assert.ok(all.every(({ resolution }) => resolution.note.length > 0));
  assert.equal(await unsent(page), 0);
});

test('two moderators never decide the same', { timeout }, async (t) => {
  const server = await serverFor(t);
  const api = await moderator(server, 'hakem');
  await reported(server, 12);
  const [one, other] = [await atQueue(t, server, 'yargic'), await atQueue(t, server, 'sulh')];

  await one.keyboard.press('Enter');
  const first = await nextCase(one, null);
  await other.reload();
  await other.locator('[data-row]').first().getByText(/yargic#\d{4}.* is on it/).waitFor();
  // It can be read by its address, and not be decided.
  await other.goto(`${server.url}/admin/reports/${first}`);
  await other.getByText(/yargic#\d{4}.* is on this report/).waitFor();
  assert.equal(await other.locator('.decide').count(), 0);
  await other.keyboard.press('Escape');
  await other.getByRole('button', { name: 'Begin with the first' }).waitFor();
  await one.keyboard.press('Escape');
  await one.getByRole('button', { name: 'Begin with the first' }).waitFor();

  const [mine, yours] = await Promise.all([one, other].map(workThrough));
  t.diagnostic(`one decided ${mine.length}, the other ${yours.length}`);
  assert.ok(mine.length > 0 && yours.length > 0);
  assert.equal(new Set([...mine, ...yours]).size, 12);
  assert.equal(mine.length + yours.length, 12);
  await eventually('all decisions are sent', async () => (await api('GET', '/reports?status=open')).items.length === 0);
  assert.deepEqual([await unsent(one), await unsent(other)], [0, 0]);
});

test('a decision is undone, and one that is held is sent when the page is left', { timeout }, async (t) => {
  const server = await serverFor(t);
  const api = await moderator(server, 'hakem');
  await reported(server, 2);
  const page = await atQueue(t, server, 'yargic');
  const status = async (id) => (await api('GET', `/reports/${id}`)).status;

  await page.keyboard.press('Enter');
  const first = await nextCase(page, null);
  await page.keyboard.press('4');
  await page.keyboard.press('n');
  await page.keyboard.type(' And more.');
  await page.keyboard.press('Control+Enter');
  await nextCase(page, first);
  await page.getByText(/: banned$/).waitFor();
  await page.keyboard.press('u');
  await page.waitForURL(`**/${first}`);
  assert.match(await page.getByLabel('Note for moderators').inputValue(), / And more\.$/);
  assert.equal(await page.getByRole('radio', { name: /^Ban for good/ }).isChecked(), true);
  assert.equal(await status(first), 'open');

  await nextCase(page, null);
  await page.keyboard.press('2');
  await page.keyboard.press('Enter');
  await nextCase(page, first);
  const second = (await api('GET', '/reports/queue')).items.find(({ id }) => id !== first).id;
  const left = performance.now();
  await page.goto('about:blank');
  await eventually('the decision is sent', async () => (await status(first)) === 'warned', 5_000);
  const free = async () => !(await api('GET', `/reports/${second}`)).taken;
  await eventually('the open case is left to others', free, 5_000);
  t.diagnostic(`sent ${Math.round(performance.now() - left)} ms after the page was left`);
});

test('hostile evidence does no harm, and a ban takes effect at once', { timeout }, async (t) => {
  const server = await serverFor(t);
  const [ayse, berk] = await pair(browser, server);
  for (const side of [ayse, berk]) t.after(() => side.close());
  const markup = '<img src=x onerror=alert(1)><script>alert(2)</script><h1>me</h1>';
  const turned = '\u202Egnp.exe\u2067';
  const long = `${'x'.repeat(3_900)} end`;
  for (const text of [markup, turned, long]) await berk.say(text);
  await ayse.reads('xxx');
  await ayse.page.locator('button.peer').click();
  await ayse.page.getByRole('button', { name: /^Report/ }).click();
  const sheet = ayse.page.getByRole('dialog');
  await sheet.getByText('Threat', { exact: true }).click();
  await sheet.getByRole('checkbox', { name: /block/i }).uncheck();
  await sheet.getByLabel(/^Note/).fill(markup);
  await sheet.getByRole('button', { name: 'Report', exact: true }).click();
  await sheet.getByRole('button', { name: 'Done' }).click();

  const page = await atQueue(t, server, 'yargic');
  await page.keyboard.press('Enter');
  await nextCase(page, null);
  await page.getByText('3 messages verified').waitFor();
  assert.deepEqual(await violations(page), []);
  const [first, next, cut] = await page.locator('.bubble bdi').allTextContents();
  assert.deepEqual([first, next, cut.length < 700], [markup, turned, true]);
  assert.equal(await page.locator('blockquote bdi').textContent(), markup);
  assert.equal(await page.locator('.case :is(img, script, h1, iframe)').count(), 0);
  await page.getByRole('button', { name: 'Show all' }).click();
  assert.equal(await page.locator('.bubble bdi').last().textContent(), long);
  assert.ok(await page.evaluate(() => {
    const boxes = [document.documentElement, document.querySelector('.work')];
    return boxes.every((box) => box.scrollWidth <= box.clientWidth);
  }));

  const sent = page.waitForRequest(/\/resolve$/).then(() => performance.now());
  await page.keyboard.press('4');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('heading', { name: 'The queue is empty' }).waitFor();
  await page.getByText(/berk_t#\d{4}.*: banned$/).waitFor();
  const banned = berk.page.getByRole('heading', { name: 'Your account is banned' });
  assert.equal(await banned.count(), 0);
  await banned.waitFor();
  const took = performance.now() - (await sent);
  t.diagnostic(`the ban is in the window ${Math.round(took)} ms after it is sent`);
  assert.ok(took < 1_000);
});
