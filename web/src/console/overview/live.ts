// What the server sees now, in words.

import type { Live } from '../../net/api.d.ts';
import { span } from '../../text/format.ts';
import { t } from './text.ts';

export const MODES = ['text', 'video'] as const;

/** The server counts every 5 s. Numbers that are older than this are of a server that no longer does. */
const OLD_S = 60;

/** In whole seconds. A clock that is a little behind makes nothing future. */
export const age = ({ at }: Live, now: number): number => Math.max(0, Math.floor((now - Date.parse(at)) / 1000));

export const isOld = (live: Live, now: number): boolean => age(live, now) > OLD_S;

/** "8 s", "3 min", "2 h 5 min". */
export const waited = (seconds: number): string => (seconds < 60 ? t.seconds(seconds) : span(seconds * 1000));
