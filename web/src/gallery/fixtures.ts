// A model that stands still, and the people and chats the screens show. Times are relative to now.

import type { Chat, Message, Model } from '../app/model.ts';
import type { Match, Quota, User } from '../net/frames.d.ts';
import type { Meta, Rest } from '../net/rest.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Evening: "tomorrow" and "yesterday" stay what they are. */
export const NOW = new Date().setHours(20, 26, 0, 0);
export const ago = (ms: number): string => new Date(NOW - ms).toISOString();
export { HOUR, MINUTE };

export const quota: Quota = {
  bonus: 10,
  daily_text: 10,
  daily_video: 2,
  text: 7,
  video: 2,
  resets_at: new Date(new Date(NOW).setHours(24, 0, 0, 0)).toISOString(),
};

export const me: User = {
  id: '1',
  alias: 'kediadam',
  tag: '9021',
  handle: 'kediadam#9021',
  phone_masked: '+90 *** *** ** 45',
  is_premium: false,
  locale: 'tr',
  role: 'user',
  created_at: ago(30 * 24 * HOUR),
  interests: ['kahve', 'sinema', 'yürüyüş'],
  languages: ['tr'],
  quota,
};

const legal = (page: string): { tr: string; en: string } => ({
  tr: `/legal/tr/${page}`,
  en: `/legal/en/${page}`,
});

export const meta: Meta = {
  name: 'Tebdil',
  minimum_age: 18,
  terms_version: 1,
  texts: {
    terms: legal('terms'),
    privacy: legal('privacy'),
    community: legal('community'),
    delete_account: legal('delete-account'),
  },
  phone_verification: true,
  password_reset: true,
  modes: ['text', 'video'],
  limits: { match_ttl_s: 86_400, background_search_s: 600, claim_after_s: 7_200 } as Meta['limits'],
  plans: [
    { name: 'free', daily_text: 10, daily_video: 3, days: null },
    { name: 'premium', daily_text: 100, daily_video: 30, days: 30 },
  ],
  invitations: {} as Meta['invitations'],
  phone_countries: null,
  phone_region: 'TR',
  time_zone: 'Europe/Istanbul',
  support_contact: 'destek@example.com',
  minimum_client_version: null,
  vapid_public_key: null,
};

export function match(id: string, handle: string, over: Partial<Match> = {}): Match {
  const [alias = '', tag = ''] = handle.split('#');
  return {
    id,
    mode: 'text',
    status: 'active',
    role: 'offerer',
    peer: { alias, tag, handle },
    created_at: ago(4 * HOUR),
    expires_at: ago(-20 * HOUR),
    ended_at: null,
    ended_reason: null,
    shared_interests: ['kahve', 'sinema'],
    this_device: true,
    unread: 0,
    claim: null,
    ...over,
  };
}

export const said = (key: string, text: string, minutes: number): Message => ({
  from: 'peer',
  key,
  seq: Number(key) || 1,
  text,
  at: ago(minutes * MINUTE),
});

export const mine = (
  key: string,
  text: string,
  minutes: number,
  state: 'waiting' | 'sent' | 'delivered' | 'read' | 'failed' = 'read',
): Message => ({ from: 'self', key, text, at: ago(minutes * MINUTE), state });

export function chat(of: Match, over: Partial<Chat> = {}): Chat {
  return {
    match: of,
    here: of.this_device,
    online: false,
    typing: false,
    messages: [],
    unread: 0,
    firstUnread: null,
    draft: '',
    endedBy: null,
    broken: false,
    call: null,
    ...over,
  };
}

const left = (hours: number): Partial<Match> => ({
  expires_at: ago(-hours * HOUR),
  created_at: ago((24 - hours) * HOUR),
});

export const chats: Chat[] = [
  chat(match('1', 'marti#4410', left(19.7)), {
    online: true,
    typing: true,
    unread: 2,
    firstUnread: '5',
    messages: [
      said('1', 'İyi akşamlar', 11),
      said('2', 'Kahveyi nasıl içersiniz? Benimki sade, pencere kenarında.', 11),
      mine('3', 'Orta şekerli, kimseye söylemeyin', 10),
      mine(
        '4',
        'muvaffakiyetsizleştiricileştiriveremeyebileceklerimizdenmişsinizcesine',
        5,
        'delivered',
      ),
      said('5', 'Bir nefeste okuyamadım', 2),
      said('6', 'Peki hangi film?', 2),
    ],
  }),
  chat(match('2', 'gece_kusu#6602', left(9.8)), {
    online: true,
    unread: 1,
    messages: [said('1', 'Yarın yine buralarda olur musunuz?', 28)],
  }),
  chat(match('3', 'limon.kolonya#7839', left(2.9)), {
    messages: [mine('1', 'Öyleyse siz seçin, ben getiririm', 106)],
  }),
  chat(match('4', 'uzun_adli_bir_kisi.x#4128', left(15)), {
    messages: [
      mine(
        '1',
        'Anlaşıldı, ben de çok uzun yazarım bazen, sonuna gelmeden unuturum',
        201,
        'delivered',
      ),
    ],
  }),
  chat(match('5', 'vapur#6498', left(0.7)), {
    online: true,
    messages: [said('1', 'Son vapuru kaçırmadan bir şey soracağım', 9)],
  }),
];

const nothing = (): void => undefined;
const later = async (): Promise<void> => undefined;

/** The signed-in state, and what differs from it. */
export function fixture(over: Partial<Model> = {}): Model {
  const base: Model = {
    phase: 'in',
    line: 'online',
    meta,
    me,
    quota,
    search: null,
    searchEnd: null,
    found: null,
    chats,
    ad: null,
    ban: null,
    unreadNotifications: 1,
    news: null,
    rest: {} as Rest,
    enter: later,
    banish: nothing,
    setMe: nothing,
    setQuota: nothing,
    setUnreadNotifications: nothing,
    consented: nothing,
    signOut: later,
    takeOver: later,
    chat: (id) => (over.chats ?? chats).find((one) => one.match.id === id),
    find: nothing,
    cancelSearch: nothing,
    dismissSearchEnd: nothing,
    send: nothing,
    retry: nothing,
    discard: nothing,
    setDraft: nothing,
    setTyping: nothing,
    markRead: nothing,
    leave: nothing,
    forget: later,
    safetyNumber: async () => '482913705164820937561940275813',
    evidence: async () => [],
    setMatch: nothing,
    dismissAd: nothing,
    dismissNews: nothing,
  };
  return { ...base, ...over };
}
