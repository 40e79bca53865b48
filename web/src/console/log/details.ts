// What a row of the log says beyond who, what and about whom.

interface Detail {
  name: string;
  /** Of a change; absent where it is only told. */
  before?: unknown;
  value: unknown;
}

type Plain = Record<string, unknown>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** In the order in which they were written; of a change only what is another now. */
export function detailsOf(details: unknown): Detail[] {
  if (!isPlain(details)) return [];
  const { before, after, ...others } = details;
  const told = Object.entries(others)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => ({ name, value }));
  return [...told, ...changes(isPlain(before) ? before : null, isPlain(after) ? after : null)];
}

function changes(before: Plain | null, after: Plain | null): Detail[] {
  if (!before || !after) return Object.entries(before ?? after ?? {}).map(([name, value]) => ({ name, value }));
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .filter((name) => !same(before[name], after[name]))
    .map((name) => ({ name, before: before[name] ?? null, value: after[name] ?? null }));
}
