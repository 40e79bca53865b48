import { describe, expect, test } from 'vitest';
import { hex, text, utf8 } from './bytes.ts';
import { Mls } from './mls.ts';
import { generate, validated } from './packages.ts';
import type { Parties, Sealed, Session } from './session.ts';
import { loadSuite } from './suite.ts';

const DAY = 86_400;
const seconds = (): number => Math.floor(Date.now() / 1000);
const offerer = (matchId = '41'): Parties => ({ matchId, own: 'ada#0001', peer: 'bora#0002' });
const answerer = (matchId = '41'): Parties => ({ matchId, own: 'bora#0002', peer: 'ada#0001' });
const say = (value: string) => ({ type: 'text', text: value });
const open = (session: Session, { ciphertext, tag }: Sealed) => session.open(ciphertext, tag);
const hear = async (session: Session, sealed: Sealed) =>
  (await open(session, sealed))?.content.text;
const code = (value: string) => expect.objectContaining({ code: value });

async function pair(one = offerer(), two = answerer()) {
  const [a, b] = [await Mls.load(), await Mls.load()];
  const { session: ada, welcome } = await a.create(one, (await b.packages.make()).wire);
  const bora = await b.join(two, welcome);
  return { a, b, ada, bora, welcome };
}

describe('a session', () => {
  test('carries messages both ways under one safety number', async () => {
    const { ada, bora } = await pair();
    expect(await ada.safetyNumber()).toBe(await bora.safetyNumber());
    expect(await ada.safetyNumber()).toMatch(/^(\d{5} ){5}\d{5}$/);
    for (const [from, to] of [[ada, bora], [bora, ada], [ada, bora]] as const) {
      expect(await hear(to, await from.seal(say('selam 👋')))).toBe('selam 👋');
    }
    expect(await (await pair()).ada.safetyNumber()).not.toBe(await ada.safetyNumber());
  });

  test('opens a message once and never at its author', async () => {
    const { ada, bora } = await pair();
    const sealed = await ada.seal(say('bir'));
    await open(bora, sealed);
    await expect(open(bora, sealed)).rejects.toEqual(code('undecryptable'));
    await expect(open(ada, sealed)).rejects.toEqual(code('undecryptable'));
    expect(await hear(bora, await ada.seal(say('iki')))).toBe('iki');
  });

  test('refuses changed bytes and still opens the true ones', async () => {
    const { ada, bora } = await pair();
    const sealed = await ada.seal(say('gerçek'));
    for (let at = 0; at < sealed.ciphertext.length; at += 7) {
      const ciphertext = sealed.ciphertext.slice();
      ciphertext[at]! ^= 1;
      await expect(open(bora, { ...sealed, ciphertext }), `byte ${at}`).rejects.toThrow();
    }
    for (const ciphertext of [
      new Uint8Array([...sealed.ciphertext, 0]), sealed.ciphertext.slice(0, -1), new Uint8Array(),
    ]) {
      await expect(open(bora, { ...sealed, ciphertext })).rejects.toEqual(code('undecryptable'));
    }
    expect(await hear(bora, sealed)).toBe('gerçek');
  });

  test('survives a gap; what was skipped is lost', async () => {
    const { ada, bora } = await pair();
    const [lost, next] = [await ada.seal(say('lost')), await ada.seal(say('next'))];
    expect(await hear(bora, next)).toBe('next');
    await expect(open(bora, lost)).rejects.toEqual(code('undecryptable'));
  });

  test('refuses messages of another group', async () => {
    const [one, other] = [await pair(), await pair(offerer('42'), answerer('42'))];
    const sealed = await one.ada.seal(say('x'));
    await expect(open(other.bora, sealed)).rejects.toEqual(code('undecryptable'));
    expect(await hear(one.bora, sealed)).toBe('x');
  });

  test('refuses another match or sender inside', async () => {
    for (const lie of [{ ...offerer(), matchId: '42' }, { ...offerer(), own: 'eve#0003' }]) {
      const { ada, bora } = await pair(lie);
      await expect(open(bora, await ada.seal(say('x')))).rejects.toEqual(code('plaintext'));
      const handshake = await ada.sealHandshake({ type: 'dtls' });
      await expect(bora.openHandshake(handshake)).rejects.toEqual(code('plaintext'));
    }
  });

  test('refuses a wrong tag beside the message, and none', async () => {
    const { ada, bora } = await pair();
    for (const change of ['wrong', 'none'] as const) {
      const { ciphertext, tag } = await ada.seal(say('x'));
      tag[31]! ^= 1;
      const beside = change === 'wrong' ? tag : undefined;
      await expect(bora.open(ciphertext, beside)).rejects.toEqual(code('franking'));
    }
  });

  test('takes neither kind for the other', async () => {
    const { ada, bora } = await pair();
    const certificate = { type: 'dtls', fingerprint: 'sha-256 0A:1B' };
    const sealed = await ada.seal(say('x'));
    await expect(bora.openHandshake(sealed.ciphertext)).rejects.toEqual(code('franking'));
    const handshake = await ada.sealHandshake(certificate);
    await expect(bora.open(handshake, sealed.tag)).rejects.toEqual(code('franking'));
    const again = await ada.sealHandshake(certificate);
    expect(await bora.openHandshake(again)).toEqual(certificate);
  });

  test('uses no key twice when used at once', async () => {
    const { ada, bora } = await pair();
    const m = await bora.seal(say('m'));
    const [x, heard, y, h] = await Promise.all([
      ada.seal(say('x')), hear(ada, m), ada.seal(say('y')), ada.sealHandshake({ type: 'dtls' }),
    ]);
    expect(heard).toBe('m');
    await expect(open(ada, m)).rejects.toEqual(code('undecryptable'));
    const z = await ada.seal(say('z'));
    expect(await hear(bora, x)).toBe('x');
    expect(await hear(bora, y)).toBe('y');
    expect(await bora.openHandshake(h)).toEqual({ type: 'dtls' });
    expect(await hear(bora, z)).toBe('z');
  });

  test('goes on where its stored form ends', async () => {
    const { b, ada, bora } = await pair();
    const unread = await ada.seal(say('bir'));
    const restored = (await Mls.load()).restore(bora.stored());
    const peer = (await Mls.load()).restore(ada.stored());
    expect(await restored.safetyNumber()).toBe(await ada.safetyNumber());
    expect(await hear(restored, unread)).toBe('bir');
    expect(await hear(peer, await restored.seal(say('iki')))).toBe('iki');
    const again = b.restore(restored.stored());
    await expect(open(again, unread)).rejects.toEqual(code('undecryptable'));
    const { state, ...parties } = bora.stored();
    for (const bad of [state.slice(0, -1), new Uint8Array([...state, 0]), new Uint8Array()]) {
      expect(() => b.restore({ ...parties, state: bad })).toThrow(code('state'));
    }
  });

  test('has four sizes of ciphertext, none over 16 KiB', async () => {
    const { ada, bora } = await pair();
    const sizes = new Set<number>();
    for (const length of [0, 50, 300, 800, 2_000, 3_900, 5_000, 15_870]) {
      const sealed = await ada.seal(say('x'.repeat(length)));
      sizes.add(sealed.ciphertext.length);
      expect(await hear(bora, sealed)).toHaveLength(length);
    }
    expect(sizes.size).toBe(4);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(16_384);
    await expect(ada.seal(say('x'.repeat(15_900)))).rejects.toEqual(code('too_long'));
  });

  test('returns random content byte for byte', async () => {
    const { ada, bora } = await pair();
    for (let round = 0; round < 30; round++) {
      const points = crypto.getRandomValues(new Uint16Array(round * 7));
      const content = say(String.fromCharCode(...points).toWellFormed());
      const sealed = await ada.seal(content);
      const opened = await open(bora, sealed);
      expect(opened?.content).toEqual(content);
      expect(text(opened!.bytes)).toBe(JSON.stringify(content));
      expect(hex(sealed.ciphertext)).toContain(`23002020${hex(sealed.tag)}`);
    }
  });

  test('refuses content that could not be reported', async () => {
    const { ada, bora } = await pair();
    for (const bad of [['text'], 'text', null, {}, { type: 'text' }, { type: 1 }]) {
      const sealed = await ada.seal(bad as never);
      await expect(open(bora, sealed)).rejects.toEqual(code('plaintext'));
    }
  });
});

