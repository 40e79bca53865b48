// The code both people compare to know that nobody sits between them.

import { type Bytes, hmac, utf8 } from './bytes.ts';

/** Six groups of five digits: `HMAC-SHA256(epoch authenticator, label)`, five bytes a group. */
export async function safetyNumber(authenticator: Bytes): Promise<string> {
  const digest = await hmac(authenticator, utf8('tebdil safety number v1'));
  const groups = Array.from({ length: 6 }, (_, i) => {
    // 40 bits: a shift would overflow.
    const number = digest.subarray(i * 5, i * 5 + 5).reduce((sum, byte) => sum * 256 + byte, 0);
    return (number % 100_000).toString().padStart(5, '0');
  });
  return groups.join(' ');
}
