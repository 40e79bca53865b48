import { texts } from '../text/texts.svelte.ts';

export const t = texts({
  tr: {
    close: 'Kapat',
    undo: 'Geri al',
    told: 'Bilgi',
    remove: 'kaldır',
    add: 'ekle',
    loading: 'Yükleniyor',
    showPassword: 'Parolayı göster',
    online: 'çevrimiçi',
    offline: 'çevrimdışı',
    left: (span: string) => `${span} kaldı`,
  },
  en: {
    close: 'Close',
    undo: 'Undo',
    told: 'Messages',
    remove: 'remove',
    add: 'add',
    loading: 'Loading',
    showPassword: 'Show password',
    online: 'online',
    offline: 'offline',
    left: (span) => `${span} left`,
  },
});
