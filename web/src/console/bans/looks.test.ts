import { expect, test } from 'vitest';
import type { AdminBan } from '../../net/api.d.ts';
import { by, looks } from './looks.ts';
import { t } from './text.ts';

const ban = (more: Partial<AdminBan>): AdminBan =>
  ({ active: true, automatic: false, provisional: false, ...more }) as AdminBan;

test('a ban is lifted, over, waits for somebody, or is in force', () => {
  const lifted = ban({ lifted_at: '2026-11-22T10:00:00Z', active: false });
  const all = [lifted, ban({ active: false }), ban({ provisional: true }), ban({})];
  const { lifted: gone, over, provisional, active } = t.states;
  expect(all.map((one) => looks(one).words)).toEqual([gone, over, provisional, active]);
});

test('a ban is of the system, of whoever looks, or of another one', () => {
  const me = { id: '7', role: 'moderator' } as const;
  const all = [ban({ automatic: true }), ban({}), ban({ created_by: '7' }), ban({ created_by: '8' })];
  expect(all.map((one) => by(one, me))).toEqual([t.bySystem, t.bySystem, t.byYou, t.byStaff]);
});
