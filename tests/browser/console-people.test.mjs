// Staff in the console: finding people, what is done about them, appeals, ads and announcements. Whatever they do is
// on record with who did it, and no phone number is in full anywhere.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';

import { Client, PASSWORD, pair } from './lib/client.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 120_000;

stage();

/** Somebody with an account, who calls the API. */
async function account(alias, role) {
  const phone = `+90537${randomInt(1_000_000, 9_999_999)}`;
  const person = { phone, password: PASSWORD, alias, birth_date: '1985-03-04', accept_terms: true };
  const { tokens, user } = await server.call('POST', '/v1/auth/register', null, person);
  if (role) await server.admin('grant', '--role', role, phone);
  const call = (method, path, body) => server.call(method, path, tokens.access_token, body);
  return { id: user.id, handle: user.handle, phone, call };
}

/** The same, in the console. `asked` is the address of every request. */
async function staff(t, alias, role, room) {
  const one = await account(alias, role);
  const client = await Client.open(browser, server, { viewport: { width: 1280, height: 800 } });
  t.after(() => client.close());
  const { page } = client;
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(`${server.url}/admin/${room}`);
  await page.getByLabel('Mobile number').fill(one.phone);
  await page.getByLabel('Password').first().fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('nav').getByText(role).waitFor();
  return { ...one, page, asked };
}

const go = (page, room) => page.locator('nav').getByRole('link', { name: room }).click();
const sheet = (page) => page.getByRole('dialog');
const press = (where, name) => where.getByRole('button', { name, exact: true }).click();

async function search(page, text) {
  await page.getByLabel(/^Handle/).fill(text);
  await page.getByLabel(/^Handle/).press('Enter');
}

/** Its tag is a part of its own. */
const linkTo = (page, { handle }) => page.getByRole('link', { name: new RegExp(handle.replace('#', ' ?#')) });

/** Who did what about somebody, oldest first. */
async function record(reader, user) {
  const { items } = await reader.call('GET', `/v1/admin/system-logs?user=${user.id}`);
  return items.reverse().map(({ action, actor_id }) => [action, actor_id]);
}

