import { beforeEach, expect, test, vi } from 'vitest';

/** As much of the DOM as keys look at. */
class Thing {
  isContentEditable = false;
  type = 'text';
  readonly #kind: string;
  constructor(kind = '') {
    this.#kind = kind;
  }
  matches(selector: string): boolean {
    return selector.split(', ').includes(this.#kind);
  }
}
class Area extends Thing {}
class Select extends Thing {}
class Input extends Thing {}

let dialog: object | null;
vi.stubGlobal('HTMLElement', Thing);
vi.stubGlobal('HTMLTextAreaElement', Area);
vi.stubGlobal('HTMLSelectElement', Select);
vi.stubGlobal('HTMLInputElement', Input);
vi.stubGlobal('document', { querySelector: () => dialog });
const { keys } = await import('./keys.svelte.ts');

let pressed: string[];
let now: number;
beforeEach(() => ([dialog, pressed, now] = [null, [], 100]));

function press(key: string, more: object = {}): boolean {
  const event = { key, target: new Thing(), timeStamp: now, preventDefault: vi.fn(), ...more };
  keys.press(event as unknown as KeyboardEvent);
  return event.preventDefault.mock.calls.length > 0;
}
const add = (...names: string[]) => keys.add(() => names.map((key) => ({ key, run: () => void pressed.push(key) })));

test('a key is heard, also right after the page was opened; after its room is gone it is not', () => {
  const gone = add('j', 'g l', 'Ctrl+Enter');
  expect([press('j'), press('x')]).toEqual([true, false]);
  press('g');
  now += 1_000;
  press('l');
  press('g');
  now += 2_000;
  press('l');
  expect(pressed).toEqual(['j', 'g l']);
  gone();
  press('j');
  expect(pressed.length).toBe(2);
});

test('where somebody types or a sheet is open, nothing is heard', () => {
  const gone = add('j', 'Enter', 'Ctrl+Enter');
  const editable = Object.assign(new Thing(), { isContentEditable: true });
  for (const target of [new Input(), new Area(), new Select(), editable]) press('j', { target });
  press('Enter', { target: new Thing('button') });
  press('j', { metaKey: true });
  press('j', { defaultPrevented: true });
  dialog = {};
  press('j');
  expect(pressed).toEqual([]);
  dialog = null;
  press('Enter', { target: new Area(), ctrlKey: true });
  press('j', { target: Object.assign(new Input(), { type: 'checkbox' }) });
  expect(pressed).toEqual(['Ctrl+Enter', 'j']);
  gone();
});

test('of two with the same key, the one who came last hears it', () => {
  const gone = [add('j'), keys.add(() => [{ key: 'j', run: () => void pressed.push('inner') }])];
  press('j');
  expect(pressed).toEqual(['inner']);
  for (const one of gone) one();
});

test('a key that is held down moves on, and does nothing else twice', () => {
  const gone = add('j', 'k', 'Enter', 'Ctrl+Enter');
  press('Enter');
  press('j');
  for (let i = 0; i < 2; i += 1) {
    press('Enter', { repeat: true });
    press('Enter', { repeat: true, ctrlKey: true });
    press('j', { repeat: true });
  }
  expect(pressed).toEqual(['Enter', 'j', 'j', 'j']);
  gone();
});
