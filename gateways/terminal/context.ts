/**
 * What the sessions of one gateway share, and the times of the protocol.
 */
import type { TerminalProfile } from './codec.ts';
import type { TerminalSession } from './session.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';

/** Times of the protocol (PROTOCOLS 2.1, 3.5, 10) and of the gateway. */
export interface TerminalTimes {
  /** An unfinished record waits so long for its rest. */
  partialRecordMs: number;
  /** An offer without a reaction is sent again after it. */
  reactionMs: number;
  /** A terminal that asked for packets reads lines again after such a silence. */
  transferSilenceMs: number;
  /** A connection that has not said who it is by then is closed. */
  identifyMs: number;
  /** Unchanged reports of an idle terminal are stored at most this often. */
  unchangedReportMs: number;
  /** How often the program is told who is connected; a terminal may be silent for hours. */
  connectedMs: number;
  /** Wait before what could not be handled is tried again; doubles each time. */
  retryMs: number;
  /** How often all of these are looked at. */
  clockMs: number;
}

export const TERMINAL_TIMES: Readonly<TerminalTimes> = Object.freeze({
  partialRecordMs: 5_000,
  reactionMs: 60_000,
  transferSilenceMs: 10 * 60_000,
  identifyMs: 60_000,
  unchangedReportMs: 60_000,
  connectedMs: 60_000,
  retryMs: 1_000,
  clockMs: 1_000,
});

/** What is counted, for the metrics. */
export interface TerminalCounters {
  reports: number;
  packets: number;
  packetBytes: number;
  offersSent: number;
  commandsSent: number;
  unknownTerminals: number;
  ignoredFrames: number;
  /** Times that something could not be handled because the rest of the program failed; most are tried again. */
  failedFrames: number;
  droppedBytes: number;
}

/** What the sessions of one gateway share. */
export interface SessionContext {
  host: DeviceHost;
  files: FileCache;
  log: GatewayLog;
  /** Warns of what many terminals may do at the same time: one line a second per message. */
  warn(fields: object, message: string): void;
  times: Readonly<TerminalTimes>;
  profile: TerminalProfile;
  /** The profile of a terminal whose SN is known; shared by all with SNs of that length. */
  profileFor(sn: string): TerminalProfile;
  /** Registers the session under its device, so that announcements find it. */
  identified(session: TerminalSession): void;
  /** One session more, or less, waits for the rest of the program. */
  working(change: 1 | -1): void;
  counters: TerminalCounters;
}
