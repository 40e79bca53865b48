// What a moderator is about to decide.

import type { AdminReport, ResolveRequest } from '../../net/api.d.ts';
import { reasonWords } from '../../report/reasons.ts';
import { t } from './text.ts';

/** In the order of the keys 1 to 5. */
export const CHOICES = ['dismiss', 'warn', 'ban', 'forGood', 'rename'] as const;
type Choice = (typeof CHOICES)[number];
export const DAYS = [1, 7, 30] as const;
export const MOST_NOTE_CHARS = 1000;
const DAY = 86_400_000;

export interface Draft {
  choice: Choice | null;
  /** Of a ban for a time. */
  days: number;
  note: string;
}

export const emptyDraft = (): Draft => ({ choice: null, days: 7, note: '' });

type About = Pick<AdminReport, 'reason' | 'evidence_count'>;

/** Sentences for the note, the likeliest first. None speaks of messages where there are none. */
export function templates(choice: Choice, { reason, evidence_count }: About): string[] {
  const { notes } = t;
  const name = reasonWords(reason);
  const proven = evidence_count > 0;
  switch (choice) {
    case 'dismiss':
      return [...(proven ? [notes.nothing] : [notes.unproven, notes.nothing]), notes.quarrel, notes.misuse];
    case 'warn':
      return [notes.first(name), notes.borderline(name)];
    case 'rename':
      return [notes.aliasOffends, notes.aliasReveals, notes.aliasAdvertises];
    default:
      return [...(proven ? [notes.proven(name)] : []), notes.again(name), notes.grave(name)];
  }
}

/** Words of one's own stay; a template gives way to one of the new choice. Again, a ban takes the next length. */
export function choose(draft: Draft, choice: Choice, about: About): void {
  if (choice === 'ban' && draft.choice === 'ban') {
    draft.days = DAYS[(DAYS.indexOf(draft.days as 1) + 1) % DAYS.length]!;
    return;
  }
  const own = ownWords(draft, about);
  draft.choice = choice;
  if (!own) draft.note = templates(choice, about)[0]!;
}

/** Whether the note is more than a template. */
export function ownWords({ choice, note }: Draft, about: About): boolean {
  return note.trim() !== '' && !(choice && templates(choice, about).includes(note));
}

/** The template after the one that stands there. Words of one's own are not lost to it. */
export function nextTemplate(draft: Draft, about: About): void {
  if (!draft.choice || ownWords(draft, about)) return;
  const all = templates(draft.choice, about);
  draft.note = all[(all.indexOf(draft.note) + 1) % all.length]!;
}

/** What is sent, or in words what is missing. */
export function request({ choice, days, note }: Draft, now: number): ResolveRequest | string {
  if (!choice) return t.chooseFirst;
  const written = readable(note);
  if (!written) return t.noteFirst;
  if (choice === 'forGood') return { decision: 'ban', note: written };
  if (choice === 'ban') return { decision: 'ban', note: written, until: new Date(now + days * DAY).toISOString() };
  return { decision: choice, note: written };
}

/** The server takes line breaks and no other control characters. */
function readable(note: string): string {
  return note
    .replace(/\r\n?/g, '\n')
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, ' ')
    .trim();
}
