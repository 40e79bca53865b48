import { expect, test, vi } from 'vitest';
import type { ClientFrame, ServerFrame } from '../net/frames.d.ts';
import { Searching } from './search.svelte.ts';

type Answer = (frame: ServerFrame) => void;

function searching() {
  const asked: [ClientFrame, Answer][] = [];
  const made = new Searching({
    ask: (frame) => new Promise((answer) => asked.push([frame, answer])),
    keys: async () => undefined,
  });
  /** The answer to the newest question. */
  const accept = async (ticket_id: string): Promise<void> => {
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(0));
    asked.pop()?.[1]({ type: 'match.searching', ticket_id } as ServerFrame);
    await vi.waitFor(() => expect(made.current?.accepted).toBe(true));
  };
  return { made, asked, accept };
}

test('the end of a replaced search is not that of the new one', async () => {
  const { made, accept } = searching();
  made.find({ mode: 'text' });
  await accept('1');
  made.find({ mode: 'text', background: true });
  await accept('2');
  made.cancelled('1', 'replaced');
  expect(made.current?.wishes.background).toBe(true);
  made.cancelled('2', 'replaced');
  expect([made.current, made.end]).toEqual([null, 'replaced']);
});

test('nor if it comes before the new one is accepted', async () => {
  const { made, accept } = searching();
  made.find({ mode: 'text' });
  await accept('1');
  made.find({ mode: 'text', background: true });
  made.cancelled('1', 'replaced');
  await accept('2');
  expect([made.current?.accepted, made.end]).toEqual([true, null]);
});

test('a search that the server goes on with can end', () => {
  const { made } = searching();
  made.welcomed({ mode: 'text', ticket_id: '7' });
  made.cancelled('7', 'ended' as never);
  expect(made.current).toBeNull();
});

test('a search is asked for again when the line is back', async () => {
  const { made, asked, accept } = searching();
  made.find({ mode: 'text' });
  await accept('1');
  made.lostLine();
  expect(made.current?.accepted).toBe(false);
  made.welcomed(null);
  await accept('2');
  expect(asked).toEqual([]);
});

test('an answer to a cancelled search changes nothing', async () => {
  const { made, asked } = searching();
  made.find({ mode: 'text' });
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  made.cancel();
  asked[0]?.[1]({ type: 'match.searching', ticket_id: '1' } as ServerFrame);
  await Promise.resolve();
  expect(made.current).toBeNull();
});

test('a cancel without a line is told when it is back', async () => {
  const { made, asked, accept } = searching();
  made.find({ mode: 'text', background: true });
  await accept('1');
  made.cancel();
  expect(asked.map(([{ type }]) => type)).toEqual(['match.cancel']);
  asked.pop()?.[1]({ type: 'error', code: 'connection_lost' } as never);
  await Promise.resolve();
  made.welcomed({ mode: 'text', ticket_id: '1' });
  expect(made.current).toBeNull();
  expect(asked.map(([{ type }]) => type)).toEqual(['match.cancel']);
});

test('an error about something else ends no search', async () => {
  const { made, accept } = searching();
  made.find({ mode: 'text' });
  await accept('1');
  made.failed('match_ended');
  made.failed('rate_limited');
  expect(made.current).not.toBeNull();
  made.failed('quota_exhausted');
  expect([made.current, made.end]).toEqual([null, 'quota_exhausted']);
});

test('the line is back, and the search still runs', async () => {
  const { made, accept } = searching();
  made.find({ mode: 'text', background: true });
  await accept('1');
  made.lostLine();
  made.welcomed({ mode: 'text', ticket_id: '1' });
  expect(made.current?.accepted).toBe(true);
  made.cancelled('1', 'expired' as never);
  expect(made.current).toBeNull();
});
