import Inside from '../app/Inside.svelte';
import { quota } from '../gallery/fixtures.ts';
import type { Shown } from '../gallery/shown.ts';

const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300));
const search = { wishes: { mode: 'text' as const }, since: Date.now() - 75_000, accepted: true };

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
  'find-waking': {
    component: Inside,
    path: '/searching',
    model: { search: { ...search, wishes: { mode: 'text', background: true } } },
    then: wait,
  },
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
