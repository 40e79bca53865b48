import { expect, test } from 'vitest';
import type { Notification } from '../net/frames.d.ts';
import { clicksTo, leadsTo } from './leads.ts';

const notice = (data: object, type = 'system'): Notification =>
  ({ id: '1', type, message: '', read: false, created_at: '', data }) as unknown as Notification;

test('a notification leads to its match or room', () => {
  expect(leadsTo(notice({ code: 'claim_approved', match_id: '12' }))).toBe('/chats/12');
  expect(leadsTo(notice({ code: 'new_device', name: '', platform: '' }))).toBe('/account/devices');
});

test('what is not known leads nowhere', () => {
  expect(leadsTo(notice({ code: 'of_tomorrow' }))).toBeNull();
  expect(leadsTo(notice({ code: 'claim_approved', match_id: '../x' }))).toBeNull();
  expect(leadsTo(notice({}))).toBeNull();
});

test('an ad opens https addresses only', () => {
  const to = (click_url: unknown): string | null => clicksTo(notice({ code: 'ad', click_url }, 'ad'));
  expect(to('https://example.com/a')).toBe('https://example.com/a');
  for (const bad of ['javascript:alert(1)', 'http://example.com', 'x', null, 3]) {
    expect(to(bad)).toBeNull();
  }
  expect(clicksTo(notice({ click_url: 'https://example.com' }))).toBeNull();
});
