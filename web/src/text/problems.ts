// What any call to the server may answer, in words: what happened, and what to do next. A room says
// what is its own before it asks here.

import { span } from './format.ts';
import { texts } from './texts.svelte.ts';

const t = texts({
  tr: {
    offline: 'Sunucuya ulaşılamadı. Bağlantınıza bakıp yeniden deneyin.',
    later: 'Sunucu şu an yanıt veremiyor. Birazdan yeniden deneyin.',
    limit: (wait: string) => `Kısa sürede çok denendi. ${wait} sonra yeniden deneyin.`,
    limitSoon: 'Kısa sürede çok denendi. Biraz sonra yeniden deneyin.',
    signedOut: 'Oturumunuz kapanmış. Yeniden giriş yapın.',
    gone: 'Bu artık yok. Sayfayı yenileyin.',
    outdated: 'Bu sürüm eskimiş olabilir. Sayfayı yenileyip yeniden deneyin.',
    seconds: (n: number) => `${n} saniye`,
    unknown: 'Bir şey ters gitti. Yeniden deneyin; sürerse sayfayı yenileyin.',
  },
  en: {
    offline: 'The server could not be reached. Check your connection and try again.',
    later: 'The server cannot answer right now. Try again in a moment.',
    limit: (wait) => `That was tried too often. Try again in ${wait}.`,
    limitSoon: 'That was tried too often. Try again a little later.',
    signedOut: 'You were signed out. Sign in again.',
    gone: 'This is no longer there. Reload the page.',
    outdated: 'This version may be too old. Reload the page and try again.',
    seconds: (n) => (n === 1 ? '1 second' : `${n} seconds`),
    unknown: 'Something went wrong. Try again; if it goes on, reload the page.',
  },
});

/** What `Problem` of the REST client is, as far as words need it. */
export interface Told {
  code: string;
  status: number;
  retryAfterMs?: number | null | undefined;
}

function told(error: unknown): Told | null {
  if (typeof error !== 'object' || error === null) return null;
  const { code, status } = error as Partial<Told>;
  return typeof code === 'string' && typeof status === 'number' ? (error as Told) : null;
}

export function explain(error: unknown): string {
  const problem = told(error);
  if (!problem) return t.unknown;
  const { code, status, retryAfterMs } = problem;
  if (status === 0) return t.offline;
  if (status === 429) return retryAfterMs ? t.limit(wait(retryAfterMs)) : t.limitSoon;
  if (status >= 500) return t.later;
  if (status === 401 && code !== 'invalid_credentials') return t.signedOut;
  if (status === 404) return t.gone;
  if (code === 'unknown_field' || status === 405 || status === 415) return t.outdated;
  return t.unknown;
}

/** A short wait is told in seconds. */
function wait(ms: number): string {
  return ms > 90_000 ? span(ms) : t.seconds(Math.max(1, Math.ceil(ms / 1000)));
}
