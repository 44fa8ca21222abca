/**
 * One connection of a 2G terminal: who it is, what it reports, the offer it gets and the packets it asks for.
 *
 * The session keeps nothing that matters: the offer is a row, the position in the file is in every request. So a
 * terminal may continue at any packet, on a new connection, in another process, after any of ours has died.
 * Timers are the gateway's (`server.ts`), one for all sessions, because there are thousands of them.
 */
import type net from 'node:net';
import {
  TerminalStream,
  encodeOtaCommand,
  packetCount,
  terminalVersion,
  type OtaErrorFrame,
  type PacketRequest,
  type TerminalFrame,
  type TerminalProfile,
  type TerminalReport,
} from './codec.ts';
import type { DeviceHost, GatewayLog, OpenOffer } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';

/** The protocol's times (PROTOCOLS 2.1, 3.5, 10). */
export const PARTIAL_RECORD_MS = 5_000;
export const REACTION_MS = 60_000;
export const TRANSFER_SILENCE_MS = 10 * 60_000;
/** A packet may be asked for once and then five times more. */
export const REQUESTS_PER_PACKET = 6;
/** Unchanged reports of an idle terminal are stored at most this often. */
const UNCHANGED_REPORT_MS = 60_000;
/** Frames waiting for the database before the socket is paused. */
const QUEUE_LIMIT = 32;

/** What the sessions of one gateway share. */
export interface SessionContext {
  host: DeviceHost;
  files: FileCache;
  log: GatewayLog;
  profile: TerminalProfile;
  /** The profile of a terminal whose SN length is known; shared, because there are thousands of them. */
  profileFor(snBytes: number): TerminalProfile;
  /** Registers the session under its device, so that announcements find it. */
  identified(session: TerminalSession): void;
  counters: TerminalCounters;
}

/** What is counted, for the metrics. */
export interface TerminalCounters {
  reports: number;
  packets: number;
  packetBytes: number;
  offersSent: number;
  unknownTerminals: number;
  ignoredFrames: number;
  droppedBytes: number;
}

export class TerminalSession {
  readonly socket: net.Socket;
  readonly openedAtMs = Date.now();
  deviceId: string | null = null;
  /** When the last byte arrived, for unfinished records. */
  lastByteAtMs = 0;

  readonly #context: SessionContext;
  readonly #address: string;
  readonly #stream: TerminalStream;
  #sn: string | null = null;
  #known: boolean | null = null;
  #version: string | null = null;
  #versionStoredAtMs = 0;
  #offer: OpenOffer | null = null;
  #file: Buffer | null = null;
  #lastRequestAtMs = 0;
  #lastPacket = 0;
  #repeats = 0;
  /** Frames that wait while the database is asked; null when nothing is going on. */
  #queue: (TerminalFrame | 'refresh')[] | null = null;

  constructor(context: SessionContext, socket: net.Socket, address: string) {
    this.#context = context;
    this.socket = socket;
    this.#address = address;
    this.#stream = new TerminalStream({ profile: context.profile });
  }

  /** Unfinished bytes in the buffer. */
  get pendingBytes(): number {
    return this.#stream.pendingBytes;
  }

  /** Takes the bytes of one read. */
  receive(chunk: Buffer): void {
    this.#take(this.#stream, (stream) => stream.push(chunk));
  }

  /** The unfinished record was not completed in time. */
  expirePartialRecord(): void {
    this.#take(this.#stream, (stream) => stream.expire());
  }

  /** The messages of this device have changed, or may have: look again. */
  refresh(): void {
    this.#enqueue('refresh');
  }

