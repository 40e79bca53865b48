// Looking for accounts: a list with filters, and whoever was searched for.

import { Pages } from '../../account/pages.svelte.ts';
import type { AdminUser, UserRole } from '../../net/api.d.ts';
import { Problem } from '../../net/rest.ts';
import type { Desk } from '../desk.ts';
import { refusal } from '../ui/refusal.ts';
import { wanted } from './search.ts';
import { t } from './text.ts';

export interface Filters {
  role?: UserRole;
  banned?: boolean;
  premium?: boolean;
}

export class Found {
  /** In the field. A number leaves it as soon as it was looked up. */
  typed = $state('');
  /** What is wrong with it, in words. */
  wrong = $state('');
  pages: Pages<AdminUser>;
  /** What the list is of. */
  of: 'all' | 'account' | 'phone' = $state('all');

  readonly #desk: Desk;
  #filters: Filters = {};
  /** Of what was asked for, only the last thing is shown. */
  #asked = 0;
  /** The number that is being looked up. */
  #phoning = $state('');
  #query = '';

  constructor(desk: Desk) {
    this.#desk = desk;
    this.pages = $state.raw(this.#list());
  }

  /** A list that is on its way keeps nobody from asking for another. */
  get busy(): boolean {
    return this.#phoning !== '';
  }

  get byPhone(): boolean {
    return this.#desk.me.role === 'admin';
  }

  /** With other filters; the same ones leave the list as it is. */
  async filter(filters: Filters): Promise<void> {
    const same = JSON.stringify(filters) === JSON.stringify(this.#filters);
    if (same && (this.pages.items.length > 0 || this.pages.busy)) return;
    this.#filters = filters;
    if (this.of === 'phone') this.of = 'all';
    await this.#show(this.#list());
  }

  async search(): Promise<void> {
    const what = wanted(this.typed);
    // Each look-up is recorded.
    if (what.kind === 'phone' && what.phone === this.#phoning) return;
    this.wrong = '';
    if (what.kind === 'unreadable') {
      this.wrong = t.unreadable;
      return;
    }
    if (what.kind === 'phone' && !this.byPhone) {
      this.typed = '';
      this.wrong = t.phoneForAdmins;
      return;
    }
    if (what.kind === 'phone') return this.#phone(what.phone);
    this.#query = what.kind === 'account' ? what.query : '';
    this.of = what.kind === 'account' ? 'account' : 'all';
    await this.#show(this.#list());
  }

  async #phone(phone: string): Promise<void> {
    const asked = ++this.#asked;
    this.#phoning = phone;
    const found = new Pages<AdminUser>(() => this.#desk.rest.post('/v1/admin/users/find', { phone }));
    await found.next();
    if (asked !== this.#asked) return;
    this.#phoning = '';
    const { error } = found;
    if (error instanceof Problem && error.code === 'invalid_phone') this.wrong = t.invalidPhone;
    else if (error) this.wrong = refusal(error);
    if (error) return;
    this.typed = '';
    this.#query = '';
    this.of = 'phone';
    this.pages = found;
  }

  #list(): Pages<AdminUser> {
    const query = { ...this.#filters, ...(this.#query && { query: this.#query }) };
    return new Pages((cursor) =>
      this.#desk.rest.get('/v1/admin/users', { query: cursor ? { ...query, cursor } : query }));
  }

  async #show(pages: Pages<AdminUser>): Promise<void> {
    const asked = ++this.#asked;
    this.#phoning = '';
    this.pages = pages;
    await pages.next();
    const { error } = pages;
    if (asked !== this.#asked || !(error instanceof Problem) || error.code !== 'invalid_field') return;
    // Not readable as a handle or an id.
    this.wrong = t.unreadable;
    pages.error = null;
    pages.more = false;
  }
}

/** What was found is still there when one comes back from a person's page, for as long as one is signed in. */
const kept = new WeakMap<Desk, { by: string; found: Found }>();

export function foundBy(desk: Desk): Found {
  const before = kept.get(desk);
  if (before?.by === desk.me.id) return before.found;
  const found = new Found(desk);
  kept.set(desk, { by: desk.me.id, found });
  return found;
}
