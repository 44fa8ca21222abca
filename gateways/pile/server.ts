/**
 * The gateway of the charging piles: a listener, its sessions, and one clock for all of them.
 */
import { noPileCounts, PILE_TIMES, type PileContext, type PileCounters, type PileTimes } from './context.ts';
import type { FtpAccess } from './ftp-access.ts';
import { PileSession } from './session.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { TcpLimits, TcpStats } from '../tcp.ts';
import { TcpSessions } from '../tcp-sessions.ts';
import { oncePerSecond } from '../warnings.ts';

/** The clock is late by more than this, or was set: nobody was heard meanwhile, so nobody was silent. */
const STALLED_MS = 5_000;

export interface PileGatewayOptions {
  host: DeviceHost;
  /** Where piles fetch the files of their offers. */
  ftp: FtpAccess;
  log: GatewayLog;
  limits: TcpLimits;
  times?: Partial<PileTimes>;
}

/** Listens for piles and serves them. */
export class PileGateway {
  readonly counters: PileCounters = noPileCounts();
  readonly #sessions: TcpSessions<PileSession>;
  readonly #times: PileTimes;
  readonly #log: GatewayLog;
  readonly #clock: NodeJS.Timeout;
  #tickedAtMs = Date.now();

  constructor({ host, ftp, log, limits, times }: PileGatewayOptions) {
    this.#times = { ...PILE_TIMES, ...times };
    this.#log = log;
    const { partialFrameMs, identifyMs, connectedMs, clockMs } = this.#times;
    const context: PileContext = {
      host,
      ftp,
      log,
      warn: oncePerSecond(log),
      times: this.#times,
      counters: this.counters,
      loggedIn: (session) => void this.#sessions.identified(session),
      working: (change) => this.#sessions.working(change),
    };
    this.#sessions = new TcpSessions<PileSession>({
      limits,
      times: { partialMs: partialFrameMs, identifyMs, connectedMs },
      open: (socket, address, number) => new PileSession(context, socket, address, number),
      unknown: ({ address }) => log.debug({ address }, 'closed a connection on which no pile has logged in'),
      connected: (deviceIds) => host.connected(deviceIds),
    });
    this.#clock = setInterval(() => this.#tick(Date.now()), clockMs);
    this.#clock.unref();
  }

  /** Starts listening; returns the port. */
  async listen(port: number, host: string): Promise<number> {
    return this.#sessions.listen(port, host);
  }

  /** Open connections, and those of piles that are logged in. */
  get online(): { connections: number; piles: number } {
    const { connections, devices } = this.#sessions.online;
    return { connections, piles: devices };
  }

  get tcp(): TcpStats {
    return this.#sessions.tcp;
  }

  /** The messages of a device have changed: if it is connected here, it is served now. */
  messagesChanged(deviceId: string): void {
    this.#sessions.of(deviceId)?.refresh();
  }

  /** There may be another command for a pile, or (null) for any of them. */
  commandsChanged(deviceId: string | null): void {
    if (deviceId !== null) return this.#sessions.of(deviceId)?.commandsChanged();
    // All at once are looked at by the clock.
    for (const { dialogue } of this.#sessions) dialogue.commandsChanged();
  }

  /** Announcements may have been missed: every connected pile is looked at again. */
  messagesUncertain(): void {
    this.#sessions.refreshAll();
  }

  /** Closes all connections and waits until what piles said before is recorded, at most `graceMs` for each. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#clock);
    await this.#sessions.close(graceMs);
  }

  #tick(nowMs: number): void {
    const { offlineMs, clockMs } = this.#times;
    const sinceMs = nowMs - this.#tickedAtMs;
    this.#tickedAtMs = nowMs;
    if (sinceMs < 0 || sinceMs >= clockMs + STALLED_MS) {
      for (const session of this.#sessions) session.aliveAtMs = nowMs;
      return;
    }
    this.#sessions.look(nowMs);
    for (const session of this.#sessions) {
      if (nowMs - session.aliveAtMs < offlineMs) {
        session.tick(nowMs);
        continue;
      }
      this.counters.offline += 1;
      const { deviceId, address } = session;
      this.#log.debug({ deviceId, address }, 'closed the connection of a silent pile');
      session.socket.destroy();
    }
  }
}
