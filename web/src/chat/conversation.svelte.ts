// One chat: its encryption, what was said in it, and the way of its messages to the server and
// back. Whatever the encryption does is on the disk before anything of it leaves the page.

import type { CallLink, Chat, OwnMessage, Sending } from '../app/model.ts';
import { Link } from '../call/link.ts';
import { type Bytes, fromBase64 } from '../e2ee/bytes.ts';
import type { Mls } from '../e2ee/mls.ts';
import type { Content, Session } from '../e2ee/session.ts';
import type { SealedStore } from '../e2ee/store.ts';
import type {
  ClientFrame, Match, MatchEnded, MessageNew, ServerFrame,
} from '../net/frames.d.ts';
import { Inbox } from './inbox.ts';
import type { KeptEvidence, Stored, StoredChat } from './kept.ts';
import { Outbox } from './outbox.ts';

export type { KeptEvidence, StoredChat } from './kept.ts';

/** What the chat needs of the device it is on. */
export interface Room {
  readonly store: Pick<SealedStore, 'write' | 'remove'>;
  readonly mls: Mls;
  /** This account's handle. */
  readonly handle: string;
  /** Resolves with the answer, or with an `error` of code `connection_lost`. */
  ask(frame: ClientFrame): Promise<ServerFrame>;
  /** False without a line. */
  send(frame: ClientFrame): boolean;
  /** Resolves when there is a line, at once if there is one. */
  online(): Promise<void>;
  /** Records of the key packages that changed with a Welcome. */
  packagesRecord(): Record<string, unknown>;
}

const TYPING_MS = 6_000;
const DRAFT_MS = 400;
const ACK_MS = 30;

export class Conversation implements Chat {
  match: Match = $state.raw()!;
  online = $state(false);
  typing = $state(false);
  messages: Stored[] = $state([]);
  unread = $state(0);
  firstUnread: string | null = $state(null);
  draft = $state('');
  endedBy: Chat['endedBy'] = $state(null);
  broken = $state(false);

  readonly #room: Room;
  readonly #link: Link | null;
  readonly #own: string;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  #session: Session | null = null;
  #readSeq = 0;
  #delivered = 0;
  #read = 0;
  #leaving = false;
  #dropped = false;
  #said = 0;
  /** Messages whose last write failed, or runs: the next one brings them along. */
  readonly #unsaved = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();
  #ack: ReturnType<typeof setTimeout> | undefined;
  #typed: ReturnType<typeof setTimeout> | undefined;
  #drafted: ReturnType<typeof setTimeout> | undefined;

  constructor(room: Room, match: Match, kept?: {
    chat: StoredChat; messages: Stored[]; evidence: KeptEvidence[];
  }) {
    this.#room = room;
    this.match = match;
    this.#own = kept?.chat.own ?? room.handle;
    this.#inbox = this.#makeInbox();
    this.#inbox.evidence = kept?.evidence ?? [];
    this.#outbox = this.#makeOutbox();
    this.unread = match.unread;
    this.#link = match.mode === 'video' && match.this_device
      ? new Link(match.id, match.role === 'offerer', {
          send: (frame) => room.send(frame as unknown as ClientFrame),
          tellCertificate: (fingerprint) => this.#tell(fingerprint),
        })
      : null;
    if (kept) this.#restore(kept.chat, kept.messages);
  }

  get here(): boolean {
    return this.match.this_device && (this.#session !== null || this.#awaited || this.ended);
  }

  get call(): CallLink | null {
    return this.ended || this.broken ? null : this.#link;
  }

  get ended(): boolean {
    return this.match.status !== 'active';
  }

  /** The last message of the peer that is here, for `hello`. */
  get peerSeq(): number {
    return this.#inbox.seq;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  get evidence(): readonly KeptEvidence[] {
    return this.#inbox.evidence;
  }

  /** The encryption comes yet. */
  get #awaited(): boolean {
    return !this.broken && this.#inbox.seq === 0;
  }

