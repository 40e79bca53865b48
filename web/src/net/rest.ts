// The REST half of the contract. Types come from the server's own document.

import type { components, paths } from './api.d.ts';
import { Problem } from './problem.ts';

export { Problem };

export type Tokens = components['schemas']['Tokens'];

/** `GET /v1/meta`: what a client has to know before anybody signs in. */
export type Meta = components['schemas']['Meta'];

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type PathsOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M & keyof paths[P]]>;
type Json<T> = T extends { content: { 'application/json': infer J } } ? J : never;
type Body<O> = O extends { requestBody?: infer B }
  ? [NonNullable<B>] extends [never] ? undefined : Json<NonNullable<B>>
  : undefined;
type Good<R> = R extends Record<number, unknown>
  ? { [S in keyof R]: S extends 200 | 201 | 202 ? Json<R[S]> : never }[keyof R]
  : never;
type Answer<O> = O extends { responses: infer R } ? ([Good<R>] extends [never] ? void : Good<R>) : void;
type In<O, Where extends string> = O extends { parameters: infer A }
  ? Where extends keyof A ? A[Where] : undefined
  : undefined;

export interface CallOptions<O = unknown> {
  /** The parts of the path in braces. */
  path?: In<O, 'path'>;
  query?: In<O, 'query'>;
  /** The same for a repeat of the same call, so that nothing is done twice. */
  key?: string;
  /** Instead of the account's own: an appeal token. */
  token?: string;
  signal?: AbortSignal;
}

/** The account's access token. */
export interface Access {
  /** Null where nobody is signed in. */
  token(): Promise<string | null>;
  /** Another one, after `spent` was refused; null where the session is over. */
  renewed(spent: string): Promise<string | null>;
}

export interface RestOptions {
  access: Access;
  /**
   * Asks whoever holds this token to confirm who they are, which the server wants before some calls.
   * True: the call is sent again, once.
   */
  confirm?: (token: string) => Promise<boolean>;
  /** Told of every refusal, before it is thrown. */
  refused?: (problem: Problem) => void;
  fetch?: typeof fetch;
  /** Milliseconds until a call counts as lost. */
  patience?: number;
}

const PATIENCE = 20_000;

export class Rest {
  readonly #options: RestOptions;

  constructor(options: RestOptions) {
    this.#options = options;
  }

  get<P extends PathsOf<'get'>>(
    path: P, options?: CallOptions<Operation<P, 'get'>>,
  ): Promise<Answer<Operation<P, 'get'>>> {
    return this.#call('get', path, undefined, options);
  }

  post<P extends PathsOf<'post'>>(
    path: P, body: Body<Operation<P, 'post'>>, options?: CallOptions<Operation<P, 'post'>>,
  ): Promise<Answer<Operation<P, 'post'>>> {
    return this.#call('post', path, body, options);
  }

  put<P extends PathsOf<'put'>>(
    path: P, body: Body<Operation<P, 'put'>>, options?: CallOptions<Operation<P, 'put'>>,
  ): Promise<Answer<Operation<P, 'put'>>> {
    return this.#call('put', path, body, options);
  }

  patch<P extends PathsOf<'patch'>>(
    path: P, body: Body<Operation<P, 'patch'>>, options?: CallOptions<Operation<P, 'patch'>>,
  ): Promise<Answer<Operation<P, 'patch'>>> {
    return this.#call('patch', path, body, options);
  }

  delete<P extends PathsOf<'delete'>>(
    path: P, body: Body<Operation<P, 'delete'>>, options?: CallOptions<Operation<P, 'delete'>>,
  ): Promise<Answer<Operation<P, 'delete'>>> {
    return this.#call('delete', path, body, options);
  }

