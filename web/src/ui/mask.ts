// The mask of a handle: the same on every device and in both themes. `parts` is data, and nodes are
// built from it: Trusted Types allow no SVG text.
//
// Form, eyes and mouth come from the alias, hues and ornament from the whole handle. So who registers
// sees the form in grey while typing, and the tag, which the server draws, brings the colours. An alias
// without its tag is grey, and so is deleted#0000. A change here changes everybody's mask: the test
// beside this file holds it still.

/** One element of an SVG: its name and attributes. */
export type Shape = readonly [name: 'path' | 'circle', attributes: Record<string, string | number>];

type Hue = readonly [deep: string, mid: string, bright: string];
interface Colours { deep: string; mid: string; bright: string; glint: string }
interface Form {
  name: string;
  half: string;
  eye: readonly [x: number, y: number, size: number];
  brow: number;
  face: keyof typeof FACES;
  cheek: readonly [x: number, y: number];
}
interface Eye { hole?: string; line?: string; look: boolean }

// deep (tile, holes) · mid (ornament, shaded half) · bright (mask). In every pairing: deep to bright at least 4.1:1, deep to mid 2.6:1.
const HUES: readonly Hue[] = [
  ['#7d2133', '#e56c7c', '#faa1a9'], // nar
  ['#863624', '#ed7c63', '#ffb19f'], // mercan
  ['#774009', '#ea8e3e', '#ffc396'], // turunç
  ['#644c06', '#ddac2d', '#ffd985'], // safran
  ['#475417', '#99b234', '#d0e786'], // fıstık
  ['#1f5436', '#5ebb85', '#a3ebbd'], // nane
  ['#025351', '#33b7b3', '#8fe6e2'], // turkuaz
  ['#02516f', '#49aedd', '#a3daf7'], // gök
  ['#1b3b89', '#6f96e8', '#aac4f9'], // çivit
  ['#4b2c80', '#a085e2', '#ccbdf9'], // menekşe
  ['#7e2757', '#e379ae', '#f9b7d6'], // gül
  ['#3c372d', '#a99d86', '#f2eadb'], // fildişi
];
const NOBODY: readonly [Hue, Hue] = [['#57534d', '#8d8982', '#c9c5be'], ['#57534d', '#8d8982', '#c9c5be']];

