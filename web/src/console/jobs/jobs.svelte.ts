// Background jobs: the queues, a list of jobs, and what an admin can do about dead ones.

import { Act } from '../../account/act.svelte.ts';
import { Pages } from '../../account/pages.svelte.ts';
import type { AdminJob, JobQueue, JobState } from '../../net/api.d.ts';
import type { Rest } from '../../net/rest.ts';
import { sorted } from './queues.ts';

export const STATES = ['dead', 'waiting', 'leased', 'done'] as const satisfies readonly JobState[];

interface Wanted {
  state: JobState;
  queue: string;
}

export class Jobs {
  queues = $state.raw<readonly JobQueue[] | null>(null);
  /** Why the queues did not come. */
  unknown = $state.raw<unknown>(null);
  pages: Pages<AdminJob> = $state.raw(new Pages<AdminJob>(async () => ({ items: [] })));
  readonly act = new Act();

  readonly #rest: Pick<Rest, 'get' | 'post' | 'delete'>;

  constructor(rest: Pick<Rest, 'get' | 'post' | 'delete'>) {
    this.#rest = rest;
  }

  async look(): Promise<void> {
    try {
      this.queues = sorted((await this.#rest.get('/v1/admin/jobs/queues')).items);
      this.unknown = null;
    } catch (error) {
      this.unknown = error;
    }
  }

  async show({ state, queue }: Wanted): Promise<void> {
    const query = { state, ...(queue && { queue }) };
    this.pages = new Pages((cursor) =>
      this.#rest.get('/v1/admin/jobs', { query: { ...query, ...(cursor && { cursor }) } }));
    await this.pages.next();
  }

  retry(job: AdminJob): Promise<boolean> {
    return this.#mend(job, () => this.#rest.post('/v1/admin/jobs/{id}/retry', undefined, { path: { id: job.id } }));
  }

  delete(job: AdminJob): Promise<boolean> {
    return this.#mend(job, () => this.#rest.delete('/v1/admin/jobs/{id}', undefined, { path: { id: job.id } }));
  }

  /** It leaves the list of dead ones when it was mended, by whomever. */
  async #mend(job: AdminJob, mend: () => Promise<unknown>): Promise<boolean> {
    const done = await this.act.run(mend);
    const gone = done || this.act.code === 'job_not_dead' || this.act.code === 'not_found';
    if (gone) this.pages.drop(job);
    if (gone) await this.look();
    return done;
  }
}
