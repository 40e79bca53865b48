// From a report to a ban, an appeal and back, with moderators who call the API.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, PASSWORD, pair } from './lib/client.mjs';
import { moderator } from './lib/staff.mjs';
import { browser, server, stage } from './lib/stage.mjs';

const timeout = 90_000;

stage();

/** One side threatens, and the other reports it with the proof. */
async function threatened(ayse, berk) {
  await berk.say('a threat that can be proven');
  await ayse.reads('a threat that can be proven');
  await ayse.page.locator('button.peer').click();
  await ayse.page.getByRole('button', { name: /^Report/ }).click();
  const sheet = ayse.page.getByRole('dialog');
  await sheet.getByText('Threat', { exact: true }).click();
  await sheet.getByRole('checkbox', { name: /block/i }).uncheck();
  await sheet.getByRole('button', { name: 'Report', exact: true }).click();
  await sheet.getByRole('button', { name: 'Done' }).click();
}

test('a report bans, an appeal lifts, and the chat goes on', { timeout }, async (t) => {
  const [ayse, berk] = await pair(browser, server);
  for (const side of [ayse, berk]) t.after(() => side.close());
  const [one, other] = [await moderator(server, 'yargic'), await moderator(server, 'hakem')];

  await threatened(ayse, berk);

  const { items } = await one('GET', '/reports');
  assert.equal(items.length, 1);
  const report = await one('GET', `/reports/${items[0].id}`);
  assert.deepEqual([report.reason, report.evidence.map(({ text, verified }) => [text, verified])], [
    'threat',
    [['a threat that can be proven', true]],
  ]);
  await one('POST', `/reports/${report.id}/resolve`, { decision: 'ban', note: 'seen' });
  await berk.page.getByRole('heading', { name: 'Your account is banned' }).waitFor();
  assert.doesNotMatch((await berk.kept()).text, /threat|berk_t/);

  await berk.page.getByRole('button', { name: 'Sign in' }).click();
  await berk.signIn(PASSWORD);
  await berk.page.getByText('Threat', { exact: true }).waitFor();
  const send = berk.page.getByRole('button', { name: 'Send the appeal' });
  await send.click();
  await berk.page.getByText('Write what happened.').waitFor();
  await berk.page.getByLabel('What happened?').fill('We were reading lines from a film.');
  await send.click();
  await berk.page.getByRole('heading', { name: 'Your appeal is waiting' }).waitFor();

  const [appeal] = (await other('GET', '/appeals')).items;
  assert.equal(appeal.text, 'We were reading lines from a film.');
  await other('POST', `/appeals/${appeal.id}/decide`, { decision: 'lift', note: 'a film indeed' });
  await berk.page.getByRole('button', { name: 'Look again' }).click();
  await berk.page.getByRole('heading', { name: 'Your ban was lifted' }).waitFor();
  await berk.page.getByRole('button', { name: 'Sign in' }).click();
  await berk.signIn(PASSWORD);
  await berk.find.waitFor();

  // Not with whom one met lately.
  const ceren = await Client.open(browser, server);
  t.after(() => ceren.close());
  await ceren.register('ceren_d');
  for (const side of [ceren, berk]) await side.find.click();
  for (const side of [ceren, berk]) await side.matched();
  await berk.say('here again');
  await ceren.reads('here again');
});

test('who is warned can answer once, beside the report', { timeout }, async (t) => {
  const [ayse, berk] = await pair(browser, server);
  for (const side of [ayse, berk]) t.after(() => side.close());
  const one = await moderator(server, 'yargic');
  await threatened(ayse, berk);
  const [report] = (await one('GET', '/reports/queue')).items;
  await one('POST', `/reports/${report.id}/resolve`, { decision: 'warn', note: 'seen' });
  await berk.page.goto(`${server.url}/notifications`);
  const warning = berk.page.getByRole('button', { name: /Somebody reported you for threats/ });
  await warning.click();
  const sheet = berk.page.getByRole('dialog');
  await sheet.getByLabel('What you want to tell the moderators').fill('It was a line from a film.');
  await sheet.getByRole('button', { name: 'Send' }).click();
  await berk.page.getByText('The moderators have your answer').waitFor();
  const { answer } = await one('GET', `/reports/${report.id}`);
  assert.equal(answer.text, 'It was a line from a film.');
  await warning.click();
  await sheet.getByLabel('What you want to tell the moderators').fill('And another thing.');
  await sheet.getByRole('button', { name: 'Send' }).click();
  await sheet.getByText('You have answered this warning before.').waitFor();
});

test('who was given another name is understood under it', { timeout }, async (t) => {
  const [ayse, berk] = await pair(browser, server);
  for (const side of [ayse, berk]) t.after(() => side.close());
  const one = await moderator(server, 'yargic');
  await threatened(ayse, berk);
  const [report] = (await one('GET', '/reports/queue')).items;
  await one('POST', `/reports/${report.id}/resolve`, { decision: 'rename', note: 'seen' });
  await berk.page.getByText('A moderator gave you another name').waitFor();
  await berk.say('in the chat from before');
  await ayse.reads('in the chat from before');
  const other = await Client.open(browser, server);
  t.after(() => other.close());
  await other.register('cem_a');
  // Without loading the page anew.
  await berk.page.getByRole('button', { name: 'Leave and find the next' }).click();
  await other.find.click();
  await other.matched();
  await berk.say('under the new name');
  await other.reads('under the new name');
});
