// A match as one of its two sides is told of it.

import type { AdminMatch } from '../../net/api.d.ts';
import { t } from './text.ts';

export function sides(match: AdminMatch, id: string) {
  const own = match.sides.find(({ user_id }) => user_id === id);
  const peer = match.sides.find(({ user_id }) => user_id !== id);
  return { own, peer };
}

/** Why it ended and by whom, seen from that person: "left, by self". */
export function ending(match: AdminMatch, id: string): string {
  const { ended_reason, ended_by, call_failed_at, connected_at } = match;
  if (call_failed_at && !connected_at) return t.notConnected;
  if (!ended_reason) return '';
  const words = t.endings[ended_reason];
  if (!ended_by) return words;
  return `${words}, ${ended_by === id ? t.bySelf : t.byPeer}`;
}
