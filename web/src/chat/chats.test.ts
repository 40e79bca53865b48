import 'fake-indexeddb/auto';
import { beforeEach, expect, test } from 'vitest';
import { Mls } from '../e2ee/mls.ts';
import { SealedStore } from '../e2ee/store.ts';
import { match } from '../gallery/fixtures.ts';
import type { Match } from '../net/frames.d.ts';
import { Chats } from './chats.svelte.ts';

beforeEach(() => SealedStore.erase());

const NOW = Date.now();

const running = (id: string, over: Partial<Match> = {}): Match =>
  match(id, 'bora#0002', { status: 'active', this_device: true, role: 'answerer', ...over });
const over = (id: string): Match =>
  match(id, 'bora#0002', { status: 'completed', ended_at: `2026-11-2${id}T10:00:00Z` });

interface Made {
  chats: Chats;
  store: SealedStore;
  /** What the server knows of each match. */
  server: Map<string, Match>;
  left: string[];
}

async function made(): Promise<Made> {
  const store = await SealedStore.open();
  const mls = await Mls.load();
  const server = new Map<string, Match>();
  const left: string[] = [];
  const chats = new Chats({
    store: () => store,
    room: () => ({
      store, mls, handle: 'ada#0001', ask: () => new Promise(() => undefined), send: () => false,
      online: () => new Promise(() => undefined), packagesRecord: () => ({}),
    }),
    page: async () => ({ items: [...server.values()] }),
    match: async (id) => server.get(id) ?? Promise.reject(new Error('not found')),
    tellLeft: ({ match: { id } }) => void left.push(id),
  });
  return { chats, store, server, left };
}

const ids = (chats: Chats): string => chats.sorted.map(({ match: { id } }) => id).join('');

test('a match that is told again is the same chat', async () => {
  const { chats } = await made();
  const first = chats.begin(running('1'));
  expect(chats.begin(running('1'))).toBe(first);
  expect(chats.sorted).toHaveLength(1);
});

test('what was said comes back in order after a reload', async () => {
  const { chats } = await made();
  const chat = chats.begin(running('1'));
  chat.say('bir');
  chat.say('iki');
  chat.setDraft('üç');
  await chat.settled();
  const again = await made();
  await again.chats.recall(again.store, NOW);
  const [back] = again.chats.sorted;
  expect(back?.messages.map((one) => 'text' in one && one.text)).toEqual(['bir', 'iki']);
  expect(again.chats.resume()).toEqual([{ match_id: '1', peer_seq: 0 }]);
});

test('a chat whose day is over is not read any more', async () => {
  const { chats, store } = await made();
  const hours = (n: number): string => new Date(NOW + n * 3600_000).toISOString();
  for (const [id, expires_at] of [['1', hours(-1)], ['2', hours(1)]] as const) {
    const chat = chats.begin(running(id, { expires_at }));
    chat.say(`gizli ${id}`);
    await chat.settled();
  }
  const again = await made();
  await again.chats.recall(again.store, NOW);
  await again.chats.of('1')?.settled();
  expect([again.chats.of('1')?.ended, again.chats.of('2')?.ended]).toEqual([true, false]);
  expect([...(await again.store.read('match/')).keys()]).toEqual(['match/2/chat', 'match/2/m/s1']);
  store.close();
});

test('evidence of long ago is deleted, the rest stays', async () => {
  const { chats, store } = await made();
  const kept = [{ evidence: { seq: 1 }, text: 'x' }];
  const day = 24 * 3600_000;
  await store.write({ 'evidence/1': { at: Date.now() - 8 * day, kept }, 'evidence/2': { at: Date.now() - 6 * day, kept } });
  await chats.recall(store, NOW);
  expect([...(await store.read('evidence/')).keys()]).toEqual(['evidence/2']);
  expect([await chats.evidence('1'), await chats.evidence('2')]).toEqual([[], kept]);
});

test('after a gap each chat learns what became of it', async () => {
  const { chats, server, left } = await made();
  chats.begin(running('1'));
  await chats.begin(running('2')).leave();
  chats.begin(running('3', { this_device: false }));
  server.set('3', over('3'));
  chats.welcomed({ matches: [running('1'), running('2'), running('4')] });
  await expect.poll(() => chats.of('3')?.ended).toBe(true);
  expect([left, chats.of('1')?.ended, chats.of('4')?.ended]).toEqual([['2'], false, false]);
});

test('a chat taken off this device does not come back', async () => {
  const { chats, server, store } = await made();
  for (const id of ['1', '2']) server.set(id, over(id));
  await chats.newest();
  expect(ids(chats)).toBe('21');
  await chats.forget('2');
  await chats.newest();
  expect(ids(chats)).toBe('1');
  const again = await made();
  again.server.set('2', over('2'));
  await again.chats.recall(store, NOW);
  await again.chats.newest();
  expect(ids(again.chats)).toBe('');
});

test('a chat that runs is not taken off', async () => {
  const { chats } = await made();
  chats.begin(running('1'));
  await chats.forget('1');
  expect(ids(chats)).toBe('1');
});

test('running chats come before those that ended', async () => {
  const { chats } = await made();
  chats.begin(over('1'));
  chats.begin(running('2', { created_at: '2026-11-01T10:00:00Z' }));
  chats.begin(running('3', { created_at: '2026-11-02T10:00:00Z' }));
  expect(ids(chats)).toBe('321');
});
