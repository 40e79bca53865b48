import { expect, test } from 'vitest';
import type { Announcement } from '../../net/api.d.ts';
import { FakeServer } from '../fake-server.ts';
import { Announcements } from './announcements.svelte.ts';
import { t } from './text.ts';

const LIST = 'GET /v1/admin/announcements';
const MAKE = 'POST /v1/admin/announcements';
const one = (id: string, told: number, done = false) =>
  ({ id, told, finished_at: done ? '2026-11-22T10:00:00Z' : null }) as Announcement;

function draft(server: FakeServer, tr = 'Merhaba', en = 'Hello'): Announcements {
  const all = new Announcements(server);
  Object.assign(all.draft, { tr, en });
  return all;
}

test('it goes to whom it is meant for, in both languages', async () => {
  const server = new FakeServer().answers(MAKE, { status: 201, body: one('3', 0) });
  const all = draft(server, ' Bakım\r\n22.00 ', 'Maintenance');
  Object.assign(all.draft, { subscribers: 'free', readers: 'tr' });
  expect(await all.send()).toBe(true);
  expect(server.asked[0]?.body).toEqual({
    tr: 'Bakım\n22.00', en: 'Maintenance', target: 'free,locale:tr',
  });
  expect([all.draft.tr, all.pages.items.map(({ id }) => id), all.running]).toEqual(['', ['3'], true]);
});

test('a language that is missing is told at its field, and nothing is sent', async () => {
  const server = new FakeServer();
  const all = draft(server, 'Merhaba', ' \n');
  expect(await all.send()).toBe(false);
  expect([all.faults, server.asked.length]).toEqual([{ en: t.wrong.en }, 0]);
});

test('what the server refuses is told at its field, and the draft stays', async () => {
  const all = draft(new FakeServer().refuses(MAKE, 422, 'invalid_field', 'tr'));
  expect(await all.send()).toBe(false);
  expect([all.faults, all.draft.tr]).toEqual([{ tr: t.wrong.tr }, 'Merhaba']);
});

test('sent again after a lost answer, it goes out once', async () => {
  const server = new FakeServer().answers(MAKE, 'lost', { status: 201, body: one('3', 0) });
  const all = draft(server);
  expect([await all.send(), await all.send()]).toEqual([false, true]);
  expect(server.asked[0]?.key).toBe(server.asked[1]?.key);
});

test('its progress is followed until it has gone out', async () => {
  const server = new FakeServer().answers(
    LIST,
    { body: { items: [one('3', 0)], next_cursor: null } },
    { body: { items: [one('3', 120, true)], next_cursor: null } },
  );
  const all = new Announcements(server);
  await all.pages.next();
  expect(all.running).toBe(true);
  await all.refresh();
  expect([all.pages.items[0]?.told, all.running]).toEqual([120, false]);
});

test('one that got stuck long ago is not asked about for ever', async () => {
  const server = new FakeServer().answers(LIST, { body: { items: [one('2', 0)], next_cursor: 'x' } });
  const all = new Announcements(server);
  await all.pages.next();
  server.answers(LIST, { body: { items: [one('9', 7, true)], next_cursor: 'x' } });
  await all.refresh();
  expect(all.running).toBe(false);
});

test('a failure is no news: it is asked again', async () => {
  const server = new FakeServer().answers(LIST, { body: { items: [one('2', 0)], next_cursor: null } });
  const all = new Announcements(server);
  await all.pages.next();
  server.answers(LIST, 'lost');
  await expect(all.refresh()).rejects.toMatchObject({ code: 'offline' });
  expect(all.running).toBe(true);
});
