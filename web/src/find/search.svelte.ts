// The search of this device. It dies with its connection, unless it goes on in the background: so
// it is asked for again whenever the line is back.

import type { Search, SearchEnd } from '../app/model.ts';
import type { ClientFrame, MatchFind, ServerFrame } from '../net/frames.d.ts';

export interface SearchRoom {
  ask(frame: ClientFrame): Promise<ServerFrame>;
  /** Key packages are at the server, without which it matches nobody. */
  keys(): Promise<void>;
}

const RETRY_MS = 2_000;
const FINAL: readonly string[] = [
  'quota_exhausted', 'keys_required', 'too_many_matches', 'mode_unavailable',
];

/** What ends a search that was accepted. Other errors without `re` are about something else. */
const ENDS: readonly string[] = [...FINAL, 'internal'];

export class Searching {
  current: Search | null = $state.raw(null);
  end: SearchEnd | null = $state(null);

  readonly #room: SearchRoom;
  /** Names the newest search: what is said of an older one is passed over. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the server calls it; null until it is accepted. */
  #ticket: string | null = null;
  /** It was stopped here, and the server may not know. */
  #unheard = false;

  constructor(room: SearchRoom) {
    this.#room = room;
  }

  find(wishes: MatchFind): void {
    const since = this.current?.wishes.mode === wishes.mode ? this.current.since : Date.now();
    this.current = { wishes, since, accepted: false };
    this.end = null;
    this.#unheard = false;
    void this.#ask();
  }

  cancel(): void {
    if (!this.current) return;
    this.#stop(null);
    void this.#tellCancelled();
  }

  /** The line is back; `running` is the search the server goes on with. */
  welcomed(running: { mode: MatchFind['mode']; ticket_id: string } | null | undefined): void {
    if (running && this.#unheard) {
      void this.#tellCancelled();
    } else if (running && this.current) {
      this.current = { ...this.current, accepted: true };
      this.#ticket = running.ticket_id;
    } else if (running) {
      const wishes = { mode: running.mode, background: true } as MatchFind;
      this.current = { wishes, since: Date.now(), accepted: true };
      this.#ticket = running.ticket_id;
    } else if (this.current) {
      void this.#ask();
    }
  }

  lostLine(): void {
    if (this.current) this.current = { ...this.current, accepted: false };
  }

  /** It became a match, also one of another device of the account. */
  found(): void {
    this.#stop(null);
  }

  /** Also of a search that a newer one of this device has replaced: that one goes on. */
  cancelled(ticket: string | null | undefined, reason: SearchEnd): void {
    if (this.current && ticket === this.#ticket) this.#stop(reason === 'cancelled' || reason === 'matched' ? null : reason);
  }

  /** An error without `re`: the search ended by itself. */
  failed(code: string): void {
    if (!this.current || !ENDS.includes(code)) return;
    this.#stop(FINAL.includes(code) ? (code as SearchEnd) : 'failed');
  }

  #stop(end: SearchEnd | null): void {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.current = this.#ticket = null;
    this.end = end;
  }

  /** Without a line it is told when the line is back. */
  async #tellCancelled(): Promise<void> {
    this.#unheard = true;
    const turn = this.#turn;
    const answer = await this.#room.ask({ type: 'match.cancel' });
    const lost = answer.type === 'error' && (answer.code as string) === 'connection_lost';
    if (turn === this.#turn && !lost) this.#unheard = false;
  }

  async #ask(): Promise<void> {
    const turn = ++this.#turn;
    this.#ticket = null;
    clearTimeout(this.#timer);
    try {
      await this.#room.keys();
    } catch {
      return this.#later(turn, RETRY_MS);
    }
    if (turn !== this.#turn || !this.current) return;
    const answer = await this.#room.ask({ type: 'match.find', ...this.current.wishes });
    if (turn !== this.#turn || !this.current) return;
    if (answer.type === 'match.searching') {
      this.current = { ...this.current, accepted: true };
      this.#ticket = answer.ticket_id;
      return;
    }
    if (answer.type !== 'error') return;
    const code: string = answer.code;
    if (code === 'connection_lost') return; // `welcomed` asks again
    if (FINAL.includes(code)) this.#stop(code as SearchEnd);
    else if (code === 'rate_limited' || code === 'unavailable' || code === 'draining') {
      this.#later(turn, answer.retry_after_ms ?? RETRY_MS);
    } else this.#stop('failed');
  }

  #later(turn: number, ms: number): void {
    this.#timer = setTimeout(() => {
      if (turn === this.#turn && this.current) void this.#ask();
    }, ms);
  }
}
