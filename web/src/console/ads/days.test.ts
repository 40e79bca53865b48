import { expect, test } from 'vitest';
import { series } from './days.ts';

const DAYS = [
  { day: '2026-11-25', served: 9, views: 4, clicks: 1 },
  { day: '2026-11-23', served: 20, views: 12, clicks: 3 },
];

test('a day on which the ad was not shown has its place', () => {
  const { views, clicks } = series(DAYS, '2026-11-25');
  expect([views.length, views[0]!.day, clicks.length]).toEqual([90, '2026-08-28', 90]);
  expect(views.slice(-3)).toEqual([
    { day: '2026-11-23', value: 12, of: 20, open: false },
    { day: '2026-11-24', value: 0, of: 0, open: false },
    { day: '2026-11-25', value: 4, of: 9, open: true },
  ]);
  expect(clicks.slice(-3).map(({ value }) => value)).toEqual([3, 0, 1]);
});

test('the last day is today, or that of the server', () => {
  expect(series(DAYS, '2026-11-27').views.at(-1)).toEqual({ day: '2026-11-27', value: 0, of: 0, open: true });
  expect(series(DAYS, '2026-11-24').views.at(-1)?.day).toBe('2026-11-25');
});
