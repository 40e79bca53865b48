import { expect, test } from 'vitest';
import type { Message, Sending } from '../app/model.ts';
import { groups } from './groups.ts';

const at = (clock: string): string => new Date(`2026-11-24T${clock}`).toISOString();
const peer = (key: string, clock: string): Message =>
  ({ from: 'peer', key, seq: 1, text: key, at: at(clock) });
const own = (key: string, clock: string, state: Sending = 'read'): Message =>
  ({ from: 'self', key, text: key, at: at(clock), state });
const shape = (messages: Message[], fresh: string | null = null): string[] =>
  groups(messages, fresh).map((group) => group.messages.map(({ key }) => key).join(''));

test('one side within a minute is one group', () => {
  expect(shape([peer('a', '20:15:01'), peer('b', '20:15:59'), peer('c', '20:16:00')])).toEqual(['ab', 'c']);
  expect(shape([peer('a', '20:15:01'), own('b', '20:15:02'), peer('c', '20:15:03')])).toEqual(['a', 'b', 'c']);
});

test('a tick stands for messages of one state', () => {
  expect(shape([own('a', '20:15'), own('b', '20:15', 'sent'), own('c', '20:15', 'sent')])).toEqual(['a', 'bc']);
});

test('what failed stands alone', () => {
  const failed = [own('a', '20:15', 'failed'), own('b', '20:15', 'failed'), own('c', '20:15')];
  expect(shape(failed)).toEqual(['a', 'b', 'c']);
});

test('the first unread message begins a group with a line', () => {
  const made = groups([peer('a', '20:15'), peer('b', '20:15')], 'b');
  expect(made.map(({ fresh }) => fresh)).toEqual([false, true]);
});

test('each day has a heading', () => {
  const made = groups([peer('a', '10:00'), { ...peer('b', '10:00'), at: '2026-11-25T10:00:00Z' }], null);
  expect(made.map(({ day }) => day !== null)).toEqual([true, true]);
});
