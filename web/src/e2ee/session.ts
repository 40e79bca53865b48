// The encryption of one match, as the rest of the client sees it. Bytes go in and out; it knows
// nothing of sockets or storage, nor of the MLS library behind it.

import type { Bytes } from './bytes.ts';

/** The two handles are those of the moment the match was made. */
export interface Parties {
  matchId: string;
  own: string;
  peer: string;
}

/** What a message says: a JSON object with a `type`. Unknown types are passed over. */
export interface Content {
  type: string;
  [key: string]: unknown;
}

export interface Sealed {
  ciphertext: Bytes;
  tag: Bytes;
}

/** A message of the peer, with what a report about it would carry. */
export interface Opened {
  content: Content;
  /** The exact bytes the tag is over. */
  bytes: Bytes;
  salt: Bytes;
  tag: Bytes;
  /** The sender's handle inside the message. */
  handle: string;
}

/** What survives a restart. Never go back to an older one: it would use message keys twice. */
export interface StoredSession extends Parties {
  state: Bytes;
}

/**
 * A group of exactly two. A message opens once; one that was changed, or sent back to its author,
 * is refused and leaves the session as it was.
 */
export interface Session {
  readonly parties: Parties;
  /** Encrypts a `content`. Write `stored()` to the disk before the result leaves the page. */
  seal(content: Content): Promise<Sealed>;
  /** Encrypts what goes as `handshake`: the certificate of a call. */
  sealHandshake(content: Content): Promise<Bytes>;
  /** `tag` is the one beside the ciphertext. Undefined: the peer renewed its keys. */
  open(ciphertext: Bytes, tag: Bytes | undefined): Promise<Opened | undefined>;
  /** As `open`, of a `handshake` after the Welcome. */
  openHandshake(ciphertext: Bytes): Promise<Content | undefined>;
  safetyNumber(): Promise<string>;
  stored(): StoredSession;
}

export type SessionErrorCode =
  | 'key_package'
  | 'welcome'
  | 'not_two_members'
  | 'undecryptable'
  | 'forbidden_change'
  | 'franking'
  | 'plaintext'
  | 'too_long'
  | 'state';

/** Its text names the rule that was broken, never content or keys. */
export class SessionError extends Error {
  readonly code: SessionErrorCode;
  constructor(code: SessionErrorCode, rule: string) {
    super(rule);
    this.name = 'SessionError';
    this.code = code;
  }
}
