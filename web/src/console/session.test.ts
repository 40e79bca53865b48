import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Tokens, User } from '../net/api.d.ts';
import { Session } from './session.svelte.ts';

const tokens = (n: number, minutes = 15): Tokens => {
  const at = (m: number): string => new Date(Date.now() + m * 60_000).toISOString();
  return {
    access_token: `access${n}`, access_expires_at: at(minutes), refresh_token: `refresh-token-${n}`,
    refresh_expires_at: at(10_000), token_type: 'Bearer',
  };
};
const user = (role: User['role'] = 'moderator'): User => ({ id: '7', handle: 'pusula#2891', role }) as User;
const overview = { totals: { open_reports: 3 }, days: [] };

type Answer = [number, unknown];
type Answers = Record<string, () => Answer | Promise<Answer>>;

/** A server that answers by method and path, and what was asked of it. */
function stage(answers: Answers = {}, kept = new Map<string, string>(), alone = true) {
  const asked: string[] = [];
  /** With which token each was asked. */
  const by: (string | null)[] = [];
  const all: Answers = {
    'GET /v1/me': () => [200, user()],
    'GET /v1/admin/overview': () => [200, overview],
    'POST /v1/auth/logout': () => [204, null],
    ...answers,
  };
  const session = new Session({
    storage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    },
    alone: async () => alone,
    fetch: async (url, init) => {
      const what = `${init!.method} ${String(url)}`;
      asked.push(what);
      by.push(new Headers(init!.headers).get('authorization'));
      const [status, body] = await all[what]!();
      return new Response(status === 204 ? null : JSON.stringify(body), { status });
    },
  });
  return { session, asked, by, kept, all };
}

const refusal = (status: number, code: string) => (): [number, unknown] => [status, { code }];
let kept: Map<string, string>;
beforeEach(() => void (kept = new Map()));
afterEach(() => void vi.useRealTimers());

const late = (answer: () => Answer) => async (): Promise<Answer> => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  return answer();
};
const RESOLVE = 'POST /v1/admin/reports/5/resolve';
const resolve = (session: Session): Promise<unknown> =>
  session.parting.post('/v1/admin/reports/{id}/resolve', {} as never, { path: { id: '5' } });

test('a moderator is in, may what moderators may, and is there after a reload', async () => {
  const { session } = stage({}, kept);
  await session.enter(user(), tokens(1));
  expect([session.phase, session.me.role, session.may('moderator'), session.may('admin')]).toEqual([
    'in', 'moderator', true, false,
  ]);
  expect(session.overview?.totals.open_reports).toBe(3);
  const again = stage({}, kept).session;
  await again.start();
  expect([again.phase, again.me.handle]).toEqual(['in', 'pusula#2891']);
});

test('who is not of the staff is signed out at once, and nothing is kept', async () => {
  const { session, asked } = stage({}, kept);
  await session.enter(user('user'), tokens(1));
  expect([session.phase, session.left, kept.size]).toEqual(['out', 'not_staff', 0]);
  expect(asked).toEqual(['POST /v1/auth/logout']);
});

test('a session that was ended is said, and leads to the sign-in', async () => {
  const { session, all } = stage({ 'POST /v1/auth/refresh': refusal(401, 'refresh_invalid') }, kept);
  await session.enter(user(), tokens(1));
  all['GET /v1/admin/overview'] = refusal(401, 'unauthorized');
  await expect(session.look()).rejects.toMatchObject({ code: 'unauthorized' });
  expect([session.phase, session.left, kept.size, session.overview]).toEqual(['out', 'ended', 0, null]);
});

test('a line that breaks does not end the session', async () => {
  const { session, all } = stage({}, kept);
  await session.enter(user(), tokens(1));
  all['GET /v1/admin/overview'] = () => { throw new TypeError('no line'); };
  await expect(session.look()).rejects.toMatchObject({ code: 'offline' });
  expect([session.phase, kept.size]).toEqual(['in', 1]);
  const back = stage({ 'GET /v1/me': () => { throw new TypeError('no line'); } }, kept);
  const again = back.session;
  await again.start();
  expect([again.phase, again.left, kept.size]).toEqual(['out', 'unheard', 1]);
  back.all['GET /v1/me'] = () => [200, user()];
  await again.resume();
  expect([again.phase, again.left]).toEqual(['in', null]);
});

