import type { Shown } from '../gallery/shown.ts';
import Inside from './Inside.svelte';
import Phase from './Phase.svelte';

export const screens: Record<string, Shown> = {
  'somebody-new': { component: Phase, model: { phase: 'welcome' } },
  starting: { component: Phase, model: { phase: 'starting', line: 'connecting' } },
  'starting-offline': { component: Phase, model: { phase: 'starting', line: 'offline' } },
  elsewhere: { component: Phase, model: { phase: 'elsewhere' } },
  stuck: { component: Phase, model: { phase: 'stuck' } },
  outdated: { component: Phase, model: { phase: 'outdated' } },
  home: { component: Inside, path: '/' },
  'home-new': { component: Inside, path: '/', model: { chats: [] } },
  searching: {
    component: Inside,
    path: '/searching',
    model: {
      search: { wishes: { mode: 'text' }, since: Date.now() - 18_000, accepted: true },
    },
  },
  chats: { component: Inside, path: '/chats' },
  'chats-none': { component: Inside, path: '/chats', model: { chats: [] } },
  chat: { component: Inside, path: '/chats/1' },
  'chat-offline': { component: Inside, path: '/chats/1', model: { line: 'offline' } },
  'no-such-page': { component: Inside, path: '/nowhere' },
};
