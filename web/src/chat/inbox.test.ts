// What a hostile peer or server sends is said in words or passed over, and what follows is read.

import { expect, test } from 'vitest';
import { toBase64 } from '../e2ee/bytes.ts';
import { Mls } from '../e2ee/mls.ts';
import type { Content, Sealed, Session } from '../e2ee/session.ts';
import { match } from '../gallery/fixtures.ts';
import type { ClientFrame, MessageNew } from '../net/frames.d.ts';
import { Inbox } from './inbox.ts';
import type { Stored } from './kept.ts';

const say = (text: string): Content => ({ type: 'text', text });
const frank = { kid: '1', mac: toBase64(new Uint8Array(32)) };

function frame(seq: number, { ciphertext, tag }: Sealed, over: Partial<MessageNew> = {}) {
  return {
    type: 'message.new',
    match_id: '41',
    seq,
    kind: 'content',
    ciphertext: toBase64(ciphertext),
    franking_tag: toBase64(tag),
    frank,
    sent_at: '2026-11-24T10:00:00.000Z',
    ...over,
  } as MessageNew;
}

interface Heard {
  peer: Session;
  inbox: Inbox;
  shown: Stored[];
  sent: ClientFrame[];
  /** What is on the screen: texts, and the kinds of what stands in their place. */
  words(): string[];
}

async function chat(): Promise<Heard> {
  const [a, b] = [await Mls.load(), await Mls.load()];
  const parties = { matchId: '41', own: 'ada#0001', peer: 'bora#0002' };
  const made = await a.create(parties, (await b.packages.make()).wire);
  const session = await b.join({ matchId: '41', own: 'bora#0002', peer: 'ada#0001' }, made.welcome);
  const shown: Stored[] = [];
  const sent: ClientFrame[] = [];
  const inbox = new Inbox({
    match: match('41', 'ada#0001', { role: 'answerer' }),
    session,
    join: async () => false,
    broke: () => undefined,
    certificate: () => undefined,
    show: (message) => void shown.push(message),
    send: (one) => sent.push(one) > 0,
    save: async () => undefined,
  });
  inbox.seq = 1; // the Welcome
  inbox.connected();
  const words = (): string[] => shown.map((one) => (one.from === 'system' ? one.kind : one.text));
  return { peer: made.session, inbox, shown, sent, words };
}

test('texts arrive as they were written', async () => {
  const { peer, inbox, words } = await chat();
  const texts = [
    '<img src=x onerror=alert(1)>', '\u202Eters\u200b', 'W'.repeat(15_000), '{"type":"text"}', '\u0000',
  ];
  for (const [i, text] of texts.entries()) await inbox.take(frame(i + 2, await peer.seal(say(text))));
  expect(words()).toEqual(texts);
  expect(inbox.evidence.map(({ text }) => text)).toEqual(texts);
});

test('garbage is said in words and the next one is read', async () => {
  const { peer, inbox, words } = await chat();
  const good = await peer.seal(say('bir'));
  const garbage = [
    { ciphertext: toBase64(crypto.getRandomValues(new Uint8Array(300))) },
    { ciphertext: '' },
    { ciphertext: 'no base64!' },
    { kind: 'handshake' as const, franking_tag: null },
  ];
  for (const [i, over] of garbage.entries()) await inbox.take(frame(i + 2, good, over));
  await inbox.take(frame(6, await peer.seal(say('iki'))));
  expect(words()).toEqual([...garbage.map(() => 'unreadable'), 'iki']);
  expect(inbox.evidence).toHaveLength(1);
});

test('what has a wrong franking tag is not shown', async () => {
  const { peer, inbox, words } = await chat();
  const [one, two] = [await peer.seal(say('bir')), await peer.seal(say('iki'))];
  await inbox.take(frame(2, { ...one, tag: two.tag }));
  await inbox.take(frame(3, two, { franking_tag: null }));
  await inbox.take(frame(4, two, { franking_tag: toBase64(new Uint8Array(31)) }));
  await inbox.take(frame(5, await peer.seal(say('üç'))));
  expect(words()).toEqual(['unreadable', 'unreadable', 'unreadable', 'üç']);
});

