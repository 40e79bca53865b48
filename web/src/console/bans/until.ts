// Until when a ban lasts, as it is chosen.

const DAY = 86_400_000;

/** `same`: as it is; only where a ban is confirmed. */
export type Term = 'day' | 'week' | 'month' | 'year' | 'forever' | 'date' | 'same';

export const TERMS: readonly Term[] = ['day', 'week', 'month', 'year', 'forever', 'date'];

const DAYS = { day: 1, week: 7, month: 30, year: 365 } as const;

/** The server takes ends within ten years. */
const LONGEST_DAYS = 3653;

type End = { until?: string } | 'invalid';

/** `date` is a day of this device's calendar, `YYYY-MM-DD`: the ban ends with it. */
export function end(term: Term, date: string, now: number): End {
  if (term === 'forever' || term === 'same') return {};
  if (term !== 'date') return { until: new Date(now + DAYS[term] * DAY).toISOString() };
  const [year, month, day] = (/^(\d{4})-(\d\d)-(\d\d)$/.exec(date) ?? []).slice(1).map(Number);
  if (!year || !month || !day) return 'invalid';
  const until = new Date(year, month - 1, day + 1).getTime();
  return until > now && until <= now + LONGEST_DAYS * DAY
    ? { until: new Date(until).toISOString() }
    : 'invalid';
}