describe('a key package', () => {
  test('of the last resort serves twice, another once', async () => {
    const [a, b] = [await Mls.load(), await Mls.load()];
    const [last, one] = [await b.packages.make(true), await b.packages.make()];
    for (const [id, wire] of [['1', last.wire], ['2', last.wire], ['3', one.wire]] as const) {
      await b.join(answerer(id), (await a.create(offerer(id), wire)).welcome);
    }
    const { welcome } = await a.create(offerer('4'), one.wire);
    await expect(b.join(answerer('4'), welcome)).rejects.toEqual(code('welcome'));
  });

  test('that was changed is refused', async () => {
    const [a, b] = [await Mls.load(), await Mls.load()];
    const { wire } = await b.packages.make();
    for (let at = 0; at < wire.length; at += 5) {
      const changed = wire.slice();
      changed[at]! ^= 1;
      const refused = expect(a.create(offerer(), changed), `byte ${at}`).rejects;
      await refused.toEqual(code('key_package'));
    }
    const junk = [utf8('junk'), new Uint8Array(), new Uint8Array([...wire, 0])];
    for (const bad of [...junk, (await a.packages.make()).wire]) {
      await expect(a.create(offerer(), bad)).rejects.toEqual(code('key_package'));
    }
    await a.create(offerer(), wire);
  });

  test('is refused expired, of the future, or over 28 days', async () => {
    const [a, suite] = [await Mls.load(), await loadSuite()];
    const bad = await Promise.all([
      generate(suite, seconds() - 29 * DAY),
      generate(suite, seconds() + 3 * DAY),
      generate(suite, seconds(), false, 29 * DAY),
    ]);
    for (const { wire } of bad) {
      await expect(a.create(offerer(), wire)).rejects.toEqual(code('key_package'));
    }
  });

  test('that expired joins no more', async () => {
    let later = 0;
    const b = await Mls.load([], () => seconds() + later);
    const { wire } = await b.packages.make();
    const { welcome } = await (await Mls.load()).create(offerer(), wire);
    later = 28 * DAY;
    await expect(b.join(answerer(), welcome)).rejects.toEqual(code('welcome'));
    expect(b.packages.stored()).toEqual([]);
  });

  test('is asked for by a whole Welcome of its device only', async () => {
    const { a, b } = await pair();
    const own = await b.packages.make();
    const { welcome } = await a.create(offerer('2'), own.wire);
    await expect(a.join(answerer('2'), welcome)).rejects.toEqual(code('welcome'));
    for (const bad of [welcome.slice(0, -1), new Uint8Array([...welcome, 0]), own.wire]) {
      await expect(b.join(answerer('2'), bad)).rejects.toEqual(code('welcome'));
    }
    await b.join(answerer('2'), welcome);
  });

  test('has nothing that another one of its device has', async () => {
    const { packages } = await Mls.load();
    const [one, other] = [await packages.make(), await packages.make()]
      .map(({ wire }) => validated(wire, seconds()).leafNode);
    expect(one!.credential).not.toEqual(other!.credential);
    expect(one!.signaturePublicKey).not.toEqual(other!.signaturePublicKey);
    expect(Number(one!.lifetime.notBefore) % 3_600).toBe(0);
  });

  test('is refilled below twenty; a failed upload is repeated', async () => {
    const { packages } = await Mls.load();
    const first = await packages.refill(0);
    expect([first.packages.length, first.lastResort?.lastResort]).toEqual([50, true]);
    expect(await packages.refill(0)).toEqual(first);
    packages.uploaded(first);
    expect(await packages.refill(20)).toEqual({ packages: [] });
    expect((await packages.refill(19)).packages).toHaveLength(31);
    expect(packages.stored()).toHaveLength(82);
  });
});
