// Where a notification leads. The server may have kinds that this client does not know: those lead
// nowhere, and their words are shown.

import type { Notification } from '../net/frames.d.ts';

const ROOMS: Record<string, string> = {
  referral_rewarded: '/account/invite',
  welcome_bonus: '/account',
  premium_started: '/account/premium',
  premium_ended: '/account/premium',
  renamed: '/account/name',
  password_reset: '/account/devices',
  new_device: '/account/devices',
  staff_sign_in: '/account/devices',
};

/** An address within the app, or null. */
export function leadsTo({ data }: Notification): string | null {
  const { code, match_id } = data as { code?: string; match_id?: unknown };
  if (typeof match_id === 'string' && /^[1-9]\d*$/.test(match_id)) return `/chats/${match_id}`;
  return ROOMS[code ?? ''] ?? null;
}

/** Of an ad: what was asked to be opened, if that is a proper address elsewhere. */
export function clicksTo({ type, data }: Notification): string | null {
  const { click_url } = data as { click_url?: unknown };
  if (type !== 'ad' || typeof click_url !== 'string') return null;
  return URL.canParse(click_url) && new URL(click_url).protocol === 'https:' ? click_url : null;
}
