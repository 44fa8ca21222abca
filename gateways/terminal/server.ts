/**
 * The gateway of the 2G terminals: a listener, its sessions, and one clock for all of them.
 */
import type net from 'node:net';
import { DEFAULT_TERMINAL_PROFILE, type TerminalProfile } from './codec.ts';
import { TERMINAL_TIMES, type SessionContext, type TerminalCounters, type TerminalTimes } from './context.ts';
import { TerminalSession } from './session.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';
import { TcpListener, type TcpLimits, type TcpStats } from '../tcp.ts';
import { oncePerSecond } from '../warnings.ts';

export interface TerminalGatewayOptions {
  host: DeviceHost;
  /** Firmware by hash, shared by the gateways of a process. */
  files: FileCache;
  log: GatewayLog;
  limits: TcpLimits;
  profile?: TerminalProfile;
  times?: Partial<TerminalTimes>;
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
    commandsSent: 0,
    unknownTerminals: 0,
    ignoredFrames: 0,
    failedFrames: 0,
    droppedBytes: 0,
  };
  readonly #listener: TcpListener<SessionSocket>;
  readonly #context: SessionContext;
  readonly #times: TerminalTimes;
  /** The newest connection of each device. */
  readonly #sessions = new Map<string, TerminalSession>();
  readonly #strangers = new Set<TerminalSession>();
  readonly #unfinished = new Set<TerminalSession>();
  /** Devices whose connection ended within a transfer, with the time of their last request. */
  readonly #interrupted = new Map<string, number>();
  readonly #clock: NodeJS.Timeout;
  #connectedAtMs = 0;
  #opened = 0;
  #working = 0;
  #onIdle: (() => void) | null = null;

  constructor({ host, files, log, limits, profile = DEFAULT_TERMINAL_PROFILE, times }: TerminalGatewayOptions) {
    this.#times = { ...TERMINAL_TIMES, ...times };
    this.#context = {
      host,
      files,
      log,
      warn: oncePerSecond(log),
      times: this.#times,
      profile,
      profileFor: sharedProfiles(profile),
      counters: this.counters,
      identified: (session) => this.#identified(session),
      working: (change) => {
        this.#working += change;
        if (this.#working === 0) this.#onIdle?.();
      },
    };
    this.#listener = new TcpListener<SessionSocket>(limits, {
      opened: (socket, address) => {
        const session = new TerminalSession(this.#context, socket, address, ++this.#opened);
        socket[SESSION] = session;
        this.#strangers.add(session);
      },
      received: (socket, chunk) => this.#receive(socket[SESSION] as TerminalSession, chunk),
      closed: (socket) => this.#forget(socket[SESSION] as TerminalSession),
    });
    this.#clock = setInterval(() => this.#tick(Date.now()), this.#times.clockMs);
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

  /** There may be another command for a device, or (null) for any of them. */
  commandsChanged(deviceId: string | null): void {
    if (deviceId !== null) return this.#sessions.get(deviceId)?.commandsChanged();
    // All at once are looked at by the clock.
    for (const { dialogue } of this.#sessions.values()) dialogue.commandsChanged();
  }

  /** Closes all connections and waits until what terminals said before is recorded, at most `graceMs` for each. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#clock);
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

  #receive(session: TerminalSession, chunk: Buffer): void {
    session.receive(chunk);
    if (session.pendingBytes > 0) {
      session.lastByteAtMs = Date.now();
      this.#unfinished.add(session);
    }
  }

  /** A device listens on the connection it opened last, whatever became of the others. */
  #identified(session: TerminalSession): void {
    const { socket, dialogue, number } = session;
    const { deviceId } = dialogue;
    this.#strangers.delete(session);
    if (deviceId === null || socket.destroyed) return;
    const other = this.#sessions.get(deviceId);
    if (other !== undefined && other.number > number) {
      socket.destroy();
      return;
    }
    // What it was doing on the connection before, it goes on doing on this one.
    dialogue.lastRequestAtMs ??= other?.dialogue.lastRequestAtMs ?? this.#interrupted.get(deviceId) ?? null;
    this.#interrupted.delete(deviceId);
    this.#sessions.set(deviceId, session);
    if (other !== session) other?.socket.destroy();
  }

  #forget(session: TerminalSession): void {
    session.closed();
    this.#strangers.delete(session);
    this.#unfinished.delete(session);
    const { deviceId, lastRequestAtMs } = session.dialogue;
    if (deviceId === null || this.#sessions.get(deviceId) !== session) return;
    this.#sessions.delete(deviceId);
    if (lastRequestAtMs !== null && lastRequestAtMs > 0) this.#interrupted.set(deviceId, lastRequestAtMs);
  }

  #tick(nowMs: number): void {
    const { partialRecordMs, identifyMs, transferSilenceMs, connectedMs } = this.#times;
    for (const session of this.#unfinished) {
      if (session.pendingBytes > 0 && nowMs - session.lastByteAtMs >= partialRecordMs) session.expirePartialRecord();
      if (session.pendingBytes === 0) this.#unfinished.delete(session);
    }
    for (const { openedAtMs, socket } of this.#strangers) {
      if (nowMs - openedAtMs < identifyMs) break; // the rest came later
      this.#context.log.debug({ address: socket.remoteAddress }, 'closed a connection that did not say who it is');
      socket.destroy();
    }
    for (const [deviceId, lastRequestAtMs] of this.#interrupted) {
      if (nowMs - lastRequestAtMs >= transferSilenceMs) this.#interrupted.delete(deviceId);
    }
    for (const session of this.#sessions.values()) session.tick(nowMs);
    if (nowMs - this.#connectedAtMs < connectedMs && nowMs >= this.#connectedAtMs) return;
    this.#connectedAtMs = nowMs;
    if (this.#sessions.size > 0) this.#context.host.connected([...this.#sessions.keys()]);
  }
}

function sharedProfiles(profile: TerminalProfile): (sn: string) => TerminalProfile {
  const profiles = new Map<number, TerminalProfile>();
  return (sn) => {
    const bytes = sn.length / 2;
    if (!Number.isInteger(bytes)) return profile;
    const known = profiles.get(bytes) ?? { ...profile, snLengths: [bytes] };
    profiles.set(bytes, known);
    return known;
  };
}
