// Reports and an office that answers without a server: for the tests.

import type { AdminReport, AdminUserDetail, ReportDetails, ReportReason, VerifiedMessage } from '../../net/api.d.ts';
import type { Office } from './office.ts';

export function report(id: string, reason: ReportReason = 'spam', over: Partial<AdminReport> = {}): AdminReport {
  return {
    id,
    match_id: '412345678800000123',
    reason,
    status: 'open',
    created_at: new Date(Date.now() - 12 * 60_000).toISOString(),
    evidence_count: 2,
    reporters: 4,
    note: null,
    provisional_ban: null,
    resolution: null,
    taken: null,
    reported: { user_id: `7${id}`, handle: 'lodos#0417', is_banned: false },
    reporter: {
      user_id: `8${id}`, handle: 'limon.kolonya#7839', decided: 6, dismissed: 1, unreliable: false, counts: true,
    },
    ...over,
  };
}

export const message = (seq: number, text: string, minutes = 10): VerifiedMessage => ({
  kid: '1', seq, text, verified: true, sent_at: new Date(Date.now() - minutes * 60_000).toISOString(),
});

export const details = (about: AdminReport, over: Partial<ReportDetails> = {}): ReportDetails => ({
  ...about,
  evidence: [message(2, 'two'), message(1, 'one')],
  answer: null,
  ...over,
});

export function person(about: AdminReport): AdminUserDetail {
  return {
    id: about.reported.user_id,
    handle: about.reported.handle,
    phone_masked: '+90 ******** 17',
    role: 'user',
    is_banned: false,
    is_premium: false,
    unreliable: false,
    created_at: about.created_at,
    last_active: about.created_at,
    erased_at: null,
    quota: null,
    counts: {
      bans: 1, claims: 0, matches: 312, reporters_30d: 4, reports_decided: 5, reports_made: 3,
      reports_made_dismissed: 2, reports_open: 2, sessions: 1,
    },
  };
}

/** Each call can be replaced. `queue` has what is open. */
export function office(open: AdminReport[], over: Partial<Office> = {}): Office {
  const find = (id: string): AdminReport => open.find((one) => one.id === id) ?? report(id);
  const reasons = (): ReportReason[] => [...new Set(open.map(({ reason }) => reason))];
  return {
    queue: async (reason) => ({
      items: open.filter((one) => !reason || one.reason === reason),
      open: reasons().map((of) => ({ reason: of, count: open.filter(({ reason }) => reason === of).length })),
      oldest_at: open[0]?.created_at ?? null,
    }),
    take: async () => undefined,
    release: async () => undefined,
    read: async (id) => details(find(id)),
    person: async () => person(open[0] ?? report('1')),
    reportsAbout: async () => [],
    resolve: async () => undefined,
    ...over,
  };
}
