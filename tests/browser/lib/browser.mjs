// Headless Chromium, and the page it shows.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

import { chromium } from 'playwright-core';

const PROGRAM = process.env.TEBDIL_TEST_CHROMIUM || '/usr/bin/chromium';

const FLAGS = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  // Else a machine with no interface but loopback has no candidates.
  '--allow-loopback-in-peer-connection',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
];

const FILES = new Map([
  ['/', ['index.html', 'text/html']],
  ['/side.js', ['side.js', 'text/javascript']],
]);

/** A running Chromium with an empty profile. */
export class Browser {
  #chromium;
  #files;
  #url;

  static async start() {
    const browser = new Browser();
    browser.#files = createServer(async (request, response) => {
      const [name, type] = FILES.get(request.url) ?? [];
      if (!name) {
        response.writeHead(404).end();
        return;
      }
      const body = await readFile(new URL(`../page/${name}`, import.meta.url));
      response.writeHead(200, { 'content-type': type }).end(body);
    });
    browser.#files.listen(0, '127.0.0.1');
    await once(browser.#files, 'listening');
    browser.#url = `http://127.0.0.1:${browser.#files.address().port}/`;
    try {
      // A signal ends this process, and Chromium with it: the driver's handlers would let it go on.
      browser.#chromium = await chromium.launch({ executablePath: PROGRAM, args: FLAGS, handleSIGTERM: false, handleSIGHUP: false });
    } catch (error) {
      await browser.close();
      throw error;
    }
    return browser;
  }

  /** What it calls itself. */
  get version() {
    return this.#chromium.version();
  }

  /** Opens the page in a profile of its own. `tell` gets every frame that it sends. */
  async open(tell) {
    const context = await this.#chromium.newContext();
    const page = await context.newPage();
    await page.exposeFunction('tell', tell);
    await page.goto(this.#url);
    return page;
  }

  /** A profile of its own, for pages of other addresses than ours. */
  newContext(options) {
    return this.#chromium.newContext(options);
  }

  /** Ends everything. */
  async close() {
    await this.#chromium?.close();
    this.#files.closeAllConnections?.();
    this.#files.close();
  }
}
