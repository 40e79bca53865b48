import { expect, test } from 'vitest';
import { HEIGHT, tiles, WIDTH } from './tiles.ts';

const number = '41802 07733 95126 38840 60917 22654';

test('a safety number has a tile for each digit', () => {
  const made = tiles(number);
  expect(made).toHaveLength(30);
  expect(new Set(made.map(({ x, y }) => `${x} ${y}`)).size).toBe(30);
  expect(made.every(({ x, y }) => x < WIDTH && y < HEIGHT)).toBe(true);
});

test('a digit has a motif of its own', () => {
  expect(new Set(tiles('01234 56789').map(({ path }) => path)).size).toBe(10);
  const [four, , , zero] = tiles(number);
  expect(tiles('40').map(({ path, ink }) => [path, ink])).toEqual(
    [four, zero].map((tile) => [tile?.path, tile?.ink]),
  );
});

test('a picture keeps what two people compared', () => {
  expect(tiles('01234 56789').map(({ ink }) => ink).join('')).toBe('k0k1k2k0k1k2k0k1k2k0');
});
