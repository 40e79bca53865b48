// Staff are told of severe reports wherever they are in the console, if they want.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { appoint, atConsole, shows, signIn, violations } from './lib/console.mjs';
import { reported } from './lib/reported.mjs';
import { Server } from './lib/server.mjs';
import { eventually } from './lib/waiting.mjs';

/** Moderators are told once a minute. */
const TOLD_MS = 90_000;

test('an alert leads to the queue, and can be turned off', { timeout: 180_000 }, async (t) => {
  const browser = await Browser.start();
  t.after(() => browser.close());
  const server = await Server.start({ TEBDIL_LIMITS__ENABLED: 'false' });
  t.after(() => server.close());
  const first = await appoint(server, 'nobetci', 'moderator');
  const second = await appoint(server, 'mesaide', 'moderator');
  const told = async ({ api }) => (await api('GET', '/v1/notifications')).items.filter(({ type }) => type === 'staff');
  await reported(server, 3);
  await eventually('they are told', async () => (await told(first)).length > 0, TOLD_MS);

  const page = await atConsole(t, browser, server);
  await signIn(page, first);
  await shows(page, 'Overview');
  const alert = page.getByRole('status').filter({ hasText: 'A severe report waits: Threat.' });
  await alert.waitFor();
  assert.deepEqual(await violations(page), []);
  await alert.getByRole('link', { name: 'Go to the reports' }).click();
  await shows(page, 'Reports');
  assert.equal(await alert.count(), 0);
  await eventually('it is read', async () => (await told(first)).every(({ read }) => read));
  await page.getByRole('navigation').getByRole('link', { name: 'Overview' }).click();
  await page.reload();
  await shows(page, 'Overview');
  await page.waitForLoadState('networkidle');
  assert.equal(await alert.count(), 0);

  const other = await atConsole(t, browser, server, '', { colorScheme: 'dark' });
  await signIn(other, second);
  const unread = other.getByRole('status').filter({ hasText: 'A severe report waits: Threat.' });
  await unread.waitFor();
  await other.getByRole('button', { name: /^Your account/ }).click();
  const wanted = other.getByRole('switch', { name: 'Tell me of reports that wait' });
  assert.ok(await wanted.isChecked());
  await wanted.click();
  await eventually('it is turned off', async () => !(await second.api('GET', '/v1/me/notification-preferences')).staff);
  assert.deepEqual(await violations(other), []);
  await other.keyboard.press('Escape');
  await unread.waitFor({ state: 'detached' });
  await other.reload();
  await shows(other, 'Overview');
  await other.waitForLoadState('networkidle');
  assert.equal(await unread.count(), 0);
});