  /** Sends an offer that got no reaction again, when it is time. Called by the gateway's clock. */
  repeatOffer(nowMs: number): void {
    const offer = this.#offer;
    if (offer === null || this.#queue !== null || offer.lastSentAtMs === null) return;
    if (nowMs - offer.lastSentAtMs >= REACTION_MS && this.#maySend(offer, nowMs)) this.refresh();
  }

  #take(stream: TerminalStream, read: (stream: TerminalStream) => TerminalFrame[]): void {
    const before = stream.droppedBytes;
    const frames = read(stream);
    if (stream.droppedBytes !== before) {
      this.#context.counters.droppedBytes += stream.droppedBytes - before;
      this.#context.log.debug(
        { sn: this.#sn, address: this.#address, last: stream.errors.at(-1) },
        'dropped bytes of a terminal',
      );
    }
    for (const frame of frames) this.#enqueue(frame);
  }

  /** Handles a frame at once if nothing is waiting; otherwise in its turn. */
  #enqueue(item: TerminalFrame | 'refresh'): void {
    if (this.#queue !== null) {
      if (item === 'refresh' && this.#queue.includes('refresh')) return;
      this.#queue.push(item);
      if (this.#queue.length > QUEUE_LIMIT) this.socket.pause();
      return;
    }
    if (item !== 'refresh' && item.type === 'packetRequest' && this.#serveAtOnce(item)) return;
    this.#queue = [item];
    void this.#drain();
  }

  async #drain(): Promise<void> {
    for (let item = this.#queue?.[0]; item !== undefined; item = this.#queue?.[0]) {
      try {
        await this.#handle(item);
      } catch (error) {
        // The database is away. What the terminal said is lost, but it says it again; nothing was sent unrecorded.
        this.#context.log.warn({ err: error, deviceId: this.deviceId, sn: this.#sn }, 'a frame could not be handled');
      }
      this.#queue?.shift();
    }
    this.#queue = null;
    if (this.socket.isPaused()) this.socket.resume();
  }

  async #handle(item: TerminalFrame | 'refresh'): Promise<void> {
    if (item === 'refresh') {
      if (this.deviceId !== null) await this.#loadOffer(this.deviceId);
      return this.#sendOffer();
    }
    const deviceId = await this.#identify(item.sn);
    if (deviceId === null) {
      this.#context.counters.ignoredFrames += 1;
      return;
    }
    switch (item.type) {
      case 'report':
        return this.#onReport(deviceId, item);
      case 'response':
        return this.#onVersion(deviceId, terminalVersion(item.softwareVer), `+${item.keyword} ${item.cmd}`);
      case 'packetRequest':
        return this.#onRequest(deviceId, item);
      case 'otaError':
        return this.#onError(item);
      case 'otaOver':
        return this.#onOver(deviceId);
    }
  }

  /** The registered device behind an SN; null for strangers, who are counted and get nothing. */
  async #identify(text: string): Promise<string | null> {
    const sn = normalSn(text);
    if (this.#sn !== null && this.#sn !== sn) return null;
    if (this.#known !== null) return this.deviceId;
    const device = await this.#context.host.identify('terminal', sn, this.#address);
    this.#sn = sn;
    this.#known = device !== null;
    if (device === null) {
      this.#context.counters.unknownTerminals += 1;
      this.#context.log.info({ sn, address: this.#address }, 'a terminal that is not registered called');
      return null;
    }
    this.deviceId = device.deviceId;
    this.#stream.setProfile(this.#context.profileFor(sn.length / 2));
    this.#context.identified(this);
    await this.#loadOffer(device.deviceId);
    return this.deviceId;
  }

  async #onReport(deviceId: string, report: TerminalReport): Promise<void> {
    this.#context.counters.reports += 1;
    this.#context.host.seen(deviceId, this.#address, {
      batteryPercent: report.batLevel,
      temperatureC: Math.round(report.temperatureC * 100) / 100,
    });
    await this.#onVersion(
      deviceId,
      terminalVersion(report.sfwVal),
      `report sfwVal ${report.sfwVal} (${report.softwareVersion})`,
    );
    await this.#sendOffer();
  }

  /** Stores a version when it says something new, or when an offer is open and every report counts. */
  async #onVersion(deviceId: string, version: string, raw: string): Promise<void> {
    const nowMs = Date.now();
    const due = nowMs - this.#versionStoredAtMs > UNCHANGED_REPORT_MS;
    if (version === this.#version && this.#offer === null && !due) return;
    this.#version = version;
    this.#versionStoredAtMs = nowMs;
    await this.#context.host.reported({ deviceId, source: 'terminal', raw, versions: [{ component: 'T1', version }] });
  }

  async #loadOffer(deviceId: string): Promise<void> {
    const before = this.#offer;
    this.#offer = await this.#context.host.openOffer(deviceId);
    if (this.#offer === null) this.#file = null;
    else if (this.#file === null || this.#offer.sha256 !== before?.sha256) {
      this.#file = await this.#context.files.get(this.#offer.sha256);
    }
    if (this.#offer?.id !== before?.id) {
      this.#lastPacket = 0;
      this.#repeats = 0;
    }
  }

  /** May the upgrade command leave now? Between the first request and OVER no line may, it would be taken for bytes. */
  #maySend(offer: OpenOffer, nowMs: number): boolean {
    return (
      offer.finishedAtMs === null &&
      offer.firstRequestAtMs === null &&
      offer.expiresAtMs > nowMs &&
      offer.targetVersion !== this.#version &&
      nowMs - this.#lastRequestAtMs >= TRANSFER_SILENCE_MS &&
      (offer.lastSentAtMs === null || nowMs - offer.lastSentAtMs >= REACTION_MS)
    );
  }

  async #sendOffer(): Promise<void> {
    const offer = this.#offer;
    const file = this.#file;
    if (offer === null || file === null || !this.#maySend(offer, Date.now())) return;
    // Built before it is claimed: what cannot be built must not count as sent.
    const command = encodeOtaCommand({ pinfo: offer.pinfo ?? '', file, packetSize: offer.packetSize });
    if (!(await this.#context.host.claimSend(offer))) {
      this.#offer = null;
      return;
    }
    offer.sends += 1;
    offer.lastSentAtMs = Date.now();
    this.#context.counters.offersSent += 1;
    this.socket.write(command);
  }

  /** The common case of a transfer, without waiting for anything. False: it needs the database. */
  #serveAtOnce(request: PacketRequest): boolean {
    if ((request.sn !== this.#sn && normalSn(request.sn) !== this.#sn) || this.#offer === null || this.#file === null) return false;
    if (this.#version !== null && request.ver !== this.#version && reportedVersion(request) !== this.#version) return false;
    const offer = this.#offer;
    const offered = offer.sends > 0 || offer.firstRequestAtMs !== null || offer.resumable;
    if (!offered || offer.expiresAtMs <= Date.now()) return false;
    if (request.pcnt === this.#lastPacket && this.#repeats + 1 >= REQUESTS_PER_PACKET) return false;
    this.#serve(offer, this.#file, request);
    return true;
  }

  #serve(offer: OpenOffer, file: Buffer, request: PacketRequest): void {
    const { pcnt } = request;
    if (pcnt > packetCount(file.length, offer.packetSize) || request.psize !== offer.packetSize) {
      this.#context.counters.ignoredFrames += 1;
      this.#context.log.warn(
        { deviceId: this.deviceId, pcnt, psize: request.psize },
        'a terminal asked for a packet that does not exist',
      );
      return;
    }
    if (request.warnings.length > 0) {
      this.#context.log.warn({ deviceId: this.deviceId, pcnt, offset: request.offset, warnings: request.warnings }, 'an odd request, answered by its packet number');
    }
    const nowMs = Date.now();
    this.#repeats = pcnt === this.#lastPacket ? this.#repeats + 1 : 0;
    this.#lastPacket = pcnt;
    this.#lastRequestAtMs = nowMs;
    offer.firstRequestAtMs ??= nowMs;
    const start = (pcnt - 1) * offer.packetSize;
    const packet = file.subarray(start, start + offer.packetSize);
    this.socket.write(packet);
    this.#context.counters.packets += 1;
    this.#context.counters.packetBytes += packet.length;
    this.#context.host.progress({ offerId: offer.id, deviceId: offer.deviceId, bytes: start, finished: false });
  }

  async #onRequest(deviceId: string, request: PacketRequest): Promise<void> {
    const version = reportedVersion(request);
    if (version !== this.#version) await this.#onVersion(deviceId, version, `+${request.keyword} ver ${request.ver}`);
    if (this.#offer === null) await this.#loadOffer(deviceId);
    if (this.#serveAtOnce(request)) return;
    const offer = this.#offer as OpenOffer | null;
    if (offer !== null && request.pcnt === this.#lastPacket && this.#repeats + 1 >= REQUESTS_PER_PACKET) {
      await this.#context.host.failed(offer, { protocol: 'terminal', errcode: null, kind: 'packet_repeated' });
      return this.#giveUp();
    }
    this.#context.counters.ignoredFrames += 1;
    this.#context.log.debug({ deviceId, pcnt: request.pcnt }, 'a terminal asked for a packet without an offer');
  }

  async #onError(frame: OtaErrorFrame): Promise<void> {
    const offer = this.#offer;
    if (offer === null || (offer.sends === 0 && offer.firstRequestAtMs === null)) {
      this.#context.counters.ignoredFrames += 1;
      return;
    }
    await this.#context.host.failed(offer, { protocol: 'terminal', errcode: frame.errcode, kind: frame.errorType });
    this.#giveUp();
  }

  async #onOver(deviceId: string): Promise<void> {
    if (this.#offer === null) await this.#loadOffer(deviceId);
    const offer = this.#offer;
    this.#lastRequestAtMs = 0;
    if (offer === null || (offer.sends === 0 && offer.firstRequestAtMs === null && !offer.resumable)) {
      this.#context.counters.ignoredFrames += 1;
      return;
    }
    offer.finishedAtMs = Date.now();
    this.#context.host.progress({ offerId: offer.id, deviceId, bytes: offer.sizeBytes, finished: true });
  }

  #giveUp(): void {
    this.#offer = null;
    this.#file = null;
    this.#lastRequestAtMs = 0;
  }
}

/** Reports carry the SN as bytes, lines as text: one spelling for both. */
function normalSn(sn: string): string {
  return sn.toUpperCase();
}

function reportedVersion(request: PacketRequest): string {
  return terminalVersion(Number(request.ver));
}
