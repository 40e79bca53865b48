import { expect, test } from 'vitest';
import { explain } from './problems.ts';
import { language, texts } from './texts.svelte.ts';

const t = texts({
  tr: { hello: 'Merhaba', left: (n: number) => `${n} kaldı`, reasons: { spam: 'istenmeyen' } },
  en: { hello: 'Hello', left: (n) => `${n} left`, reasons: { spam: 'spam' } },
});

test('words follow the language', () => {
  language.current = 'tr';
  expect([t.hello, t.left(3), t.reasons.spam]).toEqual(['Merhaba', '3 kaldı', 'istenmeyen']);
  language.current = 'en';
  expect([t.hello, t.left(3), t.reasons.spam]).toEqual(['Hello', '3 left', 'spam']);
});

test('a missing or extra English word does not compile', () => {
  // @ts-expect-error: no English for `bye`
  texts({ tr: { hello: 'Merhaba', bye: 'Güle güle' }, en: { hello: 'Hello' } });
  // @ts-expect-error: no Turkish for `bye`
  texts({ tr: { hello: 'Merhaba' }, en: { hello: 'Hello', bye: 'Bye' } });
  // @ts-expect-error: a function is wanted
  texts({ tr: { left: (n: number) => `${n}` }, en: { left: 'left' } });
});

test('a problem is explained with what to do next', () => {
  language.current = 'en';
  const problem = (status: number, code: string, retryAfterMs?: number): string =>
    explain(Object.assign(new Error(), { status, code, retryAfterMs }));
  expect(problem(429, 'rate_limited', 20_000)).toContain('in 20 seconds');
  expect(problem(429, 'rate_limited', 240_000)).toContain('in 4 min');
  expect(problem(503, 'unavailable')).toContain('in a moment');
  expect(problem(401, 'unauthenticated')).toContain('Sign in again');
  expect(explain(new TypeError('x'))).toContain('Something went wrong');
});
