/**
 * The rest of the program in memory, for tests of gateways: devices, offers and their rules as the database has them,
 * and a list of everything that was said. It can be slow or away.
 */
import { createHash, randomUUID } from 'node:crypto';
import { FakeCommands } from './fake-commands.ts';
import { GatewayError } from '../../gateways/errors.ts';
import type {
  DeviceFailure,
  DeviceHost,
  GatewayLog,
  KnownDevice,
  OpenOffer,
  TransferProgress,
  VersionReport,
} from '../../gateways/devices.ts';

/** Sendings of one offer, as the database counts them. */
const OFFER_SENDS = 3;

/** An offer as the fake keeps it. */
export interface StoredOffer extends OpenOffer {
  isClosed: boolean;
  failure: DeviceFailure | null;
}

interface Listener {
  messagesChanged(deviceId: string): void;
  commandsChanged?(deviceId: string | null): void;
}

type Method = Exclude<keyof DeviceHost, 'commands' | 'progress' | 'seen' | 'connected' | 'business' | 'badFrame'>;

export class FakeHost implements DeviceHost {
  /** What was called, in order, with the device or identity it was about. */
  readonly calls: string[] = [];
  readonly reports: VersionReport[] = [];
  readonly refusedReports: { deviceId: string; source: string; raw: string; error: string }[] = [];
  readonly failures: { offerId: number; failure: DeviceFailure }[] = [];
  readonly steps: TransferProgress[] = [];
  /** Numbers of the offers that were accepted, each time. */
  readonly acceptances: number[] = [];
  readonly sightings: { deviceId: string; address: string; details: Record<string, unknown> }[] = [];
  /** Who was said to be connected, each time. */
  readonly connections: string[][] = [];
  readonly unknown: string[] = [];
  readonly businessMessages: { deviceId: string; payload: Buffer; reason: string }[] = [];
  readonly badFrames: { deviceId: string; kind: string; excerpt: string }[] = [];
  /** No flash may begin: its task is paused, or the night is over. */
  mayFlash = true;
  readonly offers: StoredOffer[] = [];
  readonly listeners: Listener[] = [];
  readonly commands = new FakeCommands(this.listeners);
  /** Reports of these devices wake an upgrade. */
  readonly upgrading = new Set<string>();
  /** Files whose stored bytes are damaged, by hash. */
  readonly damaged = new Set<string>();
  /** These reject while they are in here. */
  readonly broken = new Set<Method>();

  readonly #devices = new Map<string, string>();
  readonly #files = new Map<string, Buffer>();
  /** Calls that wait for the test, by method. */
  readonly #held = new Map<Method, (() => void)[]>();

  /** Registers a device; its id is made as the registry makes it. */
  register(protocol: string, identity: string): string {
    const deviceId = `${protocol}-${identity}`;
    this.#devices.set(deviceId, deviceId);
    return deviceId;
  }

  /** Takes a device out of the registry. */
  unregister(protocol: string, identity: string): void {
    this.#devices.delete(`${protocol}-${identity}`);
  }

  /** Opens an offer in place of the one before and announces it. */
  offer(deviceId: string, file: Buffer, over: Partial<OpenOffer> = {}): StoredOffer {
    this.close(deviceId);
    const sha256 = createHash('sha256').update(file).digest('hex');
    this.#files.set(sha256, file);
    const offer: StoredOffer = {
      id: this.offers.length + 1,
      deviceId,
      attempt: 1,
      token: randomUUID(),
      expiresAtMs: Date.now() + 600_000,
      sends: 0,
      lastSentAtMs: null,
      firstRequestAtMs: null,
      lastRequestAtMs: null,
      finishedAtMs: null,
      resumable: false,
      component: 'T1',
      targetVersion: '11',
      pinfo: '1110d100',
      sha256,
      sizeBytes: file.length,
      packetSize: 1024,
      isClosed: false,
      failure: null,
      ...over,
    };
    this.offers.push(offer);
    this.announce(deviceId);
    return offer;
  }

  /** Closes the open offer of a device, without an announcement. */
  close(deviceId: string): void {
    for (const offer of this.offers) if (offer.deviceId === deviceId) offer.isClosed = true;
  }

  announce(deviceId: string): void {
    for (const listener of this.listeners) listener.messagesChanged(deviceId);
  }

  /** Makes calls of a method wait until the function it returns is called, which lets them go in the order they came. */
  hold(method: Method): (order?: 'last first') => void {
    const waiting: (() => void)[] = [];
    this.#held.set(method, waiting);
    return (order) => {
      this.#held.delete(method);
      for (const go of order === 'last first' ? waiting.toReversed() : waiting) go();
    };
  }

  /** How often a method was called. */
  count(method: Method): number {
    return this.calls.filter((call) => call.startsWith(`${method} `)).length;
  }

  /** How many calls of a method wait. */
  waiting(method: Method): number {
    return this.#held.get(method)?.length ?? 0;
  }

  versions(): string[] {
    return this.reports.flatMap(({ versions }) => versions.map(({ version }) => version));
  }

  async identify(protocol: string, identity: string): Promise<KnownDevice | null> {
    await this.#called('identify', identity);
    const deviceId = this.#devices.get(`${protocol}-${identity}`);
    if (deviceId === undefined) this.unknown.push(identity);
    return deviceId === undefined ? null : { deviceId };
  }

