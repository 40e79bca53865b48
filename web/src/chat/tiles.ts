// The safety number as a picture: a tile for each digit, a column for each group. The motifs are
// told apart by form alone, and never change: two people compare them.

export interface Tile {
  x: number;
  y: number;
  ground: 't0' | 't1';
  ink: 'k0' | 'k1' | 'k2';
  path: string;
}

const SIDE = 20;
export const WIDTH = 6 * SIDE;
export const HEIGHT = 5 * SIDE;

const MOTIFS = [
  'M10 3A7 7 0 1 1 10 17A7 7 0 1 1 10 3Z',
  'M7 2H13V18H7Z',
  'M2 2H18L2 18H18Z',
  'M10 2L18 18H2Z',
  'M2 2H18A16 16 0 0 1 2 18Z',
  'M10 1L19 10L10 19L1 10Z',
  'M2 10A8 8 0 0 1 18 10Z M2 12H18V18H2Z',
  'M2 2V8L12 18H18V12L8 2Z',
  'M10 2A8 8 0 1 1 10 18A8 8 0 1 1 10 2ZM10 7A3 3 0 1 0 10 13A3 3 0 1 0 10 7Z',
  'M7 2H13V7H18V13H13V18H7V13H2V7H7Z',
];

/** Of "41802 07733 …": six groups of five digits. */
export function tiles(number: string): Tile[] {
  return number.split(' ').flatMap((group, column) =>
    [...group].map((digit, row): Tile => ({
      x: column * SIDE,
      y: row * SIDE,
      ground: (column + row) % 2 ? 't1' : 't0',
      ink: (['k0', 'k1', 'k2'] as const)[Number(digit) % 3]!,
      path: MOTIFS[Number(digit)]!,
    })),
  );
}
