// How fast the web client is, as a Markdown table: `npm run bench`, or `npm run bench -- load` for one part of it (`load`,
// `meet`, `scroll`). It needs the built server and web/dist; the figures depend on the machine, and want it to themselves.
//
// Bytes: of everything that a page with an empty cache fetches before its network is idle. What the service worker fetches
// after that, to be there without a line, is not counted.
//
// Interactive: on a CPU four times slower and on a slow line, until a real click on the welcome page's main button, made as
// soon as it is painted, has brought the next screen, and that screen is painted. So it contains the load, the work of the
// main thread that delays a click, and the click itself. Chromium delays each request, but not the connection:
// a line with TCP and TLS 1.3 takes two of these delays more.
//
// Frames: the time between two of them as requestAnimationFrame tells it, and the longest task of the main thread in a trace,
// while a chat is scrolled by mouse wheel from its end to its start and back. Its messages went through the server.
//
// Meeting: another one waits already. A script types, with no thought between two steps.

import assert from 'node:assert/strict';
import { get } from 'node:http';

import { Browser } from './lib/browser.mjs';
import { Client, pair } from './lib/client.mjs';
import { Server } from './lib/server.mjs';
import { inTime, pause } from './lib/waiting.mjs';

// All come from one address here. The client keeps the pace that the server names, and is to write a long chat soon.
const SETTINGS = { TEBDIL_LIMITS__ENABLED: 'false', TEBDIL_LIMITS__FRAMES_PER_CONNECTION__BURST: '6000' };
const RUNS = 5;
const PHONE = { viewport: { width: 390, height: 844 }, locale: 'en' };
const DESKTOP = { viewport: { width: 1280, height: 800 }, locale: 'en' };
const SLOW_CPU = 4;
const SLOW_LINE = { offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 };
const MESSAGES = 5_000;
const WHEEL_PX = 600;
/** Between two turns of the wheel: 20,000 pixels a second are faster than anybody reads. */
const WHEEL_MS = 30;

/** A row of the table, from what each run measured. */
function row(what, values, unit, target, digits = 0) {
  const sorted = [...values].sort((a, b) => a - b);
  const [least, median, most] = [0, sorted.length >> 1, sorted.length - 1].map((index) => sorted[index].toFixed(digits));
  console.log(`| ${what} | ${median} ${unit} | ${least}–${most} | ${target ?? ''} |`);
}

const kB = (bytes) => bytes / 1000;

async function runs(measure) {
  const all = [];
  for (let run = 0; run < RUNS; run += 1) all.push(await measure(run));
  return (name) => all.map((one) => one[name]);
}

// ——— Loading

/** How long a file is with gzip. Chromium takes a better encoding. */
function gzipped(url) {
  return new Promise((resolve, reject) => {
    const asked = get(url, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      assert.equal(response.headers['content-encoding'], 'gzip', url);
      let length = 0;
      response.on('data', (data) => {
        length += data.length;
      });
      response.on('end', () => resolve(length));
    });
    asked.on('error', reject);
  });
}

/** What a page fetches with an empty cache until its network is idle, in kB. */
async function fetched(page, url) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  await session.send('Network.setBypassServiceWorker', { bypass: true });
  const scripts = new Map();
  let all = 0;
  let wire = 0;
  session.on('Network.responseReceived', ({ requestId, response }) => {
    if (response.mimeType === 'text/javascript') scripts.set(requestId, response.url);
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    all += encodedDataLength;
    if (scripts.has(requestId)) wire += encodedDataLength;
  });
  await page.goto(url, { waitUntil: 'networkidle' });
  await session.detach();
  const sizes = await Promise.all([...scripts.values()].map(gzipped));
  return { files: sizes.length, gzip: kB(sizes.reduce((sum, size) => sum + size, 0)), wire: kB(wire), all: kB(all) };
}

