// One report that somebody looks at, and what they write about it.

import type { AdminReport, AdminUserDetail, ReportDetails, VerifiedMessage } from '../../net/api.d.ts';
import { Problem } from '../../net/rest.ts';
import { explain } from '../../text/problems.ts';
import { type Draft, emptyDraft } from './draft.ts';
import type { Office } from './office.ts';
import { t } from './text.ts';

/** Only with `mine` it can be decided. With `gone`, `lost` and `unseen` it cannot be read either. */
export type CaseState =
  | 'opening' | 'mine'
  /** Another one has it. */
  | 'taken'
  | 'decided'
  /** Made by the one who looks. */
  | 'own'
  | 'gone'
  /** About the one who looks, or the role was taken away. */
  | 'unseen'
  /** No answer came. */
  | 'lost';

export class Case {
  readonly id: string;
  state: CaseState = $state('opening');
  report: AdminReport | null = $state.raw(null);
  /** In the order in which they were sent; null until they are read. */
  evidence: readonly VerifiedMessage[] | null = $state.raw(null);
  answer: ReportDetails['answer'] = $state.raw(null);
  person: AdminUserDetail | null = $state.raw(null);
  /** Other reports about the same user, newest first. */
  others: readonly AdminReport[] | null = $state.raw(null);
  /** What could not be read, in words. */
  wrong = $state('');
  wrongPast = $state('');
  draft: Draft = $state(emptyDraft());
  /** What is missing before it can be decided. */
  missing = $state('');

  constructor(id: string, report: AdminReport | null = null) {
    this.id = id;
    this.report = report;
  }

  /** The evidence first: reading it can be refused. */
  async read(office: Office): Promise<void> {
    this.wrong = '';
    try {
      const details = await office.read(this.id);
      this.report = details;
      this.evidence = details.evidence.toSorted((a, b) => a.seq - b.seq);
      this.answer = details.answer ?? null;
    } catch (error) {
      const state = unreadable(error);
      if (state && this.state !== 'mine') this.state = state;
      this.wrong = explain(error);
      return;
    }
    await this.readPast(office);
  }

  async readPast(office: Office): Promise<void> {
    const about = this.report?.reported.user_id;
    if (!about) return;
    this.wrongPast = '';
    const [person, others] = await Promise.allSettled([office.person(about), office.reportsAbout(about)]);
    if (person.status === 'fulfilled') this.person = person.value;
    if (others.status === 'fulfilled') this.others = others.value.filter(({ id }) => id !== this.id);
    if (person.status === 'rejected' || others.status === 'rejected') this.wrongPast = t.pastUnread;
  }
}

function unreadable(error: unknown): CaseState | null {
  if (!(error instanceof Problem)) return null;
  if (error.status === 0) return 'lost';
  if (error.status === 404) return 'gone';
  return error.status === 403 ? 'unseen' : null;
}
