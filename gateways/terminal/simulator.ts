/**
 * A simulated 2G terminal: connects over TCP, reports, takes commands and upgrades itself as PROTOCOLS 2.2, 3.4, 3.5 and
 * 10 say, or misbehaves on request. For people without hardware, for tests and for measurements.
 *
 * It judges with the same codec the server uses and keeps nothing on disk. Here is what it says and does; its connection
 * is in `simulated-link.ts`, the packets of an upgrade are in `simulated-transfer.ts`.
 */
import { requireField, requireInteger } from '../errors.ts';
import { EventEmitter } from 'node:events';
import {
  checkOtaCommand,
  DEFAULT_TERMINAL_PROFILE,
  decodeText,
  encodeOtaError,
  encodeOtaOver,
  encodePacketRequest,
  encodeReport,
  type OtaErrorType,
  type TerminalProfile,
} from './codec.ts';
import { answerCommand } from './simulated-commands.ts';
import { SimulatedLink } from './simulated-link.ts';
import { SimulatedTransfer } from './simulated-transfer.ts';

/** Ways to misbehave; any of them together. Packets count from 1. */
export interface TerminalFaults {
  /** Cuts the connection once after this packet, then goes on with the next one. */
  dropAtPacket?: number;
  /** Takes this packet as corrupt, `times` times in all (default once). */
  corruptPacket?: { packet: number; times?: number };
  /** Says that all packets arrived and keeps the old version. */
  lie?: boolean;
  /** Falls back to the old version so long after a successful upgrade. */
  revertAfterMs?: number;
  /** Never asks for this packet nor any later one, and says nothing about it. */
  silentAtPacket?: number;
  /** Refuses every upgrade command with this code. */
  refuse?: number;
  /** Gives the transfer up with this code after the first packet. */
  patchError?: number;
  /** Takes commands and answers none. */
  commandSilent?: boolean;
  /** Answers every command with this error code, `02` to `06`, and does nothing. */
  commandError?: string;
  /** Answers SLPT with another value than it was told; what it has stored is right. */
  wrongEcho?: boolean;
  /** Is connected only part of the time; stays awake while a transfer runs. */
  sleep?: { awakeMs: number; asleepMs: number };
}

export interface TerminalSimulatorOptions {
  host: string;
  port: number;
  /** Hex text of 5, 6 or 8 bytes. */
  sn: string;
  /** Software version value, for example 10. */
  softwareVersion: number;
  reportIntervalMs?: number;
  /** How long a packet may take before the transfer is given up with 805. */
  packetTimeoutMs?: number;
  /** Time to flash and to start again. */
  upgradeDelayMs?: number;
  /** Wait before the first attempt to connect again; doubles with each one that fails, up to 30 s. */
  reconnectDelayMs?: number;
  profile?: TerminalProfile;
  faults?: TerminalFaults;
}

/** What a simulated terminal tells; numbers are versions, codes and packet numbers. */
export interface TerminalSimulatorEvents {
  connected: [];
  disconnected: [];
  reported: [softwareVersion: number];
  command: [cmd: string, para: string | null];
  /** An upgrade command was accepted. */
  offered: [softwareVersion: number];
  refused: [errcode: number];
  packet: [pcnt: number];
  /** The transfer was given up. */
  failed: [errcode: number];
  over: [];
  upgraded: [softwareVersion: number];
  reverted: [softwareVersion: number];
}

const REQUESTS_LOGGED = 1024;
/** An upgrade command has two characters per packet, of which there are at most 65535. */
const LINE_LIMIT = 140_000;
const LF = 0x0a;

/** One simulated terminal. `start` it, watch it through events and properties, `stop` it. */
export class TerminalSimulator extends EventEmitter<TerminalSimulatorEvents> {
  readonly sn: string;
  /** Software version value it runs now. */
  softwareVersion: number;
  sleepMinutes = 600;
  /** Good packets, over all transfers. */
  packetsReceived = 0;
  /** Versions it changed to by an upgrade. */
  upgrades = 0;
  /** Packet numbers it asked for, the last 1024. */
  readonly requests: number[] = [];

