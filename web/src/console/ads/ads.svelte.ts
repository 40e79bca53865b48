// Ads: the list, and the draft of one in the editor.

import { Act } from '../../account/act.svelte.ts';
import type { AdminAd, AdPatch, AdSettings } from '../../net/api.d.ts';
import { Once } from '../../net/once.ts';
import { number } from '../../text/format.ts';
import { language } from '../../text/texts.svelte.ts';
import type { Desk } from '../desk.ts';
import { type Faults, faultsOf } from '../ui/refusal.ts';
import { fits, line, lines } from '../ui/written.ts';
import { type Target, group, target } from './target.ts';
import { t } from './text.ts';
import { instant, typed } from './when.ts';

/** What the server shows, and what of the rest why not. */
type State = 'running' | 'off' | 'scheduled' | 'over' | 'spent';

export function state({ active, starts_at, ends_at, total_cap, served }: AdminAd, now: number): State {
  if (ends_at && Date.parse(ends_at) <= now) return 'over';
  if (total_cap != null && served >= total_cap) return 'spent';
  if (active === false) return 'off';
  return starts_at && Date.parse(starts_at) > now ? 'scheduled' : 'running';
}

/** The badge of each. */
export const LOOKS = { running: 'good', off: '', scheduled: 'accent', over: '', spent: 'warn' } as const;

const percent = (share: number): string =>
  new Intl.NumberFormat(language.current, { style: 'percent', maximumFractionDigits: 1 }).format(share);

/** Clicks for each view. */
export const rate = ({ views, clicks }: Pick<AdminAd, 'views' | 'clicks'>): string =>
  views > 0 ? percent(clicks / views) : '–';

/** How much of the budget is used; null without one. */
export const used = ({ served, total_cap }: AdminAd): string | null =>
  total_cap == null ? null : t.used(number(served), number(total_cap), percent(served / total_cap));

export type Field =
  | 'title' | 'content' | 'click_url' | 'placement' | 'target_group' | 'weight' | 'daily_cap'
  | 'total_cap' | 'starts_at' | 'ends_at';

/** As it is typed. */
interface Draft extends Target {
  title: string;
  content: string;
  click_url: string;
  placement: string;
  weight: string;
  daily_cap: string;
  /** '' without a bound. */
  total_cap: string;
  active: boolean;
  starts_at: string;
  ends_at: string;
}

const MATCH_END = 'match_end';
const MOST_IN_ALL = 1_000_000_000;
const NEW: AdSettings = {
  title: '', content: '', click_url: null, placement: MATCH_END, target_group: 'free', weight: 1,
  daily_cap: 3, total_cap: null, active: true, starts_at: null, ends_at: null,
};

function draftOf(ad: AdSettings): Draft {
  return {
    ...target(ad.target_group ?? 'all'),
    title: ad.title,
    content: ad.content,
    click_url: ad.click_url ?? '',
    placement: ad.placement ?? MATCH_END,
    weight: String(ad.weight ?? 1),
    daily_cap: String(ad.daily_cap ?? 3),
    total_cap: String(ad.total_cap ?? ''),
    active: ad.active ?? true,
    starts_at: typed(ad.starts_at),
    ends_at: typed(ad.ends_at),
  };
}

