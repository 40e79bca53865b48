// The rooms of somebody who is signed in. Each is loaded when it is first opened. A screen brings its
// own `<main>` with an `<h1>`. They get: chat `id`, call `id`, account `room` (absent: the list of
// rooms), chats `pane` (true beside another screen: no `<main>`, no `<h1>`).

import type { Component } from 'svelte';

export type Screen = Component<any>;
type Load = () => Promise<{ default: Screen }>;

const found = import.meta.glob<{ default: Screen }>([
  '../find/Home.svelte',
  '../find/Searching.svelte',
  '../chat/Chats.svelte',
  '../chat/Chat.svelte',
  '../call/Call.svelte',
  '../notices/Notices.svelte',
  '../account/Account.svelte',
  '../account/Banned.svelte',
]);

const room = (path: string): Load =>
  found[`../${path}.svelte`] ?? (() => Promise.reject(new Error(`no ${path}`)));

export const rooms = {
  home: room('find/Home'),
  searching: room('find/Searching'),
  chats: room('chat/Chats'),
  chat: room('chat/Chat'),
  call: room('call/Call'),
  notices: room('notices/Notices'),
  account: room('account/Account'),
  banned: room('account/Banned'),
};

export type Room = keyof typeof rooms;

const loaded = new Map<Room, Promise<{ default: Screen }>>();

/** The same promise each time, so that a screen that was open is there at once; a failed one is tried anew. */
export function open(name: Room): Promise<{ default: Screen }> {
  let one = loaded.get(name);
  if (!one) {
    loaded.set(name, (one = rooms[name]()));
    one.catch(() => loaded.delete(name));
  }
  return one;
}
