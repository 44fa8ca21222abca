/**
 * A TCP listener with limits: connections in all, connections per address, idle time. What is said on a connection is
 * the business of its owner.
 *
 * Made for many connections that say little: no timer, no listener function and no closure of their own.
 */
import net from 'node:net';
import { standstills } from './standstills.ts';

/** Limits of a listener. */
export interface TcpLimits {
  maxConnections: number;
  maxConnectionsPerAddress: number;
  /** A connection without a byte in either direction for this long is closed, at most a quarter of it later. */
  idleTimeoutMs: number;
}

/** How many connections were taken, turned away and closed since the start. */
export interface TcpStats {
  accepted: number;
  refusedTotal: number;
  refusedPerAddress: number;
  /** The system could not hand a connection over, for example because of too many open files. */
  failedAccepts: number;
  closedIdle: number;
  /** Ended because this process had stood still: nobody knows who listens on them. */
  closedAfterStandstill: number;
}

/** What the owner of the connections hears of them; a connection that was turned away is never heard of. */
export interface TcpOwner<Socket extends net.Socket = net.Socket> {
  opened(socket: Socket, address: string): void;
  received(socket: Socket, chunk: Buffer): void;
  /** Once per connection, whoever closed it. */
  closed(socket: Socket): void;
}

/** One remote address with its open connections. */
interface Peer {
  readonly address: string;
  open: number;
}

interface Connection {
  readonly peer: Peer;
  /** Bytes in both directions when the clock last looked. */
  traffic: number;
  /** How often in a row it has found them unchanged. */
  quiet: number;
  /** The turn in which it was heard last, and the bytes heard in that turn. */
  turn: number;
  heard: number;
}

/** Connections are looked at so often in each idle time. */
const IDLE_LOOKS = 4;
/** The first look at a new connection only starts the count, it may come right after the opening. */
const NOT_LOOKED_AT = -1;
/**
 * Connections that may wait to be taken, as many as Linux grants (`net.core.somaxconn`): one that finds no place is only
 * tried again by its client after a second.
 */
export const BACKLOG = 4096;
/**
 * A few connections that never stop must not keep everybody else waiting. Once so many bytes were heard in a turn, those
 * that have said much in it wait, and one of them comes back with each turn.
 */
const TURN_MS = 100;
const HEARD_PER_TURN = 65_536;
/** Many times what a device says in a turn. */
const MUCH = 16_384;
const BACK_PER_TURN = 1;

/** A listening server whose connections have passed the limits. */
export class TcpListener<Socket extends net.Socket = net.Socket> {
  readonly stats: TcpStats = {
    accepted: 0,
    refusedTotal: 0,
    refusedPerAddress: 0,
    failedAccepts: 0,
    closedIdle: 0,
    closedAfterStandstill: 0,
  };
  readonly #server: net.Server;
  readonly #limits: TcpLimits;
  readonly #peers = new Map<string, Peer>();
  readonly #connections = new Map<net.Socket, Connection>();
  /** Those that wait, the longest first. */
  readonly #held = new Set<net.Socket>();
  #turn = 0;
  #heard = 0;
  #clock: NodeJS.Timeout | undefined;
  #turns: NodeJS.Timeout | undefined;
  #unsubscribe = ignore;
  #onEmpty: (() => void) | undefined;

  constructor(limits: TcpLimits, owner: TcpOwner<Socket>) {
    this.#limits = limits;
    const leave = (socket: net.Socket) => {
      owner.closed(socket as Socket);
      this.#leave(socket);
    };
    const hear = (socket: net.Socket, bytes: number) => this.#hear(socket, bytes);
    function onData(this: net.Socket, chunk: Buffer): void {
      standstills.look();
      if (this.destroyed) return;
      owner.received(this as Socket, chunk);
      hear(this, chunk.length);
    }
    function onClose(this: net.Socket): void {
      leave(this);
    }
    this.#server = net.createServer((socket) => {
      const peer = standstills.isDeaf ? null : this.#admit(socket.remoteAddress);
      if (peer === null) {
        socket.destroy();
        return;
      }
      this.stats.accepted += 1;
      socket.setNoDelay(true);
      this.#connections.set(socket, { peer, traffic: 0, quiet: NOT_LOOKED_AT, turn: 0, heard: 0 });
      socket.on('data', onData);
      socket.on('close', onClose);
      socket.on('error', ignore); // 'close' follows
      owner.opened(socket as Socket, peer.address);
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Starts listening; returns the port, which matters when 0 was asked for. */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // Without a listener such an error would end the process.
    this.#server.on('error', () => (this.stats.failedAccepts += 1));
    this.#clock = setInterval(() => this.#look(), Math.max(1, this.#limits.idleTimeoutMs / IDLE_LOOKS));
    this.#clock.unref();
    this.#turns = setInterval(() => this.#nextTurn(), TURN_MS).unref();
    this.#unsubscribe = standstills.subscribe(() => this.#endAll());
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Stops accepting and closes what is open; after `graceMs` without asking. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#clock);
    clearInterval(this.#turns);
    for (const socket of this.#held) socket.resume();
    this.#unsubscribe();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections.keys()) socket.end();
    const timer = setTimeout(() => {
      for (const socket of this.#connections.keys()) socket.destroy();
    }, graceMs);
    await closed;
    // The server is closed when the last connection is, which is before its owner has heard of it.
    if (this.#connections.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
    clearTimeout(timer);
  }

  #hear(socket: net.Socket, bytes: number): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    if (connection.turn !== this.#turn) {
      connection.turn = this.#turn;
      connection.heard = 0;
    }
    connection.heard += bytes;
    this.#heard += bytes;
    // Its owner may have reasons of its own to let it wait, and ends that, too.
    if (this.#heard < HEARD_PER_TURN || connection.heard < MUCH || socket.isPaused()) return;
    this.#held.add(socket);
    socket.pause();
  }

  #nextTurn(): void {
    this.#turn += 1;
    this.#heard = 0;
    let back = 0;
    for (const socket of this.#held) {
      if (back === BACK_PER_TURN) break;
      back += 1;
      this.#held.delete(socket);
      socket.resume();
    }
  }

  #admit(address = 'unknown'): Peer | null {
    if (this.#connections.size >= this.#limits.maxConnections) {
      this.stats.refusedTotal += 1;
      return null;
    }
    const peer = this.#peers.get(address) ?? { address, open: 0 };
    if (peer.open >= this.#limits.maxConnectionsPerAddress) {
      this.stats.refusedPerAddress += 1;
      return null;
    }
    peer.open += 1;
    this.#peers.set(address, peer);
    return peer;
  }

  #leave(socket: net.Socket): void {
    const peer = this.#connections.get(socket)?.peer;
    this.#connections.delete(socket);
    this.#held.delete(socket);
    if (peer === undefined) return;
    peer.open -= 1;
    if (peer.open === 0) this.#peers.delete(peer.address);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  /** Ends every connection without another word: whoever is still there connects again. */
  #endAll(): void {
    this.stats.closedAfterStandstill += this.#connections.size;
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  /** Closes what has been quiet for too long. */
  #look(): void {
    for (const [socket, connection] of this.#connections) {
      const traffic = socket.bytesRead + socket.bytesWritten;
      connection.quiet = traffic === connection.traffic ? connection.quiet + 1 : 0;
      connection.traffic = traffic;
      if (connection.quiet < IDLE_LOOKS) continue;
      this.stats.closedIdle += 1;
      socket.destroy();
    }
  }
}

function ignore(): void {}
