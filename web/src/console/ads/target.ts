// Whom an ad or an announcement is for: everybody, or some by subscription, by language, or by both.

import type { TargetGroup } from '../../net/api.d.ts';

export type Subscribers = 'all' | 'free' | 'premium';
export type Readers = 'any' | 'tr' | 'en';

export interface Target {
  subscribers: Subscribers;
  readers: Readers;
}

export function group({ subscribers, readers }: Target): TargetGroup {
  if (readers === 'any') return subscribers;
  return subscribers === 'all' ? `locale:${readers}` : `${subscribers},locale:${readers}`;
}

export function target(group: TargetGroup): Target {
  const words = group.split(',');
  const subscribers = words.find((word) => word === 'free' || word === 'premium') ?? 'all';
  const readers = (['tr', 'en'] as const).find((one) => words.includes(`locale:${one}`)) ?? 'any';
  return { subscribers: subscribers as Subscribers, readers };
}
