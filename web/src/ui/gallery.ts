import type { Shown } from '../gallery/shown.ts';
import Parts from './Parts.svelte';

export const screens: Record<string, Shown> = {
  parts: { component: Parts },
  'parts-sheet': { component: Parts, props: { sheet: true } },
};
