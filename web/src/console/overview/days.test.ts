import { expect, test } from 'vitest';
import type { DayStatistics } from '../../net/api.d.ts';
import { inOrder, series } from './days.ts';

const day = (name: string, n: number, complete = true): DayStatistics => ({
  day: name, registrations: n, text_matches: 0, video_matches: 0, messages: 0, claims: 2 * n,
  claims_approved: n, reports: n, bans: 0, active_users: 0, complete,
});

test('days are in order, and one that was not counted has its place', () => {
  const all = inOrder([day('2026-03-02', 3), day('2026-02-27', 1)]);
  expect([all.length, all[0]!.day]).toEqual([30, '2026-02-01']);
  expect(all.slice(-4).map(({ day: name, counts }) => [name, counts?.registrations ?? null])).toEqual([
    ['2026-02-27', 1], ['2026-02-28', null], ['2026-03-01', null], ['2026-03-02', 3],
  ]);
  expect(inOrder([])).toEqual([]);
});

test('today is apart: it counts neither for yesterday nor for the mean', () => {
  const days = [day('2026-03-10', 1, false), ...[9, 8, 7, 6, 5, 4, 3, 2].map((n) => day(`2026-03-0${n}`, n * 10))];
  const [registrations] = series(days);
  expect([registrations!.yesterday, registrations!.mean, registrations!.today]).toEqual([90, 60, 1]);
  expect(registrations!.bars.at(-1)).toEqual({ day: '2026-03-10', value: 1, open: true });
});

test('claims are what was approved of all', () => {
  const claims = series([day('2026-03-09', 4)]).find(({ kind }) => kind === 'claims_approved')!;
  expect(claims.bars.slice(-2)).toEqual([
    { day: '2026-03-08', value: null, of: null, open: false },
    { day: '2026-03-09', value: 4, of: 8, open: false },
  ]);
});

test('of a server that has counted nothing yet, nothing is told', () => {
  expect(series([]).map(({ bars, yesterday, mean, today }) => [bars.length, yesterday, mean, today])).toEqual(
    Array.from({ length: 8 }, () => [0, null, null, null]),
  );
});
