/**
 * What devices say, on its way from the gateways to the database and to the workflows.
 *
 * Everything decisive is written first and signalled second. A signal that is lost, because a process or Temporal died
 * in between, is repeated by a sweep over what was written and not read. Everything else is collected and written once
 * a second: progress, contacts, strangers.
 */
import { randomUUID } from 'node:crypto';
import { claimInstallation, claimOffer, claimRepeat } from './claims.ts';
import { failureCode } from '../devices/device-failures.ts';
import type { Executions } from '../executions/executions.ts';
import { InboundCommands, type CommandExecutions } from './inbound-commands.ts';
import { InboundContacts } from './inbound-contacts.ts';
import { InboundTraffic } from './inbound-traffic.ts';
import type { Database, Db } from '../../db/index.ts';
import { findOfferById } from '../../db/upgrades/flashes.ts';
import { findOfferOwner } from '../../db/upgrades/directives.ts';
import { FirmwareDamaged, readFirmwareContent } from '../../db/upgrades/firmware.ts';
import * as messages from '../../db/upgrades/messages.ts';
import * as reports from '../../db/devices/reports.ts';
import { DEVICE_MESSAGE_CHANNEL } from '../../db/schema.ts';
import type {
  DeviceFailure,
  DeviceHost,
  GatewayLog,
  KnownDevice,
  OpenOffer,
  TransferProgress,
  VersionReport,
} from '../../gateways/devices.ts';
import { GatewayError } from '../../gateways/errors.ts';
import { failureMeaning } from '../../workflows/rules/retry.ts';

const INBOUND_TIMES = {
  /** Progress and contacts are written this often. */
  flushMs: 1_000,
  /** What was written and not read for this long is signalled again. */
  unreadMs: 15_000,
  sweepMs: 10_000,
};
const SWEEP_LIMIT = 1_000;
/** Gateways that must hear when the messages of a device change. */
export interface MessageListener {
  messagesChanged(deviceId: string): void;
  messagesUncertain(): void;
  /** Commands to a device have changed, or (null) to any of them may have. */
  commandsChanged?(deviceId: string | null): void;
}

export interface InboundOptions {
  database: Database;
  executions: Pick<Executions, 'signalEdge'> & CommandExecutions;
  log: GatewayLog;
  /** Kept with each device: limits per gateway count by it. */
  gatewayName?: string;
  times?: Partial<typeof INBOUND_TIMES>;
}

/** The rest of the program, as the gateways of this process see it. */
export class Inbound implements DeviceHost {
  readonly commands: InboundCommands;
  readonly #db: Db;
  readonly #database: Database;
  readonly #executions: Pick<Executions, 'signalEdge'>;
  readonly #log: GatewayLog;
  readonly #times: typeof INBOUND_TIMES;
  readonly #process = randomUUID();
  readonly #listeners: MessageListener[] = [];
  /** By device: a device has at most one open offer. */
  #progress = new Map<string, TransferProgress>();
  /** Progress that is being written. */
  #batch: { entries: ReadonlyMap<string, TransferProgress>; written: Promise<void> } | null = null;
  readonly #contacts: InboundContacts;
  readonly #traffic: InboundTraffic;
  #timers: NodeJS.Timeout[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #isSweeping = false;
  #unlisten: () => Promise<void> = async () => {};

