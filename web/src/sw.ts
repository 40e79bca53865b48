/// <reference lib="webworker" />
// The shell of the app for when there is no line. Answers of the server are never kept.
// A push says that there is something, never what.
import { shownOf } from './notices/pushed.ts';

declare const self: ServiceWorkerGlobalScope;
declare const __SHELL__: string[];
declare const __VERSION__: string;

const CACHE = `shell-${__VERSION__}`;
/** What the server answers itself: never from the cache, and never the app's page. The console needs a line. */
const SERVER = /^\/(v1|admin|legal|openapi\.json|asyncapi\.json|healthz|readyz|metrics)(\/|$)/;

self.addEventListener('install', (event) => {
  const fresh = __SHELL__.map((url) => new Request(url, { cache: 'reload' }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)));
});

self.addEventListener('activate', (event) => {
  const tidy = async (): Promise<void> => {
    const old = (await caches.keys()).filter((name) => name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener('message', (event) => {
  if (event.data === 'take-over') void self.skipWaiting();
});

self.addEventListener('push', (event) => {
  let data: unknown = null;
  try {
    data = event.data?.json();
  } catch {
    // Not ours; but the browser wants something to be shown.
  }
  const { title, tag, path } = shownOf(data, navigator.language);
  const icon = '/icons/icon-192.png';
  event.waitUntil(self.registration.showNotification(title, { tag, icon, data: path }));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const path = String(event.notification.data ?? '/');
  const open = async (): Promise<void> => {
    const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
    const page = pages.find((one) => one.visibilityState === 'visible') ?? pages[0];
    if (!page) return void (await self.clients.openWindow(path));
    page.postMessage({ go: path });
    await page.focus();
  };
  event.waitUntil(open());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || SERVER.test(url.pathname)) return;
  const kept = (path: string | Request): Promise<Response | undefined> =>
    caches.match(path, { cacheName: CACHE, ignoreVary: true });
  if (request.mode === 'navigate') {
    const offline = async (): Promise<Response> => (await kept('/')) ?? Response.error();
    event.respondWith(fetch(request).catch(offline));
  } else if (__SHELL__.includes(url.pathname)) {
    event.respondWith(kept(request).then((hit) => hit ?? fetch(request)));
  }
});
