/**
 * The sessions of devices on a TCP listener: who is connected, where each device listens now, who has not said who it
 * is, whose last record is unfinished, and what is still being recorded when the gateway closes.
 *
 * There are no timers of their own: the gateway's clock calls `look`, one for thousands of sessions.
 */
import type net from 'node:net';
import { TcpListener, type TcpLimits, type TcpStats } from './tcp.ts';

/** One connection, as the gateway of its protocol understands it. */
export interface TcpSession {
  readonly socket: net.Socket;
  /** Connections are numbered as they come: of two of the same device, the higher one is where it listens. */
  readonly number: number;
  readonly openedAtMs: number;
  /** Null until it has said who it is. */
  readonly deviceId: string | null;
  /** Unfinished bytes in the buffer. */
  readonly pendingBytes: number;
  /** When the last byte arrived, for unfinished records. */
  lastByteAtMs: number;
  /** Takes the bytes of one read. */
  receive(chunk: Buffer): void;
  /** The unfinished record was not completed in time. */
  expirePartial(): void;
  /** The connection is closed: what was said is still recorded, nothing is sent any more. */
  closed(): void;
  /** The messages of its device have changed, or may have: look again. */
  refresh(): void;
}

export interface TcpSessionsOptions<Session extends TcpSession> {
  limits: TcpLimits;
  times: Readonly<TcpSessionTimes>;
  open(socket: net.Socket, address: string, number: number): Session;
  /** A connection is closed that has not said who it is in time. */
  unknown(session: Session): void;
  /** The device of this session listens nowhere any more. */
  gone?(deviceId: string, session: Session): void;
  /** Told again and again who is connected: devices may be silent for hours. */
  connected(deviceIds: string[]): void;
}

export interface TcpSessionTimes {
  /** An unfinished record waits so long for its rest. */
  partialMs: number;
  /** A connection that has not said who it is by then is closed. */
  identifyMs: number;
  /** How often it is told who is connected. */
  connectedMs: number;
}

const SESSION = Symbol('session');

export class TcpSessions<Session extends TcpSession> {
  readonly #options: TcpSessionsOptions<Session>;
  readonly #listener: TcpListener<net.Socket & { [SESSION]?: Session }>;
  /** The newest connection of each device. */
  readonly #byDevice = new Map<string, Session>();
  readonly #strangers = new Set<Session>();
  readonly #unfinished = new Set<Session>();
  #connectedAtMs = 0;
  #opened = 0;
  #working = 0;
  #onIdle: (() => void) | null = null;

  constructor(options: TcpSessionsOptions<Session>) {
    this.#options = options;
    this.#listener = new TcpListener(options.limits, {
      opened: (socket, address) => {
        const session = options.open(socket, address, ++this.#opened);
        socket[SESSION] = session;
        this.#strangers.add(session);
      },
      received: (socket, chunk) => this.#receive(socket[SESSION] as Session, chunk),
      closed: (socket) => this.#forget(socket[SESSION] as Session),
    });
  }

  /** Starts listening; returns the port. */
  async listen(port: number, host: string): Promise<number> {
    return this.#listener.listen(port, host);
  }

  /** Open connections, and devices that said who they are. */
  get online(): { connections: number; devices: number } {
    return { connections: this.#listener.connections, devices: this.#byDevice.size };
  }

  get tcp(): TcpStats {
    return this.#listener.stats;
  }

  /** Where a device listens now. */
  of(deviceId: string): Session | undefined {
    return this.#byDevice.get(deviceId);
  }

  /** Of each device the session where it listens. */
  [Symbol.iterator](): IterableIterator<Session> {
    return this.#byDevice.values();
  }

  /** Announcements may have been missed: every connected device is looked at again. */
  refreshAll(): void {
    for (const session of this) session.refresh();
  }

  /**
   * It is known now whose session this is. A device listens on the connection it opened last, whatever became of the
   * others: an older one is closed, also if it is this.
   *
   * @returns whether this is where the device listens, and where it listened before
   */
  identified(session: Session): { listens: boolean; before?: Session } {
    const { socket, number, deviceId } = session;
    this.#strangers.delete(session);
    if (deviceId === null || socket.destroyed) return { listens: false };
    const before = this.#byDevice.get(deviceId);
    if (before !== undefined && before.number > number) {
      socket.destroy();
      return { listens: false };
    }
    this.#byDevice.set(deviceId, session);
    if (before !== session) before?.socket.destroy();
    return before === undefined ? { listens: true } : { listens: true, before };
  }

  /** One session more, or less, waits for the rest of the program. */
  working(change: 1 | -1): void {
    this.#working += change;
    if (this.#working === 0) this.#onIdle?.();
  }

  /** Does what is due; called by the clock of the gateway. */
  look(nowMs: number): void {
    const { times } = this.#options;
    for (const session of this.#unfinished) {
      if (session.pendingBytes > 0 && nowMs - session.lastByteAtMs >= times.partialMs) session.expirePartial();
      if (session.pendingBytes === 0) this.#unfinished.delete(session);
    }
    for (const session of this.#strangers) {
      if (nowMs - session.openedAtMs < times.identifyMs) break; // the rest came later
      this.#options.unknown(session);
      session.socket.destroy();
    }
    if (nowMs - this.#connectedAtMs < times.connectedMs && nowMs >= this.#connectedAtMs) return;
    this.#connectedAtMs = nowMs;
    if (this.#byDevice.size > 0) this.#options.connected([...this.#byDevice.keys()]);
  }

  /** Closes all connections and waits until what devices said before is recorded, at most `graceMs` for each. */
  async close(graceMs: number): Promise<void> {
    await this.#listener.close(graceMs);
    if (this.#working === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #receive(session: Session, chunk: Buffer): void {
    session.receive(chunk);
    if (session.pendingBytes === 0) return;
    session.lastByteAtMs = Date.now();
    this.#unfinished.add(session);
  }

  #forget(session: Session): void {
    session.closed();
    this.#strangers.delete(session);
    this.#unfinished.delete(session);
    const { deviceId } = session;
    if (deviceId === null || this.#byDevice.get(deviceId) !== session) return;
    this.#byDevice.delete(deviceId);
    this.#options.gone?.(deviceId, session);
  }
}
