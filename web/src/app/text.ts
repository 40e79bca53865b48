import { texts } from '../text/texts.svelte.ts';

export const t = texts({
  tr: {
    navigation: 'Ana gezinme',
    find: 'Bul',
    chats: 'Sohbetler',
    account: 'Hesap',
    unread: 'okunmamış',
  },
  en: {
    navigation: 'Main',
    find: 'Find',
    chats: 'Chats',
    account: 'Account',
    unread: 'unread',
  },
});
