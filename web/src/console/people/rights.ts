// What whoever looks may do to an account, as the server decides it: what it would refuse is not
// offered. It still refuses what only it knows, such as whom one has reported.

import type { UserRole } from '../../net/api.d.ts';
import type { Reader } from '../desk.ts';

export type Deed =
  | 'ban' | 'unban' | 'reliability' | 'role' | 'sessions' | 'premium' | 'quota' | 'erase';

interface Account {
  id: string;
  role: UserRole;
  is_banned: boolean;
  erased_at?: string | null;
}

export function deeds(me: Reader, account: Account): ReadonlySet<Deed> {
  const may = new Set<Deed>();
  const admin = me.role === 'admin';
  const self = me.id === account.id;
  const erased = Boolean(account.erased_at);
  if (self) return may;
  if (account.role === 'user' || admin) {
    may.add('reliability');
    if (account.is_banned) may.add('unban');
    else if (account.role !== 'admin') may.add('ban');
  }
  if (!admin || erased) return may;
  for (const deed of ['role', 'sessions', 'premium', 'quota'] as const) may.add(deed);
  if (account.role !== 'admin') may.add('erase');
  return may;
}
