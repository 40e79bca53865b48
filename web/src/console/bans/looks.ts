// How a ban is told, wherever it stands.

import type { AdminBan } from '../../net/api.d.ts';
import type { Reader } from '../desk.ts';
import { t } from './text.ts';

/** Its state in words, and the badge of it. */
export function looks(ban: AdminBan): { words: string; look: string } {
  if (ban.lifted_at) return { words: t.states.lifted, look: 'good' };
  if (!ban.active) return { words: t.states.over, look: '' };
  return ban.provisional
    ? { words: t.states.provisional, look: 'warn' }
    : { words: t.states.active, look: 'bad' };
}

/** Who made it. */
export function by({ automatic, created_by }: AdminBan, me: Reader): string {
  if (automatic || !created_by) return t.bySystem;
  return created_by === me.id ? t.byYou : t.byStaff;
}
