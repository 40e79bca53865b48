// Setting up the second factor, without the screen: password, secret, first code, recovery codes.

import type { TotpSetup } from '../net/api.d.ts';
import type { Rest } from '../net/rest.ts';

type Step = 'password' | 'code' | 'codes';

export class Enrolment {
  step: Step = $state('password');
  password = $state('');
  code = $state('');
  setup: TotpSetup | null = $state.raw(null);
  recovery: readonly string[] = $state.raw([]);
  busy = $state(false);
  /** What was refused last. */
  refused = $state.raw<unknown>(null);

  readonly #rest: Pick<Rest, 'post'>;

  constructor(rest: Pick<Rest, 'post'>) {
    this.#rest = rest;
  }

  get refusal(): string | null {
    return (this.refused as { code?: string } | null)?.code ?? null;
  }

  async submit(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.refused = null;
    try {
      if (this.step === 'password') await this.#begin();
      else if (this.step === 'code') await this.#confirm();
    } catch (error) {
      this.refused = error;
      // Another one was begun elsewhere meanwhile, or this one is too old.
      if (this.refusal === 'not_found') this.step = 'password';
    } finally {
      this.busy = false;
    }
  }

  async #begin(): Promise<void> {
    this.setup = await this.#rest.post('/v1/me/totp', { password: this.password });
    this.password = '';
    this.step = 'code';
  }

  async #confirm(): Promise<void> {
    const code = this.code.replace(/\s/g, '');
    const { recovery_codes } = await this.#rest.post('/v1/me/totp/confirm', { code });
    this.setup = null;
    this.recovery = recovery_codes;
    this.step = 'codes';
  }
}