test('a role that was taken away is said; one that became less is said, too', async () => {
  const { session, all, asked } = stage({ 'GET /v1/me': () => [200, user('admin')] }, kept);
  await session.enter(user('admin'), tokens(1));
  all['GET /v1/admin/ads'] = refusal(403, 'forbidden');
  all['GET /v1/me'] = () => [200, user('moderator')];
  await expect(session.rest.get('/v1/admin/ads')).rejects.toMatchObject({ code: 'forbidden' });
  await expect.poll(() => session.me.role).toBe('moderator');
  expect([session.phase, session.demoted, session.may('admin')]).toEqual(['in', true, false]);
  all['GET /v1/me'] = () => [200, user('user')];
  await expect(session.rest.get('/v1/admin/ads')).rejects.toMatchObject({ code: 'forbidden' });
  await expect.poll(() => session.phase).toBe('out');
  expect([session.left, kept.size, asked.at(-1)]).toEqual(['role_taken', 0, 'POST /v1/auth/logout']);
});

test('an act that is refused for another reason leaves the role as it is', async () => {
  const { session, asked } = stage({ 'GET /v1/admin/ads': refusal(403, 'forbidden') }, kept);
  await session.enter(user(), tokens(1));
  await expect(session.rest.get('/v1/admin/ads')).rejects.toMatchObject({ code: 'forbidden' });
  await expect.poll(() => asked.at(-1)).toBe('GET /v1/me');
  expect([session.phase, session.demoted]).toEqual(['in', false]);
});

test('a second factor that is missing closes the rooms until it is set up', async () => {
  const { session, all } = stage({ 'GET /v1/admin/overview': refusal(403, 'totp_enrolment_required') }, kept);
  await session.enter(user(), tokens(1));
  expect([session.phase, session.closed]).toEqual(['enrolling', true]);
  all['GET /v1/admin/overview'] = () => [200, overview];
  await session.enrolled();
  expect([session.phase, session.closed, session.overview?.totals.open_reports]).toEqual(['in', false, 3]);
});

test('a token that runs out is renewed once, and the new one is kept', async () => {
  let refreshed = 0;
  const { session } = stage({
    'POST /v1/auth/refresh': () => [200, { tokens: tokens(10 + (refreshed += 1)) }],
  }, kept);
  await session.enter(user(), tokens(1, 0.5));
  await session.look();
  expect([refreshed, kept.get('staff')?.includes('refresh-token-11')]).toEqual([1, true]);
});

test('a tab that was duplicated does not take the tokens of the other', async () => {
  await stage({}, kept).session.enter(user(), tokens(1));
  const { session, asked } = stage({}, kept, false);
  await session.start();
  expect([session.phase, session.left, asked]).toEqual(['out', 'elsewhere', []]);
});

test('signing out ends the session at the server, and forgets it without a line, too', async () => {
  const { session, asked, all } = stage({}, kept);
  await session.enter(user(), tokens(1));
  await session.signOut();
  expect([session.phase, session.left, kept.size, asked.at(-1)]).toEqual(['out', null, 0, 'POST /v1/auth/logout']);
  await session.enter(user(), tokens(2));
  all['POST /v1/auth/logout'] = () => { throw new TypeError('no line'); };
  await session.signOut('idle');
  expect([session.phase, session.left, kept.size, session.may('moderator')]).toEqual(['out', 'idle', 0, false]);
});

