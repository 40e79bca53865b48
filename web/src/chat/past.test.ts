import { expect, test } from 'vitest';
import { match } from '../gallery/fixtures.ts';
import { Past } from './past.svelte.ts';

/** Two a page; `known` are not new. */
function past(ids: string[], known: string[] = []) {
  const added: string[] = [];
  const asked: (string | undefined)[] = [];
  const made = new Past({
    page: async (cursor) => {
      asked.push(cursor);
      const from = Number(cursor ?? 0);
      const items = ids.slice(from, from + 2).map((id) => match(id, 'a#1'));
      return { items, next_cursor: from + 2 < ids.length ? String(from + 2) : null };
    },
    add: ({ id }) => {
      if (known.includes(id) || added.includes(id)) return false;
      added.push(id);
      return true;
    },
  });
  return { made, added, asked };
}

test('past chats come page by page', async () => {
  const { made, added } = past(['5', '4', '3', '2', '1']);
  await made.newest();
  expect([added.join(''), made.more]).toEqual(['54', true]);
  await made.earlier();
  expect(added.join('')).toBe('5432');
  await made.earlier();
  expect([added.join(''), made.more]).toEqual(['54321', false]);
  await made.earlier();
  expect(added).toHaveLength(5);
});

test('pages with nothing new are passed over', async () => {
  const { made, added, asked } = past(['6', '5', '4', '3', '2', '1'], ['4', '3']);
  await made.newest();
  await made.earlier();
  expect([added.join(''), asked]).toEqual(['6521', [undefined, '2', '4']]);
});

test('a new line does not begin the pages anew', async () => {
  const { made, asked } = past(['4', '3', '2', '1', '0']);
  await made.newest();
  await made.earlier();
  await made.newest();
  await made.earlier();
  expect(asked).toEqual([undefined, '2', undefined, '4']);
});

test('a page that failed can be asked for again', async () => {
  let online = false;
  const made = new Past({
    page: async () => {
      if (!online) throw new Error('offline');
      return { items: [], next_cursor: '2' };
    },
    add: () => true,
  });
  await expect(made.newest()).rejects.toThrow('offline');
  expect(made.more).toBe(false);
  online = true;
  await made.newest();
  expect(made.more).toBe(true);
});
