// What a call needs of the chat it belongs to.

import type { CallLink, RtcSignal } from '../app/model.ts';

type Heard = RtcSignal | { type: 'error'; code: string };

/** Signals kept for a call that has not begun: one round of the peer's candidates fits. */
const KEPT = 80;

export interface LinkHooks {
  send(frame: RtcSignal & { match_id: string }): boolean;
  tellCertificate(fingerprint: string): Promise<void>;
}

/** Survives a reload, and goes to the tab that takes the device over. */
export interface StoredLink {
  /** The peer was told a certificate of this side. */
  told: boolean;
  /** What the peer told. */
  peer: string | null;
}

export class Link implements CallLink {
  readonly matchId: string;
  readonly offers: boolean;
  readonly peerCertificate: Promise<string>;
  onback: (() => void) | null = null;

  readonly #hooks: LinkHooks;
  #listener: ((signal: Heard) => void) | null = null;
  #early: Heard[] = [];
  #told = false;
  #peer: string | null = null;
  #pin!: (fingerprint: string) => void;
  #refuse!: (reason: Error) => void;

  constructor(matchId: string, offers: boolean, hooks: LinkHooks) {
    this.matchId = matchId;
    this.offers = offers;
    this.#hooks = hooks;
    this.peerCertificate = new Promise((resolve, reject) => {
      this.#pin = resolve;
      this.#refuse = reject;
    });
    // Nobody may be waiting when it is refused.
    this.peerCertificate.catch(() => undefined);
  }

  stored(): StoredLink {
    return { told: this.#told, peer: this.#peer };
  }

  restore({ told, peer }: StoredLink): void {
    this.#told = told;
    if (peer) this.certificate(peer);
  }

  get told(): boolean {
    return this.#told;
  }

  get onsignal(): ((signal: Heard) => void) | null {
    return this.#listener;
  }

  set onsignal(listener: ((signal: Heard) => void) | null) {
    this.#listener = listener;
    if (!listener) return;
    for (const signal of this.#early.splice(0)) listener(signal);
  }

  send(signal: RtcSignal): boolean {
    return this.#hooks.send({ ...signal, match_id: this.matchId });
  }

  tellCertificate(fingerprint: string): Promise<void> {
    this.#told = true;
    return this.#hooks.tellCertificate(fingerprint);
  }

  /** A signal of the peer, or the refusal of an own one. */
  hear(signal: Heard): void {
    if (this.#listener) this.#listener(signal);
    else if (this.#early.length < KEPT) this.#early.push(signal);
  }

  /**
   * What the peer told through the encryption. Another one than before is refused: from then on
   * there is no certificate to trust.
   */
  certificate(fingerprint: string): boolean {
    const told = fingerprint.replace(/^sha-256/i, 'sha-256').toUpperCase();
    if (!/^SHA-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/.test(told)) return false;
    if (this.#peer !== null && this.#peer !== told) {
      this.#refuse(new Error('the peer told two certificates'));
      return false;
    }
    this.#peer = told;
    this.#pin(told.replace('SHA-256', 'sha-256'));
    return true;
  }
}
