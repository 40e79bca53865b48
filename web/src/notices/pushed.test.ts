import { expect, test } from 'vitest';
import { shownOf } from './pushed.ts';

test('a push leads to its chat, in the language of the browser', () => {
  const push = { type: 'match', match_id: '12' };
  expect(shownOf(push, 'tr-TR')).toEqual({ title: 'Birini bulduk', tag: 'match-12', path: '/chats/12' });
  expect(shownOf({ ...push, type: 'message' }, 'de').title).toBe('New message');
});

test('whatever else comes leads to the notifications', () => {
  for (const odd of [null, undefined, 3, 'x', {}, { type: 'system', notification_id: '3' },
    { type: 'match', match_id: '../..' }, { type: 'match', match_id: 12 }, { type: 'x', match_id: '12' }]) {
    expect(shownOf(odd, 'en')).toEqual({
      title: 'New notification', tag: 'notification', path: '/notifications',
    });
  }
});
