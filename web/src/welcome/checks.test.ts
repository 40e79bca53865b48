import { expect, test } from 'vitest';
import {
  birthDate,
  checkAlias,
  checkBirth,
  checkPassword,
  checkPhone,
  cleanPhone,
  codeDigits,
  strength,
} from './checks.ts';
import { nameDevice } from './this-device.ts';

test('a phone is cleaned of what people write into it', () => {
  expect(cleanPhone(' (0532) 123-45 67 ')).toBe('05321234567');
  expect(cleanPhone('0090 532 123 45 67')).toBe('+905321234567');
  expect(cleanPhone('０５３２')).toBe('0532');
});

test('a Turkish mobile number has all its digits', () => {
  for (const fine of ['0532 123 45 67', '532 123 45 67', '+90 532 123 45 67'])
    expect(checkPhone(fine)).toBeNull();
  expect(checkPhone('0532 123 45')).toEqual({ code: 'phone_missing', n: 2 });
  expect(checkPhone('+90 532 123 45 678')).toEqual({ code: 'phone_more', n: 1 });
});

test('of other phones only the bounds are known', () => {
  expect(checkPhone('+49 171 1234567')).toBeNull();
  expect(checkPhone('')?.code).toBe('phone_empty');
  expect(checkPhone('telefon')?.code).toBe('phone_characters');
  expect(checkPhone('+49 17')?.code).toBe('phone_short');
  expect(checkPhone('+49 1711 2345 6789 0123')?.code).toBe('phone_long');
});

test('an alias has letters of any script, digits, _ and .', () => {
  for (const fine of ['kediadam', 'çay_demi', 'limon.kolonya', 'кот', 'a12'])
    expect(checkAlias(fine)).toBeNull();
  expect(checkAlias('')?.code).toBe('alias_empty');
  expect(checkAlias('ab')?.code).toBe('alias_short');
  expect(checkAlias('a'.repeat(21))?.code).toBe('alias_long');
  expect(checkAlias('kedi adam')?.code).toBe('alias_characters');
  expect(checkAlias('123')?.code).toBe('alias_letter');
});

test('a birth date is one of the calendar', () => {
  expect(birthDate({ day: '1', month: '2', year: '2000' })).toBe('2000-02-01');
  expect(birthDate({ day: '29', month: '02', year: '2000' })).toBe('2000-02-29');
  expect(birthDate({ day: '29', month: '02', year: '2001' })).toBeNull();
  expect(birthDate({ day: '31', month: '4', year: '1990' })).toBeNull();
});

test('somebody is old enough from the birthday on', () => {
  const born = { day: '24', month: '11', year: '2008' };
  const on = (day: number): Date => new Date(2026, 10, day);
  expect(checkBirth(born, 18, on(23))).toEqual({ code: 'underage', n: 18 });
  expect(checkBirth(born, 18, on(24))).toBeNull();
  expect(checkBirth({ ...born, year: '1885' }, 18, on(24))?.code).toBe('birth_impossible');
  expect(checkBirth({ ...born, year: '' }, 18, on(24))?.code).toBe('birth_empty');
});

test('a password is refused as the server would', () => {
  const check = (password: string): string | undefined =>
    checkPassword(password, '0532 123 45 67', 'KediAdam')?.code;
  expect(check('')).toBe('password_empty');
  expect(check('vapur12')).toBe('password_short');
  expect(check('a'.repeat(129))).toBe('password_too_long');
  expect(check('aaaaaaaa')).toBe('password_repeated');
  expect(check('5321234567')).toBe('password_own');
  expect(check('+905321234567')).toBe('password_own');
  expect(check('kediadam')).toBe('password_own');
  expect(check('vapur kahve')).toBeUndefined();
});

test('strength grows with length', () => {
  expect(
    ['12345678', 'qwerty123', 'vapurkah', 'vapur kahve', 'vapur kahve martı'].map(strength),
  ).toEqual(['weak', 'weak', 'weak', 'fair', 'good']);
});

test('a code is six digits, whatever is around them', () => {
  expect(codeDigits('Tebdil: 123 456.')).toBe('123456');
  expect(codeDigits('12345678')).toBe('123456');
});

test('a device is named by browser and system', () => {
  const android =
    'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36';
  expect(nameDevice(android)).toBe('Chrome, Android');
  expect(
    nameDevice('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) AppleWebKit/605 Version/19.0 Safari/604'),
  ).toBe('Safari, iPhone');
  expect(nameDevice('')).toBe('Web');
});