test('what a room still holds when somebody signs out is sent before the session ends', async () => {
  vi.useFakeTimers();
  const { session, asked } = stage({
    'POST /v1/auth/refresh': late(() => [200, { tokens: tokens(2) }]),
    [RESOLVE]: late(() => {
      asked.push('answered');
      return [200, {}];
    }),
  }, kept);
  await session.enter(user(), tokens(1));
  // A computer that slept: the token has to be renewed before anything can be sent.
  vi.setSystemTime(Date.now() + 20 * 60_000);
  const leaving = session.signOut();
  const sent = resolve(session);
  await vi.runAllTimersAsync();
  await Promise.all([leaving, sent]);
  expect(asked.slice(-4)).toEqual(['POST /v1/auth/refresh', RESOLVE, 'answered', 'POST /v1/auth/logout']);
});

test('what is sent while the page is left does not wait for another token', async () => {
  const { session, asked } = stage({ [RESOLVE]: () => [200, {}] }, kept);
  await session.enter(user(), tokens(1));
  vi.useFakeTimers();
  vi.setSystemTime(Date.now() + 14.5 * 60_000);
  await resolve(session);
  expect(asked.at(-1)).toBe(RESOLVE);
  expect(asked).not.toContain('POST /v1/auth/refresh');
});

test('who signs in while another is signed out stays signed in', async () => {
  vi.useFakeTimers();
  const { session, asked, by } = stage({ [RESOLVE]: late(() => [200, {}]) }, kept);
  await session.enter(user(), tokens(1));
  const leaving = session.signOut();
  void resolve(session);
  await session.enter({ ...user('admin'), id: '8' }, tokens(2));
  await vi.runAllTimersAsync();
  await leaving;
  expect([asked.at(-1), by.at(-1)]).toEqual(['POST /v1/auth/logout', 'Bearer access1']);
  expect([session.phase, session.me.id, kept.size]).toEqual(['in', '8', 1]);
});

test('while the consent is missing no room is shown', async () => {
  const { session } = stage({
    'GET /v1/admin/overview': refusal(403, 'consent_required'), 'POST /v1/auth/logout': late(() => [204, null]),
  }, kept);
  await session.enter(user(), tokens(1));
  expect([session.phase, session.left]).toEqual(['out', 'consent']);
});

test('what was asked for somebody who left says nothing of who signed in since', async () => {
  vi.useFakeTimers();
  const { session, all } = stage({ 'GET /v1/admin/ads': refusal(403, 'forbidden') }, kept);
  await session.enter(user(), tokens(1));
  all['GET /v1/me'] = late(() => [200, user('user')]);
  await session.rest.get('/v1/admin/ads').catch(() => undefined);
  await session.signOut();
  await session.enter({ ...user('admin'), id: '8' }, tokens(2));
  await vi.runAllTimersAsync();
  expect([session.phase, session.me.id, session.me.role]).toEqual(['in', '8', 'admin']);
});

test('what somebody asked for is not asked again with the token of who signed in since', async () => {
  vi.useFakeTimers();
  const { session, asked, by } = stage({ [RESOLVE]: late(refusal(401, 'unauthorized')) }, kept);
  await session.enter(user(), tokens(1));
  const sent = expect(resolve(session)).rejects.toMatchObject({ code: 'unauthorized' });
  await session.enter({ ...user('admin'), id: '8' }, tokens(2));
  await vi.runAllTimersAsync();
  await sent;
  expect(by.filter((_, i) => asked[i] === RESOLVE)).toEqual(['Bearer access1']);
});

test('nor with it where the token was renewed meanwhile', async () => {
  vi.useFakeTimers();
  const { session, asked, by, all } = stage({
    [RESOLVE]: late(refusal(401, 'unauthorized')),
    'POST /v1/auth/refresh': () => [200, { tokens: tokens(2) }],
  }, kept);
  await session.enter(user(), tokens(1));
  const sent = expect(resolve(session)).rejects.toMatchObject({ code: 'unauthorized' });
  all['GET /v1/admin/overview'] = refusal(401, 'unauthorized');
  await session.look().catch(() => undefined);
  all['GET /v1/admin/overview'] = () => [200, overview];
  expect(kept.get('staff')).toContain('access2');
  await session.enter({ ...user('admin'), id: '8' }, tokens(3));
  await vi.runAllTimersAsync();
  await sent;
  expect(by.filter((_, i) => asked[i] === RESOLVE)).toEqual(['Bearer access1']);
});

