import { expect, test } from 'vitest';
import { shortened, unseen, within } from './shown.ts';

test('a text that shows nothing is known', () => {
  for (const text of ['\u200b\u200d', ' \n\t', '\u202e\u2066', '\u3164\u115f', '\u2800', '\ufeff', '\u0301']) {
    expect(unseen(text), JSON.stringify(text)).toBe(true);
  }
  for (const text of ['a', '.', '👋', '❤\ufe0f', '\u202Eters', 'أ', '<br>']) {
    expect(unseen(text), text).toBe(false);
  }
});

test('a short text stays as it is', () => {
  for (const text of ['', 'selam', '<b>x</b>', 'satır\n'.repeat(20)]) {
    expect(shortened(text)).toEqual({ text, cut: false });
  }
});

test('a long word and many lines are cut', () => {
  const word = shortened('W'.repeat(16_384));
  expect([word.cut, word.text.length]).toEqual([true, 1_201]);
  const lines = shortened('satır\n'.repeat(400));
  expect([lines.cut, lines.text.split('\n').length]).toEqual([true, 24]);
});

test('a cut never leaves half a character', () => {
  for (const before of ['', 'x']) {
    const { text, cut } = shortened(before + '👋'.repeat(1_000));
    expect([cut, text.isWellFormed()]).toEqual([true, true]);
  }
});

test('a handle in a sentence acts on nothing around it', () => {
  expect(within('marti#4410')).toBe('\u2068marti#4410\u2069');
  expect(within('ma\u202er\u2069\u200bti\n#4410')).toBe('\u2068marti#4410\u2069');
});
