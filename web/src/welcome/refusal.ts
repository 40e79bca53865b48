// What the server refused where no field is to blame, in words.

import { explain } from '../text/problems.ts';
import { t } from './text.ts';

interface Refused {
  code?: string;
  status?: number;
  ban?: { reason: string; until?: string | null } | null;
}

export function refusal(error: unknown): string | null {
  if (error === null || error === undefined) return null;
  const { code, status, ban } = error as Refused;
  // A reason of one word is a code: the reports that led to the ban.
  const reason = /^[a-z_]+$/.test(ban?.reason ?? '') ? '' : (ban?.reason ?? '');
  if (code === 'banned') return ban ? t.bannedFor(reason, ban.until ?? null) : t.bannedPhone;
  if (code === 'invalid_credentials') return t.credentials;
  if (status === 503) return t.busy;
  return explain(error);
}
