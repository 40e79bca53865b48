// Instants in the fields of a form: `<input type="datetime-local">` has minutes of this device's time.

const pad = (n: number): string => String(n).padStart(2, '0');

/** '' for none. */
export function typed(instant: string | null | undefined): string {
  if (!instant) return '';
  const at = new Date(instant);
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

/** Null for none, and for what is no time. */
export function instant(typed: string): string | null {
  const at = new Date(typed);
  return typed && !Number.isNaN(at.getTime()) ? at.toISOString() : null;
}
