import { expect, test } from 'vitest';
import type { Chat, Message } from '../app/model.ts';
import { match } from '../gallery/fixtures.ts';
import { claimable } from './claim.ts';

const limits = { claim_after_s: 7_200, claim_video_after_s: 60, claim_window_s: 86_400 };
const START = Date.parse('2026-11-24T10:00:00Z');
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();
const own: Message = { from: 'self', key: 's1', text: 'selam', at: at(1), state: 'sent' };
const peer: Message = { from: 'peer', key: 'p1', seq: 2, text: 'selam', at: at(1) };

type Of = Partial<Chat['match']> & Partial<Pick<Chat, 'messages' | 'unread' | 'endedBy'>>;
function window({ messages = [own], unread = 0, endedBy = null, ...of }: Of = {}) {
  const times = { created_at: at(0), expires_at: at(86_400) };
  return claimable({ match: match('1', 'a#1', { ...times, ...of }), messages, unread, endedBy }, limits);
}
const ended = (seconds: number): Of => ({ status: 'cancelled', ended_at: at(seconds), ended_reason: 'left' });

test('a running match can be claimed after two hours', () => {
  expect(window()?.from).toBe(START + 7_200_000);
  expect(window({ mode: 'video' })?.from).toBe(START + 60_000);
});

test('an answer takes the claim away', () => {
  expect(window({ messages: [own, peer] })).toBeNull();
  expect(window({ unread: 1 })).toBeNull();
  expect(window({ ...ended(60), status: 'completed' })).toBeNull();
});

test('words beside a call that never came are no call', () => {
  expect(window({ mode: 'video', messages: [peer] })).not.toBeNull();
});

test('whoever leaves early has no claim', () => {
  expect(window({ ...ended(7_199), endedBy: 'self' })).toBeNull();
  expect(window({ ...ended(7_200), endedBy: 'self' })).not.toBeNull();
});

test('an end by the other side can be claimed at once for a day', () => {
  expect(window({ ...ended(60), endedBy: 'peer' })).toEqual({ from: 0, until: START + 86_460_000 });
  expect(window(ended(60))).not.toBeNull();
});

test('a match is claimed once', () => {
  const claim = { id: '1', match_id: '1', status: 'pending', created_at: at(1) } as const;
  expect(window({ claim })).toBeNull();
});
