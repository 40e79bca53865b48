// Decisions on their way: each is held for a while, in which it can be taken back, and then sent. One that
// did not arrive stays here until it does, or until somebody has read why it cannot.

import type { AdminReport, ResolveRequest } from '../../net/api.d.ts';
import { unsure } from '../../net/once.ts';
import { Problem } from '../../net/rest.ts';
import { explain } from '../../text/problems.ts';
import type { Draft } from './draft.ts';
import type { Office } from './office.ts';
import { t } from './text.ts';

const HOLD_MS = 10_000;

export interface Decision {
  readonly report: AdminReport;
  readonly draft: Draft;
  readonly request: ResolveRequest;
  /** The same for each try. */
  readonly key: string;
  /** When it is sent. */
  readonly due: number;
  /** `unsent`: tried again. `refused`: it never will be done. */
  readonly state: 'held' | 'sending' | 'unsent' | 'refused';
  /** Why, in words. */
  readonly wrong: string;
}

interface DecisionHooks {
  /** It stays a decision, and is nobody's work any more. */
  done?: (decision: Decision) => void;
  /** It did not arrive, or was refused. */
  failed?: (decision: Decision) => void;
}

export class Decisions {
  /** Oldest first. */
  list: readonly Decision[] = $state.raw([]);
  readonly #office: Pick<Office, 'resolve'>;
  readonly #hooks: DecisionHooks;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(office: Pick<Office, 'resolve'>, hooks: DecisionHooks = {}) {
    this.#office = office;
    this.#hooks = hooks;
  }

  of(id: string): Decision | undefined {
    return this.list.find(({ report }) => report.id === id);
  }

  /** Whether something is on its way. */
  get waiting(): boolean {
    return this.list.some(({ state }) => state !== 'refused');
  }

  /** Whether something would be lost with the page. With a line, what is held is sent when the page goes. */
  atRisk(online: boolean): boolean {
    return online ? this.list.some(({ state }) => state === 'unsent') : this.waiting;
  }

  hold(report: AdminReport, draft: Draft, request: ResolveRequest): void {
    this.#drop(report.id);
    const made: Decision = {
      report, draft, request, key: crypto.randomUUID(), due: Date.now() + HOLD_MS, state: 'held', wrong: '',
    };
    this.list = [...this.list, made];
    this.#timers.set(report.id, setTimeout(() => void this.#send(report.id), HOLD_MS));
  }

  /** The last one that can be undone. */
  get newest(): Decision | undefined {
    return this.list.findLast(({ state }) => state === 'held');
  }

  /** Not to be sent any more. Of what got no answer nobody knows whether it was done. */
  takeBack(id: string): Decision | null {
    const one = this.of(id);
    if (!one || one.state === 'sending') return null;
    this.#drop(id);
    return one;
  }

  /** The page goes: what is held is sent now. */
  flush(): void {
    for (const { report, state } of this.list) if (state === 'held') void this.#send(report.id);
  }

  /** What did not arrive. */
  async retry(): Promise<void> {
    const unsent = this.list.filter(({ state }) => state === 'unsent');
    await Promise.all(unsent.map(({ report }) => this.#send(report.id)));
  }

  async #send(id: string): Promise<void> {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const one = this.#set(id, { state: 'sending' });
    if (!one) return;
    try {
      await this.#office.resolve(id, one.request, one.key);
    } catch (error) {
      const state = unsure(error) ? 'unsent' : 'refused';
      const failed = this.#set(id, { state, wrong: words(error) });
      if (failed) this.#hooks.failed?.(failed);
      return;
    }
    this.#drop(id);
    this.#hooks.done?.(one);
  }

  #set(id: string, more: Partial<Decision>): Decision | undefined {
    const before = this.of(id);
    if (!before) return undefined;
    const after = { ...before, ...more };
    this.list = this.list.map((one) => (one === before ? after : one));
    return after;
  }

  #drop(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.list = this.list.filter(({ report }) => report.id !== id);
  }
}

function words(error: unknown): string {
  const code = error instanceof Problem ? error.code : '';
  if (code in t.refused) return t.refused[code as keyof typeof t.refused];
  return explain(error);
}
