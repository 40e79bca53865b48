// Bans: those of the system that wait for somebody first.

import { Act } from '../../account/act.svelte.ts';
import { Pages } from '../../account/pages.svelte.ts';
import type { AdminBan } from '../../net/api.d.ts';
import { Once } from '../../net/once.ts';
import type { Desk } from '../desk.ts';

/** `waiting`: provisional ones in force. */
export type Which = 'waiting' | 'active' | 'all';
export const WHICH: readonly Which[] = ['waiting', 'active', 'all'];

const QUERIES = {
  waiting: { provisional: true, active: true },
  active: { active: true },
  all: {},
} as const;

/** It ended, or was decided, meanwhile. */
const OUTDATED = ['not_banned', 'already_decided', 'not_found'];

export class Bans {
  which: Which = $state('waiting');
  pages: Pages<AdminBan>;
  readonly act = new Act();

  readonly #desk: Desk;
  readonly #once = new Once();

  constructor(desk: Desk) {
    this.#desk = desk;
    this.pages = $state.raw(this.#list());
  }

  async show(which: Which): Promise<void> {
    this.which = which;
    this.pages = this.#list();
    await this.pages.next();
  }

  /** Without `until` its end stays as it is. */
  confirm({ id }: AdminBan, note: string, until?: string): Promise<boolean> {
    const body = { note, ...(until && { until }) };
    return this.#do(() =>
      this.#desk.rest.post('/v1/admin/bans/{id}/confirm', body, {
        path: { id },
        key: this.#once.key('confirm', id, body),
      }));
  }

  /** Every ban of the phone that is in force. */
  lift({ user_id }: AdminBan, note: string): Promise<boolean> {
    const id = user_id ?? '';
    return this.#do(() =>
      this.#desk.rest.post('/v1/admin/users/{id}/unban', { note }, {
        path: { id },
        key: this.#once.key('lift', id, note),
      }));
  }

  async #do(send: () => Promise<unknown>): Promise<boolean> {
    const done = await this.act.run(send);
    const { refused, code } = this.act;
    this.#once.settle(refused);
    if (done || OUTDATED.includes(code ?? '')) await this.show(this.which);
    return done;
  }

  #list(): Pages<AdminBan> {
    const query = QUERIES[this.which];
    return new Pages((cursor) =>
      this.#desk.rest.get('/v1/admin/bans', { query: cursor ? { ...query, cursor } : query }));
  }
}
