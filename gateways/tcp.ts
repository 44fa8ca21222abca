/**
 * A TCP listener with limits: connections in all, connections per address, idle time. What is said on a connection is
 * the business of its owner.
 */
import net from 'node:net';

/** Limits of a listener. */
export interface TcpLimits {
  maxConnections: number;
  maxConnectionsPerAddress: number;
  /** A connection without a byte in either direction for this long is closed. */
  idleTimeoutMs: number;
}

/** How many connections were taken and turned away since the start. */
export interface TcpStats {
  accepted: number;
  refusedTotal: number;
  refusedPerAddress: number;
}

/** A listening server whose connections have passed the limits. */
export class TcpListener {
  readonly stats: TcpStats = { accepted: 0, refusedTotal: 0, refusedPerAddress: 0 };
  readonly #server: net.Server;
  readonly #limits: TcpLimits;
  readonly #perAddress = new Map<string, number>();
  readonly #sockets = new Set<net.Socket>();

  constructor(limits: TcpLimits, onConnection: (socket: net.Socket, address: string) => void) {
    this.#limits = limits;
    this.#server = net.createServer({ noDelay: true }, (socket) => {
      const address = socket.remoteAddress ?? 'unknown';
      if (!this.#admit(address)) {
        socket.destroy();
        return;
      }
      this.stats.accepted += 1;
      this.#sockets.add(socket);
      socket.setTimeout(limits.idleTimeoutMs, closeIdle);
      socket.once('close', () => this.#leave(socket, address));
      onConnection(socket, address);
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Starts listening; returns the port, which matters when 0 was asked for. */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, backlog: 1024 }, resolve);
    });
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Stops accepting and closes what is open; after `graceMs` without asking. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.end();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }

  #admit(address: string): boolean {
    if (this.#sockets.size >= this.#limits.maxConnections) {
      this.stats.refusedTotal += 1;
      return false;
    }
    const open = this.#perAddress.get(address) ?? 0;
    if (open >= this.#limits.maxConnectionsPerAddress) {
      this.stats.refusedPerAddress += 1;
      return false;
    }
    this.#perAddress.set(address, open + 1);
    return true;
  }

  #leave(socket: net.Socket, address: string): void {
    this.#sockets.delete(socket);
    const open = (this.#perAddress.get(address) ?? 1) - 1;
    if (open === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, open);
  }
}

function closeIdle(this: net.Socket): void {
  this.destroy();
}
