/**
 * A simulated PCP device: registers, answers what it is asked, fetches fragment after fragment, installs when it is told
 * to and says what became of it (PROTOCOLS 1, 10). It can be told to behave like the public implementations, and to
 * misbehave in the ways real devices do.
 */
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { NewVersion, PcpDownlink, PcpUplink } from './frames.ts';
import { decodePcp, encodePcp } from './messages.ts';
import { SimulatedLink } from './simulated-link.ts';
import type { RadioFaults } from './simulated-radio.ts';
import { GatewayError } from '../errors.ts';

/** - `plain`: as the document has it, answers in CoAP
 *  - `liteos`: no answer to 14 but the first 15; 17 with 06 when a fragment does not come
 *  - `lab`: the answer to 14 and the first 15 back to back */
export const PCP_MODES = ['plain', 'liteos', 'lab'] as const;
export type PcpMode = (typeof PCP_MODES)[number];

/** Misbehaviour; fragments count from 0, results are the numbers of the protocol. */
export interface PcpFaults extends RadioFaults {
  /** Loses its power once per file before it asks for this fragment, and goes on there. */
  dieAtFragment?: number;
  /** Stops asking at this fragment, for ever. */
  silentAtFragment?: number;
  /** Answers 14 with this result. */
  refuse?: number;
  /** Answers 14 so only this many times. */
  refuseTimes?: number;
  /** Says that many times that the file failed its check, and throws it away. */
  checkFails?: number;
  /** Ends every download with this result. */
  downloadResult?: number;
  /** Answers 17 with this result. */
  refuseExecute?: number;
  /** Says nothing to 17 and does nothing. */
  deafToExecute?: boolean;
  /** Says 18 with this result, and keeps its version. */
  installResult?: number;
  /** Says that it succeeded, and keeps its version. */
  lie?: boolean;
  /** Falls back to the old version this long after an upgrade. */
  revertAfterMs?: number;
  /** Is never heard of again after it was told to install. */
  neverReport?: boolean;
  /** Listens for a while, is off for a while. */
  sleep?: { awakeMs: number; asleepMs: number };
}

export interface PcpSimulatorOptions {
  host: string;
  port: number;
  /** 15 digits. */
  imei: string;
  version: string;
  mode?: PcpMode;
  /** Time between messages of its own business; they are also when it can be reached again. */
  contactIntervalMs?: number;
  /** Says everything again after this time without an answer. */
  repeatMs?: number;
  /** Time to install and start again. */
  upgradeDelayMs?: number;
  /** How long it is off when it loses its power. */
  offMs?: number;
  faults?: PcpFaults;
}

/** What a simulated device tells. */
export interface PcpSimulatorEvents {
  registered: [];
  /** The server does not want it, with the CoAP code. */
  rejected: [code: string];
  /** Everything the platform says, as it understands it. */
  heard: [message: PcpDownlink];
  fragment: [index: number, bytes: number];
  died: [];
  fetched: [file: Buffer];
  /** The platform has no such task any more. */
  stopped: [];
  upgraded: [version: string];
  reverted: [version: string];
}

/** What it has of a file; kept over a loss of power. */
interface Download {
  version: string;
  total: number;
  fragments: Buffer[];
  hasDied: boolean;
}

const NOTHING = Buffer.alloc(0);

/** One simulated device. `start` it, watch it through events and properties, `stop` it. */
export class PcpSimulator extends EventEmitter<PcpSimulatorEvents> {
  readonly imei: string;
  version: string;
  upgrades = 0;
  bytesReceived = 0;

  readonly #options: Required<Omit<PcpSimulatorOptions, 'imei' | 'version'>>;
  readonly #link: SimulatedLink;
  readonly #stop = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running = new Set<Promise<void>>();
  #download: Download | null = null;
  #phase: 'idle' | 'downloading' | 'downloaded' | 'installing' = 'idle';
  #refusals = 0;
  #checksFailed = 0;

