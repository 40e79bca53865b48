// Pictures for the documents. With TEBDIL_TEST_WRITE_PICTURES=1 they go to docs/pictures; else they are made, looked at
// and thrown away.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Studio } from './studio.mjs';

export const WRITE = process.env.TEBDIL_TEST_WRITE_PICTURES === '1';
/**
 * How `wide` the file is, pixels: enough for a sharp screen at the size at which the documents show it. No repository should
 * carry more than so many bytes.
 */
export const SIZES = {
  phone: { viewport: { width: 390, height: 844 }, wide: 585, most: 60_000 },
  desktop: { viewport: { width: 1280, height: 800 }, wide: 1280, most: 100_000 },
};
/** A blank page, even one with an error on it, has fewer. */
const COLOURS = 300;

export class Album {
  studio;
  #folder;

  static async open(browser) {
    const album = new Album();
    album.studio = await Studio.open(browser);
    album.#folder = WRITE ? fileURLToPath(new URL('../../../docs/pictures', import.meta.url)) : await mkdtemp(join(tmpdir(), 'tebdil-pictures-'));
    await mkdir(album.#folder, { recursive: true });
    return album;
  }

  async close() {
    if (!WRITE) await rm(this.#folder, { recursive: true, force: true });
  }

  keep(name, file) {
    return writeFile(join(this.#folder, `${name}.webp`), file);
  }

  /** Takes a picture of what a page shows. */
  async take(page, name, theme, size = 'phone') {
    const { viewport, wide, most } = SIZES[size];
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize(viewport);
    // Off whatever was pressed last.
    await page.mouse.move(0, 0);
    // Two frames later everything is where it belongs.
    await page.evaluate(() => document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))));
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(beyond <= 0, `${name}: ${beyond} px too wide`);
    assert.equal(await page.locator('.toasts .bad, .banner.bad, .banner.warn').count(), 0, `${name}: something is wrong`);
    const { file, width, height, colours } = await this.studio.picture(await page.screenshot(), wide);
    assert.deepEqual({ width, height }, { width: wide, height: Math.round((viewport.height * wide) / viewport.width) });
    assert.ok(colours > COLOURS, `${name}: only ${colours} colours`);
    assert.ok(file.length < most, `${name}: ${file.length} bytes`);
    await this.keep(name, file);
  }
}
