// Evidence as a chat: what was sent in the same minute stands together, and a gap is seen.

import type { VerifiedMessage } from '../../net/api.d.ts';

interface Group {
  /** It begins another day. */
  day: boolean;
  /** Messages before it were not attached. */
  gap: boolean;
  messages: VerifiedMessage[];
}

const MINUTE = 60_000;
const minute = ({ sent_at }: VerifiedMessage): number => Math.floor(Date.parse(sent_at) / MINUTE);
const day = ({ sent_at }: VerifiedMessage): string => new Date(sent_at).toDateString();

/** Of messages in the order in which they were sent. */
export function groups(messages: readonly VerifiedMessage[]): Group[] {
  const made: Group[] = [];
  let before: VerifiedMessage | undefined;
  for (const message of messages) {
    const gap = before !== undefined && message.seq > before.seq + 1;
    const another = !before || day(before) !== day(message);
    if (!before || gap || another || minute(before) !== minute(message)) {
      made.push({ day: another, gap, messages: [] });
    }
    made.at(-1)!.messages.push(message);
    before = message;
  }
  return made;
}
