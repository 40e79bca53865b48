import { expect, test } from 'vitest';
import { Alerts } from './alerts.svelte.ts';
import { FakeServer } from './fake-server.ts';

const PREFERENCES = 'GET /v1/me/notification-preferences';
const CHANGE = 'PATCH /v1/me/notification-preferences';
const LIST = 'GET /v1/notifications';
const READ = 'POST /v1/notifications/read';
const notice = (id: string, more = {}) => ({ id, type: 'staff', read: false, ...more });
const listed = (...items: unknown[]) => ({ body: { items } });
const ids = ({ unread }: Alerts): string[] => unread.map(({ id }) => id);

function stage(staff = true) {
  const server = new FakeServer('moderator')
    .answers(PREFERENCES, { body: { staff } })
    .answers(LIST, listed(notice('4'), notice('3', { type: 'match' }), notice('2', { read: true }), notice('1')))
    .answers(READ, {});
  return { server, alerts: new Alerts(server.rest) };
}

test('unread alerts for staff are shown, and nothing else', async () => {
  const { alerts } = stage();
  await alerts.look();
  expect([alerts.wanted, ids(alerts)]).toEqual([true, ['4', '1']]);
});

test('who wants no alerts is asked for none', async () => {
  const { alerts, server } = stage(false);
  await alerts.look();
  expect([alerts.wanted, ids(alerts), server.of(LIST).length]).toEqual([false, [], 0]);
});

test('alerts are turned off and on', async () => {
  const { alerts, server } = stage();
  server.answers(CHANGE, {});
  await alerts.look();
  await alerts.want(false);
  expect([alerts.wanted, ids(alerts)]).toEqual([false, []]);
  await alerts.want(true);
  expect([alerts.wanted, ids(alerts)]).toEqual([true, ['4', '1']]);
  expect(server.of(CHANGE).map(({ body }) => body)).toEqual([{ staff: false }, { staff: true }]);
});

test('a choice that is refused is taken back', async () => {
  const { alerts, server } = stage();
  server.refuses(CHANGE, 503, 'unavailable');
  await alerts.look();
  await alerts.want(false);
  expect([alerts.wanted, alerts.act.code, ids(alerts)]).toEqual([true, 'unavailable', ['4', '1']]);
});

test('alerts that were seen stay away, also while that is told', async () => {
  const { alerts, server } = stage();
  await alerts.look();
  const told = alerts.seen();
  await alerts.look();
  expect(ids(alerts)).toEqual([]);
  await told;
  expect(server.of(READ).map(({ body }) => body)).toEqual([{ ids: ['4', '1'] }]);
  await alerts.seen();
  expect(server.of(READ).length).toBe(1);
});

test('alerts come back where the server did not hear that they were seen', async () => {
  const { alerts, server } = stage();
  server.answers(READ, 'lost');
  await alerts.look();
  await alerts.seen();
  await alerts.look();
  expect(ids(alerts)).toEqual(['4', '1']);
});
