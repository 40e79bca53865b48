// The words of the product. Each room has its own in `text.ts`; a missing or extra English key does
// not compile. Reading a word in a component follows the language.

export type Language = 'tr' | 'en';

const KEPT = 'language';

function first(): Language {
  try {
    const kept = localStorage.getItem(KEPT);
    if (kept === 'tr' || kept === 'en') return kept;
  } catch {
    // No storage: as if nothing was chosen.
  }
  const wished = globalThis.navigator?.languages ?? [];
  for (const tag of wished) {
    const [main] = tag.toLowerCase().split('-');
    if (main === 'tr' || main === 'en') return main;
  }
  return wished.length > 0 ? 'en' : 'tr';
}

class Chosen {
  #current = $state<Language>(first());

  constructor() {
    this.#tell();
  }

  get current(): Language {
    return this.#current;
  }

  set current(language: Language) {
    this.#current = language;
    this.#tell();
    try {
      localStorage.setItem(KEPT, language);
    } catch {
      // Then it lasts until the page is closed.
    }
  }

  #tell(): void {
    if (typeof document !== 'undefined') document.documentElement.lang = this.#current;
  }
}

/** `language.current` is reactive; setting it keeps it on this device. */
export const language = new Chosen();

export type Text = string | ((...values: never[]) => string);
export type Texts = { [key: string]: Text | Texts };
type Same<T> = {
  [K in keyof T]: T[K] extends (...values: infer V) => string
    ? (...values: V) => string
    : T[K] extends string
      ? string
      : Same<T[K]>;
};

/** The words in the language of now: `const t = texts({ tr: {…}, en: {…} })`, then `t.title`. */
export function texts<T extends Texts>(both: { tr: T; en: Same<NoInfer<T>> }): Same<T> {
  return new Proxy({} as Same<T>, {
    get: (_, key) => (both[language.current] as Record<PropertyKey, unknown>)[key],
    has: (_, key) => Object.hasOwn(both.tr, key),
  });
}
