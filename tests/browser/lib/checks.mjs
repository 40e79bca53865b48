// What every call must show.

import assert from 'node:assert/strict';

import { pause } from './waiting.mjs';

/** How long media may go on after a call is over, milliseconds. */
export const CUT_MS = 1_000;

/** Both ends of every pair that works are relays, and no other candidate is known of either side. */
export function onlyRelays(stats, relay) {
  assert.ok(stats.pairs.length > 0, 'a pair works');
  const all = [...stats.locals, ...stats.remotes, ...stats.pairs.flatMap((pair) => [pair.local, pair.remote])];
  for (const { type, address } of all) assert.deepEqual({ type, address }, { type: 'relay', address: relay });
  for (const { related } of stats.remotes) assert.ok(!related || related === '0.0.0.0', `a related address: ${related}`);
}

/** Waits until nobody decodes frames any more; the milliseconds after `since` (by `performance.now()`) at which the last frame came. */
export async function standsStill(sides, since) {
  let before = '';
  let changed = performance.now();
  while (performance.now() < changed + CUT_MS) {
    const now = JSON.stringify(await Promise.all(sides.map(async (side) => (await side.stats()).framesDecoded)));
    if (now !== before) {
      before = now;
      changed = performance.now();
    }
    assert.ok(changed < since + 10 * CUT_MS, 'media goes on');
    await pause(50);
  }
  return changed - since;
}
