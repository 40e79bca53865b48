// The pictures of the guide for moderators: the console on a desktop, with what strangers have reported.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Album } from './lib/album.mjs';
import { Client } from './lib/client.mjs';
import { appoint, atConsole, shows, signIn } from './lib/console.mjs';
import { reported } from './lib/reported.mjs';
import { Server } from './lib/server.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 120_000;
const DAY_MS = 86_400_000;
const ALIASES = ['poyraz', 'ceviz', 'iskele', 'kumru', 'tarcin', 'mercan', 'sahaf', 'pirinc', 'lodos', 'incir'];
const NOTES = [
  'Posts the same link again and again.',
  'Insulted me as soon as we met.',
  'Said that they know where I live.',
  'A strange alias.',
  'Slurs, one after the other.',
  'Says that they are 14.',
  'Wanted photos, and did not stop.',
];
const SAID = ['Which street is yours?', 'I will find out anyway', 'And then you will see me at your door'];

let album;

stage({}, async (settings) => {
  album = await Album.open(browser);
  return Server.start(settings);
});

after(() => album?.close());

async function somebody(t, alias) {
  const client = await Client.open(browser, server);
  t.after(() => client.close());
  await client.register(alias);
  return client;
}

async function meet(...sides) {
  for (const side of sides) await side.find.click();
  for (const side of sides) await side.matched();
}

/** Reports the peer, with every message that can be proven. */
async function report({ page }, reason, note) {
  await page.locator('button.peer').click();
  await page.getByRole('button', { name: /^Report/ }).click();
  const sheet = page.getByRole('dialog');
  await sheet.getByText(reason, { exact: true }).click();
  await sheet.getByRole('checkbox', { name: /block/i }).uncheck();
  await sheet.getByLabel(/^Note/).fill(note);
  await sheet.getByRole('button', { name: 'Report', exact: true }).click();
  await sheet.getByRole('button', { name: 'Done' }).click();
}

/** As many as a server has that began long ago. What waits is what waits. */
function busy({ totals, live }) {
  const days = Array.from({ length: 30 }, (_, ago) => {
    const at = new Date(Date.now() - ago * DAY_MS);
    // More on weekends, more from week to week, and half of today.
    const much = (ago === 0 ? 0.5 : 1) * ([0, 6].includes(at.getUTCDay()) ? 1.3 : 1) * (1.4 - ago / 75);
    const some = (number) => Math.round(number * much * (1 + ((ago * number) % 7) / 20));
    return {
      day: at.toISOString().slice(0, 10), complete: ago > 0, registrations: some(180), text_matches: some(2_601),
      video_matches: some(740), messages: some(61_001), claims: some(96), claims_approved: some(68), reports: some(23),
      bans: some(4), active_users: some(4_170),
    };
  });
  const now = { users: 18_240, premium_users: 611, active_matches: 312, provisional_bans: 1, open_appeals: 2 };
  const queues = { text: { searching: 9, oldest_wait_s: 6 }, video: { searching: 3, oldest_wait_s: 21 } };
  return { totals: { ...totals, ...now }, live: { ...live, ...queues, online: 742 }, days };
}

test('pictures of the console', { timeout }, async (t) => {
  const [berk, cem] = await Promise.all([somebody(t, 'berk_t'), somebody(t, 'cem_a')]);
  await meet(cem, berk);
  await report(cem, 'Harassment', 'Rude from the first word.');
  const judge = await appoint(server, 'yargic', 'moderator');
  const [first] = (await judge.api('GET', '/v1/admin/reports/queue')).items;
  const warning = { decision: 'warn', note: 'Harassment: first time, a warning is enough.' };
  await judge.api('POST', `/v1/admin/reports/${first.id}/resolve`, warning);
  await cem.page.getByRole('button', { name: 'Leave', exact: true }).click();
  await berk.page.locator('.after').waitFor();
  await berk.page.goto(server.url);
  const ayse = await somebody(t, 'ayse_k');
  await meet(ayse, berk);
  for (const text of SAID) await berk.say(text);
  await ayse.reads(SAID.at(-1));
  await report(ayse, 'Threat', 'I am afraid to go out.');
  await reported(server, ALIASES.length, (n) => NOTES[n % NOTES.length], (n) => ALIASES[n]);

  const page = await atConsole(t, browser, server, '', { deviceScaleFactor: 2, timezoneId: 'Europe/Istanbul' });
  await page.route('**/v1/admin/overview', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, ...(response.ok() && { json: busy(await response.json()) }) });
  });
  const hakem = await appoint(server, 'hakem', 'moderator');
  // An alert comes at some minute or other: it would be in one picture and not in the next.
  await hakem.api('PATCH', '/v1/me/notification-preferences', { staff: false });
  await signIn(page, hakem);
  await shows(page, 'Overview');
  assert.equal(await page.getByRole('slider').count(), 8);
  await album.take(page, 'console-overview-light', 'light', 'desktop');

  await page.keyboard.press('g');
  await page.keyboard.press('r');
  await page.locator('[data-row]').first().waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('3 messages verified').waitFor();
  await page.keyboard.press('3');
  await album.take(page, 'console-reports-dark', 'dark', 'desktop');
  await page.keyboard.press('Escape');

  await page.goto(`${server.url}/admin/people/${first.reported.user_id}?tab=about`);
  const records = page.getByRole('tabpanel').locator('tbody tr');
  await eventually('both reports are listed', async () => (await records.count()) === 2);
  await album.take(page, 'console-person-light', 'light', 'desktop');

  await judge.api('POST', `/v1/admin/users/${first.reported.user_id}/ban`, { reason: 'Threats.' });
  await page.goto(`${server.url}/admin/log`);
  await page.getByRole('cell', { name: 'banned', exact: true }).waitFor();
  await album.take(page, 'console-log-dark', 'dark', 'desktop');
});
