// This device: who is signed in, its line to the server, its search and its chats. What the screens
// see of it is `Model`.

import { Chats } from '../chat/chats.svelte.ts';
import type { Room } from '../chat/conversation.svelte.ts';
import type { KeptEvidence } from '../chat/kept.ts';
import { type How, Leaving } from '../chat/leaving.ts';
import { holdDevice, SealedStore, Unreadable } from '../e2ee/store.ts';
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
import { learn } from './meta.ts';
import type { Ban, Chat, Line, Model, Phase, Search, SearchEnd } from './model.ts';
import { older } from './version.ts';

const ACCOUNT = 'device/account';
const VERSION = '0.1.0';

/** A line that was silent for longer is not trusted when the network changed. */
const TRUSTED_MS = 5_000;

interface StoredAccount {
  user: User;
  tokens: StoredTokens;
  /** See `#ahead`. */
  ahead: number;
}

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
  readonly #open = new Rest({
    access: { token: async () => null, renewed: async () => null },
    refused: (problem) => this.#refused(problem),
  });
  readonly #searching = new Searching({
    ask: (frame) => this.#connection!.ask(frame),
    keys: () => this.#keys!.fill(),
  });
  readonly #chats = new Chats({
    store: () => this.#store,
    room: () => this.#room(),
    page: (cursor) => this.rest.get('/v1/matches', { query: { cursor } as never }),
    match: (id) => this.rest.get('/v1/matches/{id}', { path: { id } }),
    tellLeft: (chat) => void this.#leaving.tell(chat),
  });
  readonly #leaving = new Leaving({
    ask: (frame) => this.#connection?.ask(frame) ?? null,
    lookAfter: (matchId) => this.#chats.lookAfter(matchId),
  });
  #store: SealedStore | null = null;
  #keeper: TokenKeeper | null = null;
  #keys: Keys | null = null;
  #connection: Connection | null = null;
  /** Milliseconds that the clock of the server is ahead of this one. */
  #ahead = 0;
  #typedAt = new Map<string, number>();
  /** The newest hold of the device. */
  #hold: symbol | null = null;

  constructor() {
    this.rest = new Rest({
      access: {
        token: async () => (this.#keeper ? this.#keeper.get() : null),
        renewed: async (spent) => this.#keeper?.renew(spent).catch(() => null) ?? null,
      },
      refused: (problem) => this.#refused(problem),
    });
    addEventListener('online', () => this.#connection?.woke(TRUSTED_MS));
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#connection?.woke();
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

  get chats(): readonly Chat[] {
    return this.#chats.sorted;
  }

  // ——— Starting and ending

  async #start(steal: boolean): Promise<void> {
    try {
      this.#meta = await learn(this.#open, () => (this.line = 'offline'));
      const least = this.#meta.minimum_client_version;
      if (least && older(VERSION, least)) return void (this.phase = 'outdated');
      // Taken over from itself, it hears of the earlier hold's end, too.
      const hold = (this.#hold = Symbol('hold'));
      const held = await holdDevice(() => hold === this.#hold && this.#lostDevice(), steal);
      if (!held) return void (this.phase = 'elsewhere');
      if (hold !== this.#hold) return;
      const store = await this.#openStore();
      // Another tab took it meanwhile.
      if (hold !== this.#hold) return store.close();
      this.#store = store;
      const kept = (await this.#store.read<StoredAccount>(ACCOUNT)).get(ACCOUNT);
      if (!kept) return void (this.phase = 'welcome');
      await this.#enter(kept);
    } catch (error) {
      // What cannot be read is of no use to anybody: begin anew. Of anything else the next try may know better.
      if (error instanceof Unreadable) await this.#erase();
      else this.phase = 'stuck';
    }
  }

  #openStore(): Promise<SealedStore> {
    return SealedStore.open(() => this.#lostDevice());
  }

  #lostDevice(): void {
    this.#hold = null;
    this.#keeper?.drop();
    this.#connection?.close();
    this.#store?.close();
    this.#store = null;
    this.#chats.drop();
    this.phase = 'elsewhere';
  }

  async takeOver(): Promise<void> {
    this.phase = 'starting';
    await this.#start(true);
  }

  async enter(user: User, tokens: Tokens): Promise<void> {
    this.#store ??= await this.#openStore();
    const account = { user, tokens: { tokens }, ahead: this.#ahead };
    await this.#store.write({ [ACCOUNT]: account });
    await this.#enter(account);
  }

  async #enter({ user, tokens, ahead }: StoredAccount): Promise<void> {
    const store = this.#store!;
    this.#ahead = ahead;
    this.#me = user;
    this.#quota = user.quota;
    this.#keeper = new TokenKeeper(tokens, {
      refresh: async (refresh_token, key) =>
        (await this.#open.post('/v1/auth/refresh', { refresh_token }, { key })).tokens,
      save: (stored) => store.write(this.#account(this.#me ?? user, stored)),
      serverNow: () => this.#now(),
      gone: () => void this.#erase(),
    });
    this.#keys = await Keys.load(store, (body) => this.rest.put('/v1/keys', body));
    await this.#chats.recall(store, this.#now());
    if (this.#store !== store) return;
    this.phase = 'in';
    this.#connect();
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
    wishes.forget();
    await SealedStore.erase().catch(() => undefined);
    this.phase = phase;
    this.#chats.drop();
    this.#me = this.#quota = this.ad = this.news = null;
    this.unreadNotifications = 0;
    this.#store = await this.#openStore().catch(() => null);
  }

  #refused({ code, ban, appealToken }: Problem): void {
    if (code === 'consent_required') void this.#askConsent();
    else if (code === 'banned' && this.#me) {
      const known = ban ?? { reason: '', until: null, appealable: false };
      this.banish({ ...known, until: known.until ?? null, appealToken });
    }
  }

  /** The terms are newer than those that this page began with. */
  async #askConsent(): Promise<void> {
    if (this.phase === 'consent') return;
    this.phase = 'consent';
    this.#meta = await this.#open.get('/v1/meta').catch(() => this.#meta);
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
        resume: this.#chats.resume(),
      }),
      frame: (frame) => this.#hear(frame),
      state: (state) => {
        this.line = state;
        if (state !== 'online') this.#searching.lostLine();
      },
      ended: (why) => this.#ended(why),
    });
    this.#connection = connection;
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
        void this.#askConsent();
        break;
      case 'replaced':
        this.#lostDevice();
        break;
      case 'outdated':
        this.phase = 'outdated';
        break;
      case 'closed':
    }
  }

  #room(): Room {
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
        const known = this.#chats.of(frame.match.id) !== undefined;
        const chat = this.#chats.begin(frame.match);
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
        return this.#chats.of(frame.match_id)?.end(frame);
      case 'message.new':
        return this.#chats.of(frame.match_id)?.hear(frame);
      case 'message.delivered':
        return this.#chats.of(frame.match_id)?.receipt('delivered', frame.seq);
      case 'message.read':
        return this.#chats.of(frame.match_id)?.receipt('read', frame.seq);
      case 'typing':
        return this.#chats.of(frame.match_id)?.peerTypes(frame.on);
      case 'peer.presence':
        return this.#chats.of(frame.match_id)?.presence(frame.online);
      case 'rtc.description':
      case 'rtc.candidate':
      case 'rtc.state':
        return this.#chats.of(frame.match_id)?.signal(frame);
      case 'notification':
        this.unreadNotifications += 1;
        this.news = frame.notification;
        return this.#decided(frame.notification);
      case 'notification.read':
        this.unreadNotifications = frame.unread;
        return;
      case 'ad':
        // It is for the match that ended last.
        this.ad = { matchId: this.#chats.lastEnded, ad: frame.ad };
        return;
      case 'quota':
        this.#quota = frame.quota;
        return;
      case 'error':
        if ('re' in frame) return;
        this.#searching.failed(frame.code);
        if (frame.retry_after_ms) setTimeout(() => this.#chats.tellPositions(), frame.retry_after_ms);
        return;
    }
  }

  async #welcomed(welcome: Welcome): Promise<void> {
    this.#ahead = Date.parse(welcome.server_time) - Date.now();
    this.setMe(welcome.user);
    this.#quota = welcome.quota;
    this.unreadNotifications = welcome.unread_notifications ?? 0;
    // What a search became while the line was lost.
    const made = welcome.matches.find(({ id, this_device }) => this_device && !this.#chats.of(id));
    if (made && this.#searching.current && !welcome.search) {
      this.#searching.found();
      this.found = made.id;
    }
    this.#chats.welcomed(welcome);
    this.#searching.welcomed(welcome.search);
    void this.#keys?.remain(welcome.keys_remaining);
    // Some that ended lately can be claimed.
    void this.#chats.newest().catch(() => undefined);
  }

  async #decided({ data }: Notification): Promise<void> {
    // The next match is made under the new name, and its messages have to say it.
    if (data.code === 'renamed') return void this.setMe(await this.rest.get('/v1/me'));
    // Of a claim the match says what became of it.
    if (data.code !== 'claim_approved' && data.code !== 'claim_rejected') return;
    void this.#chats.lookAfter(data.match_id);
  }

  // ——— What the screens do

  setMe(user: User): void {
    this.#me = user;
    this.#quota = user.quota;
    if (this.#keeper) {
      const tokens = this.#keeper.stored;
      void this.#store?.write(this.#account(user, tokens)).catch(() => undefined);
    }
  }

  #account(user: User, tokens: StoredTokens): Record<string, StoredAccount> {
    return { [ACCOUNT]: { user, tokens, ahead: this.#ahead } };
  }

  /** By the clock of the server. */
  #now(): number {
    return Date.now() + this.#ahead;
  }

  setQuota(quota: Quota): void {
    this.#quota = quota;
  }

  setUnreadNotifications(unread: number): void {
    this.unreadNotifications = unread;
  }

  chat(matchId: string): Chat | undefined {
    return this.#chats.of(matchId);
  }

  get moreChats(): boolean {
    return this.#chats.more;
  }

  loadMoreChats(): Promise<void> {
    return this.#chats.earlier();
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
    if (said) this.#chats.of(matchId)?.say(said);
  }

  retry(matchId: string, key: string): void {
    this.#chats.of(matchId)?.again(key);
  }

  discard(matchId: string, key: string): void {
    this.#chats.of(matchId)?.discard(key);
  }

  setDraft(matchId: string, text: string): void {
    this.#chats.of(matchId)?.setDraft(text);
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
    this.#chats.of(matchId)?.markRead();
  }

  leave(matchId: string, how: How = 'left'): void {
    const chat = this.#chats.of(matchId);
    if (!chat || chat.ended) return;
    // At once: a page that is being closed does not live until it is stored.
    void this.#leaving.tell(chat, how);
    void chat.leave();
  }

  forget(matchId: string): Promise<void> {
    return this.#chats.forget(matchId);
  }

  async safetyNumber(matchId: string): Promise<string> {
    const chat = this.#chats.of(matchId);
    if (!chat) throw new Error('no such chat');
    return chat.safetyNumber();
  }

  evidence(matchId: string): Promise<KeptEvidence[]> {
    return this.#chats.evidence(matchId);
  }

  setMatch(match: Match, by?: 'self'): void {
    this.#chats.of(match.id)?.take(match, by);
  }

  dismissAd(): void {
    this.ad = null;
  }

  dismissNews(): void {
    this.news = null;
  }
}