  async findByImei(imei: string): Promise<KnownDevice | null> {
    await this.#called('findByImei', imei);
    const deviceId = this.#devices.get(`ams-${imei}`);
    if (deviceId === undefined) this.unknown.push(imei);
    return deviceId === undefined ? null : { deviceId };
  }

  async openOffer(deviceId: string): Promise<OpenOffer | null> {
    await this.#called('openOffer', deviceId);
    const offer = this.offers.find((each) => each.deviceId === deviceId && isOpen(each));
    return offer === undefined ? null : { ...offer };
  }

  async claimSend({ id, attempt }: OpenOffer): Promise<boolean> {
    const offer = this.#stored(id);
    await this.#called('claimSend', offer.deviceId);
    const { sends, firstRequestAtMs, finishedAtMs } = offer;
    if (!isOpen(offer) || offer.attempt !== attempt || sends >= OFFER_SENDS) return false;
    if (firstRequestAtMs !== null || finishedAtMs !== null) return false;
    offer.sends += 1;
    offer.lastSentAtMs = Date.now();
    return true;
  }

  async repeatSend({ id, attempt }: OpenOffer): Promise<boolean> {
    const offer = this.#stored(id);
    await this.#called('repeatSend', offer.deviceId);
    return isOpen(offer) && offer.attempt === attempt && offer.finishedAtMs === null;
  }

  async claimFlash({ id, attempt }: OpenOffer): Promise<boolean> {
    const offer = this.#stored(id);
    await this.#called('claimFlash', offer.deviceId);
    if (!isOpen(offer) || offer.attempt !== attempt || !this.mayFlash) return false;
    offer.firstRequestAtMs ??= Date.now();
    offer.finishedAtMs ??= Date.now();
    return true;
  }

  async accepted({ id }: OpenOffer): Promise<void> {
    const offer = this.#stored(id);
    await this.#called('accepted', offer.deviceId);
    this.acceptances.push(id);
  }

  async offerById(offerId: number): Promise<OpenOffer | null> {
    await this.#called('offerById', String(offerId));
    const offer = this.offers.find((each) => each.id === offerId && isOpen(each));
    return offer === undefined ? null : { ...offer };
  }

  async offerOwner(offerId: number, token: string): Promise<string | null> {
    await this.#called('offerOwner', String(offerId));
    return (
      this.offers.find((each) => each.id === offerId && each.token.replaceAll('-', '') === token)?.deviceId ?? null
    );
  }

  async firmware(sha256: string): Promise<Buffer> {
    await this.#called('firmware', sha256);
    if (this.damaged.has(sha256)) throw new GatewayError('file_damaged', 'damaged');
    const file = this.#files.get(sha256);
    if (file === undefined) throw new Error(`no file ${sha256}`);
    return file;
  }

  async reported(report: VersionReport): Promise<boolean> {
    await this.#called('reported', report.deviceId);
    this.reports.push(report);
    return this.upgrading.has(report.deviceId);
  }

  async refusedReport(report: { deviceId: string; source: string; raw: string; error: string }): Promise<void> {
    await this.#called('refusedReport', report.deviceId);
    this.refusedReports.push(report);
  }

  async failed({ id }: OpenOffer, failure: DeviceFailure): Promise<void> {
    const offer = this.#stored(id);
    await this.#called('failed', offer.deviceId);
    if (offer.failure === null) this.failures.push({ offerId: id, failure });
    offer.failure = failure;
  }

  progress(progress: TransferProgress): void {
    this.steps.push({ ...progress });
    const offer = this.#stored(progress.offerId);
    offer.firstRequestAtMs ??= Date.now();
    offer.lastRequestAtMs = Date.now();
    if (progress.finished) offer.finishedAtMs ??= Date.now();
  }

  business(message: { deviceId: string; payload: Buffer; reason: string }): void {
    this.businessMessages.push(message);
  }

  badFrame(error: { deviceId: string; kind: string; excerpt: string }): void {
    this.badFrames.push(error);
  }

  connected(deviceIds: readonly string[]): void {
    this.connections.push([...deviceIds]);
  }

  seen(deviceId: string, address: string, details: Record<string, unknown>): void {
    this.sightings.push({ deviceId, address, details });
  }

  async #called(method: Method, about: string): Promise<void> {
    this.calls.push(`${method} ${about}`);
    const waiting = this.#held.get(method);
    if (waiting !== undefined) await new Promise<void>((resolve) => waiting.push(resolve));
    if (this.broken.has(method)) throw new Error(`the database is away (${method})`);
  }

  #stored(id: number): StoredOffer {
    const offer = this.offers.find((each) => each.id === id);
    if (offer === undefined) throw new Error(`no offer ${id}`);
    return offer;
  }
}

/** A log that keeps its lines. */
export class FakeLog implements GatewayLog {
  readonly lines: { level: string; message: string; fields: object }[] = [];

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', message, fields });
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', message, fields });
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', message, fields });
  }

  /** Messages of a level. */
  of(level: string): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }
}

function isOpen({ isClosed, failure, expiresAtMs }: StoredOffer): boolean {
  return !isClosed && failure === null && expiresAtMs > Date.now();
}
