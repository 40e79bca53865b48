import Inside from '../app/Inside.svelte';
import { chat, chats, match } from '../gallery/fixtures.ts';
import type { Shown } from '../gallery/shown.ts';
import type { CallLink, Model } from '../app/model.ts';
import type { Rest } from '../net/rest.ts';

const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 400));

/** What a camera would give: light from a window, and somebody before it. */
function picture([wall, window, coat, skin]: readonly [string, string, string, string]): MediaStream {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 480 });
  const at = canvas.getContext('2d');
  const stream = canvas.captureStream(5);
  const paint = (): void => {
    if (!at) return;
    at.filter = 'blur(16px)';
    at.fillStyle = wall;
    at.fillRect(-40, -40, 720, 560);
    at.fillStyle = window;
    at.fillRect(380, -40, 180, 330);
    at.fillStyle = coat;
    at.beginPath();
    at.ellipse(320, 520, 190, 190, 0, 0, 7);
    at.fill();
    at.fillStyle = skin;
    at.beginPath();
    at.ellipse(320, 250, 80, 108, 0, 0, 7);
    at.fill();
  };
  paint();
  // A stream of a canvas has a picture only when something is painted after it began.
  setInterval(paint, 100);
  return stream;
}
const OWN = ['#8fb0a8', '#e6f2ea', '#8d3a33', '#d49c78'] as const;
const PEER = ['#a8744f', '#fbeed2', '#c98a2e', '#e0a985'] as const;

/** Devices that are there, or why they are not; `null`: the browser still asks. */
function devices(cameras: number, refused?: string | null): void {
  // A certificate that an earlier screen told would end this one.
  sessionStorage.clear();
  const media = navigator.mediaDevices;
  media.getUserMedia = async () => {
    if (refused === null) return new Promise<never>(() => undefined);
    if (refused) throw new DOMException('refused', refused);
    return picture(OWN);
  };
  media.enumerateDevices = async () =>
    Array.from({ length: cameras }, (_, n) => ({ kind: 'videoinput', deviceId: `${n}` }) as MediaDeviceInfo);
}

/** A connection that comes to `states` by itself, one after the other. */
function connection(states: readonly RTCPeerConnectionState[]): void {
  class Faked {
    static generateCertificate = async (): Promise<unknown> => ({});
    connectionState: RTCPeerConnectionState = 'new';
    onconnectionstatechange: (() => void) | null = null;
    ontrack: ((event: unknown) => void) | null = null;
    constructor() {
      setTimeout(() => {
        for (const state of states) {
          this.connectionState = state;
          if (state === 'connected') this.ontrack?.({ streams: [picture(PEER)] });
          this.onconnectionstatechange?.();
        }
      }, 50);
    }
    #looks = 0;
    addTrack(): void {}
    async getStats(): Promise<Map<string, unknown>> {
      return new Map([['1', { type: 'inbound-rtp', packetsReceived: 100 * ++this.#looks }]]);
    }
    restartIce(): void {}
    setConfiguration(): void {}
    close(): void {}
  }
  globalThis.RTCPeerConnection = Faked as never;
}

const link = (over: Partial<CallLink> = {}): CallLink => ({
  matchId: '9',
  offers: true,
  told: false,
  send: () => true,
  onsignal: null,
  onback: null,
  tellCertificate: async () => undefined,
  peerCertificate: new Promise(() => undefined),
  ...over,
});

const relays = { post: async () => ({ ice_servers: [], transport_policy: 'relay' }) };
const noRelays = { post: async () => Promise.reject({ code: 'unavailable', status: 503 }) };

interface Call {
  states?: readonly RTCPeerConnectionState[];
  cameras?: number;
  refused?: string | null;
  call?: CallLink;
  rest?: unknown;
  handle?: string;
  then?: Shown['then'];
}

const call = (of: Call = {}): Shown => {
  const video = match('9', of.handle ?? 'marti#4410', { mode: 'video' });
  const model: Partial<Model> = {
    chats: [...chats, chat(video, { online: true, call: of.call ?? link() })],
    rest: (of.rest ?? relays) as Rest,
  };
  return {
    component: Inside,
    path: '/calls/9',
    model,
    before: () => {
      devices(of.cameras ?? 2, of.refused);
      connection(of.states ?? []);
    },
    then: of.then ?? wait,
  };
};

const check = (cameras: number, refused?: string | null): Shown => ({
  component: Inside,
  path: '/calls/check',
  before: () => devices(cameras, refused),
  then: wait,
});

/** One who tells a certificate that nobody can read. */
const liar = link();
Object.defineProperty(liar, 'onsignal', {
  set: (hear: ((signal: unknown) => void) | null) =>
    hear?.({ type: 'rtc.description', kind: 'answer', sdp: '' }),
});

export const screens: Record<string, Shown> = {
  'call-check': check(1),
  'call-check-two': check(2),
  'call-check-asking': check(1, null),
  'call-check-denied': check(1, 'NotAllowedError'),
  'call-check-missing': check(0, 'NotFoundError'),
  'call-asking': call({ refused: null }),
  'call-connecting': call({ cameras: 1 }),
  'call-connected': call({ states: ['connected'] }),
  'call-long-name': call({ states: ['connected'], handle: 'uzun_adli_bir_kisi.x#4128' }),
  'call-off': call({
    states: ['connected'],
    then: async (root) => {
      await wait();
      for (const one of [...root.querySelectorAll<HTMLElement>('footer .glass')].slice(0, 2)) one.click();
      await wait();
    },
  }),
  'call-lost': call({ states: ['connected', 'failed'] }),
  'call-lost-wait': call({ states: ['connected', 'failed'], call: link({ offers: false }) }),
  'call-no-relay': call({ rest: noRelays }),
  'call-denied': call({ refused: 'NotAllowedError' }),
  'call-in-use': call({ refused: 'NotReadableError' }),
  'call-mistrust': call({ call: liar }),
  'call-elsewhere': { component: Inside, path: '/calls/77', then: wait },
};
