// A server that stands still: what it answers to the console, by method and path.

import { me, meta } from '../fixtures.ts';
import { soon } from './rows.ts';

/** Refused with this status and code, or never heard of. */
interface Refusal {
  status: number;
  code: string;
}

export const refuse = (status: number, code: string): Response => problem({ status, code });
export const LOST = Symbol('no line');
export const NEVER = Symbol('no answer');

/** "GET /v1/admin/ads" is what it answers to that, whatever the query is. */
export type Answers = Record<string, unknown>;

function problem({ status, code }: Refusal): Response {
  const body = { type: 'about:blank', title: code, detail: '', errors: [], status, code };
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/problem+json' } });
}

/** What no screen is about. */
const always: Answers = {
  'POST /v1/auth/logout': null,
  'GET /v1/meta': meta,
  'GET /v1/notifications': { items: [] },
  'GET /v1/me/notification-preferences': { match: true, claim: true, system: true, ad: false, staff: true },
};

export function serve(answers: Answers): typeof fetch {
  const all = { ...always, ...answers };
  return async (url, init) => {
    const asked = `${init?.method ?? 'GET'} ${String(url).split('?')[0]}`;
    const known = Object.keys(all).find((one) => fits(one, asked));
    // Whoever takes the picture is told.
    if (known === undefined) console.error(`nobody said what to answer to ${asked}`);
    const answer = known === undefined ? refuse(404, 'not_found') : all[known];
    if (answer === NEVER) return new Promise<Response>(() => undefined);
    if (answer === LOST) throw new TypeError('no line');
    if (answer instanceof Response) return answer.clone();
    return answer === null ? new Response(null, { status: 204 }) : new Response(JSON.stringify(answer));
  };
}

/** `*` stands for one part of a path. */
function fits(known: string, asked: string): boolean {
  const [wanted, given] = [known.split('/'), asked.split('/')];
  return wanted.length === given.length && wanted.every((part, n) => part === '*' || part === given[n]);
}

const tokens = {
  access_token: 'access', access_expires_at: soon,
  refresh_token: 'refresh', refresh_expires_at: soon,
  token_type: 'Bearer',
};
/** Of somebody who is signed in; empty where nobody is. */
export function storage(signedIn: boolean): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const kept = signedIn ? JSON.stringify({ name: 'one', tokens: { tokens }, ahead: 0 }) : null;
  return { getItem: () => kept, setItem: () => undefined, removeItem: () => undefined };
}

export const staff = (role: 'moderator' | 'admin') => ({
  ...me, id: '9', alias: 'yargic', tag: '2201', handle: 'yargic#2201', role,
});
export const signedIn = { user: staff('moderator'), tokens };
