import { expect, test } from 'vitest';
import { hex, utf8 } from './bytes.ts';
import { authenticatedData, contentOf, frankingTag, pad, tagIn, unpad } from './plaintext.ts';

const plaintext = {
  salt: Uint8Array.from({ length: 32 }, (_, i) => i),
  matchId: '123456789012345',
  handle: 'kediadam#9021',
  content: utf8('{"type":"text","text":"günaydın"}'),
};
const TAG = '398bcac0a5469e8ee6772a42f7a2792163ab5dac98521d2006f28195793594d9';

test('the example of the protocol comes out', async () => {
  const tag = await frankingTag(plaintext);
  expect(hex(tag)).toBe(TAG);
  expect(hex(authenticatedData(tag))).toBe(`23002020${TAG}`);
  expect(tagIn(authenticatedData(tag))).toEqual(tag);
  expect(tagIn(tag)).toBeUndefined();
  expect(tagIn(new Uint8Array(36))).toBeUndefined();
});

test('a plaintext has one form', () => {
  const good = pad(plaintext);
  expect(unpad(good)).toEqual(plaintext);
  const changes: [number, number][] = [[0, 2], [4, 31], [4, 33], [1, 0xff], [good.length - 1, 1]];
  for (const [at, value] of changes) {
    const bad = good.slice();
    bad[at] = value;
    expect(() => unpad(bad), `byte ${at}`).toThrow();
  }
  for (let length = 0; length < 256; length++) expect(() => unpad(good.slice(0, length))).toThrow();
});

test('every length up to the limit survives in a bucket', () => {
  for (const length of [0, 1, 100, 200, 1_000, 4_000, 15_000, 15_900]) {
    const content = new Uint8Array(length).fill(120);
    expect(unpad(pad({ ...plaintext, content })).content).toEqual(content);
  }
  expect(() => pad({ ...plaintext, content: new Uint8Array(15_901) })).toThrow();
});

test('text that is not UTF-8 is refused, a mark at its start kept', () => {
  expect(contentOf(utf8('{"type":"text","text":"\uFEFFa"}')).text).toBe('\uFEFFa');
  expect(() => contentOf(Uint8Array.of(0x22, 0xff, 0x22))).toThrow();
});