const ERASE = 'POST /v1/admin/users/9/erase';
const CONFIRM = 'POST /v1/admin/confirm';
const erase = (session: Session): Promise<void> =>
  session.rest.post('/v1/admin/users/{id}/erase', { note: 'T-1' }, { path: { id: '9' } });
const unconfirmed = refusal(403, 'confirmation_required');

/** An admin is in, and the first act is asked to be confirmed. */
async function toConfirm(answers: Answers = {}) {
  const staged = stage({ [ERASE]: unconfirmed, [CONFIRM]: () => [204, null], ...answers }, kept);
  await staged.session.enter(user('admin'), tokens(1));
  const act = erase(staged.session);
  act.catch(() => undefined);
  await expect.poll(() => staged.session.confirmation).not.toBeNull();
  return { ...staged, act, form: staged.session.confirmation! };
}

test('an act is done once it is confirmed who it is', async () => {
  const { session, form, asked, act, all } = await toConfirm();
  all[ERASE] = () => [204, null];
  form.password = 'vapur';
  await form.submit();
  await act;
  expect(asked.slice(-3)).toEqual([ERASE, CONFIRM, ERASE]);
  expect(session.confirmation).toBeNull();
});

test('two acts that wait are confirmed together', async () => {
  const { session, form, asked, act, all } = await toConfirm();
  const other = session.rest.post('/v1/admin/users/{id}/role', { role: 'user' }, { path: { id: '9' } });
  all['POST /v1/admin/users/9/role'] = unconfirmed;
  await expect.poll(() => asked.at(-1)).toBe('POST /v1/admin/users/9/role');
  all[ERASE] = all['POST /v1/admin/users/9/role'] = () => [200, {}];
  form.password = 'vapur';
  await form.submit();
  await Promise.all([act, other]);
  expect(asked.filter((what) => what === CONFIRM).length).toBe(1);
});

test('an act that is not confirmed is not done', async () => {
  const { session, form, asked, act } = await toConfirm();
  form.cancel();
  await expect(act).rejects.toMatchObject({ code: 'confirmation_required' });
  expect([session.phase, session.confirmation, asked.at(-1)]).toEqual(['in', null, ERASE]);
});

test('who leaves the desk while it is asked has confirmed nothing', async () => {
  const { session, act } = await toConfirm();
  await session.signOut('idle');
  await expect(act).rejects.toMatchObject({ code: 'confirmation_required' });
  expect([session.phase, session.left, session.confirmation]).toEqual(['out', 'idle', null]);
});

test('a session that ends while it is asked is said, and nothing is done', async () => {
  const ended = refusal(401, 'unauthorized');
  const { session, form, asked, act } = await toConfirm({
    [CONFIRM]: ended, 'POST /v1/auth/refresh': refusal(401, 'refresh_invalid'),
  });
  form.password = 'vapur';
  await form.submit();
  await expect(act).rejects.toMatchObject({ code: 'confirmation_required' });
  expect([session.phase, session.left, session.confirmation]).toEqual(['out', 'ended', null]);
  expect(asked.filter((what) => what === ERASE).length).toBe(1);
});

test('who signs in is not asked to confirm what another one began', async () => {
  vi.useFakeTimers();
  const { session, asked } = stage({ [ERASE]: late(unconfirmed) }, kept);
  await session.enter(user('admin'), tokens(1));
  const act = expect(erase(session)).rejects.toMatchObject({ code: 'confirmation_required' });
  await session.signOut();
  await session.enter({ ...user('admin'), id: '8' }, tokens(2));
  await vi.runAllTimersAsync();
  await act;
  expect([session.confirmation, asked.filter((what) => what === ERASE).length]).toEqual([null, 1]);
});
