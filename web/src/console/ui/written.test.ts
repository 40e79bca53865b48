import { expect, test } from 'vitest';
import { fits, line, lines } from './written.ts';

test('what the server would not take is taken out', () => {
  expect(lines(' bir\r\niki\u0007\u0085üç ')).toBe('bir\niki  üç');
  expect(line(' bir\r\n  iki\n')).toBe('bir iki');
});

test('characters are counted, not their halves', () => {
  expect(fits('🦊'.repeat(500))).toBe(true);
  expect(fits('🦊'.repeat(501))).toBe(false);
  expect(fits(lines(' \n '))).toBe(false);
});
