// The counted days as the overview shows them: each kind as bars, with yesterday, the mean of the last week and today.

import type { DayStatistics } from '../../net/api.d.ts';
import type { Bar } from '../ui/bars.ts';
import { upTo } from './calendar.ts';

export const KINDS = [
  'registrations', 'active_users', 'text_matches', 'video_matches', 'messages', 'claims_approved', 'reports', 'bans',
] as const;
type Kind = (typeof KINDS)[number];

interface Series {
  kind: Kind;
  /** Oldest first. */
  bars: Bar[];
  /** Of the last day that is over; null where none is. */
  yesterday: number | null;
  /** Of the last seven days that are over. */
  mean: number | null;
  /** So far. */
  today: number | null;
}

const SHOWN = 30;

/** The last thirty days, oldest first. One that was not counted has its place, so that bars stand at their dates. */
export function inOrder(days: readonly DayStatistics[]): { day: string; counts: DayStatistics | null }[] {
  const known = new Map(days.map((one) => [one.day, one]));
  const last = [...known.keys()].sort().at(-1);
  if (last === undefined) return [];
  return upTo(last, SHOWN).map((day) => ({ day, counts: known.get(day) ?? null }));
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
