// The console itself: who gets in, what each role sees, and what happens when that changes meanwhile.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { appoint, atConsole, shows, signIn, totp, violations } from './lib/console.mjs';
import { Server } from './lib/server.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { User } from './lib/user.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 90_000;
const FOR_ALL = ['Overview', 'Bans', 'Appeals', 'Reports', 'People', 'Claims', 'Jobs', 'Log'];
const FOR_ADMINS = ['Ads', 'Announcements'];
const TURKISH = {
  forAll: ['Genel bakış', 'Yasaklar', 'İtirazlar', 'Şikâyetler', 'Kişiler', 'Hak iadeleri', 'İşler', 'Kayıt'],
  forAdmins: ['Reklamlar', 'Duyurular'],
};

stage();

/** What is asked of the routes for staff, and how it is answered. */
function listen(page) {
  const heard = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith('/v1/admin/')) heard.push(`${response.status()} ${pathname}`);
  });
  return heard;
}

const rooms = (page) => page.getByRole('navigation').locator('a.line > span:first-of-type').allInnerTexts();
const signedOut = (page) => page.evaluate(() => sessionStorage.length === 0);

test('a second factor that the server asks for is set up, and asked for from then on', { timeout }, async (t) => {
  const strict = await Server.start({ TEBDIL_LIMITS__ENABLED: 'false', TEBDIL_AUTH__STAFF_TOTP: 'required' });
  t.after(() => strict.close());
  const somebody = await appoint(strict, 'yargic', 'moderator');
  const page = await atConsole(t, browser, strict, '/log');
  await signIn(page, somebody);

  await page.getByText('moderators and admins need a second factor').waitFor();
  assert.equal(await page.getByRole('navigation').count(), 0);
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('Your password').fill('not that one');
  await page.getByRole('button', { name: 'Begin' }).click();
  await page.getByText('The password is not right.').waitFor();
  await page.getByLabel('Your password').fill('a long enough passphrase');
  await page.getByRole('button', { name: 'Begin' }).click();
  const secret = await page.getByLabel('Key', { exact: true }).inputValue();
  assert.match(secret, /^[A-Z2-7]{32}$/);
  await page.getByRole('img', { name: /QR code/ }).waitFor();
  await page.getByLabel('The code that the app shows').fill('000000');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await page.getByText('The code is not right.').waitFor();
  await page.getByLabel('The code that the app shows').fill(totp(secret, -1));
  await page.getByRole('button', { name: 'Confirm' }).click();
  await shows(page, 'Recovery codes');
  const codes = await page.locator('.codes > li').allInnerTexts();
  assert.equal(new Set(codes).size, 10);
  assert.deepEqual(await violations(page), []);
  await page.getByRole('button', { name: /kept them/ }).click();
  // Where one wanted to go.
  await shows(page, 'Log');
  await page.getByRole('table').getByText('set up a second factor').waitFor();

  await page.getByRole('button', { name: /^Your account/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await shows(page, 'Sign in to the console');
  assert.ok(await signedOut(page));
  await signIn(page, somebody, '000000');
  await page.getByText('The code is wrong.').waitFor();
  await page.getByLabel('Verification code').fill(totp(secret));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await shows(page, 'Log');
  // It lasts over a reload, and in this tab only.
  await page.reload();
  await shows(page, 'Log');
  const other = await page.context().newPage();
  await other.goto(`${strict.url}/admin`);
  await shows(other, 'Sign in to the console');
});

// Each language in both themes, and each role in both languages.
for (const [role, locale, colorScheme] of [
  ['moderator', 'en', 'light'], ['admin', 'en', 'dark'], ['moderator', 'tr', 'dark'], ['admin', 'tr', 'light'],
]) {
  test(`the pages of the role ${role}, ${locale}, ${colorScheme}`, { timeout }, async (t) => {
    const { forAll, forAdmins } = locale === 'tr' ? TURKISH : { forAll: FOR_ALL, forAdmins: FOR_ADMINS };
    const page = await atConsole(t, browser, server, '', { locale, colorScheme });
    const heard = listen(page);
    assert.deepEqual(await violations(page), []);
    await signIn(page, await appoint(server, `${locale}_${role}`, role));
    await shows(page, forAll[0]);
    const names = await rooms(page);
    assert.deepEqual(new Set(names), new Set(role === 'admin' ? [...forAll, ...forAdmins] : forAll));
    for (const name of names) {
      await page.getByRole('navigation').getByRole('link', { name }).click();
      await shows(page, name);
      assert.equal(await page.title(), `${name} · Tebdil`);
      await page.waitForLoadState('networkidle');
      assert.deepEqual(await violations(page), [], name);
    }
    assert.ok(heard.length >= names.length, 'each page asks');
    assert.deepEqual(heard.filter((one) => !one.startsWith('2')), []);
  });
}

test('who chats loads nothing of the console, and does not stand in its way', { timeout }, async (t) => {
  const text = async (path) => (await fetch(server.url + path)).text();
  const own = (await text('/admin')).match(/\/assets\/admin-[\w-]+\.(js|css)/g);
  assert.equal(own.length, 2);
  const [chat, worker] = [await text('/'), await text('/sw.js')];
  for (const file of own) assert.ok(!chat.includes(file) && !worker.includes(file), file);

  const page = await atConsole(t, browser, server);
  await page.goto(server.url);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await eventually('the worker answers', () => page.evaluate(() => navigator.serviceWorker.controller !== null));
  await page.goto(`${server.url}/admin/log`);
  await shows(page, 'Sign in to the console');
});

test('what is only for admins has no address for a moderator', { timeout }, async (t) => {
  const page = await atConsole(t, browser, server, '/ads');
  await signIn(page, await appoint(server, 'denge', 'moderator'));
  const heard = listen(page);
  await shows(page, 'This page is only for admins');
  await page.goto(`${server.url}/admin/announcements`);
  await shows(page, 'This page is only for admins');
  assert.deepEqual(heard.filter((one) => /ads|announcements/.test(one)), []);
  await page.goto(`${server.url}/admin/nothing`);
  await shows(page, 'There is nothing here');
});

test('who is not of the staff does not get in', { timeout }, async (t) => {
  const page = await atConsole(t, browser, server);
  await signIn(page, await appoint(server, 'kullanici'));
  await page.getByText('neither a moderator nor an admin').waitFor();
  assert.ok(await signedOut(page));
});

test('what was taken away in the middle of a page is said, and nothing is done', { timeout }, async (t) => {
  const chief = await appoint(server, 'bas_admin', 'admin');
  const taken = async (alias, role, change) => {
    const one = await appoint(server, alias, role);
    const page = await atConsole(t, browser, server, '/claims');
    await signIn(page, one);
    await shows(page, 'Claims');
    await change(one);
    await page.getByLabel('State').selectOption('approved');
    return page;
  };
  const roleOf = (role) => ({ id }) => chief.api('POST', `/v1/admin/users/${id}/role`, { role });

  const demoted = await taken('eski_mod', 'moderator', roleOf('user'));
  await demoted.getByText('no longer a moderator or an admin').waitFor();
  const ended = await taken('oturumsuz', 'moderator', ({ id }) =>
    chief.api('DELETE', `/v1/admin/users/${id}/sessions`));
  await ended.getByText('Your session ended.').waitFor();
  const banned = await taken('yasakli', 'moderator', ({ id }) =>
    chief.api('POST', `/v1/admin/users/${id}/ban`, { reason: 'Sold what was read here.' }));
  await banned.getByText(/This account was banned|Your session ended/).waitFor();
  for (const page of [demoted, ended, banned]) {
    await shows(page, 'Sign in to the console');
    assert.ok(await signedOut(page));
    assert.deepEqual(await violations(page), []);
  }
});

test('an admin who becomes a moderator is told, and keeps what moderators have', { timeout }, async (t) => {
  const former = await appoint(server, 'eski_admin', 'admin');
  const page = await atConsole(t, browser, server, '/jobs');
  await signIn(page, former);
  await shows(page, 'Jobs');
  await server.admin('grant', '--role', 'moderator', former.phone);
  await page.getByRole('link', { name: 'Ads' }).click();
  await page.getByText('no longer an admin, but a moderator').waitFor();
  await shows(page, 'This page is only for admins');
  assert.deepEqual(new Set(await rooms(page)), new Set(FOR_ALL));
});

test('the log tells who did what to whom, and goes out as a table', { timeout }, async (t) => {
  const chief = await appoint(server, 'defterdar', 'admin');
  const somebody = await appoint(server, 'gecici');
  await chief.api('POST', `/v1/admin/users/${somebody.id}/ban`, { reason: 'Threats.' });
  await chief.api('POST', `/v1/admin/users/${somebody.id}/unban`, { note: 'A film.' });
  const page = await atConsole(t, browser, server, `/log?user=${somebody.id}`);
  await signIn(page, chief);
  await shows(page, 'Log');
  const acts = page.getByRole('table', { name: 'Log' }).locator('tbody td:nth-child(3)');
  await acts.first().waitFor();
  assert.deepEqual(await acts.allInnerTexts(), ['lifted a ban', 'banned']);
  await page.getByLabel('Did what').selectOption('banned');
  await eventually('the list is narrowed', async () => (await acts.allInnerTexts()).join() === 'banned');
  assert.equal(new URL(page.url()).search, `?user=${somebody.id}&action=banned`);
  await page.goBack();
  await eventually('going back widens it', async () => (await acts.count()) === 2);
  await page.getByLabel('Id of who did it').fill('gecici#1234');
  await page.keyboard.press('Tab');
  await page.getByText('An id is 16 to 19 digits.').waitFor();
  assert.doesNotMatch(page.url(), /gecici/);
  for (const { id, handle } of [chief, somebody]) {
    const link = page.getByRole('table').getByRole('link', { name: new RegExp(handle.replace('#', ' ?#')) }).first();
    assert.equal(await link.getAttribute('href'), `/admin/people/${id}`);
  }

  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download as CSV' }).click(),
  ]);
  const lines = (await readFile(await file.path(), 'utf8')).trim().split('\r\n');
  assert.equal(lines.length, 3);
  assert.ok(lines.slice(1).every((line) => line.includes(chief.id) && line.includes(somebody.id)));
  assert.ok(lines.slice(1).every((line) => line.includes(chief.handle) && line.includes(somebody.handle)));
  await page.getByText('2 rows were downloaded.').waitFor();
});

