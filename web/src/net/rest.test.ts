import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Access, Rest } from './rest.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Asked = { url: string; headers: Record<string, string>; body: unknown };

/** A server that answers one after the other. */
function server(...answers: (Response | Error | ((signal: AbortSignal) => Response | Promise<Response>))[]) {
  const asked: Asked[] = [];
  const told: string[] = [];
  const confirm = vi.fn<(token: string) => Promise<boolean>>();
  const access: Access = { token: async () => 'old', renewed: async () => 'new' };
  const rest = new Rest({
    access,
    confirm,
    refused: ({ code }) => void told.push(code),
    patience: 1_000,
    fetch: async (url, init) => {
      asked.push({ url: String(url), headers: init!.headers as Record<string, string>, body: init!.body });
      const answer = answers.shift()!;
      if (answer instanceof Error) throw answer;
      return typeof answer === 'function' ? answer(init!.signal!) : answer;
    },
  });
  return { rest, asked, told, access, confirm };
}

const json = (value: unknown, status = 200): Response => new Response(JSON.stringify(value), { status });
const unauthorized = (): Response => json({ code: 'unauthorized' }, 401);

test('a path and a query are filled in and escaped', async () => {
  const { rest, asked } = server(json({}), json({ items: [] }));
  await rest.get('/v1/matches/{id}', { path: { id: 'a/b' } as never });
  await rest.get('/v1/matches', { query: { cursor: 'x&y', status: undefined } as never });
  expect(asked.map(({ url }) => url)).toEqual(['/v1/matches/a%2Fb', '/v1/matches?cursor=x%26y']);
});

test('a refused token is renewed, and the call keeps its key', async () => {
  const { rest, asked } = server(unauthorized(), json({}));
  await rest.post('/v1/auth/logout', undefined);
  expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
  expect(asked[0]!.headers['idempotency-key']).toBeTruthy();
  expect(asked[1]!.headers['idempotency-key']).toBe(asked[0]!.headers['idempotency-key']);
});

test('an answer that its status says all of is no fault', async () => {
  const { rest, told } = server(new Response(null, { status: 204 }), new Response('', { status: 202 }), new Response(''));
  expect(await rest.post('/v1/auth/logout', undefined)).toBeUndefined();
  expect(await rest.post('/v1/auth/password-reset', { phone: '1' })).toBeUndefined();
  await expect(rest.get('/v1/me')).rejects.toMatchObject({ code: 'internal' });
  expect(told).toEqual(['internal']);
});

test('a session that is over is told and not tried again', async () => {
  const { rest, asked, told, access } = server(unauthorized());
  access.renewed = async () => null;
  await expect(rest.get('/v1/me')).rejects.toMatchObject({ code: 'unauthorized', status: 401 });
  expect([asked.length, told]).toEqual([1, ['unauthorized']]);
});

test('no line, a late answer and a torn one are told apart', async () => {
  const never = (signal: AbortSignal): Promise<Response> =>
    new Promise((_, reject) => { signal.onabort = () => reject(signal.reason); });
  const { rest, told } = server(new TypeError('no line'), new Response('{"id":'));
  await expect(rest.get('/v1/me')).rejects.toMatchObject({ code: 'offline' });
  await expect(rest.get('/v1/me')).rejects.toMatchObject({ code: 'internal' });
  expect(told).toEqual(['offline', 'internal']);
  vi.useRealTimers();
  const late = new Rest({
    access: { token: async () => null, renewed: async () => null },
    patience: 5,
    fetch: async (_, init) => never(init!.signal!),
  });
  await expect(late.get('/v1/me')).rejects.toMatchObject({ code: 'offline' });
});

test('an appeal token is not renewed by the account', async () => {
  const { rest, asked } = server(unauthorized());
  await expect(rest.get('/v1/me', { token: 'appeal' })).rejects.toMatchObject({ status: 401 });
  expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer appeal']);
});

/** A file in parts, each after so many milliseconds; without an end it stalls. */
function parts(waits: number[], ends = true) {
  return (signal: AbortSignal): Response => {
    const body = new ReadableStream<Uint8Array>({
      async start(out) {
        signal.onabort = () => out.error(signal.reason);
        for (const wait of waits) {
          await new Promise((resolve) => setTimeout(resolve, wait));
          out.enqueue(new TextEncoder().encode(' '.repeat(8) + '}\n'));
        }
        if (ends) out.close();
      },
    });
    return new Response(body);
  };
}

test('a download lasts as long as parts of it come', async () => {
  const { rest, asked } = server(unauthorized(), parts([900, 900, 900, 900]));
  const sizes: number[] = [];
  const file = rest.download('/v1/me/export', (bytes) => void sizes.push(bytes));
  await vi.advanceTimersByTimeAsync(4_000);
  expect([(await file).size, sizes, asked.length]).toEqual([40, [10, 20, 30, 40], 2]);
});

test('a download that stalls is lost, and told', async () => {
  const { rest, told } = server(parts([100], false));
  const file = expect(rest.download('/v1/me/export', () => undefined)).rejects.toMatchObject({ code: 'offline' });
  await vi.advanceTimersByTimeAsync(1_200);
  await file;
  expect(told).toEqual(['offline']);
});

test('a download that is cut off is no file', async () => {
  const { rest } = server(new Response('{"account":{'));
  await expect(rest.download('/v1/me/export', () => undefined)).rejects.toMatchObject({ code: 'offline' });
});

test('a download that is refused says why', async () => {
  const { rest, told } = server(json({ code: 'rate_limited' }, 429));
  await expect(rest.download('/v1/me/export', () => undefined)).rejects.toMatchObject({ code: 'rate_limited' });
  expect(told).toEqual(['rate_limited']);
});

const unconfirmed = (): Response => json({ code: 'confirmation_required' }, 403);
const erase = (rest: Rest): Promise<void> =>
  rest.post('/v1/admin/users/{id}/erase', { note: 'T-1' }, { path: { id: '7' } });

test('what needs to be confirmed is sent again after that, once, with its key', async () => {
  const done = new Response(null, { status: 204 });
  const { rest, asked, told, confirm } = server(unconfirmed(), done, unconfirmed(), unconfirmed());
  confirm.mockResolvedValue(true);
  await erase(rest);
  expect(confirm.mock.calls).toEqual([['old']]);
  const [first, again] = asked.map(({ headers }) => headers['idempotency-key']);
  expect([asked.length, again, told]).toEqual([2, first, []]);
  await expect(erase(rest)).rejects.toMatchObject({ code: 'confirmation_required' });
  expect([asked.length, confirm.mock.calls.length]).toEqual([4, 2]);
});

test('what is not confirmed is refused', async () => {
  const { rest, asked, told, confirm } = server(unconfirmed(), json({ code: 'forbidden' }, 403));
  confirm.mockResolvedValue(false);
  await expect(erase(rest)).rejects.toMatchObject({ code: 'confirmation_required' });
  expect([asked.length, told]).toEqual([1, ['confirmation_required']]);
  await expect(erase(rest)).rejects.toMatchObject({ code: 'forbidden' });
  expect(confirm).toHaveBeenCalledOnce();
});