  /** Throws `invalid_field` when the IMEI or the version cannot be sent. */
  constructor({ imei, version, ...options }: PcpSimulatorOptions) {
    super();
    if (!/^\d{15}$/.test(imei)) throw new GatewayError('invalid_field', `"${imei}" is no IMEI of 15 digits`);
    encodePcp({ type: 'versionAnswer', resultCode: 0, currentVersion: version });
    this.imei = imei;
    this.version = version;
    this.#options = {
      mode: 'plain',
      contactIntervalMs: 20_000,
      repeatMs: 2_000,
      upgradeDelayMs: 500,
      offMs: 500,
      faults: {},
      ...options,
    };
    const { host, port, repeatMs, faults } = this.#options;
    this.#link = new SimulatedLink({
      host,
      port,
      answerMs: repeatMs,
      faults,
      seed: Number(imei.slice(-9)),
      onPayload: (payload) => this.#onPayload(payload),
    });
  }

  get isDownloading(): boolean {
    return this.#phase === 'downloading';
  }

  /** Datagrams its radio has lost. */
  get lost(): number {
    return this.#link.radio.lost;
  }

  start(): this {
    const { contactIntervalMs, faults } = this.#options;
    this.#do(async () => {
      await this.#link.open();
      this.#timers.push(setInterval(() => this.#do(() => this.sendBusiness()), contactIntervalMs));
      if (faults.sleep !== undefined) this.#do(() => this.#doze(faults.sleep!));
      await this.#register();
    });
    return this;
  }

  /** Falls silent for good. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#timers.forEach(clearInterval);
    await this.#link.close();
    await Promise.all(this.#running);
  }

  /** Sends a message that is not PCP; true when the server took it. */
  async sendBusiness(payload: Buffer = Buffer.from(`{"v":"${this.version}"}`)): Promise<boolean> {
    const answer = await this.#link.post('/t/d', `ep=${this.imei}`, payload);
    return answer?.code === '2.04';
  }

  // ---------------------------------------------------------------- what it is told

  #onPayload(payload: Buffer): Buffer | null {
    const decoded = decodePcp(payload, 'platform->device');
    if (!decoded.ok) return null;
    const { message } = decoded;
    this.emit('heard', message);
    if (message.type === 'versionQuery') {
      return this.#reply({ type: 'versionAnswer', resultCode: 0, currentVersion: this.version });
    }
    if (message.type === 'newVersion') return this.#onOffer(message);
    if (message.type === 'executeUpgrade') return this.#onExecute();
    return null;
  }

  /** In the CoAP answer, or as a message of its own. */
  #reply(message: PcpUplink): Buffer | null {
    if (this.#options.mode === 'plain') return encodePcp(message);
    this.#do(() => this.#say(message));
    return null;
  }

  #onOffer({ targetVersion, fragmentTotal }: NewVersion): Buffer | null {
    const { faults, mode } = this.#options;
    const { refuse, refuseTimes = Infinity } = faults;
    if (refuse !== undefined && this.#refusals < refuseTimes) {
      this.#refusals += 1;
      return this.#reply({ type: 'newVersionAnswer', resultCode: refuse });
    }
    if (targetVersion === this.version) return this.#reply({ type: 'newVersionAnswer', resultCode: 3 });
    const isKnown = this.#download?.version === targetVersion && this.#download.total === fragmentTotal;
    if (this.#phase === 'installing' || (isKnown && this.#phase === 'downloading')) return null;
    if (!isKnown) this.#download = { version: targetVersion, total: fragmentTotal, fragments: [], hasDied: false };
    this.#do(() => this.#fetch());
    return mode === 'liteos' ? null : this.#reply({ type: 'newVersionAnswer', resultCode: 0 });
  }

  #onExecute(): Buffer | null {
    const { refuseExecute, deafToExecute } = this.#options.faults;
    if (deafToExecute === true) return null;
    if (refuseExecute !== undefined) return this.#reply({ type: 'executeAnswer', resultCode: refuseExecute });
    if (this.#phase === 'installing') return this.#reply({ type: 'executeAnswer', resultCode: 0 });
    if (this.#phase !== 'downloaded') return this.#reply({ type: 'executeAnswer', resultCode: 0x7f });
    this.#phase = 'installing';
    this.#do(() => this.#install());
    return this.#reply({ type: 'executeAnswer', resultCode: 0 });
  }

  // ---------------------------------------------------------------- what it does

  async #register(): Promise<void> {
    for (;;) {
      const answer = await this.#link.post('/rd', `ep=${this.imei}`, NOTHING);
      if (answer?.code === '2.01') break;
      if (answer !== null) {
        this.emit('rejected', answer.code);
        await this.#wait(this.#options.repeatMs);
      }
      this.#stop.signal.throwIfAborted();
    }
    this.emit('registered');
  }

  async #fetch(): Promise<void> {
    const download = this.#download;
    if (download === null || this.#phase === 'downloading') return;
    this.#phase = 'downloading';
    const { faults } = this.#options;
    while (download.fragments.length < download.total) {
      const index = download.fragments.length;
      if (index === faults.silentAtFragment) return;
      if (index === faults.dieAtFragment && !download.hasDied) await this.#die(download);
      if (this.#download !== download) return this.#giveUp();
      const answer = await this.#ask({
        type: 'fragmentRequest',
        targetVersion: download.version,
        fragmentIndex: index,
      });
      if (answer === null && this.#options.mode === 'liteos') {
        this.#do(() => this.#say({ type: 'executeAnswer', resultCode: 6 }));
      }
      if (answer?.type !== 'fragmentAnswer' || answer.fragmentIndex !== index) continue;
      if (answer.fragment === null) return this.#giveUp();
      download.fragments.push(Buffer.from(answer.fragment));
      this.bytesReceived += answer.fragment.length;
      this.emit('fragment', index, answer.fragment.length);
    }
    await this.#finish(download);
  }

  /** Off, on again, and known to the server anew. */
  async #die(download: Download): Promise<void> {
    download.hasDied = true;
    this.#link.radio.isOff = true;
    this.emit('died');
    await this.#wait(this.#options.offMs);
    this.#link.radio.isOff = false;
    await this.#register();
  }

  async #finish(download: Download): Promise<void> {
    const { checkFails = 0, downloadResult } = this.#options.faults;
    const isBad = this.#checksFailed < checkFails;
    if (isBad) this.#checksFailed += 1;
    const resultCode = isBad ? 7 : (downloadResult ?? 0);
    this.#phase = resultCode === 0 ? 'downloaded' : 'idle';
    if (resultCode === 0) this.emit('fetched', Buffer.concat(download.fragments));
    else this.#download = null;
    const answer = await this.#askUntilAnswered({ type: 'downloadReport', resultCode });
    if (answer.type === 'downloadReportAnswer' && answer.resultCode !== 0) this.#giveUp();
  }

  #giveUp(): void {
    this.#download = null;
    this.#phase = 'idle';
    this.emit('stopped');
  }

  async #install(): Promise<void> {
    const { lie, installResult = 0, neverReport, revertAfterMs } = this.#options.faults;
    const target = this.#download?.version ?? this.version;
    const before = this.version;
    await this.#wait(this.#options.upgradeDelayMs);
    this.#download = null;
    this.#phase = 'idle';
    if (neverReport === true) {
      this.#link.radio.isOff = true;
      return;
    }
    if (lie !== true && installResult === 0) {
      this.version = target;
      this.upgrades += 1;
      this.emit('upgraded', target);
      if (revertAfterMs !== undefined) this.#do(() => this.#revert(before, revertAfterMs));
    }
    await this.#register();
    await this.#askUntilAnswered({ type: 'upgradeReport', resultCode: installResult, currentVersion: this.version });
  }

  async #revert(version: string, afterMs: number): Promise<void> {
    await this.#wait(afterMs);
    this.version = version;
    this.emit('reverted', version);
    await this.#register();
  }

  async #doze({ awakeMs, asleepMs }: { awakeMs: number; asleepMs: number }): Promise<void> {
    for (;;) {
      await this.#wait(awakeMs);
      this.#link.radio.isOff = true;
      await this.#wait(asleepMs);
      this.#link.radio.isOff = false;
      await this.sendBusiness();
    }
  }

  // ---------------------------------------------------------------- how it says it

  /** Says it once; what the platform answers in CoAP. */
  async #ask(message: PcpUplink): Promise<PcpDownlink | null> {
    const answer = await this.#link.post('/t/d', `ep=${this.imei}`, encodePcp(message));
    this.#stop.signal.throwIfAborted();
    if (answer === null) return null;
    const decoded = decodePcp(answer.payload, 'platform->device');
    if (!decoded.ok) {
      // Not a word about it: the platform could not handle it now.
      await this.#wait(this.#options.repeatMs);
      return null;
    }
    this.emit('heard', decoded.message);
    return decoded.message;
  }

  async #askUntilAnswered(message: PcpUplink): Promise<PcpDownlink> {
    for (;;) {
      const answer = await this.#ask(message);
      if (answer !== null) return answer;
    }
  }

  /** Says it until the server has heard it. */
  async #say(message: PcpUplink): Promise<void> {
    for (let answer = null; answer === null;) {
      answer = await this.#link.post('/t/d', `ep=${this.imei}`, encodePcp(message));
      this.#stop.signal.throwIfAborted();
    }
  }

  #wait(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#stop.signal });
  }

  /** Does something beside everything else; ends when the device is stopped. */
  #do(work: () => Promise<unknown>): void {
    if (this.#stop.signal.aborted) return;
    const running = work()
      .then(() => {})
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) throw error;
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}
