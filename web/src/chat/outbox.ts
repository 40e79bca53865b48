// The way of one's own messages to the server: encrypted one after the other, on the disk before
// they leave, and sent until they are accepted.

import type { OwnMessage } from '../app/model.ts';
import { toBase64 } from '../e2ee/bytes.ts';
import type { Content, Session } from '../e2ee/session.ts';
import type { ClientFrame, ServerFrame } from '../net/frames.d.ts';
import type { SealedMessage, StoredOutbox, Unsealed } from './kept.ts';

/** What the outbox needs of its chat. */
export interface OutboxChat {
  readonly matchId: string;
  readonly session: Session | null;
  /** It is over, or its encryption is broken. */
  readonly closed: boolean;
  ask(frame: ClientFrame): Promise<ServerFrame>;
  online(): Promise<void>;
  message(key: string): OwnMessage | undefined;
  accepted(message: OwnMessage, seq: number, sentAt: string): void;
  /** The first message was refused, so there never is an encryption. */
  setUpRefused(): void;
  /** The server knows the match no more: nothing that waits will ever go. */
  gone(): void;
  exclusive<T>(step: () => Promise<T>): Promise<T>;
  save(...keys: (string | undefined)[]): Promise<void>;
}

const RETRY_MS = 2_000;

export class Outbox {
  readonly #chat: OutboxChat;
  #sent = 0;
  #sealed: SealedMessage | null = null;
  #queue: Unsealed[] = [];
  #sending = false;
  /** What was sealed last is not on the disk: it must not leave. */
  #unsaved = false;
  /** Those who wait until a certificate was accepted. */
  #told: (() => void)[] = [];

  constructor(chat: OutboxChat) {
    this.#chat = chat;
  }

  /** Something was sent, or is about to be. */
  get begun(): boolean {
    return this.#sent > 0 || this.#sealed !== null;
  }

  stored(): StoredOutbox {
    return { sent: this.#sent, sealed: this.#sealed, queue: [...this.#queue] };
  }

  restore({ sent, sealed, queue }: StoredOutbox): void {
    this.#sent = sent;
    this.#sealed = sealed;
    this.#queue = queue;
  }

  /** The first message of the offerer. Only while it is this one's turn: see `exclusive`. */
  async welcome(ciphertext: SealedMessage['ciphertext']): Promise<void> {
    this.#sealed = { seq: 1, kind: 'handshake', ciphertext, welcome: true };
    await this.#saveSealed();
  }

  text(key: string): void {
    this.#queue.push({ kind: 'text', key });
  }

  /** Resolves when the server has it. */
  certificate(fingerprint: string): Promise<void> {
    this.#queue.push({ kind: 'certificate', fingerprint });
    return new Promise((resolve) => this.#told.push(resolve));
  }

  clear(): void {
    this.#queue = [];
    this.#sealed = null;
  }

  /** Sends what waits, one after the other, as long as there is something. */
  async pump(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    const chat = this.#chat;
    try {
      while (!chat.closed) {
        if (!this.#sealed && !(await chat.exclusive(() => this.#sealNext()))) return;
        if (this.#unsaved) {
          await pause(RETRY_MS);
          await chat.exclusive(() => this.#saveSealed());
          continue;
        }
        await chat.online();
        if (chat.closed) return;
        if (!this.#sealed) continue;
        const { seq, kind, ciphertext, tag } = this.#sealed;
        const answer = await chat.ask({
          type: 'message.send',
          match_id: chat.matchId,
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
    const { session } = this.#chat;
    if (!entry || !session) return false;
    const seq = this.#sent + 1;
    try {
      if (entry.kind === 'certificate') {
        const content = { type: 'dtls', fingerprint: entry.fingerprint };
        const ciphertext = await session.sealHandshake(content);
        this.#sealed = { seq, kind: 'handshake', ciphertext };
      } else {
        const message = this.#chat.message(entry.key);
        if (message) {
          const content: Content = { type: 'text', text: message.text };
          const { ciphertext, tag } = await session.seal(content);
          this.#sealed = { seq, kind: 'content', key: entry.key, ciphertext, tag };
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
      await this.#chat.save(this.#sealed?.key);
      this.#unsaved = false;
    } catch {
      // The disk is full, or the browser took it away. It is tried again.
    }
  }

  async #answered(answer: ServerFrame): Promise<void> {
    const pending = this.#sealed;
    if (!pending) return;
    if (answer.type === 'message.accepted') {
      await this.#accepted(pending, answer.sent_at);
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
        return this.#chat.exclusive(async () => {
          this.#sealed = null;
          if (pending.key) this.#failed(pending.key);
          else if (pending.welcome) this.#chat.setUpRefused();
          await this.#chat.save(pending.key);
        });
      case 'match_ended':
      case 'not_found':
      case 'wrong_device':
        return this.#chat.gone();
      case 'connection_lost':
        return;
      default:
        await pause(answer.retry_after_ms ?? RETRY_MS);
    }
  }

  async #accepted(pending: SealedMessage, sentAt: string): Promise<void> {
    await this.#chat.exclusive(async () => {
      this.#sent = pending.seq;
      this.#sealed = null;
      const message = pending.key && this.#chat.message(pending.key);
      if (message) this.#chat.accepted(message, pending.seq, sentAt);
      await this.#chat.save(pending.key);
    });
    if (pending.kind === 'handshake' && !pending.welcome) this.#told.shift()?.();
  }

  #failed(key: string): void {
    const message = this.#chat.message(key);
    if (message) message.state = 'failed';
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
