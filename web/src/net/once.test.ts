import { expect, test } from 'vitest';
import { Once } from './once.ts';
import { Problem } from './problem.ts';

test.each([
  ['offline', 0], ['internal', 500], ['request_in_progress', 409], ['rate_limited', 429],
] as const)('after %s the same call has the same key', (code, status) => {
  const once = new Once();
  const first = once.key('a', { b: 1 });
  once.settle(new Problem(code, status));
  expect(once.key('a', { b: 1 })).toBe(first);
  expect(once.key('a', { b: 2 })).not.toBe(first);
});

test.each([null, new Problem('code_invalid', 422)])('after %s it is another one', (refused) => {
  const once = new Once();
  const first = once.key('a');
  once.settle(refused);
  expect(once.key('a')).not.toBe(first);
});
