import { expect, test } from 'vitest';
import type { AdminAd } from '../../net/api.d.ts';
import { language } from '../../text/texts.svelte.ts';
import { FakeServer } from '../fake-server.ts';
import { AdEditor, state, used } from './ads.svelte.ts';
import { t } from './text.ts';
import { typed } from './when.ts';

const ONE = '/v1/admin/ads/3';
const AD = {
  id: '3', title: 'Çay', content: 'Sıcak', click_url: 'https://x.example/a', placement: 'match_end',
  target_group: 'free,locale:tr', weight: 2, daily_cap: 3, total_cap: 1000, active: true,
  starts_at: '2026-11-22T10:00:30Z', ends_at: null, served: 10, views: 8, clicks: 1,
  created_at: '2026-11-01T00:00:00Z', updated_at: '2026-11-01T00:00:00Z',
} as AdminAd;

async function editor(server: FakeServer): Promise<AdEditor> {
  server.answers(`GET ${ONE}`, { body: AD });
  const one = new AdEditor(server);
  await one.load('3');
  return one;
}

function draft(server: FakeServer): AdEditor {
  const one = new AdEditor(server);
  Object.assign(one.draft, { title: ' Çay ', content: 'Sıcak\r\nçay' });
  return one;
}

test('a new ad is sent whole', async () => {
  const server = new FakeServer().answers('POST /v1/admin/ads', { status: 201, body: AD });
  const one = draft(server);
  expect((await one.save())?.id).toBe('3');
  expect(server.asked[0]?.body).toEqual({
    title: 'Çay', content: 'Sıcak\nçay', click_url: null, placement: 'match_end', target_group: 'free',
    weight: 1, daily_cap: 3, total_cap: null, active: true, starts_at: null, ends_at: null,
  });
});

test('of an ad that is there only what changed is sent', async () => {
  const server = new FakeServer().answers(`PATCH ${ONE}`, { body: { ...AD, weight: 5, click_url: null } });
  const one = await editor(server);
  expect(one.changed).toBe(false);
  Object.assign(one.draft, { weight: '5', click_url: ' ' });
  await one.save();
  expect(server.of(`PATCH ${ONE}`)[0]?.body).toEqual({ weight: 5, click_url: null });
  expect([one.changed, one.draft.weight]).toEqual([false, '5']);
});

test('a budget is taken away, and what is used of it is told', async () => {
  language.current = 'en';
  const one = await editor(new FakeServer());
  const told = [one.draft.total_cap, used(AD), used({ ...AD, total_cap: null })];
  expect(told).toEqual(['1000', '10 of 1,000 (1%)', null]);
  one.draft.total_cap = ' ';
  expect([one.changes, one.check()]).toEqual([{ total_cap: null }, true]);
});

test('a time is that of the field, to the minute', async () => {
  const one = await editor(new FakeServer());
  one.draft.starts_at = '2026-11-23T20:15';
  expect(one.changes).toEqual({ starts_at: new Date(2026, 10, 23, 20, 15).toISOString() });
  one.draft.starts_at = typed(AD.starts_at);
  expect(one.changed).toBe(false);
});

test.each([
  ['title', 'title', ' '],
  ['title', 'title', 'ç'.repeat(81)],
  ['content', 'content', 'ç'.repeat(501)],
  ['click_url', 'click_url', 'http://x.example'],
  ['click_url', 'click_url', 'https://good.example@evil.example'],
  ['click_url', 'click_url', 'https://127.0.0.1/'],
  ['click_url', 'click_url', 'https://x.example\\a'],
  ['placement', 'placement', 'Match End'],
  ['weight', 'weight', '0'],
  ['daily_cap', 'daily_cap', '1.5'],
  ['total_cap', 'total_cap', '0'],
  ['total_cap', 'total_cap', '1.000'],
  ['total_cap', 'total_cap', '1000000001'],
] as const)('%s is told: %s = %j', async (field, name, value) => {
  const server = new FakeServer();
  const one = draft(server);
  one.draft[name] = value;
  expect(await one.save()).toBeNull();
  expect([one.faults, server.asked.length]).toEqual([{ [field]: t.wrong[field] }, 0]);
});

test('an end before its beginning is told', () => {
  const one = draft(new FakeServer());
  Object.assign(one.draft, { starts_at: '2026-11-23T20:15', ends_at: '2026-11-23T20:15' });
  expect(one.check()).toBe(false);
  expect(one.faults).toEqual({ ends_at: t.wrong.ends_at });
});

test('what only the server knows is told at its field', async () => {
  const server = new FakeServer().refuses('POST /v1/admin/ads', 422, 'invalid_field', 'target_group');
  const one = draft(server);
  one.draft.subscribers = 'premium';
  expect(await one.save()).toBeNull();
  expect(one.faults).toEqual({ target_group: t.wrong.target_group });
});

test('an ad that does not run is announced to nobody', async () => {
  const one = await editor(new FakeServer().refuses(`POST ${ONE}/notify`, 409, 'ad_not_running'));
  expect([await one.notify(), one.act.code]).toEqual([false, 'ad_not_running']);
});

test('what is shown now and what is not', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  const of = (more: object): string => state({ ...AD, ...more }, now);
  expect([
    of({}), of({ active: false }), of({ starts_at: '2026-11-23T00:00:00Z' }), of({ ends_at: '2026-11-22T12:00:00Z' }),
    of({ served: 1000 }), of({ served: 1001, active: false }), of({ served: 1000, total_cap: null }),
  ]).toEqual(['running', 'off', 'scheduled', 'over', 'spent', 'spent', 'running']);
});
