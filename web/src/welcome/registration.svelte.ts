// Registering, without the screen: three steps and, where phones are verified, a code.

import type { User } from '../net/frames.d.ts';
import { Once } from '../net/once.ts';
import type { Tokens } from '../net/rest.ts';
import {
  birthDate,
  checkAlias,
  checkBirth,
  checkPassword,
  checkPhone,
  cleanPhone,
  codeDigits,
} from './checks.ts';
import { type Fault, isFault } from './text.ts';

export interface Entered {
  user: User;
  tokens: Tokens;
}

export interface Form {
  phone: string;
  password: string;
  alias: string;
  birth_date: string;
  accept_terms: true;
  invite?: string;
}

export interface Office {
  /** Null: a code was sent to the phone. The same key repeats a question whose answer was lost. */
  register(form: Form, key: string): Promise<Entered | null>;
  verify(phone: string, code: string, key: string): Promise<Entered>;
}

export const FIELDS = ['phone', 'alias', 'birth', 'password', 'terms', 'code'] as const;
export type Field = (typeof FIELDS)[number];

const STEP: Record<Field, number> = {
  phone: 1,
  alias: 2,
  birth: 2,
  password: 3,
  terms: 3,
  code: 4,
};
/** Which field the server means. */
const BLAMED: Record<string, Field> = {
  invalid_phone: 'phone',
  phone_taken: 'phone',
  alias_invalid: 'alias',
  alias_full: 'alias',
  underage: 'birth',
  weak_password: 'password',
  password_too_long: 'password',
  terms_not_accepted: 'terms',
  code_invalid: 'code',
};
/** The server sends at most three codes in a quarter of an hour. */
export const RESEND_MS = 60_000;

interface Refusal {
  code: string;
  errors?: { field: string }[] | null;
}

export class Registration {
  phone = $state('');
  alias = $state('');
  day = $state('');
  month = $state('');
  year = $state('');
  password = $state('');
  accepted = $state(false);
  code = $state('');
  invite = $state<string | null>(null);
  faults = $state.raw<Partial<Record<Field, Fault>>>({});
  /** What no field is to blame for. */
  refused = $state.raw<unknown>(null);
  inviteRefused = $state(false);
  busy = $state(false);
  /** When the last code was sent, in milliseconds since 1970; null: none is awaited. */
  codeSentAt = $state<number | null>(null);

  readonly #registering = new Once();
  readonly #verifying = new Once();
  readonly #office: Office;
  readonly #minimumAge: number;

  constructor(office: Office, minimumAge: number, invite: string | null = null) {
    this.#office = office;
    this.#minimumAge = minimumAge;
    this.invite = invite;
  }

  /** The last step whose earlier ones are filled in. */
  get reachable(): number {
    if (this.codeSentAt !== null) return 4;
    if (this.#check('phone')) return 1;
    return this.#check('alias') || this.#check('birth') ? 2 : 3;
  }

  /** A field was left: an empty one is not blamed yet. */
  left(field: Field): void {
    if (this.#empty(field)) return;
    this.#blame(field, this.#check(field));
  }

  /** What is being mended is not blamed meanwhile. */
  touched(field: Field): void {
    if (this.faults[field]) this.#blame(field, null);
    this.refused = null;
  }

  /** Whether the step is done; what is wrong is in `faults`. */
  finish(step: number): boolean {
    const wrong = FIELDS.filter((field) => STEP[field] === step).map(
      (field) => [field, this.#check(field)] as const,
    );
    for (const [field, fault] of wrong) this.#blame(field, fault);
    return wrong.every(([, fault]) => fault === null);
  }

  /** After the third step, and to have the code sent again. Tells the step to go to, or who is in. */
  async register(): Promise<Entered | number> {
    const form = this.#form();
    if (form === null) return this.reachable;
    return this.#ask(async () => {
      const entered = await this.#office.register(form, this.#registering.key(form));
      if (entered) return entered;
      this.codeSentAt = Date.now();
      return 4;
    }, this.codeSentAt === null ? 3 : 4, this.#registering);
  }

  async verify(): Promise<Entered | number> {
    if (!this.finish(4)) return 4;
    const guess = [cleanPhone(this.phone), codeDigits(this.code)] as const;
    return this.#ask(() => this.#office.verify(...guess, this.#verifying.key(guess)), 4, this.#verifying);
  }

  /** The number was wrong: the code that is on its way is not awaited any more. */
  forgetCode(): void {
    this.codeSentAt = null;
    this.code = '';
    this.#blame('code', null);
  }

  withoutInvite(): void {
    this.invite = null;
    this.inviteRefused = false;
  }

  #form(): Form | null {
    const birth_date = birthDate(this);
    if (birth_date === null) return null;
    return {
      phone: cleanPhone(this.phone),
      password: this.password,
      alias: this.alias.normalize('NFC'),
      birth_date,
      accept_terms: true,
      ...(this.invite ? { invite: this.invite } : {}),
    };
  }

  async #ask(
    question: () => Promise<Entered | number>,
    step: number,
    once: Once,
  ): Promise<Entered | number> {
    if (this.busy) return step;
    this.busy = true;
    this.refused = null;
    try {
      const answer = await question();
      once.settle(null);
      return answer;
    } catch (error) {
      once.settle(error);
      return this.#refuse(error, step, once === this.#verifying);
    } finally {
      this.busy = false;
    }
  }

  #refuse(error: unknown, step: number, guess: boolean): number {
    const { code, errors } = error as Partial<Refusal>;
    if (code === 'too_many_attempts' && guess) {
      this.#blame('code', { code: 'code_tries' });
      return 4;
    }
    if (code === 'invalid_field' && errors?.some(({ field }) => field === 'invite')) {
      this.inviteRefused = true;
      return step;
    }
    const field = BLAMED[code ?? ''];
    if (!code || !field || !isFault(code)) {
      this.refused = error;
      return step;
    }
    // The code was for a registration that cannot be any more.
    if (field !== 'code') this.codeSentAt = null;
    this.#blame(field, { code, n: code === 'underage' ? this.#minimumAge : 128 });
    return STEP[field];
  }

  #blame(field: Field, fault: Fault | null): void {
    const { [field]: _, ...others } = this.faults;
    this.faults = fault ? { ...others, [field]: fault } : others;
  }

  #empty(field: Field): boolean {
    if (field === 'birth') return !this.day || !this.month || !this.year;
    if (field === 'terms') return !this.accepted;
    return this[field] === '';
  }

  #check(field: Field): Fault | null {
    switch (field) {
      case 'phone':
        return checkPhone(this.phone);
      case 'alias':
        return checkAlias(this.alias);
      case 'birth':
        return checkBirth(this, this.#minimumAge, new Date());
      case 'password':
        return checkPassword(this.password, this.phone, this.alias);
      case 'terms':
        return this.accepted ? null : { code: 'terms_not_accepted' };
      case 'code':
        return codeDigits(this.code).length === 6 ? null : { code: 'code_empty' };
    }
  }
}
