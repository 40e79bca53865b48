import { createSubscriber } from 'svelte/reactivity';

function clock(ms: number): { readonly now: number } {
  const subscribe = createSubscriber((update) => {
    const id = setInterval(update, ms);
    return () => clearInterval(id);
  });
  return {
    get now(): number {
      subscribe();
      return Date.now();
    },
  };
}

/** The time as it passes: what reads it is shown anew. They run only while somebody looks. */
export const everySecond = clock(1000);
export const everyMinute = clock(15_000);
