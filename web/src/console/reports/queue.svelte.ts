// The queue of reports: one is taken while it is looked at, decided, and the next one comes by itself.

import type { AdminReport, ReportQueue, ReportReason } from '../../net/api.d.ts';
import { within } from '../../chat/shown.ts';
import { Problem } from '../../net/rest.ts';
import { explain } from '../../text/problems.ts';
import { Case, type CaseState } from './case.svelte.ts';
import { type Decision, Decisions } from './decisions.svelte.ts';
import { type Draft, request } from './draft.ts';
import type { Office } from './office.ts';
import { t } from './text.ts';

const POLL_MS = 15_000;
/** Taken for 5 minutes: one lost renewal does no harm. */
const RENEW_MS = 120_000;

interface QueueHooks {
  /** Another case is open than before, or none: the address follows. */
  moved?: (id: string | null) => void;
  /** Something that somebody has to know who does not look at the queue. */
  tell?: (words: string) => void;
  visible?: () => boolean;
}

export class Queue {
  items: readonly AdminReport[] = $state.raw([]);
  /** How many are open for each reason, whatever is shown. */
  open: ReportQueue['open'] = $state.raw([]);
  /** When the one was made that has waited longest. */
  oldest: string | null = $state(null);
  loaded = $state(false);
  /** Why the list may be old, in words. */
  wrong = $state('');
  reason: ReportReason | null = $state(null);
  case: Case | null = $state.raw(null);
  /** Why the next case was not opened, in words. */
  remark = $state('');
  readonly decisions: Decisions;

