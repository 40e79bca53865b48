import { expect, test } from 'vitest';
import type { VerifiedMessage } from '../../net/api.d.ts';
import { groups } from './evidence.ts';

const sent = (seq: number, sent_at: string): VerifiedMessage => ({ kid: '1', seq, sent_at, text: '', verified: true });

test('messages of a minute stand together, and what was not attached leaves a gap', () => {
  const made = groups([
    sent(4, '2026-11-22T12:15:10Z'),
    sent(5, '2026-11-22T12:15:50Z'),
    sent(6, '2026-11-22T12:16:01Z'),
    sent(9, '2026-11-22T12:16:02Z'),
    sent(10, '2026-11-24T12:16:02Z'),
  ]);
  expect(made.map(({ day, gap, messages }) => [day, gap, messages.map(({ seq }) => seq)])).toEqual([
    [true, false, [4, 5]],
    [false, false, [6]],
    [false, true, [9]],
    [true, false, [10]],
  ]);
});
