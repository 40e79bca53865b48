// Which screen the address means. `route` is reactive; plain links are caught, so a screen needs
// only `<a href>`. Where one had scrolled to is kept for each step of the history.

import { tick } from 'svelte';

interface Step {
  n: number;
}

class Route {
  path = $state('/');
  query = $state.raw(new URLSearchParams());
  /** "/chats/12" is ["chats", "12"]. */
  parts = $derived(this.path.split('/').filter(Boolean).map(decoded));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = new Route();

const scrolls = new Map<number, number>();
const listeners = new Set<() => void>();
let here = 0;

function read(): void {
  const path = location.pathname.replace(/\/+$/, '') || '/';
  if (location.search !== `?${route.query}`) route.query = new URLSearchParams(location.search);
  route.path = path;
}

/** Called after each navigation, when the new screen is there; not for the first one. */
export function onArrival(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

async function arrive(top: number): Promise<void> {
  await tick();
  for (const listener of listeners) listener();
  scrollTo({ top, behavior: 'instant' });
}

export function go(to: string, how: { replace?: boolean } = {}): void {
  const url = new URL(to, location.href);
  const same = url.pathname === location.pathname && url.search === location.search;
  if (how.replace || same) {
    history.replaceState({ n: here } satisfies Step, '', url);
  } else {
    scrolls.set(here, scrollY);
    here += 1;
    history.pushState({ n: here } satisfies Step, '', url);
  }
  read();
  void arrive(0);
}

/** To where one came from within the app, else to `fallback`. */
export function back(fallback: string): void {
  if (here > 0) history.back();
  else go(fallback, { replace: true });
}

/** A click on a link that is for the router: within the app, and nothing special was wanted. */
function wanted(event: MouseEvent): string | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
  if (!(link instanceof HTMLAnchorElement)) return null;
  if ((link.target && link.target !== '_self') || link.hasAttribute('download')) return null;
  if (link.origin !== location.origin || /^\/(v1|legal)(\/|$)/.test(link.pathname)) return null;
  return link.pathname + link.search;
}

export function startRouter(): () => void {
  const state = history.state as Partial<Step> | null;
  here = state?.n ?? 0;
  history.scrollRestoration = 'manual';
  history.replaceState({ n: here } satisfies Step, '');
  read();
  const clicked = (event: MouseEvent): void => {
    const to = wanted(event);
    if (to === null) return;
    event.preventDefault();
    go(to);
  };
  const moved = (event: PopStateEvent): void => {
    scrolls.set(here, scrollY);
    here = (event.state as Partial<Step> | null)?.n ?? 0;
    read();
    void arrive(scrolls.get(here) ?? 0);
  };
  document.addEventListener('click', clicked);
  addEventListener('popstate', moved);
  return () => {
    document.removeEventListener('click', clicked);
    removeEventListener('popstate', moved);
  };
}
