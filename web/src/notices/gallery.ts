import Inside from '../app/Inside.svelte';
import { ago, HOUR } from '../gallery/fixtures.ts';
import type { Shown } from '../gallery/shown.ts';
import type { Rest } from '../net/rest.ts';

const items = [
  { id: '4', type: 'claim', message: 'Talebiniz kabul edildi: hakkınız geri verildi.', data: { code: 'claim_approved', match_id: '1' }, read: false, created_at: ago(HOUR) },
  { id: '3', type: 'system', message: 'Hesabınıza yeni bir cihazdan girildi: Pixel 8.', data: { code: 'new_device', name: 'Pixel 8', platform: 'android' }, read: false, created_at: ago(30 * HOUR) },
  { id: '2', type: 'ad', message: 'Kahve günleri: cumartesi iki kahve bir kahve fiyatına.', data: { code: 'ad', click_url: 'https://example.com' }, read: true, created_at: ago(80 * HOUR) },
  { id: '1', type: 'system', message: 'muvaffakiyetsizleştiricileştiriveremeyebileceklerimizdenmişsinizcesine', data: { code: 'of_tomorrow' }, read: true, created_at: ago(800 * HOUR) },
];

const rest = (get: () => Promise<unknown>): Rest => ({ get }) as unknown as Rest;
const list = (get: () => Promise<unknown>, unreadNotifications = 0): Shown => ({
  component: Inside,
  path: '/notifications',
  model: { rest: rest(get), unreadNotifications },
});

export const screens: Record<string, Shown> = {
  notifications: list(async () => ({ items, next_cursor: 'x' }), 2),
  'notifications-none': list(async () => ({ items: [] })),
  'notifications-slow': list(() => new Promise(() => undefined)),
  'notifications-away': list(() => Promise.reject({ code: 'offline', status: 0 })),
};
