import { beforeEach, expect, test, vi } from 'vitest';
import { go, startRouter } from '../app/router.svelte.ts';
import { place, to } from './router.svelte.ts';

let url: URL;
let steps: number;

beforeEach(() => {
  url = new URL('https://tebdil.example/admin/log/12?actor=5&action=banned');
  steps = 0;
  vi.stubGlobal('location', {
    get href() { return url.href; },
    get pathname() { return url.pathname; },
    get search() { return url.search; },
  });
  vi.stubGlobal('history', {
    state: null,
    scrollRestoration: 'auto',
    pushState: (_: unknown, __: string, next: URL) => ((url = next), (steps += 1)),
    replaceState: (_: unknown, __: string, next?: URL) => (url = next ?? url),
  });
  vi.stubGlobal('document', new EventTarget());
  vi.stubGlobal('addEventListener', () => undefined);
  vi.stubGlobal('scrollY', 0);
  vi.stubGlobal('scrollTo', () => undefined);
  startRouter();
});

test('an address is a room, an id and filters', () => {
  expect([place.room, place.id, place.further]).toEqual(['log', '12', false]);
  expect([place.filter('actor'), place.filter('action'), place.filter('user')]).toEqual(['5', 'banned', '']);
  go('/admin');
  expect([place.room, place.id, place.filter('actor')]).toEqual(['', null, '']);
  go('/admin/people/12/more');
  expect([place.room, place.further]).toEqual(['people', true]);
});

test('filters are set and taken out, the others stay, and each is a step back', () => {
  place.setFilters({ action: null, user: '9' });
  expect([url.pathname, url.search, steps]).toEqual(['/admin/log/12', '?actor=5&user=9', 1]);
  place.setFilters({ actor: '', user: '' }, { replace: true });
  expect([url.pathname, url.search, steps]).toEqual(['/admin/log/12', '', 1]);
});

test('an address is made', () => {
  expect(to('overview')).toBe('/admin/overview');
  expect(to('people', '12')).toBe('/admin/people/12');
  expect(to('log', null, { actor: '5', user: '' })).toBe('/admin/log?actor=5');
});
