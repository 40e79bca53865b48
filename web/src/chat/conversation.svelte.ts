// One chat: its encryption, what was said in it, and the way of its messages to the server and
// back. Whatever the encryption does is on the disk before anything of it leaves the page.

import type { CallLink, Chat, Message, OwnMessage, Remark, Sending } from '../app/model.ts';
import { Link } from '../call/link.ts';
import { type Bytes, fromBase64, toBase64 } from '../e2ee/bytes.ts';
import { type Evidence, evidenceOf, KEPT_EVIDENCE } from '../e2ee/evidence.ts';
import type { Mls } from '../e2ee/mls.ts';
import type { Content, Opened, Session, StoredSession } from '../e2ee/session.ts';
import type { SealedStore } from '../e2ee/store.ts';
import type {
  ClientFrame, Match, MatchEnded, MessageNew, ServerFrame,
} from '../net/frames.d.ts';

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

type Entry = { kind: 'text'; key: string } | { kind: 'certificate'; fingerprint: string };

/** Sealed, numbered, and not accepted yet. There is one at a time: the next is sealed after it. */
interface SealedMessage {
  seq: number;
  kind: 'content' | 'handshake';
  ciphertext: Bytes;
  tag?: Bytes;
  key?: string;
}

/** What survives a reload, in one record: the positions belong to the state of the encryption. */
export interface StoredChat {
  match: Match;
  own: string;
  session: StoredSession | null;
  broken: boolean;
  /** The last number that the server accepted. */
  sent: number;
  sealed: SealedMessage | null;
  /** Not sealed yet, in the order they were said. */
  queue: Entry[];
  /** The last message of the peer that is stored here. */
  peerSeq: number;
  readSeq: number;
  /** How far the peer has come with what was sent here. */
  delivered: number;
  read: number;
  leaving: boolean;
  draft: string;
  /** For the keys of own messages. */
  said: number;
}

export interface KeptEvidence {
  evidence: Evidence;
  text: string;
}

/** A message with the number it was sent under. */
type Stored = Message & { sentAs?: number };

