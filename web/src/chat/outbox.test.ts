import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { OwnMessage } from '../app/model.ts';
import type { Content, Session } from '../e2ee/session.ts';
import type { ClientFrame, MessageSend, ServerFrame } from '../net/frames.d.ts';
import { Outbox } from './outbox.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const accepted = { type: 'message.accepted', sent_at: '2026-11-24T10:00:00.000Z' } as ServerFrame;
const refused = (code: string, more = {}): ServerFrame =>
  ({ type: 'error', code, message: '', ...more }) as unknown as ServerFrame;

/** A session that writes plain text, so that what leaves can be read. */
const session = {
  async seal({ text }: Content) {
    if (String(text).length > 100) throw new Error('too long');
    return { ciphertext: new TextEncoder().encode(String(text)), tag: new Uint8Array(32) };
  },
  async sealHandshake({ fingerprint }: Content) {
    return new TextEncoder().encode(String(fingerprint));
  },
} as unknown as Session;

function outbox(answers: ServerFrame[] = []) {
  const messages = new Map<string, OwnMessage>();
  const sent: string[] = [];
  const chat = {
    matchId: '7',
    session: session as Session | null,
    closed: false,
    disk: async (): Promise<void> => undefined,
    ask: async (frame: ClientFrame): Promise<ServerFrame> => {
      const { seq, ciphertext } = frame as MessageSend;
      sent.push(`${seq} ${atob(ciphertext)}`);
      return answers.shift() ?? accepted;
    },
    online: async () => undefined,
    message: (key: string) => messages.get(key),
    accepted: (message: OwnMessage) => void (message.state = 'sent'),
    setUpRefused: vi.fn(),
    gone: vi.fn(() => void (chat.closed = true)),
    exclusive: <T>(step: () => Promise<T>) => step(),
    save: () => chat.disk(),
  };
  const made = new Outbox(chat);
  const say = (key: string, text = key): void => {
    messages.set(key, { from: 'self', key, text, at: '', state: 'waiting' });
    made.text(key);
  };
  return { made, chat, sent, say, state: (key: string) => messages.get(key)?.state };
}

test('messages go one after the other with numbers of their own', async () => {
  const { made, sent, say, state } = outbox();
  say('a');
  say('b');
  await made.pump();
  expect([sent, state('a'), state('b')]).toEqual([['1 a', '2 b'], 'sent', 'sent']);
});

test('nothing leaves before there is an encryption', async () => {
  const { made, chat, sent, say } = outbox();
  chat.session = null;
  say('a');
  await made.pump();
  expect(sent).toEqual([]);
  chat.session = session;
  await made.pump();
  expect(sent).toEqual(['1 a']);
});

test('nothing leaves before it is on the disk', async () => {
  const { made, chat, sent, say } = outbox();
  chat.disk = () => Promise.reject(new Error('full'));
  say('a');
  const pumped = made.pump();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sent).toEqual([]);
  chat.disk = async () => undefined;
  await vi.advanceTimersByTimeAsync(5_000);
  await pumped;
  expect(sent).toEqual(['1 a']);
});

test('a lost answer repeats the same bytes under the same number', async () => {
  const { made, sent, say, state } = outbox([refused('connection_lost'), accepted]);
  say('a');
  await made.pump();
  expect([sent, state('a')]).toEqual([['1 a', '1 a'], 'sent']);
});

test('a server that is busy is asked again when it says so', async () => {
  const { made, sent, say } = outbox([refused('rate_limited', { retry_after_ms: 700 }), accepted]);
  say('a');
  const pumped = made.pump();
  await vi.advanceTimersByTimeAsync(699);
  expect(sent).toEqual(['1 a']);
  await vi.advanceTimersByTimeAsync(1);
  await pumped;
  expect(sent).toEqual(['1 a', '1 a']);
});

test('a number that the server does not expect is corrected', async () => {
  const { made, sent, say } = outbox([refused('out_of_order', { expected_seq: 5 }), accepted]);
  say('a');
  say('b');
  await made.pump();
  expect(sent).toEqual(['1 a', '5 a', '6 b']);
});

test('a refused message leaves its number to the next', async () => {
  const { made, sent, say, state } = outbox([refused('message_too_large'), accepted]);
  say('a');
  say('b');
  await made.pump();
  expect([sent, state('a'), state('b')]).toEqual([['1 a', '1 b'], 'failed', 'sent']);
});

test('a text too long to be encrypted fails alone', async () => {
  const { made, sent, say, state } = outbox();
  say('a', 'x'.repeat(101));
  say('b');
  await made.pump();
  expect([sent, state('a')]).toEqual([['1 b'], 'failed']);
});

test('a match that the server has no more takes nothing', async () => {
  const { made, chat, sent, say } = outbox([refused('match_ended')]);
  say('a');
  say('b');
  await made.pump();
  expect([sent, chat.gone.mock.calls.length]).toEqual([['1 a'], 1]);
});

test('a refused set-up is told, and no certificate waits for good', async () => {
  const one = outbox([refused('invalid_field')]);
  await one.made.welcome(new TextEncoder().encode('welcome'));
  one.chat.closed = false;
  await one.made.pump();
  expect(one.chat.setUpRefused).toHaveBeenCalledOnce();

  const two = outbox();
  await two.made.welcome(new TextEncoder().encode('welcome'));
  const told = two.made.certificate('sha-256 00');
  await two.made.pump();
  await told;
  expect(two.sent).toEqual(['1 welcome', '2 sha-256 00']);
});

test('what waits survives a reload', async () => {
  const { made, chat, say } = outbox();
  chat.session = null;
  say('a');
  const again = outbox();
  again.say('a');
  again.made.restore(made.stored());
  await again.made.pump();
  expect(again.sent).toEqual(['1 a']);
});
