import { expect, test } from 'vitest';
import type { AdminAppeal } from '../../net/api.d.ts';
import { FakeServer } from '../fake-server.ts';
import { Appeals } from './appeals.svelte.ts';

const LIST = 'GET /v1/admin/appeals';
const appeal = (id: string, hour: number, more: { mine?: boolean; user?: string } = {}) =>
  ({
    id,
    created_at: `2026-11-22T${String(hour).padStart(2, '0')}:00:00Z`,
    user_id: more.user ?? '9',
    ban: { banned_by_me: more.mine ?? false },
  }) as AdminAppeal;

async function queue(...items: AdminAppeal[]): Promise<[Appeals, FakeServer]> {
  const server = new FakeServer('moderator').answers(LIST, { body: { items, next_cursor: null } });
  const appeals = new Appeals(server);
  await appeals.load();
  return [appeals, server];
}

const ids = ({ waiting }: Appeals): string[] => (waiting ?? []).map(({ id }) => id);
const DECIDE = 'POST /v1/admin/appeals/3/decide';

test('the oldest comes first, and what one may not decide last', async () => {
  const [appeals] = await queue(
    appeal('5', 12),
    appeal('4', 11, { mine: true }),
    appeal('3', 10),
    appeal('2', 9, { user: '1' }),
  );
  expect(ids(appeals)).toEqual(['3', '5', '2', '4']);
  expect((appeals.waiting ?? []).map((one) => appeals.bar(one))).toEqual([
    null, null, 'own_appeal', 'own_ban',
  ]);
});

test('a long queue is read to its end', async () => {
  const server = new FakeServer().answers(
    LIST,
    { body: { items: [appeal('5', 12)], next_cursor: 'x' } },
    { body: { items: [appeal('3', 10)], next_cursor: null } },
  );
  const appeals = new Appeals(server);
  await appeals.load();
  expect(ids(appeals)).toEqual(['3', '5']);
  expect(server.asked[1]?.what).toBe(`${LIST}?status=open&limit=100&cursor=x`);
});

test('a decided one leaves the queue, and the next one comes', async () => {
  const [appeals, server] = await queue(appeal('3', 10), appeal('5', 12));
  server.answers(DECIDE, { status: 204 });
  const [first] = appeals.waiting ?? [];
  expect(appeals.after('3')).toBe('5');
  expect(await appeals.decide(first!, 'lift', 'a film')).toBe(true);
  expect(server.of(DECIDE)[0]?.body).toEqual({ decision: 'lift', note: 'a film' });
  expect([ids(appeals), appeals.after('5')]).toEqual([['5'], null]);
});

test('a list that was on its way does not bring a decided one back', async () => {
  const [appeals, server] = await queue(appeal('3', 10), appeal('5', 12));
  server.answers(DECIDE, { status: 204 });
  const reading = appeals.load();
  await appeals.decide(appeals.waiting![0]!, 'lift', 'a film');
  await reading;
  await appeals.load();
  expect(ids(appeals)).toEqual(['5']);
});

test('what somebody else has just decided is told, and leaves the queue', async () => {
  const [appeals, server] = await queue(appeal('3', 10));
  server.refuses(DECIDE, 409, 'already_decided');
  expect(await appeals.decide(appeals.waiting![0]!, 'uphold', 'x')).toBe(false);
  expect([appeals.act.code, ids(appeals)]).toEqual(['already_decided', []]);
});

test('what one may not decide stays', async () => {
  const [appeals, server] = await queue(appeal('3', 10));
  server.refuses(DECIDE, 403, 'forbidden');
  expect(await appeals.decide(appeals.waiting![0]!, 'uphold', 'x')).toBe(false);
  expect([appeals.act.code, ids(appeals)]).toEqual(['forbidden', ['3']]);
});
