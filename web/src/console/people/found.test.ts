import { expect, test } from 'vitest';
import { FakeServer } from '../fake-server.ts';
import { Found } from './found.svelte.ts';
import { t } from './text.ts';

const LIST = 'GET /v1/admin/users';
const BY_PHONE = 'POST /v1/admin/users/find';
const page = (...ids: string[]) => ({ body: { items: ids.map((id) => ({ id })), next_cursor: null } });
const ids = (found: Found): string[] => found.pages.items.map(({ id }) => id);

async function search(server: FakeServer, typed: string): Promise<Found> {
  const found = new Found(server);
  found.typed = typed;
  await found.search();
  return found;
}

test('a handle is looked for by its beginning', async () => {
  const server = new FakeServer('moderator').answers(LIST, page('7'));
  const found = await search(server, ' kediadam#90 ');
  expect(ids(found)).toEqual(['7']);
  expect(server.asked.map(({ what }) => what)).toEqual([`${LIST}?query=kediadam%2390`]);
});

test('filters and the search hold together', async () => {
  const server = new FakeServer().answers(LIST, page('7'));
  const found = await search(server, 'kedi');
  await found.filter({ banned: true });
  expect(server.asked.at(-1)?.what).toBe(`${LIST}?banned=true&query=kedi`);
  found.typed = '';
  await found.search();
  expect(server.asked.at(-1)?.what).toBe(`${LIST}?banned=true`);
});

test('an admin finds a phone without an address, and it does not stay in the field', async () => {
  const server = new FakeServer().answers(BY_PHONE, { body: { items: [{ id: '9' }] } });
  const found = await search(server, '0532 123 45 67');
  expect([found.typed, found.of, ids(found), found.pages.more]).toEqual(['', 'phone', ['9'], false]);
  expect(server.asked).toMatchObject([{ what: BY_PHONE, body: { phone: '0532 123 45 67' } }]);
});

test('a number that is none stays to be mended', async () => {
  const server = new FakeServer().refuses(BY_PHONE, 422, 'invalid_phone', 'phone');
  const found = await search(server, '05321234');
  expect([found.typed, found.wrong, found.of]).toEqual(['05321234', t.invalidPhone, 'all']);
});

test('a moderator’s number is sent nowhere', async () => {
  const server = new FakeServer('moderator');
  const found = await search(server, '+905321234567');
  expect([found.typed, found.wrong]).toEqual(['', t.phoneForAdmins]);
  expect(server.asked).toEqual([]);
});

test('what cannot be a handle is said in words', async () => {
  const server = new FakeServer().refuses(LIST, 422, 'invalid_field', 'query');
  const found = await search(server, 'kedi adam');
  expect([found.wrong, found.pages.error, ids(found)]).toEqual([t.unreadable, null, []]);
});

test('a phone number among other words is sent nowhere', async () => {
  const server = new FakeServer();
  const found = await search(server, 'kedi 0532 123 45 67');
  expect([found.wrong, server.asked]).toEqual([t.unreadable, []]);
});

test('a number is looked up once, however often Enter is pressed', async () => {
  const server = new FakeServer().answers(BY_PHONE, { body: { items: [{ id: '9' }] } });
  const found = new Found(server);
  found.typed = '0532 123 45 67';
  const first = found.search();
  expect(found.busy).toBe(true);
  await found.search();
  await first;
  expect([server.asked.length, found.busy, ids(found)]).toEqual([1, false, ['9']]);
});

test('what was asked for last is shown, whatever is answered first', async () => {
  const server = new FakeServer().answers(BY_PHONE, { body: { items: [{ id: '9' }] } }).answers(LIST, page('7'));
  const found = new Found(server);
  found.typed = '0532 123 45 67';
  const first = found.search();
  await found.filter({ banned: true });
  await first;
  expect([found.of, ids(found), found.busy, found.typed]).toEqual(['all', ['7'], false, '0532 123 45 67']);
});
