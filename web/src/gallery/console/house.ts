// What stands in the console's lists about the service itself: ads, announcements, jobs, the log and the overview.

import type { AdminAd, AdminJob, Announcement, JobQueue } from '../../net/api.d.ts';
import { DAY, HOSTILE, HOUR, LONG, ago, idOf } from './rows.ts';

const ad = (n: number, title: string, over: Partial<AdminAd> = {}): AdminAd => ({
  id: idOf(1000 + n), title, content: 'İki çay alana biri bizden. Her gün, akşam yediye kadar.', active: true,
  click_url: 'https://cay.example/kampanya', placement: 'match_end', target_group: 'free,locale:tr', weight: 10,
  daily_cap: 3, total_cap: null, starts_at: ago(3 * DAY), ends_at: ago(-10 * DAY), created_at: ago(4 * DAY),
  updated_at: ago(DAY), served: 18_240, views: 12_003, clicks: 341, ...over,
});
export const ads: AdminAd[] = [
  ad(0, 'Sıcak çay'),
  ad(1, 'Kitap fuarı', { starts_at: ago(-2 * DAY), served: 0, views: 0, clicks: 0 }),
  ad(2, 'Yaz indirimi', { ends_at: ago(DAY), target_group: 'all' }),
  ad(3, LONG.slice(0, 80), { active: false, ends_at: null, starts_at: null, content: LONG, click_url: null }),
];
/** The last 40 days, newest first; not shown at weekends. */
export const adDays = Array.from({ length: 40 }, (_, n) => n)
  .filter((n) => n % 7 < 5)
  .map((n) => ({ day: ago(n * DAY).slice(0, 10), served: 900 - 11 * n, views: 640 - 9 * n, clicks: 31 - (n % 9) }));

export const announcements: Announcement[] = [
  { n: 0, tr: 'Bu gece 03:00 ile 04:00 arasında bakım var.', en: 'Maintenance tonight from 03:00 to 04:00.' },
  { n: 1, tr: 'Görüntülü eşleşmeler geri geldi.', en: 'Video matches are back.' },
  { n: 2, tr: LONG, en: LONG },
].map(({ n, tr, en }) => ({
  id: idOf(1100 + n), tr, en, target: n === 1 ? 'premium' : 'all', told: 4_120 * n + 17,
  created_at: ago(n * DAY + HOUR), finished_at: n === 0 ? null : ago(n * DAY),
}));

export const jobs: AdminJob[] = [
  ['push', 'the push service answered 410'],
  ['sms', 'no answer within 10 s'],
  ['webhook', HOSTILE[0]!],
  ['export', LONG],
].map(([queue, error], n) => ({
  id: idOf(1200 + n), queue: queue!, error: error!, state: 'dead', attempts: 10, max_attempts: 10,
  created_at: ago((n + 5) * HOUR), run_at: ago((n + 1) * HOUR),
}));
const QUEUES = ['push', 'sms', 'webhook', 'export', 'claim_decision', 'announcement', 'expire_matches'];
export const queues: JobQueue[] = QUEUES.map((queue, n) => ({
  queue, waiting: n * n, leased: n % 2, dead: n < 4 ? 1 : 0, oldest_due_s: n === 4 ? 380 : n % 3,
}));

const acts: [string, object][] = [
  ['banned', { reason: 'Tehdit.', until: ago(-7 * DAY), match_id: idOf(200), report_id: idOf(0), note: HOSTILE[0] }],
  ['ad_changed', { before: { title: 'Çay', weight: 10 }, after: { title: 'Sıcak çay', weight: 20 } }],
  ['role_changed', { before: { role: 'user' }, after: { role: 'moderator' } }],
  ['report_resolved', { report_id: idOf(1), decision: 'warn', note: LONG }],
  ['user_viewed', {}],
  ['job_retried', { job_id: idOf(1200), queue: 'push' }],
  ['signed_in', {}],
];
export const log = acts.map(([action, details], n) => ({
  id: idOf(1300 + n), action, details, created_at: ago(n * 7 * HOUR), actor_id: n === 6 ? idOf(100) : idOf(9),
  actor_handle: n === 6 ? null : 'hakem#3310', user_id: n === 5 ? null : idOf(100 + n),
  user_handle: n === 5 || n === 6 ? null : n === 3 ? 'uzun_adli_bir_kisi.x#4128' : 'lodos#0417',
}));

/** More on weekends, and half of today. */
const days = Array.from({ length: 30 }, (_, n) => {
  const day = ago(n * DAY).slice(0, 10);
  const weekend = [0, 6].includes(new Date(day).getUTCDay());
  const rate = (n === 0 ? 0.5 : 1) * (weekend ? 1.3 : 1) * (1 + (n % 5) / 12);
  const some = (much: number): number => Math.round(much * rate);
  return {
    day, complete: n > 0, registrations: some(365), active_users: some(11_400), text_matches: some(4_808),
    video_matches: some(875), messages: some(90_500), claims: some(225), claims_approved: some(150), reports: some(23),
    bans: some(4),
  };
});
const totals = {
  users: 48_210, active_matches: 1_284, premium_users: 1_903, provisional_bans: 2, open_appeals: 3, open_reports: 41,
  pending_claims: 12, dead_jobs: 1,
};
const live = {
  online: 2_318, at: ago(4_000),
  text: { searching: 14, oldest_wait_s: 8 }, video: { searching: 0, oldest_wait_s: null },
};
export const overview = { totals, days, live };
const zero = Object.fromEntries(Object.keys(totals).map((name) => [name, 0]));
export const firstDay = {
  totals: { ...zero, users: 1 }, days: [], live: { ...live, online: 0, text: { searching: 0, oldest_wait_s: null } },
};