// Left halves in a box of 48, closed along x = 24, in pairs of absolute coordinates; the right half is the mirror image.
// eye: x, y, size · brow: y of the mark on the forehead · face: which of FACES · cheek: x, y
const FORMS: readonly Form[] = [
  { name: 'cat', half: 'M24 13C21.6 12.5 19.4 12.6 17.4 13.1C14.4 10.2 11.2 8.1 8.4 7.2C6.7 12 6 17.5 6.3 23.4C6.8 34.4 14 41.6 24 41.6Z', eye: [15.6, 24.5, 1], brow: 17.2, face: 'cat', cheek: [12.6, 32] },
  { name: 'fox', half: 'M24 15.4C21.6 14.4 19.2 14.3 17 14.8C13.2 10.8 9.2 7.6 5.4 6C4.2 12.6 4.8 19.2 7.3 24.8C10.4 31.8 16.6 38.6 24 43.4Z', eye: [15.8, 23, .95], brow: 18.6, face: 'fox', cheek: [12.6, 28] },
  { name: 'rabbit', half: 'M24 20.4C22.9 19.9 22.3 19.7 21.6 19.6C22.2 14.6 21.6 8.4 18.8 5.4C16.6 3.1 13.6 4 12.4 7.2C11 11 11.6 16.6 13.4 21.6C9.2 24.2 7 28.2 7.4 32.6C7.9 39.6 15.2 43.4 24 43.4Z', eye: [16.4, 30, .92], brow: 23.8, face: 'rabbit', cheek: [12.6, 36.6] },
  { name: 'bear', half: 'M24 11.4C21.8 11.4 19.6 11.8 17.7 12.4C16 8.4 11.4 7.2 8.3 9.5C5 12 4.7 16.6 7.4 19.7C6.2 22 5.8 24.8 6 27.6C6.7 36.6 14.4 42 24 42Z', eye: [16, 23.6, .85], brow: 16.2, face: 'bear', cheek: [11.4, 30] },
  { name: 'owl', half: 'M24 14.2C18.8 9.6 12 7 5.6 7.6C7 10.4 7.4 12.8 7.2 15.4C5.6 20 5.4 26 7 31C9.2 38.2 16 42.6 24 42.6Z', eye: [15.4, 22.8, 1.12], brow: 15.8, face: 'owl', cheek: [13, 33] },
  { name: 'domino', half: 'M24 18.4C19 13.8 11 11.6 3.6 13.8C2 22 4 30.2 9.2 34.2C14 37.6 19.6 35.4 21.6 31.4C22.3 30 23 29.2 24 29.2Z', eye: [13.6, 23.4, 1.12], brow: 21.8, face: 'none', cheek: [7.6, 17.6] },
  { name: 'butterfly', half: 'M24 15.6C21 9.6 13.6 5.4 6.4 7.8C2.8 12.4 3.8 19.4 8.6 23.6C5.4 27.2 5.8 34 9.8 37.8C15.4 41.4 21.6 38 24 32.4Z', eye: [14.4, 20.4, 1], brow: 17.6, face: 'wings', cheek: [13.4, 31.4] },
  { name: 'bird', half: 'M24 5C22 7.4 21 9.2 20.8 11C12.2 11.8 6.2 18 6.2 26.2C6.2 35.4 13.8 42 24 42Z', eye: [15.4, 23.4, 1], brow: 14.6, face: 'bird', cheek: [11.6, 31.4] },
  { name: 'moon', half: 'M24 6C13.8 6 6 14 6 24C6 34 13.8 42 24 42Z', eye: [15.8, 22.4, 1], brow: 12.6, face: 'mouth', cheek: [11.8, 29.6] },
  { name: 'sun', half: 'M24 3.6L20.6 8L15.6 5.4L13.6 10.6L8.2 10.2L8.8 15.6L3.8 17.6L6.6 22.2L3 26.4L7.4 29.6L5.8 34.8L11.2 35.4L11.6 40.8L16.8 39.2L19.6 43.8L24 40.6Z', eye: [16.4, 22.6, .88], brow: 13.8, face: 'mouth', cheek: [12.8, 29.2] },
  { name: 'leaf', half: 'M24 3.4C15 7.4 8.6 15.6 8.6 25.2C8.6 34.4 14.6 41 24 44.8Z', eye: [16.6, 23.6, .9], brow: 13, face: 'mouth', cheek: [13.4, 30.4] },
  { name: 'shield', half: 'M24 9.4C18.4 9.2 12.6 8.2 7.8 6.2C6 21.4 10.6 36.2 24 43.8Z', eye: [15.6, 20.6, 1], brow: 13.6, face: 'mouth', cheek: [13.4, 28.4] },
];

// A left eye around 0,0, cut out of the mask; `line` is drawn as a stroke (closed, smiling eyes).
const EYES: readonly Eye[] = [
  { hole: 'M-5.2 .4C-3.6 -3.8 2.4 -4.2 4.8 1C1.8 4.4 -3.2 4.4 -5.2 .4Z', look: true },
  { hole: 'M0 -3.9A3.9 3.9 0 1 1 0 3.9A3.9 3.9 0 1 1 0 -3.9Z', look: true },
  { hole: 'M-4.6 -1.4H4.6C4.6 3.8 -4.6 3.8 -4.6 -1.4Z', look: false },
  { line: 'M-4 1.6Q0 -4.8 4 1.6', look: false },
  { hole: 'M0 -4.6C3.8 -4.6 3.8 4.6 0 4.6C-3.8 4.6 -3.8 -4.6 0 -4.6Z', look: true },
  { hole: 'M4.6 -2.4C1.4 -4.4 -4 -2.4 -4.8 2C-1.6 4.4 4 3.6 4.6 -2.4Z', look: true },
];

