import { expect, test } from 'vitest';
import { around, atLast, earlier, held, later, MOST, PAGE, STEP } from './window.ts';

const END = Infinity;

test('a long chat begins with its end', () => {
  expect(atLast(5_000)).toEqual({ from: 5_000 - PAGE, to: END });
  expect(atLast(10)).toEqual({ from: 0, to: END });
});

test('the first unread message is in sight', () => {
  expect(around(5_000, 4_000)).toEqual({ from: 3_950, to: 3_950 + MOST });
  expect(around(5_000, 4_820)).toEqual({ from: 4_770, to: END });
  expect(around(5_000, 4_990)).toEqual(atLast(5_000));
  expect(around(5_000, -1)).toEqual(atLast(5_000));
});

test('whoever scrolls up and down sees all of it', () => {
  let window = atLast(5_000);
  let most = 0;
  for (let steps = 0; window.from > 0; steps += 1) {
    window = earlier(window, 5_000);
    most = Math.max(most, Math.min(window.to, 5_000) - window.from);
    expect(steps).toBeLessThan(5_000 / STEP);
  }
  expect([most, window]).toEqual([MOST, { from: 0, to: MOST }]);
  while (window.to !== END) window = later(window, 5_000);
  expect(window).toEqual({ from: 5_000 - MOST, to: END });
});

test('a flood waits below what somebody reads', () => {
  expect(held({ from: 0, to: END }, 2 * MOST)).toEqual({ from: 0, to: END });
  expect(held({ from: 0, to: END }, 2 * MOST + 1)).toEqual({ from: 0, to: 2 * MOST });
});
