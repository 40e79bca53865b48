import { expect, test } from 'vitest';
import type { AdminMatch } from '../../net/api.d.ts';
import { language } from '../../text/texts.svelte.ts';
import { ending, sides } from './matches.ts';

const match = (more: Partial<AdminMatch>): AdminMatch =>
  ({ sides: [{ user_id: '7', messages: 4 }, { user_id: '9', messages: 1 }], ...more }) as AdminMatch;

test('the one it is about and the other are told apart', () => {
  const { own, peer } = sides(match({}), '9');
  expect([own?.messages, peer?.user_id]).toEqual([1, '7']);
});

test('an end is told from their side', () => {
  language.current = 'en';
  const left = match({ ended_reason: 'left', ended_by: '7' });
  expect([ending(left, '7'), ending(left, '9')]).toEqual(['left, by self', 'left, by peer']);
  expect(ending(match({ ended_reason: 'expired' }), '7')).toBe('time');
  expect(ending(match({}), '7')).toBe('');
  expect(ending(match({ call_failed_at: '2026-11-22T10:00:00Z', ended_reason: 'left' }), '7')).toBe('not connected');
});
