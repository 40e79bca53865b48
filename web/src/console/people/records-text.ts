import { texts } from '../../text/texts.svelte.ts';

export const t = texts({
  tr: { older: 'Daha eskiler', again: 'Yeniden dene', next: 'sonraki satır', previous: 'önceki satır' },
  en: { older: 'Older', again: 'Try again', next: 'next row', previous: 'previous row' },
});
