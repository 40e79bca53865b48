// Whether it makes sense to ask for the right that a match cost: docs/protocol.md, "Claims". The
// server decides; here it is only not offered where it would be refused for certain.

import type { Chat } from '../app/model.ts';
import type { Meta } from '../net/rest.ts';

type Limits = Pick<
  Meta['limits'], 'claim_after_s' | 'claim_video_after_s' | 'claim_window_s'
>;
type Claimed = Pick<Chat, 'match' | 'messages' | 'unread' | 'endedBy'>;

/** From when to when it can be asked for; null where it never can, or was asked for already. */
export function claimable(
  { match, messages, unread, endedBy }: Claimed, limits: Limits,
): { from: number; until: number } | null {
  if (match.claim || match.status === 'completed') return null;
  // An answer, or something of the peer that could not be read.
  if (match.mode === 'text' && (unread > 0 || messages.some(({ from }) => from !== 'self'))) {
    return null;
  }
  const wait = match.mode === 'text' ? limits.claim_after_s : limits.claim_video_after_s;
  const due = Date.parse(match.created_at) + wait * 1000;
  const ended = match.ended_at ? Date.parse(match.ended_at) : null;
  const until = (ended ?? Date.parse(match.expires_at)) + limits.claim_window_s * 1000;
  if (ended === null) return { from: due, until };
  if (endedBy === 'self' && ended < due) return null;
  return { from: 0, until };
}
