// Who of the staff is signed in, and their way to the server. Tokens are kept for this tab only, and are gone
// when it is closed. What the server refuses in the middle of a page is said here in words, once for all rooms:
// a session that ended, a role that was taken away.

import { createContext, tick } from 'svelte';
import { type Access, type Problem, Rest, type Tokens } from '../net/rest.ts';
import type { Overview, User } from '../net/api.d.ts';
import { type StoredTokens, TokenKeeper } from '../net/tokens.ts';
import { Confirmation } from './confirmation.svelte.ts';

export type Role = 'moderator' | 'admin';

interface Staff {
  id: string;
  handle: string;
  role: Role;
}

/** `enrolling`: signed in, but the second factor is set up before anything else. */
type Phase = 'starting' | 'out' | 'enrolling' | 'in';

export type Parting = Pick<Rest, 'post' | 'delete'>;

/** Why the sign-in is shown, where nobody pressed "sign out". */
type Left =
  | 'ended' | 'idle' | 'not_staff' | 'role_taken' | 'banned' | 'consent' | 'elsewhere'
  /** There is a session, and no answer of the server: `resume` tries again. */
  | 'unheard';

interface Kept {
  /** Of the session in this tab, so that it can be told from a copy of it. */
  name: string;
  tokens: StoredTokens;
  ahead: number;
}

interface Options {
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  fetch?: typeof fetch;
  /** Whether this tab alone has the tokens: a tab that is duplicated takes a copy of them with it. */
  alone?: (session: string) => Promise<boolean>;
}

const KEPT = 'staff';
/** A reload lets go of the hold a moment after the new page asks. */
const HOLD_MS = 2_000;

async function holds(session: string): Promise<boolean> {
  const { locks } = navigator;
  if (!locks) return true;
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(HOLD_MS);
    // Held until the page is gone.
    locks.request(`staff ${session}`, { signal }, () => new Promise<void>(() => resolve(true)))
      .catch(() => resolve(false));
  });
}

/** While it is good it is not renewed: who goes cannot wait. */
const tokenNow = async (keeper: TokenKeeper): Promise<string> =>
  keeper.remainingMs > 0 ? keeper.stored.tokens.access_token : keeper.get();

const staffOf = ({ id, handle, role }: User): Staff | null =>
  role === 'user' ? null : { id, handle, role };

export class Session {
  phase: Phase = $state('starting');
  left: Left | null = $state(null);
  /** An admin became a moderator while the page was open: said until it is closed. */
  demoted = $state(false);
  /** The server asks a second factor of all staff, and this account has none: the rooms are closed. */
  closed = $state(false);
  /** The counts of what waits, for the navigation and the overview. */
  overview: Overview | null = $state.raw(null);
  overviewAt = $state(0);
  /** Who it is is asked again, before something that destroys; null: not now. */
  confirmation: Confirmation | null = $state.raw(null);

  /** Throws `Problem`. */
  readonly rest: Rest;
  /** The same for what is sent while the page is left: it is not broken off, and signing out waits for it. */
  readonly parting: Parting;

  #me: Staff | null = $state.raw(null);
  #name = '';
  #keeper: TokenKeeper | null = null;
  /** Signing out: nothing is kept any more, and what is refused now is not said. */
  #leaving = false;
  readonly #sent = new Set<Promise<unknown>>();
  /** Access tokens of who is signed in. */
  readonly #own = new Set<string>();
  /** Milliseconds that the clock of the server is ahead of this one. */
  #ahead = 0;
  readonly #open: Rest;
  readonly #parting: Rest;
  readonly #storage: NonNullable<Options['storage']>;
  readonly #alone: NonNullable<Options['alone']>;

