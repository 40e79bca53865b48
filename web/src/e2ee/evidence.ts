// What a report carries for a message: docs/protocol.md, "Franking".

import { type Bytes, sha256, toBase64 } from './bytes.ts';
import type { Opened } from './session.ts';

/** How many messages of a match are kept for a report: as many as one takes. */
export const KEPT_EVIDENCE = 20;

/** The part of `message.new` that vouches for a message. */
export interface Vouched {
  match_id: string;
  seq: number;
  sent_at: string;
  frank: { kid: string; mac: string };
}

export interface Evidence extends Vouched {
  content: string;
  salt: string;
  franking_tag: string;
  ciphertext_sha256: string;
  sender_handle: string;
}

export async function evidenceOf(
  opened: Opened, ciphertext: Bytes, vouched: Vouched,
): Promise<Evidence> {
  const { match_id, seq, sent_at, frank } = vouched;
  return {
    match_id,
    seq,
    sent_at,
    frank: { kid: frank.kid, mac: frank.mac },
    content: toBase64(opened.bytes),
    salt: toBase64(opened.salt),
    franking_tag: toBase64(opened.tag),
    ciphertext_sha256: toBase64(await sha256(ciphertext)),
    sender_handle: opened.handle,
  };
}

/** The last twenty of a match, with `one` among them in place of what had its number. */
export function keepLast(kept: readonly Evidence[], one: Evidence): Evidence[] {
  return [...kept.filter(({ seq }) => seq !== one.seq), one]
    .sort((a, b) => a.seq - b.seq)
    .slice(-KEPT_EVIDENCE);
}
