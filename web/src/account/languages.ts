// The languages that are offered, by ISO 639-1 code, and their names in the language of now.

import { language } from '../text/texts.svelte.ts';

/** As docs/protocol.md says of a profile. */
export const MOST_LANGUAGES = 5;

const OFFERED = [
  'tr', 'en', 'ar', 'az', 'bg', 'bs', 'de', 'el', 'es', 'fa', 'fr', 'hy', 'it', 'ja', 'ka', 'kk',
  'ko', 'ku', 'nl', 'pl', 'pt', 'ro', 'ru', 'sq', 'sr', 'uk', 'ur', 'uz', 'zh',
];

/** In the language of now; the code itself where it has no name. */
export function nameOf(code: string): string {
  try {
    const name = new Intl.DisplayNames(language.current, { type: 'language' }).of(code) ?? code;
    return name.charAt(0).toLocaleUpperCase(language.current) + name.slice(1);
  } catch {
    return code;
  }
}

/** Codes to choose from, by name; those that were chosen elsewhere among them. */
export function offered(chosen: readonly string[]): string[] {
  const codes = [...new Set([...OFFERED, ...chosen])];
  return codes.sort((a, b) => nameOf(a).localeCompare(nameOf(b), language.current));
}