  readonly #office: Office;
  readonly #hooks: QueueHooks;
  /** Typed and not decided, for when a case is opened again. */
  readonly #drafts = new Map<string, Draft>();
  /** Decided here: an answer that was on its way may still have them. */
  readonly #done = new Set<string>();
  /** A release must not overtake the next taking of the same. */
  readonly #releases = new Map<string, Promise<unknown>>();
  #takenAt = 0;
  #loadedAt = 0;
  #turn = 0;
  /** The turn in which the next one is looked for. */
  #looking = -1;
  #asked = 0;
  #shown = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(office: Office, hooks: QueueHooks = {}) {
    this.#office = office;
    this.#hooks = hooks;
    this.decisions = new Decisions(office, {
      done: ({ report }) => this.#done.add(report.id),
      failed: (decision) => this.#failed(decision),
    });
  }

  /** What waits for somebody, as far as is known. */
  get rows(): readonly AdminReport[] {
    return this.items.filter(({ id }) => !this.#done.has(id) && !this.decisions.of(id));
  }

  /** Whether one waits that nobody is on. */
  get free(): boolean {
    return this.rows.some(free);
  }

  /** How many are open, over all reasons. */
  get total(): number {
    return this.open.reduce((sum, { count }) => sum + count, 0);
  }

  /** Those of them that are not decided here already. */
  get left(): number {
    return this.total - (this.items.length - this.rows.length);
  }

  /** The room is on the screen. */
  start(): void {
    this.#shown = true;
    this.#timer ??= setInterval(() => void this.#tick(), POLL_MS);
    void this.load();
  }

  /** It is not: what is decided is sent, what is open is for others. */
  stop(): void {
    this.#shown = false;
    // What nobody may have read yet.
    for (const one of this.decisions.list) if (one.wrong) this.#tell(one);
    this.decisions.flush();
    this.#begin(null);
    this.#rest();
  }

  /** The page goes, perhaps for good. It may come back as it was: `look`. */
  leave(): void {
    this.decisions.flush();
    void this.decisions.retry();
    this.#put();
    this.#takenAt = -Infinity;
  }

  /** Somebody looks again. */
  look(): void {
    if (Date.now() - this.#loadedAt >= POLL_MS || this.#takenAt < 0) void this.#tick();
  }

  async show(reason: ReportReason | null): Promise<void> {
    if (this.reason === reason) return;
    this.reason = reason;
    await this.load();
  }

  /** Keeps the open case, whatever comes. */
  async load(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const got = await this.#office.queue(this.reason);
      if (asked !== this.#asked) return;
      this.items = got.items;
      this.open = got.open;
      this.oldest = got.oldest_at ?? null;
      this.loaded = true;
      this.wrong = this.remark = '';
      this.#loadedAt = Date.now();
    } catch (error) {
      if (asked === this.#asked) this.wrong = said(error);
    }
  }

  /** Somebody wants this one, whoever has it. A decision about it that is not sent is taken back. */
  async enter(id: string): Promise<void> {
    if (this.case?.id === id && this.case.state !== 'lost') return;
    const back = this.decisions.takeBack(id);
    if (back) this.#drafts.set(id, back.draft);
    const turn = this.#begin(id);
    this.remark = '';
    const state = await this.#take(id);
    if (turn !== this.#turn || !this.case) return this.#unwanted(id, state);
    this.case.state = state;
    if (!['gone', 'lost'].includes(state)) await this.case.read(this.#office);
  }

  /** Back to the list. */
  close(): void {
    if (this.case) this.#begin(null);
  }

  /** What could not be read of the open case. */
  async read(): Promise<void> {
    await this.case?.read(this.#office);
  }

  async readPast(): Promise<void> {
    await this.case?.readPast(this.#office);
  }

  /** The first that nobody has. Asked for again meanwhile, it is the same one that comes. */
  async next(): Promise<void> {
    if (this.#looking === this.#turn) return;
    const turn = (this.#looking = this.#begin(null));
    await this.#find(turn);
    if (this.#looking === turn) this.#looking = -1;
  }

  /** What others were faster with is passed over. */
  async #find(turn: number): Promise<void> {
    const passed = new Set<string>();
    for (let again = true; again;) {
      for (;;) {
        const one = this.rows.find((row) => free(row) && !passed.has(row.id));
        if (!one) break;
        passed.add(one.id);
        const state = await this.#take(one.id);
        if (turn !== this.#turn) return this.#unwanted(one.id, state);
        if (state === 'lost') return this.#none(t.nextLost);
        if (state !== 'mine') continue;
        this.#begin(one.id);
        this.case!.state = 'mine';
        this.#hooks.moved?.(one.id);
        return this.case!.read(this.#office);
      }
      // The list may be old.
      await this.load();
      if (turn !== this.#turn) return;
      again = this.rows.some((row) => free(row) && !passed.has(row.id));
    }
    this.#none('');
  }

  /** Holds what is written as the decision, and goes on. False if something is missing. */
  decide(): boolean {
    const one = this.case;
    if (one?.state !== 'mine' || !one.report) return false;
    const wanted = one.evidence ? request(one.draft, Date.now()) : t.notRead;
    one.missing = typeof wanted === 'string' ? wanted : '';
    if (typeof wanted === 'string') return false;
    this.decisions.hold(one.report, $state.snapshot(one.draft), wanted);
    this.case = null;
    void this.next();
    return true;
  }

  /** The case of the newest decision that is not sent, or of this one, stands there again as it was. */
  undo(id = this.decisions.newest?.report.id): boolean {
    const held = id === undefined ? undefined : this.decisions.of(id);
    if (held?.state !== 'held') return false;
    void this.#reopen(held.report);
    return true;
  }

  /** A decision that did not arrive is given up, or that it was refused is read. */
  drop(id: string): void {
    if (this.decisions.takeBack(id)?.state === 'unsent') this.#release(id);
    void this.load();
  }

  async #reopen(report: AdminReport): Promise<void> {
    const entered = this.enter(report.id);
    if (this.case && !this.case.report) this.case.report = report;
    this.#hooks.moved?.(report.id);
    await entered;
  }

  /** Leaves the open case, and stands before another. */
  #begin(id: string | null): number {
    this.#put();
    this.case = null;
    if (id !== null) {
      this.case = new Case(id, this.items.find((item) => item.id === id) ?? null);
      const draft = this.#drafts.get(id);
      if (draft) this.case.draft = draft;
    }
    return ++this.#turn;
  }

  #none(remark: string): void {
    this.case = null;
    this.remark = remark;
    this.#hooks.moved?.(null);
  }

  /** Keeps what is written, and lets others have the case. */
  #put(): void {
    const one = this.case;
    if (!one) return;
    if (one.draft.choice || one.draft.note) this.#drafts.set(one.id, $state.snapshot(one.draft));
    if (one.state === 'mine') this.#release(one.id);
  }

  #release(id: string): void {
    // Without it the taking runs out by itself.
    const released = this.#office.release(id).catch(() => undefined).finally(() => {
      if (this.#releases.get(id) === released) this.#releases.delete(id);
    });
    this.#releases.set(id, released);
  }

  #unwanted(id: string, state: CaseState): void {
    if (state === 'mine' && this.case?.id !== id && !this.decisions.of(id)) this.#release(id);
  }

  async #take(id: string): Promise<CaseState> {
    await this.#releases.get(id);
    try {
      await this.#office.take(id);
    } catch (error) {
      return refusal(error);
    }
    this.#takenAt = Date.now();
    return 'mine';
  }

  /** While nobody looks, it runs out: nobody keeps a case from others by going home. */
  async #tick(): Promise<void> {
    const { visible = () => !document.hidden } = this.#hooks;
    await this.decisions.retry();
    if (!this.#shown) return this.#rest();
    if (!visible()) return;
    await Promise.all([this.load(), this.#renew()]);
  }

  async #renew(): Promise<void> {
    const one = this.case;
    if (one?.state !== 'mine' || Date.now() - this.#takenAt < RENEW_MS) return;
    const state = await this.#take(one.id);
    // Without an answer it is tried again.
    if (this.case === one && one.state === 'mine' && state !== 'lost') one.state = state;
  }

  #rest(): void {
    if (this.#shown || this.decisions.waiting) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #failed(decision: Decision): void {
    if (!this.#shown) this.#tell(decision);
    else if (decision.state === 'refused') void this.load();
  }

  #tell({ report, wrong, state }: Decision): void {
    const who = within(report.reported.handle);
    this.#hooks.tell?.(state === 'refused' ? t.notDone(who, wrong) : t.notSent(who));
  }
}

function refusal(error: unknown): CaseState {
  if (!(error instanceof Problem)) return 'lost';
  if (error.code === 'taken') return 'taken';
  if (error.code === 'already_decided') return 'decided';
  if (error.status === 404) return 'gone';
  return error.status === 403 ? 'own' : 'lost';
}

const free = ({ taken }: AdminReport): boolean => !taken || taken.mine;

const said = (error: unknown): string =>
  error instanceof Problem && error.status === 403 ? t.noRole : explain(error);
