import { afterEach, expect, test } from 'vitest';
import { language } from '../text/texts.svelte.ts';
import { reasonWords } from './reasons.ts';

afterEach(() => void (language.current = 'tr'));

test('a reason has words in both languages', () => {
  language.current = 'tr';
  expect(reasonWords('hate')).toBe('Nefret söylemi');
  language.current = 'en';
  expect(reasonWords('hate')).toBe('Hate speech');
});

test('what a moderator wrote stays as it is', () => {
  for (const written of ['Adverts.', '', 'toString']) expect(reasonWords(written)).toBe(written);
});
