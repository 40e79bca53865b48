// A peer that changes the group, which no honest client does beyond renewing its keys.

import { type Proposal, createCommit, createProposal, decodeGroupState } from 'ts-mls';
import { expect, test } from 'vitest';
import { Mls } from './mls.ts';
import { validated } from './packages.ts';
import type { Session } from './session.ts';
import { CONFIG, encode, loadSuite } from './suite.ts';

const ADA = { matchId: '41', own: 'ada#0001', peer: 'bora#0002' };
const BORA = { matchId: '41', own: 'bora#0002', peer: 'ada#0001' };
const code = (value: string) => expect.objectContaining({ code: value });
const stateOf = (session: Session) =>
  ({ ...decodeGroupState(session.stored().state, 0)![0], clientConfig: CONFIG });

async function pair() {
  const [a, b, suite] = [await Mls.load(), await Mls.load(), await loadSuite()];
  const { session: ada, welcome } = await a.create(ADA, (await b.packages.make()).wire);
  const bora = await b.join(BORA, welcome);
  const eve = await Mls.load();
  const { wire, notAfter } = await eve.packages.make();
  const keyPackage = validated(wire, notAfter - 1);
  const add: Proposal = { proposalType: 'add', add: { keyPackage } };
  const commit = (extraProposals: Proposal[]) => createCommit(
    { state: stateOf(ada), cipherSuite: suite }, { ratchetTreeExtension: true, extraProposals },
  );
  return { ada, bora, eve, suite, add, commit };
}

test('a third member is refused, and the session goes on', async () => {
  const { ada, bora, suite, add, commit } = await pair();
  const number = await bora.safetyNumber();
  const third = encode((await commit([add])).commit);
  await expect(bora.open(third, undefined)).rejects.toEqual(code('forbidden_change'));
  const proposed = await createProposal(stateOf(ada), false, add, suite);
  await expect(bora.open(encode(proposed.message), undefined)).rejects.toThrow();
  expect(await bora.safetyNumber()).toBe(number);
  const { ciphertext, tag } = await ada.seal({ type: 'text', text: 'x' });
  expect((await bora.open(ciphertext, tag))?.content.text).toBe('x');
});

test('a Welcome into a group of three is refused', async () => {
  const { eve, add, commit } = await pair();
  const { welcome } = await commit([add]);
  const bytes = encode({ version: 'mls10', wireformat: 'mls_welcome', welcome: welcome! });
  await expect(eve.join(BORA, bytes)).rejects.toEqual(code('not_two_members'));
});

test('an empty commit renews the keys and the safety number', async () => {
  const { bora, commit } = await pair();
  const number = await bora.safetyNumber();
  const renewal = await commit([]);
  expect(await bora.open(encode(renewal.commit), undefined)).toBeUndefined();
  expect(await bora.safetyNumber()).not.toBe(number);
});
