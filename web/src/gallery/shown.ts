import type { Component } from 'svelte';
import type { Model } from '../app/model.ts';

/** A screen as it looks in one state. Each room has its own in `gallery.ts`: `screens: Record<string, Shown>`. */
export interface Shown {
  component: Component<any>;
  props?: Record<string, unknown>;
  /** What differs from the model in `fixtures.ts`. */
  model?: Partial<Model>;
  /** The address, for what reads `route`. "/" if absent. */
  path?: string;
  /** Within the shell: navigation and, from 900 px, the list of chats. */
  shell?: boolean;
  /** Done before it is mounted: what this browser has, and what it would say. */
  before?: () => void;
  /** Done once it stands there: press, type, open. */
  then?: (root: HTMLElement) => void | Promise<void>;
}
