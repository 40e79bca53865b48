import { texts } from '../../text/texts.svelte.ts';

export const t = texts({
  tr: {
    all: 'hepsi',
    filters: 'Süzgeçler',
    clear: 'Süzgeçleri kaldır',
    noId: 'Kimlik yalnızca rakamlardan oluşur.',
    you: 'siz',
    system: 'sistem',
    person: (id: string) => `${id} kimlikli kişi`,
  },
  en: {
    all: 'all',
    filters: 'Filters',
    clear: 'Clear the filters',
    noId: 'An id has only digits.',
    you: 'you',
    system: 'the system',
    person: (id) => `the person with the id ${id}`,
  },
});
