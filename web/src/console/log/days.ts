// From which day to which: days of this device's calendar, as they stand in the address bar.

/** The midnight that `days` days after it begin with; null where the text is no day of this century. */
function midnight(day: string, days = 0): Date | null {
  // Years that are still being typed, such as 0002, are none.
  const [year, month, date] = (/^(20\d\d)-(\d\d)-(\d\d)$/.exec(day) ?? []).slice(1).map(Number);
  if (year === undefined || month === undefined || date === undefined) return null;
  const at = new Date(year, month - 1, date);
  if (at.getMonth() !== month - 1) return null;
  return new Date(year, month - 1, date + days);
}

/** '' for none, null for what is no day. */
export const dayOf = (text: string): string | null => (text === '' || midnight(text) ? text : null);

interface Times {
  from?: string;
  until?: string;
}

/** What is asked of the server: both days belong to it. Left out: what is no day, and a last one before the first. */
export function times(first: string, last: string): Times {
  const [from, until] = [midnight(first), midnight(last, 1)];
  return {
    ...(from && { from: from.toISOString() }),
    ...(until && !isReversed(first, last) && { until: until.toISOString() }),
  };
}

export const isReversed = (first: string, last: string): boolean =>
  midnight(first) !== null && midnight(last) !== null && last < first;
