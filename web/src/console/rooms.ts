// The rooms of the console, in the order of the navigation.
//
// How a room is plugged in: make `web/src/console/<name>/Room.svelte`. That is all: where the file exists, the room
// is in the navigation, at `/admin/<name>`, and loaded when it is first opened; its name and its letter are below
// and in text.ts. It gets `{ id }: { id: string | null }`, the part of the address behind its name, and brings its
// own `<main>` with an `<h1>`. Inside:
//   const session = useSession();               // session.me, session.may('admin'), session.rest
//   place.filter('status')                      // '' where it is not set; reactive
//   place.setFilters({ status: 'open' })        // and `to('people', id)` makes an address for a link
//   useKeys(() => [{ key: 'j', text: t.next, run: next }])   // shown by `?`, see keys.svelte.ts
// A role that was taken away and a session that ended are said by the shell, which also asks again who it is where
// the server wants that; a room says only what its own calls are refused for (`refusal` of ui/refusal.ts). Within a
// room, ask `session.may('admin')` before what only admins may is shown, and before it is asked of the server.

import type { LucideIcon } from '@lucide/svelte';
import type { Component } from 'svelte';
import Ban from '@lucide/svelte/icons/ban';
import Flag from '@lucide/svelte/icons/flag';
import Gavel from '@lucide/svelte/icons/gavel';
import Image from '@lucide/svelte/icons/image';
import LayoutDashboard from '@lucide/svelte/icons/layout-dashboard';
import ListChecks from '@lucide/svelte/icons/list-checks';
import Megaphone from '@lucide/svelte/icons/megaphone';
import ScrollText from '@lucide/svelte/icons/scroll-text';
import Undo2 from '@lucide/svelte/icons/undo-2';
import Users from '@lucide/svelte/icons/users';
import type { OverviewTotals } from '../net/api.d.ts';
import type { Role } from './session.svelte.ts';

export interface Room {
  name: string;
  icon: LucideIcon;
  /** After `g`. */
  key: string;
  least: Role;
  /** What waits there. */
  count?: keyof OverviewTotals;
}

type Load = () => Promise<{ default: Component<{ id: string | null }> }>;

const all = [
  { name: 'overview', icon: LayoutDashboard, key: 'o', least: 'moderator' },
  { name: 'bans', icon: Ban, key: 'b', least: 'moderator', count: 'provisional_bans' },
  { name: 'appeals', icon: Gavel, key: 'a', least: 'moderator', count: 'open_appeals' },
  { name: 'reports', icon: Flag, key: 'r', least: 'moderator', count: 'open_reports' },
  { name: 'people', icon: Users, key: 'p', least: 'moderator' },
  { name: 'claims', icon: Undo2, key: 'c', least: 'moderator' },
  { name: 'ads', icon: Image, key: 'd', least: 'admin' },
  { name: 'announcements', icon: Megaphone, key: 'n', least: 'admin' },
  { name: 'jobs', icon: ListChecks, key: 'j', least: 'moderator' },
  { name: 'log', icon: ScrollText, key: 'l', least: 'moderator' },
] as const satisfies readonly Room[];

type RoomName = (typeof all)[number]['name'];

const found = import.meta.glob('./*/Room.svelte') as Record<string, Load>;

export const rooms: readonly (Room & { name: RoomName })[] = all.filter(({ name }) => `./${name}/Room.svelte` in found);

const loaded = new Map<string, ReturnType<Load>>();

/** The same promise each time; a failed one is tried anew. */
export function open(name: RoomName): ReturnType<Load> {
  let one = loaded.get(name);
  if (!one) {
    loaded.set(name, (one = found[`./${name}/Room.svelte`]!()));
    one.catch(() => loaded.delete(name));
  }
  return one;
}
