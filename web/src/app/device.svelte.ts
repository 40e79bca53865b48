// This device: who is signed in, its line to the server, its search and its chats. What the screens
// see of it is `Model`.

import { Conversation, type KeptEvidence, type StoredChat } from '../chat/conversation.svelte.ts';
import { Past } from '../chat/past.svelte.ts';
import { holdDevice, SealedStore } from '../e2ee/store.ts';
import { Searching } from '../find/search.svelte.ts';
import { wishes } from '../find/wishes.svelte.ts';
import { Connection, type Ended } from '../net/connection.ts';
import type {
  Ad, Match, MatchFind, Notification, Quota, ServerFrame, User, Welcome,
} from '../net/frames.d.ts';
import { Problem, Rest, type Meta, type Tokens } from '../net/rest.ts';
import { type StoredTokens, TokenKeeper } from '../net/tokens.ts';
import { thisDevice } from '../welcome/this-device.ts';
import { Keys } from './keys.ts';
import type { Ban, Chat, Line, Model, Phase, Search, SearchEnd } from './model.ts';

const ACCOUNT = 'device/account';
const FORGOTTEN = 'device/forgotten';
const EVIDENCE_KEPT_MS = 7 * 24 * 3600_000;
const META_KEPT = 'meta';
const VERSION = '0.1.0';
const MOST_RESUMED = 200;
const MOST_FORGOTTEN = 500;

interface StoredAccount {
  user: User;
  tokens: StoredTokens;
}

type Kept = { chat: StoredChat; messages: Conversation['messages']; evidence: KeptEvidence[] };

export class Device implements Model {
  phase: Phase = $state('starting');
  line: Line = $state('connecting');
  ad: { matchId: string | null; ad: Ad } | null = $state.raw(null);
  ban: Ban | null = $state.raw(null);
  found: string | null = $state(null);
  unreadNotifications = $state(0);
  news: Notification | null = $state.raw(null);

  readonly rest: Rest;

