/**
 * The connection of a simulated terminal: opened, lost and opened again with growing waits, or left on purpose for a time.
 *
 * What is said on it is in `simulator.ts`. Light enough for thousands in one process: all of them share one read buffer.
 */
import { connect, type Socket } from 'node:net';

const RECONNECT_MAX_MS = 30_000;

/** Every terminal reads into this one: a read is used up before the next one starts. */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

export interface LinkOptions {
  host: string;
  port: number;
  /** Wait before the first attempt to connect again; doubles with each one that fails, up to 30 s. */
  reconnectDelayMs: number;
}

/** What a link tells its terminal. */
export interface LinkEvents {
  connected(): void;
  disconnected(): void;
  /** `length` bytes at the beginning of `bytes`; the rest are those of other terminals. */
  received(bytes: Buffer, length: number): void;
}

export class SimulatedLink {
  isConnected = false;

  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  #isRunning = false;
  /** Away on purpose: a closed connection is not opened again by itself. */
  #isAway = false;
  #socket: Socket | undefined;
  #failedConnects = 0;
  #connectTimer: NodeJS.Timeout | undefined;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Connected and not about to leave. */
  get isOpen(): boolean {
    return this.isConnected && !this.#isAway;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#connect();
  }

  /** Disconnects for good; settles when the connection is closed. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    clearTimeout(this.#connectTimer);
    const socket = this.#socket;
    if (!socket || socket.closed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.destroy();
    });
  }

  send(bytes: Buffer): void {
    if (this.#socket?.writable) this.#socket.write(bytes);
  }

  /** Cuts the connection as a bad network does; it comes back by itself. */
  cut(): void {
    this.#socket?.destroy();
  }

  /** Leaves on purpose and comes back after a time; `before` runs just before that. */
  leave(delayMs: number, before?: () => void): void {
    this.#isAway = true;
    const socket = this.#socket;
    socket?.end();
    clearTimeout(this.#connectTimer);
    this.#connectTimer = setTimeout(() => {
      socket?.destroy();
      if (socket) this.#closed(socket);
      before?.();
      this.#connect();
    }, delayMs);
  }

  #connect(): void {
    if (!this.#isRunning) return;
    this.#isAway = false;
    const { host, port } = this.#options;
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length, bytes) => {
          if (socket === this.#socket && !this.#isAway) this.#events.received(bytes as Buffer, length);
          return true;
        },
      },
    });
    this.#socket = socket;
    socket.on('connect', () => {
      this.isConnected = true;
      this.#failedConnects = 0;
      this.#events.connected();
    });
    socket.on('error', () => {}); // 'close' follows and decides
    socket.on('close', () => this.#closed(socket));
  }

  #closed(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    if (this.isConnected) {
      this.isConnected = false;
      this.#events.disconnected();
    }
    if (!this.#isRunning || this.#isAway) return;
    const { reconnectDelayMs } = this.#options;
    const longest = Math.max(RECONNECT_MAX_MS, reconnectDelayMs);
    const delayMs = Math.min(reconnectDelayMs * 2 ** this.#failedConnects, longest);
    this.#failedConnects = Math.min(this.#failedConnects + 1, 16);
    clearTimeout(this.#connectTimer);
    // Spread, so that a fleet does not come back in one instant.
    this.#connectTimer = setTimeout(() => this.#connect(), delayMs * (0.75 + Math.random() / 4));
  }
}
