// Proving who one is, without the screen: a password, and a second factor where the account has one.

import type { Fault } from './text.ts';

export interface Proof {
  password: string;
  totp?: string;
}

type Field = 'phone' | 'password' | 'totp';

export class Proving {
  password = $state('');
  totp = $state('');
  /** The account has a second factor. */
  second = $state(false);
  faults = $state.raw<Partial<Record<Field, Fault>>>({});
  refused = $state.raw<unknown>(null);
  busy = $state(false);

  touched(field: Field): void {
    if (this.faults[field]) this.blame(field, null);
    this.refused = null;
  }

  /** What is answered; null: not yet, and why is in `faults` or `refused`. */
  protected async prove<T>(send: (proof: Proof) => Promise<T>): Promise<T | null> {
    this.blame('password', this.password ? null : { code: 'password_missing' });
    this.blame('totp', this.second && !this.totp.trim() ? { code: 'totp_empty' } : null);
    if (this.busy || Object.keys(this.faults).length > 0) return null;
    this.busy = true;
    this.refused = null;
    try {
      return await send({
        password: this.password,
        ...(this.second ? { totp: this.totp.trim() } : {}),
      });
    } catch (error) {
      this.refuse(error);
      return null;
    } finally {
      this.busy = false;
    }
  }

  protected refuse(error: unknown): void {
    const { code } = error as { code?: string };
    if (code === 'totp_required') this.second = true;
    else if (code === 'totp_invalid') this.blame('totp', { code });
    else this.refused = error;
  }

  protected blame(field: Field, fault: Fault | null): void {
    const { [field]: _, ...others } = this.faults;
    this.faults = fault ? { ...others, [field]: fault } : others;
  }
}
