// A list that the server gives page by page.

export interface Page<T> {
  items: T[];
  next_cursor?: string | null | undefined;
}

export class Pages<T extends { id: string }> {
  items = $state.raw<readonly T[]>([]);
  /** Something is being loaded. */
  busy = $state(false);
  /** Why the last page did not come. */
  error = $state.raw<unknown>(null);
  /** There is another page. True before the first one. */
  more = $state(true);

  readonly #load: (cursor: string | undefined) => Promise<Page<T>>;
  #cursor: string | undefined;

  constructor(load: (cursor: string | undefined) => Promise<Page<T>>) {
    this.#load = load;
  }

  /** The next page; again after a failure. While one is loading it does nothing. */
  async next(): Promise<void> {
    if (this.busy || !this.more) return;
    this.busy = true;
    this.error = null;
    try {
      const page = await this.#load(this.#cursor);
      // What came meanwhile may be in the page, too.
      const have = new Set(this.items.map(({ id }) => id));
      this.items = [...this.items, ...page.items.filter(({ id }) => !have.has(id))];
      this.#cursor = page.next_cursor ?? undefined;
      this.more = this.#cursor !== undefined;
    } catch (error) {
      this.error = error;
    } finally {
      this.busy = false;
    }
  }

  drop(item: T): void {
    this.items = this.items.filter((one) => one !== item);
  }

  /** In the place that `before` had. */
  put(item: T, before: readonly T[]): void {
    const place = before.indexOf(item);
    const following = new Set(before.slice(place + 1));
    const at = this.items.findIndex((one) => following.has(one));
    const end = at === -1 ? this.items.length : at;
    this.items = [...this.items.slice(0, end), item, ...this.items.slice(end)];
  }
}
