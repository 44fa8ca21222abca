/**
 * What is said between one terminal and the server: who it is, what it reports, the offer it gets and the packets it
 * asks for (PROTOCOLS 2, 3, 10).
 *
 * Nothing that matters is kept here: the offer is a row, the position in the file is in every request. So a terminal
 * may continue at any packet, on a new connection, in another process, after any of ours has died.
 */
import {
  terminalVersion,
  type OtaErrorFrame,
  type PacketRequest,
  type TerminalFrame,
  type TerminalReport,
} from './codec.ts';
import { TerminalCommands } from './commands.ts';
import type { SessionContext } from './context.ts';
import { HeldOffer, type PacketAnswer } from './held-offer.ts';
import type { TerminalSession } from './session.ts';
import type { OpenOffer } from '../devices.ts';
import { GatewayError } from '../errors.ts';

const PROTOCOL = 'terminal';
/** A terminal has one component. */
const COMPONENT = 'T1';
/** Waits between looks that fail double so often. */
const LOOKS_SPREAD = 5;

export class TerminalDialogue {
  deviceId: string | null = null;
  /** Nobody registered this terminal; it gets nothing. */
  isStranger = false;
  /**
   * When the terminal last asked for a packet: from then on it reads bytes, not lines. 0 when it has said since that it
   * is done or gives up, null when it has said neither on this connection.
   */
  lastRequestAtMs: number | null = null;

  readonly #context: SessionContext;
  readonly #session: TerminalSession;
  #sn: string | null = null;
  #version: string | null = null;
  #versionStoredAtMs = 0;
  #held: HeldOffer | null = null;
  readonly #commands: TerminalCommands;
  /** What is held is what the database had when it was last asked, and it could be asked. */
  #isCurrent = false;
  #failedLooks = 0;
  #lookAgainAtMs = 0;

  constructor(context: SessionContext, session: TerminalSession) {
    this.#context = context;
    this.#session = session;
    this.#commands = new TerminalCommands(context.host.commands);
  }

  /** Notes what has arrived, before its turn comes: no line may leave in between. */
  arrived(frame: TerminalFrame, nowMs: number): void {
    if (this.#sn !== null && !this.#isOurs(frame.sn)) return;
    if (frame.type === 'packetRequest') this.lastRequestAtMs = nowMs;
    else if (frame.type === 'otaOver' || frame.type === 'otaError') this.lastRequestAtMs = 0;
  }

  /** The common case of a transfer, without waiting for anything. False: it needs the database. */
  serveAtOnce(request: PacketRequest, nowMs: number): boolean {
    const held = this.#held;
    if (held === null || !this.#isOurs(request.sn)) return false;
    if (request.ver !== this.#version && reportedVersion(request) !== this.#version) return false;
    const answer = held.answer(request, nowMs);
    if (typeof answer === 'string') return false;
    this.#serve(held, request, answer, nowMs);
    return true;
  }

  /** Handles a frame; throws when the rest of the program fails, and may then be called with it again. */
  async handle(frame: TerminalFrame, arrivedAtMs: number): Promise<void> {
    const deviceId = await this.#identify(frame.sn);
    if (deviceId === null) return this.#ignore();
    switch (frame.type) {
      case 'report':
        return this.#onReport(deviceId, frame, arrivedAtMs);
      case 'response':
        await this.#onVersion(
          deviceId,
          terminalVersion(frame.softwareVer),
          `+${frame.keyword} ${frame.cmd}`,
          arrivedAtMs,
        );
        await this.#commands.answered(deviceId, frame);
        return this.#refreshIfDue();
      case 'packetRequest':
        return this.#onRequest(deviceId, frame, arrivedAtMs);
      case 'otaError':
        return this.#onError(deviceId, frame);
      case 'otaOver':
        return this.#onOver(deviceId);
    }
  }

  /** Asks for the open offer again and sends it if it may be sent; before it, a command. */
  async refresh(): Promise<void> {
    if (this.deviceId === null) return;
    await this.#look(this.deviceId);
    await this.#sendCommand(this.deviceId);
    await this.#sendOffer();
  }

  /** There may be another command for this terminal. */
  commandsChanged(): void {
    this.#commands.changed();
  }

  /** Is it time to ask for offer and commands without being told to: to send them, or because asking failed? */
  isRefreshDue(nowMs: number): boolean {
    if (this.deviceId === null) return false;
    if (this.#commands.isDue(nowMs) && this.#takesCommand(nowMs)) return true;
    return this.#isCurrent ? this.#isOfferDue(nowMs) : nowMs >= this.#lookAgainAtMs;
  }

  /** The registered device behind an SN; null for strangers and for a second SN on one connection. */
  async #identify(text: string): Promise<string | null> {
    if (this.isStranger || (this.#sn !== null && !this.#isOurs(text))) return null;
    if (this.deviceId === null) {
      const sn = text.toUpperCase();
      const { address } = this.#session;
      const device = await this.#context.host.identify(PROTOCOL, sn, address);
      this.#sn = sn;
      if (device === null) {
        this.isStranger = true;
        this.#context.counters.unknownTerminals += 1;
        this.#context.log.info({ sn, address }, 'a terminal that is not registered called');
        return null;
      }
      this.deviceId = device.deviceId;
      this.#session.identifiedAs(sn);
    }
    return this.deviceId;
  }

  /** Reports carry the SN as bytes, lines as text: their case is no difference. */
  #isOurs(sn: string): boolean {
    return sn === this.#sn || sn.toUpperCase() === this.#sn;
  }

  /** Asks for the open offer. When that fails, what is held stays, unless it is known to be another one. */
  async #look(deviceId: string): Promise<void> {
    const { host, files } = this.#context;
    const before = this.#held;
    this.#doubt();
    const offer = await host.openOffer(deviceId);
    if (offer?.id !== before?.offer.id) this.#held = null;
    if (offer !== null) {
      const isAtHand = before?.offer.sha256 === offer.sha256;
      const file = isAtHand ? before.file : await files.get(offer.sha256).catch((error) => this.#damaged(offer, error));
      this.#held = file === null ? null : new HeldOffer(offer, file, before);
    }
    this.#trust();
  }

  /** Ends an offer whose bytes are not what they were: nobody would ever get them. Other errors are thrown on. */
  async #damaged(offer: OpenOffer, error: unknown): Promise<null> {
    if (!(error instanceof GatewayError) || error.code !== 'file_damaged') throw error;
    this.#context.log.error(
      { err: error, deviceId: offer.deviceId, sha256: offer.sha256 },
      'the stored bytes of a file are damaged',
    );
    await this.#context.host.failed(offer, { protocol: PROTOCOL, errcode: null, kind: 'file_damaged' });
    return null;
  }

  /** The database is about to be asked: until it answers, nothing is certain. */
  #doubt(): void {
    this.#isCurrent = false;
    this.#lookAgainAtMs = Date.now() + this.#context.times.retryMs * 2 ** Math.min(this.#failedLooks, LOOKS_SPREAD);
    this.#failedLooks += 1;
  }

