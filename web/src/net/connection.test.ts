import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { me } from '../gallery/fixtures.ts';
import { Connection, type ConnectionHooks } from './connection.ts';
import { FakeSocket } from './fake.ts';
import type { ClientFrame, ServerFrame } from './frames.d.ts';

const WELCOME = {
  type: 'welcome',
  session_id: '1',
  user: me,
  quota: me.quota,
  matches: [],
  keys_remaining: 50,
  unread_notifications: 0,
  server_time: '2026-11-24T10:00:00.000Z',
  heartbeat_s: 30,
  limits: {
    max_frame_bytes: 65536, max_ciphertext_bytes: 16384, max_devices: 5, frames_per_second: 10,
  },
};

function line(hooks: Partial<ConnectionHooks> = {}) {
  const sockets: FakeSocket[] = [];
  const heard: ServerFrame[] = [];
  const states: string[] = [];
  const ended = vi.fn();
  const connection = new Connection({
    url: 'wss://x/v1/ws',
    token: async () => 'good',
    renewed: async () => 'renewed',
    tokenLasts: () => 3600_000,
    hello: () => ({ resume: [{ match_id: '7', peer_seq: 3 }] }),
    frame: (frame) => void heard.push(frame),
    state: (state) => states.push(state),
    ended,
    socket: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    ...hooks,
  });
  return {
    connection, sockets, heard, states, ended,
    get socket() {
      return sockets.at(-1)!;
    },
    async online() {
      await vi.advanceTimersByTimeAsync(0);
      this.socket.open();
      this.socket.hear(WELCOME);
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  vi.spyOn(Math, 'random').mockReturnValue(1);
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const typing = (n: number): ClientFrame => ({ type: 'typing', match_id: String(n), on: true });

test('hello comes first, with the token and what is here', async () => {
  const it = line();
  void it.connection.open();
  await vi.advanceTimersByTimeAsync(0);
  expect(it.socket.sent).toEqual([]);
  expect(it.connection.send(typing(1))).toBe(false);
  it.socket.open();
  expect(it.socket.sent).toEqual([
    { type: 'hello', token: 'good', resume: [{ match_id: '7', peer_seq: 3 }] },
  ]);
  it.socket.hear(WELCOME);
  expect(it.states).toEqual(['connecting', 'online']);
  expect(it.connection.send(typing(1))).toBe(true);
});

test('the pauses between tries grow to half a minute', async () => {
  const it = line();
  void it.connection.open();
  await vi.advanceTimersByTimeAsync(0);
  const pauses: number[] = [];
  for (let i = 0; i < 9; i += 1) {
    const [before, at] = [it.sockets.length, Date.now()];
    it.socket.shut(1006);
    while (it.sockets.length === before) await vi.advanceTimersByTimeAsync(50);
    pauses.push(Date.now() - at);
  }
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

test('clients that lost the line at once come back apart', async () => {
  vi.mocked(Math.random).mockReturnValue(0);
  const it = line();
  void it.connection.open();
  await vi.advanceTimersByTimeAsync(0);
  it.socket.shut(1006);
  await vi.advanceTimersByTimeAsync(249);
  expect(it.sockets).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(it.sockets).toHaveLength(2);
});

test('after a good connection the pauses begin anew', async () => {
  const it = line();
  void it.connection.open();
  await vi.advanceTimersByTimeAsync(0);
  for (let i = 0; i < 5; i += 1) {
    it.socket.shut(1006);
    await vi.advanceTimersByTimeAsync(30_000);
  }
  await it.online();
  await vi.advanceTimersByTimeAsync(11_000);
  const before = it.sockets.length;
  it.socket.shut(1001);
  await vi.advanceTimersByTimeAsync(500);
  expect(it.sockets).toHaveLength(before + 1);
});

test.each([
  [1001, 'again'], [1006, 'again'], [4008, 'again'], [4012, 'again'], [4029, 'again'],
  [4030, 'again'], [1002, 'outdated'], [1007, 'outdated'], [4000, 'outdated'],
  [4013, 'outdated'], [4003, 'banned'], [4009, 'replaced'], [4014, 'consent'],
])('a close with %i: %s', async (code, then) => {
  const it = line();
  void it.connection.open();
  await it.online();
  it.socket.shut(code);
  await vi.advanceTimersByTimeAsync(60_000);
  if (then === 'again') {
    expect(it.ended).not.toHaveBeenCalled();
    expect(it.sockets.length).toBeGreaterThan(1);
  } else {
    expect(it.ended.mock.calls).toEqual([[then]]);
    expect(it.sockets).toHaveLength(1);
    await it.connection.open();
    expect(it.sockets).toHaveLength(1);
  }
});

test('a refused token is replaced before the next try', async () => {
  const renewed = vi.fn(async () => 'another');
  const it = line({ renewed });
  void it.connection.open();
  await it.online();
  it.socket.shut(4001);
  await vi.advanceTimersByTimeAsync(500);
  it.socket.open();
  expect(renewed).toHaveBeenCalledWith('good');
  expect(it.socket.of('hello')[0]?.token).toBe('another');
});

test('a refused token is not tried again after a failure', async () => {
  const renewed = vi.fn<ConnectionHooks['renewed']>()
    .mockRejectedValueOnce(new Error('no line')).mockResolvedValue('another');
  const it = line({ renewed });
  void it.connection.open();
  await it.online();
  it.socket.shut(4001);
  await vi.advanceTimersByTimeAsync(2_000);
  it.socket.open();
  expect(it.socket.of('hello')[0]?.token).toBe('another');
});

test('without a token the session is over', async () => {
  const it = line({ token: async () => null });
  await it.connection.open();
  expect(it.ended.mock.calls).toEqual([['session']]);
  expect(it.sockets).toEqual([]);
});

test('a draining server is left alone for as long as it says', async () => {
  const it = line();
  void it.connection.open();
  await it.online();
  it.socket.hear({ type: 'draining', retry_after_ms: 9_000 });
  it.socket.shut(4012);
  await vi.advanceTimersByTimeAsync(1_000);
  await it.connection.open(); // somebody came back to the page
  it.connection.woke();
  await vi.advanceTimersByTimeAsync(7_900);
  expect(it.sockets).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(it.sockets).toHaveLength(2);
});

test('a refused hello is repeated when the server says', async () => {
  const it = line();
  void it.connection.open();
  await vi.advanceTimersByTimeAsync(0);
  it.socket.open();
  it.socket.hear({ type: 'error', code: 'draining', message: '', retry_after_ms: 5_000 });
  it.socket.shut(4012);
  await vi.advanceTimersByTimeAsync(4_900);
  expect(it.sockets).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(it.sockets).toHaveLength(2);
});

test('back on a network it is tried at once', async () => {
  const it = line();
  void it.connection.open();
  await vi.advanceTimersByTimeAsync(0);
  for (let i = 0; i < 7; i += 1) {
    it.socket.shut(1006);
    await vi.advanceTimersByTimeAsync(30_000);
  }
  it.socket.shut(1006);
  const before = it.sockets.length;
  void it.connection.open();
  await vi.advanceTimersByTimeAsync(0);
  expect(it.sockets).toHaveLength(before + 1);
  await vi.advanceTimersByTimeAsync(14_000);
  expect(it.sockets).toHaveLength(before + 1);
});

test('a server that does not say welcome is left', async () => {
  const it = line();
  void it.connection.open();
  await vi.advanceTimersByTimeAsync(0);
  it.socket.open();
  it.socket.mute = true;
  await vi.advanceTimersByTimeAsync(16_000);
  expect(it.sockets).toHaveLength(2);
});

test('a line that died in the sleep of the machine is left', async () => {
  const it = line();
  void it.connection.open();
  await it.online();
  it.socket.mute = true;
  it.connection.woke();
  expect(it.states.at(-1)).toBe('online');
  await vi.advanceTimersByTimeAsync(61_000);
  it.connection.woke();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(it.sockets).toHaveLength(2);
  it.sockets[0]!.shut(1006); // late
  await it.online();
  expect(it.states.at(-1)).toBe('online');
});

test('a line on which nothing is answered is left', async () => {
  const it = line();
  void it.connection.open();
  await it.online();
  it.socket.mute = true;
  const answer = it.connection.ask({ type: 'match.cancel' });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await answer).toMatchObject({ type: 'error', code: 'connection_lost' });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(it.sockets).toHaveLength(2);
});

test('a line that died while nobody asked is left', async () => {
  const it = line();
  void it.connection.open();
  await it.online();
  await vi.advanceTimersByTimeAsync(29_000);
  it.socket.hear({ type: 'typing', match_id: '7', on: true });
  await vi.advanceTimersByTimeAsync(29_000);
  expect(it.socket.of('ping')).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(it.socket.of('ping').length).toBeGreaterThan(10);
  expect(it.heard.map(({ type }) => type)).toEqual(['welcome', 'typing']);
  expect(it.sockets).toHaveLength(1);
  it.socket.mute = true;
  await vi.advanceTimersByTimeAsync(91_000);
  expect(it.sockets.length).toBeGreaterThan(1);
});

test('one late answer does not end a line that talks', async () => {
  const it = line();
  void it.connection.open();
  await it.online();
  void it.connection.ask({ type: 'match.cancel' });
  await vi.advanceTimersByTimeAsync(20_000);
  it.socket.hear({ type: 'typing', match_id: '7', on: true });
  await vi.advanceTimersByTimeAsync(11_000);
  expect([it.sockets.length, it.states.at(-1)]).toEqual([1, 'online']);
});

test('answers find those who asked, in any order', async () => {
  const it = line();
  void it.connection.open();
  await it.online();
  const first = it.connection.ask({ type: 'match.leave', match_id: '1' });
  const second = it.connection.ask({ type: 'match.leave', match_id: '2' });
  const [a, b] = it.socket.of('match.leave').map(({ id }) => id);
  it.socket.hear({ type: 'error', code: 'not_found', message: '', re: b });
  it.socket.hear({ type: 'error', code: 'match_ended', message: '', re: a });
  expect(await first).toMatchObject({ code: 'match_ended' });
  expect(await second).toMatchObject({ code: 'not_found' });
  expect(it.heard.map(({ type }) => type)).toEqual(['welcome']);
});

test('a lost line answers whoever waits', async () => {
  const it = line();
  void it.connection.open();
  await it.online();
  const answer = it.connection.ask({ type: 'match.cancel' });
  it.socket.shut(1006);
  expect(await answer).toMatchObject({ code: 'connection_lost' });
  const next = await it.connection.ask({ type: 'match.cancel' });
  expect(next).toMatchObject({ code: 'connection_lost' });
});

test('frames are handled one after the other', async () => {
  const steps: string[] = [];
  const it = line({
    frame: async (frame) => {
      steps.push(`${frame.type} begins`);
      await new Promise((resolve) => setTimeout(resolve, 10));
      steps.push(`${frame.type} ends`);
      if (frame.type === 'welcome') throw new Error('it cannot be handled');
    },
  });
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  void it.connection.open();
  await it.online();
  it.socket.hear({ type: 'typing', match_id: '7', on: true });
  await vi.advanceTimersByTimeAsync(30);
  expect(steps).toEqual(['welcome begins', 'welcome ends', 'typing begins', 'typing ends']);
});

test('frames stay below the pace of the server, none is lost', async () => {
  const it = line();
  void it.connection.open();
  await it.online();
  for (let i = 0; i < 20; i += 1) it.connection.send(typing(i));
  expect(it.socket.of('typing')).toHaveLength(8);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(it.socket.of('typing')).toHaveLength(16);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(it.socket.of('typing').map(({ match_id }) => Number(match_id))).toEqual(
    Array.from({ length: 20 }, (_, i) => i),
  );
});

test('a new token is said before the old one runs out, once', async () => {
  let [token, until] = ['old', Date.now() + 600_000];
  const it = line({
    tokenLasts: () => until - Date.now(),
    // As the keeper of the tokens does it: not before the last minute.
    token: async () => {
      if (until - Date.now() <= 60_000) [token, until] = ['new', Date.now() + 600_000];
      return token;
    },
  });
  void it.connection.open();
  await it.online();
  await vi.advanceTimersByTimeAsync(590_000);
  expect(it.socket.of('token.refresh')).toEqual([{ type: 'token.refresh', token: 'new' }]);
});

test('a token that cannot be renewed now is not said again', async () => {
  const token = vi.fn(async () => 'old');
  const it = line({ tokenLasts: () => 20_000, token });
  void it.connection.open();
  await it.online();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(it.socket.of('token.refresh')).toEqual([]);
  expect(token.mock.calls.length).toBeLessThan(6);
});

test('closed by this side, nothing follows', async () => {
  const it = line();
  void it.connection.open();
  await it.online();
  it.connection.close();
  it.connection.close();
  await vi.advanceTimersByTimeAsync(60_000);
  it.connection.woke();
  expect([it.sockets.length, it.ended.mock.calls]).toEqual([1, [['closed']]]);
});

test.each<[string, unknown]>([
  ['no JSON', '{'],
  ['null', 'null'],
  ['no type', { match_id: '7' }],
  ['a list', '[]'],
  ['bytes', new ArrayBuffer(8)],
  ['an unknown type', { type: 'gizli.tip', text: 'gizli' }],
  ['a type of every object', { type: 'constructor' }],
  ['too much', { type: 'typing', match_id: '7', on: true, pad: 'x'.repeat(2 ** 20) }],
  ['no number', { type: 'message.delivered', match_id: '7', seq: 'gizli' }],
  ['an endless pause', '{"type":"draining","retry_after_ms":1e999}'],
  ['a negative number', { type: 'message.delivered', match_id: '7', seq: -1 }],
  ['a fraction', { type: 'message.read', match_id: '7', seq: 1.5 }],
  ['a path for an id', { type: 'typing', match_id: '../gizli', on: true }],
  ['no match', { type: 'match.found', quota: me.quota }],
  ['no account', { ...WELCOME, user: null }],
  ['no limits', { ...WELCOME, limits: null }],
  ['broken matches', { ...WELCOME, matches: [null] }],
])('a frame with %s changes nothing', async (_, frame) => {
  const it = line();
  void it.connection.open();
  await it.online();
  const before = it.heard.length;
  if (frame instanceof ArrayBuffer) it.socket.onmessage?.({ data: frame });
  else it.socket.hear(frame);
  await vi.advanceTimersByTimeAsync(0);
  expect(it.heard).toHaveLength(before);
  expect([it.sockets.length, it.states.at(-1)]).toEqual([1, 'online']);
  expect(console.warn).toHaveBeenCalledOnce();
  expect(JSON.stringify(vi.mocked(console.warn).mock.calls)).not.toContain('gizli');
});

test('without a welcome that can be read there is no line', async () => {
  const it = line();
  void it.connection.open();
  await vi.advanceTimersByTimeAsync(0);
  it.socket.open();
  it.socket.hear({ ...WELCOME, limits: null });
  await vi.advanceTimersByTimeAsync(0);
  expect(it.states.at(-1)).toBe('connecting');
  await vi.advanceTimersByTimeAsync(16_000);
  expect(it.sockets).toHaveLength(2);
});
