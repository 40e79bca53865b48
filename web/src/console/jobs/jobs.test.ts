import { expect, test } from 'vitest';
import type { AdminJob, JobQueue } from '../../net/api.d.ts';
import { Problem } from '../../net/problem.ts';
import type { Rest } from '../../net/rest.ts';
import { Jobs } from './jobs.svelte.ts';
import { sorted } from './queues.ts';

const queue = (name: string, dead = 0, oldest_due_s = 0): JobQueue =>
  ({ queue: name, dead, oldest_due_s, waiting: 0, leased: 0 });
const job = (id: string): AdminJob => ({ id, queue: 'push', state: 'dead' }) as AdminJob;

function stage(refuse?: Problem) {
  const asked: string[] = [];
  const act = async (path: string): Promise<void> => {
    asked.push(path);
    if (refuse) throw refuse;
  };
  const rest = {
    get: async (path: string) => ({ items: path.endsWith('queues') ? [queue('push')] : [job('1'), job('2')] }),
    post: act,
    delete: act,
  };
  return { jobs: new Jobs(rest as unknown as Rest), asked };
}

test('queues with dead jobs come first, then those that are late', () => {
  const queues = [queue('a'), queue('late', 0, 60), queue('b', 0, 59), queue('dead', 1)];
  expect(sorted(queues).map(({ queue: name }) => name)).toEqual(['dead', 'late', 'a', 'b']);
});

test('a job that was mended leaves the list, and the queues are counted again', async () => {
  const { jobs, asked } = stage();
  await jobs.show({ state: 'dead', queue: '' });
  expect(await jobs.retry(jobs.pages.items[0]!)).toBe(true);
  expect(await jobs.delete(jobs.pages.items[0]!)).toBe(true);
  expect([jobs.pages.items, asked]).toEqual([[], ['/v1/admin/jobs/{id}/retry', '/v1/admin/jobs/{id}']]);
  expect(jobs.queues?.length).toBe(1);
});

test('so does one that somebody else mended, and that is said', async () => {
  const { jobs } = stage(new Problem('job_not_dead', 409));
  await jobs.show({ state: 'dead', queue: '' });
  expect(await jobs.retry(jobs.pages.items[0]!)).toBe(false);
  expect([jobs.pages.items.map(({ id }) => id), jobs.act.code]).toEqual([['2'], 'job_not_dead']);
});

test('after a failure it is still there', async () => {
  const { jobs } = stage(new Problem('unavailable', 503));
  await jobs.show({ state: 'dead', queue: '' });
  expect(await jobs.delete(jobs.pages.items[0]!)).toBe(false);
  expect(jobs.pages.items.length).toBe(2);
});
