// What a report is about. The reason of a ban is that, or a moderator's words.

import type { ReportReason } from '../net/api.d.ts';
import { texts } from '../text/texts.svelte.ts';

export const reasons = texts({
  tr: {
    threat: 'Tehdit',
    underage: 'Reşit olmama',
    harassment: 'Taciz',
    sexual_content: 'İstenmeyen cinsel içerik',
    hate: 'Nefret söylemi',
    spam: 'İstenmeyen ileti',
    other: 'Başka bir şey',
  },
  en: {
    threat: 'Threat',
    underage: 'Under age',
    harassment: 'Harassment',
    sexual_content: 'Unwanted sexual content',
    hate: 'Hate speech',
    spam: 'Spam',
    other: 'Something else',
  },
});

export const isReason = (reason: string): reason is ReportReason => reason in reasons;

export const reasonWords = (reason: string): string => (isReason(reason) ? reasons[reason] : reason);
