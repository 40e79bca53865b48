// A call that is not to be done twice: the same call again has the same `Idempotency-Key`, until it is known
// what became of it.

import { Problem } from './problem.ts';

/** Nobody knows whether it was done, or it was not done yet: it may help to send the same again. */
export function unsure(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  const { status, code } = error;
  return status === 0 || status === 429 || status >= 500 || code === 'request_in_progress';
}

export class Once {
  #last = { call: '', key: '' };

  /** `call` is what is asked for. */
  key(...call: readonly unknown[]): string {
    const now = JSON.stringify(call);
    if (now !== this.#last.call) this.#last = { call: now, key: crypto.randomUUID() };
    return this.#last.key;
  }

  /** What became of it: why it was refused, or null. */
  settle(refused: unknown): void {
    if (!unsure(refused)) this.#last = { call: '', key: '' };
  }
}
