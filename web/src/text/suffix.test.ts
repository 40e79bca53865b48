import { expect, test } from 'vitest';
import { clockEnding, ending } from './suffix.ts';

test('a number takes the locative of its last word', () => {
  const said = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => n + ending(n, 'de'));
  expect(said).toEqual(['1’de', '2’de', '3’te', '4’te', '5’te', '6’da', '7’de', '8’de', '9’da']);
  const tens = [10, 20, 30, 40, 50, 60, 70, 80, 90].map((n) => n + ending(n, 'de'));
  expect(tens).toEqual([
    '10’da',
    '20’de',
    '30’da',
    '40’ta',
    '50’de',
    '60’ta',
    '70’te',
    '80’de',
    '90’da',
  ]);
  expect(100 + ending(100, 'de')).toBe('100’de');
  expect(2026 + ending(2026, 'den')).toBe('2026’dan');
});

test('a number takes the dative with a y after a vowel', () => {
  expect([1, 2, 3, 6, 7, 9, 20, 40].map((n) => n + ending(n, 'e'))).toEqual([
    '1’e',
    '2’ye',
    '3’e',
    '6’ya',
    '7’ye',
    '9’a',
    '20’ye',
    '40’a',
  ]);
});

test('a number takes the possessive by vowel harmony', () => {
  expect([1, 2, 3, 4, 6, 7, 9, 10, 84].map((n) => n + ending(n, 'si'))).toEqual([
    '1’i',
    '2’si',
    '3’ü',
    '4’ü',
    '6’sı',
    '7’si',
    '9’u',
    '10’u',
    '84’ü',
  ]);
});

test('a full hour takes the ending of the hour', () => {
  expect(clockEnding('20:14', 'de')).toBe('’te');
  expect(clockEnding('20:00', 'de')).toBe('’de');
  expect(clockEnding('09:00', 'de')).toBe('’da');
  expect(clockEnding('00:00', 'de')).toBe('’da');
});
