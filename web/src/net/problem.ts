// Why a call was refused, or got no answer.

import type { BanNotice, ClaimRefusal, ErrorCode, FieldProblem, Problem as Body } from './api.d.ts';

/** `offline`: no answer came. The call may have been done. */
export type ProblemCode = ErrorCode | 'offline';

export class Problem extends Error {
  readonly code: ProblemCode;
  /** Of HTTP; 0 if no answer came. */
  readonly status: number;
  /** English, for developers. */
  readonly detail: string;
  readonly errors: readonly FieldProblem[];
  readonly retryAfterMs: number | null;
  /** With `banned`, if the password or a code was right. */
  readonly ban: BanNotice | null;
  /** With `banned` at login. */
  readonly appealToken: string | null;
  /** Of a claim: why not, and from when it can be made. */
  readonly reason: ClaimRefusal | null;
  readonly eligibleAt: string | null;
  readonly resetsAt: string | null;

  constructor(code: ProblemCode, status = 0, body: Partial<Body> = {}) {
    super(`${code} (${status})`);
    this.name = 'Problem';
    this.code = code;
    this.status = status;
    this.detail = typeof body.detail === 'string' ? body.detail : '';
    this.errors = Array.isArray(body.errors) ? body.errors : [];
    this.retryAfterMs = typeof body.retry_after_ms === 'number' ? body.retry_after_ms : null;
    this.ban = body.ban ?? null;
    this.appealToken = body.appeal_token ?? null;
    this.reason = body.reason ?? null;
    this.eligibleAt = body.eligible_at ?? null;
    this.resetsAt = body.resets_at ?? null;
  }

  /** Of an answer that is no success. A proxy in between may answer with a page of its own. */
  static of(response: Response, body: unknown): Problem {
    const { status } = response;
    if (typeof body === 'object' && body !== null && 'code' in body) {
      const { code } = body;
      if (typeof code === 'string') return new Problem(code as ProblemCode, status, body as Body);
    }
    const seconds = Number(response.headers.get('retry-after') || NaN);
    const retry_after_ms = Number.isFinite(seconds) ? seconds * 1000 : null;
    if (status === 429) return new Problem('rate_limited', status, { retry_after_ms });
    const gateway = status >= 502 && status <= 504;
    return new Problem(gateway ? 'unavailable' : 'internal', status, { retry_after_ms });
  }
}
