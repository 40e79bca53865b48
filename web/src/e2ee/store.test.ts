import 'fake-indexeddb/auto';
import { beforeEach, expect, test } from 'vitest';
import { utf8 } from './bytes.ts';
import { type Evidence, evidenceOf, keepLast } from './evidence.ts';
import { SealedStore, TakenOver, Unreadable } from './store.ts';

beforeEach(() => SealedStore.erase());

async function atRest(): Promise<IDBDatabase> {
  const request = indexedDB.open('tebdil');
  return new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
}
function rows(db: IDBDatabase, name: string): Promise<Record<string, unknown>[]> {
  const request = db.transaction(name).objectStore(name).getAll();
  return new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
}

test('records survive a restart and are read by prefix', async () => {
  const store = await SealedStore.open();
  const value = { bytes: utf8('gizli'), list: [1, 'iki'], none: null };
  await store.write({ 'session/1': value, 'session/2': 2, 'other/1': 3 });
  store.close();
  const again = await SealedStore.open();
  expect(await again.read('session/')).toEqual(new Map<string, unknown>([
    ['session/1', value], ['session/2', 2],
  ]));
  again.close();
});

test('nothing is readable at rest, the key cannot be taken out', async () => {
  const store = await SealedStore.open();
  await store.write({ secret: { text: 'gizli söz', bytes: utf8('gizli') } });
  const db = await atRest();
  const [row] = await rows(db, 'sealed');
  const latin = new TextDecoder('latin1').decode(row!.data as Uint8Array);
  expect(latin).not.toMatch(/gizli|text|bytes/);
  const [key] = (await rows(db, 'keys')) as unknown as CryptoKey[];
  await expect(crypto.subtle.exportKey('raw', key!)).rejects.toThrow();
  db.close();
  store.close();
});

test('a write is whole or not at all', async () => {
  const store = await SealedStore.open();
  await store.write({ a: 1, b: 1 });
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  expect(() => store.write({ a: 2, b: circle })).toThrow();
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (value, key) {
    const request = put.call(this, value, key);
    if (key === 'b') this.transaction.abort();
    return request;
  };
  await expect(store.write({ a: 3, b: 3 })).rejects.toThrow('aborted');
  IDBObjectStore.prototype.put = put;
  expect([...(await store.read('')).values()]).toEqual([1, 1]);
  await store.write({ a: 4 });
  expect((await store.read('a')).get('a')).toBe(4);
  store.close();
});

test('writes take effect in order with the values of the call', async () => {
  const store = await SealedStore.open();
  const value = { n: 0, ballast: 'x'.repeat(100_000) };
  const first = store.write({ a: value });
  value.n = 1;
  value.ballast = '';
  const second = store.write({ a: value });
  await first;
  await second;
  expect((await store.read<{ n: number }>('a')).get('a')?.n).toBe(1);
  store.close();
});

test('a match that is over leaves nothing', async () => {
  const store = await SealedStore.open();
  await store.write({ 'match/1/session': 1, 'match/1/log': 1, 'match/12/session': 1 });
  await store.remove('match/1/');
  expect([...(await store.read('')).keys()]).toEqual(['match/12/session']);
  await store.write({ 'match/12/session': undefined });
  expect((await store.read('')).size).toBe(0);
  store.close();
});

test('a record moved to another name is refused', async () => {
  const store = await SealedStore.open();
  await store.write({ a: 1 });
  const db = await atRest();
  const [row] = await rows(db, 'sealed');
  const moving = db.transaction('sealed', 'readwrite');
  moving.objectStore('sealed').put(row, 'b');
  await new Promise((resolve) => (moving.oncomplete = resolve));
  await expect(store.read('b')).rejects.toBeInstanceOf(Unreadable);
  db.close();
  store.close();
});

test('evidence has the fields of a report, the last twenty kept', async () => {
  const [salt, tag, bytes] = [new Uint8Array(32), new Uint8Array(32), utf8('{"type":"text"}')];
  const opened = { content: { type: 'text' }, bytes, salt, tag, handle: 'ada#0001' };
  const frank = { kid: 'f1', mac: 'AA==' };
  const vouched = { match_id: '1', sent_at: '2026-01-01T00:00:00Z', frank };
  let kept: Evidence[] = [];
  for (const seq of [...Array(25).keys(), 3, 24]) {
    kept = keepLast(kept, await evidenceOf(opened, utf8('abc'), { ...vouched, seq }));
  }
  expect(kept.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 5));
  expect(kept[0]).toEqual({
    ...vouched,
    seq: 5,
    content: btoa('{"type":"text"}'),
    salt: btoa('\0'.repeat(32)),
    franking_tag: btoa('\0'.repeat(32)),
    ciphertext_sha256: 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=',
    sender_handle: 'ada#0001',
  });
});

test('whoever opened the device before writes nothing more', async () => {
  let lost = 0;
  const before = await SealedStore.open(() => (lost += 1));
  await before.write({ one: 1 });
  const now = await SealedStore.open();
  await expect(before.write({ one: 2 })).rejects.toThrow(TakenOver);
  await expect(before.remove('one')).rejects.toThrow(TakenOver);
  expect(lost).toBe(2);
  expect(await now.read('one')).toEqual(new Map([['one', 1]]));
  await now.write({ one: 3 });
  expect(await now.read('one')).toEqual(new Map([['one', 3]]));
  before.close();
  now.close();
});
