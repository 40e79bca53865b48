import { expect, test } from 'vitest';
import { Pages } from './pages.svelte.ts';

interface One {
  id: string;
}

const of = (...ids: string[]): One[] => ids.map((id) => ({ id }));
const ids = (pages: Pages<One>): string[] => pages.items.map(({ id }) => id);

const three = (asked: (string | undefined)[]): Pages<One> =>
  new Pages(async (cursor) => {
    asked.push(cursor);
    return cursor === 'b' ? { items: of('c') } : { items: of('a', 'b'), next_cursor: 'b' };
  });

test('pages follow each other until the last one', async () => {
  const asked: (string | undefined)[] = [];
  const pages = three(asked);
  await pages.next();
  expect([ids(pages), pages.more]).toEqual([['a', 'b'], true]);
  await pages.next();
  await pages.next();
  expect([ids(pages), pages.more, asked]).toEqual([['a', 'b', 'c'], false, [undefined, 'b']]);
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
    return { items: of('a') };
  });
  await pages.next();
  expect(pages.error).toBeInstanceOf(Error);
  fails = false;
  await pages.next();
  expect([ids(pages), pages.error]).toEqual([['a'], null]);
});

test('what was put in meanwhile is there once', async () => {
  const pages = three([]);
  pages.items = of('a');
  await pages.next();
  expect(ids(pages)).toEqual(['a', 'b']);
});

test('what was taken out goes back to its place', async () => {
  const pages = three([]);
  await pages.next();
  await pages.next();
  const before = pages.items;
  for (const gone of [before[1]!, before[2]!]) {
    pages.drop(gone);
    pages.put(gone, before);
    expect(ids(pages)).toEqual(['a', 'b', 'c']);
  }
});
