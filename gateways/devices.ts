/**
 * What every gateway needs from the rest of the program, as an interface: gateways know bytes and sockets and nothing
 * of tasks, databases or workflows. `api/inbound/inbound.ts` implements it.
 */

import type { CommandHost } from './commands.ts';

/** A registered device as a gateway sees it. */
export interface KnownDevice {
  deviceId: string;
}

/** The open offer of a device: everything needed to send it and to serve its bytes. */
export interface OpenOffer {
  id: number;
  deviceId: string;
  /** Fencing: an offer with a lower number than the stored one is never sent. */
  attempt: number;
  /** Names the offer in the address of its file, for devices that fetch it. */
  token: string;
  expiresAtMs: number;
  sends: number;
  lastSentAtMs: number | null;
  firstRequestAtMs: number | null;
  lastRequestAtMs: number | null;
  finishedAtMs: number | null;
  /** The device may ask for bytes although this offer was never sent: an earlier attempt offered the same file. */
  resumable: boolean;
  component: string;
  targetVersion: string;
  pinfo: string | null;
  sha256: string;
  sizeBytes: number;
  packetSize: number;
  /** The offer is sent again when there was no reaction for this long; absent: the protocol's own time. */
  reactionMs?: number;
  /** What a charging pile is told with the offer; absent: another kind of device. */
  pile?: PileOrder;
}

/** What only an offer for a charging pile says. */
export interface PileOrder {
  model: 'DC' | 'AC';
  powerKw: number;
  /** Begin at once, which interrupts charging, or when nothing is charging. */
  control: 'at_once' | 'when_idle';
  downloadTimeoutMinutes: number;
}

/** How far a transfer is; written in groups, at most once a second per device. */
export interface TransferProgress {
  offerId: number;
  deviceId: string;
  /** Bytes the device has, as far as its requests tell. */
  bytes: number;
  finished: boolean;
}

/** What gateways log with; pino fits. */
export interface GatewayLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a device said about its own versions. */
export interface VersionReport {
  deviceId: string;
  source: string;
  raw: string;
  versions: readonly { component: string; version: string }[];
  warnings?: readonly string[];
  /** When it arrived, if not now: it may have waited for the database, and must not undo what was said since. */
  arrivedAtMs?: number;
}

/** What a device said when it refused an offer or gave a transfer up. */
export interface DeviceFailure {
  protocol: string;
  /** The number on the wire; null when the gateway itself gave up. */
  errcode: number | null;
  /** A word for it: the protocol's error type, or the gateway's own reason. */
  kind: string;
}

/** The rest of the program, as gateways see it. */
export interface DeviceHost {
  /** Commands of people to single devices. */
  readonly commands: CommandHost;
  /** Looks an identity up in the registry; null is counted and listed as unknown. */
  identify(protocol: string, identity: string, address: string): Promise<KnownDevice | null>;
  /** The device a version upload over HTTP names: a tracker, or any device registered with that IMEI. */
  findByImei(imei: string, address: string): Promise<KnownDevice | null>;
  /** The open offer of a device, if any. */
  openOffer(deviceId: string): Promise<OpenOffer | null>;
  /**
   * Asks for the right to send an offer now. False: it is closed, expired or overtaken, nothing may be sent. Written
   * before the frame leaves, so that no restart can forget a sending.
   */
  claimSend(offer: OpenOffer): Promise<boolean>;
  /**
   * Asks for the right to tell a device once more what it was told before, because it asked; not another sending. False
   * as with `claimSend`; a transfer that has begun may be told of until it is finished.
   */
  repeatSend(offer: OpenOffer): Promise<boolean>;
  /**
   * Asks for the right to tell a device, which has the whole file, to flash it now; for protocols in which we say when.
   * True: written as finished, the offer is neither closed nor expired, and its task may go on. Asked again each time it
   * is said once more.
   */
  claimFlash(offer: OpenOffer): Promise<boolean>;
  /** An open offer by its number: for devices that name the offer and not themselves. */
  offerById(offerId: number): Promise<OpenOffer | null>;
  /** The device an offer was made for, by the token in the address of its file; null when no offer has that token. */
  offerOwner(offerId: number, token: string): Promise<string | null>;
  /** The bytes of a file, verified against their hash; rejects with `file_damaged` when they are not what they were. */
  firmware(sha256: string): Promise<Buffer>;
  /** Stores a report and wakes the device's upgrade if it has one to wake; true: it has, and may soon have an offer. */
  reported(report: VersionReport): Promise<boolean>;
  /** Keeps the raw text of an upload that could not be read; nothing else changes. */
  refusedReport(report: { deviceId: string; source: string; raw: string; error: string }): Promise<void>;
  /** The device has said that it will take the offer, now or later; may be said again. */
  accepted(offer: OpenOffer): Promise<void>;
  /** The device refused the offer or gave up. */
  failed(offer: OpenOffer, failure: DeviceFailure): Promise<void>;
  /** A payload that is the device's own business, with why it is; returns at once, written later. */
  business(message: { deviceId: string; payload: Buffer; reason: string }): void;
  /** A frame that could not be read, by the name of the error; returns at once, counted later. */
  badFrame(error: { deviceId: string; kind: string; excerpt: string }): void;
  /** Transfer progress; returns at once, written later. */
  progress(progress: TransferProgress): void;
  /** These devices are connected at this moment, though they may be silent; said once a minute, returns at once. */
  connected(deviceIds: readonly string[]): void;
  /** Heard of the device; returns at once, written later. */
  seen(deviceId: string, address: string, details: Record<string, unknown>): void;
}
