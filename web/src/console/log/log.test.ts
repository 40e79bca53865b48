import { expect, test } from 'vitest';
import type { SystemLogEntry } from '../../net/api.d.ts';
import { csv } from './csv.ts';
import { detailsOf } from './details.ts';
import { Exporting, MOST_ROWS, PAGE_ROWS } from './exporting.svelte.ts';

const entry = (n: number, details = {}): SystemLogEntry => ({
  id: String(n), action: 'banned', actor_id: '123456789012345678', actor_handle: 'kedi#0042',
  created_at: '2026-03-01T10:00:00Z', details,
});

test('of a change, what is another now is shown from and to', () => {
  const details = detailsOf({
    report_id: '5', until: null, before: { status: 'open', n: 1 }, after: { status: 'resolved', n: 1, more: [2] },
  });
  expect(details).toEqual([
    { name: 'report_id', value: '5' },
    { name: 'status', before: 'open', value: 'resolved' },
    { name: 'more', before: null, value: [2] },
  ]);
});

test('what was there only before or after is told', () => {
  expect(detailsOf({ before: { title: 'x' } })).toEqual([{ name: 'title', value: 'x' }]);
  expect(detailsOf({ after: { title: 'y' } })).toEqual([{ name: 'title', value: 'y' }]);
  expect([detailsOf({}), detailsOf(null), detailsOf('text')]).toEqual([[], [], []]);
});

test('the table keeps what is written, and runs nothing', () => {
  const lines = csv([
    entry(1, { note: 'a "b", c' }),
    { ...entry(2), action: '=1+1', actor_handle: null, user_id: '9', user_handle: '-a#1' },
  ]).split('\r\n');
  expect(lines).toEqual([
    '\uFEFFid,at,action,actor_id,actor_handle,user_id,user_handle,details',
    `1,2026-03-01T10:00:00Z,banned,'123456789012345678,kedi#0042,,,"{""note"":""a \\""b\\"", c""}"`,
    `2,2026-03-01T10:00:00Z,'=1+1,'123456789012345678,,9,'-a#1,{}`,
    '',
  ]);
});

const page = (from: number, more: boolean) => ({
  items: Array.from({ length: PAGE_ROWS }, (_, n) => entry(from + n)),
  next_cursor: more ? String(from + PAGE_ROWS) : null,
});

test('all pages are taken, and then no more are asked for', async () => {
  const exporting = new Exporting();
  const asked: (string | undefined)[] = [];
  const rows = await exporting.run(async (cursor) => {
    asked.push(cursor);
    return page(Number(cursor ?? 0), asked.length < 3);
  });
  expect([rows?.length, asked, exporting.cut]).toEqual([300, [undefined, '100', '200'], false]);
});

test('no more is taken than may be, and that is said', async () => {
  const exporting = new Exporting();
  const rows = await exporting.run(async (cursor) => page(Number(cursor ?? 0), true));
  expect([rows?.length, exporting.cut, exporting.busy]).toEqual([MOST_ROWS, true, false]);
});

test('half of a log is none: after a failure and after a stop nothing comes', async () => {
  const exporting = new Exporting();
  let asked = 0;
  const failed = await exporting.run(async (cursor) => {
    if ((asked += 1) === 2) throw new Error('no line');
    return page(Number(cursor ?? 0), true);
  });
  expect([failed, String(exporting.refused)]).toEqual([null, 'Error: no line']);
  const stopped = await exporting.run(async () => {
    exporting.stop();
    return page(0, true);
  });
  expect([stopped, exporting.refused, exporting.busy]).toEqual([null, null, false]);
});