  readonly #options: Required<Omit<TerminalSimulatorOptions, 'sn' | 'softwareVersion'>>;
  readonly #link: SimulatedLink;
  #transfer: SimulatedTransfer | undefined;
  /** Pieces of an unfinished line. */
  #line = '';
  #corruptionsLeft: number;
  #dropsLeft = 1;
  #reportTimer: NodeJS.Timeout | undefined;
  #packetTimer: NodeJS.Timeout | undefined;
  #sleepTimer: NodeJS.Timeout | undefined;
  #revertTimer: NodeJS.Timeout | undefined;

  /** Throws `invalid_field` when the SN or the version cannot be sent. */
  constructor(options: TerminalSimulatorOptions) {
    super();
    const { sn, softwareVersion, ...rest } = options;
    this.#options = {
      reportIntervalMs: 30_000,
      packetTimeoutMs: 60_000,
      upgradeDelayMs: 500,
      reconnectDelayMs: 1000,
      profile: DEFAULT_TERMINAL_PROFILE,
      faults: {},
      ...rest,
    };
    this.sn = sn;
    this.softwareVersion = softwareVersion;
    this.#corruptionsLeft = this.#options.faults.corruptPacket?.times ?? 1;
    requireInteger('port', options.port, 1, 0xffff);
    requireField(options.host !== '', 'host', options.host, 'a name or an address');
    this.#report(); // refuses an SN or a version that no report can carry
    this.#link = new SimulatedLink(this.#options, {
      connected: () => this.#connected(),
      disconnected: () => this.#disconnected(),
      received: (bytes, length) => this.#received(bytes, length),
    });
  }

  get isConnected(): boolean {
    return this.#link.isConnected;
  }

  /** Whether an upgrade has been accepted and is neither finished nor given up. */
  get isTransferring(): boolean {
    return this.#transfer !== undefined;
  }

  start(): this {
    this.#link.start();
    return this;
  }

  /** Disconnects for good; settles when the connection is closed. */
  async stop(): Promise<void> {
    for (const timer of [this.#sleepTimer, this.#revertTimer]) clearTimeout(timer);
    await this.#link.stop();
  }

  #connected(): void {
    this.emit('connected');
    this.#sendReport();
    this.#reportTimer = setInterval(() => this.#sendReport(), this.#options.reportIntervalMs);
    this.#stayAwake();
    if (this.#transfer) this.#nextStep(this.#transfer);
  }

  #disconnected(): void {
    clearInterval(this.#reportTimer);
    clearTimeout(this.#packetTimer);
    clearTimeout(this.#sleepTimer);
    this.#line = '';
    this.#transfer?.interrupt();
    this.emit('disconnected');
  }

  #stayAwake(): void {
    const { sleep } = this.#options.faults;
    if (!sleep) return;
    this.#sleepTimer = setTimeout(() => {
      if (this.#transfer) this.#stayAwake();
      else this.#link.leave(sleep.asleepMs);
    }, sleep.awakeMs);
  }

  #received(bytes: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      const transfer = this.#transfer;
      if (transfer?.isWaiting) {
        at += transfer.take(bytes, at, length);
        if (!transfer.isWaiting) this.#packetArrived(transfer);
      } else {
        // Only to `length`: behind it are the bytes of other terminals.
        const lineEnd = bytes.subarray(at, length).indexOf(LF);
        const end = lineEnd < 0 ? length : at + lineEnd + 1;
        this.#line += bytes.toString('latin1', at, end);
        at = end;
        if (bytes[end - 1] === LF) {
          const line = this.#line;
          this.#line = '';
          this.#lineArrived(line);
        } else if (this.#line.length > LINE_LIMIT) {
          this.#line = '';
        }
      }
    }
  }

  #lineArrived(text: string): void {
    const line = text.slice(Math.max(text.indexOf('+'), 0));
    if (/^\+(?:NBOTA|CPOTA)\b/.test(line)) this.#otaCommand(line);
    else if (/^\+[A-Za-z0-9]+,/.test(line)) this.#command(line);
  }

  #command(line: string): void {
    const { profile, faults } = this.#options;
    const reply = answerCommand(line, this, { profile, faults });
    if (reply === null) return;
    if (reply.command !== null) this.emit('command', reply.command.cmd, reply.command.para);
    if (reply.minutes !== null) this.sleepMinutes = reply.minutes;
    if (reply.answer !== null) this.#link.send(reply.answer);
  }

  #otaCommand(line: string): void {
    const { faults } = this.#options;
    const terminal = { softwareVersion: this.softwareVersion };
    const code = faults.refuse ?? checkOtaCommand(line, terminal);
    const decoded = decodeText(Buffer.from(line, 'latin1'), { terminal });
    if (code !== null || !decoded.ok || decoded.frame.type !== 'otaCommand') {
      const errcode = code ?? 735;
      this.#sendError('OTACMDERR', errcode);
      this.emit('refused', errcode);
      return;
    }
    const transfer = new SimulatedTransfer(decoded.frame);
    this.#transfer = transfer;
    this.emit('offered', transfer.softwareVersion);
    this.#nextStep(transfer);
  }

  /** Asks for the next packet, or finishes when there is none left. */
  #nextStep(transfer: SimulatedTransfer): void {
    if (transfer.isComplete) {
      this.#over(transfer);
      return;
    }
    const { faults, packetTimeoutMs } = this.#options;
    if (faults.silentAtPacket !== undefined && transfer.pcnt >= faults.silentAtPacket) return;
    const { pcnt, psize } = transfer.ask();
    if (this.requests.length === REQUESTS_LOGGED) this.requests.shift();
    this.requests.push(pcnt);
    clearTimeout(this.#packetTimer);
    this.#packetTimer = setTimeout(() => this.#giveUp(805), packetTimeoutMs);
    this.#link.send(encodePacketRequest({ sn: this.sn, ver: this.softwareVersion, pcnt, psize }));
  }

  #packetArrived(transfer: SimulatedTransfer): void {
    const { pcnt } = transfer;
    const { faults } = this.#options;
    clearTimeout(this.#packetTimer);
    const isSpoilt = faults.corruptPacket?.packet === pcnt && this.#corruptionsLeft-- > 0;
    const verdict = transfer.judge(isSpoilt);
    if (verdict !== 'good') {
      if (verdict === 'failed') this.#giveUp(803);
      else this.#nextStep(transfer);
      return;
    }
    this.packetsReceived += 1;
    this.emit('packet', pcnt);
    if (faults.patchError !== undefined) {
      this.#giveUp(faults.patchError);
    } else if (faults.dropAtPacket === pcnt && this.#dropsLeft-- > 0) {
      this.#link.cut();
    } else {
      this.#nextStep(transfer);
    }
  }

  #giveUp(errcode: number): void {
    clearTimeout(this.#packetTimer);
    this.#transfer = undefined;
    this.#sendError('PATCHERR', errcode);
    this.emit('failed', errcode);
  }

  /** All packets are here: says so, checks the whole file, flashes, starts again. */
  #over(transfer: SimulatedTransfer): void {
    const { faults, upgradeDelayMs } = this.#options;
    this.#transfer = undefined;
    clearTimeout(this.#sleepTimer); // nothing takes it away from flashing
    this.#link.send(encodeOtaOver({ sn: this.sn }));
    this.emit('over');
    const isGood = transfer.isFileRight();
    this.#link.leave(upgradeDelayMs, () => {
      // There is no code for a wrong MD5: the old version is all that the server gets to see.
      if (isGood && !faults.lie) this.#upgraded(transfer.softwareVersion);
    });
  }

  #upgraded(softwareVersion: number): void {
    const { revertAfterMs } = this.#options.faults;
    const before = this.softwareVersion;
    this.softwareVersion = softwareVersion;
    this.upgrades += 1;
    this.emit('upgraded', softwareVersion);
    if (revertAfterMs === undefined) return;
    clearTimeout(this.#revertTimer);
    this.#revertTimer = setTimeout(() => {
      this.softwareVersion = before;
      this.emit('reverted', before);
      this.#sendReport();
    }, revertAfterMs);
  }

  #sendReport(): void {
    if (!this.#link.isOpen) return;
    this.#link.send(this.#report());
    this.emit('reported', this.softwareVersion);
  }

  #report(): Buffer {
    const { profile } = this.#options;
    const serial = Number.parseInt(this.sn.slice(-2), 16) || 0;
    const acc = { x: 269, y: -355, z: 16_659 };
    return encodeReport(
      { sn: this.sn, sfwVal: this.softwareVersion, batLevel: 20 + (serial % 81), temperatureRaw: serial - 148, acc },
      profile,
    );
  }

  #sendError(errorType: OtaErrorType, errcode: number): void {
    this.#link.send(encodeOtaError({ sn: this.sn, errorType, errcode }));
  }
}
