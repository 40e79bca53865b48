import { expect, test, vi } from 'vitest';
import type { Entered } from './registration.svelte.ts';
import { Resetting } from './resetting.svelte.ts';
import { type Desk, SigningIn } from './signing-in.svelte.ts';

const entered = { user: {}, tokens: {} } as Entered;
const refusal = (code: string, status: number, more = {}): Error =>
  Object.assign(new Error(code), { code, status, ...more });

function filled(login: Desk['login']): SigningIn {
  return Object.assign(new SigningIn({ login }), { phone: '0532 123 45 67', password: 'vapur' });
}

test('signing in sends the clean phone', async () => {
  const login = vi.fn<Desk['login']>().mockResolvedValue(entered);
  expect(await filled(login).submit()).toBe(entered);
  expect(login).toHaveBeenCalledWith({ phone: '05321234567', password: 'vapur' });
});

test('nothing is sent while a field is empty', async () => {
  const login = vi.fn<Desk['login']>();
  const form = filled(login);
  form.password = '';
  expect(await form.submit()).toBeNull();
  expect(form.faults.password?.code).toBe('password_missing');
  expect(login).not.toHaveBeenCalled();
});

test('a second factor is asked for when it is needed', async () => {
  const login = vi
    .fn<Desk['login']>()
    .mockRejectedValueOnce(refusal('totp_required', 401))
    .mockRejectedValueOnce(refusal('totp_invalid', 401))
    .mockResolvedValueOnce(entered);
  const form = filled(login);
  await form.submit();
  expect([form.second, form.refused]).toEqual([true, null]);
  form.totp = ' 123456 ';
  await form.submit();
  expect(form.faults.totp?.code).toBe('totp_invalid');
  form.touched('totp');
  expect(await form.submit()).toBe(entered);
  expect(login.mock.lastCall?.[0].totp).toBe('123456');
});

test('a ban is handed on with the token for an appeal', async () => {
  const ban = { reason: 'spam', until: null, appealable: true };
  const form = filled(() => Promise.reject(refusal('banned', 403, { ban, appealToken: 'token' })));
  expect(await form.submit()).toEqual({ ban: { ...ban, appealToken: 'token' } });
});

test('wrong credentials do not blame one field', async () => {
  const wrong = refusal('invalid_credentials', 401);
  const form = filled(() => Promise.reject(wrong));
  expect(await form.submit()).toBeNull();
  expect([form.refused, form.faults]).toEqual([wrong, {}]);
});

test('a reset asks for a code, then sets the password', async () => {
  const clerk = { ask: vi.fn(async () => undefined), confirm: vi.fn(async () => undefined) };
  const form = new Resetting(clerk);
  expect(await form.ask()).toBe(false);
  form.phone = '0532 123 45 67';
  expect(await form.ask()).toBe(true);
  expect(form.codeSentAt).not.toBeNull();
  Object.assign(form, { code: '123456', password: 'martı kahve' });
  expect(await form.confirm()).toBe(true);
  expect(clerk.confirm).toHaveBeenCalledWith('05321234567', '123456', 'martı kahve', expect.any(String));
});

test('too many guesses at a code are told at the code', async () => {
  const often = refusal('too_many_attempts', 429);
  const form = new Resetting({ ask: async () => undefined, confirm: () => Promise.reject(often) });
  Object.assign(form, { phone: '0532 123 45 67', code: '123456', password: 'martı kahve' });
  expect(await form.confirm()).toBe(false);
  expect(form.faults.code?.code).toBe('code_tries');
});
