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

export class Searching {
  current: Search | null = $state.raw(null);
  end: SearchEnd | null = $state(null);

  readonly #room: SearchRoom;
  /** Names the newest search: what is said of an older one is passed over. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(room: SearchRoom) {
    this.#room = room;
  }

  find(wishes: MatchFind): void {
    const since = this.current?.wishes.mode === wishes.mode ? this.current.since : Date.now();
    this.current = { wishes, since, accepted: false };
    this.end = null;
    void this.#ask();
  }

  cancel(): void {
    if (!this.current) return;
    this.#stop(null);
    void this.#room.ask({ type: 'match.cancel' });
  }

  /** The line is back; `running` is the search the server goes on with. */
  welcomed(running: { mode: MatchFind['mode'] } | null | undefined): void {
    if (running && !this.current) {
      const wishes = { mode: running.mode, background: true } as MatchFind;
      this.current = { wishes, since: Date.now(), accepted: true };
    } else if (this.current && !running) {
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

  cancelled(reason: SearchEnd): void {
    if (this.current) this.#stop(reason === 'cancelled' || reason === 'matched' ? null : reason);
  }

  /** An error without `re`: the search ended by itself. */
  failed(code: string): void {
    if (this.current) this.#stop(FINAL.includes(code) ? (code as SearchEnd) : 'failed');
  }

  #stop(end: SearchEnd | null): void {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.current = null;
    this.end = end;
  }

  async #ask(): Promise<void> {
    const turn = ++this.#turn;
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
