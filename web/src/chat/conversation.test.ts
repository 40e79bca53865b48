// What goes wrong between a chat, its disk and its line.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { toBase64 } from '../e2ee/bytes.ts';
import { Mls } from '../e2ee/mls.ts';
import type { Session } from '../e2ee/session.ts';
import { match } from '../gallery/fixtures.ts';
import type { ClientFrame, Match, MessageNew, ServerFrame } from '../net/frames.d.ts';
import { Conversation } from './conversation.svelte.ts';

const print = (byte: string): string => `sha-256 ${Array(32).fill(byte).join(':')}`;

interface Made {
  chat: Conversation;
  peer: Session;
  /** Frames that nobody answers, and those that ask. */
  sent: ClientFrame[];
  disk: { write: (records: Record<string, unknown>) => Promise<void>; records: Map<string, unknown> };
  /** The same chat as a page has it that is loaded anew. */
  again(): Conversation;
  hear(seq: number, text: string): Promise<void>;
}

async function joined(over: Partial<Match> = {}): Promise<Made> {
  const [a, b] = [await Mls.load(), await Mls.load()];
  const records = new Map<string, unknown>();
  const put = async (some: Record<string, unknown>): Promise<void> => {
    for (const [name, value] of Object.entries(some)) records.set(name, structuredClone(value));
  };
  const disk: Made['disk'] = { write: put, records };
  const sent: ClientFrame[] = [];
  const room = {
    store: { write: (some: Record<string, unknown>) => disk.write(some), remove: async () => undefined },
    mls: b,
    handle: 'bora#0002',
    ask: (frame: ClientFrame) => {
      sent.push(frame);
      return new Promise<ServerFrame>(() => undefined);
    },
    send: (frame: ClientFrame) => sent.push(frame) > 0,
    online: async () => undefined,
    packagesRecord: () => ({}),
  };
  const parties = { matchId: '41', own: 'ada#0001', peer: 'bora#0002' };
  const { session: peer, welcome } = await a.create(parties, (await b.packages.make()).wire);
  const about = match('41', 'ada#0001', { role: 'answerer', ...over });
  const chat = new Conversation(room, about);
  const frame = (seq: number, more: Partial<MessageNew>): MessageNew =>
    ({ type: 'message.new', match_id: '41', seq, sent_at: '2026-11-24T10:00:00Z', ...more }) as MessageNew;
  await chat.hear(frame(1, { kind: 'handshake', ciphertext: toBase64(welcome) }));
  const hear = async (seq: number, text: string): Promise<void> => {
    const { ciphertext, tag } = await peer.seal({ type: 'text', text });
    const one = { kind: 'content' as const, ciphertext: toBase64(ciphertext), franking_tag: toBase64(tag) };
    await chat.hear(frame(seq, one));
  };
  const again = (): Conversation => {
    const messages = [...records].filter(([name]) => name.includes('/m/')).map(([, one]) => one as never);
    return new Conversation(room, about, { chat: records.get('match/41/chat') as never, messages, evidence: [] });
  };
  return { chat, peer, sent, disk, again, hear };
}

const types = (frames: readonly ClientFrame[]): string[] => frames.map(({ type }) => type);
const acks = (frames: readonly ClientFrame[]): unknown[] =>
  frames.flatMap((frame) => (frame.type === 'message.ack' ? [frame.seq] : []));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a message is acknowledged once it is on the disk', async () => {
  const { chat, sent, disk, hear } = await joined();
  await vi.advanceTimersByTimeAsync(100);
  let stored!: () => void;
  disk.write = () => new Promise((resolve) => (stored = resolve));
  const heard = hear(2, 'bir');
  await vi.waitFor(() => expect(stored).toBeDefined());
  await vi.advanceTimersByTimeAsync(100);
  chat.tellPosition();
  expect(acks(sent)).toEqual([1, 1]);
  stored();
  await heard;
  await vi.advanceTimersByTimeAsync(100);
  expect(acks(sent)).toEqual([1, 1, 2]);
});

test('a message whose write failed goes with the next', async () => {
  const { chat, disk, again, hear } = await joined();
  const { write } = disk;
  disk.write = async () => Promise.reject(new Error('the disk is full'));
  await expect(hear(2, 'bir')).rejects.toThrow('full');
  disk.write = write;
  await hear(3, 'iki');
  await chat.settled();
  expect(again().messages.map((one) => 'text' in one && one.text)).toEqual(['bir', 'iki']);
});

test('a chat that is over does not run again', async () => {
  const { chat } = await joined();
  const running = chat.match;
  chat.take({ ...running, status: 'completed', ended_at: '2026-11-24T11:00:00Z' });
  chat.take(running);
  expect(chat.ended).toBe(true);
});

test('a page that lost the device writes and sends nothing', async () => {
  const { chat, sent, disk, hear } = await joined();
  await vi.advanceTimersByTimeAsync(100);
  chat.setDraft('yarım');
  chat.drop();
  sent.length = 0;
  disk.write = async () => {
    throw new Error('written');
  };
  chat.say('bir');
  await hear(2, 'iki');
  await vi.advanceTimersByTimeAsync(60_000);
  await chat.settled();
  expect(sent).toEqual([]);
});

test('how far somebody came is told again after a refusal', async () => {
  const { chat, sent, hear } = await joined();
  await hear(2, 'bir');
  chat.markRead();
  await hear(3, 'iki');
  await vi.advanceTimersByTimeAsync(100);
  sent.length = 0;
  chat.tellPosition();
  expect(sent).toMatchObject([{ type: 'message.read', seq: 2 }, { type: 'message.ack', seq: 3 }]);
});

test('another page knows of the certificates of the call', async () => {
  const { chat, peer, again, sent } = await joined({ mode: 'video' });
  expect(chat.call?.told).toBe(false);
  void chat.call?.tellCertificate(print('AA'));
  const ciphertext = toBase64(await peer.sealHandshake({ type: 'dtls', fingerprint: print('BB') }));
  const frame = { type: 'message.new', match_id: '41', seq: 2, kind: 'handshake', ciphertext };
  await chat.hear({ ...frame, sent_at: '2026-11-24T10:00:00Z' } as MessageNew);
  await chat.settled();
  await vi.waitFor(() => expect(types(sent)).toContain('message.send'));
  const back = again().call!;
  expect([back.told, await back.peerCertificate]).toEqual([true, print('BB')]);
});
