import { texts } from '../../text/texts.svelte.ts';

export const t = texts({
  tr: {
    cancel: 'Vazgeç',
    empty: 'Bir şey yazın: en çok 500 karakter.',
    tooLong: 'En çok 500 karakter yazın.',
  },
  en: {
    cancel: 'Cancel',
    empty: 'Write something: up to 500 characters.',
    tooLong: 'Write at most 500 characters.',
  },
});
