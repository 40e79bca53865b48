import { afterEach, expect, test, vi } from 'vitest';
import { Problem } from '../net/problem.ts';
import { type Entered, type Office, Registration } from './registration.svelte.ts';

const entered = { user: { handle: 'kediadam#9021' }, tokens: {} } as Entered;
const refusal = (code: string, status: number, more = {}): Error =>
  Object.assign(new Error(code), { code, status, ...more });

function filled(office: Partial<Office> = {}): Registration {
  const asked = {
    register: vi.fn(async () => null),
    verify: vi.fn(async () => entered),
    ...office,
  };
  return Object.assign(new Registration(asked, 18), {
    phone: '0532 123 45 67',
    alias: 'kediadam',
    day: '31',
    month: '1',
    year: '1990',
    password: 'vapur kahve',
    accepted: true,
  });
}

afterEach(() => void vi.useRealTimers());

test('a step is reached when the ones before are done', () => {
  const form = new Registration({ register: vi.fn(), verify: vi.fn() }, 18);
  expect(form.reachable).toBe(1);
  form.phone = '0532 123 45 67';
  expect(form.reachable).toBe(2);
  Object.assign(form, { alias: 'kediadam', day: '1', month: '1', year: '1990' });
  expect(form.reachable).toBe(3);
});

test('a field that is left empty is not blamed yet', () => {
  const form = new Registration({ register: vi.fn(), verify: vi.fn() }, 18);
  form.left('phone');
  expect(form.faults).toEqual({});
  expect(form.finish(1)).toBe(false);
  expect(form.faults.phone?.code).toBe('phone_empty');
});

test('a fault goes while it is being mended', () => {
  const form = filled();
  form.phone = '0532';
  form.left('phone');
  expect(form.faults.phone?.code).toBe('phone_missing');
  form.touched('phone');
  expect(form.faults.phone).toBeUndefined();
});

test('the form is sent clean, with the invitation', async () => {
  const register = vi.fn(async () => entered);
  const form = filled({ register });
  form.invite = 'KEDI42';
  expect(await form.register()).toBe(entered);
  expect(register).toHaveBeenCalledWith(
    {
      phone: '05321234567',
      password: 'vapur kahve',
      alias: 'kediadam',
      birth_date: '1990-01-31',
      accept_terms: true,
      invite: 'KEDI42',
    },
    expect.any(String),
  );
});

test('where phones are verified, a code is awaited', async () => {
  vi.useFakeTimers({ now: 5000 });
  const form = filled();
  expect(await form.register()).toBe(4);
  expect([form.codeSentAt, form.reachable]).toEqual([5000, 4]);
  form.code = ' 123 456 ';
  expect(await form.verify()).toBe(entered);
});

test('the server blames a field, and its step is shown', async () => {
  const blamed = async (code: string): Promise<[Entered | number, object]> => {
    const form = filled({ register: () => Promise.reject(refusal(code, 422)) });
    return [await form.register(), form.faults];
  };
  expect(await blamed('phone_taken')).toMatchObject([1, { phone: { code: 'phone_taken' } }]);
  expect(await blamed('alias_full')).toMatchObject([2, { alias: { code: 'alias_full' } }]);
  expect(await blamed('underage')).toMatchObject([2, { birth: { code: 'underage', n: 18 } }]);
  expect(await blamed('weak_password')).toMatchObject([3, { password: { code: 'weak_password' } }]);
});

test('what no field is to blame for is kept to be explained', async () => {
  const unavailable = refusal('unavailable', 503);
  const form = filled({ register: () => Promise.reject(unavailable) });
  expect(await form.register()).toBe(3);
  expect(form.refused).toBe(unavailable);
  form.touched('password');
  expect(form.refused).toBeNull();
});

test('an unknown invitation can be left out', async () => {
  const register = vi
    .fn<Office['register']>()
    .mockRejectedValueOnce(
      refusal('invalid_field', 422, { errors: [{ field: 'invite', code: 'unknown' }] }),
    )
    .mockResolvedValueOnce(entered);
  const form = filled({ register });
  form.invite = 'YOK';
  await form.register();
  expect(form.inviteRefused).toBe(true);
  form.withoutInvite();
  expect(await form.register()).toBe(entered);
  expect(register.mock.lastCall?.[0]).not.toHaveProperty('invite');
});

test('a lost answer is asked for with the same key', async () => {
  const register = vi.fn<Office['register']>().mockRejectedValue(new Problem('offline', 0));
  const form = filled({ register });
  await form.register();
  await form.register();
  form.alias = 'vapur';
  await form.register();
  const [first, second, third] = register.mock.calls.map(([, key]) => key);
  expect(first).toBe(second);
  expect(third).not.toBe(first);
});

test('a refused form is sent with a new key', async () => {
  const register = vi.fn<Office['register']>().mockRejectedValue(refusal('alias_full', 422));
  const form = filled({ register });
  await form.register();
  await form.register();
  const [first, second] = register.mock.calls.map(([, key]) => key);
  expect(second).not.toBe(first);
});

test('nothing is sent twice at once', async () => {
  const register = vi.fn(() => new Promise<never>(() => undefined));
  const form = filled({ register });
  void form.register();
  await form.register();
  expect(register).toHaveBeenCalledOnce();
});

test('a wrong code is told at the code', async () => {
  const form = filled({ verify: () => Promise.reject(refusal('code_invalid', 422)) });
  await form.register();
  form.code = '123456';
  expect(await form.verify()).toBe(4);
  expect(form.faults.code?.code).toBe('code_invalid');
});

test('a phone taken meanwhile leads back to the phone', async () => {
  const form = filled({ verify: () => Promise.reject(refusal('phone_taken', 409)) });
  await form.register();
  form.code = '123456';
  expect(await form.verify()).toBe(1);
  expect(form.codeSentAt).toBeNull();
});

test('too many guesses and too many codes are told apart', async () => {
  const often = refusal('too_many_attempts', 429);
  const register = vi.fn<Office['register']>().mockResolvedValueOnce(null).mockRejectedValue(often);
  const form = filled({ register, verify: () => Promise.reject(often) });
  await form.register();
  expect(await form.register()).toBe(4);
  expect([form.refused, form.faults.code]).toEqual([often, undefined]);
  form.code = '123456';
  expect(await form.verify()).toBe(4);
  expect(form.faults.code?.code).toBe('code_tries');
});
