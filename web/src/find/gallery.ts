import Inside from '../app/Inside.svelte';
import { meta, quota } from '../gallery/fixtures.ts';
import type { Shown } from '../gallery/shown.ts';

const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300));
/** A browser that could be woken, and what it answers when it is asked. */
const browser = (permission: NotificationPermission) => (): void => {
  Object.defineProperty(Notification, 'permission', { value: permission, configurable: true });
  const subscription = permission === 'granted' ? {} : null;
  const pushManager = { getSubscription: async () => subscription };
  navigator.serviceWorker.getRegistration = async () => ({ pushManager }) as never;
};
const woken = { ...meta, vapid_public_key: 'key' };
const search = { wishes: { mode: 'text' as const }, since: Date.now() - 75_000, accepted: true };

const waking: Shown = {
  component: Inside,
  path: '/searching',
  model: { search: { ...search, wishes: { mode: 'text', background: true } }, meta: woken },
  then: wait,
};

export const screens: Record<string, Shown> = {
  'find-wishes': {
    component: Inside,
    then: async (root) => {
      await wait();
      root.querySelector('details')?.setAttribute('open', '');
      root.querySelector<HTMLElement>('.wish [role=switch]')?.click();
      await wait();
    },
  },
  'find-none-left': {
    component: Inside,
    model: { quota: { ...quota, text: 0, video: 0, bonus: 0 } },
    then: wait,
  },
  'find-searching': { component: Inside, path: '/searching', model: { search }, then: wait },
  'find-waking': { ...waking, before: browser('granted') },
  'find-waking-refused': { ...waking, before: browser('denied') },
  'find-waking-unasked': { ...waking, before: browser('default') },
  'find-waking-unable': { ...waking, model: { ...waking.model, meta } },
  'find-offline': {
    component: Inside,
    path: '/searching',
    model: { search: { ...search, accepted: false }, line: 'offline' },
    then: wait,
  },
  'find-ended': {
    component: Inside,
    path: '/searching',
    model: { searchEnd: 'too_many_matches' },
    then: wait,
  },
};
