// The keys of the console: in each room `?` lists them, and each that it lists does what it says.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PASSWORD } from './lib/client.mjs';
import { appoint, atConsole, shows, signIn } from './lib/console.mjs';
import { reported } from './lib/reported.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 150_000;
const ROOMS = {
  o: 'Overview', b: 'Bans', a: 'Appeals', r: 'Reports', p: 'People', c: 'Claims', d: 'Ads', n: 'Announcements',
  j: 'Jobs', l: 'Log',
};
const EVERYWHERE = [...Object.keys(ROOMS).map((key) => `g ${key}`), '?'].sort();
const TABLES = { Bans: 'b', People: 'p', Claims: 'c', Ads: 'd', 'Sent so far': 'n', Log: 'l' };

stage();

/** What `?` lists in this room, beyond what works everywhere. */
async function listed(page) {
  await page.keyboard.press('?');
  const sheet = page.getByRole('dialog', { name: 'Keys' });
  await sheet.waitFor();
  const keys = await sheet.locator('.keys dt').evaluateAll((all) =>
    all.map((one) => [...one.querySelectorAll('kbd')].map((key) => key.textContent).join(' ')));
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  assert.deepEqual(keys.filter((key) => EVERYWHERE.includes(key)).sort(), EVERYWHERE);
  return keys.filter((key) => !EVERYWHERE.includes(key)).sort();
}

async function goTo(page, key) {
  await page.keyboard.press('g');
  await page.keyboard.press(key);
  await shows(page, ROOMS[key]);
}

/** An admin in the console, who has typed nothing since. */
async function admin(t, alias) {
  const one = await appoint(server, alias, 'admin');
  const page = await atConsole(t, browser, server);
  await signIn(page, one);
  await shows(page, 'Overview');
  return { ...one, page };
}

const has = (page, what, focus) => eventually(what, () => page.evaluate(focus));

test('each room is reached by its keys, and lists its own', { timeout }, async (t) => {
  const { page } = await admin(t, 'gezgin');
  const own = {};
  for (const [key, name] of Object.entries(ROOMS)) {
    await goTo(page, key);
    own[name] = await listed(page);
  }
  const rows = ['j', 'k'];
  const reports = ['1', '2', '3', '4', '5', 'Enter', 'Escape', 'j', 'k', 'n', 't', 'u'];
  assert.deepEqual(own, {
    Overview: [], Bans: rows, Appeals: rows, Reports: reports, People: ['/', ...rows], Claims: rows, Ads: rows,
    Announcements: rows, Jobs: rows, Log: rows,
  });
});

test('j and k go down and up the rows of each table', { timeout }, async (t) => {
  const { page, api } = await admin(t, 'satir');
  const people = [await appoint(server, 'birinci'), await appoint(server, 'ikinci')];
  for (const { id } of people) await api('POST', `/v1/admin/users/${id}/ban`, { reason: 'Threats.' });
  for (const title of ['Tea', 'Books']) await api('POST', '/v1/admin/ads', { title, content: 'Two for one.' });
  for (const en of ['Hello', 'Good night']) await api('POST', '/v1/admin/announcements', { tr: en, en });
  // A claim is possible only hours after its match.
  const claims = people.map(({ id }) =>
    ({ id, user_id: id, match_id: id, status: 'approved', created_at: new Date().toISOString() }));
  await page.route('**/v1/admin/claims*', (route) => route.fulfill({ json: { items: claims } }));
  for (const [table, key] of Object.entries(TABLES)) {
    await goTo(page, key);
    if (key === 'b') await page.getByText('In force', { exact: true }).click();
    const at = () => page.evaluate((name) =>
      document.activeElement.closest(`table[aria-label="${name}"] tbody tr`)?.rowIndex ?? 0, table);
    await page.getByRole('table', { name: table }).locator('tbody tr').nth(1).waitFor();
    await page.locator('h1').focus();
    const went = [];
    for (const pressed of ['j', 'j', 'k']) {
      await page.keyboard.press(pressed);
      went.push(await at());
    }
    assert.deepEqual(went, [1, 2, 1], table);
  }
});

