// What somebody typed to find an account. A phone number goes into no address, not even one of the
// server's: it is told apart here, before anything is sent.

type Wanted =
  | { kind: 'nothing' }
  | { kind: 'phone'; phone: string }
  /** There may be a phone number in it. */
  | { kind: 'unreadable' }
  | { kind: 'account'; query: string };

/** As the server counts: fewer digits are what an alias begins with, more are an id. */
const PHONE_DIGITS = 7;
const ID = /^\d{16,19}$/;
/** What an alias begins with, or a handle. An alias has a letter. */
const ALIAS = /^(?=.*[\p{L}#])[\p{L}\p{M}\p{Nd}_.]+(#\d{0,4})?$/u;

/** Invisible signs come along where a number is copied from an address book. */
const UNSEEN = /[\p{Cf}\p{Cc}]/gu;

export function wanted(typed: string): Wanted {
  const text = typed.normalize('NFKC').replace(UNSEEN, '').trim();
  if (!text) return { kind: 'nothing' };
  const number = text.replace(/^tel:\s*/i, '');
  const digits = number.match(/\p{Nd}/gu)?.length ?? 0;
  // Whatever stands between the digits of a number is no letter, and no part of a handle.
  if (digits >= PHONE_DIGITS && !/[\p{L}#_]/u.test(number) && !ID.test(number)) {
    return { kind: 'phone', phone: number };
  }
  if (digits >= PHONE_DIGITS && !ID.test(text) && !ALIAS.test(text)) return { kind: 'unreadable' };
  return { kind: 'account', query: text };
}
