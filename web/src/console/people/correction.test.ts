import { expect, test } from 'vitest';
import { checkCorrection } from './correction.ts';

test.each([
  ['5', 5],
  ['+5', 5],
  [' −2 ', -2],
  ['1000000', 1_000_000],
])('%s is an amount', (amount, value) => {
  expect(checkCorrection(amount, ' T-17 ')).toEqual({ amount: value, reference: 'T-17' });
});

test.each(['', '0', '-0', '1.5', '1000001', '1e3', 'beş'])('%s is none', (amount) => {
  expect(checkCorrection(amount, 'T-17')).toEqual({ faults: { amount: true, reference: false } });
});

test.each(['', 'T 17', 'şikâyet', 'x'.repeat(65)])('%s is no reference', (reference) => {
  expect(checkCorrection('5', reference)).toEqual({ faults: { amount: false, reference: true } });
});
