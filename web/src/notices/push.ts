// Whether this browser is woken while the app is closed (Web Push). The server keeps where it is
// reached with the session; here the browser's own subscription is all there is.

import type { Rest } from '../net/rest.ts';

export type PushState =
  | 'unavailable' // this browser cannot, or the server does not
  | 'denied' // the browser was told not to ask
  | 'off'
  | 'on';

interface Browser {
  permission(): NotificationPermission;
  ask(): Promise<NotificationPermission>;
  /** Null where there is no worker, or no push. */
  manager(): Promise<Pick<PushManager, 'getSubscription' | 'subscribe'> | null>;
}

const browser: Browser = {
  permission: () => Notification.permission,
  ask: () => Notification.requestPermission(),
  async manager() {
    if (!('serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis)) return null;
    return (await navigator.serviceWorker.getRegistration())?.pushManager ?? null;
  },
};

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (one) => one.charCodeAt(0));
}

function same(a: ArrayBuffer | null, b: Uint8Array): boolean {
  const left = new Uint8Array(a ?? new ArrayBuffer(0));
  return left.length === b.length && left.every((one, index) => one === b[index]);
}

export class Push {
  readonly #rest: Rest;
  readonly #key: string | null;
  readonly #browser: Browser;

  /** `key`: `vapid_public_key` of `/v1/meta`. */
  constructor(rest: Rest, key: string | null, of: Browser = browser) {
    this.#rest = rest;
    this.#key = key;
    this.#browser = of;
  }

  async state(): Promise<PushState> {
    const manager = this.#key ? await this.#browser.manager() : null;
    if (!manager) return 'unavailable';
    if (this.#browser.permission() === 'denied') return 'denied';
    const subscribed = (await manager.getSubscription()) !== null;
    return subscribed && this.#browser.permission() === 'granted' ? 'on' : 'off';
  }

  /** Asks for permission, so only after a press. Throws `Problem`, or what the browser says. */
  async turnOn(): Promise<PushState> {
    const manager = this.#key ? await this.#browser.manager() : null;
    if (!manager || !this.#key) return 'unavailable';
    if ((await this.#browser.ask()) !== 'granted') return this.state();
    await this.#put(manager, bytes(this.#key));
    return 'on';
  }

  async turnOff(): Promise<PushState> {
    await this.#rest.delete('/v1/me/push', undefined);
    await this.forget();
    return this.state();
  }

  /** After each start: the server may have another key, the browser another address. Says nothing if it fails. */
  async renew(): Promise<void> {
    if ((await this.state()) !== 'on' || !this.#key) return;
    const manager = await this.#browser.manager();
    if (manager) await this.#put(manager, bytes(this.#key)).catch(() => undefined);
  }

  /** Whoever signs in here next is asked anew. */
  async forget(): Promise<void> {
    const manager = await this.#browser.manager();
    await (await manager?.getSubscription())?.unsubscribe();
  }

  async #put(
    manager: Pick<PushManager, 'getSubscription' | 'subscribe'>, key: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    let subscription = await manager.getSubscription();
    if (subscription && !same(subscription.options.applicationServerKey, key)) {
      await subscription.unsubscribe();
      subscription = null;
    }
    subscription ??= await manager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    const { endpoint, keys } = subscription.toJSON();
    const body = { platform: 'web', endpoint, keys: { p256dh: keys?.p256dh, auth: keys?.auth } };
    await this.#rest.put('/v1/me/push', body as never);
  }
}
