// What a chat leaves on the disk of its device, and gets back after a reload.

import type { Match, Message } from '../app/model.ts';
import type { StoredLink } from '../call/link.ts';
import type { Bytes } from '../e2ee/bytes.ts';
import type { Evidence } from '../e2ee/evidence.ts';
import type { StoredSession } from '../e2ee/session.ts';

/** A message with the number it was sent under. */
export type Stored = Message & { sentAs?: number };

/** A message of the peer, with what proves it to a moderator. */
export interface KeptEvidence {
  evidence: Evidence;
  text: string;
}

/** What waits to be encrypted. */
export type Unsealed =
  | { kind: 'text'; key: string }
  | { kind: 'certificate'; fingerprint: string };

/** Encrypted, numbered, and not accepted yet. */
export interface SealedMessage {
  seq: number;
  kind: 'content' | 'handshake';
  ciphertext: Bytes;
  tag?: Bytes;
  key?: string;
  /** What sets the encryption up, of the offerer. */
  welcome?: true;
}

export interface StoredOutbox {
  /** The last number that the server accepted. */
  sent: number;
  /** There is one at a time: the next is sealed after it. */
  sealed: SealedMessage | null;
  /** In the order they were said. */
  queue: Unsealed[];
}

/** In one record: the positions belong to the state of the encryption. */
export interface StoredChat extends StoredOutbox {
  match: Match;
  own: string;
  session: StoredSession | null;
  broken: boolean;
  /** The last message of the peer that is stored here. */
  peerSeq: number;
  readSeq: number;
  /** How far the peer has come with what was sent here. */
  delivered: number;
  read: number;
  leaving: boolean;
  /** Of the call, in a video match. */
  link: StoredLink | null;
  draft: string;
  /** For the keys of own messages. */
  said: number;
}
