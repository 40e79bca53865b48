import type { Shown } from '../gallery/shown.ts';
import Inside from './Inside.svelte';
import Phase from './Phase.svelte';

export const screens: Record<string, Shown> = {
  'somebody-new': { component: Phase, model: { phase: 'welcome' } },
  starting: { component: Phase, model: { phase: 'starting', line: 'connecting' } },
  'starting-offline': { component: Phase, model: { phase: 'starting', line: 'offline' } },
  elsewhere: { component: Phase, model: { phase: 'elsewhere' } },
  outdated: { component: Phase, model: { phase: 'outdated' } },
  'no-such-page': { component: Inside, path: '/nowhere' },
  'chats-choose': { component: Inside, path: '/chats' },
};
