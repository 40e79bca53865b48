import { expect, test } from 'vitest';
import { Act } from './act.svelte.ts';

test('what is pressed twice is done once', async () => {
  const act = new Act();
  let times = 0;
  const work = async (): Promise<void> => void (times += 1);
  expect(await Promise.all([act.run(work), act.run(work)])).toEqual([true, false]);
  expect(times).toBe(1);
});

test('a refusal is kept until the next try', async () => {
  const act = new Act();
  const done = await act.run(() => Promise.reject({ code: 'rate_limited', status: 429 }));
  expect([done, act.code, act.busy]).toEqual([false, 'rate_limited', false]);
  await act.run(async () => undefined);
  expect(act.code).toBeNull();
});
