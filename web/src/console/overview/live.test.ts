import { expect, test } from 'vitest';
import type { Live } from '../../net/api.d.ts';
import { language } from '../../text/texts.svelte.ts';
import { age, isOld, waited } from './live.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const seen = (seconds: number): Live => {
  const queue = { searching: 0, oldest_wait_s: null };
  return { online: 0, text: queue, video: queue, at: new Date(NOW - seconds * 1000).toISOString() };
};

test('numbers are old after a minute', () => {
  expect([seen(4.9), seen(60), seen(61)].map((live) => [age(live, NOW), isOld(live, NOW)])).toEqual([
    [4, false], [60, false], [61, true],
  ]);
});

test('a clock that is behind makes nothing future', () => {
  expect([age(seen(-30), NOW), isOld(seen(-30), NOW)]).toEqual([0, false]);
});

test('a wait is told in seconds at first', () => {
  language.current = 'en';
  expect([0, 59, 60, 61, 7_500].map(waited)).toEqual(['0 s', '59 s', '1 min', '2 min', '2 h 5 min']);
  language.current = 'tr';
  expect(waited(8)).toBe('8 sn');
});
