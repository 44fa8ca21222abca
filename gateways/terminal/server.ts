/**
 * The gateway of the 2G terminals: a listener, its sessions, and one clock for all of them.
 */
import { DEFAULT_TERMINAL_PROFILE, type TerminalProfile } from './codec.ts';
import { TERMINAL_TIMES, type SessionContext, type TerminalCounters, type TerminalTimes } from './context.ts';
import { TerminalSession } from './session.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';
import type { TcpLimits, TcpStats } from '../tcp.ts';
import { TcpSessions } from '../tcp-sessions.ts';
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
  readonly #sessions: TcpSessions<TerminalSession>;
  readonly #times: TerminalTimes;
  /** Devices whose connection ended within a transfer, with the time of their last request. */
  readonly #interrupted = new Map<string, number>();
  readonly #clock: NodeJS.Timeout;

  constructor({ host, files, log, limits, profile = DEFAULT_TERMINAL_PROFILE, times }: TerminalGatewayOptions) {
    this.#times = { ...TERMINAL_TIMES, ...times };
    const { partialRecordMs, identifyMs, connectedMs, clockMs } = this.#times;
    const context: SessionContext = {
      host,
      files,
      log,
      warn: oncePerSecond(log),
      times: this.#times,
      profile,
      profileFor: sharedProfiles(profile),
      counters: this.counters,
      identified: (session) => this.#identified(session),
      working: (change) => this.#sessions.working(change),
    };
    this.#sessions = new TcpSessions<TerminalSession>({
      limits,
      times: { partialMs: partialRecordMs, identifyMs, connectedMs },
      open: (socket, address, number) => new TerminalSession(context, socket, address, number),
      unknown: ({ address }) => log.debug({ address }, 'closed a connection that did not say who it is'),
      gone: (deviceId, session) => this.#gone(deviceId, session),
      connected: (deviceIds) => host.connected(deviceIds),
    });
    this.#clock = setInterval(() => this.#tick(Date.now()), clockMs);
    this.#clock.unref();
  }

  /** Starts listening; returns the port. */
  async listen(port: number, host: string): Promise<number> {
    return this.#sessions.listen(port, host);
  }

  /** Open connections, and those of registered terminals. */
  get online(): { connections: number; terminals: number } {
    const { connections, devices } = this.#sessions.online;
    return { connections, terminals: devices };
  }

  get tcp(): TcpStats {
    return this.#sessions.tcp;
  }

  /** The messages of a device have changed: if it is connected here, it is served now. */
  messagesChanged(deviceId: string): void {
    this.#sessions.of(deviceId)?.refresh();
  }

  /** Announcements may have been missed: every connected device is looked at again. */
  messagesUncertain(): void {
    this.#sessions.refreshAll();
  }

  /** There may be another command for a device, or (null) for any of them. */
  commandsChanged(deviceId: string | null): void {
    if (deviceId !== null) return this.#sessions.of(deviceId)?.commandsChanged();
    // All at once are looked at by the clock.
    for (const { dialogue } of this.#sessions) dialogue.commandsChanged();
  }

  /** Closes all connections and waits until what terminals said before is recorded, at most `graceMs` for each. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#clock);
    await this.#sessions.close(graceMs);
  }

  #identified(session: TerminalSession): void {
    const { listens, before } = this.#sessions.identified(session);
    const { deviceId, dialogue } = session;
    if (!listens || deviceId === null) return;
    // What it was doing on the connection before, it goes on doing on this one.
    dialogue.lastRequestAtMs ??= before?.dialogue.lastRequestAtMs ?? this.#interrupted.get(deviceId) ?? null;
    this.#interrupted.delete(deviceId);
  }

  #gone(deviceId: string, { dialogue: { lastRequestAtMs } }: TerminalSession): void {
    if (lastRequestAtMs !== null && lastRequestAtMs > 0) this.#interrupted.set(deviceId, lastRequestAtMs);
  }

  #tick(nowMs: number): void {
    this.#sessions.look(nowMs);
    for (const [deviceId, lastRequestAtMs] of this.#interrupted) {
      if (nowMs - lastRequestAtMs >= this.#times.transferSilenceMs) this.#interrupted.delete(deviceId);
    }
    for (const session of this.#sessions) session.tick(nowMs);
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
