import { expect, test } from 'vitest';
import { end } from './until.ts';

const NOW = new Date(2026, 10, 22, 20, 15).getTime();

test('a ban ends after so many days, or never', () => {
  expect(end('week', '', NOW)).toEqual({ until: new Date(NOW + 7 * 86_400_000).toISOString() });
  expect(end('forever', '2026-12-01', NOW)).toEqual({});
  expect(end('same', '', NOW)).toEqual({});
});

test('it ends with the day that was chosen', () => {
  expect(end('date', '2026-11-30', NOW)).toEqual({ until: new Date(2026, 11, 1).toISOString() });
  expect(end('date', '2026-11-22', NOW)).toEqual({ until: new Date(2026, 10, 23).toISOString() });
});

test.each(['', '2026-11-21', '2037-01-01', '30.11.2026'])('%s is no end', (date) => {
  expect(end('date', date, NOW)).toBe('invalid');
});
