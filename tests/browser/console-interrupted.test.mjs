// Decisions that are interrupted: by another moderator, by the end of the page, by the end of the server. Each report
// is decided once, with all that follows, or it is open.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { appoint, atConsole, signIn } from './lib/console.mjs';
import { reported } from './lib/reported.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { eventually, pause } from './lib/waiting.mjs';

const timeout = 150_000;
/** Longer than a decision can be undone. */
const SENT_MS = 20_000;

stage();

/** Reports that wait, severest first. */
const waiting = async ({ api }) => (await api('GET', '/v1/admin/reports/queue')).items;

/** A moderator whose console has a report open that can be decided. */
async function onReport(t, judge, { id }) {
  const page = await atConsole(t, browser, server, `/reports/${id}`);
  await signIn(page, judge);
  await page.locator('.decide').waitFor();
  return page;
}

/** Bans for good, which is sent only later. */
async function decide(page) {
  await page.keyboard.press('4');
  await page.keyboard.press('Enter');
  await page.getByText(/: banned$/).waitFor();
}

/** What is on record about a report: its state, the bans of who was reported, and how often each was logged. */
async function record({ api }, { id, reported: { user_id } }) {
  const [{ status }, { items: bans }, { items: log }] = await Promise.all([
    api('GET', `/v1/admin/reports/${id}`),
    api('GET', `/v1/admin/bans?user=${user_id}`),
    api('GET', `/v1/admin/system-logs?user=${user_id}`),
  ]);
  const times = (name) => log.filter(({ action }) => action === name).length;
  return { status, bans: bans.length, resolved: times('report_resolved'), banned: times('banned') };
}

const OPEN = { status: 'open', bans: 0, resolved: 0, banned: 0 };
const BANNED = { status: 'banned', bans: 1, resolved: 1, banned: 1 };

test('of two who decide at the same time one is told', { timeout }, async (t) => {
  const [one, other] = [await appoint(server, 'yargic', 'moderator'), await appoint(server, 'sulh', 'moderator')];
  await reported(server, 1);
  const [report] = await waiting(one);
  const first = await onReport(t, one, report);
  // Its page does not know that it let go of the report, as when it slept for too long.
  await one.api('DELETE', `/v1/admin/reports/${report.id}/take`);
  const second = await onReport(t, other, report);
  await Promise.all([first, second].map(decide));

  const told = first.getByText(/the decision was not recorded\. (Somebody else decided before you|Your time ran out)/);
  const alsoTold = second.getByText(/the decision was not recorded\. Somebody else decided before you/);
  await eventually('one is told', async () => (await told.count()) + (await alsoTold.count()) > 0, SENT_MS);
  await eventually('it is decided', async () => (await record(one, report)).status !== 'open', SENT_MS);
  await pause(500);
  assert.equal((await told.count()) + (await alsoTold.count()), 1);
  assert.deepEqual(await record(one, report), BANNED);
});

test('calls that decide the same are done once', { timeout }, async (t) => {
  const judges = await Promise.all(['bir', 'iki', 'uc'].map((n) => appoint(server, `${n}_kadi`, 'moderator')));
  await reported(server, 6);
  for (const report of await waiting(judges[0])) {
    const body = { decision: 'ban', note: 'Threats.' };
    const tries = judges.map(({ api }) => api('POST', `/v1/admin/reports/${report.id}/resolve`, body));
    const ends = await Promise.allSettled(tries);
    const refused = ends.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message);
    assert.equal(refused.length, 2);
    for (const why of refused) assert.match(why, /409.*already_decided/);
    assert.deepEqual(await record(judges[0], report), BANNED);
  }
});

test('a page that is closed sends what is held', { timeout }, async (t) => {
  const judge = await appoint(server, 'aceleci', 'moderator');
  await reported(server, 1);
  const [report] = await waiting(judge);
  const page = await onReport(t, judge, report);
  await decide(page);
  assert.deepEqual(await record(judge, report), OPEN);
  const closed = performance.now();
  await page.close({ runBeforeUnload: true });
  await eventually('it is decided', async () => (await record(judge, report)).status === 'banned', 5_000);
  t.diagnostic(`decided ${Math.round(performance.now() - closed)} ms after the page was closed`);
  assert.deepEqual(await record(judge, report), BANNED);
});

test('a killed server leaves no decision half done', { timeout }, async (t) => {
  const judge = await appoint(server, 'sabirli', 'moderator');
  await reported(server, 8);
  const ends = {};
  for (const [n, report] of (await waiting(judge)).entries()) {
    const body = { decision: 'ban', note: 'Threats.' };
    const call = judge.api('POST', `/v1/admin/reports/${report.id}/resolve`, body).then(() => true, () => false);
    await pause(n * 2);
    await server.restart(0);
    const answered = await call;
    const found = await record(judge, report);
    assert.deepEqual(found, found.status === 'open' ? OPEN : BANNED, `${n * 2} ms`);
    if (answered) assert.equal(found.status, 'banned');
    const end = `${found.status}, ${answered ? 'answered' : 'not answered'}`;
    ends[end] = (ends[end] ?? 0) + 1;
  }
  t.diagnostic(JSON.stringify(ends));
});

test('a decision outlives the server that it is sent to', { timeout }, async (t) => {
  const judge = await appoint(server, 'inatci', 'moderator');
  await reported(server, 1);
  const report = (await waiting(judge)).at(-1);
  const page = await onReport(t, judge, report);
  let kills = 0;
  await page.route('**/resolve', async (route) => {
    await route.continue();
    kills += 1;
    if (kills === 1) await server.restart(1_000);
  });
  await decide(page);
  const decided = async () => (await record(judge, report).catch(() => OPEN)).status === 'banned';
  await eventually('it is decided', decided, 60_000);
  await page.getByText('could not be sent yet').waitFor({ state: 'detached' });
  assert.deepEqual(await record(judge, report), BANNED);
  t.diagnostic(`sent ${kills} times`);
});
