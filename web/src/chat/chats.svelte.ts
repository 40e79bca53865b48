// The chats of this device: as it left them, as the server tells of them, and those that are over.

import type { SealedStore } from '../e2ee/store.ts';
import type { Match, Welcome } from '../net/frames.d.ts';
import { Conversation, type KeptEvidence, type Room, type StoredChat } from './conversation.svelte.ts';
import { Past, type PastRoom } from './past.svelte.ts';

const FORGOTTEN = 'device/forgotten';
const EVIDENCE_KEPT_MS = 7 * 24 * 3600_000;
const MOST_RESUMED = 200;
const MOST_FORGOTTEN = 500;

type Kept = { chat: StoredChat | null; messages: Conversation['messages']; evidence: KeptEvidence[] };
type EvidenceRecord = { at: number; kept: KeptEvidence[] };

/** What the chats need of the device they are on. */
export interface ChatsRoom {
  /** Null while nobody is signed in. */
  store(): SealedStore | null;
  /** Of a new chat. */
  room(): Room;
  /** A page of the matches that the server knows. Throws `Problem`. */
  page: PastRoom['page'];
  /** One match as the server has it now. Throws `Problem`. */
  match(id: string): Promise<Match>;
  /** Tells the server that a match was left here. */
  tellLeft(chat: Conversation): void;
}

export class Chats {
  readonly #device: ChatsRoom;
  readonly #past: Past;
  #all: Conversation[] = $state([]);
  /** Ended ones that were taken off this device. */
  #forgotten = new Set<string>();

  /** Running ones first, each by its newest message. */
  readonly sorted: readonly Conversation[] = $derived.by(() => {
    const last = (chat: Conversation): string =>
      chat.ended ? (chat.match.ended_at ?? '') : (chat.messages.at(-1)?.at ?? chat.match.created_at);
    return [...this.#all].sort((a, b) =>
      Number(a.ended) - Number(b.ended) || last(b).localeCompare(last(a)));
  });

  constructor(device: ChatsRoom) {
    this.#device = device;
    this.#past = new Past({ page: device.page, add: (match) => this.#addPast(match) });
  }

  /** The match that ended last. */
  get lastEnded(): string | null {
    return this.sorted.find(({ ended }) => ended)?.match.id ?? null;
  }

  of(matchId: string): Conversation | undefined {
    return this.#all.find(({ match }) => match.id === matchId);
  }

  /** The chat of this match, which begins here if it is not known yet. */
  begin(match: Match): Conversation {
    const known = this.of(match.id);
    if (known) return known;
    this.#all.push(new Conversation(this.#device.room(), match));
    return this.of(match.id)!;
  }

  /** From where on the server is to tell what was said. */
  resume(): { match_id: string; peer_seq: number }[] {
    return this.#all
      .filter(({ ended, match }) => !ended && match.this_device)
      .slice(-MOST_RESUMED)
      .map(({ match, peerSeq }) => ({ match_id: match.id, peer_seq: peerSeq }));
  }

  /** There is a line again: what became of each. */
  welcomed({ matches }: Pick<Welcome, 'matches'>): void {
    for (const match of matches) this.begin(match).welcomed(match);
    const active = new Set(matches.map(({ id }) => id));
    for (const chat of this.#all) {
      if (chat.leaving && !chat.ended) this.#device.tellLeft(chat);
      // Of those with a resume point the server tells the end; of the others it has to be asked.
      else if (!chat.ended && !active.has(chat.match.id) && !chat.match.this_device) {
        void this.lookAfter(chat.match.id);
      }
    }
  }

  /** A frame was refused, and the server does not say which. */
  tellPositions(): void {
    for (const chat of this.#all) chat.tellPosition();
  }

  /** Takes the match as the server has it now. */
  async lookAfter(matchId: string): Promise<void> {
    const match = await this.#device.match(matchId).catch(() => null);
    if (match) this.of(matchId)?.take(match);
  }

  // ——— Those that are over

  get more(): boolean {
    return this.#past.more;
  }

  earlier(): Promise<void> {
    return this.#past.earlier();
  }

  newest(): Promise<void> {
    return this.#past.newest();
  }

  #addPast(match: Match): boolean {
    if (match.status === 'active' || this.#forgotten.has(match.id)) return false;
    const known = this.of(match.id);
    if (known) known.take(match);
    else this.begin(match);
    return !known;
  }

  // ——— The disk

  /** As this device left them. `now`: milliseconds since 1970 by the server's clock. */
  async recall(store: SealedStore, now: number): Promise<void> {
    this.#forgotten = new Set((await store.read<string[]>(FORGOTTEN)).get(FORGOTTEN));
    const evidence = await store.read<EvidenceRecord>('evidence/');
    const stale = [...evidence].filter(([, { at }]) => Date.now() - at > EVIDENCE_KEPT_MS);
    if (stale.length) await store.write(Object.fromEntries(stale.map(([name]) => [name, undefined])));
    const chats = new Map<string, Kept>();
    for (const [name, value] of await store.read<unknown>('match/')) {
      const [, id = '', what] = name.split('/');
      const kept = chats.get(id) ?? { chat: null, messages: [], evidence: [] };
      chats.set(id, kept);
      if (what === 'chat') kept.chat = value as StoredChat;
      else if (what === 'm') kept.messages.push(value as Conversation['messages'][number]);
    }
    for (const [id, { chat, messages }] of chats) {
      if (!chat) continue;
      messages.sort((a, b) => a.at.localeCompare(b.at));
      const kept = { chat, messages, evidence: evidence.get(`evidence/${id}`)?.kept ?? [] };
      this.#all.push(new Conversation(this.#device.room(), chat.match, kept));
      // Nobody reads it any more, also where no line says so.
      const over = Date.parse(chat.match.expires_at) <= now;
      if (over) this.of(id)?.end({ status: 'expired', reason: 'expired', by: 'system' });
    }
  }

  /** Takes an ended chat off this device. */
  async forget(matchId: string): Promise<void> {
    const chat = this.of(matchId);
    if (!chat?.ended) return;
    this.#all.splice(this.#all.indexOf(chat), 1);
    this.#forgotten.add(matchId);
    const forgotten = [...this.#forgotten].slice(-MOST_FORGOTTEN);
    await this.#device.store()?.write({ [FORGOTTEN]: forgotten, [`evidence/${matchId}`]: undefined });
  }

  async evidence(matchId: string): Promise<KeptEvidence[]> {
    const here = this.of(matchId)?.evidence;
    if (here?.length) return [...here];
    // It outlives the chat: a match can be reported for days after its end.
    const name = `evidence/${matchId}`;
    return (await this.#device.store()?.read<EvidenceRecord>(name))?.get(name)?.kept ?? [];
  }

  /** Nobody is signed in any more, or another tab has the device. */
  drop(): void {
    for (const chat of this.#all) chat.drop();
    this.#all = [];
    this.#past.forget();
  }
}
