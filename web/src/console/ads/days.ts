// What an ad brought, day by day.

import type { AdDay } from '../../net/api.d.ts';
import { upTo } from '../overview/calendar.ts';
import type { Bar } from '../ui/bars.ts';

/** As many as the server tells of. */
const SHOWN = 90;

/** Oldest first. On a day of which it tells nothing the ad was not shown. */
export function series(days: readonly AdDay[], today: string): { views: Bar[]; clicks: Bar[] } {
  const known = new Map(days.map((one) => [one.day, one]));
  // At the server it may be tomorrow already.
  const last = [today, ...known.keys()].sort().at(-1)!;
  const all = upTo(last, SHOWN).map((day) => ({ day, open: day >= today, counts: known.get(day) }));
  return {
    views: all.map(({ day, open, counts }) => ({ day, open, value: counts?.views ?? 0, of: counts?.served ?? 0 })),
    clicks: all.map(({ day, open, counts }) => ({ day, open, value: counts?.clicks ?? 0 })),
  };
}
