// What somebody chose for this browser. It says nothing about who they are, so it outlives signing out.

import { MediaQuery, SvelteMap } from 'svelte/reactivity';

const ENTER_SENDS = 'enterSends';
/** With a real keyboard Enter sends; on a phone it breaks the line, and the button sends. */
const keyboard = new MediaQuery('(pointer: fine)');
const chosen = new SvelteMap<string, boolean>();

try {
  const kept = localStorage.getItem(ENTER_SENDS);
  if (kept === 'true' || kept === 'false') chosen.set(ENTER_SENDS, kept === 'true');
} catch {
  // No storage: as if nothing was chosen.
}

/** Reactive; setting one keeps it. */
export const settings = {
  get enterSends(): boolean {
    return chosen.get(ENTER_SENDS) ?? keyboard.current;
  },

  set enterSends(on: boolean) {
    chosen.set(ENTER_SENDS, on);
    try {
      localStorage.setItem(ENTER_SENDS, String(on));
    } catch {
      // Then it lasts until the page is closed.
    }
  },
};
