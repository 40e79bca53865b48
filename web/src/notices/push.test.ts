import { expect, test } from 'vitest';
import type { Rest } from '../net/rest.ts';
import { Push } from './push.ts';

const KEY = 'AQID';

function setUp(answer: NotificationPermission = 'granted', oldKey?: number[]) {
  const calls: string[] = [];
  const subscription = (key: BufferSource) => ({
    options: { applicationServerKey: new Uint8Array(key as ArrayBuffer).buffer },
    toJSON: () => ({ endpoint: 'https://push.example/1', keys: { p256dh: 'p', auth: 'a' } }),
    unsubscribe: async () => {
      calls.push('unsubscribe');
      now = null;
      return true;
    },
  });
  let now = oldKey ? subscription(new Uint8Array(oldKey)) : null;
  let permission: NotificationPermission = oldKey ? 'granted' : 'default';
  const manager = {
    getSubscription: async () => now,
    subscribe: async ({ applicationServerKey }: PushSubscriptionOptionsInit) => {
      calls.push('subscribe');
      return (now = subscription(applicationServerKey as BufferSource));
    },
  };
  const rest = {
    put: async (path: string, body: object) => void calls.push(`put ${path} ${JSON.stringify(body)}`),
    delete: async (path: string) => void calls.push(`delete ${path}`),
  } as unknown as Rest;
  const browser = {
    permission: () => permission,
    ask: async () => (permission = answer),
    manager: async () => manager as never,
  };
  return { calls, push: (key: string | null = KEY) => new Push(rest, key, browser) };
}

const PUT =
  'put /v1/me/push {"platform":"web","endpoint":"https://push.example/1","keys":{"p256dh":"p","auth":"a"}}';

test('turned on, the server learns where the browser is reached', async () => {
  const { calls, push } = setUp();
  expect(await push().state()).toBe('off');
  expect(await push().turnOn()).toBe('on');
  expect(calls).toEqual(['subscribe', PUT]);
  expect(await push().state()).toBe('on');
});

test('a refused permission changes nothing', async () => {
  const { calls, push } = setUp('denied');
  expect(await push().turnOn()).toBe('denied');
  expect(calls).toEqual([]);
});

test('a server without a key pushes nothing', async () => {
  const { calls, push } = setUp();
  expect([await push(null).state(), await push(null).turnOn()]).toEqual(['unavailable', 'unavailable']);
  expect(calls).toEqual([]);
});

test('another key of the server makes another subscription', async () => {
  const { calls, push } = setUp('granted', [9, 9]);
  await push().renew();
  expect(calls).toEqual(['unsubscribe', 'subscribe', PUT]);
});

test('the same key keeps the subscription', async () => {
  const { calls, push } = setUp('granted', [1, 2, 3]);
  await push().renew();
  expect(calls).toEqual([PUT]);
});

test('turned off, server and browser forget it', async () => {
  const { calls, push } = setUp('granted', [1, 2, 3]);
  expect(await push().turnOff()).toBe('off');
  expect(calls).toEqual(['delete /v1/me/push', 'unsubscribe']);
});
