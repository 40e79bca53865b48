import { expect, test } from 'vitest';
import { Problem, type ProblemCode } from '../net/problem.ts';
import type { Proof } from '../welcome/proving.svelte.ts';
import { Confirmation } from './confirmation.svelte.ts';

/** It is refused with these codes, one after the other, and then confirmed. */
function asked(...refusals: ProblemCode[]) {
  const sent: Proof[] = [];
  const form = new Confirmation(async (proof) => {
    sent.push(proof);
    const refusal = refusals.shift();
    if (refusal) throw new Problem(refusal, refusal === 'too_many_attempts' ? 429 : 401);
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
  const { form } = asked('too_many_attempts');
  form.password = 'vapur';
  await form.submit();
  expect(form.refused).toMatchObject({ code: 'too_many_attempts' });
});

test('what is given up stays so', async () => {
  const { form } = asked();
  form.cancel();
  form.password = 'vapur';
  await form.submit();
  expect(await form.answer).toBe(false);
});
