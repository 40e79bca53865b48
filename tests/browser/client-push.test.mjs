// A search in the background, which goes on without the page and wakes the browser.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Client } from './lib/client.mjs';
import { PushService } from './lib/push-service.mjs';
import { Server } from './lib/server.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 90_000;
let service;

stage({}, async (settings) => {
  service = await PushService.start();
  return Server.start({ ...settings, TEBDIL_PUSH__WEB_EXTRA_ORIGIN: service.origin });
});
after(() => service?.close());

/** Subscribes at our service in the place of the browser's own, which needs the internet. */
function subscribing(endpoint) {
  const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
  let now = null;
  PushManager.prototype.getSubscription = async () => now;
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly || applicationServerKey.length !== 65) throw new Error('not as browsers ask for it');
    const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
    const p256dh = text(await crypto.subtle.exportKey('raw', publicKey));
    const auth = text(crypto.getRandomValues(new Uint8Array(16)));
    now = {
      options: { applicationServerKey: applicationServerKey.buffer },
      toJSON: () => ({ endpoint, expirationTime: null, keys: { p256dh, auth } }),
      unsubscribe: async () => {
        now = null;
        return true;
      },
    };
    return now;
  };
}

test('a search in the background ends with a push', { timeout }, async (t) => {
  const ayse = await Client.open(browser, server);
  t.after(() => ayse.close());
  await ayse.context.grantPermissions(['notifications'], { origin: server.url });
  await ayse.context.addInitScript(subscribing, `${service.origin}/ayse`);
  await ayse.register('ayse_k');
  await ayse.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await ayse.find.click();
  await ayse.page.getByRole('button', { name: 'Tell me when found' }).click();
  await ayse.page.getByText('The search goes on').waitFor();
  const { pathname } = new URL(ayse.page.url());
  assert.equal(pathname, '/searching');
  await eventually('the browser is subscribed', () => ayse.page.evaluate(async () => {
    const { pushManager } = await navigator.serviceWorker.ready;
    return (await pushManager.getSubscription()) !== null;
  }));
  await ayse.page.goto('about:blank');

  const berk = await Client.open(browser, server);
  t.after(() => berk.close());
  await berk.register('berk_t');
  await berk.find.click();
  await berk.matched();
  await eventually('a push', () => service.pushes.length > 0);
  const [{ method, url, headers, body }] = service.pushes;
  assert.deepEqual([method, url, headers['content-encoding']], ['POST', '/ayse', 'aes128gcm']);
  assert.match(headers.authorization, /^vapid t=[\w-]+\.[\w-]+\.[\w-]+, ?k=[\w-]+$/);
  assert.ok(Number(headers.ttl) > 0);
  assert.doesNotMatch(body.toString('latin1'), /match|berk/);

  await ayse.page.goto(`${server.url}/chats`);
  await ayse.page.getByRole('link', { name: /berk_t/ }).first().click();
  await ayse.matched();
  await ayse.say('here I am');
  await berk.reads('here I am');
});

test('what a push shows leads to its chat', { timeout }, async (t) => {
  const ayse = await Client.open(browser, server);
  t.after(() => ayse.close());
  await ayse.context.grantPermissions(['notifications'], { origin: server.url });
  await ayse.register('ayse_k');
  const registered = [];
  const session = await ayse.context.newCDPSession(ayse.page);
  session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registered.push(...registrations));
  await ayse.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await session.send('ServiceWorker.enable');
  const registration = await eventually('the worker is known', () => registered.find(({ isDeleted }) => !isDeleted));
  const push = { origin: server.url, registrationId: registration.registrationId, data: '{"type":"match","match_id":"12"}' };
  await session.send('ServiceWorker.deliverPushMessage', push);
  const shown = await eventually('a notification', () =>
    ayse.page.evaluate(async () => {
      const [one] = await (await navigator.serviceWorker.ready).getNotifications();
      return one && [one.title, one.body, one.tag, one.data];
    }),
  );
  assert.deepEqual(shown, ['You met somebody', '', 'match-12', '/chats/12']);
});
