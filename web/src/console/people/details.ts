// The details of a recorded act in one line: what it was about, and what became of what.

type Details = Record<string, unknown>;

const isDetails = (value: unknown): value is Details =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function shown(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (isDetails(value)) return Object.entries(value).map(([key, one]) => `${key} ${shown(one)}`).join(', ');
  return Array.isArray(value) ? value.map(shown).join(', ') : String(value);
}

export function details(of: unknown): string {
  if (!isDetails(of)) return '';
  const { before, after, ...rest } = of;
  const [from, to] = [isDetails(before) ? before : {}, isDetails(after) ? after : {}];
  const changed = [...new Set([...Object.keys(from), ...Object.keys(to)])].map(
    (key) => `${key}: ${shown(from[key])} → ${shown(to[key])}`,
  );
  const about = Object.entries(rest).map(([key, value]) => `${key}: ${shown(value)}`);
  return [...changed, ...about].join(' · ');
}
