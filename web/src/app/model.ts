// What the screens see of this device: the account, the line, the search and the chats. `Device`
// in device.svelte.ts is the real one; the gallery has one made of fixtures. All fields are
// reactive (runes), so a screen reads them and does not subscribe.

import { createContext } from 'svelte';
import type { Evidence } from '../e2ee/evidence.ts';
import type {
  Ad, CancelReason, EndReason, Match, MatchFind, Notification, Quota, User,
} from '../net/frames.d.ts';
import type { Meta, Rest, Tokens } from '../net/rest.ts';

export type Phase =
  | 'starting' // nothing is known yet
  | 'welcome' // nobody is signed in
  | 'in'
  | 'consent' // signed in, and the terms are new
  | 'banned'
  | 'elsewhere' // another tab has the device
  | 'stuck' // what is kept here cannot be opened now
  | 'outdated'; // the server wants a newer client

export type Line = 'connecting' | 'online' | 'offline';

export interface Ban {
  reason: string;
  until: string | null;
  appealable: boolean;
  /** For appeals; null where the ban was learnt otherwise than by signing in. */
  appealToken: string | null;
}

/** A search of this device. */
export interface Search {
  wishes: MatchFind;
  /** Milliseconds since 1970. */
  since: number;
  /** Accepted by the server; false while it waits for the line. */
  accepted: boolean;
}

/** Why there is no search any more, until the next one or `dismissSearchEnd`. */
export type SearchEnd = CancelReason | 'quota_exhausted' | 'keys_required' | 'too_many_matches'
  | 'mode_unavailable' | 'rate_limited' | 'failed';

export type Sending =
  | 'waiting' // for the line, or for the encryption to be set up
  | 'sent' // the server has it
  | 'delivered'
  | 'read'
  | 'failed';

export interface OwnMessage {
  from: 'self';
  /** Unique in the chat, and the same after a reload. */
  key: string;
  text: string;
  at: string;
  state: Sending;
}

export interface PeerMessage {
  from: 'peer';
  key: string;
  seq: number;
  text: string;
  at: string;
}

/** Said by the client itself in the place of what it cannot show. */
export interface Remark {
  from: 'system';
  key: string;
  kind: 'missing' | 'unreadable' | 'unknown';
  at: string;
}

export type Message = OwnMessage | PeerMessage | Remark;

export interface Chat {
  readonly match: Match;
  /** The encryption of the match is on this device: only then can it be read and written. */
  readonly here: boolean;
  readonly online: boolean;
  readonly typing: boolean;
  /** Oldest first. */
  readonly messages: readonly Message[];
  readonly unread: number;
  /** The key of the first unread message. */
  readonly firstUnread: string | null;
  readonly draft: string;
  /** Who ended it; null while it runs, or if that is not known. */
  readonly endedBy: 'self' | 'peer' | 'system' | null;
  /** The encryption could not be set up, or broke: nothing can be sent any more. */
  readonly broken: boolean;
  /** Of a running video match of this device. */
  readonly call: CallLink | null;
}

export interface RtcSignal {
  type: 'rtc.description' | 'rtc.candidate' | 'rtc.state';
  [field: string]: unknown;
}

/** What a call needs of the chat it belongs to. Lasts as long as the match. */
export interface CallLink {
  readonly matchId: string;
  /** Only the offerer offers. */
  readonly offers: boolean;
  /** The peer was told a certificate of this side, maybe by an earlier life of the page. */
  readonly told: boolean;
  /** False if there is no line: the signal is lost. A refusal comes as a signal of type `error`. */
  send(signal: RtcSignal): boolean;
  /** Signals of the peer and refusals, in order; what came before is handed over at once. */
  onsignal: ((signal: RtcSignal | { type: 'error'; code: string }) => void) | null;
  /** The peer's device is back, or the line of this one. */
  onback: (() => void) | null;
  /** Through the encryption: "sha-256 AA:BB:…". Resolves when the server has it. */
  tellCertificate(fingerprint: string): Promise<void>;
  /** The one certificate the peer told; rejects if it told two. */
  readonly peerCertificate: Promise<string>;
}

export interface Model {
  readonly phase: Phase;
  readonly line: Line;
  /** Known as soon as `phase` is not `starting`. */
  readonly meta: Meta;
  /** Only while somebody is signed in; reading it otherwise throws. */
  readonly me: User;
  readonly quota: Quota;
  readonly search: Search | null;
  readonly searchEnd: SearchEnd | null;
  /** The match that the last search became, until the next search. */
  readonly found: string | null;
  /** Running ones first, each by the newest message, then those that ended. */
  readonly chats: readonly Chat[];
  /** The server may know of more that ended. */
  readonly moreChats: boolean;
  /** The ad to be shown after this match. */
  readonly ad: { matchId: string | null; ad: Ad } | null;
  readonly ban: Ban | null;
  readonly unreadNotifications: number;
  /** The newest notification that came while the app was open, for a toast. */
  readonly news: Notification | null;

  /** With the account's token where somebody is signed in. Throws `Problem`. */
  readonly rest: Rest;

  /** After registering or signing in. */
  enter(user: User, tokens: Tokens): Promise<void>;
  /** After an answer `banned`. */
  banish(ban: Ban): void;
  /** After the profile, the quota or the notifications changed by REST. */
  setMe(user: User): void;
  setQuota(quota: Quota): void;
  setUnreadNotifications(unread: number): void;
  /** The terms were accepted. */
  consented(): void;
  /** Ends the session at the server if it can, and erases what is kept here. */
  signOut(): Promise<void>;
  /** This tab takes the device over from the one that has it. */
  takeOver(): Promise<void>;

  chat(matchId: string): Chat | undefined;
  /** Throws `Problem`. */
  loadMoreChats(): Promise<void>;
  /** A second one replaces the first: "keep looking and wake me" is `find` with `background`. */
  find(wishes: MatchFind): void;
  cancelSearch(): void;
  dismissSearchEnd(): void;
  /** Trims; does nothing with an empty text. A long one is refused: see `MAX_TEXT_BYTES`. */
  send(matchId: string, text: string): void;
  retry(matchId: string, key: string): void;
  discard(matchId: string, key: string): void;
  setDraft(matchId: string, text: string): void;
  setTyping(matchId: string, on: boolean): void;
  /** The chat is on the screen: everything in it is read. */
  markRead(matchId: string): void;
  /** Ends the match, or hangs up. Works without a line: it is sent when the line is back. */
  leave(matchId: string, how?: 'left' | 'hung_up'): void;
  /** Takes an ended chat off this device. */
  forget(matchId: string): Promise<void>;
  safetyNumber(matchId: string): Promise<string>;
  /** What can be proven of the peer's last messages, oldest first. */
  evidence(matchId: string): Promise<{ evidence: Evidence; text: string }[]>;
  /** After a claim or a block by REST: the match as the server has it now, and who ended it. */
  setMatch(match: Match, by?: 'self'): void;
  dismissAd(): void;
  dismissNews(): void;
}

/** Messages that nobody read yet, in chats that can be read here. */
export function unreadOf(chats: readonly Chat[]): number {
  const readable = chats.filter(({ match }) => match.status === 'active' && match.this_device);
  return readable.reduce((sum, { unread }) => sum + unread, 0);
}

export type { EndReason, Match };

/** UTF-8; with its JSON and encryption a text stays within the server's 16 KiB. */
export const MAX_TEXT_BYTES = 15_000;

export const [useModel, provideModel] = createContext<Model>();