// On the forehead, around 24,0.
const MARKS: readonly (string | null)[] = [
  null, null,
  'M24 -2.1A2.1 2.1 0 1 1 24 2.1A2.1 2.1 0 1 1 24 -2.1Z',
  'M24 -3.2L26.6 0L24 3.2L21.4 0Z',
  'M24 -3C27 0.4 26 2.6 24 2.6C22 2.6 21 0.4 24 -3Z',
  'M18.4 -0.4a1.5 1.5 0 1 1 0 .1ZM22.5 -1.6a1.5 1.5 0 1 1 0 .1ZM26.6 -0.4a1.5 1.5 0 1 1 0 .1Z',
];

const FACES = {
  none: (): Shape[] => [],
  wings: (c: Colours): Shape[] => [['path', { d: 'M24 17V31', stroke: c.deep, 'stroke-width': 2, 'stroke-linecap': 'round', fill: 'none' }]],
  cat: (c: Colours): Shape[] => [['path', { d: 'M21.4 30.4H26.6L24 33.4Z', fill: c.deep, stroke: c.deep, 'stroke-width': 1.2, 'stroke-linejoin': 'round' }]],
  fox: (c: Colours): Shape[] => [['path', { d: 'M20.9 38.2C22.6 36.8 25.4 36.8 27.1 38.2L24 42.2Z', fill: c.deep, stroke: c.deep, 'stroke-width': 1.2, 'stroke-linejoin': 'round' }]],
  rabbit: (c: Colours): Shape[] => [['path', { d: 'M22 35H26L24 37.4Z', fill: c.deep, stroke: c.deep, 'stroke-width': 1.2, 'stroke-linejoin': 'round' }]],
  bear: (c: Colours): Shape[] => [
    ['path', { d: 'M24 28.4C28.6 28.4 31.4 30.8 31.4 34C31.4 37.4 28.2 39.4 24 39.4C19.8 39.4 16.6 37.4 16.6 34C16.6 30.8 19.4 28.4 24 28.4Z', fill: c.mid }],
    ['path', { d: 'M21.4 31.6H26.6L24 34.4Z', fill: c.deep, stroke: c.deep, 'stroke-width': 1.4, 'stroke-linejoin': 'round' }]],
  owl: (c: Colours): Shape[] => [
    ...[15.4, 32.6].map((x): Shape => ['circle', { cx: x, cy: 22.8, r: 7.4, fill: c.mid }]),
    ['path', { d: 'M24 28L26.8 30.4L24 35L21.2 30.4Z', fill: c.deep, stroke: c.deep, 'stroke-width': 1, 'stroke-linejoin': 'round' }]],
  bird: (c: Colours): Shape[] => [['path', { d: 'M24 26L31 29.6L24 38.6L17 29.6Z', fill: c.mid, stroke: c.mid, 'stroke-width': 1.2, 'stroke-linejoin': 'round' }], ['path', { d: 'M17.4 30H30.6', stroke: c.deep, 'stroke-width': 1.4, 'stroke-linecap': 'round', fill: 'none' }]],
  mouth: (c: Colours, f: Form, n: number): Shape[] => {
    const y = f.eye[1] + 11;
    const d = [`M19.4 ${y - 1}Q24 ${y + 4} 28.6 ${y - 1}`, `M20.2 ${y - .2}Q24 ${y + 1.9} 27.8 ${y - .2}`, `M20.6 ${y + .8}Q25 ${y + 3.4} 28.4 ${y - 1.4}`][n % 4];
    if (!d) return [['path', { d: `M24 ${y - 2.2}A2.5 2.5 0 1 1 24 ${y + 2.8}A2.5 2.5 0 1 1 24 ${y - 2.2}Z`, fill: c.deep }]];
    return [['path', { d, stroke: c.deep, 'stroke-width': 2, 'stroke-linecap': 'round', fill: 'none' }]];
  },
};

