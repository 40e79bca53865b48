// For tests: a server that is told what to answer, and remembers what it was asked.

import type { UserRole } from '../net/api.d.ts';
import { Rest } from '../net/rest.ts';
import type { Desk } from './desk.ts';

type Answer = { status?: number; body?: unknown } | 'lost';

interface Asked {
  what: string;
  body: unknown;
  key: string | null;
}

export class FakeServer implements Desk {
  readonly me: { id: string; role: UserRole };
  readonly asked: Asked[] = [];
  readonly rest: Rest;
  readonly #answers = new Map<string, Answer[]>();

  constructor(role: UserRole = 'admin', id = '1') {
    this.me = { id, role };
    this.rest = new Rest({
      access: { token: async () => 'token', renewed: async () => null },
      fetch: async (url, init) => this.#answer(String(url), init ?? {}),
    });
  }

  /** One after the other; the last one again and again. `what` is "GET /v1/…", without a query. */
  answers(what: string, ...answers: Answer[]): this {
    this.#answers.set(what, answers);
    return this;
  }

  refuses(what: string, status: number, code: string, field?: string): this {
    const errors = field ? [{ field, code, detail: '' }] : [];
    return this.answers(what, { status, body: { code, status, detail: '', errors } });
  }

  /** Everything that was asked of one route. */
  of(what: string): Asked[] {
    return this.asked.filter((one) => one.what.split('?')[0] === what);
  }

  #answer(url: string, init: RequestInit): Response {
    const what = `${init.method} ${url}`;
    const key = new Headers(init.headers).get('idempotency-key');
    this.asked.push({ what, body: init.body ? JSON.parse(String(init.body)) : undefined, key });
    const answers = this.#answers.get(what.split('?')[0]!);
    if (!answers) throw new Error(`nobody said what to answer to ${what}`);
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer === 'lost') throw new TypeError('no line');
    const { status = 200, body } = answer;
    return new Response(status === 204 ? null : JSON.stringify(body ?? {}), { status });
  }
}
