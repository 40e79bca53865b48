import { expect, test } from 'vitest';
import { details } from './details.ts';

test('a change is told as from what to what', () => {
  expect(details({ ban_id: '3', before: { banned: false }, after: { banned: true } })).toBe(
    'banned: false → true · ban_id: 3',
  );
  expect(details({ before: { status: null }, after: { status: 'open', by: '7' } })).toBe(
    'status: – → open · by: – → 7',
  );
});

test('what is inside is told, too', () => {
  expect(details({ before: { balance: { text: 1, video: 2 } }, after: { balance: { text: 6, video: 2 } } })).toBe(
    'balance: text 1, video 2 → text 6, video 2',
  );
  expect(details({ fields: ['title', 'weight'] })).toBe('fields: title, weight');
});

test.each([{}, null, 'x'])('%j has none', (of) => expect(details(of)).toBe(''));
