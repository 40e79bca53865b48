// Key packages: those of this device, and what is looked at in those of peers.

import {
  type CiphersuiteImpl, type KeyPackage, type PrivateKeyPackage, type Welcome, generateKeyPackage,
} from 'ts-mls';
import { makeKeyPackageRef } from 'ts-mls/keyPackage.js'; // not in the index
import { type Bytes, hex, random } from './bytes.ts';
import { SessionError } from './session.ts';
import { LIFETIME, SKEW, SUITE, decode, encode } from './suite.ts';

/** One-time packages a device keeps at the server. */
export const PACKAGE_TARGET = 50;
/** Below this many at the server a device refills. */
export const REFILL_BELOW = 20;

const LAST_RESORT = 10; // the extension of RFC 9420, section 17.3

export interface StoredPackage {
  ref: string;
  /** Seconds since 1970. */
  notAfter: number;
  lastResort: boolean;
  /** The server has it. */
  uploaded: boolean;
  wire: Bytes;
  keys: PrivateKeyPackage;
}

/** What goes to the server as `PUT /v1/keys`. */
export interface Refill {
  packages: StoredPackage[];
  lastResort?: StoredPackage;
}

/**
 * Its identity and its signing key are its own, and its time is that of many others made in the same hour:
 * two of one device look like those of two devices. `now` and `life` are in seconds.
 */
export async function generate(
  suite: CiphersuiteImpl,
  now: number,
  lastResort = false,
  life = LIFETIME,
): Promise<StoredPackage> {
  const hour = now - (now % 3_600);
  const notAfter = hour + life;
  const lifetime = { notBefore: BigInt(hour - SKEW), notAfter: BigInt(notAfter) };
  const capabilities = {
    versions: ['mls10' as const],
    ciphersuites: [suite.name],
    extensions: lastResort ? [LAST_RESORT] : [],
    proposals: [],
    credentials: ['basic' as const],
  };
  const extensions = lastResort
    ? [{ extensionType: LAST_RESORT, extensionData: new Uint8Array() }]
    : [];
  const credential = { credentialType: 'basic' as const, identity: random(16) };
  const made = await generateKeyPackage(credential, capabilities, lifetime, extensions, suite);
  const keyPackage = made.publicPackage;
  return {
    ref: hex(await makeKeyPackageRef(keyPackage, suite.hash)),
    notAfter,
    lastResort,
    uploaded: false,
    wire: encode({ version: 'mls10', wireformat: 'mls_key_package', keyPackage }),
    keys: made.privatePackage,
  };
}

/** The key package in `wire`, after every check but the signatures: adding it checks those. */
export function validated(wire: Bytes, now: number): KeyPackage {
  const message = decode(wire);
  if (message?.wireformat !== 'mls_key_package') throw invalid('not a key package');
  const { keyPackage } = message;
  if (keyPackage.cipherSuite !== SUITE || keyPackage.version !== 'mls10') {
    throw invalid('another cipher suite');
  }
  const { credential, lifetime } = keyPackage.leafNode;
  if (credential.credentialType !== 'basic') throw invalid('not a basic credential');
  // ts-mls checks that the lifetime covers now, never how long it is.
  if (lifetime.notAfter - lifetime.notBefore > BigInt(LIFETIME + SKEW)) {
    throw invalid('valid for more than 28 days');
  }
  if (BigInt(now) >= lifetime.notAfter || BigInt(now + SKEW) < lifetime.notBefore) {
    throw invalid('not valid now');
  }
  return keyPackage;
}

/** The packages whose private part this device has. Store them before they go to the server. */
export class KeyPackages {
  readonly #suite: CiphersuiteImpl;
  readonly #now: () => number;
  readonly #kept: Map<string, StoredPackage>;

  constructor(suite: CiphersuiteImpl, now: () => number, kept: StoredPackage[] = []) {
    this.#suite = suite;
    this.#now = now;
    this.#kept = new Map(kept.map((one) => [one.ref, one]));
  }

  /**
   * What to upload when the server has `remaining` one-time packages. What an earlier upload did
   * not bring there is offered again, so that failing uploads pile nothing up.
   */
  async refill(remaining: number): Promise<Refill> {
    this.#forgetExpired();
    const waiting = (): StoredPackage[] =>
      [...this.#kept.values()].filter((one) => !one.uploaded && !one.lastResort);
    const wanted = remaining < REFILL_BELOW ? PACKAGE_TARGET - remaining : 0;
    while (waiting().length < wanted) await this.make();
    const halfLife = this.#now() + LIFETIME / 2;
    const lasting = [...this.#kept.values()]
      .filter((one) => one.lastResort && one.notAfter > halfLife);
    const lastResort = lasting.length
      ? lasting.find((one) => !one.uploaded)
      : await this.make(true);
    return { packages: waiting().slice(0, wanted), ...(lastResort && { lastResort }) };
  }

  /** The server has them now. */
  uploaded({ packages, lastResort }: Refill): void {
    for (const one of packages) one.uploaded = true;
    if (lastResort) lastResort.uploaded = true;
  }

  async make(lastResort = false): Promise<StoredPackage> {
    const made = await generate(this.#suite, this.#now(), lastResort);
    this.#kept.set(made.ref, made);
    return made;
  }

  /**
   * The package a Welcome was made for. It is used up, also when the Welcome is refused; one for an
   * expired package is refused, since a server may have kept it back.
   */
  take(welcome: Welcome): StoredPackage {
    this.#forgetExpired();
    const found = welcome.secrets.map((one) => this.#kept.get(hex(one.newMember))).find((p) => p);
    if (!found) throw new SessionError('welcome', 'it fits no key package of this device');
    if (!found.lastResort) this.#kept.delete(found.ref);
    return found;
  }

  async owns(keyPackage: KeyPackage): Promise<boolean> {
    return this.#kept.has(hex(await makeKeyPackageRef(keyPackage, this.#suite.hash)));
  }

  stored(): StoredPackage[] {
    return [...this.#kept.values()];
  }

  #forgetExpired(): void {
    for (const one of this.stored()) {
      if (one.notAfter <= this.#now()) this.#kept.delete(one.ref);
    }
  }
}

function invalid(rule: string): SessionError {
  return new SessionError('key_package', rule);
}
