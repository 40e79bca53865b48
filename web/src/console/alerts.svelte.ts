// What the server tells staff of reports that wait, until they have looked at the queue.

import { Act } from '../account/act.svelte.ts';
import type { Notification } from '../net/api.d.ts';
import type { Rest } from '../net/rest.ts';

export class Alerts {
  /** Null: not known yet. */
  wanted: boolean | null = $state(null);
  /** Newest first. */
  unread: readonly Notification[] = $state.raw([]);
  readonly act = new Act();

  readonly #rest: Pick<Rest, 'get' | 'patch' | 'post'>;
  /** They are not shown again by an answer that was under way. */
  readonly #seen = new Set<string>();

  constructor(rest: Pick<Rest, 'get' | 'patch' | 'post'>) {
    this.#rest = rest;
  }

  /** Throws `Problem`. */
  async look(): Promise<void> {
    if (this.wanted === null) {
      const { staff } = await this.#rest.get('/v1/me/notification-preferences');
      this.wanted ??= staff;
    }
    const { items } = this.wanted ? await this.#rest.get('/v1/notifications') : { items: [] };
    const shown = ({ id, type, read }: Notification): boolean =>
      type === 'staff' && !read && !this.#seen.has(id);
    // It may have been turned off meanwhile.
    this.unread = this.wanted ? items.filter(shown) : [];
  }

  /** Shown at once, and taken back if it is refused. */
  async want(wanted: boolean): Promise<void> {
    const before = this.wanted;
    this.wanted = wanted;
    const done = await this.act.run(() =>
      this.#rest.patch('/v1/me/notification-preferences', { staff: wanted }));
    if (!done) this.wanted = before;
    await this.look().catch(() => undefined);
  }

  /** Whoever looks at the queue, or closes them, has read them. */
  async seen(): Promise<void> {
    const ids = this.unread.map(({ id }) => id);
    if (ids.length === 0) return;
    this.unread = [];
    for (const id of ids) this.#seen.add(id);
    await this.#rest.post('/v1/notifications/read', { ids }).catch(() => {
      for (const id of ids) this.#seen.delete(id);
    });
  }
}
