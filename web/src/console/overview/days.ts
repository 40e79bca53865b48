// The counted days as the overview shows them: each kind as bars, with yesterday, the mean of the last week and today.

import type { DayStatistics } from '../../net/api.d.ts';
import type { Bar } from '../ui/bars.ts';

export const KINDS = ['registrations', 'text_matches', 'video_matches', 'messages', 'claims_approved'] as const;
export type Kind = (typeof KINDS)[number];

export interface Series {
  kind: Kind;
  /** Oldest first, a bar for each day from the first that is known. */
  bars: Bar[];
  /** Of the last day that is over; null where none is. */
  yesterday: number | null;
  /** Of the last seven days that are over. */
  mean: number | null;
  /** So far. */
  today: number | null;
}

const DAY_MS = 86_400_000;

/** "2026-03-01" is followed by "2026-03-02": a day of the calendar, without a zone. */
function next(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
}

/** Oldest first. A day that was not counted is there without its counts, so that bars stand under their dates. */
export function inOrder(days: readonly DayStatistics[]): { day: string; counts: DayStatistics | null }[] {
  const known = new Map(days.map((one) => [one.day, one]));
  const names = [...known.keys()].sort();
  const [first, last] = [names[0], names.at(-1)];
  const all: { day: string; counts: DayStatistics | null }[] = [];
  if (first === undefined || last === undefined) return all;
  for (let day = first; day <= last; day = next(day)) all.push({ day, counts: known.get(day) ?? null });
  return all;
}

export function series(days: readonly DayStatistics[]): Series[] {
  const all = inOrder(days);
  const over = all.filter(({ counts }) => counts?.complete);
  const newest = all.at(-1)?.counts;
  return KINDS.map((kind) => {
    const week = over.slice(-7).map(({ counts }) => counts![kind]);
    return {
      kind,
      bars: all.map(({ day, counts }) => ({
        day,
        value: counts?.[kind] ?? null,
        ...(kind === 'claims_approved' && { of: counts?.claims ?? null }),
        open: counts?.complete === false,
      })),
      yesterday: over.at(-1)?.counts?.[kind] ?? null,
      mean: week.length > 0 ? Math.round(week.reduce((sum, n) => sum + n, 0) / week.length) : null,
      today: newest && !newest.complete ? newest[kind] : null,
    };
  });
}
