import { expect, test } from 'vitest';
import { Problem } from '../net/problem.ts';
import { Repeat } from './repeat.ts';

test('a call is repeated with its key until its fate is known', () => {
  const repeat = new Repeat();
  const first = repeat.key;
  const unsure = [['offline', 0], ['internal', 500], ['request_in_progress', 409]] as const;
  for (const [code, status] of unsure) {
    repeat.failed(new Problem(code, status));
    expect(repeat.key).toBe(first);
  }
  repeat.failed(new Problem('code_invalid', 422));
  const second = repeat.key;
  expect(second).not.toBe(first);
  repeat.over();
  expect(repeat.key).not.toBe(second);
});
