/**
 * What the parts of the AMS gateway share: times, limits, counters.
 */
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';

/** What failures of this protocol are reported under, and the beginning of its devices' ids. */
export const AMS_PROTOCOL = 'ams';

/** Times of the protocol; all in milliseconds. */
export interface AmsTimes {
  /** An upload that moves an upgrade waits this long for the offer that may follow from it. */
  offerWaitMs: number;
  /** So does an upload that comes this soon after the device gave up. */
  expectMs: number;
  /**
   * A directive that is given again this soon is the same sending. A tracker that asks every hour and does not fetch has
   * half a day, three sendings, before that counts as no reaction.
   */
  repeatMs: number;
  /** A download of which nothing moved for this long is cut; the tracker goes on where it was. */
  stallMs: number;
}

export const AMS_TIMES: Readonly<AmsTimes> = Object.freeze({
  offerWaitMs: 1_500,
  expectMs: 10_000,
  repeatMs: 6 * 60 * 60_000,
  stallMs: 120_000,
});

/** Bounds of what devices may ask at the same time. */
export interface AmsLimits {
  /** Responses with bytes at a time and device; with one more, the oldest is cut. */
  downloadsPerDevice: number;
  /** Uploads that wait for an offer at a time; the others are answered at once. */
  waitingUploads: number;
  /** Addresses of files that nobody was given, per minute and network address. */
  unknownFilesPerMinute: number;
}

export const AMS_LIMITS: Readonly<AmsLimits> = Object.freeze({
  downloadsPerDevice: 4,
  waitingUploads: 200,
  unknownFilesPerMinute: 60,
});

/** What is counted, for the metrics. */
export interface AmsCounters {
  /** Sendings, as the log of the devices counts them. */
  directives: number;
  /** Directives given once more. */
  directivesRepeated: number;
  /** Uploads that waited for an offer, and those of them that waited in vain. */
  offerWaits: number;
  offerWaitsInVain: number;
  /** Responses with bytes of files. */
  downloads: number;
  downloadBytes: number;
  /** Of these, cut because the offer had ended, and because nothing moved any more. */
  downloadsEnded: number;
  downloadsStalled: number;
  /** Asked for the file of an offer that has ended. */
  endedFiles: number;
  /** Asked for a file that nobody was given; and those that were not even looked up, because there were too many. */
  unknownFiles: number;
  unknownFilesRefused: number;
}

/** What the parts of the gateway share. */
export interface AmsContext {
  host: DeviceHost;
  files: FileCache;
  log: GatewayLog;
  times: Readonly<AmsTimes>;
  limits: Readonly<AmsLimits>;
  counters: AmsCounters;
}
