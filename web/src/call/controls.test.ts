import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Controls, SHOWN_MS } from './controls.svelte.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('controls go after a while, and come with each sign', () => {
  const controls = new Controls();
  controls.seen(() => true);
  vi.advanceTimersByTime(SHOWN_MS - 1);
  controls.seen(() => true);
  vi.advanceTimersByTime(SHOWN_MS - 1);
  expect(controls.shown).toBe(true);
  vi.advanceTimersByTime(1);
  expect(controls.shown).toBe(false);
  controls.seen(() => true);
  expect(controls.shown).toBe(true);
});

test('controls stay while they are needed', () => {
  const controls = new Controls();
  let needed = true;
  controls.seen(() => !needed);
  vi.advanceTimersByTime(5 * SHOWN_MS);
  expect(controls.shown).toBe(true);
  needed = false;
  vi.advanceTimersByTime(SHOWN_MS);
  expect(controls.shown).toBe(false);
});
