// Pictures of the gallery's screens: `node scripts/shots.mjs [NAME…]`, into a folder outside the
// repository. SHOTS names another folder, WIDTHS, THEMES and LANGS take part of them.
//
// Chromium is that of TEBDIL_TEST_CHROMIUM, as in tests/browser.

import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const list = (name, otherwise) => process.env[name]?.split(',') ?? otherwise;
const folder = process.env.SHOTS ?? `${tmpdir()}/tebdil-shots`;
const widths = list('WIDTHS', ['320', '390', '768', '1280']).map(Number);
const themes = list('THEMES', ['light', 'dark']);
const languages = list('LANGS', ['tr', 'en']);
const HEIGHTS = { 320: 640, 390: 844, 768: 1024, 1280: 800 };

await mkdir(folder, { recursive: true });
const server = await createServer({
  logLevel: 'error',
  server: { host: '127.0.0.1', port: 0, hmr: false, watch: null },
});
await server.listen();
const { port } = server.httpServer.address();
const address = `http://127.0.0.1:${port}/gallery.html`;
const browser = await chromium.launch({
  executablePath: process.env.TEBDIL_TEST_CHROMIUM || '/usr/bin/chromium',
  chromiumSandbox: false,
});

let faults = 0;
const fault = (where, what) => {
  faults += 1;
  console.error(`${where}: ${what}`);
};

async function shoot(page, screen, width, theme, lang) {
  const name = `${screen}-${width}-${theme}-${lang}`;
  const told = (message) => message.type() === 'error' && fault(name, message.text());
  const thrown = (error) => fault(name, error.message);
  page.on('console', told).on('pageerror', thrown);
  await page.setViewportSize({ width, height: HEIGHTS[width] ?? 800 });
  await page.goto(`${address}?screen=${screen}&theme=${theme}&lang=${lang}`);
  await page.waitForSelector('html[data-ready=shown]', { timeout: 20_000 });
  await page.waitForTimeout(150);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) fault(name, `${wide} px too wide`);
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: !process.env.FOLD });
  page.off('console', told).off('pageerror', thrown);
}

try {
  const context = await browser.newContext({
    reducedMotion: 'reduce',
    locale: 'tr',
    timezoneId: 'Europe/Istanbul',
  });
  const page = await context.newPage();
  await page.goto(address);
  await page.waitForSelector('html[data-ready]', { timeout: 60_000 });
  const all = (await page.evaluate(() => document.documentElement.dataset.screens)).split(' ');
  const wanted = process.argv.slice(2);
  const chosen =
    wanted.length === 0 ? all : all.filter((name) => wanted.some((one) => name.startsWith(one)));
  for (const screen of chosen) {
    for (const width of widths) {
      for (const theme of themes) {
        for (const lang of languages) await shoot(page, screen, width, theme, lang);
      }
    }
  }
  console.log(`${chosen.length} screens in ${folder}`);
} finally {
  await browser.close();
  await server.close();
}
process.exitCode = faults ? 1 : 0;
