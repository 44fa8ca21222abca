/**
 * What the parts of the FTP server share: times, limits, counters.
 */
import type { FtpLogins } from './ftp-logins.ts';
import type { PassivePorts } from './ftp-passive.ts';
import type { DeviceHost, GatewayLog, OpenOffer } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';
import type { Transfers } from '../transfers.ts';

/** Times of the server; all in milliseconds. */
export interface FtpTimes {
  /** A connection that has not logged in by then is closed, whatever it says. */
  loginMs: number;
  /** So is one that is logged in and gives no command for this long; a transfer under way counts as one. */
  idleMs: number;
  /** A passive port nobody uses is closed after it, and a transfer whose data connection does not come ends. */
  dataMs: number;
  /** A download of which nothing moves for this long is cut; the pile goes on where it was. */
  stallMs: number;
  /**
   * A pile closes the data connection when it has read everything, and so we know it has. If it does neither that nor
   * anything else, it is believed after this time.
   */
  believeMs: number;
  /** What was said last to a connection that is being closed may take this long to leave. */
  farewellMs: number;
  /** How often all of these are looked at. */
  clockMs: number;
}

export const FTP_TIMES: Readonly<FtpTimes> = Object.freeze({
  loginMs: 30_000,
  idleMs: 300_000,
  dataMs: 30_000,
  stallMs: 120_000,
  believeMs: 30_000,
  farewellMs: 2_000,
  clockMs: 1_000,
});

/** Bounds of what piles may do. */
export interface FtpLimits {
  maxConnections: number;
  maxConnectionsPerAddress: number;
  /** Files that go to one pile at a time; with one more, the oldest is cut. */
  downloadsPerDevice: number;
  /** Failed logins of a network address that have no consequence; from then on it has to wait, longer each time. */
  freeFailures: number;
  /** The first such wait; each further one is twice as long. Milliseconds. */
  firstWaitMs: number;
  /** The longest such wait, milliseconds. */
  longestWaitMs: number;
  /** Failed logins are forgotten when there was no other for this long, milliseconds. */
  forgetFailuresMs: number;
  /** Failed logins on one connection, after which it is closed. */
  failuresPerConnection: number;
}

export const FTP_LIMITS: Readonly<FtpLimits> = Object.freeze({
  maxConnections: 2_000,
  maxConnectionsPerAddress: 500,
  downloadsPerDevice: 2,
  freeFailures: 10,
  firstWaitMs: 1_000,
  longestWaitMs: 60_000,
  forgetFailuresMs: 600_000,
  failuresPerConnection: 3,
});

/** What is counted, for the metrics. */
export interface FtpCounters {
  logins: number;
  /** Wrong user or password, or those of an offer that has ended. */
  loginsFailed: number;
  /** Not even looked at, because there were too many failed ones of that address. */
  loginsLimited: number;
  /** Files asked for, from the beginning or from where a pile was. */
  downloads: number;
  downloadBytes: number;
  /** Downloads that began somewhere in the file. */
  downloadsResumed: number;
  /** Downloads cut because the offer had ended, because nothing moved any more, and by the pile or its network. */
  downloadsEnded: number;
  downloadsStalled: number;
  downloadsLost: number;
  /** Connections to passive ports from another address than the one that asked for the port. */
  strangersTurnedAway: number;
  /** There was no free passive port. */
  passivePortsMissing: number;
  /** Control connections closed because they were not logged in in time, or idle, or talked nonsense. */
  closedUnfit: number;
}

/** What the parts of the server share. */
export interface FtpContext {
  host: DeviceHost;
  files: FileCache;
  log: GatewayLog;
  times: Readonly<FtpTimes>;
  limits: Readonly<FtpLimits>;
  counters: FtpCounters;
  transfers: Transfers;
  logins: FtpLogins;
  passive: PassivePorts;
  /** The address a passive port is reached under, from a control connection that came in at `localAddress`; null: no IPv4. */
  passiveAddress(localAddress: string): Promise<string | null>;
  /** Last chunks that have left and are not yet known to have arrived, by device. */
  unconfirmed: Map<string, AbortController>;
  /** The file of an offer that is still open, looked up now; null when it has ended. */
  openFile(offer: OpenOffer): Promise<{ offer: OpenOffer; bytes: Buffer } | null>;
}
