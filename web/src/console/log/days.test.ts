import { expect, test } from 'vitest';
import { dayOf, isReversed, times } from './days.ts';

test('a time begins with its first day and ends with its last', () => {
  const [from, until] = [new Date(2026, 10, 1).toISOString(), new Date(2026, 11, 1).toISOString()];
  expect(times('2026-11-01', '2026-11-30')).toEqual({ from, until });
  expect(times('2026-11-01', '')).toEqual({ from });
  expect(times('', '2026-11-30')).toEqual({ until });
  expect(times('', '')).toEqual({});
});

test('one day is a time, and a last day before the first is none', () => {
  expect(times('2026-11-25', '2026-11-25')).toEqual({
    from: new Date(2026, 10, 25).toISOString(), until: new Date(2026, 10, 26).toISOString(),
  });
  expect(isReversed('2026-11-25', '2026-11-24')).toBe(true);
  expect(times('2026-11-25', '2026-11-24')).toEqual({ from: new Date(2026, 10, 25).toISOString() });
});

test.each(['0002-01-01', '2026-02-30', '2026-13-01', '25.11.2026', '+905321234567'])('%s is no day', (text) => {
  expect([dayOf(text), times(text, text), isReversed('2026-01-01', text)]).toEqual([null, {}, false]);
});

test('no day is one, too', () => {
  expect([dayOf(''), dayOf('2028-02-29')]).toEqual(['', '2028-02-29']);
});
