// Calls between two Chromium pages, through the server and a relay.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser } from './lib/browser.mjs';
import { CUT_MS, onlyRelays, standsStill } from './lib/checks.mjs';
import { Coturn, noCoturn } from './lib/coturn.mjs';
import { Server } from './lib/server.mjs';
import { pair } from './lib/side.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 60_000;
let browser;

before(async () => {
  browser = await Browser.start();
});

after(() => browser?.close());

/** Two sides whose call is connected and shows the other's picture. */
async function connected(t, server) {
  const sides = await pair(server, browser);
  for (const side of sides) t.after(() => side.close());
  await Promise.all(sides.map((side) => side.start()));
  await Promise.all(sides.map((side) => side.connected()));
  const ms = Math.max(...sides.map((side) => side.connectedAt)) - Math.min(...sides.map((side) => side.foundAt));
  await seeEachOther(sides, server);
  t.diagnostic(`set-up: ${ms.toFixed(0)} ms from match.found until both sides are connected`);
  return sides;
}

async function seeEachOther(sides, server, tracks) {
  await Promise.all(sides.map((side) => side.sees(10, tracks)));
  for (const side of sides) {
    onlyRelays(await side.stats(), server.relay);
    assert.deepEqual(side.faults, []);
    assert.equal(side.state, 'connected');
  }
}

/** Both clients are killed and call again. What they allocated by UDP is still there: it goes only when it expires. */
async function comeBack(sides, server) {
  for (let times = 0; times < 2; times += 1) {
    await Promise.all(sides.map((side) => side.reopen()));
    await Promise.all(sides.map((side) => side.start()));
    await Promise.all(sides.map((side) => side.connected()));
  }
  await seeEachOther(sides, server);
}

test('through the embedded relay, until one hangs up', { timeout }, async (t) => {
  t.diagnostic(`Chromium ${browser.version}`);
  const server = await Server.withRelay();
  t.after(() => server.close());
  const sides = await connected(t, server);
  const [offerer, answerer] = sides;
  assert.equal(offerer.ice.transport_policy, 'relay');

  // Neither page stops by itself: it is the relay that ends what they send.
  const since = performance.now();
  offerer.send({ type: 'rtc.state', state: 'ended' });
  const ended = await answerer.user.until('match.ended');
  assert.deepEqual([ended.match_id, ended.reason, ended.by], [answerer.match.id, 'hung_up', 'peer']);
  const ms = await standsStill(sides, since);
  t.diagnostic(`cut: the last frame came ${ms.toFixed(0)} ms after the hang-up`);
  assert.ok(ms < CUT_MS, `media went on for ${ms} ms`);
  assert.doesNotMatch(server.log, /candidate:|ice-ufrag|typ relay|m=video/, 'signals in the log');
});

test('a track is added, ICE restarts, and clients that were killed come back', { timeout }, async (t) => {
  const server = await Server.withRelay();
  t.after(() => server.close());
  const sides = await connected(t, server);
  const [offerer, answerer] = sides;

  await offerer.do('addTrack');
  await answerer.sees(10, 2);
  await seeEachOther([offerer], server);

  const old = await Promise.all(sides.map(async (side) => (await side.stats()).ufrag));
  await offerer.do('restartIce');
  for (const side of sides) {
    await eventually('a pair of the new generation works', async () => {
      const { pairs, ufrag } = await side.stats();
      return !old.includes(ufrag) && pairs.some(({ local }) => local.ufrag === ufrag);
    });
  }
  await answerer.sees(10, 2);
  await seeEachOther([offerer], server);

  await comeBack(sides, server);
});

for (const transport of ['udp', 'tcp']) {
  test(`through coturn over ${transport.toUpperCase()}, also for clients that were killed`, { timeout, skip: noCoturn }, async (t) => {
    const coturn = await Coturn.start();
    t.after(() => coturn.close());
    const server = await Server.withCoturn(coturn, [coturn.url(transport)]);
    t.after(() => server.close());
    const sides = await connected(t, server);
    const [offerer, answerer] = sides;

    await comeBack(sides, server);

    offerer.send({ type: 'rtc.state', state: 'ended' });
    assert.equal((await answerer.user.until('match.ended')).reason, 'hung_up');
  });
}
