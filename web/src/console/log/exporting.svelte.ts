// Fetches the pages of the list one after the other, until there is no other or there are enough.

import type { Page } from '../../account/pages.svelte.ts';
import type { SystemLogEntry } from '../../net/api.d.ts';

export const MOST_ROWS = 10_000;
export const PAGE_ROWS = 100;

type Load = (cursor: string | undefined, signal: AbortSignal) => Promise<Page<SystemLogEntry>>;

export class Exporting {
  busy = $state(false);
  /** Rows so far. */
  rows = $state(0);
  /** There was more than may be taken at once. */
  cut = $state(false);
  refused = $state.raw<unknown>(null);
  #stop: AbortController | null = null;

  /** The rows, newest first; null where it was stopped or failed, for half of a log is no log. */
  async run(load: Load): Promise<SystemLogEntry[] | null> {
    if (this.busy) return null;
    const stop = (this.#stop = new AbortController());
    [this.busy, this.rows, this.cut, this.refused] = [true, 0, false, null];
    const all: SystemLogEntry[] = [];
    try {
      let cursor: string | undefined;
      do {
        const page = await load(cursor, stop.signal);
        if (stop.signal.aborted) return null;
        all.push(...page.items);
        this.rows = all.length;
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined && all.length < MOST_ROWS);
      this.cut = cursor !== undefined;
      return all.slice(0, MOST_ROWS);
    } catch (error) {
      if (!stop.signal.aborted) this.refused = error;
      return null;
    } finally {
      this.busy = false;
    }
  }

  stop(): void {
    this.#stop?.abort();
  }
}