/** FNV-1a over UTF-8, then mixed, so that neighbouring tags look nothing alike. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** Whole numbers below a bound, one after the other (splitmix32). */
function dice(text: string): (below: number) => number {
  let s = hash(text);
  return (below) => {
    s = (s + 0x9e3779b9) | 0;
    let z = Math.imul(s ^ (s >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % below;
  };
}

const TILE = 'M24 0C6.6 0 0 6.6 0 24C0 41.4 6.6 48 24 48C41.4 48 48 41.4 48 24C48 6.6 41.4 0 24 0Z';
const mirror = (half: string): string =>
  half.replace(/(-?[\d.]+) (-?[\d.]+)/g, (_, x: string, y: string) => `${Math.round((48 - Number(x)) * 100) / 100} ${y}`);

export function parts(handle: string): Shape[] {
  const text = handle.normalize('NFC');
  const [alias = '', tag = ''] = text.split('#');
  const gone = text === 'deleted#0000';
  const whole = !gone && /^\d{4}$/.test(tag);
  const form = dice('form ' + alias), hue = dice('hue ' + text);

  const f = FORMS[gone ? 8 : form(FORMS.length)]!;
  const eye = EYES[gone ? 2 : form(EYES.length)]!;
  const gaze = [-1.3, 0, 1.3][form(3)]!;
  const mouth = gone ? 1 : form(4);

  const a = hue(HUES.length), b = (a + 3 + hue(HUES.length - 5)) % HUES.length;
  const [ground, face] = whole ? [HUES[a]!, HUES[b]!] : NOBODY;
  const pattern = whole ? ['half', 'half', 'cheeks', 'cheeks', 'plain', 'plain'][hue(6)]! : 'plain';
  const mark = whole ? MARKS[hue(MARKS.length)] : null;
  const c: Colours = { deep: ground[0], mid: face[1], bright: face[2], glint: ground[2] };

  const out: Shape[] = [['path', { d: TILE, fill: c.deep }]];
  out.push(['path', { d: f.half + mirror(f.half), fill: pattern === 'half' ? c.mid : c.bright }]);
  if (pattern === 'half') out.push(['path', { d: f.half, fill: c.bright }]);
  if (pattern === 'cheeks') {
    for (const x of [f.cheek[0], 48 - f.cheek[0]]) out.push(['circle', { cx: x, cy: f.cheek[1], r: 2.9, fill: c.mid }]);
  }
  if (mark && f.face !== 'wings') out.push(['path', { d: mark, fill: pattern === 'half' ? c.deep : c.mid, transform: `translate(0 ${f.brow})` }]);
  out.push(...FACES[f.face](pattern === 'half' ? { ...c, mid: ground[1] } : c, f, mouth));
  const [x, y, size] = f.eye;
  for (const side of [1, -1]) {
    const at = `translate(${side === 1 ? x : 48 - x} ${y}) scale(${side * size} ${size})`;
    if (eye.line) out.push(['path', { d: eye.line, stroke: c.deep, 'stroke-width': 2.6, 'stroke-linecap': 'round', fill: 'none', transform: at }]);
    else if (eye.hole) out.push(['path', { d: eye.hole, fill: c.deep, transform: at }]);
    if (eye.look) out.push(['circle', { cx: (side === 1 ? x : 48 - x) + gaze * size, cy: y + .2, r: 1.35 * size, fill: c.glint }]);
  }
  return out;
}

// The icon of the app: one mask, counterchanged, one eye open. Two colours only.
export function iconParts(deep = '#0c5658', light = '#bfe6de'): Shape[] {
  const half = 'M24 17.2C18.6 12 10.4 10.6 3.4 13.4C1.4 24 4.8 32 10.6 35.2C15.6 37.8 20.2 35.2 21.8 31.4C22.4 29.9 23 29.2 24 29.2Z';
  return [
    ['path', { d: TILE, fill: deep }],
    ['path', { d: mirror('M24 0C6.6 0 0 6.6 0 24C0 41.4 6.6 48 24 48Z'), fill: light }],
    ['path', { d: half, fill: light }],
    ['path', { d: mirror(half), fill: deep }],
    ['path', { d: 'M-5.6 .6C-3.8 -4.2 2.8 -4.4 5.2 1.2C1.9 5 -3.6 5 -5.6 .6Z', fill: deep, transform: 'translate(13.2 23.6)' }],
    ['path', { d: 'M-4.6 1.8Q0 -4.8 4.6 1.8', stroke: light, 'stroke-width': 2.9, 'stroke-linecap': 'round', fill: 'none', transform: 'translate(34.8 23.8)' }],
  ];
}
