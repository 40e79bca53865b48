// The account in the web client: what somebody can change, take along and end.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { Client, PASSWORD } from './lib/client.mjs';
import { browser, server, stage } from './lib/stage.mjs';

const timeout = 90_000;

stage();

/** Somebody new. What went wrong in the page fails the test. */
async function somebody(t, options) {
  const client = await Client.open(browser, server, options);
  t.after(() => client.close());
  await client.register('ayse_k');
  return client;
}

const button = (page, name) => page.getByRole('button', { name, exact: true });

test('name, interests and languages are kept', { timeout }, async (t) => {
  const { page } = await somebody(t);
  await page.goto(`${server.url}/account`);
  await page.getByRole('link', { name: 'Change name' }).click();
  await page.getByLabel('Alias').fill('a b');
  await button(page, 'Save').click();
  await page.getByLabel('Alias').and(page.locator('[aria-invalid=true]')).waitFor();
  await page.getByLabel('Alias').fill('kediadam');
  await button(page, 'Save').click();
  await page.locator('h1', { hasText: /^kediadam#\d{4}$/ }).waitFor();

  await page.getByRole('link', { name: /^Interests/ }).click();
  await page.getByLabel('Interest', { exact: true }).fill('Coffee');
  await button(page, 'Add').click();
  await page.getByRole('button', { name: /^coffee/ }).waitFor();
  await page.goto(`${server.url}/account/languages`);
  await button(page, 'Turkish').click();
  await page.locator('[aria-pressed=true]', { hasText: 'Turkish' }).waitFor();
  await page.reload();
  await page.locator('[aria-pressed=true]', { hasText: 'Turkish' }).waitFor();
  await page.goto(`${server.url}/account`);
  await page.getByRole('link', { name: /^Interests coffee/ }).waitFor();
});

test('an invitation link brings somebody', { timeout }, async (t) => {
  const host = await somebody(t);
  await host.page.goto(`${server.url}/account/invite`);
  const link = await host.page.getByLabel('Your invitation link').inputValue();
  assert.match(link, new RegExp(`^${server.url}/register\\?invite=[a-z0-9]+$`));
  const guest = await Client.open(browser, server);
  t.after(() => guest.close());
  await guest.register('berk_t', link);
  await host.page.reload();
  await host.page.getByText('By link').waitFor();
});

test('the export is a file with what is kept', { timeout }, async (t) => {
  const { page } = await somebody(t);
  await page.goto(`${server.url}/account/export`);
  const [file] = await Promise.all([page.waitForEvent('download'), button(page, 'Download my data').click()]);
  const data = JSON.parse(await readFile(await file.path(), 'utf8'));
  assert.equal(data.account.alias, 'ayse_k');
  await page.getByText('Downloaded.').waitFor();
});

test('a changed password is the one to sign in with', { timeout }, async (t) => {
  const client = await somebody(t);
  const { page } = client;
  const next = 'another long passphrase';
  await page.goto(`${server.url}/account/password`);
  await page.getByLabel('Current password').fill('not my password');
  await page.getByLabel('New password').fill(next);
  await button(page, 'Save').click();
  await page.getByText('The password is not right.').waitFor();
  await page.getByLabel('Current password').fill(PASSWORD);
  await button(page, 'Save').click();
  await page.locator('h1', { hasText: /^ayse_k#/ }).waitFor();

  await page.getByRole('button', { name: /^Sign out/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click();
  // The server is told first: whoever leaves the page before that stays signed in.
  await page.locator('a[href="/sign-in"]').first().waitFor();
  await client.signIn(PASSWORD);
  await page.getByRole('alert').waitFor();
  await client.signIn(next);
  await client.find.waitFor();
});

test('a deleted account is gone, here and there', { timeout }, async (t) => {
  const client = await somebody(t);
  const { page } = client;
  await page.goto(`${server.url}/account/delete`);
  await button(page, 'Delete my account').click();
  await page.getByText('Tick this to go on.').waitFor();
  await page.getByLabel('Current password').fill(PASSWORD);
  await page.getByRole('checkbox').check();
  await button(page, 'Delete my account').click();
  // The page of somebody new: nobody is signed in any more.
  await page.locator('a[href="/sign-in"]').first().waitFor();
  const kept = await client.kept();
  assert.doesNotMatch(kept.text, /ayse_k/);
  await client.signIn(PASSWORD);
  await page.getByRole('alert').waitFor();
});