  #meta: Meta | null = $state.raw(null);
  #me: User | null = $state.raw(null);
  #quota: Quota | null = $state.raw(null);
  #chats: Conversation[] = $state([]);
  readonly #open = new Rest({
    access: { token: async () => null, renewed: async () => null },
    refused: (problem) => this.#refused(problem),
  });
  readonly #searching = new Searching({
    ask: (frame) => this.#connection!.ask(frame),
    keys: () => this.#keys!.fill(),
  });
  readonly #past = new Past({
    page: (cursor) => this.rest.get('/v1/matches', { query: { cursor } as never }),
    add: (match) => this.#addPast(match),
  });
  #store: SealedStore | null = null;
  #keeper: TokenKeeper | null = null;
  #keys: Keys | null = null;
  #connection: Connection | null = null;
  #forgotten = new Set<string>();
  /** Milliseconds that the clock of the server is ahead of this one. */
  #ahead = 0;
  #lastEnded: string | null = null;
  #typedAt = new Map<string, number>();

  constructor() {
    this.rest = new Rest({
      access: {
        token: async () => (this.#keeper ? this.#keeper.get() : null),
        renewed: async (spent) => this.#keeper?.renew(spent).catch(() => null) ?? null,
      },
      refused: (problem) => this.#refused(problem),
    });
    void this.#start(false);
  }

  get meta(): Meta {
    if (!this.#meta) throw new Error('nothing is known yet');
    return this.#meta;
  }

  get me(): User {
    if (!this.#me) throw new Error('nobody is signed in');
    return this.#me;
  }

  get quota(): Quota {
    return this.#quota ?? this.me.quota;
  }

  get search(): Search | null {
    return this.#searching.current;
  }

  get searchEnd(): SearchEnd | null {
    return this.#searching.end;
  }

  /** Running ones first, each by its newest message. */
  chats: readonly Chat[] = $derived.by(() => {
    const last = (chat: Conversation): string =>
      chat.ended ? (chat.match.ended_at ?? '') : (chat.messages.at(-1)?.at ?? chat.match.created_at);
    return [...this.#chats].sort((a, b) =>
      Number(a.ended) - Number(b.ended) || last(b).localeCompare(last(a)));
  });

  // ——— Starting and ending

  async #start(steal: boolean): Promise<void> {
    try {
      await this.#learn();
      if (this.phase === 'outdated') return;
      if (!(await holdDevice(() => this.#lostDevice(), steal))) {
        this.phase = 'elsewhere';
        return;
      }
      this.#store = await SealedStore.open();
      const kept = (await this.#store.read<StoredAccount>(ACCOUNT)).get(ACCOUNT);
      if (!kept) {
        this.phase = 'welcome';
        return;
      }
      await this.#enter(kept);
    } catch {
      // What is kept here cannot be read, so it is of no use to anybody: begin anew.
      await this.#erase();
    }
  }

  /** What the server says before anybody signs in; without a line, what it said last. */
  async #learn(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        this.#meta = await this.#open.get('/v1/meta');
        localStorage.setItem(META_KEPT, JSON.stringify(this.#meta));
        break;
      } catch {
        const kept = localStorage.getItem(META_KEPT);
        if (kept) {
          this.#meta = JSON.parse(kept) as Meta;
          break;
        }
        this.line = 'offline';
        await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** tries, 10_000)));
      }
    }
    const least = this.#meta?.minimum_client_version;
    if (least && older(VERSION, least)) this.phase = 'outdated';
  }

  #lostDevice(): void {
    this.#connection?.close();
    this.#store?.close();
    this.#store = null;
    this.#chats = [];
    this.phase = 'elsewhere';
  }

  async takeOver(): Promise<void> {
    this.phase = 'starting';
    await this.#start(true);
  }

  async enter(user: User, tokens: Tokens): Promise<void> {
    this.#store ??= await SealedStore.open();
    const account = { user, tokens: { tokens } };
    await this.#store.write({ [ACCOUNT]: account });
    await this.#enter(account);
  }

  async #enter({ user, tokens }: StoredAccount): Promise<void> {
    const store = this.#store!;
    this.#me = user;
    this.#quota = user.quota;
    this.#keeper = new TokenKeeper(tokens, {
      refresh: async (refresh_token, key) =>
        (await this.#open.post('/v1/auth/refresh', { refresh_token }, { key })).tokens,
      save: (stored) => store.write({ [ACCOUNT]: { user: this.#me ?? user, tokens: stored } }),
      serverNow: () => Date.now() + this.#ahead,
      gone: () => void this.#erase(),
    });
    this.#keys = await Keys.load(store, (body) => this.rest.put('/v1/keys', body));
    await this.#recall();
    this.phase = 'in';
    this.#connect();
  }

  /** The chats as this device left them. */
  async #recall(): Promise<void> {
    const store = this.#store!;
    const forgotten = (await store.read<string[]>(FORGOTTEN)).get(FORGOTTEN);
    this.#forgotten = new Set(forgotten);
    const evidence = await store.read<{ at: number; kept: KeptEvidence[] }>('evidence/');
    const stale = [...evidence].filter(([, { at }]) => Date.now() - at > EVIDENCE_KEPT_MS);
    if (stale.length) await store.write(Object.fromEntries(stale.map(([name]) => [name, undefined])));
    const chats = new Map<string, Kept>();
    for (const [name, value] of await store.read<unknown>('match/')) {
      const [, id = '', what] = name.split('/');
      const kept = chats.get(id) ?? { chat: null!, messages: [], evidence: [] };
      chats.set(id, kept);
      if (what === 'chat') kept.chat = value as StoredChat;
      else if (what === 'm') kept.messages.push(value as Conversation['messages'][number]);
    }
    for (const [id, kept] of chats) {
      if (!kept.chat) continue;
      kept.evidence = evidence.get(`evidence/${id}`)?.kept ?? [];
      kept.messages.sort((a, b) => a.at.localeCompare(b.at));
      this.#chats.push(new Conversation(this.#room(), kept.chat.match, kept));
    }
  }

  async signOut(): Promise<void> {
    // It is over here, whether or not the server hears of it now.
    await this.rest.post('/v1/auth/logout', undefined).catch(() => undefined);
    await this.#erase();
  }

  banish(ban: Ban): void {
    this.ban = ban;
    void this.#erase('banned');
  }

  /** Nothing of who was here stays. */
  async #erase(phase: Phase = 'welcome'): Promise<void> {
    this.#keeper?.drop();
    this.#connection?.close();
    this.#store?.close();
    this.#keeper = this.#connection = this.#keys = this.#store = null;
    this.#searching.found();
    this.#past.forget();
    wishes.forget();
    await SealedStore.erase().catch(() => undefined);
    this.phase = phase;
    this.#chats = [];
    this.#me = this.#quota = this.ad = this.news = null;
    this.unreadNotifications = 0;
    this.#store = await SealedStore.open().catch(() => null);
  }

  #refused({ code, ban, appealToken }: Problem): void {
    if (code === 'consent_required') this.phase = 'consent';
    else if (code === 'banned' && this.#me) {
      const known = ban ?? { reason: '', until: null, appealable: false };
      this.banish({ ...known, until: known.until ?? null, appealToken });
    }
  }

  consented(): void {
    this.phase = 'in';
    this.#connect();
  }

  // ——— The line

  #connect(): void {
    this.#connection?.close();
    const { protocol, host } = location;
    const connection = new Connection({
      url: `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/v1/ws`,
      token: () => this.#keeper!.get(),
      renewed: (spent) => this.#keeper!.renew(spent),
      tokenLasts: () => this.#keeper!.remainingMs,
      hello: () => ({
        device: thisDevice(),
        resume: this.#chats
          .filter(({ ended, match }) => !ended && match.this_device)
          .slice(-MOST_RESUMED)
          .map(({ match, peerSeq }) => ({ match_id: match.id, peer_seq: peerSeq })),
      }),
      frame: (frame) => this.#hear(frame),
      state: (state) => {
        this.line = state;
        if (state !== 'online') this.#searching.lostLine();
      },
      ended: (why) => this.#ended(why),
    });
    this.#connection = connection;
    addEventListener('online', () => void connection.open());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) connection.woke();
    });
    void connection.open();
  }

  #ended(why: Ended): void {
    switch (why) {
      case 'session':
        void this.#erase();
        break;
      case 'banned':
        this.banish({ reason: '', until: null, appealable: false, appealToken: null });
        break;
      case 'consent':
        this.phase = 'consent';
        break;
      case 'replaced':
        this.phase = 'elsewhere';
        break;
      case 'outdated':
        this.phase = 'outdated';
        break;
      case 'closed':
    }
  }

  #room(): ConstructorParameters<typeof Conversation>[0] {
    const device = this;
    return {
      store: this.#store!,
      mls: this.#keys!.mls,
      handle: this.me.handle,
      ask: (frame) => device.#connection!.ask(frame),
      send: (frame) => device.#connection?.send(frame) ?? false,
      online: () => device.#connection?.online() ?? new Promise(() => undefined),
      packagesRecord: () => device.#keys?.record() ?? {},
    };
  }

  async #hear(frame: ServerFrame): Promise<void> {
    switch (frame.type) {
      case 'welcome':
        return this.#welcomed(frame);
      case 'match.found': {
        this.#quota = frame.quota;
        // The server repeats it as long as nothing was said in the match.
        const known = this.#chat(frame.match.id) !== undefined;
        const chat = this.#chatOf(frame.match);
        if (frame.match.this_device && !known) {
          this.#searching.found();
          this.found = frame.match.id;
        }
        chat.begin(frame.peer_key_package);
        if (typeof frame.keys_remaining === 'number') void this.#keys?.remain(frame.keys_remaining);
        return;
      }
      case 'match.cancelled':
        return this.#searching.cancelled(frame.ticket_id, frame.reason);
      case 'match.ended':
        this.#lastEnded = frame.match_id;
        return this.#chat(frame.match_id)?.end(frame);
      case 'message.new':
        return this.#chat(frame.match_id)?.hear(frame);
      case 'message.delivered':
      case 'message.read': {
        const kind = frame.type === 'message.read' ? 'read' : 'delivered';
        return this.#chat(frame.match_id)?.receipt(kind, frame.seq);
      }
      case 'typing':
        return this.#chat(frame.match_id)?.peerTypes(frame.on);
      case 'peer.presence':
        return this.#chat(frame.match_id)?.presence(frame.online);
      case 'rtc.description':
      case 'rtc.candidate':
      case 'rtc.state':
        return this.#chat(frame.match_id)?.signal(frame);
      case 'notification':
        this.unreadNotifications += 1;
        this.news = frame.notification;
        return this.#decided(frame.notification);
      case 'notification.read':
        this.unreadNotifications = frame.unread;
        return;
      case 'ad':
        this.ad = { matchId: this.#lastEnded, ad: frame.ad };
        return;
      case 'quota':
        this.#quota = frame.quota;
        return;
      case 'error':
        if (!('re' in frame)) this.#searching.failed(frame.code);
        return;
    }
  }

  async #welcomed(welcome: Welcome): Promise<void> {
    this.#ahead = Date.parse(welcome.server_time) - Date.now();
    this.setMe(welcome.user);
    this.#quota = welcome.quota;
    this.unreadNotifications = welcome.unread_notifications ?? 0;
    // What a search became while the line was lost.
    const made = welcome.matches.find(({ id, this_device }) => this_device && !this.#chat(id));
    if (made && this.#searching.current && !welcome.search) {
      this.#searching.found();
      this.found = made.id;
    }
    for (const match of welcome.matches) this.#chatOf(match).welcomed(match);
    const active = new Set(welcome.matches.map(({ id }) => id));
    for (const chat of this.#chats) {
      if (chat.leaving && !chat.ended) this.#tellLeft(chat);
      // Of those with a resume point the server tells the end; of the others it has to be asked.
      else if (!chat.ended && !active.has(chat.match.id) && !chat.match.this_device) {
        void this.#lookAfter(chat);
      }
    }
    this.#searching.welcomed(welcome.search);
    await this.#keys?.remain(welcome.keys_remaining);
    // Some that ended lately can be claimed.
    void this.#past.newest().catch(() => undefined);
  }

  /** Of a claim: the match says what became of it. */
  #decided({ data }: Notification): void {
    if (data.code !== 'claim_approved' && data.code !== 'claim_rejected') return;
    const chat = this.#chat(data.match_id);
    if (chat) void this.#lookAfter(chat);
  }

  async #lookAfter(chat: Conversation): Promise<void> {
    const path = { id: chat.match.id };
    const match = await this.rest.get('/v1/matches/{id}', { path }).catch(() => null);
    if (match) chat.take(match);
  }

  #addPast(match: Match): boolean {
    if (match.status === 'active' || this.#forgotten.has(match.id)) return false;
    const chat = this.#chat(match.id);
    if (chat) chat.take(match);
    else this.#chats.push(new Conversation(this.#room(), match));
    return !chat;
  }

  #chat(id: string): Conversation | undefined {
    return this.#chats.find(({ match }) => match.id === id);
  }

  #chatOf(match: Match): Conversation {
    const known = this.#chat(match.id);
    if (known) return known;
    this.#chats.push(new Conversation(this.#room(), match));
    return this.#chat(match.id)!;
  }

  // ——— What the screens do

  setMe(user: User): void {
    this.#me = user;
    this.#quota = user.quota;
    if (this.#keeper) {
      const tokens = this.#keeper.stored;
      void this.#store?.write({ [ACCOUNT]: { user, tokens } }).catch(() => undefined);
    }
  }

  setQuota(quota: Quota): void {
    this.#quota = quota;
  }

  setUnreadNotifications(unread: number): void {
    this.unreadNotifications = unread;
  }

  chat(matchId: string): Chat | undefined {
    return this.#chat(matchId);
  }

  get moreChats(): boolean {
    return this.#past.more;
  }

  loadMoreChats(): Promise<void> {
    return this.#past.earlier();
  }

  find(wishes: MatchFind): void {
    this.ad = this.found = null;
    this.#searching.find(wishes);
  }

  cancelSearch(): void {
    this.#searching.cancel();
  }

  dismissSearchEnd(): void {
    this.#searching.end = null;
  }

  send(matchId: string, text: string): void {
    const said = text.trim();
    if (said) this.#chat(matchId)?.say(said);
  }

  retry(matchId: string, key: string): void {
    this.#chat(matchId)?.again(key);
  }

  discard(matchId: string, key: string): void {
    this.#chat(matchId)?.discard(key);
  }

  setDraft(matchId: string, text: string): void {
    this.#chat(matchId)?.setDraft(text);
  }

  /** Said at most every three seconds while it is so, and once when it ends. */
  setTyping(matchId: string, on: boolean): void {
    const last = this.#typedAt.get(matchId) ?? 0;
    if (on ? Date.now() - last < 3_000 : last === 0) return;
    if (on) this.#typedAt.set(matchId, Date.now());
    else this.#typedAt.delete(matchId);
    this.#connection?.send({ type: 'typing', match_id: matchId, on });
  }

  markRead(matchId: string): void {
    this.#chat(matchId)?.markRead();
  }

  leave(matchId: string): void {
    const chat = this.#chat(matchId);
    if (!chat || chat.ended) return;
    void chat.leave().then(() => this.#tellLeft(chat));
  }

  #tellLeft(chat: Conversation): void {
    const match_id = chat.match.id;
    void this.#connection?.ask({ type: 'match.leave', match_id }).then((answer) => {
      if (answer.type === 'match.ended') chat.end(answer);
    });
  }

  async forget(matchId: string): Promise<void> {
    const chat = this.#chat(matchId);
    if (!chat?.ended) return;
    this.#chats.splice(this.#chats.indexOf(chat), 1);
    this.#forgotten.add(matchId);
    const forgotten = [...this.#forgotten].slice(-MOST_FORGOTTEN);
    await this.#store?.write({ [FORGOTTEN]: forgotten, [`evidence/${matchId}`]: undefined });
  }

  async safetyNumber(matchId: string): Promise<string> {
    const chat = this.#chat(matchId);
    if (!chat) throw new Error('no such chat');
    return chat.safetyNumber();
  }

  async evidence(matchId: string): Promise<KeptEvidence[]> {
    const here = this.#chat(matchId)?.evidence;
    if (here?.length) return [...here];
    // It outlives the chat: a match can be reported for days after its end.
    const name = `evidence/${matchId}`;
    const kept = await this.#store?.read<{ at: number; kept: KeptEvidence[] }>(name);
    return kept?.get(name)?.kept ?? [];
  }

  setMatch(match: Match, by?: 'self'): void {
    this.#chat(match.id)?.take(match, by);
  }

  dismissAd(): void {
    this.ad = null;
  }

  dismissNews(): void {
    this.news = null;
  }
}

/** Whether `version` comes before `least`, as numbers between dots. */
function older(version: string, least: string): boolean {
  const [a, b] = [version, least].map((one) => one.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) < (b[i] ?? 0);
  }
  return false;
}