test('the log is narrowed to days, and so is what goes out', { timeout }, async (t) => {
  const chief = await appoint(server, 'takvimci', 'admin');
  const somebody = await appoint(server, 'gunluk');
  await chief.api('POST', `/v1/admin/users/${somebody.id}/ban`, { reason: 'Threats.' });
  const page = await atConsole(t, browser, server, `/log?user=${somebody.id}`, { timezoneId: 'America/Bogota' });
  await signIn(page, chief);
  const rows = page.getByRole('table', { name: 'Log' }).locator('tbody tr');
  await rows.first().waitFor();
  // As the one who looks counts the days.
  const day = (ago) => page.evaluate((days) => {
    const at = new Date();
    at.setDate(at.getDate() - days);
    return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`;
  }, ago);
  const [today, yesterday] = [await day(0), await day(1)];
  await page.getByLabel('Last day').fill(yesterday);
  await page.getByRole('heading', { name: 'There is no such row' }).waitFor();
  assert.equal(new URL(page.url()).search, `?user=${somebody.id}&until=${yesterday}`);
  await page.getByLabel('First day').fill(today);
  await page.getByText('The last day is before the first, and is ignored.').waitFor();
  await rows.first().waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('Last day').fill(today);
  await page.reload();
  await rows.first().waitFor();
  assert.equal(await page.getByLabel('First day').inputValue(), today);
  const asked = page.waitForRequest((request) => request.url().includes('limit=100'));
  await page.getByRole('button', { name: 'Download as CSV' }).click();
  const { searchParams } = new URL((await asked).url());
  const [from, until] = ['from', 'until'].map((name) => Date.parse(searchParams.get(name)));
  assert.equal(until - from, 24 * 3_600_000);
  assert.ok(from <= Date.now() && Date.now() < until);
  await page.getByRole('button', { name: 'All days' }).click();
  assert.equal(new URL(page.url()).search, `?user=${somebody.id}`);
});

test('the overview tells who is there now, and when it is old', { timeout }, async (t) => {
  const page = await atConsole(t, browser, server);
  let old = false;
  await page.route('**/v1/admin/overview', async (route) => {
    const response = await route.fetch();
    const { live, ...more } = await response.json();
    const at = old ? new Date(Date.now() - 185_000).toISOString() : live?.at;
    await route.fulfill({ response, ...(response.ok() && { json: { ...more, live: { ...live, at } } }) });
  });
  await signIn(page, await appoint(server, 'nobetci', 'moderator'));
  await shows(page, 'Overview');
  await page.getByText(/^counted \d+ s ago$/).waitFor();
  const somebody = await User.join(server, 'arayan');
  t.after(() => somebody.close());
  somebody.send({ type: 'match.find', mode: 'text' });
  const now = page.locator('.live > div');
  await now.filter({ hasText: /Searching for text\s*1\s*longest wait \d+ s/ }).waitFor();
  assert.match(await now.filter({ hasText: 'Online' }).innerText(), /[1-9]/);
  await now.filter({ hasText: /Searching for video\s*0\s*nobody waits/ }).waitFor();
  await page.getByText(/\d+ accounts · 0 with premium · 0 matches running/).waitFor();
  old = true;
  await page.getByRole('status').getByText('These numbers are old: counted 3 min ago.').waitFor();
  assert.deepEqual(await violations(page), []);
});

test('the console is gone about by keyboard', { timeout }, async (t) => {
  const page = await atConsole(t, browser, server);
  await signIn(page, await appoint(server, 'klavye', 'moderator'));
  await shows(page, 'Overview');
  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await keys.getByText('go to Log').waitFor();
  assert.equal(await keys.getByText('go to Ads').count(), 0);
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('l');
  await shows(page, 'Log');
  const at = () => page.evaluate(() => {
    const { activeElement: on } = document;
    return on.closest('tr')?.rowIndex ?? on.tagName;
  });
  await eventually('the heading has focus', async () => (await at()) === 'H1');
  await page.getByRole('table', { name: 'Log' }).waitFor();
  await page.keyboard.press('j');
  assert.equal(await at(), 1);
  await page.keyboard.press('j');
  assert.equal(await at(), 2);
  await page.keyboard.press('k');
  assert.equal(await at(), 1);
  // Nothing is heard where somebody types.
  await page.getByLabel('Id of who did it').focus();
  await page.keyboard.type('gj');
  assert.equal(await page.title(), 'Log · Tebdil');

  await page.goto(`${server.url}/admin/overview`);
  const chart = page.getByRole('slider', { name: 'Registrations' });
  await eventually('the days are counted', async () => {
    if (await chart.count()) return true;
    await page.reload();
    return false;
  });
  await chart.focus();
  const today = await chart.getAttribute('aria-valuetext');
  await page.keyboard.press('ArrowLeft');
  const before = await chart.getAttribute('aria-valuetext');
  assert.match(today, /^\w+,? \d+ \w+: \d+, so far$/);
  assert.notEqual(before, today);
  await page.getByRole('button', { name: 'As a table' }).click();
  assert.equal(await page.getByRole('table', { name: 'Thirty days' }).locator('tbody tr').count(), 30);
});

test('the console fits a phone', { timeout }, async (t) => {
  const page = await atConsole(t, browser, server, '', { viewport: { width: 390, height: 844 } });
  await signIn(page, await appoint(server, 'cepte', 'moderator'));
  await shows(page, 'Overview');
  await page.getByRole('button', { name: 'As a table' }).click();
  assert.deepEqual(await violations(page), []);
  for (const name of FOR_ALL) {
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await shows(page, name);
    await page.waitForLoadState('networkidle');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 390, `${name} is ${wide} wide`);
    assert.deepEqual(await violations(page), [], name);
  }
});
