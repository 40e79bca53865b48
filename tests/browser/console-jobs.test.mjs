// The jobs room: what died for good is shown, run again or deleted, and the log names who did it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { appoint, atConsole, shows, signIn, violations } from './lib/console.mjs';
import { PushService } from './lib/push-service.mjs';
import { Server } from './lib/server.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 120_000;
let service;

stage({}, async (settings) => {
  service = await PushService.start();
  return Server.start({ ...settings, TEBDIL_PUSH__WEB_EXTRA_ORIGIN: service.origin });
});
after(() => service?.close());

test('dead jobs are run again or deleted, on record', { timeout }, async (t) => {
  const chief = await appoint(server, 'isci_basi', 'admin');
  const away = await Promise.all(['uzakta', 'yolda'].map((alias) => appoint(server, alias)));
  for (const one of away) await one.api('PUT', '/v1/me/push', service.subscription(`/${one.id}`));
  // The service says that it never will understand this: the job is dead at once.
  service.status = 400;
  await chief.api('POST', '/v1/admin/announcements', { tr: 'Bakım var.', en: 'Maintenance.', target: 'all' });
  const dead = async () => (await chief.api('GET', '/v1/admin/jobs?state=dead')).items;
  await eventually('two jobs are dead', async () => (await dead()).length === 2);

  const page = await atConsole(t, browser, server, '/jobs');
  await signIn(page, chief);
  await shows(page, 'Jobs');
  const rows = page.getByRole('table', { name: 'Jobs' }).locator('tbody tr');
  await eventually('both are shown', async () => (await rows.count()) === 2);
  for (const text of await rows.allInnerTexts()) {
    assert.match(text, /push_device[^]*1 \/ 13[^]*cannot read the message/);
  }
  const queue = page.getByRole('row', { name: /push_device/ }).last();
  assert.match(await queue.innerText(), /\t2\b/);
  assert.deepEqual(await violations(page), []);

  const [again, gone] = await dead();
  service.status = 201;
  service.pushes.length = 0;
  await page.getByRole('button', { name: `Run again: job ${again.id}` }).click();
  await page.getByText('The job runs again, with five more attempts.').waitFor();
  await eventually('it leaves the list', async () => (await rows.count()) === 1);
  await eventually('it reaches the device', () => service.pushes.length > 0);
  assert.equal(service.pushes[0].status, 201);

  await page.getByRole('button', { name: `Delete: job ${gone.id}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('The job was deleted.').waitFor();
  await page.getByRole('heading', { name: 'No job is dead' }).waitFor();
  assert.deepEqual(await dead(), []);
  assert.equal(service.pushes.length, 1);

  await page.goto(`${server.url}/admin/log?actor=${chief.id}`);
  await page.getByRole('cell', { name: 'deleted a job', exact: true }).waitFor();
  const { items } = await chief.api('GET', `/v1/admin/system-logs?actor=${chief.id}`);
  const acts = items.filter(({ action }) => action.startsWith('job_')).reverse();
  assert.deepEqual(
    acts.map(({ action, actor_handle, details }) => [action, actor_handle, details.job_id]),
    [['job_retried', chief.handle, again.id], ['job_deleted', chief.handle, gone.id]],
  );
});

test('a moderator sees dead jobs, and cannot touch them', { timeout }, async (t) => {
  const judge = await appoint(server, 'seyirci', 'moderator');
  const away = await appoint(server, 'denizde');
  const chief = await appoint(server, 'ustabasi', 'admin');
  await away.api('PUT', '/v1/me/push', service.subscription(`/${away.id}`));
  service.status = 413;
  await chief.api('POST', '/v1/admin/announcements', { tr: 'Bakım bitti.', en: 'It is over.', target: 'all' });
  const dead = async () => (await judge.api('GET', '/v1/admin/jobs?state=dead')).items;
  const [job] = await eventually('a job is dead', async () => {
    const found = await dead();
    return found.length > 0 && found;
  });
  const page = await atConsole(t, browser, server, '/jobs');
  await signIn(page, judge);
  await page.getByRole('table', { name: 'Jobs' }).getByText('cannot read the message').first().waitFor();
  await page.getByText('Admins can let a dead job run again, or delete it.').waitFor();
  assert.equal(await page.locator('main').getByRole('button', { name: /^(Run again|Delete)/ }).count(), 0);
  await assert.rejects(judge.api('POST', `/v1/admin/jobs/${job.id}/retry`), /403.*forbidden/);
});
