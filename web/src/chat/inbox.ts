// The way of the peer's messages from the server to the screen: in order, opened once, and what
// cannot be shown said in words.

import type { Match, Remark } from '../app/model.ts';
import { type Bytes, fromBase64 } from '../e2ee/bytes.ts';
import { evidenceOf, KEPT_EVIDENCE } from '../e2ee/evidence.ts';
import type { Content, Opened, Session } from '../e2ee/session.ts';
import type { ClientFrame, MessageNew } from '../net/frames.d.ts';
import type { KeptEvidence, Stored } from './kept.ts';

/** What the inbox needs of its chat. */
export interface InboxChat {
  readonly match: Match;
  readonly session: Session | null;
  /** Of the answerer, by the first message of the offerer. False: it cannot be set up. */
  join(welcome: Bytes): Promise<boolean>;
  /** A first message that is none: there never is an encryption. */
  broke(): void;
  certificate(content: Content | undefined): void;
  show(message: Stored): void;
  send(frame: ClientFrame): boolean;
  save(...keys: string[]): Promise<void>;
}

export class Inbox {
  readonly #chat: InboxChat;
  /** The last message of the peer that is here. */
  seq = 0;
  /** The last one that is on the disk, too: only that can be acknowledged. */
  stored = 0;
  /** Of the last messages that can be proven, oldest first. */
  evidence: KeptEvidence[] = [];
  /** The first message of a connection may follow others that never come again. */
  #fresh = true;
  /** The position from which missing messages were asked for. */
  #asked = -1;
  /** The highest number that was passed over since: what is above it was sent before the answer. */
  #passed = -1;

  constructor(chat: InboxChat) {
    this.#chat = chat;
  }

  /** There is a new connection. */
  connected(): void {
    this.#fresh = true;
    this.#asked = -1;
  }

  /** True when the message is here now, or was before: it can be acknowledged. */
  async take(frame: MessageNew): Promise<boolean> {
    if (frame.seq <= this.seq) return true;
    const answers = this.#asked === this.seq && frame.seq <= this.#passed;
    if (frame.seq > this.seq + 1 && !this.#fresh && !answers) {
      this.#asked = this.seq;
      this.#passed = frame.seq;
      const match_id = this.#chat.match.id;
      this.#chat.send({ type: 'message.sync', match_id, peer_seq: this.seq });
      return false;
    }
    const missing = frame.seq > this.seq + 1;
    this.#fresh = false;
    const shown = await this.#open(frame, missing);
    this.seq = frame.seq;
    if (missing) shown.unshift(remark('missing', frame));
    for (const message of shown) this.#chat.show(message);
    await this.#chat.save(...shown.map(({ key }) => key));
    this.stored = frame.seq;
    return true;
  }

  async #open(frame: MessageNew, missing: boolean): Promise<Stored[]> {
    const { session } = this.#chat;
    try {
      const ciphertext = fromBase64(frame.ciphertext);
      if (!session) return await this.#join(frame, ciphertext, missing);
      if (frame.kind === 'handshake') {
        this.#chat.certificate(await session.openHandshake(ciphertext));
        return [];
      }
      const tag = frame.franking_tag ? fromBase64(frame.franking_tag) : undefined;
      const opened = await session.open(ciphertext, tag);
      return opened ? [await this.#shown(opened, ciphertext, frame)] : [];
    } catch {
      return [remark('unreadable', frame)];
    }
  }

  async #join(frame: MessageNew, ciphertext: Bytes, missing: boolean): Promise<Stored[]> {
    const welcome = frame.kind === 'handshake' && frame.seq === 1 && !missing;
    if (welcome && (await this.#chat.join(ciphertext))) return [];
    this.#chat.broke();
    return welcome ? [] : [remark('unreadable', frame)];
  }

  async #shown(opened: Opened, ciphertext: Bytes, frame: MessageNew): Promise<Stored> {
    const { type, text } = opened.content;
    if (type !== 'text' || typeof text !== 'string') return remark('unknown', frame);
    const { match_id, seq, sent_at, frank } = frame;
    if (frank) {
      const vouched = { match_id, seq, sent_at, frank };
      const evidence = await evidenceOf(opened, ciphertext, vouched);
      this.evidence = [...this.evidence, { evidence, text }].slice(-KEPT_EVIDENCE);
    }
    return { from: 'peer', key: `p${seq}`, seq, text, at: sent_at };
  }
}

function remark(kind: Remark['kind'], { seq, sent_at }: MessageNew): Stored {
  return { from: 'system', key: `${kind === 'missing' ? 'm' : 'p'}${seq}`, kind, at: sent_at };
}
