/**
 * The gateway of the 2G terminals: a listener, its sessions, and one clock for all of them.
 */
import type net from 'node:net';
import { DEFAULT_TERMINAL_PROFILE, type TerminalProfile } from './codec.ts';
import { PARTIAL_RECORD_MS, TerminalSession, type SessionContext, type TerminalCounters } from './session.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';
import { TcpListener, type TcpLimits, type TcpStats } from '../tcp.ts';

/** A connection that has not said who it is by then is closed. */
const IDENTIFY_MS = 60_000;
const CLOCK_MS = 1_000;

export interface TerminalGatewayOptions {
  host: DeviceHost;
  /** Firmware by hash, shared by the gateways of a process. */
  files: FileCache;
  log: GatewayLog;
  limits: TcpLimits;
  profile?: TerminalProfile;
}

const SESSION = Symbol('session');
type SessionSocket = net.Socket & { [SESSION]?: TerminalSession };

/** Listens for terminals and serves them. */
export class TerminalGateway {
  readonly counters: TerminalCounters = {
    reports: 0,
    packets: 0,
    packetBytes: 0,
    offersSent: 0,
    unknownTerminals: 0,
    ignoredFrames: 0,
    droppedBytes: 0,
  };
  readonly #listener: TcpListener;
  readonly #log: GatewayLog;
  /** The newest connection of each device. */
  readonly #sessions = new Map<string, TerminalSession>();
  readonly #strangers = new Set<TerminalSession>();
  readonly #unfinished = new Set<TerminalSession>();
  readonly #clock: NodeJS.Timeout;

  constructor({ host, files, log, limits, profile = DEFAULT_TERMINAL_PROFILE }: TerminalGatewayOptions) {
    this.#log = log;
    const profiles = new Map<number, TerminalProfile>();
    const context: SessionContext = {
      host,
      files,
      log,
      profile,
      profileFor: (snBytes) => {
        const known = profiles.get(snBytes) ?? { ...profile, snLengths: [snBytes] };
        profiles.set(snBytes, known);
        return known;
      },
      counters: this.counters,
      identified: (session) => {
        this.#strangers.delete(session);
        this.#sessions.set(session.deviceId ?? '', session);
      },
    };
    const gateway = this;
    function onData(this: SessionSocket, chunk: Buffer): void {
      if (this[SESSION] !== undefined) gateway.#receive(this[SESSION], chunk);
    }
    function onClose(this: SessionSocket): void {
      if (this[SESSION] !== undefined) gateway.#forget(this[SESSION]);
    }
    this.#listener = new TcpListener(limits, (socket: SessionSocket, address) => {
      const session = new TerminalSession(context, socket, address);
      socket[SESSION] = session;
      this.#strangers.add(session);
      socket.on('data', onData);
      socket.on('close', onClose);
      socket.on('error', ignore);
    });
    this.#clock = setInterval(() => this.#tick(Date.now()), CLOCK_MS);
    this.#clock.unref();
  }

  /** Starts listening; returns the port. */
  async listen(port: number, host: string): Promise<number> {
    return this.#listener.listen(port, host);
  }

  /** Open connections, and those of registered terminals. */
  get online(): { connections: number; terminals: number } {
    return { connections: this.#listener.connections, terminals: this.#sessions.size };
  }

  get tcp(): TcpStats {
    return this.#listener.stats;
  }

  /** The messages of a device have changed: if it is connected here, it is served now. */
  messagesChanged(deviceId: string): void {
    this.#sessions.get(deviceId)?.refresh();
  }

  /** Announcements may have been missed: every connected device is looked at again. */
  messagesUncertain(): void {
    for (const session of this.#sessions.values()) session.refresh();
  }

  async close(graceMs: number): Promise<void> {
    clearInterval(this.#clock);
    await this.#listener.close(graceMs);
  }

  #receive(session: TerminalSession, chunk: Buffer): void {
    session.receive(chunk);
    if (session.pendingBytes > 0) {
      session.lastByteAtMs = Date.now();
      this.#unfinished.add(session);
    }
  }

  #forget(session: TerminalSession): void {
    this.#strangers.delete(session);
    this.#unfinished.delete(session);
    if (session.deviceId !== null && this.#sessions.get(session.deviceId) === session)
      this.#sessions.delete(session.deviceId);
  }

  #tick(nowMs: number): void {
    for (const session of this.#unfinished) {
      if (session.pendingBytes > 0 && nowMs - session.lastByteAtMs >= PARTIAL_RECORD_MS) session.expirePartialRecord();
      if (session.pendingBytes === 0) this.#unfinished.delete(session);
    }
    for (const session of this.#strangers) {
      if (session.deviceId === null && nowMs - session.openedAtMs >= IDENTIFY_MS) {
        this.#log.debug({ address: session.socket.remoteAddress }, 'closed a connection that did not say who it is');
        session.socket.destroy();
      }
    }
    for (const session of this.#sessions.values()) session.repeatOffer(nowMs);
  }
}

function ignore(): void {}
