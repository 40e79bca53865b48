import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { match } from '../gallery/fixtures.ts';
import type { ClientFrame, ServerFrame } from '../net/frames.d.ts';
import type { Conversation } from './conversation.svelte.ts';
import { Leaving } from './leaving.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const refused = (code: string, retry_after_ms?: number): ServerFrame =>
  ({ type: 'error', code, message: '', retry_after_ms }) as unknown as ServerFrame;
const ended = { type: 'match.ended', match_id: '7', status: 'completed', reason: 'left', by: 'self' } as ServerFrame;

function leaving(...answers: ServerFrame[]) {
  const asked: ClientFrame[] = [];
  const looked: string[] = [];
  const chat = { match: match('7', 'bora#0002'), ended: false, end: () => void (chat.ended = true) };
  const made = new Leaving({
    ask: async (frame) => {
      asked.push(frame);
      return answers.shift()!;
    },
    lookAfter: async (id) => void looked.push(id),
  });
  return { tell: (how?: 'left' | 'hung_up') => made.tell(chat as unknown as Conversation, how), asked, looked, chat };
}

test('a leave that is refused for now is told again', async () => {
  const { tell, asked, chat } = leaving(refused('rate_limited', 3_000), ended);
  const told = [tell(), tell()];
  await vi.advanceTimersByTimeAsync(2_999);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  await Promise.all(told);
  expect([asked.length, chat.ended]).toEqual([2, true]);
});

test('a leave without a line or a way waits for the next time', async () => {
  for (const code of ['connection_lost', 'wrong_device']) {
    const { tell, asked, looked } = leaving(refused(code));
    await tell('hung_up');
    expect([asked, looked]).toEqual([[{ type: 'rtc.state', match_id: '7', state: 'ended' }], []]);
  }
});

test('a match that the server knows no more is looked after', async () => {
  const { tell, looked } = leaving(refused('match_ended'));
  await tell();
  expect(looked).toEqual(['7']);
});