  constructor({ database, executions, log, times, gatewayName = '' }: InboundOptions) {
    this.#database = database;
    this.#db = database.db;
    this.#executions = executions;
    this.#log = log;
    this.#times = { ...INBOUND_TIMES, ...times };
    this.#contacts = new InboundContacts(database.db, log, gatewayName);
    this.#traffic = new InboundTraffic(database.db, log);
    this.commands = new InboundCommands({ database, executions, log, listeners: this.#listeners });
  }

  /** What is collected and not written yet. */
  get backlog(): { progress: number; contacts: number; unknown: number } {
    return { progress: this.#progress.size, ...this.#contacts.backlog };
  }

  /** Adds a gateway that wants to hear of changed messages. */
  listen(listener: MessageListener): void {
    this.#listeners.push(listener);
  }

  /** Starts listening to announcements and writing what is collected. */
  async start(): Promise<void> {
    const subscription = await this.#database.sql.listen(
      DEVICE_MESSAGE_CHANNEL,
      (deviceId) => this.#announce(deviceId),
      // Called at the first connection and at every later one: in between, announcements were lost.
      () => this.#listeners.forEach((listener) => listener.messagesUncertain()),
    );
    this.#unlisten = () => subscription.unlisten();
    await this.commands.start();
    const { flushMs, sweepMs } = this.#times;
    this.#timers = [setInterval(() => void this.flush(), flushMs), setInterval(() => void this.#sweep(), sweepMs)];
  }

  /** Stops, after writing what is collected. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    await Promise.all([this.#unlisten().catch(() => {}), this.commands.stop()]);
    // Once it has lost its connection the driver goes on announcing.
    this.#listeners.length = 0;
    await this.flush();
  }

  async findByImei(imei: string, address: string): Promise<KnownDevice | null> {
    return this.#known(await reports.findDeviceByImei(this.#db, imei), ['ams', imei], address);
  }

  async refusedReport(report: { deviceId: string; source: string; raw: string; error: string }): Promise<void> {
    await reports.storeRefusedUpload(this.#db, report);
  }

  async identify(protocol: string, identity: string, address: string): Promise<KnownDevice | null> {
    return this.#known(await reports.identifyDevice(this.#db, protocol, identity), [protocol, identity], address);
  }

  /** Notes who called. */
  #known(deviceId: string | null, [protocol, identity]: [string, string], address: string): KnownDevice | null {
    if (deviceId === null) this.stranger(protocol, identity, address);
    else this.seen(deviceId, address, {});
    return deviceId === null ? null : { deviceId };
  }

  openOffer(deviceId: string): Promise<OpenOffer | null> {
    return messages.findOpenOffer(this.#db, deviceId);
  }

  claimSend(offer: OpenOffer): Promise<boolean> {
    return claimOffer(this.#db, offer, () => void this.#signal(offer.deviceId, 'contacted'));
  }

  repeatSend(offer: OpenOffer): Promise<boolean> {
    return claimRepeat(this.#db, offer);
  }

  async claimFlash(offer: OpenOffer): Promise<boolean> {
    await this.#settle(offer.deviceId); // or it would be taken for a device that had the file from before
    return claimInstallation(this.#db, offer);
  }

  accepted(offer: OpenOffer): Promise<void> {
    return messages.writeAcceptance(this.#db, offer.id, offer.attempt);
  }

  offerById(offerId: number): Promise<OpenOffer | null> {
    return findOfferById(this.#db, offerId);
  }

  business(message: { deviceId: string; payload: Buffer; reason: string }): void {
    this.#traffic.business(message);
  }

  badFrame(error: { deviceId: string; kind: string; excerpt: string }): void {
    this.#traffic.badFrame(error);
  }

  offerOwner(offerId: number, token: string): Promise<string | null> {
    return findOfferOwner(this.#db, offerId, token);
  }

  async firmware(sha256: string): Promise<Buffer> {
    try {
      return await readFirmwareContent(this.#db, sha256);
    } catch (cause) {
      if (!(cause instanceof FirmwareDamaged)) throw cause;
      throw new GatewayError('file_damaged', cause.message, { sha256 }, { cause });
    }
  }

  async reported(report: VersionReport): Promise<boolean> {
    // A clock that is set back makes it new.
    const waitedMs = Math.max(0, Date.now() - (report.arrivedAtMs ?? Date.now()));
    const heard = { by: this.#process, atMs: performance.now() - waitedMs };
    await this.#settle(report.deviceId);
    const { edge, reverted } = await reports.storeReport(this.#db, {
      deviceId: report.deviceId,
      source: report.source,
      raw: report.raw,
      versions: report.versions,
      warnings: report.warnings ?? [],
      keepRaw: report.source === 'ams',
      ageMs: performance.now() - heard.atMs,
      heard,
    });
    // What the report means for the upgrade that is under way, that upgrade decides.
    if (edge) void this.#signal(report.deviceId, 'reported');
    for (const { upgradeId, versions } of reverted) {
      this.#log.warn({ deviceId: report.deviceId, upgradeId, versions }, 'an upgraded device has reverted');
    }
    return edge;
  }

  async failed(offer: OpenOffer, failure: DeviceFailure): Promise<void> {
    const code = failureCode(failure);
    const { words } = failureMeaning(code);
    const { errcode, kind } = failure;
    await this.#settle(offer.deviceId);
    const written = await messages.writeFailure(this.#db, offer.id, { code, words, details: { errcode, kind } });
    if (written) void this.#signal(offer.deviceId, 'failed');
  }

  progress(progress: TransferProgress): void {
    const known = this.#progress.get(progress.deviceId);
    if (known?.offerId === progress.offerId) {
      known.bytes = progress.bytes;
      known.finished ||= progress.finished;
    } else {
      this.#progress.set(progress.deviceId, { ...progress });
    }
  }

  seen(deviceId: string, address: string, details: Record<string, unknown>): void {
    this.#contacts.seen(deviceId, address, details);
  }

  connected(deviceIds: readonly string[]): void {
    reports.writeConnections(this.#db, deviceIds).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'who is connected could not be written, it is written again in a minute');
    });
  }

  stranger(protocol: string, identity: string, address: string): void {
    this.#contacts.stranger(protocol, identity, address);
  }

  /** Writes what is collected; one at a time, and what could not be written is kept for the next time. */
  flush(): Promise<void> {
    this.#flushing = this.#flushAfter(this.#flushing);
    return this.#flushing;
  }

  async #flushAfter(flushing: Promise<void>): Promise<void> {
    await flushing;
    await this.#flushProgress();
    await this.#contacts.flush();
    await this.#traffic.flush();
  }

  /** What a device did before it spoke must be written before what it says is judged; throws when it cannot be. */
  async #settle(deviceId: string): Promise<void> {
    if (this.#batch?.entries.has(deviceId) === true) await this.#batch.written;
    const progress = this.#progress.get(deviceId);
    if (progress === undefined) return;
    this.#progress.delete(deviceId);
    await this.#writeProgress(new Map([[deviceId, progress]]));
  }

  async #flushProgress(): Promise<void> {
    const entries = this.#progress;
    if (entries.size === 0) return;
    this.#progress = new Map();
    const written = this.#writeProgress(entries).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'progress could not be written, it is kept');
    });
    this.#batch = { entries, written };
    await written;
    this.#batch = null;
  }

  async #writeProgress(entries: ReadonlyMap<string, TransferProgress>): Promise<void> {
    try {
      const { closedDevices, contacted } = await messages.writeProgress(this.#db, [...entries.values()]);
      for (const deviceId of contacted) void this.#signal(deviceId, 'contacted');
      for (const deviceId of closedDevices) this.#announce(deviceId);
    } catch (error) {
      for (const entry of entries.values()) this.#keep(entry);
      throw error;
    }
  }

  /** Puts progress back that could not be written; what is newer stays. */
  #keep(entry: TransferProgress): void {
    const newer = this.#progress.get(entry.deviceId);
    if (newer === undefined) this.#progress.set(entry.deviceId, entry);
    else if (newer.offerId === entry.offerId) newer.finished ||= entry.finished;
  }

  #announce(deviceId: string): void {
    this.#listeners.forEach((listener) => listener.messagesChanged(deviceId));
  }

  /** A signal only wakes. When it is lost, the sweep repeats it. */
  async #signal(deviceId: string, edge: 'reported' | 'failed' | 'contacted'): Promise<void> {
    try {
      await this.#executions.signalEdge(deviceId, edge);
    } catch (error) {
      this.#log.warn({ err: error, deviceId, edge }, 'a workflow could not be woken, it is tried again');
    }
  }

  async #sweep(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    try {
      for (const deviceId of await messages.findUnreadEdges(this.#db, this.#times.unreadMs, SWEEP_LIMIT)) {
        if (this.#timers.length === 0) return;
        await this.#signal(deviceId, 'reported');
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'unread events could not be found, they are looked for again');
    } finally {
      this.#isSweeping = false;
    }
  }
}
