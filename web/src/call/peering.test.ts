import { beforeEach, expect, test, vi } from 'vitest';
import type { CallLink, RtcSignal } from '../app/model.ts';
import { fingerprints, Peering } from './peering.ts';

const print = (byte: string): string => `sha-256 ${Array(32).fill(byte).join(':')}`;
const sdp = (byte: string): string => `v=0\r\na=fingerprint:${print(byte)}\r\n`;

function setUp({ offers = true, policy = 'relay' } = {}) {
  const sent: RtcSignal[] = [];
  const said: string[] = [];
  let tell!: (fingerprint: string) => void;
  let refuse!: (error: Error) => void;
  const peerCertificate = new Promise<string>((yes, no) => {
    tell = yes;
    refuse = no;
  });
  peerCertificate.catch(() => undefined);
  const link: CallLink = {
    matchId: '1', offers, peerCertificate, told: false, onsignal: null, onback: null,
    send: (signal) => sent.push(signal) > 0,
    tellCertificate: async (fingerprint) => void said.push(`told ${fingerprint}`),
  };
  const pc = {
    connectionState: 'new',
    signalingState: 'stable',
    localDescription: null as { sdp: string } | null,
    setLocalDescription: async () => void (pc.localDescription = { sdp: sdp('AA') }),
    setRemoteDescription: async ({ type }: { type: string }) => void said.push(`remote ${type}`),
    addIceCandidate: async () => void said.push('candidate'),
    setConfiguration: (wished: RTCConfiguration) => void said.push(`servers ${wished.iceServers?.length}`),
    restartIce: () => void said.push('restart'),
    close: () => void said.push('close'),
    addTrack: () => undefined,
    getSenders: () => [],
    onnegotiationneeded: () => undefined as unknown,
    onconnectionstatechange: () => undefined as unknown,
  };
  let asked: RTCConfiguration | undefined;
  const peering = new Peering({
    link,
    ice: { servers: [], policy },
    certificate: {} as RTCCertificate,
    media: { getTracks: () => [] } as unknown as MediaStream,
    remote: () => undefined,
    state: (state) => void said.push(state),
    mistrust: () => void said.push('mistrust'),
    connect: (settings) => {
      asked = settings;
      return pc as unknown as RTCPeerConnection;
    },
  });
  const hear = (signal: RtcSignal): void => link.onsignal?.(signal);
  return { asked, hear, link, pc, peering, refuse, said, sent, tell };
}

beforeEach(() => void vi.useRealTimers());

test('only relays are asked for', () => {
  expect(setUp().asked?.iceTransportPolicy).toBe('relay');
  expect(() => setUp({ policy: 'all' })).toThrow('relays only');
});

test('the certificate is told before the offer leaves', async () => {
  const { pc, said, sent } = setUp();
  pc.onnegotiationneeded();
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(said).toEqual([`told ${print('AA')}`]);
  expect(sent[0]).toMatchObject({ type: 'rtc.description', kind: 'offer' });
});

test('an offer that got lost is made again', async () => {
  const { link, pc, peering, said, sent } = setUp();
  pc.onnegotiationneeded();
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  pc.signalingState = 'have-local-offer';
  link.onback?.();
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  peering.restart({ servers: [], policy: 'relay' });
  await vi.waitFor(() => expect(sent).toHaveLength(3));
  expect(sent.map(({ kind }) => kind)).toEqual(['offer', 'offer', 'offer']);
  expect(said).toEqual([`told ${print('AA')}`, 'restart', 'servers 0', 'restart']);
});

test('an offer with the told certificate is answered', async () => {
  const { hear, said, sent, tell } = setUp({ offers: false });
  hear({ type: 'rtc.description', kind: 'offer', sdp: sdp('BB'), round: 3 });
  expect(sent).toEqual([]);
  tell(print('BB'));
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]).toMatchObject({ kind: 'answer', round: 3 });
  expect(said[0]).toBe('remote offer');
});

test('another certificate is not trusted', async () => {
  const { hear, said, sent, tell } = setUp({ offers: false });
  tell(print('CC'));
  hear({ type: 'rtc.description', kind: 'offer', sdp: sdp('BB') });
  await vi.waitFor(() => expect(said).toEqual(['mistrust']));
  expect(sent).toEqual([]);
});

test('a peer that told two certificates is not trusted', async () => {
  const { hear, refuse, said } = setUp({ offers: false });
  refuse(new Error('two'));
  hear({ type: 'rtc.description', kind: 'offer', sdp: sdp('BB') });
  await vi.waitFor(() => expect(said).toEqual(['mistrust']));
});

test('a certificate that never comes is not waited for', async () => {
  vi.useFakeTimers();
  const { hear, said } = setUp({ offers: false });
  hear({ type: 'rtc.description', kind: 'offer', sdp: sdp('BB') });
  await vi.advanceTimersByTimeAsync(9_900);
  expect(said).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(said).toEqual(['mistrust']);
});

test('an odd or second fingerprint is refused', () => {
  expect(() => fingerprints('a=fingerprint:sha-1 AA')).toThrow();
  expect(() => fingerprints('v=0')).toThrow();
  expect(fingerprints(sdp('aa') + sdp('BB')).size).toBe(2);
});

test('the offerer offers anew when the line is back', () => {
  const { link, said } = setUp();
  link.onback?.();
  expect(said).toEqual(['restart']);
});

test('a call that is connected goes on when the line is back', () => {
  const { link, pc, said } = setUp();
  pc.connectionState = 'connected';
  link.onback?.();
  expect(said).toEqual([]);
});

test('after its end nothing is heard or said', async () => {
  const { hear, link, pc, peering, said, sent } = setUp();
  peering.close();
  peering.close();
  expect(link.onsignal).toBeNull();
  hear({ type: 'rtc.candidate', candidate: 'x' });
  pc.onconnectionstatechange();
  expect([said, sent]).toEqual([['close'], []]);
});
