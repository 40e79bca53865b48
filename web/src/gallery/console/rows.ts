// What stands in the console's lists: people, and what waits for a moderator. Times are relative to now.

import type {
  AdminAppeal, AdminBan, AdminClaim, AdminMatch, AdminReport, AdminUser, ReportReason,
} from '../../net/api.d.ts';
import { message, person, report as reportOf } from '../../console/reports/fixtures.ts';

const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** The console tells times by the clock. */
export const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
export const soon = ago(-DAY);

/** As ids look: 18 digits. */
export const idOf = (n: number): string => String(412_345_678_800_000_000n + BigInt(n));
export const page = <T>(items: readonly T[], more = false): { items: readonly T[]; next_cursor?: string } =>
  ({ items, ...(more && { next_cursor: 'more' }) });

const HANDLES = [
  'lodos#0417', 'pikap#4128', 'sarmasik#4128', 'dalgin#2891', 'kuzey#5365', 'ruzgar#1654', 'hayal#4128',
  'uzun_adli_bir_kisi.x#4128', 'kartpostal#2891', 'bulut#5365',
];
const handle = (n: number): string => HANDLES[n % HANDLES.length]!;

/** The widest words that a person may write. */
export const LONG = 'muvaffakiyetsizleştiricileştiriveremeyebileceklerimizdenmişsinizcesine'.repeat(4);
export const HOSTILE = [
  '<img src=x onerror=alert(1)><script>alert(2)</script><h1>h1</h1>',
  '\u202Egnp.exe\u2067 \u200Fאבג\u200E \u202Dtersten',
  'Z̸̢̛̥̪͎̭͇̑͗̃͂̚a̴̛̺͖̖͔̼̓̾̈́͐l̶̡̗̘͎̇͋̆̄̕g̷̡̳̗̿̀͐̕o̵̡͙̜͇̅͒̈',
  LONG,
  'x'.repeat(3_900),
  'a\n'.repeat(60),
];

const waiting: [ReportReason, number, number, number][] = [
  ['threat', 12, 4, 4], ['underage', 31, 0, 1], ['sexual_content', 44, 0, 2], ['hate', 72, 20, 10],
  ['harassment', 25, 2, 1], ['spam', 18, 6, 9], ['other', 80, 0, 1], ['spam', 121, 1, 1],
  ['harassment', 140, 7, 3], ['spam', 181, 12, 6],
];
export const reports: AdminReport[] = waiting.map(([reason, minutes, evidence_count, reporters], n) =>
  reportOf(idOf(n), reason, {
    created_at: ago(minutes * MINUTE),
    evidence_count,
    reporters,
    reported: { user_id: idOf(100 + n), handle: handle(n), is_banned: false },
    ...(reason === 'hate' && { provisional_ban: idOf(500) }),
    ...(n === 2 && { taken: { by: 'hakem#3310', mine: false, until: ago(-4 * MINUTE) } }),
  }));

export const queue = (items: readonly AdminReport[]) => {
  const reasons = [...new Set(items.map(({ reason }) => reason))];
  return {
    items,
    open: reasons.map((of) => ({ reason: of, count: items.filter(({ reason }) => reason === of).length })),
    oldest_at: items[0] ? ago(181 * MINUTE) : null,
  };
};

export const threat: AdminReport = {
  ...reports[0]!,
  note: 'Önce çok kibardı. Cevap vermeyi bırakınca yazmaya başladı, adresimi bildiğini söylüyor.',
};
export const evidence = [
  message(2, 'Kahveyi nasıl içersiniz? Benimki sade, pencere kenarında.', 30),
  message(5, 'Neden cevap vermiyorsunuz', 14),
  message(6, 'Nerede oturduğunuzu bulmak zor değil', 12),
  message(7, 'Cevap vermezseniz pişman olursunuz', 12),
];
const resolution = { at: ago(5 * DAY), by: idOf(9), note: 'Hakaret: ilk kez, uyarı yeter.' };
export const past: AdminReport[] = [
  { ...reports[4]!, id: idOf(50), status: 'warned', created_at: ago(6 * DAY), resolution },
  {
    ...reports[5]!, id: idOf(51), status: 'dismissed', created_at: ago(40 * DAY),
    resolution: { ...resolution, note: null },
  },
];