async function firstLoads(browser, server) {
  const load = await runs(async () => {
    const context = await browser.newContext(PHONE);
    const page = await context.newPage();
    const welcome = await fetched(page, server.url);
    await page.locator('main.welcome').waitFor();
    await context.close();
    const client = await Client.open(browser, server);
    await client.register('ayse_k');
    const home = await fetched(client.page, server.url);
    await client.find.waitFor();
    await client.close();
    return { welcome, home };
  });
  for (const name of ['welcome', 'home']) {
    const of = (figure) => load(name).map((one) => one[figure]);
    row(`Script of ${name}, gzip (${of('files')[0]} files)`, of('gzip'), 'kB', '≤ 150', 1);
    row(`Script of ${name}, on the wire with headers`, of('wire'), 'kB', '', 1);
    row(`All of ${name}, on the wire with headers`, of('all'), 'kB', '', 1);
  }
}

/** Notes when the button and the screen behind it were painted, in milliseconds since the navigation began. */
function watch() {
  window.painted = {};
  const wanted = Object.entries({ button: 'main.welcome a[href="/register"]', next: 'input[type=tel]' });
  const look = () => {
    for (const [name, selector] of wanted) {
      const element = document.querySelector(selector);
      if (name in window.painted || !element?.checkVisibility()) continue;
      window.painted[name] = undefined;
      // What is there when a frame begins is painted when the next one does.
      requestAnimationFrame(() => {
        window.painted[name] = performance.now();
        const { x, y, width, height } = element.getBoundingClientRect();
        window.there(name, x + width / 2, y + height / 2);
      });
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function interactive(browser, server) {
  const times = await runs(async () => {
    const context = await browser.newContext(PHONE);
    const page = await context.newPage();
    // Playwright's own way of waiting is work for the slow CPU.
    let next;
    const answered = new Promise((resolve) => {
      next = resolve;
    });
    await page.exposeFunction('there', (name, x, y) => (name === 'next' ? next() : page.mouse.click(x, y)));
    await page.addInitScript(watch);
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', SLOW_LINE);
    await session.send('Emulation.setCPUThrottlingRate', { rate: SLOW_CPU });
    await page.goto(server.url, { waitUntil: 'commit' });
    await inTime('the answer to a click', answered);
    const painted = await page.evaluate(() => window.painted);
    // Had the link led to a new page instead of being handled, its clock would have begun anew.
    assert.ok(painted.button < painted.next);
    await context.close();
    return painted;
  });
  row('Slow phone: main button painted', times('button'), 'ms');
  row('Slow phone: its click answered', times('next'), 'ms', '< 2000');
}

// ——— Meeting

async function meeting(browser, server) {
  const times = await runs(async () => {
    const waiting = await Client.open(browser, server);
    await waiting.register('ayse_k');
    await waiting.find.click();
    await waiting.page.getByText('Looking for someone').first().waitFor();
    const other = await Client.open(browser, server);
    const opened = performance.now();
    await other.register('berk_t');
    const pressed = performance.now();
    await other.find.click();
    await Promise.all([waiting.matched(), other.matched()]);
    const met = performance.now();
    await waiting.close();
    await other.close();
    return { found: met - pressed, all: met - opened };
  });
  row('“Find someone” until the chat is open on both sides', times('found'), 'ms');
  row('Page opened cold, registered, matched', times('all'), 'ms');
}

// ——— Scrolling

/** Says messages of different lengths through the composer of this page, in turns of one to three. */
async function chatter({ name, from, to }) {
  const words = 'well yes that is what I thought too and then it rained all evening so we stayed in and talked'.split(' ');
  const field = document.querySelector('.composer textarea');
  for (let said = from; said < to; ) {
    for (let turn = said % 3; turn >= 0 && said < to; turn -= 1) {
      said += 1;
      field.value = [`${name}${said}`, ...words.slice(0, (said * 7) % 20)].join(' ');
      field.dispatchEvent(new InputEvent('input', { bubbles: true }));
      field.form.requestSubmit();
    }
    do await new Promise((resolve) => setTimeout(resolve, 5));
    while (document.querySelector('.unsent'));
  }
}

/** One who has a long chat open. */
async function longChat(browser, server) {
  const [one, other] = await pair(browser, server, DESKTOP);
  const began = performance.now();
  const count = MESSAGES / 2;
  // In portions, so that neither side gets far ahead of the other.
  for (let from = 0; from < count; from += 50) {
    const to = Math.min(from + 50, count);
    const talk = [one, other].map(({ page }, index) => page.evaluate(chatter, { name: 'ab'[index], from, to }));
    await inTime('a portion of messages', Promise.all(talk), 120_000);
  }
  for (const last of [`a${count}`, `b${count}`]) await one.reads(last);
  console.error(`${MESSAGES} messages took ${Math.round((performance.now() - began) / 1000)} s`);
  await other.close();
  return one;
}

/** Turns the wheel until there is nothing further that way. */
async function wheel(page, way) {
  const there = () =>
    page.evaluate((down) => {
      const box = document.querySelector('.scroll');
      return down ? box.scrollHeight - box.scrollTop - box.clientHeight < 2 : box.scrollTop < 1;
    }, way > 0);
  // Earlier messages are put before the first ones as it gets there.
  for (let ends = 0; ends < 10; ) {
    await page.mouse.wheel(0, way * WHEEL_PX);
    await pause(WHEEL_MS);
    ends = (await there()) ? ends + 1 : 0;
  }
}

/** The number that the first or last message shown begins with. */
const edge = (page, which) => page.locator('.bubble')[which]().innerText().then((text) => Number(/^[ab](\d+)/.exec(text)[1]));

/** The longest task of a page's main thread in a trace, milliseconds of CPU time: other programs do not count. */
function longestTask(events) {
  const mains = new Set();
  for (const { name, args, pid, tid } of events) {
    if (name === 'thread_name' && args.name === 'CrRendererMain') mains.add(`${pid}/${tid}`);
  }
  return events.reduce((most, { name, tdur, pid, tid }) => {
    return name === 'RunTask' && mains.has(`${pid}/${tid}`) ? Math.max(most, (tdur ?? 0) / 1000) : most;
  }, 0);
}

async function traced(page, action) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    for (const event of value) events.push(event);
  });
  const complete = new Promise((resolve) => {
    session.once('Tracing.tracingComplete', resolve);
  });
  await session.send('Tracing.start', { traceConfig: { includedCategories: ['disabled-by-default-devtools.timeline'] } });
  await action();
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  return events;
}

