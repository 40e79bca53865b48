// A modified client does all it can to learn the address of a naive one, whose ICE would use every address it has.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Trap, addressesIn, reachable } from './lib/attack.mjs';
import { Browser } from './lib/browser.mjs';
import { Coturn, noCoturn } from './lib/coturn.mjs';
import { Server } from './lib/server.mjs';
import { pair } from './lib/side.mjs';
import { eventually } from './lib/waiting.mjs';

const timeout = 60_000;
// What the server writes into every description, whoever sent it.
const CONSTANT = /o=- \d+ \d+ IN IP4 127\.0\.0\.1/g;
// Of guesses at where the victim is: nobody listens there, and Chromium takes no lower one.
const GUESSED_PORT = 1_024;
const lure = (candidate) => ({ type: 'rtc.candidate', candidate, sdp_mid: '0', sdp_m_line_index: 0 });
let browser;

before(async () => {
  browser = await Browser.start();
});

after(() => browser?.close());

async function attacked(t, server, victimOffers) {
  const trap = await Trap.set();
  t.after(() => trap.close());
  const sides = await pair(server, browser);
  for (const side of sides) t.after(() => side.close());
  const [victim, attacker] = victimOffers ? sides : [sides[1], sides[0]];

  // Signals that lead into the trap come before every true candidate, and in the description.
  const lures = trap.candidates(server.relay).map(lure);
  const held = [];
  attacker.alter = (frame) => {
    if (frame.type === 'rtc.description') return [{ ...frame, sdp: trap.inSdp(frame.sdp) }, ...lures];
    held.push(frame);
    return [];
  };
  await Promise.all(sides.map((side) => side.start('all')));

  // A relay that let the victim's own addresses through would show them to an attacker who asks for that, and who guesses them.
  for (const address of ['127.0.0.1', ...reachable()]) {
    const guess = lure(`candidate:8 1 udp 2130706431 ${address} ${GUESSED_PORT} typ host`);
    await eventually('the attacker guesses', () => attacker.do('addCandidate', guess).then(() => true, () => false));
  }
  await eventually('the attacker has relays', () => held.some((frame) => frame.candidate.includes('typ relay')));
  attacker.alter = (frame) => [frame];
  for (const frame of held) attacker.send(frame);
  await Promise.all(sides.map((side) => side.connected()));
  await Promise.all(sides.map((side) => side.sees(10)));

  assert.deepEqual(trap.caught, []);
  const shown = victim.sent.flatMap((frame) => addressesIn(JSON.stringify(frame).replace(CONSTANT, '')));
  assert.ok(shown.some((address) => address !== server.relay), 'the victim is not naive');
  for (const side of sides) {
    assert.deepEqual(addressesIn(side.user.received.join('\n').replace(CONSTANT, '')), [server.relay], `what the ${side.match.role} is told`);
  }
  for (const side of sides) {
    // An address that no signal told shows as prflx, whatever it is.
    const met = (await side.stats()).remotes.filter(({ port }) => port !== GUESSED_PORT).map(({ type, address }) => `${type} ${address}`);
    assert.deepEqual([...new Set(met)], [`relay ${server.relay}`], `whom the ${side.match.role} met`);
  }

  // Past the server the same lure works: it is the server that keeps the victim out of the trap.
  await victim.do('addCandidate', lure(trap.candidates(server.relay)[0]));
  await eventually('the trap catches', () => trap.caught.length > 0);
}

for (const victimOffers of [false, true]) {
  const role = victimOffers ? 'offers' : 'answers';
  test(`nobody is found who ${role}, through the embedded relay`, { timeout }, async (t) => {
    const server = await Server.withRelay();
    t.after(() => server.close());
    await attacked(t, server, victimOffers);
  });
}

test('nobody is found through coturn', { timeout, skip: noCoturn }, async (t) => {
  const coturn = await Coturn.start();
  t.after(() => coturn.close());
  const server = await Server.withCoturn(coturn, [coturn.url('udp')]);
  t.after(() => server.close());
  await attacked(t, server, false);
});
