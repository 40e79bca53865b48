import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { whenIdle } from './idle.ts';
import { whileSeen } from './poll.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MINUTE = 60_000;

test('who does nothing for long is told once; who does something is not', () => {
  const page = new EventTarget();
  const run = vi.fn();
  whenIdle(30 * MINUTE, run, page);
  vi.advanceTimersByTime(29 * MINUTE);
  page.dispatchEvent(new Event('keydown'));
  vi.advanceTimersByTime(29 * MINUTE);
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2 * MINUTE);
  expect(run).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(90 * MINUTE);
  expect(run).toHaveBeenCalledTimes(1);
});

test('a sign of life after a long sleep comes too late', () => {
  const page = new EventTarget();
  const run = vi.fn();
  whenIdle(30 * MINUTE, run, page);
  // Timers stand still meanwhile.
  vi.setSystemTime(Date.now() + 60 * MINUTE);
  page.dispatchEvent(new Event('pointermove'));
  expect(run).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(90 * MINUTE);
  expect(run).toHaveBeenCalledTimes(1);
});

test('after its end nobody is told', () => {
  const run = vi.fn();
  whenIdle(MINUTE, run, new EventTarget())();
  vi.advanceTimersByTime(5 * MINUTE);
  expect(run).not.toHaveBeenCalled();
});

test('the server is asked while the page is seen, and when it is seen again', () => {
  const page = Object.assign(new EventTarget(), { hidden: false });
  vi.stubGlobal('document', page);
  const ask = vi.fn(async () => { throw new Error('no line'); });
  const end = whileSeen(ask, 10_000);
  vi.advanceTimersByTime(25_000);
  expect(ask).toHaveBeenCalledTimes(2);
  page.hidden = true;
  vi.advanceTimersByTime(60_000);
  expect(ask).toHaveBeenCalledTimes(2);
  page.hidden = false;
  page.dispatchEvent(new Event('visibilitychange'));
  expect(ask).toHaveBeenCalledTimes(3);
  end();
  vi.advanceTimersByTime(60_000);
  page.dispatchEvent(new Event('visibilitychange'));
  expect(ask).toHaveBeenCalledTimes(3);
});
