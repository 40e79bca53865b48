// Of thousands of messages only some hundreds are in the page: the last ones when a chat is opened,
// others as somebody scrolls to them.

export const PAGE = 100;
export const MOST = 240;
/** So many at a time are put before or after the others: with more, a frame took too long. */
export const STEP = 40;

/** Messages from one number up to another; `to` is Infinity where new ones follow by themselves. */
export interface Window {
  from: number;
  to: number;
}

function made(from: number, to: number, length: number): Window {
  return { from: Math.max(0, from), to: to >= length ? Infinity : to };
}

/** The last messages. */
export const atLast = (length: number): Window => made(length - PAGE, length, length);

/** The last ones, or those around the first unread message if it is further up. */
export function around(length: number, unreadAt: number): Window {
  const last = atLast(length);
  if (unreadAt < 0 || unreadAt >= last.from) return last;
  const from = Math.max(0, unreadAt - PAGE / 2);
  return made(from, from + MOST, length);
}

export function earlier({ from, to }: Window, length: number): Window {
  const first = Math.max(0, from - STEP);
  return made(first, Math.min(to, first + MOST), length);
}

export function later({ from, to }: Window, length: number): Window {
  const end = Math.min(to + STEP, length);
  return made(Math.max(from, end - MOST), end, length);
}

/** New ones come while somebody reads further up: from some number on they wait below. */
export function held({ from, to }: Window, length: number): Window {
  return made(from, Math.min(to, from + 2 * MOST), length);
}
