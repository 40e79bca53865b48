// `gallery.html?screen=NAME&theme=dark&lang=en`: one screen of a room in one state, for pictures and
// for checks of accessibility. Not in the build. Without a name: all names.

import { mount, tick } from 'svelte';
// Before a room that needs it: it shows the theme that was chosen, not the one of the address.
import '../app/theme.svelte.ts';
import '../ui/tokens.css';
import '../ui/components.css';
import '../ui/screens.css';
import { route, startRouter } from '../app/router.svelte.ts';
import { language } from '../text/texts.svelte.ts';
import Gallery from './Gallery.svelte';
import { staffScreens } from './console/screens.ts';
import type { Shown } from './shown.ts';

const rooms = import.meta.glob<{ screens: Record<string, Shown> }>('../*/gallery.ts', {
  eager: true,
});
const screens = Object.assign({}, ...Object.values(rooms).map((room) => room.screens)) as Record<
  string,
  Shown
>;

const wished = new URLSearchParams(location.search);
const root = document.documentElement;
const theme = wished.get('theme');
if (theme) root.dataset.theme = theme;
const wishedLanguage = wished.get('lang');
if (wishedLanguage === 'tr' || wishedLanguage === 'en') language.current = wishedLanguage;

const target = document.getElementById('app');
if (!target) throw new Error('no #app');

function at(address = '/'): void {
  const path = new URL(address, location.href);
  startRouter();
  route.path = path.pathname;
  route.query = path.searchParams;
}

const wishedScreen = wished.get('screen') ?? '';
const shown = screens[wishedScreen];
const ofStaff = staffScreens[wishedScreen];
const names = [...Object.keys(screens), ...Object.keys(staffScreens)];
if (shown) {
  at(shown.path);
  shown.before?.();
  mount(Gallery, { target, props: { shown } });
  await tick();
  await shown.then?.(target);
} else if (ofStaff) {
  at(ofStaff.path);
  // Its styles are for its own page.
  const { show } = await import('./console/show.ts');
  await show(target, ofStaff);
} else {
  const list = document.createElement('ul');
  for (const name of names) {
    const link = document.createElement('a');
    link.textContent = name;
    link.href = `?screen=${name}`;
    const item = document.createElement('li');
    item.append(link);
    list.append(item);
  }
  target.append(list);
}
// What takes pictures waits for this.
root.dataset.ready = shown || ofStaff ? 'shown' : 'list';
root.dataset.screens = names.join(' ');
