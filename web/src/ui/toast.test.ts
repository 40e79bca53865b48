import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { toast, toasts } from './toast.svelte.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  toasts.shown.clear();
  vi.useRealTimers();
});

test('a toast goes by itself', () => {
  toast('Kopyalandı');
  expect(toasts.shown.size).toBe(1);
  vi.advanceTimersByTime(6000);
  expect(toasts.shown.size).toBe(0);
});

test('what can be undone is done after four seconds', () => {
  const done = vi.fn();
  toast('Ayrılıyorsunuz', { undo: vi.fn(), done });
  vi.advanceTimersByTime(3000);
  expect(done).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1000);
  expect(done).toHaveBeenCalledOnce();
});

test('what was undone is not done', () => {
  const [undo, done] = [vi.fn(), vi.fn()];
  toast('Ayrılıyorsunuz', { undo, done });
  toasts.undo([...toasts.shown.keys()][0] ?? 0);
  vi.advanceTimersByTime(10_000);
  expect(undo).toHaveBeenCalledOnce();
  expect(done).not.toHaveBeenCalled();
});

test('no time passes while somebody is at the toasts', () => {
  const done = vi.fn();
  toast('Ayrılıyorsunuz', { undo: vi.fn(), done });
  toasts.held = true;
  vi.advanceTimersByTime(60_000);
  expect(done).not.toHaveBeenCalled();
  toasts.held = false;
  vi.advanceTimersByTime(4000);
  expect(done).toHaveBeenCalledOnce();
});

test('a page that goes does what could be undone', () => {
  const done = vi.fn();
  toast('Ayrılıyorsunuz', { undo: vi.fn(), done });
  toast('Kopyalandı');
  toasts.flush();
  expect(done).toHaveBeenCalledOnce();
});

test('a fourth toast ends the first one', () => {
  const done = vi.fn();
  toast('1', { undo: vi.fn(), done });
  for (const text of ['2', '3', '4']) toast(text);
  expect(done).toHaveBeenCalledOnce();
  expect([...toasts.shown.values()].map(({ text }) => text)).toEqual(['2', '3', '4']);
});

test('one that stays is not pushed out, and pushes out no new one', () => {
  for (const text of ['1', '2', '3']) toast(text, { seconds: 0 });
  toast('4');
  toast('5');
  expect([...toasts.shown.values()].map(({ text }) => text)).toEqual(['1', '2', '3', '5']);
});
