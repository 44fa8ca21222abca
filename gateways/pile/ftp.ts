/**
 * The FTP server from which piles fetch their files: read-only, in this process, passive mode only. Every open offer
 * has its own user and password, and under them nothing can be seen but its own file.
 *
 * Any process can serve any offer. A data connection goes to the process that named its port: processes with one
 * public address need ranges of ports of their own.
 */
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import type { FtpAccess, FtpAddress } from './ftp-access.ts';
import { passwordOf, pathOf, userOf } from './ftp-credentials.ts';
import {
  FTP_LIMITS,
  FTP_TIMES,
  type FtpContext,
  type FtpCounters,
  type FtpLimits,
  type FtpTimes,
} from './ftp-context.ts';
import { FtpLogins } from './ftp-logins.ts';
import { PassivePorts, plainAddress, type PortRange } from './ftp-passive.ts';
import { FtpSession } from './ftp-session.ts';
import type { DeviceHost, GatewayLog, OpenOffer } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';
import { TcpListener, type TcpStats } from '../tcp.ts';
import { Transfers } from '../transfers.ts';

/** What failures are reported under, of whose files these are. */
const PILE_PROTOCOL = 'pile';
/** Sessions have clocks of their own: during a transfer nothing is said on the control connection. */
const NEVER_MS = 24 * 3_600_000;

export interface FtpServerOptions {
  host: DeviceHost;
  /** Firmware by hash, shared by the gateways of a process. */
  files: FileCache;
  log: GatewayLog;
  /** Where to listen, also for data connections. */
  listenHost: string;
  /** Control port; 0: any free one. */
  port: number;
  /** What piles are told; absent: the address at which they reached us. */
  publicHost?: string | undefined;
  publicPort?: number | undefined;
  /** Ports for data connections; null: any free ones. */
  passivePorts: PortRange | null;
  times?: Partial<FtpTimes>;
  limits?: Partial<FtpLimits>;
}

const SESSION = Symbol('session');
type SessionSocket = net.Socket & { [SESSION]?: FtpSession };

/** Serves files to piles. */
export class FtpServer implements FtpAccess {
  readonly counters: FtpCounters = {
    logins: 0,
    loginsFailed: 0,
    loginsLimited: 0,
    downloads: 0,
    downloadBytes: 0,
    downloadsResumed: 0,
    downloadsEnded: 0,
    downloadsStalled: 0,
    downloadsLost: 0,
    strangersTurnedAway: 0,
    passivePortsMissing: 0,
    closedUnfit: 0,
  };
  readonly #options: FtpServerOptions;
  readonly #context: FtpContext;
  readonly #listener: TcpListener<SessionSocket>;
  readonly #sessions = new Set<FtpSession>();
  readonly #clock: NodeJS.Timeout;
  #port: number;
  #isLooking = false;

