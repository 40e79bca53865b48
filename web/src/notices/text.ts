import { texts } from '../text/texts.svelte.ts';

export const t = texts({
  tr: {
    title: 'Bildirimler',
    back: 'Geri',
    readAll: 'Hepsini okundu say',
    settings: 'Neyin haber verileceğini seçin',
    unread: 'okunmamış',
    none: 'Bildirim yok',
    noneText: 'Hak talepleri, davetler ve duyurular burada görünür. 90 gün durur.',
    ad: 'Tanıtım',
    open: 'Aç',
  },
  en: {
    title: 'Notifications',
    back: 'Back',
    readAll: 'Mark all as read',
    settings: 'Choose what you hear of',
    unread: 'unread',
    none: 'No notifications',
    noneText: 'Claims, invitations and announcements are listed here. They stay for 90 days.',
    ad: 'Promotion',
    open: 'Open',
  },
});
