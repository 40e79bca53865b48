// Sessions by ts-mls. The checks are those of the Rust client, client/src/mls.

import {
  type CiphersuiteImpl, type ClientState, createApplicationMessage, createCommit, createGroup,
  decodeGroupState, emptyPskIndex, encodeGroupState, joinGroup, processPrivateMessage,
  zeroOutUint8Array,
} from 'ts-mls';
import { type Bytes, equal, random } from './bytes.ts';
import { KeyPackages, type StoredPackage, generate, validated } from './packages.ts';
import {
  type Plaintext, authenticatedData, contentOf, frankingTag, pad, plaintextOf, tagIn, unpad,
} from './plaintext.ts';
import { safetyNumber } from './safety.ts';
import {
  type Content, type Opened, type Parties, type Sealed, type Session, SessionError,
  type StoredSession,
} from './session.ts';
import { CONFIG, SUITE, decode, encode, loadSuite } from './suite.ts';

/** One signed-in device: its key packages, and what makes its sessions. It has no name of its own. */
export class Mls {
  readonly packages: KeyPackages;
  readonly #suite: CiphersuiteImpl;
  readonly #now: () => number;

  private constructor(suite: CiphersuiteImpl, kept: StoredPackage[], now: () => number) {
    this.#suite = suite;
    this.#now = now;
    this.packages = new KeyPackages(suite, now, kept);
  }

  /** With the key packages it kept. `now` is in seconds since 1970. */
  static async load(
    kept: StoredPackage[] = [],
    now: () => number = () => Math.floor(Date.now() / 1000),
  ): Promise<Mls> {
    return new Mls(await loadSuite(), kept, now);
  }

