import { expect, test } from 'vitest';
import { group, target } from './target.ts';

test.each(['all', 'free', 'premium', 'locale:tr', 'free,locale:en', 'premium,locale:tr'])(
  '%s is written as the server writes it',
  (text) => expect(group(target(text))).toBe(text),
);
