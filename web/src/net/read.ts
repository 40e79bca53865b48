// What the server sends is not trusted blindly: a frame that is not what it says changes nothing.

import type { ServerFrame } from './frames.d.ts';

type Check = (value: unknown) => boolean;
type Checks = Record<string, Check>;
type Fields = Record<string, unknown>;

/** The largest `welcome` is far below it. */
const MOST_CHARACTERS = 2 ** 20;

const text: Check = (value) => typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
const number: Check = (value) => Number.isFinite(value) && (value as number) >= 0;
const seq: Check = (value) => Number.isSafeInteger(value) && (value as number) > 0;
/** Ids become parts of names on the disk. */
const id: Check = (value) => typeof value === 'string' && /^\d{1,20}$/.test(value);
const maybe = (check: Check): Check => (value) => (value ?? null) === null || check(value);
const all = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const has = (checks: Checks): Check => (value) =>
  typeof value === 'object' && value !== null
  && Object.entries(checks).every(([name, check]) => check((value as Fields)[name]));

const quota = has({ text: number, video: number, bonus: number });
const match = has({
  id, status: text, mode: text, role: text, this_device: flag, created_at: text,
  peer: has({ handle: text }),
});
const inMatch = { match_id: id };
const receipt = { match_id: id, seq };
const pause = { retry_after_ms: maybe(number) };

/** What this client reads of each frame. */
const FRAMES = new Map<string, Checks>(Object.entries({
  welcome: {
    user: has({ handle: text, quota }),
    quota,
    matches: all(match),
    keys_remaining: number,
    search: maybe(has({ ticket_id: text, mode: text })),
    server_time: (value) => text(value) && !Number.isNaN(Date.parse(value as string)),
    heartbeat_s: number,
    limits: has({ frames_per_second: number }),
  },
  'match.searching': { ticket_id: text },
  'match.found': { match, quota, peer_key_package: maybe(text), keys_remaining: maybe(number) },
  'match.cancelled': { ticket_id: maybe(text), reason: text },
  'match.ended': { match_id: id, status: text, reason: text, by: text },
  'message.accepted': { ...receipt, sent_at: text },
  'message.new': {
    ...receipt, kind: text, ciphertext: text, franking_tag: maybe(text), sent_at: text,
  },
  'message.delivered': receipt,
  'message.read': receipt,
  typing: { ...inMatch, on: flag },
  'peer.presence': { ...inMatch, online: flag },
  'rtc.description': { ...inMatch, sdp: text },
  'rtc.candidate': { ...inMatch, candidate: text },
  'rtc.state': { ...inMatch, state: text },
  notification: { notification: has({ id, message: text, data: has({}) }) },
  'notification.read': { unread: number },
  ad: { ad: has({ id, title: text, content: text }) },
  quota: { quota },
  pong: {},
  draining: pause,
  error: { code: text, ...pause, expected_seq: maybe(seq) },
}));

/** The frame, or what is wrong with it, in words without anything of it. */
export function readFrame(data: unknown): ServerFrame | string {
  if (typeof data !== 'string') return 'a frame that is no text';
  if (data.length > MOST_CHARACTERS) return 'a frame that is too large';
  let frame: unknown;
  try {
    frame = JSON.parse(data);
  } catch {
    return 'a frame that is not JSON';
  }
  if (typeof frame !== 'object' || frame === null) return 'a frame that is no object';
  const fields = frame as Fields;
  const checks = FRAMES.get(String(fields.type));
  if (!checks) return 'a frame of an unknown type';
  const wrong = Object.keys(checks).find((name) => !checks[name]!(fields[name]));
  return wrong ? `a frame ${String(fields.type)} whose ${wrong} is wrong` : (frame as ServerFrame);
}
