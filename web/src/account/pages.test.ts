import { expect, test } from 'vitest';
import { Pages } from './pages.svelte.ts';

const three = (asked: (string | undefined)[]): Pages<string> =>
  new Pages(async (cursor) => {
    asked.push(cursor);
    return cursor === 'b' ? { items: ['c'] } : { items: ['a', 'b'], next_cursor: 'b' };
  });

test('pages follow each other until the last one', async () => {
  const asked: (string | undefined)[] = [];
  const pages = three(asked);
  await pages.next();
  expect([pages.items, pages.more]).toEqual([['a', 'b'], true]);
  await pages.next();
  await pages.next();
  expect([pages.items, pages.more, asked]).toEqual([['a', 'b', 'c'], false, [undefined, 'b']]);
});

test('a page that is being loaded is asked for once', async () => {
  const asked: (string | undefined)[] = [];
  const pages = three(asked);
  await Promise.all([pages.next(), pages.next()]);
  expect(asked).toHaveLength(1);
});

test('a page that failed is asked for again', async () => {
  let fails = true;
  const pages = new Pages(async () => {
    if (fails) throw new Error('away');
    return { items: ['a'] };
  });
  await pages.next();
  expect(pages.error).toBeInstanceOf(Error);
  fails = false;
  await pages.next();
  expect([pages.items, pages.error]).toEqual([['a'], null]);
});

test('what was taken out goes back to its place', async () => {
  const pages = three([]);
  await pages.next();
  await pages.next();
  const before = pages.items;
  pages.drop('b');
  pages.put('b', before);
  expect(pages.items).toEqual(['a', 'b', 'c']);
  pages.drop('c');
  pages.put('c', before);
  expect(pages.items).toEqual(['a', 'b', 'c']);
});
