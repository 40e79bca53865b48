// The profile of MLS (RFC 9420) that both clients speak, and the form of its messages.

import {
  type CiphersuiteImpl, type ClientConfig, type MLSMessage, decodeMlsMessage,
  defaultAuthenticationService, defaultKeyPackageEqualityConfig, encodeMlsMessage,
  getCiphersuiteFromName, getCiphersuiteImpl,
} from 'ts-mls';
import type { Bytes } from './bytes.ts';

export const SUITE = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';
/** How long a key package is good for, seconds. */
export const LIFETIME = 28 * 86_400;
/** How far two clocks may be apart; a package is valid from so long before it was made. */
export const SKEW = 3_600;

export const CONFIG: ClientConfig = {
  // The default keeps the ratchet secret of a skipped message and loses forward secrecy; the
  // socket delivers in order, so nothing has to be kept.
  keyRetentionConfig: {
    retainKeysForGenerations: 0,
    retainKeysForEpochs: 2,
    maximumForwardRatchetSteps: 1000,
  },
  lifetimeConfig: {
    maximumTotalLifetime: BigInt(LIFETIME + SKEW),
    validateLifetimeOnReceive: true,
  },
  keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
  paddingConfig: { kind: 'alwaysPad', paddingLength: 0 }, // the plaintext is padded already
  authService: defaultAuthenticationService,
};

export const loadSuite = (): Promise<CiphersuiteImpl> =>
  getCiphersuiteImpl(getCiphersuiteFromName(SUITE));

/** One whole message without trailing bytes, or undefined. */
export function decode(bytes: Bytes): MLSMessage | undefined {
  try {
    const decoded = decodeMlsMessage(bytes, 0);
    return decoded && decoded[1] === bytes.length ? decoded[0] : undefined;
  } catch {
    return undefined;
  }
}

export const encode = (message: MLSMessage): Bytes => new Uint8Array(encodeMlsMessage(message));
