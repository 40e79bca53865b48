// One peer connection of a call: through relays only, and with the certificate that the peer told
// through the encryption of the match and no other (docs/protocol.md, Calls).

import type { CallLink, RtcSignal } from '../app/model.ts';
import type { Counted } from './quality.ts';

export interface Ice {
  servers: RTCIceServer[];
  policy: string;
}

export interface Hooks {
  link: CallLink;
  ice: Ice;
  /** The same for the whole match: the peer trusts no other. */
  certificate: RTCCertificate;
  media: MediaStream;
  remote(stream: MediaStream): void;
  state(state: RTCPeerConnectionState): void;
  /** Nobody can be trusted to be the peer: the call must end. */
  mistrust(): void;
  /** For tests. */
  connect?: (settings: RTCConfiguration) => RTCPeerConnection;
}

/** How long the peer's certificate may come after its description, milliseconds. */
const CERTIFICATE_MS = 10_000;

class Mistrust extends Error {}

/** Each `a=fingerprint` of a description; a line that only begins like one is refused. */
export function fingerprints(sdp: string): Set<string> {
  const found = new Set<string>();
  for (const raw of sdp.split(/[\r\n]/)) {
    const line = raw.trim();
    if (!/^a=fingerprint/i.test(line)) continue;
    const value = /^a=fingerprint:sha-256 ((?:[0-9a-f]{2}:){31}[0-9a-f]{2})$/i.exec(line)?.[1];
    if (!value) throw new Mistrust('malformed fingerprint');
    found.add(`sha-256 ${value.toUpperCase()}`);
  }
  if (found.size === 0) throw new Mistrust('no fingerprint');
  return found;
}

/** An address of one's own is never shown. */
function only({ servers: iceServers, policy }: Ice): RTCConfiguration {
  if (policy !== 'relay') throw new Error('calls go through relays only');
  return { iceServers, iceTransportPolicy: 'relay' };
}

export class Peering {
  readonly #hooks: Hooks;
  readonly #pc: RTCPeerConnection;
  /** Of the newest offer, which an answer names. */
  #round: number | undefined;
  #told = false;
  #closed = false;
  /** An offer is out that was not answered. */
  #open = false;
  /** One step at a time: a candidate waits for the description before it. */
  #queue: Promise<void> = Promise.resolve();

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
    const settings = { ...only(hooks.ice), certificates: [hooks.certificate] };
    const pc = (hooks.connect ?? ((wished) => new RTCPeerConnection(wished)))(settings);
    this.#pc = pc;
    const { link } = hooks;
    pc.onconnectionstatechange = () => this.#changed();
    pc.onicecandidate = ({ candidate: one }) => {
      if (!one) return;
      const { candidate, sdpMid: sdp_mid, sdpMLineIndex: sdp_m_line_index } = one;
      link.send({ type: 'rtc.candidate', candidate, sdp_mid, sdp_m_line_index });
    };
    pc.ontrack = ({ streams: [stream] }) => stream && hooks.remote(stream);
    pc.onnegotiationneeded = () => {
      if (link.offers) this.#do(() => this.#describe('offer'));
    };
    for (const track of hooks.media.getTracks()) pc.addTrack(track, hooks.media);
    link.onsignal = (signal) => this.#hear(signal as RtcSignal);
    // What was sent meanwhile is lost.
    link.onback = () => {
      if (link.offers && (this.#open || pc.connectionState !== 'connected')) this.#offerAnew();
    };
  }

  /** Another track in the place of one of its kind, without another round of offers. */
  async replace(track: MediaStreamTrack): Promise<void> {
    const sender = this.#pc.getSenders().find((one) => one.track?.kind === track.kind);
    await sender?.replaceTrack(track);
  }

  /** What the browser counts of the connection. */
  async stats(): Promise<Iterable<Counted>> {
    return (await this.#pc.getStats()).values();
  }

  /** Tries anew to connect, with credentials that are not too old. Only the offerer begins; the other one is ready. */
  restart(ice: Ice): void {
    this.#pc.setConfiguration({ ...only(ice), certificates: [this.#hooks.certificate] });
    if (this.#hooks.link.offers) this.#offerAnew();
  }

  /** The browser asks for an offer by itself only where none waits for its answer. */
  #offerAnew(): void {
    this.#pc.restartIce();
    if (this.#pc.signalingState !== 'stable') this.#do(() => this.#describe('offer'));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#hooks.link.onsignal = this.#hooks.link.onback = null;
    this.#pc.close();
  }

  #changed(): void {
    if (this.#closed) return;
    const state = this.#pc.connectionState;
    if (state === 'connected' || state === 'failed') this.#hooks.link.send({ type: 'rtc.state', state });
    this.#hooks.state(state);
  }

  #hear(signal: RtcSignal): void {
    if (signal.type === 'rtc.candidate') this.#do(() => this.#candidate(signal));
    else if (signal.type === 'rtc.description') this.#do(() => this.#described(signal));
  }

  async #candidate(signal: RtcSignal): Promise<void> {
    await this.#pc.addIceCandidate({
      candidate: String(signal.candidate ?? ''),
      sdpMid: typeof signal.sdp_mid === 'string' ? signal.sdp_mid : null,
      sdpMLineIndex: typeof signal.sdp_m_line_index === 'number' ? signal.sdp_m_line_index : null,
    });
  }

  async #described({ kind, sdp, round }: RtcSignal): Promise<void> {
    const wanted = this.#hooks.link.offers ? 'answer' : 'offer';
    if (kind !== wanted || typeof sdp !== 'string') return;
    const named = fingerprints(sdp);
    const pinned = await this.#certificate();
    if (named.size !== 1 || !named.has(pinned)) throw new Mistrust('another certificate');
    await this.#pc.setRemoteDescription({ type: wanted, sdp });
    this.#open = false;
    this.#round = typeof round === 'number' ? round : undefined;
    if (kind === 'offer') await this.#describe('answer');
  }

  async #certificate(): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, no) => {
      timer = setTimeout(() => no(new Mistrust('no certificate in time')), CERTIFICATE_MS);
    });
    const told = this.#hooks.link.peerCertificate.catch(() => {
      throw new Mistrust('two certificates');
    });
    return Promise.race([told, late]).finally(() => clearTimeout(timer));
  }

  /** The certificate is told before the first description leaves. */
  async #describe(kind: 'offer' | 'answer'): Promise<void> {
    await this.#pc.setLocalDescription();
    const sdp = this.#pc.localDescription?.sdp ?? '';
    const { link } = this.#hooks;
    if (!this.#told) {
      const [own = ''] = fingerprints(sdp);
      await link.tellCertificate(own);
      this.#told = true;
    }
    if (this.#closed) return;
    this.#open = kind === 'offer';
    const round = kind === 'answer' && this.#round !== undefined ? { round: this.#round } : {};
    link.send({ type: 'rtc.description', kind, sdp, ...round });
  }

  #do(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#closed) return;
      try {
        await step();
      } catch (error) {
        // Whatever else fails shows as a call that does not connect.
        if (error instanceof Mistrust && !this.#closed) this.#hooks.mistrust();
      }
    });
  }
}
