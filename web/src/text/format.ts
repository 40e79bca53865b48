// Dates, times and numbers in the language of now. Times are those of this device, with 24 hours.

import { clockEnding } from './suffix.ts';
import { language } from './texts.svelte.ts';

type When = string | number | Date;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const made = new Map<string, Intl.DateTimeFormat>();
function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const locale = language.current === 'tr' ? 'tr' : 'en-GB';
  const key = locale + JSON.stringify(options);
  let one = made.get(key);
  if (!one) made.set(key, (one = new Intl.DateTimeFormat(locale, options)));
  return one;
}

/** Whole days from the day of `now` to that of `when`, by this device's calendar. */
function daysFrom(now: number, when: Date): number {
  const noon = (at: Date): number => new Date(at).setHours(12, 0, 0, 0);
  return Math.round((noon(when) - noon(new Date(now))) / DAY);
}

const pad = (n: number): string => String(n).padStart(2, '0');

/** "20:15" */
export function time(when: When): string {
  const at = new Date(when);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

/** "24 Kasım 2026" */
export function date(when: When): string {
  return format({ day: 'numeric', month: 'long', year: 'numeric' }).format(new Date(when));
}

/** The heading of a day: "Bugün", "Dün", "24 Kasım", with the year if it is another one. */
export function day(when: When, now = Date.now()): string {
  const at = new Date(when);
  const words =
    language.current === 'tr' ? ['Dün', 'Bugün', 'Yarın'] : ['Yesterday', 'Today', 'Tomorrow'];
  const word = words[daysFrom(now, at) + 1];
  if (word) return word;
  if (at.getFullYear() !== new Date(now).getFullYear()) return date(at);
  return format({ day: 'numeric', month: 'long' }).format(at);
}

/** Within a sentence: "20:14’te", "yarın 20:14’te", "24 Kasım 20:14’te"; "at 20:14", "tomorrow at 20:14". */
export function at(when: When, now = Date.now()): string {
  const clock = time(when);
  const days = daysFrom(now, new Date(when));
  const turkish = language.current === 'tr';
  const said = turkish ? clock + clockEnding(clock, 'de') : `at ${clock}`;
  if (days === 0) return said;
  const which = day(when, now);
  if (Math.abs(days) === 1) return `${which.toLocaleLowerCase(turkish ? 'tr' : 'en')} ${said}`;
  return turkish ? `${which} ${said}` : `on ${which} ${said}`;
}

/** In a list, short: "20:24", "dün", "24 Kas". */
export function stamp(when: When, now = Date.now()): string {
  const then = new Date(when);
  const days = daysFrom(now, then);
  if (days === 0) return time(then);
  if (days === -1) return language.current === 'tr' ? 'dün' : 'yesterday';
  const year =
    then.getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' as const };
  return format({ day: 'numeric', month: 'short', ...year }).format(then);
}

/** How long: "1 dk", "43 dk", "2 sa 5 dk", "3 gün". Rounded up, so that it never says 0 too early. */
export function span(ms: number): string {
  const turkish = language.current === 'tr';
  const minutes = Math.max(1, Math.ceil(ms / MINUTE));
  if (minutes < 60) return turkish ? `${minutes} dk` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    const rest = hours < 6 ? minutes % 60 : 0;
    if (turkish) return rest ? `${hours} sa ${rest} dk` : `${hours} sa`;
    return rest ? `${hours} h ${rest} min` : `${hours} h`;
  }
  const days = Math.ceil(minutes / 1440);
  return turkish ? `${days} gün` : `${days} days`;
}

/** "az önce", "5 dk önce", and after a day its date. */
export function ago(when: When, now = Date.now()): string {
  const turkish = language.current === 'tr';
  const passed = now - new Date(when).getTime();
  if (passed < MINUTE) return turkish ? 'az önce' : 'just now';
  if (passed >= DAY) return stamp(when, now);
  const words =
    passed < HOUR
      ? [Math.floor(passed / MINUTE), turkish ? 'dk önce' : 'min ago']
      : [Math.floor(passed / HOUR), turkish ? 'sa önce' : 'h ago'];
  return words.join(' ');
}

/** A running time: "0:18", "12:05", "1:02:09". */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

export function number(n: number): string {
  return new Intl.NumberFormat(language.current).format(n);
}

/** "kahve, sinema ve yürüyüş"; with `or`: "kahve, sinema veya yürüyüş". */
export function list(words: readonly string[], how: 'and' | 'or' = 'and'): string {
  const type = how === 'and' ? 'conjunction' : 'disjunction';
  return new Intl.ListFormat(language.current === 'tr' ? 'tr' : 'en-GB', { type }).format(words);
}
