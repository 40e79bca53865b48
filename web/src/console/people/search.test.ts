import { expect, test } from 'vitest';
import { wanted } from './search.ts';

test.each([
  '+905321234567',
  '0532 123 45 67',
  '(0532) 123-45-67',
  '0532.123.45.67',
  '5321234',
  'tel:+90 532 123 45 67',
  // As address books copy it, with signs that nobody sees.
  '\u202a+90 532 123 45 67\u202c',
  '0532\u00a0123\u00a045\u00a067',
  '０５３２１２３４５６７',
  '٠٥٣٢١٢٣٤٥٦٧',
  '0532/123/45/67;1',
])('%s is a phone number', (typed) => {
  expect(wanted(typed).kind).toBe('phone');
});

test('a number is sent without what nobody sees', () => {
  expect(wanted(' \u202a+90 532 123 45 67\u202c ')).toEqual({ kind: 'phone', phone: '+90 532 123 45 67' });
  expect(wanted('tel:+905321234567')).toEqual({ kind: 'phone', phone: '+905321234567' });
});

test.each([
  ['kediadam#9021', 'kediadam#9021'],
  [' kedi ', 'kedi'],
  ['1907', '1907'],
  ['1234567#0042', '1234567#0042'],
  ['kedi1234567', 'kedi1234567'],
  ['409876543210987654', '409876543210987654'],
])('%s is no phone number', (typed, query) => {
  expect(wanted(typed)).toEqual({ kind: 'account', query });
});

test.each([
  'kedi 0532 123 45 67',
  'Ali: +905321234567',
  'kedi,05321234567',
  'cep:05321234567',
  '0532_123_45_67',
  '05321234567#kedi',
])('%s may have a phone number in it', (typed) => {
  expect(wanted(typed)).toEqual({ kind: 'unreadable' });
});

test('blanks are nothing', () => {
  expect(wanted(' \u200f ')).toEqual({ kind: 'nothing' });
});
