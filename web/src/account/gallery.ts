import Inside from '../app/Inside.svelte';
import Phase from '../app/Phase.svelte';
import { ago, HOUR, me, MINUTE } from '../gallery/fixtures.ts';
import type { Shown } from '../gallery/shown.ts';
import type { Rest } from '../net/rest.ts';

const answers: Record<string, unknown> = {
  '/v1/blocks': {
    items: [
      { id: '1', peer: { handle: 'fener#3107' }, created_at: ago(50 * HOUR) },
      { id: '2', peer: { handle: 'uzun_adli_bir_kisi.x#4128' }, created_at: ago(700 * HOUR) },
    ],
    next_cursor: 'x',
  },
  '/v1/me/sessions': {
    items: [
      { id: '1', device: { name: 'Firefox · Linux', platform: 'web' }, last_active: ago(0), created_at: ago(HOUR), current: true },
      { id: '2', device: { name: 'Pixel 8', platform: 'android' }, last_active: ago(5 * MINUTE), created_at: ago(HOUR), current: false },
      { id: '3', device: { name: '', platform: 'terminal' }, last_active: ago(90 * HOUR), created_at: ago(HOUR), current: false },
    ],
  },
  '/v1/referrals': {
    invite_code: 'KEDI4F2Q',
    items: [
      { id: '1', via: 'code', status: 'rewarded', created_at: ago(30 * HOUR) },
      { id: '2', via: 'phone', status: 'pending', created_at: ago(80 * HOUR) },
    ],
  },
  '/v1/subscription': {
    plan: 'premium', active: true, in_grace: false, renews: true, is_premium: true,
    end: ago(-400 * HOUR), account_token: '',
  },
  '/v1/me/notification-preferences': { match: true, claim: true, system: true, ad: false },
};

const rest = (get: (path: string) => Promise<unknown>): Rest => ({ get }) as unknown as Rest;
const good = rest(async (path) => answers[path]);
const none = rest(async () => ({ items: [], invite_code: 'KEDI4F2Q' }));
const away = rest(() => Promise.reject({ code: 'offline', status: 0 }));
const slow = rest(() => new Promise(() => undefined));

const room = (name: string, api: Rest = good): Shown => ({
  component: Inside,
  path: `/account/${name}`,
  model: { rest: api },
});
const submit = (root: HTMLElement): void => root.querySelector<HTMLElement>('[type=submit]')?.click();

const token = { appealToken: 'x' };
const term = { reason: 'threat', until: ago(-40 * 24 * HOUR), appealable: true, ...token };
const banned = (ban: object, api: Rest = none): Shown => ({
  component: Phase,
  model: { phase: 'banned', ban: { ...term, ...ban }, rest: api },
});
const appealed = (status: string): Rest =>
  rest(async () => ({ items: [{ id: '1', status, created_at: ago(6 * HOUR) }] }));

export const screens: Record<string, Shown> = {
  banned: banned({}),
  'banned-for-good': banned({ until: null, reason: 'Birkaç kişiye, farklı günlerde aynı reklam.' }),
  'banned-sent': banned({ appealable: false }, appealed('open')),
  'banned-upheld': banned({ appealable: false }, appealed('upheld')),
  'banned-lifted': banned({ appealable: false }, appealed('lifted')),
  'banned-unknown': banned({ reason: '', until: null, appealable: false, appealToken: null }),
  account: { component: Inside, path: '/account' },
  'account-premium-on': {
    component: Inside,
    path: '/account',
    model: { me: { ...me, is_premium: true, interests: [], languages: [] } },
  },
  'account-name': room('name'),
  'account-premium': room('premium'),
  'account-invite': room('invite'),
  'account-invite-none': room('invite', none),
  'account-interests': room('interests'),
  'account-languages': room('languages'),
  'account-place': room('place'),
  'account-notifications': room('notifications'),
  'account-notifications-away': room('notifications', away),
  'account-appearance': room('appearance'),
  'account-blocked': room('blocked'),
  'account-blocked-none': room('blocked', none),
  'account-blocked-away': room('blocked', away),
  'account-devices': room('devices'),
  'account-devices-slow': room('devices', slow),
  'account-password': { ...room('password'), then: submit },
  'account-export': room('export'),
  'account-delete': { ...room('delete'), then: submit },
  'account-nothing': room('nothing'),
};