const RETRY_MS = 2_000;
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
  #session: Session | null = null;
  #sent = 0;
  #sealed: SealedMessage | null = null;
  #queue: Entry[] = [];
  #peerSeq = 0;
  #readSeq = 0;
  #delivered = 0;
  #read = 0;
  #leaving = false;
  #said = 0;
  #evidence: KeptEvidence[];
  #turn: Promise<unknown> = Promise.resolve();
  #sending = false;
  /** What was sealed last is not on the disk: it must not leave. */
  #unsaved = false;
  /** The first message of a connection may follow others that never come again. */
  #fresh = true;
  /** The position from which missing messages were asked for. */
  #asked = -1;
  #ack: ReturnType<typeof setTimeout> | undefined;
  #typed: ReturnType<typeof setTimeout> | undefined;
  #drafted: ReturnType<typeof setTimeout> | undefined;
  #told: (() => void)[] = [];

  constructor(room: Room, match: Match, kept?: {
    chat: StoredChat; messages: Stored[]; evidence: KeptEvidence[];
  }) {
    this.#room = room;
    this.match = match;
    this.#own = kept?.chat.own ?? room.handle;
    this.#evidence = kept?.evidence ?? [];
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
    return this.#peerSeq;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  get evidence(): readonly KeptEvidence[] {
    return this.#evidence;
  }

  /** The encryption comes yet. */
  get #awaited(): boolean {
    return !this.broken && this.#peerSeq === 0;
  }

  #restore(chat: StoredChat, messages: Stored[]): void {
    this.#sent = chat.sent;
    this.#sealed = chat.sealed;
    this.#queue = chat.queue;
    this.#peerSeq = chat.peerSeq;
    this.#readSeq = chat.readSeq;
    this.#delivered = chat.delivered;
    this.#read = chat.read;
    this.#leaving = chat.leaving;
    this.#said = chat.said;
    this.draft = chat.draft;
    this.broken = chat.broken;
    this.messages = messages;
    this.unread = messages.filter(
      (message) => message.from === 'peer' && message.seq > this.#readSeq,
    ).length;
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
      if (this.#session || this.broken || this.ended || this.#sealed || this.#sent) return;
      const parties = { matchId: this.match.id, own: this.#own, peer: this.match.peer.handle };
      try {
        const made = await this.#room.mls.create(parties, fromBase64(peerKeyPackage));
        this.#session = made.session;
        this.#sealed = { seq: 1, kind: 'handshake', ciphertext: made.welcome };
      } catch {
        this.broken = true;
      }
      await this.#saveSealed();
      void this.#pump();
    });
  }

  /** There is a line again, and the server told everything it had to. */
  welcomed(match: Match): void {
    this.match = match;
    this.#fresh = true;
    this.#asked = -1;
    this.#link?.onback?.();
    if (!match.this_device || this.ended) return;
    // Whether the last ones arrived is not known.
    if (this.#readSeq) this.#say('message.read', this.#readSeq);
    if (this.#peerSeq > this.#readSeq) this.#say('message.ack', this.#peerSeq);
    void this.#pump();
  }

  // ——— Saying

  say(text: string): void {
    if (this.ended || this.broken) return;
    const key = `s${++this.#said}`;
    const at = new Date().toISOString();
    this.messages.push({ from: 'self', key, text, at, state: 'waiting' });
    this.#queue.push({ kind: 'text', key });
    this.firstUnread = null;
    void this.#exclusive(() => this.#save(key));
    void this.#pump();
  }

  again(key: string): void {
    const message = this.#mine(key);
    if (message?.state !== 'failed' || this.ended || this.broken) return;
    message.state = 'waiting';
    this.#queue.push({ kind: 'text', key });
    void this.#exclusive(() => this.#save(key));
    void this.#pump();
  }

  discard(key: string): void {
    const message = this.#mine(key);
    if (message?.state !== 'failed') return;
    this.messages.splice(this.messages.indexOf(message), 1);
    void this.#exclusive(() => this.#room.store.write({ [this.#path(`m/${key}`)]: undefined }));
  }

  #tell(fingerprint: string): Promise<void> {
    this.#queue.push({ kind: 'certificate', fingerprint });
    const accepted = new Promise<void>((resolve) => this.#told.push(resolve));
    void this.#exclusive(() => this.#save());
    void this.#pump();
    return accepted;
  }

  /** Sends what waits, one after the other, as long as there is something. */
  async #pump(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (!this.ended && !this.broken) {
        if (!this.#sealed && !(await this.#exclusive(() => this.#sealNext()))) return;
        if (this.#unsaved) {
          await pause(RETRY_MS);
          await this.#exclusive(() => this.#saveSealed());
          continue;
        }
        await this.#room.online();
        if (this.ended || !this.#sealed) return;
        const { seq, kind, ciphertext, tag } = this.#sealed;
        const answer = await this.#room.ask({
          type: 'message.send',
          match_id: this.match.id,
          seq,
          kind,
          ciphertext: toBase64(ciphertext),
          ...(tag && { franking_tag: toBase64(tag) }),
        });
        await this.#answered(answer);
      }
    } finally {
      this.#sending = false;
    }
  }

  async #sealNext(): Promise<boolean> {
    const entry = this.#queue[0];
    const session = this.#session;
    if (!entry || !session) return false;
    const seq = this.#sent + 1;
    try {
      if (entry.kind === 'certificate') {
        const content = { type: 'dtls', fingerprint: entry.fingerprint };
        const ciphertext = await session.sealHandshake(content);
        this.#sealed = { seq, kind: 'handshake', ciphertext };
      } else {
        const message = this.#mine(entry.key);
        if (message) {
          const content: Content = { type: 'text', text: message.text };
          this.#sealed = { seq, kind: 'content', key: entry.key, ...(await sealed(session, content)) };
        }
      }
    } catch {
      // Too long: nothing was used up.
      if (entry.kind === 'text') this.#failed(entry.key);
    }
    this.#queue.shift();
    await this.#saveSealed();
    return true;
  }

  async #saveSealed(): Promise<void> {
    this.#unsaved = true;
    try {
      await this.#save(this.#sealed?.key);
      this.#unsaved = false;
    } catch {
      // The disk is full, or the browser took it away. It is tried again.
    }
  }

  async #answered(answer: ServerFrame): Promise<void> {
    const pending = this.#sealed;
    if (!pending) return;
    if (answer.type === 'message.accepted') {
      await this.#exclusive(async () => {
        this.#sent = pending.seq;
        this.#sealed = null;
        const message = pending.key && this.#mine(pending.key);
        if (message) {
          message.sentAs = pending.seq;
          message.at = answer.sent_at;
          message.state = this.#progress(pending.seq);
        }
        await this.#save(pending.key);
      });
      if (pending.kind === 'handshake' && pending.seq > 1) this.#told.shift()?.();
      return;
    }
    if (answer.type !== 'error') return;
    switch (answer.code as string) {
      case 'out_of_order':
        // The server went back to an earlier state: the number is no part of what is sealed.
        pending.seq = answer.expected_seq ?? pending.seq;
        return;
      case 'message_too_large':
      case 'invalid_field':
      case 'franking_tag_mismatch':
        return this.#exclusive(async () => {
          this.#sealed = null;
          if (pending.key) this.#failed(pending.key);
          else if (pending.seq === 1) this.broken = true;
          await this.#save(pending.key);
        });
      case 'match_ended':
      case 'not_found':
      case 'wrong_device':
        this.#failAll();
        return;
      case 'connection_lost':
        return;
      default:
        await pause(answer.retry_after_ms ?? RETRY_MS);
    }
  }

  #failed(key: string): void {
    const message = this.#mine(key);
    if (message) message.state = 'failed';
  }

  #failAll(): void {
    for (const message of this.messages) {
      if (message.from === 'self' && message.state === 'waiting') message.state = 'failed';
    }
    this.#queue = [];
    this.#sealed = null;
  }

  // ——— Hearing

  hear(frame: MessageNew): Promise<void> {
    return this.#exclusive(async () => {
      if (this.ended || !this.match.this_device) return;
      if (frame.seq <= this.#peerSeq) return this.#arrived();
      if (frame.seq > this.#peerSeq + 1 && !this.#fresh && this.#asked !== this.#peerSeq) {
        this.#asked = this.#peerSeq;
        const from = { match_id: this.match.id, peer_seq: this.#peerSeq };
        this.#room.send({ type: 'message.sync', ...from });
        return;
      }
      const missing = frame.seq > this.#peerSeq + 1;
      this.#fresh = false;
      const shown = await this.#open(frame, missing);
      this.#peerSeq = frame.seq;
      if (missing) shown.unshift(this.#remark('missing', frame));
      for (const message of shown) this.#show(message);
      await this.#save(...shown.map(({ key }) => key));
      this.#arrived();
      void this.#pump();
    });
  }

  async #open(frame: MessageNew, missing: boolean): Promise<Stored[]> {
    try {
      const ciphertext = fromBase64(frame.ciphertext);
      if (!this.#session) return await this.#join(frame, ciphertext, missing);
      if (frame.kind === 'handshake') {
        this.#certificate(await this.#session.openHandshake(ciphertext));
        return [];
      }
      const tag = frame.franking_tag ? fromBase64(frame.franking_tag) : undefined;
      const opened = await this.#session.open(ciphertext, tag);
      return opened ? [await this.#shownOf(opened, ciphertext, frame)] : [];
    } catch {
      return [this.#remark('unreadable', frame)];
    }
  }

  async #join(frame: MessageNew, ciphertext: Bytes, missing: boolean): Promise<Stored[]> {
    const welcome = frame.kind === 'handshake' && frame.seq === 1 && !missing;
    if (this.match.role !== 'answerer' || !welcome || this.broken) {
      this.broken = true;
      return [this.#remark('unreadable', frame)];
    }
    const parties = { matchId: this.match.id, own: this.#own, peer: this.match.peer.handle };
    try {
      this.#session = await this.#room.mls.join(parties, ciphertext);
    } catch {
      this.broken = true;
    }
    return [];
  }

  #certificate(content: Content | undefined): void {
    if (content?.type !== 'dtls' || typeof content.fingerprint !== 'string' || !this.#link) return;
    if (!this.#link.certificate(content.fingerprint)) {
      this.#link.hear({ type: 'error', code: 'another_certificate' });
    }
  }

  async #shownOf(opened: Opened, ciphertext: Bytes, frame: MessageNew): Promise<Stored> {
    const { type, text } = opened.content;
    if (type !== 'text' || typeof text !== 'string') return this.#remark('unknown', frame);
    const { match_id, seq, sent_at, frank } = frame;
    if (frank) {
      const vouched = { match_id, seq, sent_at, frank };
      const evidence = await evidenceOf(opened, ciphertext, vouched);
      this.#evidence = [...this.#evidence, { evidence, text }].slice(-KEPT_EVIDENCE);
    }
    return { from: 'peer', key: `p${seq}`, seq, text, at: sent_at };
  }

  #remark(kind: Remark['kind'], { seq, sent_at }: MessageNew): Stored {
    return { from: 'system', key: `${kind === 'missing' ? 'm' : 'p'}${seq}`, kind, at: sent_at };
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
      if (!this.ended) this.#say('message.ack', this.#peerSeq);
    }, ACK_MS);
  }

  #say(type: 'message.ack' | 'message.read', seq: number): void {
    if (seq > 0) this.#room.send({ type, match_id: this.match.id, seq });
  }

  markRead(): void {
    this.unread = 0;
    if (this.ended || !this.match.this_device || this.#readSeq >= this.#peerSeq) return;
    this.#readSeq = this.#peerSeq;
    this.#say('message.read', this.#readSeq);
    void this.#exclusive(() => this.#save());
  }

  /** The line between what was read and what is new is drawn anew when the chat is opened. */
  opened(): void {
    const first = this.messages.find(
      (message) => message.from === 'peer' && message.seq > this.#readSeq,
    );
    this.firstUnread = first?.key ?? null;
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
  take(match: Match): void {
    const before = this.ended;
    this.match = match;
    if (!this.ended || before) return;
    this.online = this.typing = false;
    this.#leaving = false;
    for (const timer of [this.#ack, this.#drafted, this.#typed]) clearTimeout(timer);
    this.#failAll();
    void this.#exclusive(async () => {
      this.#session = null;
      await this.#room.store.remove(this.#path(''));
      await this.#saveEvidence();
    });
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
    if (this.ended || !this.match.this_device) return;
    const records: Record<string, unknown> = { [this.#path('chat')]: this.#stored() };
    for (const key of keys) {
      const message = key && this.messages.findLast((one) => one.key === key);
      if (message) records[this.#path(`m/${key}`)] = $state.snapshot(message);
    }
    if (this.#evidence.length) records[`evidence/${this.match.id}`] = this.#evidenceRecord();
    await this.#room.store.write({ ...records, ...this.#room.packagesRecord() });
  }

  async #saveEvidence(): Promise<void> {
    if (!this.#evidence.length) return;
    await this.#room.store.write({ [`evidence/${this.match.id}`]: this.#evidenceRecord() });
  }

  #evidenceRecord(): { at: number; kept: KeptEvidence[] } {
    return { at: Date.now(), kept: this.#evidence };
  }

  #stored(): StoredChat {
    return {
      match: this.match,
      own: this.#own,
      session: this.#session?.stored() ?? null,
      broken: this.broken,
      sent: this.#sent,
      sealed: this.#sealed,
      queue: [...this.#queue],
      peerSeq: this.#peerSeq,
      readSeq: this.#readSeq,
      delivered: this.#delivered,
      read: this.#read,
      leaving: this.#leaving,
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

async function sealed(session: Session, content: Content): Promise<{ ciphertext: Bytes; tag: Bytes }> {
  const { ciphertext, tag } = await session.seal(content);
  return { ciphertext, tag };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