test('the keys of a person and of the search', { timeout }, async (t) => {
  const { page, id } = await admin(t, 'arayan');
  await goTo(page, 'p');
  await page.keyboard.press('/');
  await has(page, 'the search has focus', () => document.activeElement.matches('.finder input'));
  assert.equal(await page.getByLabel(/^Handle/).inputValue(), '');
  await page.goto(`${server.url}/admin/people/${id}?tab=log`);
  await page.getByRole('tabpanel').locator('tbody tr').first().waitFor();
  assert.deepEqual(await listed(page), ['j', 'k']);
  await page.keyboard.press('j');
  await has(page, 'a row has focus', () => document.activeElement.closest('[role=tabpanel] tbody tr') !== null);

  const person = await appoint(server, 'baskasi');
  await page.goto(`${server.url}/admin/people/${person.id}`);
  await page.locator('summary').filter({ hasText: 'More' }).click();
  assert.ok((await listed(page)).includes('Escape'));
  await page.keyboard.press('Escape');
  await has(page, 'the menu is folded', () => !document.querySelector('.deeds-of details').open);
});

test('the keys of an appeal', { timeout }, async (t) => {
  const { page, api } = await admin(t, 'yargitay');
  const judge = await appoint(server, 'ilk_yargic', 'moderator');
  for (const alias of ['temyiz_bir', 'temyiz_iki']) {
    const { id, phone } = await appoint(server, alias);
    await judge.api('POST', `/v1/admin/users/${id}/ban`, { reason: 'An advert.' });
    const answer = await fetch(`${server.url}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ phone, password: PASSWORD }),
    });
    const { appeal_token } = await answer.json();
    await server.call('POST', '/v1/appeals', appeal_token, { text: `I am ${alias}.` });
  }
  await goTo(page, 'a');
  const current = () => page.locator('.appeal-list [aria-current]').innerText();
  await page.getByText('I am temyiz_bir.').waitFor();
  assert.deepEqual(await listed(page), ['1', '2', 'Ctrl Enter', 'j', 'k']);
  await page.keyboard.press('j');
  await page.getByText('I am temyiz_iki.').waitFor();
  assert.match(await current(), /temyiz_iki/);
  await page.keyboard.press('k');
  await page.getByText('I am temyiz_bir.').waitFor();
  await page.keyboard.press('1');
  assert.ok(await page.getByRole('radio', { name: /^The ban stays/ }).isChecked());
  await page.keyboard.press('2');
  assert.ok(await page.getByRole('radio', { name: /^Lift the ban/ }).isChecked());
  await page.getByLabel('Note for moderators').fill('It was none.');
  await page.keyboard.press('Control+Enter');
  await page.getByText('The ban was lifted.').waitFor();
  await page.getByText('I am temyiz_iki.').waitFor();
  const { items } = await api('GET', '/v1/admin/appeals');
  assert.deepEqual(items.map(({ status }) => status).sort(), ['lifted', 'open']);
});

test('the keys of a report', { timeout }, async (t) => {
  await reported(server, 4);
  const { page } = await admin(t, 'tuscu');
  await goTo(page, 'r');
  const rows = page.locator('[data-row]');
  await rows.nth(1).waitFor();
  const at = () => page.evaluate(() => [...document.querySelectorAll('[data-row]')].indexOf(document.activeElement));
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  assert.equal(await at(), 1);
  await page.keyboard.press('k');
  assert.equal(await at(), 0);
  await page.keyboard.press('Enter');
  await page.locator('.decide').waitFor();
  const note = page.getByLabel('Note for moderators');
  const notes = [];
  for (const [n, name] of ['Dismiss', 'Warn', 'Ban for a time', 'Ban for good', 'New name'].entries()) {
    await page.keyboard.press(String(n + 1));
    assert.ok(await page.getByRole('radio', { name: new RegExp(`^${name}`) }).isChecked(), name);
    notes.push(await note.inputValue());
  }
  assert.ok(notes.every(Boolean));
  await page.keyboard.press('t');
  assert.notEqual(await note.inputValue(), notes.at(-1));
  await page.keyboard.press('n');
  assert.ok(await note.evaluate((field) => field === document.activeElement));
  await page.keyboard.press('Escape');
  await page.keyboard.press('2');
  const { pathname } = new URL(page.url());
  await page.keyboard.press('Enter');
  await page.getByText(/: warned$/).waitFor();
  await page.keyboard.press('u');
  await page.waitForURL(`**${pathname}`);
  await page.locator('.decide').waitFor();
  assert.ok(await page.getByRole('radio', { name: /^Warn/ }).isChecked());
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Begin with the first' }).waitFor();
  assert.equal(await page.locator('.decide').count(), 0);
});
