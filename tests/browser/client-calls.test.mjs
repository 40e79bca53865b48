// Calls in the web client, through the server's relay.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from './lib/client.mjs';
import { Server } from './lib/server.mjs';
import { browser, server, stage } from './lib/stage.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 90_000;

stage({}, Server.withRelay);

/** Lets a test ask each connection that the page makes what it sees. */
function watching() {
  window.made = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(settings) {
      super(settings);
      window.made.push(this);
    }
  };
}

/** Frames decoded so far, and what kinds of candidates there are. */
const seen = ({ page }) =>
  page.evaluate(async () => {
    const reports = await Promise.all(window.made.map((connection) => connection.getStats()));
    const all = reports.flatMap((report) => [...report.values()]);
    return {
      frames: all.filter(({ type, kind }) => type === 'inbound-rtp' && kind === 'video').reduce((sum, { framesDecoded }) => sum + (framesDecoded ?? 0), 0),
      kinds: [...new Set(all.filter(({ type }) => type.endsWith('-candidate')).map(({ candidateType }) => candidateType))],
      open: window.made.filter(({ connectionState }) => connectionState !== 'closed').length,
    };
  });

const button = (client, name) => client.page.getByRole('button', { name, exact: true });

async function caller(t, alias) {
  const client = await Client.open(browser, server);
  t.after(() => client.close());
  await client.context.addInitScript(watching);
  await client.register(alias);
  await client.page.getByRole('tab', { name: 'Video' }).or(client.page.getByRole('radio', { name: 'Video' })).first().click();
  await client.find.click();
  await client.page.getByRole('heading', { name: 'Camera and sound' }).waitFor();
  return client;
}

/** Two in a call, both seen by the other. */
async function called(t) {
  const sides = [await caller(t, 'ayse_k'), await caller(t, 'berk_t')];
  for (const side of sides) {
    await side.page.locator('video.preview').waitFor();
    await side.find.click();
  }
  for (const side of sides) {
    await side.page.getByText(/^Connected/).waitFor();
    await eventually('frames are decoded', async () => (await seen(side)).frames > 10);
  }
  return sides;
}

test('two strangers see each other until one hangs up', { timeout }, async (t) => {
  const [ayse, berk] = await called(t);
  for (const side of [ayse, berk]) {
    const { kinds } = await seen(side);
    assert.ok(kinds.every((kind) => kind === 'relay' || kind === 'prflx'), kinds.join());
  }
  await button(ayse, 'Turn the camera off').click();
  await button(ayse, 'Turn the camera on').waitFor();
  await button(ayse, 'Turn the camera on').click();
  await button(ayse, 'Mute').click();
  await button(ayse, 'Unmute').waitFor();

  const since = performance.now();
  await button(ayse, 'End the call').click();
  for (const side of [ayse, berk]) {
    await eventually('nothing is open any more', async () => (await seen(side)).open === 0);
    await eventually('the chat says that it is over', () => /\/chats\/\d+$/.test(side.page.url()));
  }
  const ms = performance.now() - since;
  t.diagnostic(`both sides had closed everything ${ms.toFixed(0)} ms after the press`);
  assert.ok(ms < 3_000, `${ms} ms`);
  assert.doesNotMatch(server.log, /candidate:|ice-ufrag|m=video/);
});

test('controls of a call go, and come back with a touch', { timeout }, async (t) => {
  const [ayse] = await called(t);
  const away = ayse.page.locator('.call.away');
  const [left, top] = [() => ayse.page.locator('.self-view.left').waitFor(), () => ayse.page.locator('.self-view.top').waitFor()];
  await ayse.page.getByRole('img', { name: /connection$/ }).waitFor();
  await button(ayse, 'Move your picture to another corner').click();
  await left();
  const box = await ayse.page.locator('.self-view').boundingBox();
  await ayse.page.mouse.move(box.x + 20, box.y + 20);
  await ayse.page.mouse.down();
  await ayse.page.mouse.move(box.x + 20, 60, { steps: 5 });
  await ayse.page.mouse.up();
  await top();

  await away.waitFor();
  const hang = await button(ayse, 'End the call').boundingBox();
  await ayse.touch(hang.x + hang.width / 2, hang.y + hang.height / 2);
  await away.waitFor({ state: 'detached' });
  await ayse.page.locator('.self-view').waitFor();
  await ayse.touch(hang.x + hang.width / 2, hang.y + hang.height / 2);
  await eventually('the second touch is meant', () => /\/chats\/\d+$/.test(ayse.page.url()));
});

test('the next one is looked for from a call', { timeout }, async (t) => {
  const [ayse, berk] = await called(t);
  await button(ayse, 'End, and find the next').click();
  await ayse.page.getByText('Looking for someone').first().waitFor();
  await eventually('the other side is out of it', () => /\/chats\/\d+$/.test(berk.page.url()));
});

test('a call that another tab takes over ends in words', { timeout }, async (t) => {
  const [ayse, berk] = await called(t);
  const address = ayse.page.url();
  ayse.page = await ayse.tab();
  await ayse.page.goto(address);
  await button(ayse, 'Use it here').click();
  await ayse.page.getByText('A call cannot go on in another page, so it has ended.').waitFor();
  await eventually('the other side is out of it', () => /\/chats\/\d+$/.test(berk.page.url()));
});

test('a refused camera is said in words', { timeout }, async (t) => {
  const client = await Client.open(browser, server);
  t.after(() => client.close());
  await client.context.addInitScript(() => {
    let refusals = 1;
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (wished) =>
      refusals-- > 0 ? Promise.reject(new DOMException('no', 'NotAllowedError')) : real(wished);
  });
  await client.register('ayse_k');
  await client.page.goto(`${server.url}/calls/check`);
  await client.page.getByText('The browser does not allow camera and microphone.').waitFor();
  await client.find.and(client.page.locator('[aria-disabled=true]')).waitFor();
  await button(client, 'Try again').click();
  await client.page.locator('video.preview').waitFor();
});
