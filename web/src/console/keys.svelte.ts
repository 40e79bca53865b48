// The keys of the page. They are heard where nobody types and no sheet is open, and shown by `?`.

import { onMount } from 'svelte';

export interface Key {
  /** As `KeyboardEvent.key`: "j", "Enter", "?", or after `g` "g r". "Ctrl+Enter" is heard in fields, too. */
  key: string;
  /** What it does; absent where another line of the list says it. */
  text?: string;
  run: () => void;
}

type Keys = () => readonly Key[];

const LEADER_MS = 1_500;
/** What goes on while a key is held down. Anything else is done once for each press. */
const HELD = ['j', 'k'];

class Board {
  #all = $state.raw<readonly Keys[]>([]);
  /** When it was pressed. */
  #leader = -Infinity;

  /** What works now; the last who came is first. */
  get list(): readonly Key[] {
    return this.#all.toReversed().flatMap((keys) => keys());
  }

  add(keys: Keys): () => void {
    this.#all = [...this.#all, keys];
    return () => void (this.#all = this.#all.filter((one) => one !== keys));
  }

  press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || event.altKey || event.metaKey) return;
    const control = event.ctrlKey ? 'Ctrl+' : '';
    const { target } = event;
    if (!control && (types(target) || acts(target, event.key))) return;
    if (event.repeat && !HELD.includes(event.key)) return;
    if (document.querySelector('dialog[open]')) return;
    const after = event.timeStamp - this.#leader < LEADER_MS ? 'g ' : '';
    this.#leader = -Infinity;
    const wanted = `${after}${control}${event.key}`;
    const one = this.list.find(({ key }) => key === wanted);
    if (one) {
      event.preventDefault();
      one.run();
    } else if (wanted === 'g') {
      this.#leader = event.timeStamp;
    }
  }
}

function types(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !['radio', 'checkbox', 'button'].includes(target.type);
}

/** A button or a link that has focus does its own with Enter and the space bar. */
const acts = (target: EventTarget | null, key: string): boolean =>
  (key === 'Enter' || key === ' ') && target instanceof HTMLElement && target.matches('a, button, summary, input');

export const keys = new Board();

/** For as long as the component is there. */
export const useKeys = (list: Keys): void => onMount(() => keys.add(list));