  constructor(options: FtpServerOptions) {
    const { host, files, log, listenHost, port, passivePorts } = options;
    const { counters } = this;
    const limits = { ...FTP_LIMITS, ...options.limits };
    const times = { ...FTP_TIMES, ...options.times };
    this.#options = options;
    this.#port = port;
    this.#context = {
      host,
      files,
      log,
      times,
      limits,
      counters,
      transfers: new Transfers({ protocol: PILE_PROTOCOL, host, files, log, limits, counters }),
      logins: new FtpLogins({ host, log, limits, counters }),
      passive: new PassivePorts(passivePorts, listenHost, counters),
      passiveAddress: (localAddress) => this.#passiveAddress(localAddress),
      unconfirmed: new Map(),
      openFile: (offer) => this.#openFile(offer),
    };
    this.#listener = new TcpListener<SessionSocket>(
      { ...limits, idleTimeoutMs: NEVER_MS },
      {
        opened: (socket, address) => {
          const peer = { address: plainAddress(address), localAddress: plainAddress(socket.localAddress) };
          const session = new FtpSession(this.#context, socket, peer);
          socket[SESSION] = session;
          this.#sessions.add(session);
        },
        received: (socket, chunk) => socket[SESSION]?.receive(chunk),
        closed: (socket) => {
          const session = socket[SESSION];
          if (session === undefined) return;
          this.#sessions.delete(session);
          session.closed();
        },
      },
    );
    this.#clock = setInterval(() => {
      const nowMs = performance.now();
      for (const session of this.#sessions) session.tick(nowMs);
    }, times.clockMs);
    this.#clock.unref();
  }

  /** Starts listening; returns the port. */
  async listen(): Promise<number> {
    this.#port = await this.#listener.listen(this.#options.port, this.#options.listenHost);
    return this.#port;
  }

  get tcp(): TcpStats {
    return this.#listener.stats;
  }

  /** Open control connections, files under way, and passive ports that wait for a connection. */
  get online(): { connections: number; downloads: number; passivePorts: number } {
    return {
      connections: this.#listener.connections,
      downloads: this.#context.transfers.flows,
      passivePorts: this.#context.passive.waiting,
    };
  }

  /** Where a pile fetches the file of its offer; `reachedAt` is the address of ours that it is connected to. */
  accessFor(offer: OpenOffer, reachedAt?: string): FtpAddress {
    const { publicHost, publicPort, listenHost } = this.#options;
    const { folder, name } = pathOf(offer);
    return {
      host: publicHost ?? ipv4(reachedAt) ?? specific(ipv4(listenHost)) ?? ownAddress(),
      port: publicPort ?? this.#port,
      user: userOf(offer),
      password: passwordOf(offer),
      path: `${folder}/${name}`,
    };
  }

  /** The messages of a device have changed: a download without offer is cut. */
  messagesChanged(deviceId: string): void {
    void this.#look(deviceId);
  }

  /** Announcements may have been missed: everybody is looked at again. */
  messagesUncertain(): void {
    void this.#lookAtAll();
  }

  /** Closes all connections; transfers under way may take `graceMs`. */
  async close(graceMs: number): Promise<void> {
    for (const session of this.#sessions) session.goAway();
    await this.#listener.close(graceMs);
    clearInterval(this.#clock);
  }

  async #openFile(offer: OpenOffer): Promise<{ offer: OpenOffer; bytes: Buffer } | null> {
    const { host, transfers } = this.#context;
    const found = await host.offerById(offer.id).catch((error: unknown) => {
      // Bytes do not need the database: who was being served goes on being served.
      const last = transfers.lastOffer(offer.deviceId);
      if (last?.id !== offer.id) throw error;
      return last;
    });
    if (found === null || found.expiresAtMs <= Date.now()) return null;
    const bytes = await transfers.fileOf(found);
    return bytes === null ? null : { offer: found, bytes };
  }

  async #passiveAddress(localAddress: string): Promise<string | null> {
    const { publicHost } = this.#options;
    if (publicHost === undefined) return ipv4(localAddress) ?? null;
    if (net.isIPv4(publicHost)) return publicHost;
    try {
      return (await lookup(publicHost, { family: 4 })).address;
    } catch (error) {
      this.#context.log.warn({ err: error, publicHost }, 'the public name of the FTP server has no address');
      return ipv4(localAddress) ?? null;
    }
  }

  async #lookAtAll(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    for (const deviceId of this.#context.transfers.devices) await this.#look(deviceId);
    this.#isLooking = false;
  }

  async #look(deviceId: string): Promise<void> {
    try {
      await this.#context.transfers.look(deviceId);
    } catch (error) {
      // Its expiry still ends it, and so does its next write of progress.
      this.#context.log.warn({ err: error, deviceId }, 'the offer of a pile could not be looked up');
    }
  }
}

function ipv4(address: string | undefined): string | undefined {
  const plain = plainAddress(address);
  return net.isIPv4(plain) ? plain : undefined;
}

function specific(address: string | undefined): string | undefined {
  return address === '0.0.0.0' ? undefined : address;
}

/** The first address of this machine that others can reach. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
