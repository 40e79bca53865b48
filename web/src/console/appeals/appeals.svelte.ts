// Appeals that wait, oldest first, and the decisions about them.

import { Act } from '../../account/act.svelte.ts';
import type { AdminAppeal, AppealDecision } from '../../net/api.d.ts';
import { Once } from '../../net/once.ts';
import type { Desk } from '../desk.ts';

/** The server has the newest first, and at most this many at once. */
const PAGE = 100;
const MOST_PAGES = 20;

/** Why somebody may not decide an appeal, as far as the page can know: who banned, and whom it is about. */
export type Bar = 'own_ban' | 'own_appeal';

export class Appeals {
  /** Those that wait. Null until they are read. */
  waiting: readonly AdminAppeal[] | null = $state.raw(null);
  error: unknown = $state.raw(null);
  readonly act = new Act();

  readonly #desk: Desk;
  readonly #once = new Once();
  /** A list that was asked for before may still have them. */
  readonly #settled = new Set<string>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Those one cannot decide come last, for whoever else works here. */
  async load(): Promise<void> {
    try {
      const found = await this.#open();
      const waiting = found.filter(({ id }) => !this.#settled.has(id));
      const oldest = waiting.toSorted((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at));
      this.waiting = [
        ...oldest.filter((one) => !this.bar(one)),
        ...oldest.filter((one) => this.bar(one)),
      ];
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  bar({ ban, user_id }: AdminAppeal): Bar | null {
    if (ban.banned_by_me) return 'own_ban';
    return user_id === this.#desk.me.id ? 'own_appeal' : null;
  }

  /** The one to look at after that one is decided; null if there is none. */
  after(id: string): string | null {
    const all = this.waiting ?? [];
    const at = all.findIndex((one) => one.id === id);
    return (all[at + 1] ?? all[at - 1])?.id ?? null;
  }

  /** True if it was done. Whatever somebody else has decided leaves the queue as well. */
  async decide(appeal: AdminAppeal, decision: AppealDecision, note: string): Promise<boolean> {
    const { id } = appeal;
    const body = { decision, note };
    const done = await this.act.run(() =>
      this.#desk.rest.post('/v1/admin/appeals/{id}/decide', body, {
        path: { id },
        key: this.#once.key(id, body),
      }));
    const { refused, code } = this.act;
    this.#once.settle(refused);
    const settled = done || code === 'already_decided' || code === 'not_found';
    if (settled) {
      this.#settled.add(id);
      this.waiting = (this.waiting ?? []).filter((one) => one.id !== id);
    }
    return done;
  }

  async #open(): Promise<AdminAppeal[]> {
    const found: AdminAppeal[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const query = { status: 'open' as const, limit: PAGE, ...(cursor && { cursor }) };
      const { items, next_cursor } = await this.#desk.rest.get('/v1/admin/appeals', { query });
      found.push(...items);
      if (!next_cursor) break;
      cursor = next_cursor;
    }
    return found;
  }
}
