// The console in the gallery: its own page, with a server that stands still.

import { mount } from 'svelte';
import '../../console/console.css';
import Console from '../../console/Console.svelte';
import { Session } from '../../console/session.svelte.ts';
import { serve, storage } from './server.ts';
import type { StaffScreen } from './screens.ts';

/** Resolves when the screen is as it should be. */
export async function show(target: HTMLElement, { answers, away, alone = true, then }: StaffScreen): Promise<void> {
  const session = new Session({ fetch: serve(answers), storage: storage(!away), alone: async () => alone });
  mount(Console, { target, props: { session } });
  void session.start();
  await then?.(target);
}
