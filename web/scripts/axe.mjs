// Whether the gallery's screens can be used by everybody: axe finds nothing, and nothing is wider
// than a phone. `npm run axe [-- NAME…]`.

import axe from 'axe-core';
import { fault, visit } from './gallery.mjs';

// Each screen of the client in both themes, each language and width in half of them. Those of the console once: its
// rooms are looked at in each theme and language by tests/browser/console.test.mjs.
const each = ({ screen, width, theme, lang }) => {
  const light = theme === 'light';
  const usual = (lang === 'tr') === light && (width === 320) === light;
  return usual && (!screen.startsWith('console-') || light === (screen.length % 2 === 0));
};
process.env.WIDTHS ??= '320,1280';

const seen = await visit(
  async (page, name) => {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() =>
      globalThis.axe.run(document, { resultTypes: ['violations'] }),
    );
    for (const { id, help, nodes } of violations) {
      fault(name, `${id}: ${help}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
    }
  },
  { each },
);
console.log(`axe looked at ${seen} screens`);
