// Signing in, without the screen: phone and password, and a second factor where the account has one.

import type { Ban } from '../app/model.ts';
import { checkPhone, cleanPhone } from './checks.ts';
import type { Entered } from './registration.svelte.ts';
import type { Fault } from './text.ts';

export interface Credentials {
  phone: string;
  password: string;
  totp?: string;
}

export interface Desk {
  login(credentials: Credentials): Promise<Entered>;
}

type Field = 'phone' | 'password' | 'totp';

interface Refusal {
  code: string;
  ban?: { reason: string; until?: string | null; appealable?: boolean } | null;
  appealToken?: string | null;
}

export class SigningIn {
  phone = $state('');
  password = $state('');
  totp = $state('');
  /** The account has a second factor. */
  second = $state(false);
  faults = $state.raw<Partial<Record<Field, Fault>>>({});
  refused = $state.raw<unknown>(null);
  busy = $state(false);

  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  left(field: 'phone'): void {
    if (this[field] !== '') this.#blame(field, checkPhone(this.phone));
  }

  touched(field: Field): void {
    if (this.faults[field]) this.#blame(field, null);
    this.refused = null;
  }

  /** Who is in, or that the account is banned; null: not yet, and why is in `faults` or `refused`. */
  async submit(): Promise<Entered | { ban: Ban } | null> {
    this.#blame('phone', checkPhone(this.phone));
    this.#blame('password', this.password ? null : { code: 'password_missing' });
    this.#blame('totp', this.second && !this.totp.trim() ? { code: 'totp_empty' } : null);
    if (this.busy || Object.keys(this.faults).length > 0) return null;
    this.busy = true;
    this.refused = null;
    try {
      return await this.#desk.login({
        phone: cleanPhone(this.phone),
        password: this.password,
        ...(this.second ? { totp: this.totp.trim() } : {}),
      });
    } catch (error) {
      return this.#refuse(error);
    } finally {
      this.busy = false;
    }
  }

  #refuse(error: unknown): { ban: Ban } | null {
    const { code, ban, appealToken } = error as Partial<Refusal>;
    if (code === 'banned' && ban) {
      const { reason, until = null, appealable = false } = ban;
      return { ban: { reason, until, appealable, appealToken: appealToken ?? null } };
    }
    if (code === 'totp_required') this.second = true;
    else if (code === 'totp_invalid') this.#blame('totp', { code: 'totp_invalid' });
    else if (code === 'invalid_phone') this.#blame('phone', { code });
    else this.refused = error;
    return null;
  }

  #blame(field: Field, fault: Fault | null): void {
    const { [field]: _, ...others } = this.faults;
    this.faults = fault ? { ...others, [field]: fault } : others;
  }
}
