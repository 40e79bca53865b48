// The log as a table for other programs (RFC 4180). It is made in the page, from what the list shows anyway.

import type { SystemLogEntry } from '../../net/api.d.ts';

const HEAD = ['id', 'at', 'action', 'actor_id', 'actor_handle', 'user_id', 'user_handle', 'details'];
/** Without it, a spreadsheet reads UTF-8 as something else. */
const BOM = '\uFEFF';

/** A spreadsheet would run what begins like a formula, and digits beyond 15 become zeroes there: both are text. */
function cell(value: string): string {
  const text = /^[=+\-@\t\r]/.test(value) || /^\d{16,}$/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(rows: readonly SystemLogEntry[]): string {
  const lines = rows.map(({ id, created_at, action, actor_id, actor_handle, user_id, user_handle, details }) => [
    id, created_at, action, actor_id ?? '', actor_handle ?? '', user_id ?? '', user_handle ?? '',
    JSON.stringify(details),
  ]);
  return BOM + [HEAD, ...lines].map((line) => `${line.map(cell).join(',')}\r\n`).join('');
}
