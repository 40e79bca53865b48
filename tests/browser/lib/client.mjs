// Somebody with the web client, in a profile of their own.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';

import { eventually } from './waiting.mjs';

export const PASSWORD = 'a long enough passphrase';
// In both languages.
const WORDS = {
  phone: /^(Mobile number|Cep telefonu)$/,
  password: /^(Password|Parola)$/,
  next: /^(Continue|Devam)$/,
  find: /^(Find someone|Birini bul)$/,
  message: /^(Your message|Mesajınız)$/,
  send: /^(Send|Gönder)$/,
};
const PATIENCE = { timeout: 20_000 };

/** A page of the web client. It speaks English on a phone, and moves little, unless told otherwise. */
export class Client {
  page;
  /** Its profile. */
  context;
  /** What went wrong in the page, and what it asked of others: empty, or the test fails. */
  faults = [];
  #server;
  #phone;

  static async open(browser, server, { viewport = { width: 390, height: 844 }, locale = 'en', ...more } = {}) {
    const client = new Client();
    client.#server = server;
    client.context = await browser.newContext({ viewport, locale, reducedMotion: 'reduce', ...more });
    // In Chromium every breach of the policy is told to the page, whoever caused it.
    await client.context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.effectiveDirective} ${event.blockedURI}`);
      });
    });
    client.page = await client.tab();
    return client;
  }

  /** Another tab of the same profile. */
  async tab() {
    const page = await this.context.newPage();
    page.setDefaultTimeout(PATIENCE.timeout);
    page.on('pageerror', (error) => this.faults.push(error.message));
    page.on('console', (said) => {
      // Chromium tells the page of each refusal, and of each connection that fails.
      if (said.type() === 'error' && !/^(Failed to load resource|WebSocket connection to)/.test(said.text())) {
        this.faults.push(said.text());
      }
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(this.#server.url) && !url.startsWith('blob:')) this.faults.push(`asked ${url}`);
    });
    return page;
  }

  /** Registers, as a new user would, and ends at home. */
  async register(alias, link = `${this.#server.url}/register`) {
    const { page } = this;
    this.#phone = `+90532${randomInt(1_000_000, 9_999_999)}`;
    await page.goto(link);
    await page.getByLabel(WORDS.phone).fill(this.#phone);
    await this.#next();
    await page.locator('input').first().fill(alias);
    const date = page.locator('.date input');
    for (const [index, text] of ['1', '2', '1990'].entries()) await date.nth(index).fill(text);
    await this.#next();
    await page.getByLabel(WORDS.password).first().fill(PASSWORD);
    await page.getByRole('checkbox').check();
    await page.locator('form button[type=submit], .dock button').last().click();
    await this.find.waitFor();
  }

  /** Types the phone and a password, and presses. */
  async signIn(password) {
    const { page } = this;
    await page.goto(`${this.#server.url}/sign-in`);
    await page.getByLabel(WORDS.phone).fill(this.#phone);
    await page.getByLabel(WORDS.password).first().fill(password);
    await page.locator('form button[type=submit]').click();
  }

  #next() {
    return this.page.getByRole('button', { name: WORDS.next }).click();
  }

  get find() {
    return this.page.getByRole('button', { name: WORDS.find });
  }

  get composer() {
    return this.page.getByLabel(WORDS.message);
  }

  /** Waits until it can write in a chat. */
  async matched() {
    await this.composer.waitFor();
  }

  async say(text) {
    await this.composer.fill(text);
    await this.page.getByRole('button', { name: WORDS.send }).click();
  }

  /** Waits until a message is shown. */
  async reads(text) {
    await this.page.locator('.bubble', { hasText: text }).first().waitFor();
  }

  /** The words of each message, in the order in which they are shown. */
  async log() {
    return this.page.locator('.bubble').allInnerTexts();
  }

  /** Waits until exactly these messages are shown, in this order. */
  async shows(texts) {
    let last = [];
    await eventually(
      () => `the messages ${JSON.stringify(texts)}, not ${JSON.stringify(last)}`,
      async () => {
        last = await this.log();
        return last.length === texts.length && last.every((text, index) => text.includes(texts[index]));
      },
    );
  }

  /** What a thief of the disk would find: bytes as Latin text, and the names of keys that could be taken out. */
  async kept() {
    return this.page.evaluate(async () => {
      const found = { records: 0, text: '', keys: [] };
      const add = (name, value) => {
        if (value instanceof CryptoKey) {
          if (value.extractable) found.keys.push(name);
        } else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
          const bytes = ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
          found.text += `\n${name}: ${new TextDecoder('latin1').decode(bytes)}`;
        } else if (value && typeof value === 'object') {
          for (const [key, inner] of Object.entries(value)) add(`${name}.${key}`, inner);
        } else {
          found.text += `\n${name}: ${value}`;
        }
      };
      const asked = (request) =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      for (const { name } of await indexedDB.databases()) {
        const database = await asked(indexedDB.open(name));
        for (const store of database.objectStoreNames) {
          const rows = database.transaction(store).objectStore(store);
          const [keys, values] = await Promise.all([asked(rows.getAllKeys()), asked(rows.getAll())]);
          found.records += values.length;
          values.forEach((value, index) => add(`${store}/${keys[index]}`, value));
        }
        database.close();
      }
      for (const storage of [localStorage, sessionStorage]) for (const [key, value] of Object.entries(storage)) add(key, value);
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
          const url = new URL(request.url);
          found.text += `\ncache: ${url.pathname}`;
          if (!/\.(js|css|png|svg)$/.test(url.pathname)) add(url.pathname, await (await cache.match(request)).text());
        }
      }
      return found;
    });
  }

  /** Touches the screen, as a finger does: nothing moves over it before. */
  async touch(x, y) {
    const screen = await this.context.newCDPSession(this.page);
    await screen.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y }] });
    await screen.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await screen.detach();
  }

  /** Without a line, or with it again. */
  offline(offline) {
    return this.context.setOffline(offline);
  }

  /** Ends it. Nothing may have gone wrong in it. */
  async close() {
    await this.context.close();
    assert.deepEqual(this.faults, []);
  }
}

/** Two who have just met. */
export async function pair(browser, server, options) {
  const sides = [];
  for (const alias of ['ayse_k', 'berk_t']) {
    const side = await Client.open(browser, server, options);
    sides.push(side);
    await side.register(alias);
  }
  for (const side of sides) await side.find.click();
  for (const side of sides) await side.matched();
  return sides;
}