  #restore(chat: StoredChat, messages: Stored[]): void {
    this.#outbox.restore(chat);
    this.#inbox.seq = this.#inbox.stored = chat.peerSeq;
    this.#readSeq = chat.readSeq;
    this.#delivered = chat.delivered;
    this.#read = chat.read;
    this.#leaving = chat.leaving;
    if (chat.link) this.#link?.restore(chat.link);
    this.#said = chat.said;
    this.draft = chat.draft;
    this.broken = chat.broken;
    this.messages = messages;
    const unread = messages.filter(
      (message) => message.from === 'peer' && message.seq > this.#readSeq,
    );
    this.unread = unread.length;
    this.firstUnread = unread[0]?.key ?? null;
    if (!chat.session) return;
    try {
      this.#session = this.#room.mls.restore(chat.session);
    } catch {
      this.broken = true;
    }
  }

  // ——— Setting up

  /** `match.found` of this device, also when it comes again. */
  begin(peerKeyPackage: string | null | undefined): void {
    if (this.match.role !== 'offerer' || !peerKeyPackage) return;
    void this.#exclusive(async () => {
      if (this.#session || this.broken || this.ended || this.#outbox.begun) return;
      const parties = { matchId: this.match.id, own: this.#own, peer: this.match.peer.handle };
      try {
        const made = await this.#room.mls.create(parties, fromBase64(peerKeyPackage));
        this.#session = made.session;
        await this.#outbox.welcome(made.welcome);
      } catch {
        this.broken = true;
        await this.#save().catch(() => undefined);
      }
      void this.#outbox.pump();
    });
  }

  /** There is a line again, and the server told everything it had to. */
  welcomed(match: Match): void {
    this.match = match;
    this.#inbox.connected();
    this.#link?.onback?.();
    if (!match.this_device || this.ended) return;
    this.tellPosition();
    void this.#outbox.pump();
  }

  /** How far this side has come, again: whether the last ones arrived is not known. */
  tellPosition(): void {
    if (this.ended || !this.match.this_device) return;
    if (this.#readSeq) this.#say('message.read', this.#readSeq);
    if (this.#inbox.stored > this.#readSeq) this.#say('message.ack', this.#inbox.stored);
  }

  // ——— Saying

  say(text: string): void {
    if (this.ended || this.broken) return;
    const key = `s${++this.#said}`;
    const at = new Date().toISOString();
    this.messages.push({ from: 'self', key, text, at, state: 'waiting' });
    this.#outbox.text(key);
    this.firstUnread = null;
    void this.#exclusive(() => this.#save(key));
    void this.#outbox.pump();
  }

  again(key: string): void {
    const message = this.#mine(key);
    if (message?.state !== 'failed' || this.ended || this.broken) return;
    message.state = 'waiting';
    this.#outbox.text(key);
    void this.#exclusive(() => this.#save(key));
    void this.#outbox.pump();
  }

  discard(key: string): void {
    const message = this.#mine(key);
    if (message?.state !== 'failed') return;
    this.messages.splice(this.messages.indexOf(message), 1);
    void this.#exclusive(() => this.#room.store.write({ [this.#path(`m/${key}`)]: undefined }));
  }

  #tell(fingerprint: string): Promise<void> {
    const accepted = this.#outbox.certificate(fingerprint);
    void this.#exclusive(() => this.#save());
    void this.#outbox.pump();
    return accepted;
  }

  #makeOutbox(): Outbox {
    const chat = this;
    return new Outbox({
      matchId: this.match.id,
      get session() {
        return chat.#session;
      },
      get closed() {
        return chat.ended || chat.broken || chat.#dropped;
      },
      ask: (frame) => this.#room.ask(frame),
      online: () => this.#room.online(),
      message: (key) => this.#mine(key),
      accepted: (message: OwnMessage & { sentAs?: number }, seq, sentAt) => {
        message.sentAs = seq;
        message.at = sentAt;
        message.state = this.#progress(seq);
      },
      setUpRefused: () => (this.broken = true),
      gone: () => this.#failAll(),
      exclusive: (step) => this.#exclusive(step),
      save: (...keys) => this.#save(...keys),
    });
  }

  #failAll(): void {
    for (const message of this.messages) {
      if (message.from === 'self' && message.state === 'waiting') message.state = 'failed';
    }
    this.#outbox.clear();
  }

  // ——— Hearing

  hear(frame: MessageNew): Promise<void> {
    return this.#exclusive(async () => {
      if (this.ended || this.#dropped || !this.match.this_device) return;
      if (!(await this.#inbox.take(frame))) return;
      this.#arrived();
      void this.#outbox.pump();
    });
  }

  #makeInbox(): Inbox {
    const chat = this;
    return new Inbox({
      get match() {
        return chat.match;
      },
      get session() {
        return chat.#session;
      },
      join: (welcome) => this.#join(welcome),
      broke: () => (this.broken = true),
      certificate: (content) => this.#certificate(content),
      show: (message) => this.#show(message),
      send: (frame) => this.#room.send(frame),
      save: (...keys) => this.#save(...keys),
    });
  }

  async #join(welcome: Bytes): Promise<boolean> {
    if (this.match.role !== 'answerer' || this.broken) return false;
    const parties = { matchId: this.match.id, own: this.#own, peer: this.match.peer.handle };
    try {
      this.#session = await this.#room.mls.join(parties, welcome);
      return true;
    } catch {
      return false;
    }
  }

  #certificate(content: Content | undefined): void {
    if (content?.type !== 'dtls' || typeof content.fingerprint !== 'string' || !this.#link) return;
    if (!this.#link.certificate(content.fingerprint)) {
      this.#link.hear({ type: 'error', code: 'another_certificate' });
    }
  }

  #show(message: Stored): void {
    this.messages.push(message);
    if (message.from !== 'peer') return;
    this.typing = false;
    this.unread += 1;
    this.firstUnread ??= message.key;
  }

  /** The newest is acknowledged a moment later, so that a burst costs one frame. */
  #arrived(): void {
    this.#ack ??= setTimeout(() => {
      this.#ack = undefined;
      if (!this.ended) this.#say('message.ack', this.#inbox.stored);
    }, ACK_MS);
  }

  #say(type: 'message.ack' | 'message.read', seq: number): void {
    if (seq > 0) this.#room.send({ type, match_id: this.match.id, seq });
  }

  markRead(): void {
    this.unread = 0;
    this.firstUnread = null;
    // After what is just being stored: what is read counts as acknowledged.
    void this.#exclusive(async () => {
      const { stored } = this.#inbox;
      if (this.ended || !this.match.this_device || this.#readSeq >= stored) return;
      this.#readSeq = stored;
      this.#say('message.read', stored);
      await this.#save();
    });
  }

  receipt(kind: 'delivered' | 'read', seq: number): void {
    if (kind === 'read') this.#read = Math.max(this.#read, seq);
    this.#delivered = Math.max(this.#delivered, seq);
    for (let i = this.messages.length - 1; i >= 0; i -= 1) {
      const message = this.messages[i]!;
      if (message.from !== 'self' || !message.sentAs) continue;
      if (message.state === 'read') break;
      message.state = this.#progress(message.sentAs);
    }
    void this.#exclusive(() => this.#save());
  }

  #progress(seq: number): Sending {
    if (seq <= this.#read) return 'read';
    return seq <= this.#delivered ? 'delivered' : 'sent';
  }

  peerTypes(on: boolean): void {
    clearTimeout(this.#typed);
    this.typing = on && !this.ended;
    if (this.typing) this.#typed = setTimeout(() => (this.typing = false), TYPING_MS);
  }

  presence(online: boolean): void {
    this.online = online && !this.ended;
    if (!online) this.typing = false;
    else this.#link?.onback?.();
  }

  signal(frame: { type: string; [field: string]: unknown }): void {
    this.#link?.hear(frame as Parameters<Link['hear']>[0]);
  }

  setDraft(text: string): void {
    this.draft = text;
    clearTimeout(this.#drafted);
    this.#drafted = setTimeout(() => void this.#exclusive(() => this.#save()), DRAFT_MS);
  }

  // ——— The end

  /** The match is left as soon as the server can be told. */
  async leave(): Promise<void> {
    if (this.ended || this.#leaving) return;
    this.#leaving = true;
    await this.#exclusive(() => this.#save());
  }

  end({ status, reason, by }: Pick<MatchEnded, 'status' | 'reason' | 'by'>): void {
    if (this.ended) return;
    this.endedBy = by;
    this.take({ ...this.match, status, ended_reason: reason, ended_at: new Date().toISOString() });
  }

  /** The match as the server has it. Once it is over, the encryption of it is erased. */
  take(match: Match, by?: 'self'): void {
    const before = this.ended;
    // An answer that was on its way when it ended.
    if (before && match.status === 'active') return;
    this.match = match;
    if (!this.ended || before) return;
    if (by) this.endedBy = by;
    this.online = this.typing = false;
    this.#leaving = false;
    this.#stopTimers();
    this.#failAll();
    void this.#exclusive(async () => {
      this.#session = null;
      await this.#room.store.remove(this.#path(''));
      await this.#saveEvidence();
    });
  }

  /** The page has the device no more: nothing goes on here. */
  drop(): void {
    this.#dropped = true;
    this.#stopTimers();
  }

  #stopTimers(): void {
    for (const timer of [this.#ack, this.#drafted, this.#typed]) clearTimeout(timer);
  }

  async safetyNumber(): Promise<string> {
    if (!this.#session) throw new Error('there is no encryption yet');
    return this.#session.safetyNumber();
  }

  /** Resolves when everything so far is on the disk. */
  settled(): Promise<unknown> {
    return this.#turn;
  }

  // ——— The disk

  #path(name: string): string {
    return `match/${this.match.id}/${name}`;
  }

  #mine(key: string): (OwnMessage & { sentAs?: number }) | undefined {
    return this.messages.findLast(
      (one): one is OwnMessage & { sentAs?: number } => one.from === 'self' && one.key === key,
    );
  }

  async #save(...keys: (string | undefined)[]): Promise<void> {
    // Nothing of a match that is over comes back.
    if (this.ended || this.#dropped || !this.match.this_device) return;
    const records: Record<string, unknown> = { [this.#path('chat')]: this.#stored() };
    for (const key of keys) if (key) this.#unsaved.add(key);
    const written = [...this.#unsaved];
    for (const key of written) {
      const message = this.messages.findLast((one) => one.key === key);
      if (message) records[this.#path(`m/${key}`)] = $state.snapshot(message);
    }
    if (this.evidence.length) records[`evidence/${this.match.id}`] = this.#evidenceRecord();
    await this.#room.store.write({ ...records, ...this.#room.packagesRecord() });
    for (const key of written) this.#unsaved.delete(key);
  }

  async #saveEvidence(): Promise<void> {
    if (!this.evidence.length) return;
    await this.#room.store.write({ [`evidence/${this.match.id}`]: this.#evidenceRecord() });
  }

  #evidenceRecord(): { at: number; kept: readonly KeptEvidence[] } {
    return { at: Date.now(), kept: this.evidence };
  }

  #stored(): StoredChat {
    return {
      match: this.match,
      own: this.#own,
      session: this.#session?.stored() ?? null,
      broken: this.broken,
      ...this.#outbox.stored(),
      peerSeq: this.#inbox.seq,
      readSeq: this.#readSeq,
      delivered: this.#delivered,
      read: this.#read,
      leaving: this.#leaving,
      link: this.#link?.stored() ?? null,
      draft: this.draft,
      said: this.#said,
    };
  }

  /** Sealing and opening with their writes go one after the other: a state is used once. */
  #exclusive<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
