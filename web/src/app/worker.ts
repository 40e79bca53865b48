// The service worker: the app without a line, and notifications while it is closed.

import { toast } from '../ui/toast.svelte.ts';
import { go } from './router.svelte.ts';
import { t } from './text.ts';

interface Policies {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): {
    createScriptURL(url: string): string;
  };
}

const WORKER = '/sw.js';
const LOOK_AGAIN_MS = 60 * 60_000;

function workerUrl(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: Policies };
  if (!trustedTypes) return WORKER;
  return trustedTypes
    .createPolicy('tebdil-worker', {
      createScriptURL: (url) => {
        if (url !== WORKER) throw new TypeError('not the worker');
        return url;
      },
    })
    .createScriptURL(WORKER);
}

let told = false;

/** The new version takes over, and this page begins anew with it. */
function offer(waiting: ServiceWorker): void {
  if (told) return;
  told = true;
  toast(t.newVersion, {
    seconds: 0,
    action: {
      label: t.reload,
      run: () => {
        navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), {
          once: true,
        });
        waiting.postMessage('take-over');
      },
    },
    done: () => (told = false),
  });
}

function watch(registration: ServiceWorkerRegistration): void {
  const look = (): void => {
    // Without a controller it is the first one: there is nothing older to replace.
    if (registration.waiting && navigator.serviceWorker.controller) offer(registration.waiting);
  };
  look();
  registration.addEventListener('updatefound', () => {
    registration.installing?.addEventListener('statechange', look);
  });
  let looked = Date.now();
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || Date.now() - looked < LOOK_AGAIN_MS) return;
    looked = Date.now();
    registration.update().catch(() => undefined);
  });
}

export async function startWorker(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  // A notification was pressed while the app is open.
  navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ go?: unknown }>) => {
    if (typeof data?.go === 'string' && data.go.startsWith('/')) go(data.go);
  });
  try {
    watch(await navigator.serviceWorker.register(workerUrl()));
  } catch {
    // Private windows may refuse it: the app works, only not without a line.
  }
}

/** For a server that wants a newer client: take the newest there is, then begin anew. */
export async function renew(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  try {
    await registration?.update();
  } catch {
    // No line: the page says so itself when it is back.
  }
  const waiting = registration?.waiting;
  if (waiting) {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), {
      once: true,
    });
    waiting.postMessage('take-over');
  } else {
    location.reload();
  }
}
