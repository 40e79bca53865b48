import { expect, test } from 'vitest';
import { Problem } from './problem.ts';
import { EARLY_MS, type StoredTokens, TokenKeeper } from './tokens.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');

function tokens(n: number, lastsMs: number): StoredTokens['tokens'] {
  const at = new Date(NOW + lastsMs).toISOString();
  return {
    access_token: `access${n}`, access_expires_at: at, refresh_token: `refresh${n}`, refresh_expires_at: at,
  } as StoredTokens['tokens'];
}

interface Made {
  keeper: TokenKeeper;
  calls: { token: string; key: string }[];
  saved: StoredTokens[];
  gone: string[];
  /** What the next refresh does. */
  next: { answer: () => Promise<StoredTokens['tokens']> };
}

function keeper(lastsMs: number, refreshKey?: string): Made {
  const [calls, saved, gone]: [Made['calls'], Made['saved'], string[]] = [[], [], []];
  const next = { answer: async () => tokens(2, 3600_000) };
  const stored = { tokens: tokens(1, lastsMs), ...(refreshKey && { refreshKey }) };
  const made = new TokenKeeper(stored, {
    refresh: async (token, key) => {
      calls.push({ token, key });
      return next.answer();
    },
    save: async (one) => void saved.push(one),
    serverNow: () => NOW,
    gone: (why) => void gone.push(why.code),
  });
  return { keeper: made, calls, saved, gone, next };
}

test('a token that is good is handed out without a call', async () => {
  const { keeper: one, calls } = keeper(EARLY_MS + 1);
  expect(await one.get()).toBe('access1');
  expect(calls).toEqual([]);
});

test('all who ask at once wait for one refresh', async () => {
  const { keeper: one, calls } = keeper(EARLY_MS);
  expect(await Promise.all([one.get(), one.get(), one.renew('access1')])).toEqual(Array(3).fill('access2'));
  expect(calls).toHaveLength(1);
  expect(await one.renew('access1')).toBe('access2'); // refused before it was renewed
  expect(calls).toHaveLength(1);
});

test('the key of a refresh is kept by what else is stored', async () => {
  const { keeper: one, calls, next } = keeper(0);
  next.answer = () => Promise.reject(new Problem('offline', 0));
  const asked = one.get();
  const { refreshKey } = one.stored;
  await expect(asked).rejects.toThrow();
  expect([one.stored.refreshKey, calls[0]!.key]).toEqual([refreshKey, refreshKey]);
  expect(refreshKey).toBeDefined();
});

test('the key of a refresh is stored before it is sent', async () => {
  const { keeper: one, calls, saved } = keeper(0);
  await one.get();
  expect(saved).toEqual([
    { tokens: tokens(1, 0), refreshKey: calls[0]!.key }, { tokens: tokens(2, 3600_000) },
  ]);
});

test('a refresh whose answer was lost is repeated with its key', async () => {
  const { keeper: one, calls } = keeper(0, 'key-of-before');
  await one.get();
  expect(calls).toEqual([{ token: 'refresh1', key: 'key-of-before' }]);
});

test('without a line the old token does while it lasts', async () => {
  const { keeper: one, next, gone, calls } = keeper(EARLY_MS);
  next.answer = () => Promise.reject(new Problem('offline'));
  expect(await one.get()).toBe('access1');
  await expect(one.renew('access1')).rejects.toMatchObject({ code: 'offline' });
  expect(gone).toEqual([]);
  expect(new Set(calls.map(({ key }) => key)).size).toBe(1);
});

test.each(['refresh_invalid', 'refresh_reused'] as const)('%s ends the session once', async (code) => {
  const { keeper: one, next, gone, calls } = keeper(0);
  next.answer = () => Promise.reject(new Problem(code, 401));
  await Promise.all([1, 2].map(() => expect(one.get()).rejects.toMatchObject({ code })));
  await expect(one.renew('access1')).rejects.toMatchObject({ code });
  expect([gone, calls.length]).toEqual([[code], 1]);
});

test('after signing out nothing is stored any more', async () => {
  const { keeper: one, next, saved } = keeper(0);
  next.answer = async () => {
    one.drop();
    return tokens(2, 3600_000);
  };
  await expect(one.get()).rejects.toMatchObject({ code: 'unauthorized' });
  expect(saved.map(({ tokens: { access_token } }) => access_token)).toEqual(['access1']);
  await expect(one.get()).rejects.toMatchObject({ code: 'unauthorized' });
});
