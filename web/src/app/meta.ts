// What the server says before anybody signs in.

import type { Meta, Rest } from '../net/rest.ts';

const KEPT = 'meta';
const LONGEST_PAUSE_MS = 10_000;

/** Without a line, what the server said last; `waits` is called where there is nothing yet. */
export async function learn(rest: Rest, waits: () => void): Promise<Meta> {
  for (let tries = 0; ; tries += 1) {
    try {
      const meta = await rest.get('/v1/meta');
      localStorage.setItem(KEPT, JSON.stringify(meta));
      return meta;
    } catch {
      const kept = localStorage.getItem(KEPT);
      if (kept) return JSON.parse(kept) as Meta;
      waits();
      const pause = Math.min(500 * 2 ** tries, LONGEST_PAUSE_MS);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
