import { expect, test } from 'vitest';
import type { AdminBan } from '../../net/api.d.ts';
import { FakeServer } from '../fake-server.ts';
import { Bans } from './bans.svelte.ts';

const LIST = 'GET /v1/admin/bans';
const BAN = { id: '3', user_id: '9' } as AdminBan;
const page = (...items: AdminBan[]) => ({ body: { items, next_cursor: null } });
const ids = ({ pages }: Bans): string[] => pages.items.map(({ id }) => id);

async function bans(server: FakeServer): Promise<Bans> {
  const all = new Bans(server);
  await all.show('waiting');
  return all;
}

test('those that wait are asked for first', async () => {
  const server = new FakeServer().answers(LIST, page(BAN));
  const all = await bans(server);
  await all.show('all');
  expect(server.asked.map(({ what }) => what)).toEqual([`${LIST}?provisional=true&active=true`, LIST]);
});

test('a confirmed ban is read again', async () => {
  const path = 'POST /v1/admin/bans/3/confirm';
  const server = new FakeServer().answers(LIST, page(BAN), page()).answers(path, {});
  const all = await bans(server);
  expect(await all.confirm(BAN, 'spam', '2027-01-01T00:00:00.000Z')).toBe(true);
  expect(server.of(path)[0]?.body).toEqual({ note: 'spam', until: '2027-01-01T00:00:00.000Z' });
  expect(ids(all)).toEqual([]);
});

test('one that ended meanwhile is told and goes; a refusal leaves it', async () => {
  const path = 'POST /v1/admin/users/9/unban';
  const server = new FakeServer().answers(LIST, page(BAN)).refuses(path, 403, 'forbidden');
  const all = await bans(server);
  expect([await all.lift(BAN, 'x'), all.act.code, ids(all)]).toEqual([false, 'forbidden', ['3']]);
  server.refuses(path, 409, 'not_banned').answers(LIST, page());
  expect([await all.lift(BAN, 'x'), all.act.code, ids(all)]).toEqual([false, 'not_banned', []]);
});

test('a lift whose answer was lost is repeated, not done again', async () => {
  const path = 'POST /v1/admin/users/9/unban';
  const server = new FakeServer().answers(LIST, page(BAN)).answers(path, 'lost', { status: 204 });
  const all = await bans(server);
  expect([await all.lift(BAN, 'x'), await all.lift(BAN, 'x')]).toEqual([false, true]);
  const [first, again] = server.of(path).map(({ key }) => key);
  expect(first).toBe(again);
});
