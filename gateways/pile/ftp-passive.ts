/**
 * Passive ports: for each transfer a port of the configured range is opened, for one connection from the address that
 * asked for it. Ports are used in turn, so that a late connection does not end up in somebody else's transfer.
 */
import net from 'node:net';
import type { FtpCounters } from './ftp-context.ts';

/** Ports that may be opened, both ends included. */
export interface PortRange {
  first: number;
  last: number;
}

/** Ports of one server; `range` null: any free one. */
export class PassivePorts {
  readonly #range: PortRange | null;
  readonly #host: string;
  readonly #counters: FtpCounters;
  readonly #open = new Set<number>();
  #next = 0;

  constructor(range: PortRange | null, host: string, counters: FtpCounters) {
    this.#range = range;
    this.#host = host;
    this.#counters = counters;
  }

  /** Ports that wait for a connection. */
  get waiting(): number {
    return this.#open.size;
  }

  /** Opens a port for a connection from `address`; null when all are taken. */
  async open(address: string, dataMs: number): Promise<DataPort | null> {
    for (const port of this.#candidates()) {
      if (port !== 0 && this.#open.has(port)) continue;
      this.#open.add(port);
      const opened = await DataPort.listen(port, this.#host, {
        address,
        dataMs,
        turnedAway: () => (this.#counters.strangersTurnedAway += 1),
        closed: (number) => this.#open.delete(number),
      });
      if (opened?.port !== port) this.#open.delete(port);
      if (opened === null) continue; // another program has it
      this.#open.add(opened.port);
      return opened;
    }
    this.#counters.passivePortsMissing += 1;
    return null;
  }

  *#candidates(): Iterable<number> {
    const { first, last } = this.#range ?? { first: 0, last: 0 };
    const count = last - first + 1;
    for (let tries = 0; tries < count; tries += 1) {
      const port = first + this.#next;
      this.#next = (this.#next + 1) % count;
      yield port;
    }
  }
}

interface DataPortOptions {
  address: string;
  dataMs: number;
  turnedAway: () => void;
  closed: (port: number) => void;
}

/** One open port, and the connection that came to it. */
export class DataPort {
  port = 0;
  readonly #server: net.Server;
  readonly #options: DataPortOptions;
  readonly #timer: NodeJS.Timeout;
  #socket: net.Socket | null = null;
  #isClosed = false;
  #arrived: (() => void) | null = null;

  private constructor(options: DataPortOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.close(), options.dataMs);
    // Half open: a pile may say that it has nothing to send, which is no wonder.
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Opens a port; null when it is taken. */
  static async listen(port: number, host: string, options: DataPortOptions): Promise<DataPort | null> {
    const opened = new DataPort(options);
    const isOpen = await new Promise<boolean>((resolve) => {
      opened.#server.once('error', () => resolve(false));
      opened.#server.listen({ port, host, backlog: 8 }, () => resolve(true));
    });
    opened.#server.on('error', ignore); // a connection that could not be accepted: another may come
    if (isOpen) opened.port = (opened.#server.address() as net.AddressInfo).port;
    else opened.#end();
    return isOpen ? opened : null;
  }

  /** The connection, once it is there; null when none came in time or the port was closed. It is the caller's then. */
  async connection(): Promise<net.Socket | null> {
    if (this.#socket === null && !this.#isClosed) await new Promise<void>((resolve) => (this.#arrived = resolve));
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    this.#isClosed = true;
    return socket;
  }

  /** Closes the port, and the connection nobody has asked for. */
  close(): void {
    this.#end();
    this.#socket?.destroy();
    this.#socket = null;
  }

  #accept(socket: net.Socket): void {
    socket.on('error', ignore); // 'close' follows
    if (plainAddress(socket.remoteAddress) !== this.#options.address) {
      this.#options.turnedAway();
      socket.destroy();
      return;
    }
    if (this.#isClosed || this.#socket !== null) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    this.#stopListening();
    this.#arrived?.();
  }

  #end(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#stopListening();
    this.#arrived?.();
  }

  #stopListening(): void {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#options.closed(this.port);
  }
}

/** An address as people write it: IPv4 also on a socket for both kinds. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

function ignore(): void {}
