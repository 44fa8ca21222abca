/**
 * The radio of a simulated PCP device: a UDP socket on which datagrams get lost, come twice and change places, and that
 * can be off. It has of a socket what the library `coap` uses of one.
 */
import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { isIPv6 } from 'node:net';

/** What the air does to datagrams in both directions; shares 0..1. */
export interface RadioFaults {
  lose?: number;
  double?: number;
  /** Held back until after the next ones. */
  reorder?: number;
}

type Sent = (error: Error | null, bytes: number) => void;
const HELD_BACK_MS = 40;

export class SimulatedRadio extends EventEmitter {
  isOff = false;
  lost = 0;
  readonly type: 'udp4' | 'udp6';
  readonly #socket: Socket;
  readonly #faults: RadioFaults;
  #isClosed = false;
  #random: number;

  /** The same seed loses the same datagrams. */
  constructor(host: string, faults: RadioFaults, seed: number) {
    super();
    this.type = isIPv6(host) ? 'udp6' : 'udp4';
    this.#faults = faults;
    this.#random = (seed % 0x7fff_ffff) + 1;
    this.#socket = createSocket(this.type);
    this.#socket.on('message', (datagram, from) => this.#pass(() => this.emit('message', datagram, from)));
    this.#socket.on('error', () => {}); // nobody is there: the device notices by itself
    this.setMaxListeners(0);
  }

  address() {
    return this.#socket.address();
  }

  /** The way the library sends. */
  send(bytes: Buffer, offset: number, length: number, port: number, host: string, sent?: Sent): void {
    // Copied: what is held back must not change meanwhile.
    const datagram = Buffer.from(bytes.subarray(offset, offset + length));
    this.#pass(() => this.#socket.send(datagram, port, host, () => {}));
    if (sent !== undefined) setImmediate(() => sent(null, length));
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.bind(0, undefined, resolve));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  #pass(go: () => void): void {
    const { lose = 0, double = 0, reorder = 0 } = this.#faults;
    if (this.#isClosed || this.isOff) return;
    if (this.#chance() < lose) {
      this.lost += 1;
      return;
    }
    const times = this.#chance() < double ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      if (this.#chance() >= reorder) go();
      else {
        setTimeout(() => {
          if (!this.#isClosed && !this.isOff) go();
        }, HELD_BACK_MS).unref();
      }
    }
  }

  /** Park and Miller: 0..1. */
  #chance(): number {
    this.#random = (this.#random * 48_271) % 0x7fff_ffff;
    return this.#random / 0x7fff_ffff;
  }
}
