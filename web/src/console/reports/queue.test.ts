import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AdminReport } from '../../net/api.d.ts';
import { Problem } from '../../net/rest.ts';
import { details, office, report } from './fixtures.ts';
import type { Office } from './office.ts';
import { Queue } from './queue.svelte.ts';
import { t } from './text.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const refuse = (code: Problem['code'], status: number) => (): Promise<never> =>
  Promise.reject(new Problem(code, status));
const offline = refuse('offline', 0);
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

/** A queue of three that is on the screen. */
async function working(over: Partial<Office> = {}, open = ['1', '2', '3'].map((id) => report(id))) {
  const calls = {
    take: vi.fn<Office['take']>(async () => undefined),
    release: vi.fn<Office['release']>(async () => undefined),
    resolve: vi.fn<Office['resolve']>(async () => undefined),
  };
  const moved = vi.fn();
  const tell = vi.fn();
  let seen = true;
  const queue = new Queue(office(open, { ...calls, ...over }), { moved, tell, visible: () => seen });
  queue.start();
  await settle();
  const look = (visible: boolean): void => void (seen = visible);
  return { queue, moved, tell, look, open, ...calls };
}

/** Decides the open case. */
function decide(queue: Queue, note = 'seen'): boolean {
  if (!queue.case) return false;
  Object.assign(queue.case.draft, { choice: 'warn', note });
  return queue.decide();
}

const ids = (reports: readonly AdminReport[]): string[] => reports.map(({ id }) => id);

test('what is opened is taken, read in order, and left to others afterwards', async () => {
  const { queue, take, release } = await working();
  await queue.enter('2');
  expect(take).toHaveBeenCalledExactlyOnceWith('2');
  expect([queue.case?.state, queue.case?.evidence?.map(({ seq }) => seq)]).toEqual(['mine', [1, 2]]);
  await queue.enter('1');
  expect(release).toHaveBeenCalledExactlyOnceWith('2');
  queue.stop();
  expect(release).toHaveBeenLastCalledWith('1');
});

test('a decision is held for ten seconds, and the next case comes at once', async () => {
  const { queue, resolve, moved, release } = await working();
  await queue.next();
  expect(decide(queue)).toBe(true);
  await settle();
  expect([queue.case?.id, ids(queue.rows), queue.left, queue.total]).toEqual(['2', ['2', '3'], 2, 3]);
  expect(moved.mock.calls).toEqual([['1'], ['2']]);
  await vi.advanceTimersByTimeAsync(9_900);
  expect(resolve).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(200);
  expect(resolve).toHaveBeenCalledExactlyOnceWith('1', { decision: 'warn', note: 'seen' }, expect.any(String));
  expect(release).not.toHaveBeenCalled();
  expect([queue.decisions.list, ids(queue.rows)]).toEqual([[], ['2', '3']]);
});

test('several are held at once, and the newest is undone first', async () => {
  const { queue, resolve } = await working();
  await queue.next();
  decide(queue, 'first');
  await settle();
  await vi.advanceTimersByTimeAsync(3 * SECOND);
  decide(queue, 'second');
  await settle();
  expect(queue.undo()).toBe(true);
  await settle();
  expect([queue.case?.id, queue.case?.draft.note, queue.case?.state]).toEqual(['2', 'second', 'mine']);
  await vi.advanceTimersByTimeAsync(20 * SECOND);
  expect(resolve.mock.calls.map(([id]) => id)).toEqual(['1']);
  expect(queue.undo()).toBe(false);
});

test('an undone case gets its place back, and what was typed elsewhere is kept', async () => {
  const { queue, release } = await working();
  await queue.next();
  decide(queue);
  await settle();
  queue.case!.draft.note = 'half a';
  queue.undo('1');
  await settle();
  expect([queue.case?.id, release.mock.calls]).toEqual(['1', [['2']]]);
  await queue.enter('2');
  expect(queue.case?.draft.note).toBe('half a');
});

test('nothing is decided without a choice, a note, or before the evidence is there', async () => {
  let read = (): void => undefined;
  const wait = new Promise<void>((resolve) => (read = resolve));
  const { queue } = await working({ read: async (id) => wait.then(() => details(report(id))) });
  const entered = queue.enter('1');
  await settle();
  expect([decide(queue), queue.case?.missing]).toEqual([false, t.notRead]);
  read();
  await entered;
  queue.case!.draft.choice = null;
  expect([queue.decide(), queue.case?.missing]).toEqual([false, t.chooseFirst]);
  expect([decide(queue, ' \u0007 '), queue.case?.missing]).toEqual([false, t.noteFirst]);
  expect(queue.case?.id).toBe('1');
});

