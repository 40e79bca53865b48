// What a report is about; the reason of a ban is that, or a moderator's words.

import type { ReportReason } from '../../net/api.d.ts';
import { t } from './text.ts';

export const isCode = (reason: string): reason is ReportReason => reason in t.reasons;

export const reasonWords = (reason: string): string => (isCode(reason) ? t.reasons[reason] : reason);
