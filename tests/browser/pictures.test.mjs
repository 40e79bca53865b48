// The pictures of the README: two and more strangers with the web client and the real server.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Album, SIZES, WRITE } from './lib/album.mjs';
import { drawnCamera } from './lib/camera.mjs';
import { Client } from './lib/client.mjs';
import { Server } from './lib/server.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { Recorder } from './lib/studio.mjs';
import { eventually, pause } from './lib/waiting.mjs';

const timeout = 90_000;
/** Lower, so that two beside each other are not too high for the top of a page. */
const FILM = { width: 390, height: 720 };
const FILM_MS = 20_000;
/** No repository should carry more, bytes. */
const MOST = 2_000_000;

const SAID = {
  en: [
    ['me', 'Hello! What are you reading these days?'],
    ['peer', 'Sait Faik, on the ferry every morning'],
    ['me', 'The one about the birds?'],
    ['peer', 'That one. It smells of the sea'],
    ['me', 'Then tea with it, not coffee'],
    ['peer', 'On the ferry? Always tea'],
  ],
  tr: [
    ['me', 'Merhaba! Bu aralar ne okuyorsunuz?'],
    ['peer', 'Sait Faik, her sabah vapurda'],
    ['me', 'Kuşları anlattığı öykü mü?'],
    ['peer', 'Evet, o. Deniz kokuyor'],
    ['me', 'Yanına da çay gerek'],
    ['peer', 'Vapurda mı? Her zaman çay'],
  ],
};
const BEFORE = {
  en: [
    ['me', 'Good evening'],
    ['peer', 'I have to go, sleep well!'],
  ],
  tr: [
    ['me', 'İyi akşamlar'],
    ['peer', 'Gitmem gerek, iyi geceler!'],
  ],
};
const LIKES = { en: ['coffee', 'books'], tr: ['kahve', 'kitap'] };
const WORDS = {
  leave: /^(Leave|Ayrıl)$/,
  video: /^(Video|Görüntülü)$/,
  connected: /^(Connected|Bağlı) · 0:0[1-9]/,
  searching: /^(Looking for someone|Biri aranıyor)$/,
  safety: /Safety number|Güvenlik numarası/,
  done: /^(Done|Tamam)$/,
};

let album;

stage({}, async (settings) => {
  album = await Album.open(browser);
  return Server.withRelay(settings);
});

after(() => album?.close());

async function somebody(t, alias, options, camera) {
  const client = await Client.open(browser, server, { viewport: SIZES.phone.viewport, deviceScaleFactor: 2, timezoneId: 'Europe/Istanbul', ...options });
  t.after(() => client.close());
  await client.context.addInitScript(drawnCamera, camera ?? ['#d9b48f', '#5b7f95', '#e3b793']);
  await client.register(alias);
  return client;
}

/** Takes a picture of what a side shows. */
async function take({ page }, name, theme, size) {
  await album.take(page, name, theme, size);
  await page.setViewportSize(SIZES.phone.viewport);
}

/** Says what one likes, and goes home. */
async function likes(side, interests) {
  const { page } = side;
  await page.goto(`${server.url}/account/interests`);
  for (const one of interests) {
    await page.locator('form input').fill(one);
    await page.locator('form button[type=submit]').click();
    await page.locator('.chip', { hasText: one }).waitFor();
  }
  await home(side);
}

/** Both search, the first one first, and meet. */
async function meet(first, second) {
  await first.find.click();
  await first.page.getByText(WORDS.searching).first().waitFor();
  await second.find.click();
  for (const side of [first, second]) await side.matched();
}

async function talk(sides, lines) {
  for (const [from, text] of lines) {
    const [one, other] = from === 'me' ? [sides.me, sides.peer] : [sides.peer, sides.me];
    await one.say(text);
    await other.reads(text);
  }
}

async function openSafety({ page }) {
  await page.locator('button.link', { hasText: WORDS.safety }).click();
  await page.locator('.six').waitFor();
}

const home = (side) => side.page.goto(`${server.url}/`).then(() => side.find.waitFor());

/** A chat with somebody met before, and one that runs, whose picture is taken on the way to it. */
async function chatting(lang, theme, { me, peer, other }) {
  await meet(me, other);
  await talk({ me, peer: other }, BEFORE[lang]);
  await other.page.getByRole('button', { name: WORDS.leave }).click();
  await me.page.locator('.after').waitFor();
  await Promise.all([me, peer].map((side) => likes(side, LIKES[lang])));
  if (lang === 'en') await take(me, 'home-en-light', 'light');
  await me.find.click();
  await me.page.getByText(WORDS.searching).first().waitFor();
  if (lang === 'en') await take(me, 'searching-en-dark', 'dark');
  await peer.find.click();
  for (const side of [me, peer]) await side.matched();
  await talk({ me, peer }, SAID[lang]);
  await peer.composer.pressSequentially('…');
  await me.page.locator('.chat-head .typing').waitFor();
  await take(me, `chat-${lang}-${theme}`, theme);
  await peer.composer.fill('');
  await me.page.locator('.chat-head .typing').waitFor({ state: 'detached' });
}

