// What a device keeps: IndexedDB, every record under an AES-GCM key that cannot be taken out of
// the browser. One tab at a time has the device: whoever opened it last.

import { type Bytes, fromBase64, hex, random, text, toBase64, utf8 } from './bytes.ts';

const DATABASE = 'tebdil';
const RECORDS = 'sealed';
const KEYS = 'keys';
/** In `keys`: who opened the device last. */
const HOLDER = 'holder';
// The default of Chromium is "relaxed": a power cut could bring an older ratchet back.
const STRICT: IDBTransactionOptions = { durability: 'strict' };

interface SealedRecord {
  iv: Bytes;
  data: Bytes;
}

/** Another tab opened the device since: nothing is written here any more. */
export class TakenOver extends Error {}

/** What is kept was changed, or its key is gone: nobody can ever read it. */
export class Unreadable extends Error {}

export class SealedStore {
  readonly #db: IDBDatabase;
  readonly #key: CryptoKey;
  readonly #holder: string;
  readonly #taken: (() => void) | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(db: IDBDatabase, key: CryptoKey, holder: string, taken?: () => void) {
    this.#db = db;
    this.#key = key;
    this.#holder = holder;
    this.#taken = taken;
  }

  /**
   * From now on the others that opened it write nothing: a tab hears only later that it lost the device.
   * `taken` is called when a write finds that another one opened it since.
   */
  static async open(taken?: () => void): Promise<SealedStore> {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(RECORDS);
      request.result.createObjectStore(KEYS);
    };
    const db = await result(request);
    db.onversionchange = () => db.close(); // another tab erases the device
    // Made first: a transaction ends when anything but it is awaited.
    const usages: KeyUsage[] = ['encrypt', 'decrypt'];
    const algorithm = { name: 'AES-GCM', length: 256 };
    const fresh = await crypto.subtle.generateKey(algorithm, false, usages);
    const holder = hex(random(16));
    const transaction = db.transaction(KEYS, 'readwrite', STRICT);
    const done = committed(transaction);
    const keys = transaction.objectStore(KEYS);
    const known: CryptoKey | undefined = await result(keys.get('device'));
    if (!known) keys.put(fresh, 'device');
    keys.put(holder, HOLDER);
    await done;
    return new SealedStore(db, known ?? fresh, holder, taken);
  }

  /**
   * All of it or nothing, and on the disk when it resolves. `undefined` deletes. Writes take effect
   * in the order of the calls: an older state of a session never overwrites a newer one. Throws `TakenOver`.
   */
  write(records: Record<string, unknown>): Promise<void> {
    // The values of now, not of when it is this call's turn.
    const plain = Object.entries(records).map(
      ([name, value]) => [name, value === undefined ? undefined : encode(value)] as const,
    );
    return this.#exclusive(async () => {
      const sealed = await Promise.all(plain.map(async ([name, bytes]) =>
        [name, bytes && (await this.#seal(name, bytes))] as const));
      await this.#change((store) => {
        for (const [name, value] of sealed) {
          if (value) store.put(value, name);
          else store.delete(name);
        }
      });
    });
  }

  /** Deletes every record whose name starts with `prefix`: what is left of a match that is over. */
  remove(prefix: string): Promise<void> {
    return this.#exclusive(() => this.#change((store) => store.delete(startingWith(prefix))));
  }

  /** The records whose names start with `prefix`. Throws `Unreadable` for one that was changed or moved. */
  async read<T>(prefix: string): Promise<Map<string, T>> {
    const store = this.#db.transaction(RECORDS).objectStore(RECORDS);
    const range = startingWith(prefix);
    const [names, values] = await Promise.all([
      result(store.getAllKeys(range) as IDBRequest<string[]>),
      result(store.getAll(range) as IDBRequest<SealedRecord[]>),
    ]);
    const opened = names.map(async (name, i) =>
      [name, (await this.#unseal(name, values[i]!)) as T] as const);
    return new Map(await Promise.all(opened));
  }

  close(): void {
    this.#db.close();
  }

  /** Deletes everything, the key too. */
  static async erase(): Promise<void> {
    await result(indexedDB.deleteDatabase(DATABASE));
  }

  #exclusive<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #change(step: (store: IDBObjectStore) => void): Promise<void> {
    const transaction = this.#db.transaction([RECORDS, KEYS], 'readwrite', STRICT);
    const done = committed(transaction);
    // Two tabs with one state of an encryption would use a key twice.
    const holder: unknown = await result(transaction.objectStore(KEYS).get(HOLDER));
    if (holder !== this.#holder) {
      done.catch(() => undefined);
      transaction.abort();
      this.#taken?.();
      throw new TakenOver('another tab has the device');
    }
    step(transaction.objectStore(RECORDS));
    await done;
  }

  // The name is bound in, so that no record passes for another.
  async #seal(name: string, bytes: Bytes): Promise<SealedRecord> {
    const iv = random(12);
    const cipher = { name: 'AES-GCM', iv, additionalData: utf8(name) };
    return { iv, data: new Uint8Array(await crypto.subtle.encrypt(cipher, this.#key, bytes)) };
  }

  async #unseal(name: string, { iv, data }: SealedRecord): Promise<unknown> {
    const cipher = { name: 'AES-GCM', iv, additionalData: utf8(name) };
    try {
      return decode(new Uint8Array(await crypto.subtle.decrypt(cipher, this.#key, data)));
    } catch (cause) {
      throw new Unreadable(`the record ${name.split('/')[0]} cannot be read`, { cause });
    }
  }
}

/**
 * True when this tab has the device now, false when another one has it. `steal` takes it over;
 * `lost` is called when another tab does.
 */
export function holdDevice(lost: () => void, steal = false): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let held = false;
    const options: LockOptions = steal ? { steal: true } : { ifAvailable: true };
    const ended = navigator.locks.request('tebdil-device', options, (lock) => {
      held = lock !== null;
      resolve(held);
      // For as long as the tab lives.
      return lock ? new Promise<never>(() => {}) : undefined;
    });
    ended.catch((error: unknown) => (held ? lost() : reject(error)));
  });
}

function startingWith(prefix: string): IDBKeyRange {
  return IDBKeyRange.bound(prefix, `${prefix}\uffff`);
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    // There is no error where a script aborts it.
    transaction.onabort = () => reject(transaction.error ?? new Error('the write was aborted'));
  });
}

// JSON, with bytes as {"$b": base64}.
function encode(value: unknown): Bytes {
  return utf8(JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? { $b: toBase64(v) } : v)));
}

function decode(bytes: Bytes): unknown {
  return JSON.parse(text(bytes), (_, v) =>
    (v && typeof v === 'object' && typeof v.$b === 'string' ? fromBase64(v.$b) : v));
}