test('what the server does not vouch for proves nothing', async () => {
  const { peer, inbox, words } = await chat();
  await inbox.take(frame(2, await peer.seal(say('bir')), { frank: null }));
  expect([words(), inbox.evidence]).toEqual([['bir'], []]);
});

test('a repeated number is acknowledged and not shown again', async () => {
  const { peer, inbox, words } = await chat();
  const [one, two] = [await peer.seal(say('bir')), await peer.seal(say('iki'))];
  expect(await inbox.take(frame(2, one))).toBe(true);
  expect(await inbox.take(frame(2, one))).toBe(true);
  expect(await inbox.take(frame(2, two))).toBe(true);
  expect([words(), inbox.seq]).toEqual([['bir'], 2]);
});

test('the same bytes under a new number are not shown twice', async () => {
  const { peer, inbox, words } = await chat();
  const one = await peer.seal(say('bir'));
  await inbox.take(frame(2, one));
  await inbox.take(frame(3, one));
  expect(words()).toEqual(['bir', 'unreadable']);
});

test('a skipped number is asked for once, then told as missing', async () => {
  const { peer, inbox, sent, words } = await chat();
  await inbox.take(frame(2, await peer.seal(say('bir'))));
  await peer.seal(say('kayıp'));
  const three = await peer.seal(say('üç'));
  expect(await inbox.take(frame(4, three))).toBe(false);
  expect(sent).toEqual([{ type: 'message.sync', match_id: '41', peer_seq: 2 }]);
  expect(await inbox.take(frame(4, three))).toBe(true);
  expect([words(), inbox.seq, sent.length]).toEqual([['bir', 'missing', 'üç'], 4, 1]);
});

test('what was lost before a connection is told at once', async () => {
  const { peer, inbox, sent, words } = await chat();
  await inbox.take(frame(2, await peer.seal(say('bir'))));
  await peer.seal(say('kayıp'));
  inbox.connected();
  await inbox.take(frame(4, await peer.seal(say('üç'))));
  expect([words(), sent]).toEqual([['bir', 'missing', 'üç'], []]);
});

test('contents of another kind are said in words', async () => {
  const { peer, inbox, words } = await chat();
  const contents: Content[] = [
    { type: 'dtls', fingerprint: 'sha-256 00' }, { type: 'picture', url: 'https://example' },
    { type: 'text', text: 7 } as unknown as Content, { type: '__proto__' },
  ];
  for (const [i, content] of contents.entries()) {
    await inbox.take(frame(i + 2, await peer.seal(content)));
  }
  expect(words()).toEqual(['unknown', 'unknown', 'unreadable', 'unknown']);
});

test('only the last messages are kept for a report', async () => {
  const { peer, inbox } = await chat();
  for (let n = 2; n < 27; n += 1) await inbox.take(frame(n, await peer.seal(say(String(n)))));
  expect(inbox.evidence.map(({ text }) => text)).toEqual(
    Array.from({ length: 20 }, (_, i) => String(i + 7)),
  );
});

test('what was on its way already is no answer', async () => {
  const { peer, inbox, sent, words } = await chat();
  const sealed: Sealed[] = [];
  for (const text of ['two', 'three', 'four', 'five']) sealed.push(await peer.seal(say(text)));
  const come = (seq: number): Promise<boolean> => inbox.take(frame(seq, sealed[seq - 2]!));
  await come(2);
  // 3 was lost on the way. 5 was sent before the server heard that.
  expect([await come(4), await come(5)]).toEqual([false, false]);
  for (const seq of [3, 4, 5]) expect(await come(seq)).toBe(true);
  expect(words()).toEqual(['two', 'three', 'four', 'five']);
  expect(sent.length).toBeGreaterThan(0);
});
