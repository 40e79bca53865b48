// One thing that was done and can be undone, or is good to know. The region is in App.svelte.

import { untrack } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';

export interface ToastOptions {
  /** Takes back what was done. The toast then counts down, and `done` is called when it has ended. */
  undo?: () => void;
  /** Does what could be undone until now; also if the page is closed meanwhile. */
  done?: () => void;
  /** Another way on. Without it and without `undo`, a toast only tells. */
  action?: { label: string; run: () => void };
  /** 4 with `undo`, else 6; 0: until somebody closes it. */
  seconds?: number;
}

export interface Toasted extends ToastOptions {
  readonly id: number;
  readonly text: string;
  /** Seconds left; null where it stays. */
  left: number | null;
}

const MOST = 3;

class Toasts {
  readonly shown = new SvelteMap<number, Toasted>();
  /** While somebody points at them or is in them, no time passes. */
  held = false;
  #next = 1;
  #timer: ReturnType<typeof setInterval> | null = null;

  add(text: string, options: ToastOptions = {}): () => void {
    const seconds = options.seconds ?? (options.undo ? 4 : 6);
    const made: Toasted = { ...options, id: this.#next++, text, left: seconds || null };
    this.shown.set(made.id, made);
    // What stays until somebody closes it is not pushed out unread.
    const oldest = [...this.shown.values()].find(({ id, left }) => left !== null && id !== made.id);
    if (this.shown.size > MOST && oldest) this.end(oldest.id);
    this.#timer ??= setInterval(() => this.#second(), 1000);
    return () => this.end(made.id);
  }

  /** What was done stays done. */
  end(id: number): void {
    const one = this.shown.get(id);
    if (!one) return;
    this.#drop(id);
    one.done?.();
  }

  undo(id: number): void {
    const one = this.shown.get(id);
    if (!one) return;
    this.#drop(id);
    one.undo?.();
  }

  act(id: number): void {
    const one = this.shown.get(id);
    if (!one) return;
    this.end(id);
    one.action?.run();
  }

  /** The page goes: everything is done now. */
  flush(): void {
    for (const id of [...this.shown.keys()]) if (this.shown.get(id)?.done) this.end(id);
  }

  #second(): void {
    if (this.held) return;
    for (const one of [...this.shown.values()]) {
      if (one.left === null) continue;
      if (one.left <= 1) this.end(one.id);
      else this.shown.set(one.id, { ...one, left: one.left - 1 });
    }
  }

  #drop(id: number): void {
    this.shown.delete(id);
    if (this.shown.size > 0) return;
    this.held = false;
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }
}

export const toasts = new Toasts();

/** Shows it, and returns what ends it early. An effect may call it. */
export const toast = (text: string, options?: ToastOptions): (() => void) =>
  untrack(() => toasts.add(text, options));
