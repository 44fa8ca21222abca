/**
 * What a simulated pile is told, and what it tells.
 */
import type { PileBodies } from './codec.ts';

/** Ways to misbehave; any of them together. */
export interface PileFaults {
  /** Answers every update command with this state: 1 wrong number, 2 wrong model. */
  refuse?: number;
  /** Accepts every update, fetches nothing, and says that the time is over when its minutes are. */
  downloadTimesOut?: boolean;
  /** Never answers an update command. */
  mute?: boolean;
  /** Takes the whole file, restarts, and keeps its version. */
  lie?: boolean;
  /** Falls back to the old version so long after an update, and says so by a login. */
  revertAfterMs?: number;
  /** Never logs in again once it has a whole file. */
  vanish?: boolean;
  /** Cuts the FTP connection once per file after this byte, then goes on. */
  cutAtByte?: number;
  /** Cuts its other connection once per file there; it comes back by itself. */
  dropAtByte?: number;
  /** Reads a file no faster than this. */
  bytesPerSecond?: number;
  /** Sends rubbish before each frame. */
  garbage?: boolean;
  /** Sends each frame twice. */
  double?: boolean;
}

export interface PileSimulatorOptions {
  host: string;
  port: number;
  /** 14 digits. */
  pileCode: string;
  /** At most eight characters. */
  programVersion: string;
  model?: 'DC' | 'AC';
  powerKw?: number;
  guns?: number;
  heartbeatMs?: number;
  /** From the start on somebody charges for so long. */
  chargingMs?: number;
  /** How long a minute of a download is: shorter for those who do not want to wait. */
  minuteMs?: number;
  /** Time to install and to start again. */
  upgradeDelayMs?: number;
  /** Wait before it connects again, and before it asks for a file again. */
  reconnectDelayMs?: number;
  faults?: PileFaults;
}

/** What a simulated pile tells. */
export interface PileSimulatorEvents {
  connected: [];
  /** It is welcome, with this version. */
  loggedIn: [programVersion: string];
  refused: [];
  disconnected: [];
  /** An update command has come; again for each repeat. */
  offered: [order: PileBodies['update']];
  /** It asks for the file from this byte on. */
  asked: [from: number];
  bytes: [count: number];
  cut: [at: number];
  fetched: [sha256: string];
  /** It gave an update up, with this state on the wire. */
  failed: [state: number];
  upgraded: [programVersion: string];
  reverted: [programVersion: string];
  restarting: [control: number];
}