async function appeal({ phone }, text) {
  const response = await fetch(`${server.url}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ phone, password: PASSWORD }),
  });
  const { appeal_token: token } = await response.json();
  await server.call('POST', '/v1/appeals', token, { text });
}

test('whoever banned does not decide the appeal, another one does', { timeout }, async (t) => {
  const lodos = await account('lodos');
  const judge = await staff(t, 'yargic', 'moderator', 'people');
  await search(judge.page, 'lod');
  await linkTo(judge.page, lodos).click();
  await press(judge.page, 'Ban…');
  await press(sheet(judge.page), 'Ban');
  await judge.page.getByText('Write something: up to 500 characters.').waitFor();
  await sheet(judge.page).getByText('7 days', { exact: true }).click();
  await judge.page.getByLabel('Reason, for the person').fill('The same advert, to several people.');
  await press(sheet(judge.page), 'Ban');
  await judge.page.getByText('Banned.', { exact: true }).waitFor();
  await judge.page.getByRole('button', { name: 'Lift the ban…' }).waitFor();

  const text = '<img src=x onerror=alert(1)> It was \u202Ea concert\u202C.';
  await appeal(lodos, text);
  await go(judge.page, 'Appeals');
  await judge.page.getByText('You made or confirmed this ban. Another moderator decides the appeal.').waitFor();
  assert.equal(await judge.page.getByRole('button', { name: 'Decide' }).count(), 0);
  const [waiting] = (await judge.call('GET', '/v1/admin/appeals?status=open')).items;
  await assert.rejects(
    judge.call('POST', `/v1/admin/appeals/${waiting.id}/decide`, { decision: 'uphold', note: 'mine' }),
    /403.*forbidden/,
  );

  const other = await staff(t, 'hakem', 'moderator', 'appeals');
  const { page } = other;
  assert.equal(await page.locator('blockquote > bdi').textContent(), text);
  assert.equal(await page.locator('blockquote img').count(), 0);
  await page.getByText('The same advert, to several people.').waitFor();
  await press(page, 'Decide');
  await page.getByText('Choose a decision first.').waitFor();
  await page.getByRole('radio', { name: /^Lift the ban/ }).check();
  await page.getByLabel('Note for moderators').fill('A concert indeed.');
  await page.keyboard.press('Control+Enter');
  await page.getByText('The ban was lifted.').waitFor();
  await page.getByRole('heading', { name: 'No appeal waits' }).waitFor();

  const acts = (await record(other, lodos)).filter(([action]) => /^(ban|appeal)/.test(action));
  assert.deepEqual(acts, [
    ['banned', judge.id],
    ['appealed', lodos.id],
    ['appeal_decided', other.id],
    ['ban_lifted', other.id],
  ]);
});

test('an appeal that somebody else has just decided', { timeout }, async (t) => {
  const fener = await account('fener');
  const [judge, faster] = [await account('kadi', 'moderator'), await account('cabuk', 'moderator')];
  await judge.call('POST', `/v1/admin/users/${fener.id}/ban`, { reason: 'spam' });
  await appeal(fener, 'I did not.');
  const { page } = await staff(t, 'yavas', 'moderator', 'appeals');
  await page.getByText('I did not.').waitFor();
  const [waiting] = (await faster.call('GET', '/v1/admin/appeals?status=open')).items;
  await faster.call('POST', `/v1/admin/appeals/${waiting.id}/decide`, { decision: 'uphold', note: 'spam' });
  await page.getByRole('radio', { name: /^Lift the ban/ }).check();
  await page.getByLabel('Note for moderators').fill('Late.');
  await press(page, 'Decide');
  await page.getByText(/^Somebody else has just decided this/).waitFor();
  await page.getByRole('heading', { name: 'No appeal waits' }).waitFor();
  const [{ status }] = (await faster.call('GET', '/v1/admin/appeals')).items.filter(({ id }) => id === waiting.id);
  assert.equal(status, 'upheld');
});

/** What a page shows, and what is in its fields. */
const shown = (page) =>
  page.evaluate(() => {
    const fields = [...document.querySelectorAll('input, textarea')].map(({ value }) => value);
    return [document.documentElement.outerHTML, ...fields].join('\n');
  });

test('an admin finds somebody by phone, signs them out and erases them', { timeout }, async (t) => {
  const masal = await account('masal');
  const admin = await staff(t, 'pusula', 'admin', 'people');
  const { page, asked } = admin;
  const digits = masal.phone.slice(-10);
  const hidden = async (where) => {
    assert.equal((await shown(page)).replace(/[^\d\n]/g, '').includes(digits), false, where);
    const telling = asked.filter((url) => decodeURIComponent(url).replace(/\D/g, '').includes(digits.slice(-7)));
    assert.deepEqual(telling, [], where);
  };

  // As an address book copies it.
  await search(page, `\u202A0${digits.replace(/(...)(...)(..)(..)/, '$1 $2 $3 $4')}\u202C`);
  await page.getByText('The accounts of this number, erased ones too.').waitFor();
  assert.equal(await page.locator('tbody tr').count(), 1);
  await hidden('the list');
  await linkTo(page, masal).click();
  await page.getByText(`+90 ******** ${digits.slice(-2)}`).waitFor();
  await hidden('the person');

  await page.locator('summary').filter({ hasText: 'More' }).click();
  await press(page, 'End the sessions…');
  await press(sheet(page), 'End the sessions');
  await page.getByText('All sessions are ended.').waitFor();
  await assert.rejects(masal.call('GET', '/v1/me'), /401/);

  await page.locator('summary').filter({ hasText: 'More' }).click();
  await press(page, 'Erase the account…');
  await page.getByLabel('Who asked for it, and how').fill('ticket 17');
  await press(sheet(page), 'Erase permanently');
  await page.getByText('Tick this to erase.').waitFor();
  await page.getByRole('checkbox').check();
  await press(sheet(page), 'Erase permanently');
  await page.getByRole('heading', { name: 'erased account' }).waitFor();
  await hidden('the erased account');

  await page.getByRole('tab', { name: 'Log' }).click();
  await page.getByText('erased the account').waitFor();
  await page.getByText('ticket 17').waitFor();
  const acts = (await record(admin, masal)).filter(([action]) => action !== 'user_viewed');
  assert.deepEqual(acts, [
    ['phone_looked_up', admin.id],
    ['sessions_ended', admin.id],
    ['account_erased', admin.id],
  ]);
  assert.equal(server.log.replace(/[^\d\n]/g, '').includes(digits), false);
});

test('a moderator is neither shown nor given what only admins may', { timeout }, async (t) => {
  const serce = await account('serce');
  const { page, asked } = await staff(t, 'bakan', 'moderator', 'people');
  await page.locator('tbody tr').first().waitFor();
  const before = asked.length;
  await search(page, serce.phone);
  await page.getByText('Only admins look people up by phone. Nothing was sent.').waitFor();
  assert.deepEqual([await page.getByLabel(/^Handle/).inputValue(), asked.slice(before)], ['', []]);

  await search(page, serce.handle);
  await linkTo(page, serce).click();
  await page.getByRole('button', { name: 'Ban…' }).waitFor();
  assert.equal(await page.locator('summary').filter({ hasText: 'More' }).count(), 0);
  assert.equal(new URL(page.url()).pathname, `/admin/people/${serce.id}`);
  for (const room of ['ads', 'announcements']) {
    await page.goto(`${server.url}/admin/${room}`);
    await page.getByRole('heading', { name: 'This page is only for admins' }).waitFor();
    assert.equal(asked.some((url) => url.includes(`/v1/admin/${room}`)), false);
  }
});

test('a role, premium and rights are given and are on record', { timeout }, async (t) => {
  const tramvay = await account('tramvay');
  const admin = await staff(t, 'reis', 'admin', `people/${tramvay.id}`);
  const { page } = admin;
  const deed = async (name) => {
    await page.locator('summary').filter({ hasText: 'More' }).click();
    await press(page, name);
  };
  await deed('Correct the allowance…');
  await page.getByLabel('Amount').fill('5');
  await page.getByLabel('Reference').fill('ticket 17');
  await press(sheet(page), 'Correct');
  await page.getByText(/^Write 1 to 64 plain letters/).waitFor();
  await page.getByLabel('Reference').fill('T-17');
  await press(sheet(page), 'Correct');
  await page.getByText('The allowance is corrected.').waitFor();
  await deed('Correct the allowance…');
  await page.getByLabel('Amount').fill('5');
  await page.getByLabel('Reference').fill('T-17');
  await press(sheet(page), 'Correct');
  await page.getByText(/^There already is a correction with this reference/).waitFor();
  await press(sheet(page), 'Cancel');

  await deed('Premium…');
  await press(sheet(page), 'Give premium');
  await page.getByText('Premium is changed.').waitFor();
  await deed('Change the role…');
  await sheet(page).getByText(/^moderator/).click();
  await press(sheet(page), 'Save');
  await page.getByText('The role is changed.').waitFor();
  assert.equal((await tramvay.call('GET', '/v1/admin/overview')).totals.users > 0, true);

  const acts = (await record(admin, tramvay)).filter(([action]) => action !== 'user_viewed');
  assert.deepEqual(acts, [
    ['quota_corrected', admin.id],
    ['subscription_granted', admin.id],
    ['role_changed', admin.id],
  ]);
});

test('what somebody was banned for before stands on their page', { timeout }, async (t) => {
  const kedi = await account('kedi');
  const judge = await staff(t, 'gecmis', 'moderator', 'people');
  await judge.call('POST', `/v1/admin/users/${kedi.id}/ban`, { reason: 'An <b>advert</b>.' });
  await judge.call('POST', `/v1/admin/users/${kedi.id}/unban`, { note: 'It was a concert.' });
  const { page } = judge;
  await search(page, kedi.handle);
  await linkTo(page, kedi).click();
  await page.getByRole('tab', { name: 'Bans 1' }).click();
  await page.getByRole('row', { name: /An <b>advert<\/b>\..*It was a concert\..*you.*for good.*lifted/ }).waitFor();
  assert.equal(new URL(page.url()).search, '?tab=bans');
  assert.equal(await page.getByText('unreliable', { exact: true }).count(), 0);

  await press(page, 'Reliability…');
  await sheet(page).getByText('They do not: unreliable').click();
  await press(sheet(page), 'Save');
  await page.getByText('unreliable', { exact: true }).waitFor();
  await page.getByText(/^Marked unreliable by a moderator/).waitFor();
});

test('an ad is shown as often as was paid for, and charted', { timeout: 180_000 }, async (t) => {
  const { page } = await staff(t, 'ilanci', 'admin', 'ads/new');
  await page.getByLabel('Title').fill('Night tea');
  await page.getByLabel('Text').fill('Until the morning.');
  await page.getByText('everybody', { exact: true }).click();
  await page.getByLabel(/^Budget/).fill('0');
  await press(page, 'Save');
  await page.getByText(/^Write a whole number from 1 to 1,000,000,000/).waitFor();
  await page.getByLabel(/^Budget/).fill('2');
  await press(page, 'Save');
  await page.getByText('0 of 2 (0%)').waitFor();
  await page.getByRole('heading', { name: 'It has not been shown yet' }).waitFor();

  const [ayse, berk] = await pair(browser, server);
  for (const side of [ayse, berk]) t.after(() => side.close());
  await ayse.page.getByRole('button', { name: 'Leave', exact: true }).click();
  // Whoever left is sent it too, and does not look at it.
  await berk.page.getByRole('complementary', { name: 'Ad' }).getByText('Night tea').waitFor();
  await eventually('the counts are summed', async () => {
    await page.reload();
    await page.getByRole('heading', { name: 'Counts' }).waitFor();
    return page.getByText('2 of 2 (100%)').isVisible();
  }, 90_000);
  await page.getByText('budget used up').waitFor();
  const views = page.getByRole('slider', { name: 'Views, of served' });
  assert.match(await views.getAttribute('aria-valuetext'), /: 1 of 2, so far$/);
  await views.focus();
  await page.keyboard.press('ArrowLeft');
  assert.match(await views.getAttribute('aria-valuetext'), /: 0 of 0$/);
  await press(page, 'As a table');
  const rows = page.getByRole('table', { name: 'The last ninety days' }).locator('tbody tr');
  assert.equal(await rows.count(), 1);
  assert.match(await rows.innerText(), /so far\s+2\s+1\s+0\s+0%$/);
});

test('an ad and an announcement go out', { timeout }, async (t) => {
  const reader = await account('okur');
  const admin = await staff(t, 'tellal', 'admin', 'ads/new');
  const { page } = admin;
  await page.getByLabel('Title').fill('Hot tea');
  await page.getByLabel('Text').fill('Two for one.');
  await page.getByLabel('Link').fill('http://tea.example');
  await press(page, 'Save');
  await page.getByText(/^Write a link that begins with https/).waitFor();
  await page.getByLabel('Link').fill('https://tea.example/a');
  assert.equal(await page.locator('figure[data-theme=dark]').getByText('tea.example').count(), 1);
  await press(page, 'Save');
  await page.getByText('The ad was made.').waitFor();
  await press(page, 'Send as a notification…');
  await press(sheet(page), 'Send');
  await page.getByText(/^It is on its way/).waitFor();

  await go(page, 'Announcements');
  await page.getByText('Hot tea').waitFor();
  await page.getByLabel('Turkish text').fill('Bu gece bakım var.');
  await press(page, 'Send…');
  await page.getByText('Write the English text: 1 to 500 characters.').waitFor();
  await page.getByLabel('English text').fill('Maintenance tonight.');
  await press(page, 'Send…');
  await press(sheet(page), 'Send now');
  await page.getByText('The announcement is on its way.').waitFor();
  await eventually('it is told', async () => {
    const { items } = await reader.call('GET', '/v1/notifications');
    return items.some(({ message }) => ['Maintenance tonight.', 'Bu gece bakım var.'].includes(message));
  });
  await page.getByRole('row', { name: /Maintenance tonight.*done/ }).waitFor();

  await go(page, 'Ads');
  await page.getByRole('link', { name: 'Hot tea' }).click();
  await press(page, 'Delete…');
  await press(sheet(page), 'Delete');
  await page.getByText('The ad was deleted.').waitFor();
  const { items } = await admin.call('GET', `/v1/admin/system-logs?actor=${admin.id}`);
  const acts = items.map(({ action }) => action).filter((action) => /^(ad|announcement)_/.test(action));
  assert.deepEqual(acts.reverse(), ['ad_created', 'ad_announced', 'announcement_made', 'ad_deleted']);
});
