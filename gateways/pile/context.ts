/**
 * What the sessions of one pile gateway share, and the times of the protocol.
 */
import type { FtpAccess } from './ftp-access.ts';
import type { PileSession } from './session.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { Warn } from '../warnings.ts';

/** What piles are registered, reported and blamed under. */
export const PILE_PROTOCOL = 'pile';

/** Times of the protocol (PROTOCOLS 4.1 to 4.3) and of the gateway. */
export interface PileTimes {
  /** An unfinished frame waits so long for its rest. */
  partialFrameMs: number;
  /** A request without an answer is sent again after it. */
  answerMs: number;
  /** Three missed heartbeats: the pile is offline. */
  offlineMs: number;
  /** A connection on which nobody has logged in by then is closed. */
  identifyMs: number;
  /** A pile nobody registered is heard again so long after it was told. */
  strangerMs: number;
  /** The pile is told the time so often. */
  timeSyncMs: number;
  /** What a pile says about itself is passed on at most this often, unless it has changed. */
  seenMs: number;
  /** How often the program is told who is connected. */
  connectedMs: number;
  /** Wait before what could not be handled is tried again; doubles each time. */
  retryMs: number;
  /** How often all of these are looked at. */
  clockMs: number;
}

export const PILE_TIMES: Readonly<PileTimes> = Object.freeze({
  partialFrameMs: 5_000,
  answerMs: 30_000,
  offlineMs: 30_000,
  identifyMs: 60_000,
  strangerMs: 1_000,
  timeSyncMs: 24 * 60 * 60_000,
  seenMs: 60_000,
  connectedMs: 60_000,
  retryMs: 1_000,
  clockMs: 1_000,
});

/** What is counted, for the metrics. */
export interface PileCounters {
  logins: number;
  /** Logins that were refused because nobody registered the pile. */
  unknownPiles: number;
  heartbeats: number;
  /** Update commands, each sending. */
  updatesSent: number;
  updatesAccepted: number;
  restartsSent: number;
  timeSyncs: number;
  timeSyncAnswers: number;
  /** Piles that were disconnected because they had been silent. */
  offline: number;
  /** Whole frames that could not be read, and runs of bytes that were none. */
  badFrames: number;
  droppedBytes: number;
  /** Frames that led to nothing: of unknown types, before the login, of another pile, answers to nothing. */
  ignoredFrames: number;
  /** Times that something could not be handled because the rest of the program failed; most are tried again. */
  failedFrames: number;
}

export function noPileCounts(): PileCounters {
  return {
    logins: 0,
    unknownPiles: 0,
    heartbeats: 0,
    updatesSent: 0,
    updatesAccepted: 0,
    restartsSent: 0,
    timeSyncs: 0,
    timeSyncAnswers: 0,
    offline: 0,
    badFrames: 0,
    droppedBytes: 0,
    ignoredFrames: 0,
    failedFrames: 0,
  };
}

/** What the sessions share. */
export interface PileContext {
  host: DeviceHost;
  /** Where a pile fetches the file of its offer. */
  ftp: FtpAccess;
  log: GatewayLog;
  warn: Warn;
  times: Readonly<PileTimes>;
  /** A pile has logged in: announcements find its session, and an older connection of it is closed. */
  loggedIn(session: PileSession): void;
  /** One session more, or less, waits for the rest of the program. */
  working(change: 1 | -1): void;
  counters: PileCounters;
}
