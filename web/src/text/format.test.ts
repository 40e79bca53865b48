import { afterEach, expect, test } from 'vitest';
import { ago, at, day, list, span, stamp, stopwatch, time } from './format.ts';
import { language } from './texts.svelte.ts';

const now = new Date(2026, 10, 24, 20, 26).getTime();
const HOUR = 3_600_000;
const local = (days: number, hours: number, minutes: number): Date =>
  new Date(2026, 10, 24 + days, hours, minutes);

afterEach(() => (language.current = 'en'));

test('a time has 24 hours', () => {
  expect(time(local(0, 20, 5))).toBe('20:05');
  expect(time(local(0, 0, 0))).toBe('00:00');
});

test('a day is told by how near it is', () => {
  language.current = 'tr';
  const days = [-1, 0, 1, 2].map((n) => day(local(n, 1, 0), now));
  expect(days).toEqual(['Dün', 'Bugün', 'Yarın', '26 Kasım']);
  expect(day(new Date(2025, 0, 3), now)).toBe('3 Ocak 2025');
  language.current = 'en';
  expect(day(local(2, 1, 0), now)).toBe('26 November');
});

test('a moment is told within a sentence', () => {
  language.current = 'tr';
  expect(at(local(0, 20, 14), now)).toBe('20:14’te');
  expect(at(local(1, 20, 14), now)).toBe('yarın 20:14’te');
  expect(at(local(-1, 9, 0), now)).toBe('dün 09:00’da');
  expect(at(local(3, 0, 0), now)).toBe('27 Kasım 00:00’da');
  language.current = 'en';
  expect(at(local(1, 20, 14), now)).toBe('tomorrow at 20:14');
  expect(at(local(3, 0, 0), now)).toBe('on 27 November at 00:00');
});

test('a stamp is short', () => {
  language.current = 'tr';
  expect([stamp(local(0, 8, 1), now), stamp(local(-1, 8, 1), now)]).toEqual(['08:01', 'dün']);
  expect(stamp(local(-3, 8, 1), now)).toBe('21 Kas');
});

test('a span is rounded up and never nothing', () => {
  language.current = 'tr';
  const spans = [0, 61_000, 43 * 60_000, 2 * HOUR + 300_000, 20 * HOUR + 1, 72 * HOUR].map(span);
  expect(spans).toEqual(['1 dk', '2 dk', '43 dk', '2 sa 5 dk', '20 sa', '3 gün']);
});

test('what is past is told in words, then by its date', () => {
  language.current = 'tr';
  const past = [20_000, 5 * 60_000, 3 * HOUR, 30 * HOUR].map((ms) => ago(now - ms, now));
  expect(past).toEqual(['az önce', '5 dk önce', '3 sa önce', 'dün']);
});

test('a stopwatch shows hours only once there are some', () => {
  expect([18_000, 725_000, 3_729_000].map(stopwatch)).toEqual(['0:18', '12:05', '1:02:09']);
});

test('a list ends with and, or with or', () => {
  language.current = 'tr';
  expect(list(['kahve', 'sinema', 'yürüyüş'])).toBe('kahve, sinema ve yürüyüş');
  expect(list(['kahve', 'sinema'], 'or')).toBe('kahve veya sinema');
});
