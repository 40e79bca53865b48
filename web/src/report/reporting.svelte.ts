// A report about the peer of a match, from choosing to the answer: docs/protocol.md, "Reports".

import type { KeptEvidence } from '../chat/conversation.svelte.ts';
import type { ReportReason, ReportRequest } from '../net/api.d.ts';
import { Problem } from '../net/rest.ts';
import { explain } from '../text/problems.ts';
import { t } from './text.ts';

/** In the order they are offered. */
export const REASONS: readonly ReportReason[] = [
  'harassment', 'threat', 'hate', 'sexual_content', 'underage', 'spam', 'other',
];
export const MOST_NOTE_CHARS = 1000;
/** So many of the last messages are ticked, and seen at first. */
const TICKED = 10;

export interface ReportingRoom {
  matchId: string;
  evidence(): Promise<KeptEvidence[]>;
  /** Throws `Problem`. */
  report(request: ReportRequest, key: string): Promise<unknown>;
  block(): Promise<void>;
  limits: { report_messages: number; reports_per_day: number };
}

export class Reporting {
  reason: ReportReason | undefined = $state();
  note = $state('');
  also = $state(true);
  /** Oldest first; null until they are read. */
  messages: KeptEvidence[] | null = $state.raw(null);
  ticked: readonly number[] = $state.raw([]);
  all = $state(false);
  /** `refused`: nothing that could be changed would help. */
  step: 'choosing' | 'sending' | 'sent' | 'refused' = $state('choosing');
  /** What went wrong, in words. */
  wrong = $state('');
  blocked = $state(false);
  blocking = $state(false);

  readonly #room: ReportingRoom;
  /** A repeat of the same report is the same request. */
  #last = { body: '', key: '' };

  constructor(room: ReportingRoom) {
    this.#room = room;
    void room.evidence().catch(() => []).then((kept) => {
      this.messages = kept.slice(-room.limits.report_messages);
      this.ticked = this.messages.slice(-TICKED).map(({ evidence }) => evidence.seq);
    });
  }

  get shown(): readonly KeptEvidence[] {
    const messages = this.messages ?? [];
    return this.all ? messages : messages.slice(-TICKED);
  }

  get more(): boolean {
    return this.shown.length < (this.messages?.length ?? 0);
  }

  tick(seq: number, on: boolean): void {
    const others = this.ticked.filter((one) => one !== seq);
    this.ticked = on ? [...others, seq] : others;
  }

  async send(): Promise<void> {
    if (this.step !== 'choosing') return;
    if (!this.reason) {
      this.wrong = t.choose;
      return;
    }
    this.step = 'sending';
    this.wrong = '';
    const request = this.#request(this.reason);
    try {
      await this.#room.report(request, this.#key(request));
    } catch (error) {
      this.step = final(error) ? 'refused' : 'choosing';
      this.wrong = this.#words(error, request);
      return;
    }
    if (this.also) await this.block();
    this.step = 'sent';
  }

  /** Alone where it failed, or the report was refused. */
  async block(): Promise<void> {
    this.blocking = true;
    try {
      await this.#room.block();
      this.blocked = true;
      this.wrong = '';
    } catch (error) {
      this.wrong = `${t.notBlocked} ${explain(error)}`;
    } finally {
      this.blocking = false;
    }
  }

  #request(reason: ReportReason): ReportRequest {
    const note = readable(this.note);
    const evidence = (this.messages ?? [])
      .filter(({ evidence }) => this.ticked.includes(evidence.seq))
      .map(({ evidence }) => evidence);
    return {
      match_id: this.#room.matchId,
      reason,
      ...(note && { note }),
      ...(evidence.length && { evidence }),
    };
  }

  #key(request: ReportRequest): string {
    const body = JSON.stringify(request);
    if (this.#last.body !== body) this.#last = { body, key: crypto.randomUUID() };
    return this.#last.key;
  }

  #words(error: unknown, request: ReportRequest): string {
    if (!(error instanceof Problem)) return explain(error);
    switch (error.code) {
      case 'evidence_invalid':
        this.#untick(error, request);
        return t.refused.evidence_invalid;
      case 'rate_limited':
        return t.refused.rate_limited(this.#room.limits.reports_per_day);
      case 'already_reported':
      case 'not_reportable':
      case 'not_found':
      case 'payload_too_large':
        return t.refused[error.code];
      default:
        return explain(error);
    }
  }

  /** The one the server names; if it names none, all of them. */
  #untick({ errors }: Problem, request: ReportRequest): void {
    const named = errors.map(({ field }) => /^evidence\[(\d+)\]/.exec(field)?.[1]);
    const wrong = named.map((at) => at && request.evidence?.[Number(at)]?.seq).filter(Boolean);
    this.ticked = wrong.length ? this.ticked.filter((seq) => !wrong.includes(seq)) : [];
  }
}

const FINAL = ['already_reported', 'not_reportable', 'not_found'];
const final = (error: unknown): boolean => error instanceof Problem && FINAL.includes(error.code);

/** The server takes line breaks and no other control characters. */
function readable(note: string): string {
  return note
    .replace(/\r\n?/g, '\n')
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, ' ')
    .trim();
}