const LINK = /^https:\/\/[a-z\d-]+(\.[a-z\d-]+)*\.[a-z][a-z\d-]*(:\d+)?([/?#][!-[\]-~]*)?$/i;

/** A name of a host over HTTPS, as the server takes it; it looks closer. */
function isLink(text: string): boolean {
  return text.length <= 500 && LINK.test(text);
}

const isWhole = (text: string, most: number): boolean =>
  /^\d+$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= most;

export class AdEditor {
  /** As the server has it; null for a new one. */
  ad: AdminAd | null = $state.raw(null);
  error: unknown = $state.raw(null);
  draft: Draft = $state(draftOf(NEW));
  faults: Faults<Field> = $state.raw({});
  readonly act = new Act();

  readonly #desk: Desk;
  readonly #once = new Once();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async load(id: string): Promise<void> {
    try {
      this.#show(await this.#desk.rest.get('/v1/admin/ads/{id}', { path: { id } }));
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  /** A text that others see as an ad. */
  get settings(): Required<AdSettings> {
    const { draft } = this;
    return {
      title: line(draft.title),
      content: lines(draft.content),
      click_url: draft.click_url.trim() || null,
      placement: draft.placement.trim(),
      target_group: group(draft),
      weight: Number(draft.weight),
      daily_cap: Number(draft.daily_cap),
      total_cap: draft.total_cap.trim() ? Number(draft.total_cap) : null,
      active: draft.active,
      starts_at: this.#when('starts_at'),
      ends_at: this.#when('ends_at'),
    };
  }

  /** What is not as the server has it. */
  get changes(): AdPatch {
    const before = { ...NEW, ...this.ad };
    const changed = Object.entries(this.settings).filter(
      ([name, value]) => value !== before[name as keyof AdSettings],
    );
    return Object.fromEntries(changed) as AdPatch;
  }

  get changed(): boolean {
    return Object.keys(this.changes).length > 0;
  }

  check(): boolean {
    const { draft } = this;
    const made = this.settings;
    const right: Record<Exclude<Field, 'target_group'>, boolean> = {
      title: fits(made.title, 80),
      content: fits(made.content),
      click_url: !made.click_url || isLink(made.click_url),
      placement: /^[a-z\d_]{1,32}$/.test(made.placement),
      weight: isWhole(draft.weight, 1000),
      daily_cap: isWhole(draft.daily_cap, 100),
      total_cap: !draft.total_cap.trim() || isWhole(draft.total_cap, MOST_IN_ALL),
      starts_at: !draft.starts_at || made.starts_at !== null,
      ends_at: !draft.ends_at || (made.ends_at !== null && !(made.starts_at && made.ends_at <= made.starts_at)),
    };
    const wrong = Object.entries(right).filter(([, fine]) => !fine) as [Field, boolean][];
    this.faults = Object.fromEntries(wrong.map(([field]) => [field, t.wrong[field]])) as Faults<Field>;
    return wrong.length === 0;
  }

  /** The ad as it is then; null if it was refused. */
  async save(): Promise<AdminAd | null> {
    if (!this.check()) return null;
    const { ad, settings, changes } = this;
    const done = await this.#do(async () => {
      const saved = ad
        ? await this.#desk.rest.patch('/v1/admin/ads/{id}', changes, {
            path: { id: ad.id }, key: this.#once.key(ad.id, changes),
          })
        : await this.#desk.rest.post('/v1/admin/ads', settings, { key: this.#once.key(settings) });
      this.#show(saved);
    });
    if (!done) this.faults = faultsOf(this.act.refused, t.wrong);
    return done ? this.ad : null;
  }

  /** As a notification to whom it is for. */
  notify(): Promise<boolean> {
    const id = this.ad?.id ?? '';
    return this.#do(() =>
      this.#desk.rest.post('/v1/admin/ads/{id}/notify', undefined, {
        path: { id }, key: this.#once.key('notify', id),
      }));
  }

  remove(): Promise<boolean> {
    const id = this.ad?.id ?? '';
    return this.#do(() => this.#desk.rest.delete('/v1/admin/ads/{id}', undefined, { path: { id } }));
  }

  async #do(work: () => Promise<unknown>): Promise<boolean> {
    const done = await this.act.run(work);
    this.#once.settle(this.act.refused);
    return done;
  }

  /** The minute that was typed; what nobody touched stays as it is, to the second. */
  #when(field: 'starts_at' | 'ends_at'): string | null {
    const before = this.ad?.[field] ?? null;
    return this.draft[field] === typed(before) ? before : instant(this.draft[field]);
  }

  #show(ad: AdminAd): void {
    this.ad = ad;
    this.draft = draftOf(ad);
    this.faults = {};
  }
}
