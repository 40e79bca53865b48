// The queues as they are shown: where something is wrong first.

import type { JobQueue } from '../../net/api.d.ts';

/** A job that is due and not taken for this long: the workers do not keep up. */
export const LATE_S = 60;

export function sorted(queues: readonly JobQueue[]): JobQueue[] {
  const wrong = ({ dead, oldest_due_s }: JobQueue): number => (dead > 0 ? 2 : oldest_due_s >= LATE_S ? 1 : 0);
  return queues.toSorted((one, other) => wrong(other) - wrong(one) || one.queue.localeCompare(other.queue, 'en'));
}
