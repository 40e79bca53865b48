import { expect, test } from 'vitest';
import { reasonWords } from '../../report/reasons.ts';
import { choose, emptyDraft, nextTemplate, request, templates } from './draft.ts';
import { report } from './fixtures.ts';
import { t } from './text.ts';

const about = report('1', 'threat');
const NOW = Date.parse('2026-11-22T20:00:00Z');

test('a choice brings words of its own, which give way to those of another choice', () => {
  const draft = emptyDraft();
  choose(draft, 'dismiss', about);
  expect(draft.note).toBe(templates('dismiss', about)[0]);
  choose(draft, 'forGood', about);
  expect(draft.note).toBe(templates('forGood', about)[0]);
  nextTemplate(draft, about);
  expect(draft.note).toBe(templates('forGood', about)[1]);
});

test('own words stay', () => {
  const draft = { ...emptyDraft(), note: 'mine' };
  choose(draft, 'warn', about);
  nextTemplate(draft, about);
  expect(draft.note).toBe('mine');
});

test('no template speaks of messages where there are none', () => {
  const said = templates('ban', report('1', 'threat', { evidence_count: 0 }));
  expect(said).not.toContain(t.notes.proven(reasonWords('threat')));
});

test('the same key again takes the next length of a ban', () => {
  const draft = emptyDraft();
  const seen = Array.from({ length: 4 }, () => {
    choose(draft, 'ban', about);
    return draft.days;
  });
  expect(seen).toEqual([7, 30, 1, 7]);
});

test('what is sent', () => {
  const note = 'bir\r\niki\u0007 ';
  expect(request({ choice: 'ban', days: 7, note }, NOW)).toEqual({
    decision: 'ban', note: 'bir\niki', until: '2026-11-29T20:00:00.000Z',
  });
  expect(request({ choice: 'forGood', days: 7, note }, NOW)).toEqual({ decision: 'ban', note: 'bir\niki' });
  expect(request({ choice: 'rename', days: 7, note }, NOW)).toEqual({ decision: 'rename', note: 'bir\niki' });
  expect([request(emptyDraft(), NOW), request({ ...emptyDraft(), choice: 'warn' }, NOW)]).toEqual([
    t.chooseFirst, t.noteFirst,
  ]);
});