  /**
   * A JSON file of any size: the export. It counts as lost when nothing of it came for `patience`.
   * `got` is told the bytes so far. Throws `Problem`.
   */
  async download(path: string, got: (bytes: number) => void): Promise<Blob> {
    const quiet = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(), this.#patience);
    };
    try {
      wait();
      const response = await this.#authorized((token) =>
        this.#once('get', path, undefined, bearer(token), quiet.signal));
      if (!response.ok) throw await this.#problem(response);
      const parts: Uint8Array<ArrayBuffer>[] = [];
      const reader = response.body?.getReader();
      for (let part = await reader?.read(), bytes = 0; part?.value; part = await reader?.read()) {
        wait();
        parts.push(part.value);
        got((bytes += part.value.length));
      }
      // It may end quietly in the middle: then it is no whole document.
      const file = new Blob(parts, { type: 'application/json' });
      if (!(await file.slice(-8).text()).trimEnd().endsWith('}')) throw new Problem('offline');
      return file;
    } catch (error) {
      throw error instanceof Problem ? error : this.#told(new Problem('offline', 0));
    } finally {
      clearTimeout(timer);
    }
  }

  get #patience(): number {
    return this.#options.patience ?? PATIENCE;
  }

  async #call<T>(
    method: Method, path: string, body: unknown, options: CallOptions = {},
  ): Promise<T> {
    const url = address(path, options);
    // One key for all tries of this call: what was done already is answered, not done again.
    const key = method === 'get' ? undefined : (options.key ?? crypto.randomUUID());
    const send = (token: string | null): Promise<Response> => {
      const late = AbortSignal.timeout(this.#patience);
      return this.#once(method, url, body, {
        ...bearer(token),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key && { 'idempotency-key': key }),
      }, options.signal ? AbortSignal.any([options.signal, late]) : late);
    };
    const response = options.token ? await send(options.token) : await this.#confirmed(send);
    if (!response.ok) throw await this.#problem(response);
    try {
      const text = await response.text();
      // Some say all with their status: 204, and the 202 of a password reset.
      if (text === '' && response.status !== 200) return undefined as T;
      return JSON.parse(text) as T;
    } catch {
      throw this.#told(new Problem('internal', 500));
    }
  }

  /** Nothing was done until who it is was confirmed: the key stays the same. */
  async #confirmed(send: (token: string | null) => Promise<Response>): Promise<Response> {
    const { confirm } = this.#options;
    let used: string | null = null;
    const response = await this.#authorized((token) => send((used = token)));
    if (!confirm || !used || response.status !== 403) return response;
    if ((await codeOf(response)) !== 'confirmation_required') return response;
    return (await confirm(used)) ? this.#authorized(send) : response;
  }

  async #authorized(send: (token: string | null) => Promise<Response>): Promise<Response> {
    const { access } = this.#options;
    const token = await access.token();
    const response = await send(token);
    if (response.status !== 401 || !token) return response;
    if ((await codeOf(response)) !== 'unauthorized') return response;
    const renewed = await access.renewed(token);
    return renewed ? send(renewed) : response;
  }

  async #once(
    method: Method, url: string, body: unknown, headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Response> {
    try {
      return await (this.#options.fetch ?? fetch)(url, {
        method: method.toUpperCase(),
        headers,
        cache: 'no-store',
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal,
      });
    } catch {
      throw this.#told(new Problem('offline', 0));
    }
  }

  async #problem(response: Response): Promise<Problem> {
    return this.#told(Problem.of(response, await response.json().catch(() => null)));
  }

  #told(problem: Problem): Problem {
    this.#options.refused?.(problem);
    return problem;
  }
}

/** Of a refusal, which can still be read after that. */
async function codeOf(response: Response): Promise<unknown> {
  const body = (await response.clone().json().catch(() => null)) as { code?: unknown } | null;
  return body?.code;
}

function bearer(token: string | null): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

function address(path: string, { path: parts, query }: CallOptions): string {
  const values = (parts ?? {}) as Record<string, string | number>;
  const url = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]!));
  const asked = Object.entries((query ?? {}) as Record<string, unknown>)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => [name, String(value)]);
  return asked.length ? `${url}?${new URLSearchParams(asked)}` : url;
}
