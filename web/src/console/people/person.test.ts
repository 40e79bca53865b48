import { expect, test } from 'vitest';
import { FakeServer } from '../fake-server.ts';
import { Person } from './person.svelte.ts';

const USER = 'GET /v1/admin/users/7';
const account = (more = {}) => ({ body: { id: '7', role: 'user', is_banned: false, ...more } });

async function person(server: FakeServer): Promise<Person> {
  const one = new Person('7', server);
  await one.load();
  return one;
}

test('a ban is shown at once, and lists are read again', async () => {
  const server = new FakeServer('moderator')
    .answers(USER, account(), account({ is_banned: true }))
    .answers('POST /v1/admin/users/7/ban', { status: 201 });
  const one = await person(server);
  expect(await one.ban('Threats', '2027-01-01T00:00:00.000Z')).toBe(true);
  expect(server.of('POST /v1/admin/users/7/ban')[0]?.body).toEqual({
    reason: 'Threats',
    until: '2027-01-01T00:00:00.000Z',
  });
  expect([one.account?.is_banned, one.may.has('unban'), one.changes]).toEqual([true, true, 1]);
});

test('whoever was faster is seen: nothing is done, and the page shows it', async () => {
  const server = new FakeServer('moderator')
    .answers(USER, account(), account({ is_banned: true }))
    .refuses('POST /v1/admin/users/7/ban', 409, 'already_banned');
  const one = await person(server);
  expect(await one.ban('Threats')).toBe(false);
  expect([one.act.code, one.account?.is_banned]).toEqual(['already_banned', true]);
});

test('what is refused for good changes nothing', async () => {
  const server = new FakeServer('moderator')
    .answers(USER, account())
    .refuses('POST /v1/admin/users/7/ban', 403, 'forbidden');
  const one = await person(server);
  expect(await one.ban('Threats')).toBe(false);
  expect([one.act.code, one.changes, server.of(USER).length]).toEqual(['forbidden', 0, 1]);
});

test('a correction whose answer was lost is the same one when it is tried again', async () => {
  const path = 'POST /v1/admin/users/7/quota';
  const server = new FakeServer().answers(USER, account()).answers(path, 'lost', {}, {});
  const one = await person(server);
  expect(await one.correct('bonus', 5, 'T-17')).toBe(false);
  expect(await one.correct('bonus', 5, 'T-17')).toBe(true);
  await one.correct('bonus', 5, 'T-17');
  const [first, again, another] = server.of(path).map(({ key }) => key);
  expect(first).toBe(again);
  expect(another).not.toBe(first);
});

test('an erased account has nothing left to do', async () => {
  const server = new FakeServer()
    .answers(USER, account(), account({ erased_at: '2026-11-22T10:00:00Z' }))
    .answers('POST /v1/admin/users/7/erase', { status: 204 });
  const one = await person(server);
  expect(await one.erase('ticket 17')).toBe(true);
  expect([...one.may].sort()).toEqual(['ban', 'reliability']);
});

test('somebody who is not there says so', async () => {
  const one = await person(new FakeServer().refuses(USER, 404, 'not_found'));
  expect(one.account).toBeNull();
  expect(one.error).toMatchObject({ code: 'not_found' });
});
