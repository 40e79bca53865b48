// Days of the calendar, without a zone, as the server counts by them: "2026-03-01".

import { language } from '../../text/texts.svelte.ts';

const DAY_MS = 86_400_000;

function written(day: string, how: Intl.DateTimeFormatOptions): string {
  // It is no moment: noon of this device's.
  return new Intl.DateTimeFormat(language.current === 'tr' ? 'tr' : 'en-GB', how).format(new Date(`${day}T12:00:00`));
}

/** "Wed 25 November" */
export const dayName = (day: string): string => written(day, { weekday: 'short', day: 'numeric', month: 'long' });

/** "25 Nov" */
export const shortDay = (day: string): string => written(day, { day: 'numeric', month: 'short' });

/** So many days that end with `last`, oldest first. */
export function upTo(last: string, days: number): string[] {
  const at = Date.parse(`${last}T00:00:00Z`);
  return Array.from({ length: days }, (_, n) =>
    new Date(at - (days - 1 - n) * DAY_MS).toISOString().slice(0, 10));
}
