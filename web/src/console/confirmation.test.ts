import { expect, test } from 'vitest';
import { Problem } from '../net/problem.ts';
import type { Proof } from '../welcome/proving.svelte.ts';
import { Confirmation } from './confirmation.svelte.ts';

/** It is refused with these codes, one after the other, and then confirmed. */
function asked(...refusals: (Problem | string)[]) {
  const sent: Proof[] = [];
  const form = new Confirmation(async (proof) => {
    sent.push(proof);
    const refusal = refusals.shift();
    if (refusal) throw typeof refusal === 'string' ? new Problem(refusal as never, 401) : refusal;
  });
  return { form, sent };
}

test('the password confirms it', async () => {
  const { form, sent } = asked();
  await form.submit();
  expect([sent.length, form.faults.password?.code]).toEqual([0, 'password_missing']);
  form.password = 'vapur';
  form.touched('password');
  await form.submit();
  expect([await form.answer, sent]).toEqual([true, [{ password: 'vapur' }]]);
});

test('a wrong password is said at its field', async () => {
  const { form } = asked('invalid_credentials');
  form.password = 'martı';
  await form.submit();
  expect([form.faults.password?.code, form.refused]).toEqual(['password_wrong', null]);
  form.touched('password');
  await form.submit();
  expect(await form.answer).toBe(true);
});

test('the second factor is asked for when the server does', async () => {
  const { form, sent } = asked('totp_required', 'totp_invalid');
  form.password = 'vapur';
  await form.submit();
  expect([form.second, form.faults, form.refused]).toEqual([true, {}, null]);
  await form.submit();
  expect(form.faults.totp?.code).toBe('totp_empty');
  form.totp = '123456';
  form.touched('totp');
  await form.submit();
  expect(form.faults.totp?.code).toBe('totp_invalid');
  form.touched('totp');
  await form.submit();
  expect([await form.answer, sent.at(-1)]).toEqual([true, { password: 'vapur', totp: '123456' }]);
});

test('too many attempts are said', async () => {
  const often = new Problem('too_many_attempts', 429);
  const { form } = asked(often);
  form.password = 'vapur';
  await form.submit();
  expect(form.refused).toBe(often);
});

test('what is given up stays so', async () => {
  const { form } = asked();
  form.cancel();
  form.password = 'vapur';
  await form.submit();
  expect(await form.answer).toBe(false);
});
