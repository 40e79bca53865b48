// The reason of a ban: a moderator's words, or the name of what the reports were about.

import type { ReportReason } from '../../net/api.d.ts';
import { t } from './text.ts';

export const isCode = (reason: string): reason is ReportReason => reason in t.reasons;

export const reasonWords = (reason: string): string => (isCode(reason) ? t.reasons[reason] : reason);
