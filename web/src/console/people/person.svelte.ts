// One account, and what is done about it. Whatever is answered, the page shows the account as it is
// then: a decision that came too late says so.

import { Act } from '../../account/act.svelte.ts';
import type { AdminUserDetail, QuotaBucket, UserRole } from '../../net/api.d.ts';
import { Once } from '../../net/once.ts';
import type { Desk } from '../desk.ts';
import { type Deed, deeds } from './rights.ts';

/** What is asked for is out of date: somebody else was faster. */
const OUTDATED = ['already_banned', 'not_banned', 'already_decided', 'not_found'];

export class Person {
  account: AdminUserDetail | null = $state.raw(null);
  /** Why it is not shown. */
  error: unknown = $state.raw(null);
  /** Grows with every change: lists about the account are read again. */
  changes = $state(0);
  readonly act = new Act();
  readonly id: string;

  readonly #desk: Desk;
  readonly #once = new Once();

  constructor(id: string, desk: Desk) {
    this.id = id;
    this.#desk = desk;
  }

  get may(): ReadonlySet<Deed> {
    return this.account ? deeds(this.#desk.me, this.account) : new Set();
  }

  async load(): Promise<void> {
    try {
      this.account = await this.#desk.rest.get('/v1/admin/users/{id}', { path: { id: this.id } });
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  /** `until` is absent for good. */
  ban(reason: string, until?: string): Promise<boolean> {
    const body = { reason, ...(until && { until }) };
    return this.#do(['ban', body], (options) =>
      this.#desk.rest.post('/v1/admin/users/{id}/ban', body, options));
  }

  unban(note: string): Promise<boolean> {
    return this.#do(['unban', note], (options) =>
      this.#desk.rest.post('/v1/admin/users/{id}/unban', { note }, options));
  }

  reliability(unreliable: boolean): Promise<boolean> {
    return this.#do(['reliability', unreliable], (options) =>
      this.#desk.rest.post('/v1/admin/users/{id}/reliability', { unreliable }, options));
  }

  role(role: UserRole): Promise<boolean> {
    return this.#do(['role', role], (options) =>
      this.#desk.rest.post('/v1/admin/users/{id}/role', { role }, options));
  }

  endSessions(): Promise<boolean> {
    return this.#do(['sessions'], (options) =>
      this.#desk.rest.delete('/v1/admin/users/{id}/sessions', undefined, options));
  }

  /** Without `days` as long as the plan. */
  grant(plan: string, days?: number): Promise<boolean> {
    const body = { plan, ...(days !== undefined && { days }) };
    return this.#do(['grant', body], (options) =>
      this.#desk.rest.post('/v1/admin/users/{id}/subscription', body, options));
  }

  endPremium(): Promise<boolean> {
    return this.#do(['end-premium'], (options) =>
      this.#desk.rest.delete('/v1/admin/users/{id}/subscription', undefined, options));
  }

  correct(bucket: QuotaBucket, amount: number, reference: string): Promise<boolean> {
    const body = { bucket, amount, reference };
    return this.#do(['quota', body], (options) =>
      this.#desk.rest.post('/v1/admin/users/{id}/quota', body, options));
  }

  erase(note: string): Promise<boolean> {
    return this.#do(['erase', note], (options) =>
      this.#desk.rest.post('/v1/admin/users/{id}/erase', { note }, options));
  }

  async #do(
    call: readonly unknown[],
    send: (options: { path: { id: string }; key: string }) => Promise<unknown>,
  ): Promise<boolean> {
    const done = await this.act.run(() =>
      send({ path: { id: this.id }, key: this.#once.key(...call) }));
    this.#once.settle(this.act.refused);
    if (!done && !OUTDATED.includes(this.act.code ?? '')) return false;
    this.changes += 1;
    await this.load();
    return done;
  }
}
