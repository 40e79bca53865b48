// The icons that are no SVG, drawn from public/icons/icon.svg: `node scripts/icons.mjs`. They are
// committed, since a build should not need a browser.
//
// Chromium is that of TEBDIL_TEST_CHROMIUM, as in tests/browser.

import { readFile, writeFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const icon = await readFile('public/icons/icon.svg', 'utf8');
/** The tile has corners of its own; where the system cuts the shape, its colours go to the edge. */
const ICONS = [
  { file: 'icon-192.png', size: 192, mask: 192 },
  { file: 'icon-512.png', size: 512, mask: 512 },
  // Only the middle four fifths of it are sure to be seen.
  { file: 'icon-maskable-512.png', size: 512, mask: 410, full: true },
];

const browser = await chromium.launch({
  executablePath: process.env.TEBDIL_TEST_CHROMIUM || '/usr/bin/chromium',
  chromiumSandbox: false,
});
const page = await browser.newPage();
for (const { file, size, mask, full } of ICONS) {
  await page.setViewportSize({ width: size, height: size });
  const ground = full ? 'linear-gradient(90deg, #0c5658 50%, #bfe6de 50%)' : 'transparent';
  await page.setContent(`<style>
    body { margin: 0; display: grid; place-items: center; height: 100vh; background: ${ground}; }
    svg { width: ${mask}px; height: ${mask}px; }
    ${full ? 'path:nth-of-type(-n+2) { display: none; }' : ''}
  </style>${icon}`);
  await writeFile(`public/icons/${file}`, await page.screenshot({ omitBackground: !full }));
}
await browser.close();
