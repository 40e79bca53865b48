// What can be said of a field before the server sees it. The server decides: what passes here may
// still be refused there, and what is refused here would surely be.

import type { Fault } from './text.ts';

const PASSWORD = { least: 8, most: 128 };
const ALIAS = { least: 3, most: 20 };

/** As it is sent: digits, and a plus before the country. */
export function cleanPhone(text: string): string {
  const plain = text.normalize('NFKC').replace(/[\s().\-/\u2010-\u2015]/g, '');
  return plain.replace(/^00/, '+');
}

export function checkPhone(text: string): Fault | null {
  const phone = cleanPhone(text);
  if (phone === '') return { code: 'phone_empty' };
  if (!/^\+?\d+$/.test(phone)) return { code: 'phone_characters' };
  // A Turkish mobile number is 5 and nine more digits; of others nothing is known but the bounds.
  const turkish = /^(?:\+90|0)?(5\d*)$/.exec(phone)?.[1];
  if (turkish !== undefined) {
    if (turkish.length < 10) return { code: 'phone_missing', n: 10 - turkish.length };
    return turkish.length > 10 ? { code: 'phone_more', n: turkish.length - 10 } : null;
  }
  const digits = phone.replace('+', '').length;
  if (digits < 6) return { code: 'phone_short' };
  return digits > 15 ? { code: 'phone_long' } : null;
}

export function checkAlias(text: string): Fault | null {
  const alias = text.normalize('NFC');
  const length = [...alias].length;
  if (length === 0) return { code: 'alias_empty' };
  if (!/^[\p{L}\p{M}\p{Nd}_.]+$/u.test(alias)) return { code: 'alias_characters' };
  if (length < ALIAS.least) return { code: 'alias_short', n: ALIAS.least };
  if (length > ALIAS.most) return { code: 'alias_long', n: ALIAS.most };
  return /\p{L}/u.test(alias) ? null : { code: 'alias_letter' };
}

export interface Birth {
  day: string;
  month: string;
  year: string;
}

/** "2001-02-28", or null where there is no such day. */
export function birthDate({ day, month, year }: Birth): string | null {
  if (!/^\d{1,2}$/.test(day) || !/^\d{1,2}$/.test(month) || !/^\d{4}$/.test(year)) return null;
  const [d, m, y] = [Number(day), Number(month), Number(year)];
  const date = new Date(Date.UTC(y, m - 1, d));
  const real =
    date.getUTCFullYear() === y && date.getUTCMonth() === m - 1 && date.getUTCDate() === d;
  return real ? date.toISOString().slice(0, 10) : null;
}

export function checkBirth(birth: Birth, minimumAge: number, now: Date): Fault | null {
  if (!birth.day || !birth.month || !birth.year) return { code: 'birth_empty' };
  const date = birthDate(birth);
  if (date === null) return { code: 'birth_impossible' };
  const [y = 0, m = 0, d = 0] = date.split('-').map(Number);
  const had = now.getMonth() + 1 > m || (now.getMonth() + 1 === m && now.getDate() >= d);
  const age = now.getFullYear() - y - (had ? 0 : 1);
  if (age < 0 || age > 130) return { code: 'birth_impossible' };
  return age < minimumAge ? { code: 'underage', n: minimumAge } : null;
}

export function checkPassword(text: string, phone: string, alias: string): Fault | null {
  const password = text.normalize('NFKC');
  const length = [...password].length;
  if (length === 0) return { code: 'password_empty', n: PASSWORD.least };
  if (length < PASSWORD.least) return { code: 'password_short', n: PASSWORD.least - length };
  if (length > PASSWORD.most) return { code: 'password_too_long', n: PASSWORD.most };
  if (new Set(password).size === 1) return { code: 'password_repeated' };
  const same = (other: string): boolean =>
    other !== '' && password.toLowerCase() === other.toLowerCase();
  const digits = cleanPhone(phone).replace(/^\+90|^0/, '');
  const ownPhone = digits !== '' && cleanPhone(password).replace(/^\+90|^0/, '') === digits;
  return ownPhone || same(alias.normalize('NFKC')) ? { code: 'password_own' } : null;
}

export type Strength = 'weak' | 'fair' | 'good';

/** A hint for who chooses: length tells most, then how many kinds of characters there are. */
export function strength(text: string): Strength {
  const password = text.normalize('NFKC');
  const different = new Set(password.toLowerCase()).size;
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{Nd}/u, /[^\p{L}\p{N}]/u].filter((kind) =>
    kind.test(password),
  ).length;
  const run =
    /^(?:0?1234567\d*|9876543\d*|abcdefg.*|qwerty.*|password.*|parola.*|sifre.*|şifre.*)$/i.test(
      password,
    );
  if (run || different < 5) return 'weak';
  const score = [...password].length + 2 * kinds + (different >= 8 ? 2 : 0);
  return score >= 20 ? 'good' : score >= 14 ? 'fair' : 'weak';
}

/** The six digits, whatever was pasted around them. */
export function codeDigits(text: string): string {
  return text.normalize('NFKC').replace(/\D/g, '').slice(0, 6);
}
