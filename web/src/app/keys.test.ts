import 'fake-indexeddb/auto';
import { beforeEach, expect, test } from 'vitest';
import { PACKAGE_TARGET, REFILL_BELOW } from '../e2ee/packages.ts';
import { SealedStore } from '../e2ee/store.ts';
import { Keys } from './keys.ts';

beforeEach(() => SealedStore.erase());

type Upload = { packages: string[]; last_resort?: string };

async function keys(store: SealedStore, offline = false): Promise<{ keys: Keys; uploads: Upload[] }> {
  const uploads: Upload[] = [];
  const made = await Keys.load(store, async (body) => {
    uploads.push(body);
    if (offline) throw new Error('offline');
    return { remaining: PACKAGE_TARGET };
  });
  return { keys: made, uploads };
}

test('a new device uploads all it may, with a last resort, once', async () => {
  const store = await SealedStore.open();
  const { keys: made, uploads } = await keys(store);
  await Promise.all([made.fill(), made.fill()]);
  expect(uploads.map(({ packages, last_resort }) => [packages.length, typeof last_resort])).toEqual([
    [PACKAGE_TARGET, 'string'],
  ]);
  await made.remain(REFILL_BELOW);
  expect(uploads).toHaveLength(1);
  await made.remain(REFILL_BELOW - 1);
  expect(uploads[1]?.packages).toHaveLength(PACKAGE_TARGET - REFILL_BELOW + 1);
  store.close();
});

test('what an upload lost is kept, and sent again', async () => {
  const store = await SealedStore.open();
  const { keys: lost, uploads } = await keys(store, true);
  await expect(lost.fill()).rejects.toThrow('offline');
  await lost.remain(0); // says nothing: it is asked for before the next search
  const { keys: again, uploads: sent } = await keys(store);
  await again.fill();
  expect(new Set(sent[0]?.packages)).toEqual(new Set(uploads[0]?.packages));
  store.close();
});