  constructor({ storage = sessionStorage, fetch: send = fetch, alone = holds }: Options = {}) {
    this.#storage = storage;
    this.#alone = alone;
    const timed: typeof fetch = async (url, init) => {
      const answer = await send(url, init);
      const date = Date.parse(answer.headers.get('date') ?? '');
      if (date) this.#ahead = date - Date.now();
      return answer;
    };
    const nobody: Access = { token: async () => null, renewed: async () => null };
    const renewed: Access['renewed'] = async (spent) => {
      // What somebody asked for is never done in the name of who signed in since.
      if (!this.#keeper || !this.#own.has(spent)) return null;
      return this.#keeper.renew(spent).catch(() => null);
    };
    const access: Access = { renewed, token: async () => (this.#keeper ? this.#keeper.get() : null) };
    const hurried: Access = { renewed, token: async () => (this.#keeper ? tokenNow(this.#keeper) : null) };
    const refused = (problem: Problem): void => this.#refused(problem);
    this.#open = new Rest({ access: nobody, fetch: timed });
    this.rest = new Rest({ access, fetch: timed, refused, confirm: (token) => this.#confirm(token) });
    this.#parting = new Rest({
      access: hurried, fetch: (url, init) => timed(url, { ...init, keepalive: true }),
    });
    this.parting = {
      post: (...call) => this.#follow(this.#parting.post(...call)),
      delete: (...call) => this.#follow(this.#parting.delete(...call)),
    };
  }

  /** What the server's clock says at `now` of this one. */
  serverTime(now: number): number {
    return now + this.#ahead;
  }

  /** Only where somebody is in. */
  get me(): Staff {
    if (!this.#me) throw new Error('nobody is signed in');
    return this.#me;
  }

  /** What a moderator may, an admin may, too. */
  may(least: Role): boolean {
    return this.#me !== null && (least === 'moderator' || this.#me.role === 'admin');
  }

  /** After a reload. */
  async start(): Promise<void> {
    const kept = this.#read();
    if (!kept) return void (this.phase = 'out');
    if (!(await this.#alone(kept.name))) return this.#leave('elsewhere');
    [this.#name, this.#ahead] = [kept.name, kept.ahead];
    this.#keep(kept.tokens);
    await this.resume();
  }

  /** With the tokens that there are. */
  async resume(): Promise<void> {
    const keeper = this.#keeper;
    [this.left, this.phase] = [null, 'starting'];
    try {
      await this.#admit(await this.rest.get('/v1/me'));
    } catch {
      // What ended the session was said by `#refused`.
      if (this.#stays(keeper)) [this.left, this.phase] = ['unheard', 'out'];
    }
  }

  /** After the sign-in. */
  async enter(user: User, tokens: Tokens): Promise<void> {
    this.left = null;
    this.#name = crypto.randomUUID();
    this.#keep({ tokens });
    this.#write();
    void this.#alone(this.#name);
    await this.#admit(user);
  }

  /** The sign-in of this page, which needs no session. */
  get desk(): Rest {
    return this.#open;
  }

  /** Sets up a second factor, and comes back to where one was. */
  enrol(): void {
    this.phase = 'enrolling';
  }

  async enrolled(): Promise<void> {
    this.closed = false;
    this.phase = 'in';
    await this.look().catch(() => undefined);
  }

  /** Ends the session at the server if it can, and forgets it here in any case. */
  async signOut(left: Left | null = null): Promise<void> {
    const keeper = this.#keeper;
    if (this.#leaving || !keeper) return;
    this.#leaving = true;
    this.confirmation?.cancel();
    this.#storage.removeItem(KEPT);
    [this.left, this.phase] = [left, 'out'];
    // Somebody may sign in meanwhile, and stays: this is the token of the one who goes.
    const held = tokenNow(keeper).catch(() => null);
    // The rooms are taken out, and send what they still hold: it needs the session.
    await tick();
    while (this.#sent.size > 0) await Promise.allSettled(this.#sent);
    const token = await held;
    if (token) await this.#parting.post('/v1/auth/logout', undefined, { token }).catch(() => undefined);
    if (this.#keeper === keeper) this.#leave(left);
  }

  /** Asks for the counts again. Throws `Problem`. */
  async look(): Promise<void> {
    const keeper = this.#keeper;
    const overview = await this.rest.get('/v1/admin/overview');
    if (this.#stays(keeper)) [this.overview, this.overviewAt] = [overview, Date.now()];
  }

  async #admit(user: User): Promise<void> {
    const me = staffOf(user);
    if (!me) return this.signOut('not_staff');
    this.#me = me;
    const keeper = this.#keeper;
    // It says whether a second factor or consent is missing, before a room is shown that would be refused.
    await this.look().catch(() => undefined);
    if (this.#stays(keeper) && this.phase !== 'enrolling') this.phase = 'in';
  }

  /** Nobody signed out or in since. */
  #stays(keeper: TokenKeeper | null): boolean {
    return keeper !== null && keeper === this.#keeper && !this.#leaving;
  }

  #follow<T>(answer: Promise<T>): Promise<T> {
    this.#sent.add(answer);
    const over = (): void => void this.#sent.delete(answer);
    answer.then(over, over);
    return answer;
  }

  #drop(): void {
    this.confirmation?.cancel();
    this.#own.clear();
    this.#keeper?.drop();
    this.#keeper = null;
  }

  #keep(stored: StoredTokens): void {
    this.#drop();
    this.#leaving = false;
    const keeper = new TokenKeeper(stored, {
      refresh: async (refresh_token, key) =>
        (await this.#open.post('/v1/auth/refresh', { refresh_token }, { key })).tokens,
      save: async ({ tokens }) => {
        if (keeper !== this.#keeper) return;
        this.#own.add(tokens.access_token);
        this.#write();
      },
      serverNow: () => this.serverTime(Date.now()),
      gone: () => this.#leave('ended'),
    });
    this.#keeper = keeper;
    this.#own.add(stored.tokens.access_token);
  }

  /** One answer for all calls that wait for it. */
  async #confirm(token: string): Promise<boolean> {
    if (this.#leaving || !this.#own.has(token)) return false;
    if (this.confirmation) return this.confirmation.answer;
    const asked = new Confirmation((proof) => this.rest.post('/v1/admin/confirm', proof));
    this.confirmation = asked;
    return asked.answer.finally(() => (this.confirmation = null));
  }

  #refused({ code }: Problem): void {
    if (!this.#keeper || this.#leaving) return;
    if (code === 'banned') this.#leave('banned');
    else if (code === 'consent_required') void this.signOut('consent');
    else if (code === 'totp_enrolment_required') this.#close();
    else if (code === 'forbidden') void this.#lookAgain();
  }

  #close(): void {
    this.confirmation?.cancel();
    this.closed = true;
    this.phase = 'enrolling';
  }

  /** Something was refused: it may be the role, or only that act. */
  async #lookAgain(): Promise<void> {
    const keeper = this.#keeper;
    const user = await this.rest.get('/v1/me').catch(() => null);
    if (!user || !this.#me || !this.#stays(keeper)) return;
    const me = staffOf(user);
    if (!me) return this.signOut('role_taken');
    this.demoted ||= this.#me.role === 'admin' && me.role === 'moderator';
    this.#me = me;
  }

  #leave(left: Left | null): void {
    this.#drop();
    this.#leaving = false;
    this.#storage.removeItem(KEPT);
    this.#me = this.overview = null;
    this.demoted = this.closed = false;
    this.left = left;
    this.phase = 'out';
  }

  #read(): Kept | null {
    const text = this.#storage.getItem(KEPT);
    return text ? (JSON.parse(text) as Kept) : null;
  }

  #write(): void {
    if (!this.#keeper || this.#leaving) return;
    const kept: Kept = { name: this.#name, tokens: this.#keeper.stored, ahead: this.#ahead };
    this.#storage.setItem(KEPT, JSON.stringify(kept));
  }
}

export const [useSession, provideSession] = createContext<Session>();