export const somebody = {
  ...person(threat), id: idOf(100), handle: 'lodos#0417', created_at: ago(80 * DAY), last_active: ago(MINUTE),
};

export const people: AdminUser[] = HANDLES.map((name, n) => ({
  id: idOf(100 + n),
  handle: n === 6 ? null : name,
  phone_masked: n === 6 ? null : `+90 ******** ${10 + n}`,
  role: n === 3 ? 'moderator' : n === 4 ? 'admin' : 'user',
  is_banned: n === 1,
  is_premium: n === 2 || n === 7,
  created_at: ago((3 + n * 11) * DAY),
  last_active: ago((1 + n * n) * MINUTE),
  erased_at: n === 6 ? ago(2 * DAY) : null,
}));

const ends: [AdminMatch['status'], NonNullable<AdminMatch['ended_reason']> | null][] = [
  ['active', null], ['cancelled', 'left'], ['completed', 'hung_up'], ['completed', 'blocked'], ['expired', 'expired'],
  ['cancelled', 'erased'], ['completed', 'left'],
];
export const matches: AdminMatch[] = ends.map(([status, ended_reason], n) => ({
  id: idOf(200 + n),
  mode: n % 3 === 2 ? 'video' : 'text',
  status,
  created_at: ago((1 + 3 * n) * HOUR),
  expires_at: ago((3 * n - 23) * HOUR),
  ended_at: ended_reason ? ago((1 + 2 * n) * HOUR) : null,
  ended_reason,
  ended_by: ended_reason === 'left' ? somebody.id : null,
  sides: [
    { role: 'offerer', user_id: somebody.id, handle: somebody.handle, messages: 31 - 4 * n },
    {
      role: 'answerer', user_id: idOf(300 + n), messages: 18,
      handle: ended_reason === 'erased' ? null : handle(n + 1),
    },
  ],
}));

const appealed = { id: idOf(600), automatic: false, banned_by_me: false, provisional: false, until: ago(-20 * DAY) };
export const appeals: AdminAppeal[] = [0, 1, 2].map((n) => ({
  id: idOf(700 + n),
  user_id: idOf(100 + n),
  handle: handle(n),
  status: 'open',
  created_at: ago((20 - 6 * n) * HOUR),
  text: ['Bir konserin adresini yazdım, reklam sanıldı. Bir daha bakar mısınız?', HOSTILE[0]!, LONG][n]!,
  ban: {
    ...appealed, created_at: ago(2 * DAY), automatic: n === 2, provisional: n === 2, banned_by_me: n === 1,
    reason: n === 2 ? 'reports' : 'Birkaç kişiye, farklı günlerde aynı reklam.',
  },
}));
export const decided: AdminAppeal[] = appeals.map((one, n) => ({
  ...one, status: 'lifted', decided_at: ago((n + 1) * DAY), decided_by: idOf(9), note: 'Gerçekten bir konser.',
}));

export const bans: AdminBan[] = [0, 1, 2, 7].map((n) => ({
  id: idOf(800 + n),
  user_id: n === 2 ? null : idOf(100 + n),
  handle: n === 2 ? null : handle(n),
  reason: n === 7 ? LONG : n === 0 ? 'reports' : 'Birkaç kişiye aynı reklam.',
  automatic: n === 0,
  provisional: n === 0,
  active: true,
  created_at: ago((3 + n) * HOUR),
  created_by: n === 0 ? null : idOf(9),
  until: n === 1 ? ago(-6 * DAY) : null,
  appeal: n === 0 ? 'open' : null,
}));

const states: [AdminClaim['status'], AdminClaim['reason']][] = [
  ['pending', null], ['approved', null], ['rejected', 'answered'], ['approved', null],
];
export const claims: AdminClaim[] = states.map(([status, reason], n) => ({
  id: idOf(900 + n), match_id: idOf(200 + n), user_id: idOf(100 + n), status, reason: reason ?? null,
  created_at: ago((1 + 2 * n) * MINUTE), decided_at: status === 'pending' ? null : ago(n * MINUTE),
}));