/** A call, as the first one sees it. */
async function calling(first, second) {
  for (const { page } of [first, second]) {
    await page.getByRole('radio', { name: WORDS.video }).click();
  }
  for (const side of [first, second]) {
    await side.find.click();
    await side.page.locator('video.preview').waitFor();
    await side.find.click();
  }
  for (const { page } of [first, second]) await page.getByText(WORDS.connected).waitFor();
  await eventually('the other side is seen', () => first.page.evaluate(() => document.querySelector('video.far')?.currentTime > 1));
}

/** Three who will meet, in their language. */
async function three(t, locale) {
  const [me, peer, other] = await Promise.all([
    somebody(t, 'kediadam', { locale }),
    somebody(t, 'marti', { locale }, ['#9fb8ad', '#a4533f', '#c98f6b']),
    somebody(t, 'gezgin', { locale }),
  ]);
  return { me, peer, other };
}

test('pictures in English', { timeout }, async (t) => {
  const { me, peer, other } = await three(t, 'en');
  await chatting('en', 'light', { me, peer, other });
  await take(me, 'desktop-en-dark', 'dark', 'desktop');
  await openSafety(me);
  await take(me, 'safety-en-dark', 'dark');
});

test('pictures in Turkish', { timeout }, async (t) => {
  const { me, peer, other } = await three(t, 'tr');
  await chatting('tr', 'dark', { me, peer, other });
  await take(me, 'desktop-tr-light', 'light', 'desktop');
  await home(me);
  await take(me, 'home-tr-dark', 'dark');
  await me.page.goto(`${server.url}/account`);
  await me.page.locator('h1', { hasText: 'kediadam' }).waitFor();
  await take(me, 'account-tr-light', 'light');
  for (const side of [peer, other]) await home(side);
  await calling(peer, other);
  await take(peer, 'call-tr', 'dark');
});

/** What is to be seen in the film; `wait` holds it for so long, milliseconds. */
async function play(recorder, [left, right], wait) {
  const write = async (side, text) => {
    await recorder.tap(side, side.composer);
    await side.composer.pressSequentially(text, { delay: wait(45) });
    await recorder.tap(side, side.page.locator('.composer button'));
    await (side === left ? right : left).reads(text);
    await side.page.locator('.meta.read').last().waitFor();
    await wait.for(500);
  };
  await wait.for(1_000);
  await recorder.tap(left, left.find);
  await left.page.getByText(WORDS.searching).first().waitFor();
  await wait.for(1_800);
  await recorder.tap(right, right.find);
  for (const side of [left, right]) await side.matched();
  await wait.for(1_000);
  for (const [from, text] of SAID.en.slice(0, 4)) await write(from === 'me' ? left : right, text);
  for (const side of [left, right]) {
    await recorder.tap(side, side.page.locator('button.link', { hasText: WORDS.safety }));
    await side.page.locator('.six').waitFor();
  }
  await wait.for(2_500);
  for (const side of [left, right]) await recorder.tap(side, side.page.getByRole('button', { name: WORDS.done }));
  await wait.for(600);
  await recorder.tap(left, left.page.getByRole('button', { name: WORDS.leave }));
  await right.page.locator('.after').waitFor();
  await wait.for(2_000);
}

test('a film of two who meet', { timeout }, async (t) => {
  const options = { locale: 'en', viewport: FILM, deviceScaleFactor: 1.5, reducedMotion: 'no-preference' };
  const sides = await Promise.all([somebody(t, 'kediadam', options), somebody(t, 'marti', { ...options, colorScheme: 'dark' })]);
  await Promise.all(sides.map((side) => likes(side, LIKES.en)));
  // Nobody looks at what is thrown away.
  const wait = (ms) => (WRITE ? ms : 0);
  wait.for = (ms) => pause(wait(ms));
  const recorder = await Recorder.start(sides, WRITE ? 125 : 700);
  await play(recorder, sides, wait);
  const seen = await recorder.stop();
  const { file, frames, width, height } = await album.studio.film(seen, FILM_MS);
  t.diagnostic(`${((seen.end - seen.shots[0].at) / 1000).toFixed(1)} s, ${seen.shots.length} looks, ${frames} frames of ${width} by ${height}, ${file.length} bytes`);
  await album.keep('walkthrough', file);
  assert.deepEqual(await album.studio.watch(file), { frames, width, height });
  assert.ok(file.length < MOST, `${file.length} bytes`);
  assert.ok(frames > 2, `${frames} frames`);
});
