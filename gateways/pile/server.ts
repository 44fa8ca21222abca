/**
 * The gateway of the charging piles: a listener, its sessions, and one clock for all of them.
 */
import type net from 'node:net';
import { noPileCounts, PILE_TIMES, type PileContext, type PileCounters, type PileTimes } from './context.ts';
import type { FtpAccess } from './ftp-access.ts';
import { PileSession } from './session.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import { TcpListener, type TcpLimits, type TcpStats } from '../tcp.ts';
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

const SESSION = Symbol('session');
type SessionSocket = net.Socket & { [SESSION]?: PileSession };

/** Listens for piles and serves them. */
export class PileGateway {
  readonly counters: PileCounters = noPileCounts();
  readonly #listener: TcpListener<SessionSocket>;
  readonly #context: PileContext;
  readonly #times: PileTimes;
  /** The newest connection of each pile. */
  readonly #sessions = new Map<string, PileSession>();
  readonly #strangers = new Set<PileSession>();
  readonly #unfinished = new Set<PileSession>();
  readonly #clock: NodeJS.Timeout;
  #tickedAtMs = Date.now();
  #connectedAtMs = 0;
  #opened = 0;
  #working = 0;
  #onIdle: (() => void) | null = null;

  constructor({ host, ftp, log, limits, times }: PileGatewayOptions) {
    this.#times = { ...PILE_TIMES, ...times };
    this.#context = {
      host,
      ftp,
      log,
      warn: oncePerSecond(log),
      times: this.#times,
      counters: this.counters,
      loggedIn: (session) => this.#loggedIn(session),
      working: (change) => {
        this.#working += change;
        if (this.#working === 0) this.#onIdle?.();
      },
    };
    this.#listener = new TcpListener<SessionSocket>(limits, {
      opened: (socket, address) => {
        const session = new PileSession(this.#context, socket, address, ++this.#opened);
        socket[SESSION] = session;
        this.#strangers.add(session);
      },
      received: (socket, chunk) => this.#receive(socket[SESSION] as PileSession, chunk),
      closed: (socket) => this.#forget(socket[SESSION] as PileSession),
    });
    this.#clock = setInterval(() => this.#tick(Date.now()), this.#times.clockMs);
    this.#clock.unref();
  }

  /** Starts listening; returns the port. */
  async listen(port: number, host: string): Promise<number> {
    return this.#listener.listen(port, host);
  }

  /** Open connections, and those of piles that are logged in. */
  get online(): { connections: number; piles: number } {
    return { connections: this.#listener.connections, piles: this.#sessions.size };
  }

  get tcp(): TcpStats {
    return this.#listener.stats;
  }

  /** The messages of a device have changed: if it is connected here, it is served now. */
  messagesChanged(deviceId: string): void {
    this.#sessions.get(deviceId)?.refresh();
  }

  /** There may be another command for a pile, or (null) for any of them. */
  commandsChanged(deviceId: string | null): void {
    // All at once are looked at by the clock.
    if (deviceId === null) for (const { dialogue } of this.#sessions.values()) dialogue.commandsChanged();
    else {
      this.#sessions.get(deviceId)?.dialogue.commandsChanged();
      this.#sessions.get(deviceId)?.refresh();
    }
  }

  /** Announcements may have been missed: every connected pile is looked at again. */
  messagesUncertain(): void {
    for (const session of this.#sessions.values()) session.refresh();
  }

  /** Closes all connections and waits until what piles said before is recorded, at most `graceMs` for each. */
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

  #receive(session: PileSession, chunk: Buffer): void {
    session.receive(chunk);
    if (session.pendingBytes > 0) {
      session.lastByteAtMs = Date.now();
      this.#unfinished.add(session);
    }
  }

  /** A pile listens on the connection it opened last, whatever became of the others. */
  #loggedIn(session: PileSession): void {
    const { socket, dialogue, number } = session;
    const { deviceId } = dialogue;
    this.#strangers.delete(session);
    if (deviceId === null || socket.destroyed) return;
    const other = this.#sessions.get(deviceId);
    if (other !== undefined && other.number > number) {
      socket.destroy();
      return;
    }
    this.#sessions.set(deviceId, session);
    if (other !== session) other?.socket.destroy();
  }

  #forget(session: PileSession): void {
    session.closed();
    this.#strangers.delete(session);
    this.#unfinished.delete(session);
    const { deviceId } = session.dialogue;
    if (deviceId !== null && this.#sessions.get(deviceId) === session) this.#sessions.delete(deviceId);
  }

  #tick(nowMs: number): void {
    const { partialFrameMs, identifyMs, offlineMs, connectedMs, clockMs } = this.#times;
    const sinceMs = nowMs - this.#tickedAtMs;
    this.#tickedAtMs = nowMs;
    if (sinceMs < 0 || sinceMs >= clockMs + STALLED_MS) {
      for (const session of this.#sessions.values()) session.aliveAtMs = nowMs;
      return;
    }
    for (const session of this.#unfinished) {
      if (session.pendingBytes > 0 && nowMs - session.lastByteAtMs >= partialFrameMs) session.expirePartialFrame();
      if (session.pendingBytes === 0) this.#unfinished.delete(session);
    }
    for (const { openedAtMs, socket } of this.#strangers) {
      if (nowMs - openedAtMs < identifyMs) break; // the rest came later
      this.#context.log.debug({ address: socket.remoteAddress }, 'closed a connection on which no pile has logged in');
      socket.destroy();
    }
    for (const [deviceId, session] of this.#sessions) {
      if (nowMs - session.aliveAtMs < offlineMs) {
        session.tick(nowMs);
        continue;
      }
      this.counters.offline += 1;
      this.#context.log.debug({ deviceId, address: session.address }, 'closed the connection of a silent pile');
      session.socket.destroy();
    }
    if (nowMs - this.#connectedAtMs < connectedMs && nowMs >= this.#connectedAtMs) return;
    this.#connectedAtMs = nowMs;
    if (this.#sessions.size > 0) this.#context.host.connected([...this.#sessions.keys()]);
  }
}
