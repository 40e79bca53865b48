import { texts } from '../../text/texts.svelte.ts';

export const t = texts({
  tr: { title: 'Genel bakış', accounts: (n: string) => `${n} hesap` },
  en: { title: 'Overview', accounts: (n) => `${n} accounts` },
});
