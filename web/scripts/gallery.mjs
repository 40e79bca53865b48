// The gallery's screens in Chromium, one after the other, for pictures and for checks.
//
// NAME… on the command line takes those whose names begin so; WIDTHS, THEMES and LANGS take part of
// the rest. Chromium is that of TEBDIL_TEST_CHROMIUM, as in tests/browser.

import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const HEIGHTS = { 320: 640, 360: 740, 390: 844, 768: 1024, 1024: 768, 1280: 800 };

const list = (name, otherwise) => process.env[name]?.split(',') ?? otherwise;

/** Shows each and calls `look(page, name)`. What a page says goes wrong ends in a process that fails. */
export async function visit(look, { each = () => true } = {}) {
  const widths = list('WIDTHS', ['320', '390', '768', '1280']).map(Number);
  const themes = list('THEMES', ['light', 'dark']);
  const languages = list('LANGS', ['tr', 'en']);
  const server = await createServer({
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0, hmr: false, watch: null },
  });
  await server.listen();
  const address = `http://127.0.0.1:${server.httpServer.address().port}/gallery.html`;
  const browser = await chromium.launch({
    executablePath: process.env.TEBDIL_TEST_CHROMIUM || '/usr/bin/chromium',
    chromiumSandbox: false,
  });
  let shown = 0;
  try {
    const page = await open(browser);
    await page.goto(address);
    await page.waitForSelector('html[data-ready]', { timeout: 60_000 });
    const all = (await page.evaluate(() => document.documentElement.dataset.screens)).split(' ');
    const wanted = process.argv.slice(2);
    const chosen = all.filter((name) => !wanted[0] || wanted.some((one) => name.startsWith(one)));
    for (const screen of chosen)
      for (const width of widths)
        for (const theme of themes)
          for (const lang of languages) {
            if (!each({ screen, width, theme, lang })) continue;
            const name = `${screen}-${width}-${theme}-${lang}`;
            await show(page, `${address}?screen=${screen}&theme=${theme}&lang=${lang}`, width, name);
            await look(page, name);
            shown += 1;
          }
  } finally {
    await browser.close();
    await server.close();
  }
  return shown;
}

/** Says what is wrong where, and lets the process fail in the end. */
export function fault(where, what) {
  process.exitCode = 1;
  console.error(`${where}: ${what}`);
}

let current = 'gallery';

async function open(browser) {
  const context = await browser.newContext({
    reducedMotion: 'reduce',
    locale: 'tr',
    timezoneId: 'Europe/Istanbul',
  });
  const page = await context.newPage();
  page.on('console', (said) => said.type() === 'error' && fault(current, said.text()));
  page.on('pageerror', (error) => fault(current, error.message));
  return page;
}

async function show(page, address, width, name) {
  current = name;
  await page.setViewportSize({ width, height: HEIGHTS[width] ?? 800 });
  await page.goto(address);
  await page.waitForSelector('html[data-ready=shown]', { timeout: 20_000 });
  // A room that is loaded when it is first opened.
  await page.waitForSelector('h1', { timeout: 3_000 }).catch(() => {});
  await page.waitForTimeout(150);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) fault(name, `${wide} px too wide`);
}
