import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { iconParts, parts } from './mask.ts';

const digest = (shapes: unknown[]): string => {
  const hash = createHash('sha256');
  for (const one of shapes) hash.update(JSON.stringify(one));
  return hash.digest('hex');
};

describe('masks', () => {
  // A client that draws another mask shows a stranger where the user knows somebody.
  it('of 2,000 handles are the ones of the design', () => {
    const handles = Array.from(
      { length: 2000 },
      (_, i) => `kişi${i % 170}#${String((i * 7) % 10_000).padStart(4, '0')}`,
    );
    expect(digest(handles.map(parts))).toBe(
      '20a5bda0a46aa4e8cdf3043f3249b0ebbd15811e19d93af86a98cf0f758f38ee',
    );
  });

  it('of an alias, of an erased peer and of the app are frozen', () => {
    const shapes = [[parts('kediadam'), parts('deleted#0000'), iconParts()]];
    expect(digest(shapes)).toBe(
      '5b31e09dcdd7e48a6671928b44966187e7502134c90c349b9d0ab5d7fe7f6b88',
    );
  });

  it('keep the form of the alias whatever the tag', () => {
    const form = (handle: string): unknown => parts(handle)[1]![1].d;
    expect(form('kediadam#9021')).toBe(form('kediadam'));
    expect(form('kediadam#0001')).toBe(form('kediadam'));
  });

  it('do not depend on how letters are composed', () => {
    expect(parts('c\u0327ay#1234')).toEqual(parts('çay#1234'));
  });
});
