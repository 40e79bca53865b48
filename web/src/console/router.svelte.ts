// Where in the console one is: `/admin/<room>/<id>?filters`. Filters live in the address, so that going back
// and reloading keep them; an address never has a phone, a handle or a text in it, for addresses end up in logs.

import { go, route } from '../app/router.svelte.ts';

export { go, onArrival } from '../app/router.svelte.ts';

export type Filters = Record<string, string | null | undefined>;

class Place {
  /** '' is the start. */
  room = $derived(route.parts[1] ?? '');
  id = $derived(route.parts[2] ?? null);
  /** There is more than a room and an id: no such address. */
  further = $derived(route.parts.length > 3);

  /** Reactive, '' where it is not set. */
  filter(name: string): string {
    return route.query.get(name) ?? '';
  }

  /** What is null or '' is taken out; the others stay. A new step of the history, unless it is typed. */
  setFilters(filters: Filters, how: { replace?: boolean } = {}): void {
    const query = new URLSearchParams(route.query);
    for (const [name, value] of Object.entries(filters)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    go(`${route.path}${query.size ? `?${query}` : ''}`, how);
  }
}

export const place = new Place();

/** `to('reports', id, { reason: 'threat' })` is "/admin/reports/…?reason=threat". */
export function to(room: string, id?: string | null, filters: Filters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) if (value) query.set(name, value);
  const path = ['/admin', room, id].filter(Boolean).map(String);
  return `${path.join('/')}${query.size ? `?${query}` : ''}`;
}
