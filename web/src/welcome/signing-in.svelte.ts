// Signing in, without the screen: a phone, and the proof of who it is.

import type { Ban } from '../app/model.ts';
import { checkPhone, cleanPhone } from './checks.ts';
import { type Proof, Proving } from './proving.svelte.ts';
import type { Entered } from './registration.svelte.ts';

interface Credentials extends Proof {
  phone: string;
}

export interface Desk {
  login(credentials: Credentials): Promise<Entered>;
}

interface Refusal {
  code: string;
  ban?: { reason: string; until?: string | null; appealable?: boolean } | null;
  appealToken?: string | null;
}

export class SigningIn extends Proving {
  phone = $state('');
  readonly #desk: Desk;

  constructor(desk: Desk) {
    super();
    this.#desk = desk;
  }

  /** The phone. */
  left(): void {
    if (this.phone !== '') this.blame('phone', checkPhone(this.phone));
  }

  /** Who is in, or that the account is banned; null: not yet, and why is in `faults` or `refused`. */
  async submit(): Promise<Entered | { ban: Ban } | null> {
    this.blame('phone', checkPhone(this.phone));
    return this.prove((proof) =>
      this.#desk.login({ phone: cleanPhone(this.phone), ...proof }).catch(banned));
  }

  protected override refuse(error: unknown): void {
    const { code } = error as Partial<Refusal>;
    if (code === 'invalid_phone') this.blame('phone', { code });
    else super.refuse(error);
  }
}

function banned(error: unknown): { ban: Ban } {
  const { code, ban, appealToken } = error as Partial<Refusal>;
  if (code !== 'banned' || !ban) throw error;
  const { reason, until = null, appealable = false } = ban;
  return { ban: { reason, until, appealable, appealToken: appealToken ?? null } };
}
