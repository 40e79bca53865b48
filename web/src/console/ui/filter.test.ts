import { expect, test } from 'vitest';
import { idOf } from './filter.ts';

test.each(['409876543210987654', ' 1234567890123456\n', ''])('%j is an id, or none', (text) => {
  expect(idOf(text)).toBe(text.trim());
});

test.each(['05321234567', '905321234567', '00905321234567', 'kedi', '12345678901234567890'])('%s is no id', (text) => {
  expect(idOf(text)).toBeNull();
});
