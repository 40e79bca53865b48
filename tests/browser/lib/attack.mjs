// What a modified client tries, to learn where the other one is.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

import { ownAddress } from './processes.mjs';

/** Sockets of an attacker, whom everybody who sends to them shows an address. */
export class Trap {
  /** Who sent something. */
  caught = [];
  #sockets = [];

  /** Listens on an address of each kind that this machine has. */
  static async set() {
    const trap = new Trap();
    for (const address of ['127.0.0.1', ownAddress(), ...reachable()]) {
      const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
      socket.on('message', (_, from) => trap.caught.push(from.address));
      socket.bind(0, address);
      await once(socket, 'listening');
      trap.#sockets.push(socket);
    }
    return trap;
  }

  /** Candidates that lead into it, and one for a name. */
  candidates(relay) {
    const kinds = [
      'typ host',
      'typ srflx raddr 10.0.0.1 rport 9',
      `typ prflx raddr ${relay} rport 49160`,
      `typ relay raddr ${relay} rport 49160`,
      'typ relay raddr 0.0.0.0 rport 0',
    ];
    const places = this.#sockets.map((socket) => socket.address());
    const udp = places.flatMap(({ address, port }) => kinds.map((kind) => `candidate:7 1 udp 2130706431 ${address} ${port} ${kind}`));
    const tcp = places.map(({ address, port }) => `candidate:7 1 tcp 1518280447 ${address} ${port} typ host tcptype passive`);
    return [...udp, ...tcp, `candidate:7 1 udp 2130706431 0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d.local ${places[0].port} typ host`];
  }

  /** The description with every line in it that could lead here. */
  inSdp(sdp) {
    const { address, port } = this.#sockets[0].address();
    const lines = [...this.candidates(address).map((candidate) => `a=${candidate}`), `a=remote-candidates:1 ${address} ${port}`];
    return sdp
      .replace(/^o=.*$/m, `o=- 4611731400430051336 2 IN IP4 ${address}`)
      .replace(/^c=.*$/gm, `c=IN IP4 ${address}`)
      .replace(/^a=rtcp:.*$/gm, `a=rtcp:${port} IN IP4 ${address}`)
      .replace(/^(m=\w+) 9 /gm, `$1 ${port} `)
      .replace(/^a=mid:.*\r?\n/gm, (mid) => mid + lines.map((line) => `${line}\r\n`).join(''));
  }

  /** Stops listening. */
  close() {
    for (const socket of this.#sockets) socket.close();
  }
}

/** One address of each family that this machine has beside loopback, if it has any. */
export function reachable() {
  const all = Object.values(networkInterfaces()).flat();
  const usable = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  return ['IPv4', 'IPv6'].flatMap((family) => usable.find((entry) => entry.family === family)?.address ?? []);
}

/** Every address and mDNS name in a text, but for 0.0.0.0, which says nothing. */
export function addressesIn(text) {
  const numbers = text.match(/\d{1,3}(?:\.\d{1,3}){3}/g) ?? [];
  const colons = text.split(/[^0-9a-fA-F:.]+/).filter((part) => isIP(part) === 6);
  const names = text.match(/[\w-]+\.local\b/g) ?? [];
  return [...new Set([...numbers, ...colons, ...names])].filter((address) => address !== '0.0.0.0');
}