test('one that another was faster with is passed over', async () => {
  const take = vi.fn<Office['take']>()
    .mockImplementationOnce(refuse('taken', 409))
    .mockImplementationOnce(refuse('already_decided', 409))
    .mockResolvedValue(undefined);
  const { queue } = await working({ take });
  await queue.next();
  expect([queue.case?.id, queue.case?.state]).toEqual(['3', 'mine']);
});

test('those that others have are not tried', async () => {
  const taken = { by: 'pusula#2891', mine: false, until: '' };
  const { queue, take, moved } = await working({}, [report('1', 'spam', { taken })]);
  await queue.next();
  expect(take).not.toHaveBeenCalled();
  expect([queue.case, queue.rows.length, queue.free, moved.mock.lastCall]).toEqual([null, 1, false, [null]]);
});

test('one that others have can be read, and not decided', async () => {
  const { queue, release } = await working({ take: refuse('taken', 409) });
  await queue.enter('1');
  expect([queue.case?.state, queue.case?.evidence?.length]).toEqual(['taken', 2]);
  expect(decide(queue)).toBe(false);
  await queue.enter('2');
  expect(release).not.toHaveBeenCalled();
});

test('without a line the next one is not opened, and that is said', async () => {
  const { queue } = await working({ take: offline });
  await queue.next();
  expect([queue.case, queue.remark]).toEqual([null, t.nextLost]);
  await queue.load();
  expect(queue.remark).toBe('');
  await queue.enter('1');
  expect(queue.case?.state).toBe('lost');
});

test('a taking is renewed every two minutes while somebody looks', async () => {
  const { queue, take, look } = await working();
  await queue.enter('1');
  await vi.advanceTimersByTimeAsync(4 * MINUTE + SECOND);
  expect(take).toHaveBeenCalledTimes(3);
  look(false);
  await vi.advanceTimersByTimeAsync(10 * MINUTE);
  expect(take).toHaveBeenCalledTimes(3);
  look(true);
  take.mockImplementationOnce(refuse('taken', 409));
  queue.look();
  await settle();
  expect([queue.case?.id, queue.case?.state]).toEqual(['1', 'taken']);
});

test('a renewal that got no answer is tried again', async () => {
  const { queue, take } = await working();
  await queue.enter('1');
  take.mockImplementationOnce(offline);
  await vi.advanceTimersByTimeAsync(2 * MINUTE + 16 * SECOND);
  expect([take.mock.calls.length, queue.case?.state]).toEqual([3, 'mine']);
});

test('the list is asked for every 15 seconds and keeps the open case', async () => {
  const { queue, open } = await working();
  await queue.enter('1');
  const before = queue.case;
  open.splice(0, 1, report('9', 'threat'));
  await vi.advanceTimersByTimeAsync(15 * SECOND);
  expect(ids(queue.rows)).toEqual(['9', '2', '3']);
  expect(queue.case).toBe(before);
  expect(queue.total).toBe(3);
});

test('an answer for another filter comes too late', async () => {
  let slow = (): void => undefined;
  const wait = new Promise<void>((resolve) => (slow = resolve));
  const open = [report('1', 'spam'), report('2', 'hate')];
  const { queue } = await working({
    queue: async (reason) => {
      if (reason === 'spam') await wait;
      return office(open).queue(reason);
    },
  });
  void queue.show('spam');
  await queue.show('hate');
  slow();
  await settle();
  expect(ids(queue.rows)).toEqual(['2']);
});

test('what is held is sent at once when the page goes, and the open case is given back', async () => {
  const { queue, resolve, release } = await working();
  await queue.next();
  decide(queue);
  await settle();
  queue.leave();
  // Before anything is waited for: the page may be gone.
  expect([resolve.mock.calls.map(([id]) => id), release.mock.calls]).toEqual([['1'], [['2']]]);
  await settle();
  expect(queue.undo()).toBe(false);
});

test('the page that comes back takes its case again', async () => {
  const { queue, take } = await working();
  await queue.enter('1');
  queue.leave();
  queue.look();
  await settle();
  expect(take).toHaveBeenCalledTimes(2);
  expect(queue.case?.state).toBe('mine');
});

test('a decision that got no answer is sent again with the same key', async () => {
  const resolve = vi.fn<Office['resolve']>(async () => undefined).mockImplementationOnce(offline);
  const { queue } = await working({ resolve });
  await queue.next();
  decide(queue);
  await vi.advanceTimersByTimeAsync(10 * SECOND);
  expect(queue.decisions.list.map(({ state, wrong }) => [state, wrong.length > 0])).toEqual([['unsent', true]]);
  expect([ids(queue.rows), queue.undo()]).toEqual([['2', '3'], false]);
  await vi.advanceTimersByTimeAsync(15 * SECOND);
  const [first, second] = resolve.mock.calls;
  expect(second).toEqual(first);
  expect(queue.decisions.list).toEqual([]);
});