/** The times between the frames while `action` goes on, shortest first, milliseconds. */
async function frames(page, action) {
  await page.evaluate(() => {
    window.frameTimes = [];
    const note = (at) => {
      window.frameTimes?.push(at);
      if (window.frameTimes) requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
  });
  await action();
  const times = await page.evaluate(() => {
    const noted = window.frameTimes;
    window.frameTimes = undefined;
    return noted;
  });
  return times.slice(1).map((at, index) => at - times[index]).sort((a, b) => a - b);
}

async function scrolling(browser, server) {
  const client = await longChat(browser, server);
  const { page } = client;
  await page.mouse.move(800, 400);
  const times = await runs(async () => {
    let between;
    const events = await traced(page, async () => {
      between = await frames(page, async () => {
        await wheel(page, -1);
        assert.equal(await edge(page, 'first'), 1);
        await wheel(page, 1);
        assert.equal(await edge(page, 'last'), MESSAGES / 2);
      });
    });
    return {
      longest: between.at(-1),
      p95: between[Math.floor(between.length * 0.95)],
      over: between.filter((ms) => ms > 50).length,
      count: between.length,
      task: longestTask(events),
    };
  });
  const about = `${MESSAGES} messages scrolled:`;
  row(`${about} longest frame`, times('longest'), 'ms', '≤ 50', 1);
  row(`${about} 95 % of ${times('count')[0]} frames`, times('p95'), 'ms', '', 1);
  row(`${about} frames over 50 ms`, times('over'), '', '0');
  row(`${about} longest task of the main thread, CPU time`, times('task'), 'ms', '', 1);
  await client.close();
}

// ——— All of it

const PARTS = { load: [firstLoads, interactive], meet: [meeting], scroll: [scrolling] };
const asked = process.argv.slice(2);
for (const part of asked) assert.ok(part in PARTS, `no part ${part}`);

const browser = await Browser.start();
let server;
try {
  server = await Server.start(SETTINGS);
  console.log(`Chromium ${browser.version}, ${RUNS} runs each\n`);
  console.log('| what | median | min–max | target |\n| --- | --- | --- | --- |');
  for (const part of asked.length ? asked : Object.keys(PARTS)) for (const measure of PARTS[part]) await measure(browser, server);
} finally {
  await server?.close();
  await browser.close();
}
