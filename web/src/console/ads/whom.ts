import type { TargetGroup } from '../../net/api.d.ts';
import { type Target, target } from './target.ts';
import { t } from './text.ts';

/** Whom it is for, in words: "free, Turkish". */
export function whom(of: TargetGroup | Target | undefined): string {
  const { subscribers, readers } = typeof of === 'object' ? of : target(of ?? 'all');
  const words = [t.subscriberWords[subscribers]];
  if (readers !== 'any') words.push(t.readerWords[readers]);
  return words.join(', ');
}
