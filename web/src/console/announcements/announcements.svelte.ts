// What the operator tells many: a draft, and how far each one has come.

import { Act } from '../../account/act.svelte.ts';
import { Pages } from '../../account/pages.svelte.ts';
import type { Announcement } from '../../net/api.d.ts';
import { Once } from '../../net/once.ts';
import { type Target, group } from '../ads/target.ts';
import type { Desk } from '../desk.ts';
import { type Faults, faultsOf } from '../ui/refusal.ts';
import { fits, lines } from '../ui/written.ts';
import { t } from './text.ts';

type Field = 'tr' | 'en';

export class Announcements {
  readonly draft: Record<Field, string> & Target = $state({
    tr: '', en: '', subscribers: 'all', readers: 'any',
  });
  faults: Faults<Field> = $state.raw({});
  pages: Pages<Announcement>;
  readonly act = new Act();

  readonly #desk: Desk;
  readonly #once = new Once();
  /** Those that are not among the newest any more: one that got stuck long ago is not asked about for ever. */
  #old: ReadonlySet<string> = $state.raw(new Set());

  constructor(desk: Desk) {
    this.#desk = desk;
    this.pages = new Pages((cursor) =>
      desk.rest.get('/v1/admin/announcements', { query: cursor ? { cursor } : {} }));
  }

  /** Whether it can be sent; what cannot is said at its field. */
  check(): boolean {
    const faults: Faults<Field> = {};
    for (const field of ['tr', 'en'] as const) {
      if (!fits(lines(this.draft[field]))) faults[field] = t.wrong[field];
    }
    this.faults = faults;
    return Object.keys(faults).length === 0;
  }

  async send(): Promise<boolean> {
    if (!this.check()) return false;
    const { tr, en } = this.draft;
    const body = { tr: lines(tr), en: lines(en), target: group(this.draft) };
    const done = await this.act.run(async () => {
      const key = this.#once.key(body);
      const made = await this.#desk.rest.post('/v1/admin/announcements', body, { key });
      this.pages.items = [made, ...this.pages.items];
    });
    const { refused } = this.act;
    this.#once.settle(refused);
    if (done) [this.draft.tr, this.draft.en] = ['', ''];
    else this.faults = faultsOf(refused, t.wrong);
    return done;
  }

  /** One of them still goes out, as far as is followed. */
  get running(): boolean {
    return this.pages.items.some(({ id, finished_at }) => !finished_at && !this.#old.has(id));
  }

  /** How far the newest ones have come. Throws `Problem`. */
  async refresh(): Promise<void> {
    const asked = this.pages.items;
    const { items } = await this.#desk.rest.get('/v1/admin/announcements', { query: {} });
    const fresh = new Map(items.map((one) => [one.id, one]));
    this.pages.items = this.pages.items.map((one) => fresh.get(one.id) ?? one);
    this.#old = new Set(asked.map(({ id }) => id).filter((id) => !fresh.has(id)));
  }
}
