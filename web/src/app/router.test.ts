import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { back, go, onArrival, route, startRouter } from './router.svelte.ts';

/** As much of a browser as a router needs. */
class Page extends EventTarget {
  readonly entries: { url: URL; state: unknown }[];
  at = 0;
  scrollY = 0;
  readonly document = new EventTarget();

  constructor(url: string) {
    super();
    this.entries = [{ url: new URL(url), state: null }];
  }

  get entry(): { url: URL; state: unknown } {
    const entry = this.entries[this.at];
    if (!entry) throw new Error('no entry');
    return entry;
  }

  readonly history = {
    scrollRestoration: 'auto',
    pushState: (state: unknown, _: string, url: URL) => {
      this.entries.splice(this.at + 1, this.entries.length, { url, state });
      this.at += 1;
    },
    replaceState: (state: unknown, _: string, url?: URL) => {
      this.entries[this.at] = { url: url ?? this.entry.url, state };
    },
    back: () => this.step(-1),
  };

  step(by: number): void {
    this.at += by;
    this.dispatchEvent(Object.assign(new Event('popstate'), { state: this.entry.state }));
  }
}

let page: Page;
let stop: () => void;

beforeEach(() => {
  page = new Page('https://tebdil.example/chats/12?x=1');
  vi.stubGlobal('location', {
    get href() {
      return page.entry.url.href;
    },
    get pathname() {
      return page.entry.url.pathname;
    },
    get search() {
      return page.entry.url.search;
    },
  });
  vi.stubGlobal(
    'history',
    Object.defineProperty(page.history, 'state', { get: () => page.entry.state }),
  );
  vi.stubGlobal('document', page.document);
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
  vi.stubGlobal('scrollTo', ({ top }: { top: number }) => (page.scrollY = top));
  Object.defineProperty(globalThis, 'scrollY', { get: () => page.scrollY, configurable: true });
  stop = startRouter();
});

afterEach(() => {
  stop();
  vi.unstubAllGlobals();
});

test('the address is taken apart', () => {
  expect(route.path).toBe('/chats/12');
  expect(route.parts).toEqual(['chats', '12']);
  expect(route.query.get('x')).toBe('1');
});

test('a broken escape in the address stays as it is', () => {
  go('/chats/%E0%A4');
  expect(route.parts).toEqual(['chats', '%E0%A4']);
});

test('back leads to where one came from', () => {
  go('/account');
  go('/account/devices');
  back('/account');
  expect(route.path).toBe('/account');
});

test('back leads to the fallback where nothing was before', () => {
  back('/chats');
  expect(route.path).toBe('/chats');
  expect(page.entries).toHaveLength(1);
});

test('going where one is does not add a step', () => {
  go('/account');
  go('/account');
  expect(page.entries).toHaveLength(2);
});

test('a screen is scrolled to where it was left', async () => {
  go('/chats');
  page.scrollY = 640;
  go('/account');
  await vi.waitFor(() => expect(page.scrollY).toBe(0));
  page.step(-1);
  await vi.waitFor(() => expect(page.scrollY).toBe(640));
});

test('an arrival is told after the screen changed', async () => {
  const arrived = vi.fn();
  const off = onArrival(arrived);
  go('/account');
  expect(arrived).not.toHaveBeenCalled();
  await vi.waitFor(() => expect(arrived).toHaveBeenCalledOnce());
  off();
});