  /** Starts a match as its offerer. The Welcome goes as `kind: "handshake"`. */
  async create(parties: Parties, peer: Bytes): Promise<{ session: Session; welcome: Bytes }> {
    const keyPackage = validated(peer, this.#now());
    if (await this.packages.owns(keyPackage)) {
      throw new SessionError('key_package', 'it is of this device');
    }
    // A package, and so a signing key, for this match alone: nothing in it links two matches.
    const own = await generate(this.#suite, this.#now());
    const ownPackage = validated(own.wire, this.#now());
    const suite = this.#suite;
    try {
      const alone = await createGroup(random(16), ownPackage, own.keys, [], suite, CONFIG);
      const made = await createCommit(
        { state: alone, cipherSuite: suite },
        {
          ratchetTreeExtension: true,
          extraProposals: [{ proposalType: 'add', add: { keyPackage } }],
        },
      );
      // Of the group of one nothing is kept: nothing was ever sent in it.
      const state = checked({ ...made.newState, historicalReceiverData: new Map() });
      made.consumed.forEach(zeroOutUint8Array);
      const welcome = encode({
        version: 'mls10',
        wireformat: 'mls_welcome',
        welcome: made.welcome!,
      });
      return { session: new MlsSession(suite, parties, state), welcome };
    } catch (error) {
      throw as('key_package', 'it cannot be added', error);
    }
  }

  /** Joins a match as its answerer. It uses up a key package: store both together. */
  async join(parties: Parties, bytes: Bytes): Promise<Session> {
    const message = decode(bytes);
    if (message?.wireformat !== 'mls_welcome') throw new SessionError('welcome', 'not a welcome');
    const taken = this.packages.take(message.welcome);
    const own = validated(taken.wire, this.#now());
    try {
      const state = await joinGroup(
        message.welcome, own, taken.keys, emptyPskIndex, this.#suite, undefined, undefined, CONFIG,
      );
      return new MlsSession(this.#suite, parties, checked(state));
    } catch (error) {
      throw as('welcome', 'the group cannot be built', error);
    }
  }

  restore({ state, ...parties }: StoredSession): Session {
    let decoded: ReturnType<typeof decodeGroupState>;
    try {
      decoded = decodeGroupState(state, 0);
    } catch (error) {
      throw as('state', 'a group is not readable', error);
    }
    if (!decoded || decoded[1] !== state.length) {
      throw new SessionError('state', 'a group is not readable');
    }
    // The settings are not part of what is stored.
    return new MlsSession(this.#suite, parties, checked({ ...decoded[0], clientConfig: CONFIG }));
  }
}

class MlsSession implements Session {
  readonly parties: Parties;
  readonly #suite: CiphersuiteImpl;
  #state: ClientState;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(suite: CiphersuiteImpl, parties: Parties, state: ClientState) {
    this.#suite = suite;
    this.parties = parties;
    this.#state = state;
  }

  async seal(content: Content): Promise<Sealed> {
    const plaintext = plaintextOf(this.parties.matchId, this.parties.own, content);
    const padded = pad(plaintext);
    // Within the turn: messages get their generations in the order of the calls.
    return this.#exclusive(async () => {
      const tag = await frankingTag(plaintext);
      return { ciphertext: await this.#encrypt(padded, authenticatedData(tag)), tag };
    });
  }

  async sealHandshake(content: Content): Promise<Bytes> {
    const plaintext = plaintextOf(this.parties.matchId, this.parties.own, content);
    const padded = pad(plaintext);
    return this.#exclusive(() => this.#encrypt(padded, new Uint8Array()));
  }

  async open(ciphertext: Bytes, beside: Bytes | undefined): Promise<Opened | undefined> {
    const read = await this.#decrypt(ciphertext);
    if (!read) return undefined;
    const { plaintext, aad } = read;
    const tag = tagIn(aad);
    if (!tag || !beside || !equal(tag, beside)) throw unproven();
    this.#expectNamed(plaintext);
    if (!equal(tag, await frankingTag(plaintext))) throw unproven();
    const { content: bytes, salt, handle } = plaintext;
    return { content: contentOf(bytes), bytes, salt, tag, handle };
  }

  async openHandshake(ciphertext: Bytes): Promise<Content | undefined> {
    const read = await this.#decrypt(ciphertext);
    if (!read) return undefined;
    if (read.aad.length) throw new SessionError('franking', 'a text passed off as a handshake');
    this.#expectNamed(read.plaintext);
    return contentOf(read.plaintext.content);
  }

  safetyNumber(): Promise<string> {
    return safetyNumber(new Uint8Array(this.#state.keySchedule.epochAuthenticator));
  }

  stored(): StoredSession {
    return { ...this.parties, state: new Uint8Array(encodeGroupState(this.#state)) };
  }

  /** The state is read, and replaced after an await: two at once would use one key twice. */
  #exclusive<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #encrypt(padded: Bytes, aad: Bytes): Promise<Bytes> {
    const sent = await createApplicationMessage(this.#state, padded, this.#suite, aad);
    this.#state = sent.newState;
    sent.consumed.forEach(zeroOutUint8Array);
    const { privateMessage } = sent;
    return encode({ version: 'mls10', wireformat: 'mls_private_message', privateMessage });
  }

  #decrypt(bytes: Bytes): Promise<{ plaintext: Plaintext; aad: Bytes } | undefined> {
    return this.#exclusive(async () => {
      const message = decode(bytes);
      if (message?.wireformat !== 'mls_private_message') throw undecryptable();
      const sent = message.privateMessage;
      const { groupId, epoch } = this.#state.groupContext;
      // ts-mls compares neither.
      if (!equal(sent.groupId, groupId) || sent.epoch > epoch) throw undecryptable();
      let refused = false;
      const accept = (incoming: { kind: string; proposals?: unknown[] }): 'accept' | 'reject' => {
        refused = incoming.kind !== 'commit' || incoming.proposals?.length !== 0;
        return refused ? 'reject' : 'accept';
      };
      const done = await processPrivateMessage(
        this.#state, sent, emptyPskIndex, this.#suite, accept as never,
      ).catch(() => {
        throw undecryptable();
      });
      if (!refused && done.kind === 'newState') checked(done.newState);
      this.#state = done.newState;
      done.consumed.forEach(zeroOutUint8Array);
      if (refused) throw new SessionError('forbidden_change', 'the message changes the group');
      if (done.kind === 'newState') return undefined;
      // Authentic only now that the message opened.
      return { plaintext: unpad(done.message), aad: new Uint8Array(sent.authenticatedData) };
    });
  }

  #expectNamed({ matchId, handle }: Plaintext): void {
    if (matchId !== this.parties.matchId || handle !== this.parties.peer) {
      throw new SessionError('plaintext', 'it names another match or sender');
    }
  }
}

function checked(state: ClientState): ClientState {
  const leaves = state.ratchetTree.filter((node) => node?.nodeType === 'leaf');
  if (leaves.length !== 2) {
    throw new SessionError('not_two_members', 'the group does not have exactly two members');
  }
  const basic = leaves.every(({ leaf }) => leaf.credential.credentialType === 'basic');
  if (!basic) throw new SessionError('welcome', 'not a basic credential');
  const { cipherSuite, extensions } = state.groupContext;
  if (cipherSuite !== SUITE) throw new SessionError('welcome', 'another cipher suite');
  if (extensions.length) throw new SessionError('welcome', 'it carries group extensions');
  return state;
}

function as(code: 'key_package' | 'welcome' | 'state', rule: string, error: unknown): SessionError {
  return error instanceof SessionError ? error : new SessionError(code, rule);
}

function undecryptable(): SessionError {
  return new SessionError('undecryptable', 'the message could not be decrypted');
}

function unproven(): SessionError {
  return new SessionError('franking', 'the franking tag does not fit the message');
}
