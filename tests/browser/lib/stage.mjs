// What all tests of a file share: a browser, and a server. Each file is a process of its own.

import { after, before } from 'node:test';

import { Browser } from './browser.mjs';
import { Server } from './server.mjs';

export let browser;
export let server;

/**
 * Starts them before the first test, and ends them after the last one. `settings` are those of the server. It has no
 * limits: all come from one address here. `start` may start more before it: hooks of a file do not wait for each other.
 */
export function stage(settings = {}, start = Server.start) {
  before(async () => {
    browser = await Browser.start();
    server = await start({ TEBDIL_LIMITS__ENABLED: 'false', ...settings });
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
}
