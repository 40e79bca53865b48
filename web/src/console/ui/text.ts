import { texts } from '../../text/texts.svelte.ts';

export const t = texts({
  tr: {
    all: 'hepsi',
    filters: 'Süzgeçler',
    clear: 'Süzgeçleri kaldır',
    noId: 'Kimlik 16–19 rakamdan oluşur.',
    you: 'siz',
    system: 'sistem',
    person: (id: string) => `${id} kimlikli kişi`,
    erased: 'silinmiş hesap',

    older: 'Daha eskiler',
    again: 'Yeniden dene',
    next: 'sonraki satır',
    previous: 'önceki satır',

    unseen: 'Görünmeyen karakterlerden bir mesaj.',
    whole: 'Hepsini göster',
    turns: 'Yazının yönünü çeviren karakterler var; olduğu gibi görünmeyebilir.',

    cancel: 'Vazgeç',
    writeSomething: 'Bir şey yazın: en çok 500 karakter.',
    tooLong: 'En çok 500 karakter yazın.',
  },
  en: {
    all: 'all',
    filters: 'Filters',
    clear: 'Clear the filters',
    noId: 'An id is 16 to 19 digits.',
    you: 'you',
    system: 'the system',
    person: (id) => `the person with the id ${id}`,
    erased: 'erased account',

    older: 'Older',
    again: 'Try again',
    next: 'next row',
    previous: 'previous row',

    unseen: 'A message of characters that cannot be seen.',
    whole: 'Show all',
    turns: 'It has characters that turn the direction of text, and may not look as it is.',

    cancel: 'Cancel',
    writeSomething: 'Write something: up to 500 characters.',
    tooLong: 'Write at most 500 characters.',
  },
});
