// The key packages of this device: made here, kept here, and enough of them at the server.

import { toBase64 } from '../e2ee/bytes.ts';
import { Mls } from '../e2ee/mls.ts';
import type { StoredPackage } from '../e2ee/packages.ts';
import type { SealedStore } from '../e2ee/store.ts';

export const KEYS_RECORD = 'device/keys';

interface StoredKeys {
  packages: StoredPackage[];
}

type Upload = (body: { packages: string[]; last_resort?: string }) => Promise<{ remaining: number }>;

export class Keys {
  readonly mls: Mls;
  readonly #store: Pick<SealedStore, 'write'>;
  readonly #upload: Upload;
  /** One-time packages at the server, as far as is known. */
  #remaining: number | undefined;
  #filling: Promise<void> | undefined;

  private constructor(mls: Mls, store: Pick<SealedStore, 'write'>, upload: Upload) {
    this.mls = mls;
    this.#store = store;
    this.#upload = upload;
  }

  static async load(store: SealedStore, upload: Upload): Promise<Keys> {
    const kept = (await store.read<StoredKeys>(KEYS_RECORD)).get(KEYS_RECORD);
    const mls = await Mls.load(kept?.packages);
    return new Keys(mls, store, upload);
  }

  /** For a write that uses a package up: both are stored, or neither. */
  record(): Record<string, unknown> {
    const stored: StoredKeys = { packages: this.mls.packages.stored() };
    return { [KEYS_RECORD]: stored };
  }

  /** The server said how many it has. */
  async remain(remaining: number): Promise<void> {
    this.#remaining = remaining;
    await this.fill().catch(() => undefined); // asked again before the next search
  }

  /** Uploads what is missing. Throws if the server cannot be reached. */
  fill(): Promise<void> {
    this.#filling ??= this.#fill().finally(() => (this.#filling = undefined));
    return this.#filling;
  }

  async #fill(): Promise<void> {
    const refill = await this.mls.packages.refill(this.#remaining ?? 0);
    if (!refill.packages.length && !refill.lastResort) return;
    // Before the server has them: a Welcome for one that was lost here could not be opened.
    await this.#store.write(this.record());
    const { remaining } = await this.#upload({
      packages: refill.packages.map(({ wire }) => toBase64(wire)),
      ...(refill.lastResort && { last_resort: toBase64(refill.lastResort.wire) }),
    });
    this.mls.packages.uploaded(refill);
    this.#remaining = remaining;
    await this.#store.write(this.record());
  }
}
