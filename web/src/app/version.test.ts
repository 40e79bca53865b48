import { expect, test } from 'vitest';
import { older } from './version.ts';

test.each([
  ['0.1.0', '0.1.1', true],
  ['0.9.0', '0.10.0', true],
  ['1.0', '1.0.0', false],
  ['1.2.0', '1.1.9', false],
])('%s before %s: %s', (version, least, is) => expect(older(version, least)).toBe(is));
