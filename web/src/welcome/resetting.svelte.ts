// A new password for who forgot it, without the screen: the phone, then the code and the password.

import { Once } from '../net/once.ts';
import { checkPassword, checkPhone, cleanPhone, codeDigits } from './checks.ts';
import { type Fault, isFault } from './text.ts';

export interface Clerk {
  /** Sends a code, if anybody has the phone. */
  ask(phone: string): Promise<void>;
  /** The same key repeats a question whose answer was lost. */
  confirm(phone: string, code: string, password: string, key: string): Promise<void>;
}

type Field = 'phone' | 'code' | 'password';

const BLAMED: Record<string, Field> = {
  invalid_phone: 'phone',
  code_invalid: 'code',
  weak_password: 'password',
  password_too_long: 'password',
};

export class Resetting {
  phone = $state('');
  code = $state('');
  password = $state('');
  faults = $state.raw<Partial<Record<Field, Fault>>>({});
  refused = $state.raw<unknown>(null);
  busy = $state(false);
  /** When the last code was sent, in milliseconds since 1970; null: none is awaited. */
  codeSentAt = $state<number | null>(null);

  readonly #confirming = new Once();
  readonly #clerk: Clerk;

  constructor(clerk: Clerk) {
    this.#clerk = clerk;
  }

  left(field: Field): void {
    if (this[field] !== '') this.#blame(field, this.#check(field));
  }

  touched(field: Field): void {
    if (this.faults[field]) this.#blame(field, null);
    this.refused = null;
  }

  /** Whether a code is on its way. */
  async ask(): Promise<boolean> {
    if (!this.#fine(['phone'])) return false;
    return this.#try(async () => {
      await this.#clerk.ask(cleanPhone(this.phone));
      this.codeSentAt = Date.now();
    }, false);
  }

  /** Whether the password is the new one. */
  async confirm(): Promise<boolean> {
    if (!this.#fine(['code', 'password'])) return false;
    const change = [cleanPhone(this.phone), codeDigits(this.code), this.password] as const;
    return this.#try(() => this.#clerk.confirm(...change, this.#confirming.key(change)), true);
  }

  forgetCode(): void {
    this.codeSentAt = null;
    this.code = '';
    this.faults = {};
    this.refused = null;
  }

  async #try(what: () => Promise<void>, guess: boolean): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.refused = null;
    try {
      await what();
      if (guess) this.#confirming.settle(null);
      return true;
    } catch (error) {
      if (guess) this.#confirming.settle(error);
      const { code = '' } = error as { code?: string };
      const field = BLAMED[code];
      if (guess && code === 'too_many_attempts') this.#blame('code', { code: 'code_tries' });
      else if (field && isFault(code)) this.#blame(field, { code, n: 128 });
      else this.refused = error;
      return false;
    } finally {
      this.busy = false;
    }
  }

  #fine(fields: readonly Field[]): boolean {
    const wrong = fields.map((field) => [field, this.#check(field)] as const);
    for (const [field, fault] of wrong) this.#blame(field, fault);
    return wrong.every(([, fault]) => fault === null);
  }

  #check(field: Field): Fault | null {
    if (field === 'phone') return checkPhone(this.phone);
    if (field === 'password') return checkPassword(this.password, this.phone, '');
    return codeDigits(this.code).length === 6 ? null : { code: 'code_empty' };
  }

  #blame(field: Field, fault: Fault | null): void {
    const { [field]: _, ...others } = this.faults;
    this.faults = fault ? { ...others, [field]: fault } : others;
  }
}