  #trust(): void {
    this.#isCurrent = true;
    this.#failedLooks = 0;
  }

  async #onReport(deviceId: string, report: TerminalReport, arrivedAtMs: number): Promise<void> {
    const { sfwVal, softwareVersion, batLevel, temperatureC } = report;
    this.#context.host.seen(deviceId, this.#session.address, {
      batteryPercent: batLevel,
      temperatureC: Math.round(temperatureC * 100) / 100,
    });
    await this.#onVersion(
      deviceId,
      terminalVersion(sfwVal),
      `report sfwVal ${sfwVal} (${softwareVersion})`,
      arrivedAtMs,
    );
    this.#refreshIfDue();
  }

  /** Stores a version when it says something new, or when an offer is open and every report counts. */
  async #onVersion(deviceId: string, version: string, raw: string, arrivedAtMs: number): Promise<void> {
    const isDue = Date.now() - this.#versionStoredAtMs > this.#context.times.unchangedReportMs;
    if (version === this.#version && this.#held === null && !isDue) return;
    const versions = [{ component: COMPONENT, version }];
    await this.#context.host.reported({ deviceId, source: PROTOCOL, raw, versions, arrivedAtMs });
    this.#version = version;
    this.#versionStoredAtMs = Date.now();
  }

  /** Between the first request and OVER or an error no line may be sent, it would be taken for bytes. */
  #readsLines(nowMs: number): boolean {
    const silentMs = nowMs - (this.lastRequestAtMs ?? 0);
    return silentMs >= this.#context.times.transferSilenceMs && this.#session.socket.writable;
  }

  /** A command may leave: what it would be taken for is clear, and no answer to an offer is awaited. */
  #takesCommand(nowMs: number): boolean {
    const { transferSilenceMs, reactionMs } = this.#context.times;
    const isBusy = this.#held?.isUnderWay(nowMs, transferSilenceMs, reactionMs) ?? false;
    return this.#version !== null && this.#readsLines(nowMs) && !isBusy;
  }

  async #sendCommand(deviceId: string): Promise<void> {
    const [version, keyword] = [this.#version, this.#context.profile.commandKeywords[0]];
    if (version === null || keyword === undefined) return;
    await this.#commands.serve(deviceId, {
      version,
      keyword,
      maySend: () => this.#takesCommand(Date.now()),
      write: (line) => {
        this.#context.counters.commandsSent += 1;
        this.#session.socket.write(line);
      },
    });
  }

  #isOfferDue(nowMs: number): boolean {
    const { reactionMs } = this.#context.times;
    return this.#held !== null && this.#readsLines(nowMs) && this.#held.maySend(nowMs, this.#version, reactionMs);
  }

  /** What was said is handled, whatever becomes of the offer: that is a step of its own. */
  #refreshIfDue(): void {
    if (this.isRefreshDue(Date.now())) this.#session.refresh();
  }

  async #sendOffer(): Promise<void> {
    const held = this.#held;
    if (held === null || !this.#isOfferDue(Date.now())) return;
    this.#doubt();
    // Built before it is claimed: what cannot be built must not count as sent.
    const command = await this.#commandOf(held);
    const mayLeave = command !== null && (await this.#context.host.claimSend(held.offer));
    this.#trust();
    if (!mayLeave) {
      // Closed, overtaken, sent often enough or being served elsewhere: what is held says so no more.
      this.#held = null;
      return;
    }
    held.sent(Date.now());
    // While the database was asked the connection may have ended, or the terminal may have gone on with a transfer.
    if (!this.#readsLines(Date.now())) return;
    this.#context.counters.offersSent += 1;
    this.#session.socket.write(command);
  }

  /** The upgrade command; null after reporting that no terminal would take it. */
  async #commandOf(held: HeldOffer): Promise<Buffer | null> {
    try {
      return held.command();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#context.warn({ err: error, deviceId: this.deviceId }, 'an upgrade command that no terminal would take');
      const errcode = Number(error.details['terminalResult'] ?? 0) || null;
      await this.#context.host.failed(held.offer, { protocol: PROTOCOL, errcode, kind: 'not_sendable' });
      return null;
    }
  }

  async #onRequest(deviceId: string, request: PacketRequest, arrivedAtMs: number): Promise<void> {
    const version = reportedVersion(request);
    if (version !== this.#version) {
      await this.#onVersion(deviceId, version, `+${request.keyword} ver ${request.ver}`, arrivedAtMs);
    }
    let answer = this.#answer(request);
    if (answer === 'not_offered') {
      await this.#look(deviceId);
      answer = this.#answer(request);
    }
    const held = this.#held;
    if (held === null || answer === 'not_offered' || this.#isOvertaken(request)) return this.#ignore();
    if (typeof answer !== 'string') return this.#serve(held, request, answer, Date.now());
    if (answer === 'repeated') {
      await this.#context.host.failed(held.offer, { protocol: PROTOCOL, errcode: null, kind: 'packet_repeated' });
      this.#held = null;
      return;
    }
    this.#ignore();
    this.#warnOf(request, 'a terminal asked for a packet that does not exist');
  }

  #answer(request: PacketRequest): PacketAnswer {
    return this.#held?.answer(request, Date.now()) ?? 'not_offered';
  }

  /** While this request waited, the terminal has asked for the packet again or does not wait for packets any more. */
  #isOvertaken({ pcnt }: PacketRequest): boolean {
    return this.#session.hasWaiting(
      (frame) =>
        frame.type === 'otaError' ||
        frame.type === 'otaOver' ||
        (frame.type === 'packetRequest' && frame.pcnt === pcnt),
    );
  }

  #serve(held: HeldOffer, request: PacketRequest, packet: Buffer, nowMs: number): void {
    if (!this.#session.sendPacket(packet)) return this.#ignore();
    const { host, counters } = this.#context;
    const { id: offerId, deviceId, packetSize } = held.offer;
    held.served(request.pcnt, nowMs);
    counters.packets += 1;
    counters.packetBytes += packet.length;
    host.progress({ offerId, deviceId, bytes: (request.pcnt - 1) * packetSize, finished: false });
    if (request.warnings.length > 0) this.#warnOf(request, 'an odd request, answered by its packet number');
  }

  async #onError(deviceId: string, { errcode, errorType }: OtaErrorFrame): Promise<void> {
    if (this.#held === null) await this.#look(deviceId);
    if (this.#held?.isKnownToTerminal !== true) {
      this.#ignore();
      return this.#refreshIfDue(); // it gave up something older and reads lines again
    }
    await this.#context.host.failed(this.#held.offer, { protocol: PROTOCOL, errcode, kind: errorType });
    this.#held = null;
  }

  async #onOver(deviceId: string): Promise<void> {
    if (this.#held === null) await this.#look(deviceId);
    if (this.#held?.isKnownToTerminal !== true) return this.#ignore();
    const { offer } = this.#held;
    offer.finishedAtMs = Date.now();
    this.#context.host.progress({ offerId: offer.id, deviceId, bytes: offer.sizeBytes, finished: true });
  }

  #ignore(): void {
    this.#context.counters.ignoredFrames += 1;
  }

  #warnOf({ pcnt, psize, offset, warnings }: PacketRequest, message: string): void {
    this.#context.warn({ deviceId: this.deviceId, pcnt, psize, offset, warnings }, message);
  }
}

function reportedVersion(request: PacketRequest): string {
  return terminalVersion(Number(request.ver));
}