test.each([
  ['already_decided', 409], ['taken', 409], ['forbidden', 403], ['not_found', 404],
] as const)('a decision refused with %s stays until it is read', async (code, status) => {
  const { queue, tell } = await working({ resolve: refuse(code, status) });
  await queue.next();
  decide(queue);
  await vi.advanceTimersByTimeAsync(60 * SECOND);
  expect(queue.decisions.list.map(({ state, wrong }) => [state, wrong])).toEqual([['refused', t.refused[code]]]);
  queue.stop();
  expect(tell).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(t.refused[code]));
  queue.drop('1');
  expect(queue.decisions.list).toEqual([]);
});

test('without the room on the screen, what failed is told, and tried until it is done', async () => {
  const resolve = vi.fn<Office['resolve']>(async () => undefined).mockImplementationOnce(offline);
  const { queue, tell, queue: { decisions } } = await working({ resolve });
  await queue.next();
  decide(queue);
  await settle();
  queue.stop();
  await settle();
  expect(tell).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('lodos#0417'));
  await vi.advanceTimersByTimeAsync(16 * SECOND);
  expect([resolve.mock.calls.length, decisions.list]).toEqual([2, []]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a release does not overtake the next taking of the same', async () => {
  const order: string[] = [];
  const waiting = new Map<string, () => void>();
  const { queue } = await working({
    release: async (id) => {
      await new Promise<void>((resolve) => waiting.set(id, resolve));
      order.push(`release ${id}`);
    },
    take: async (id) => void order.push(`take ${id}`),
  });
  await queue.enter('1');
  await queue.enter('2');
  const again = queue.enter('1');
  await settle();
  waiting.get('1')?.();
  await again;
  expect(order).toEqual(['take 1', 'take 2', 'release 1', 'take 1']);
});

test('a case that is no longer wanted when it is taken is given back', async () => {
  let taken = (): void => undefined;
  const { queue, release } = await working({
    take: (id) => (id === '1' ? new Promise<void>((resolve) => (taken = resolve)) : Promise.resolve()),
  });
  const first = queue.enter('1');
  await settle();
  await queue.enter('2');
  taken();
  await first;
  expect(release.mock.calls).toEqual([['1']]);
  expect(queue.case?.id).toBe('2');
});

test('a role that was taken away is said', async () => {
  const { queue } = await working({ queue: refuse('forbidden', 403) });
  expect([queue.loaded, queue.wrong]).toEqual([false, t.noRole]);
});

test('a case whose decision is not sent can be opened again as it was', async () => {
  const { queue, resolve } = await working();
  await queue.next();
  decide(queue, 'hasty');
  await settle();
  await queue.enter('1');
  expect([queue.case?.draft.note, queue.decisions.list]).toEqual(['hasty', []]);
  await vi.advanceTimersByTimeAsync(20 * SECOND);
  expect(resolve).not.toHaveBeenCalled();
});

test('a room that is left takes nothing any more', async () => {
  let taken = (): void => undefined;
  const { queue, release, moved } = await working({
    take: () => new Promise<void>((resolve) => (taken = resolve)),
  });
  const next = queue.next();
  await settle();
  queue.stop();
  taken();
  await next;
  expect([queue.case, release.mock.calls, moved.mock.calls]).toEqual([null, [['1']], []]);
});

test('asked for twice, the next one comes once', async () => {
  const { queue, take, release } = await working();
  const first = queue.next();
  await queue.next();
  await first;
  expect([take.mock.calls, release.mock.calls, queue.case?.id]).toEqual([[['1']], [], '1']);
  await queue.next();
  expect(release.mock.calls).toEqual([['1']]);
});

test('who leaves while the next one is looked for can ask for it again', async () => {
  let taken = (): void => undefined;
  const { queue } = await working({ take: () => new Promise<void>((resolve) => (taken = resolve)) });
  void queue.next();
  await settle();
  queue.close();
  queue.stop();
  taken();
  await settle();
  queue.start();
  void queue.next();
  await settle();
  taken();
  await settle();
  expect(queue.case?.state).toBe('mine');
});

test('a page asks before it goes where a decision would be lost with it', async () => {
  const { queue: { decisions }, queue } = await working({ resolve: offline });
  await queue.next();
  expect([decisions.atRisk(true), decisions.atRisk(false)]).toEqual([false, false]);
  decide(queue);
  expect([decisions.atRisk(true), decisions.atRisk(false)]).toEqual([false, true]);
  await vi.advanceTimersByTimeAsync(11 * SECOND);
  expect(decisions.atRisk(true)).toBe(true);
});

test('what did not arrive is sent once more when the page goes', async () => {
  const resolve = vi.fn<Office['resolve']>(async () => undefined).mockImplementationOnce(offline);
  const { queue } = await working({ resolve });
  await queue.next();
  decide(queue);
  await vi.advanceTimersByTimeAsync(10 * SECOND);
  queue.leave();
  expect(resolve).toHaveBeenCalledTimes(2);
});
