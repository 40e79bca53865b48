// The tokens of the session: a good access token for whoever asks, refreshed once at a time.

import type { Tokens } from './api.d.ts';
import { Problem } from './problem.ts';

/** What survives a reload. */
export interface StoredTokens {
  tokens: Tokens;
  /** The `Idempotency-Key` of a refresh whose answer was not stored: the repeat needs it. */
  refreshKey?: string;
}

export interface TokenHooks {
  /** `POST /v1/auth/refresh` with this `Idempotency-Key`. Throws `Problem`. */
  refresh(refreshToken: string, key: string): Promise<Tokens>;
  /** On the disk when it resolves. */
  save(stored: StoredTokens): Promise<void>;
  /** Milliseconds since 1970 by the server's clock: the clock of the device may be wrong. */
  serverNow(): number;
  /** The session is over: only signing in again helps. Said once. */
  gone(why: Problem): void;
}

/** A token is renewed this long before it runs out. */
export const EARLY_MS = 60_000;

export class TokenKeeper {
  readonly #hooks: TokenHooks;
  #stored: StoredTokens;
  #refreshing: Promise<string> | undefined;
  #over: Problem | undefined;

  constructor(stored: StoredTokens, hooks: TokenHooks) {
    this.#stored = stored;
    this.#hooks = hooks;
  }

  get stored(): StoredTokens {
    return this.#stored;
  }

  /** Milliseconds that the access token is still good for. */
  get remainingMs(): number {
    return Date.parse(this.#stored.tokens.access_expires_at) - this.#hooks.serverNow();
  }

  /** An access token that is good for a while. Throws `Problem`. */
  async get(): Promise<string> {
    if (this.#over) throw this.#over;
    const { access_token } = this.#stored.tokens;
    if (this.remainingMs > EARLY_MS) return access_token;
    try {
      return await this.renew(access_token);
    } catch (error) {
      // It may do for this call.
      if (!this.#over && this.remainingMs > 0) return access_token;
      throw error;
    }
  }

  /** Another token than `used`, which was refused. Throws `Problem`. */
  async renew(used: string): Promise<string> {
    if (this.#over) throw this.#over;
    const { access_token } = this.#stored.tokens;
    if (used !== access_token) return access_token;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** After signing out: nothing is refreshed or stored any more. */
  drop(): void {
    this.#over ??= new Problem('unauthorized', 401);
  }

  async #refresh(): Promise<string> {
    const { tokens, refreshKey } = this.#stored;
    const key = refreshKey ?? crypto.randomUUID();
    // Before the call: without the key nobody can repeat it, and the session would be lost. What is
    // stored meanwhile for another reason keeps it, too.
    this.#stored = { tokens, refreshKey: key };
    await this.#hooks.save(this.#stored);
    let fresh: Tokens;
    try {
      fresh = await this.#hooks.refresh(tokens.refresh_token, key);
    } catch (error) {
      if (error instanceof Problem && !this.#over && refused(error)) {
        this.#over = error;
        this.#hooks.gone(error);
      }
      throw error;
    }
    if (this.#over) throw this.#over;
    this.#stored = { tokens: fresh };
    // If the page dies before this is stored, the repeat brings the same tokens.
    await this.#hooks.save(this.#stored);
    return fresh.access_token;
  }
}

function refused({ code }: Problem): boolean {
  return code === 'refresh_invalid' || code === 'refresh_reused';
}
