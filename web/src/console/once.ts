// A call whose answer was lost may have been done. The same call again has the same key, and so is
// done once.

export class Once {
  #last = { call: '', key: '' };

  key(...call: readonly unknown[]): string {
    const now = JSON.stringify(call);
    if (now !== this.#last.call) this.#last = { call: now, key: crypto.randomUUID() };
    return this.#last.key;
  }

  /** It was answered: the next one is another one. */
  answered(): void {
    this.#last = { call: '', key: '' };
  }
}
