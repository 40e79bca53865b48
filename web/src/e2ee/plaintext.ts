// What is inside an encrypted message, and its franking tag: docs/protocol.md, "Franking".

import { type Bytes, concat, equal, hmac, lp, random, text, utf8 } from './bytes.ts';
import { type Content, SessionError } from './session.ts';

/** Sizes of a padded plaintext: the ciphertext tells the size class and nothing finer. */
export const BUCKETS: readonly number[] = [256, 1024, 4096, 16128];
/** Longest content of one message in its JSON form. */
export const MAX_CONTENT_BYTES = 15_900;

const VERSION = 1;
const SALT_BYTES = 32;
const DOMAIN = utf8('tebdil franking v1');
const AAD_PREFIX = Uint8Array.of(0x23, 0x00, 0x20, 0x20);

export interface Plaintext {
  salt: Bytes;
  matchId: string;
  /** The sender's, of the moment the match was made. */
  handle: string;
  content: Bytes;
}

export function plaintextOf(matchId: string, handle: string, content: Content): Plaintext {
  return { salt: random(SALT_BYTES), matchId, handle, content: utf8(JSON.stringify(content)) };
}

export function frankingTag({ salt, matchId, handle, content }: Plaintext): Promise<Bytes> {
  const fields = [DOMAIN, utf8(matchId), utf8(handle), content];
  return hmac(salt, concat(...fields.map(lp)));
}

export const authenticatedData = (tag: Bytes): Bytes => concat(AAD_PREFIX, tag);

/** The tag in the authenticated data of a message, if it has exactly the form it must have. */
export function tagIn(aad: Uint8Array): Bytes | undefined {
  if (aad.length !== 36 || !equal(aad.subarray(0, 4), AAD_PREFIX)) return undefined;
  return new Uint8Array(aad.subarray(4));
}

export function pad({ salt, matchId, handle, content }: Plaintext): Bytes {
  const fields = [salt, utf8(matchId), utf8(handle), content];
  const body = concat(Uint8Array.of(VERSION), ...fields.map(lp));
  const bucket = BUCKETS.find((size) => size >= body.length);
  if (content.length > MAX_CONTENT_BYTES || !bucket) {
    throw new SessionError('too_long', `a message has at most ${MAX_CONTENT_BYTES} bytes`);
  }
  const bytes = new Uint8Array(bucket);
  bytes.set(body);
  return bytes;
}

/** Reads padded bytes; anything but the one form that `pad` writes is refused. */
export function unpad(bytes: Uint8Array): Plaintext {
  if (!BUCKETS.includes(bytes.length)) throw malformed('not padded to a bucket');
  if (bytes[0] !== VERSION) throw malformed('unknown version');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 1;
  const field = (): Bytes => {
    if (at + 4 > bytes.length) throw malformed('a field is cut short');
    const length = view.getUint32(at);
    if (length > bytes.length - at - 4) throw malformed('a field is cut short');
    at += 4 + length;
    return new Uint8Array(bytes.subarray(at - length, at));
  };
  const salt = field();
  // HMAC pads and hashes keys of other lengths, which then fit two contents.
  if (salt.length !== SALT_BYTES) throw malformed('the salt is not 32 bytes');
  const [matchId, handle] = [utf8Field(field()), utf8Field(field())];
  const plaintext = { salt, matchId, handle, content: field() };
  if (bytes.subarray(at).some((byte) => byte !== 0)) throw malformed('the padding is not zero');
  return plaintext;
}

export function contentOf(bytes: Bytes): Content {
  let value: unknown;
  try {
    value = JSON.parse(text(bytes));
  } catch {
    value = undefined;
  }
  const content = value as Content;
  const typed = typeof value === 'object' && value !== null && typeof content.type === 'string';
  if (!typed || (content.type === 'text' && typeof content.text !== 'string')) {
    throw malformed('the content is not a JSON object with a type');
  }
  return content;
}

function utf8Field(bytes: Bytes): string {
  try {
    return text(bytes);
  } catch {
    throw malformed('a text is not UTF-8');
  }
}

function malformed(rule: string): SessionError {
  return new SessionError('plaintext', rule);
}
