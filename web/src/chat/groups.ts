// What was said, as it is shown: days, and groups of one side within the same minute.

import type { Message, OwnMessage } from '../app/model.ts';

export interface Group {
  key: string;
  /** The heading of a new day goes before it. */
  day: string | null;
  from: Message['from'];
  messages: Message[];
  /** The line between what was read and what is new goes before it. */
  fresh: boolean;
}

/** An own message that did not arrive stands alone: it has words and buttons of its own. */
const alone = (message: Message): boolean =>
  message.from === 'system' || (message.from === 'self' && message.state === 'failed');

export function groups(messages: readonly Message[], firstUnread: string | null): Group[] {
  const made: Group[] = [];
  let date = '';
  let last: Message | undefined;
  for (const message of messages) {
    const of = new Date(message.at).toDateString();
    const newDay = of !== date;
    date = of;
    const fresh = message.key === firstUnread;
    const group = made.at(-1);
    const joins = group && last && !newDay && !fresh && !alone(message) && !alone(last)
      && last.from === message.from && sameState(last, message)
      && Math.floor(Date.parse(last.at) / 60_000) === Math.floor(Date.parse(message.at) / 60_000);
    if (joins) group.messages.push(message);
    else {
      const day = newDay ? message.at : null;
      made.push({ key: message.key, day, from: message.from, messages: [message], fresh });
    }
    last = message;
  }
  return made;
}

/** One tick stands for a whole group. */
function sameState(a: Message, b: Message): boolean {
  return a.from !== 'self' || (a as OwnMessage).state === (b as OwnMessage).state;
}
