// What the queue asks of the server.

import type {
  AdminReport, AdminUserDetail, ReportDetails, ReportQueue, ReportReason, ResolveRequest,
} from '../../net/api.d.ts';
import type { Rest } from '../../net/rest.ts';
import type { Parting } from '../session.svelte.ts';

/** Each throws `Problem`. */
export interface Office {
  queue(reason: ReportReason | null): Promise<ReportQueue>;
  /** For 5 minutes; a repeat renews it. */
  take(id: string): Promise<unknown>;
  /** Arrives even if the page is closed meanwhile. */
  release(id: string): Promise<unknown>;
  /** That it was read is recorded. */
  read(id: string): Promise<ReportDetails>;
  person(id: string): Promise<AdminUserDetail>;
  /** The newest ones. */
  reportsAbout(id: string): Promise<AdminReport[]>;
  /** Arrives even if the page is closed meanwhile. A repeat with the same key is done once. */
  resolve(id: string, request: ResolveRequest, key: string): Promise<unknown>;
}

const PAST = 20;

/** `parting` is for what outlives the page. */
export function officeOf({ rest, parting }: { rest: Rest; parting: Parting }): Office {
  return {
    queue: (reason) => rest.get('/v1/admin/reports/queue', { query: reason ? { reason } : {} }),
    take: (id) => rest.post('/v1/admin/reports/{id}/take', undefined, { path: { id } }),
    release: (id) => parting.delete('/v1/admin/reports/{id}/take', undefined, { path: { id } }),
    read: (id) => rest.get('/v1/admin/reports/{id}', { path: { id } }),
    person: (id) => rest.get('/v1/admin/users/{id}', { path: { id } }),
    reportsAbout: async (reported) =>
      (await rest.get('/v1/admin/reports', { query: { reported, limit: PAST } })).items,
    resolve: (id, request, key) =>
      parting.post('/v1/admin/reports/{id}/resolve', request, { path: { id }, key }),
  };
}
