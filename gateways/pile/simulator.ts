/**
 * A simulated charging pile: logs in, beats, takes the time, restarts and updates itself as PROTOCOLS 4 and 10 say, or
 * misbehaves on request. For people without hardware, for tests and for measurements.
 *
 * It has no program: the name of the file it fetched is the version it then runs. Its connection is that of the
 * simulated terminals, the download is in `simulated-update.ts`.
 */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { requireField, requireInteger } from '../errors.ts';
import { SimulatedLink } from '../terminal/simulated-link.ts';
import {
  encodeFrame,
  nextSequence,
  PileStream,
  type PileBodies,
  type PileFrame,
  type PileFrameFields,
} from './codec.ts';
import { SimulatedUpdate, type SimulatedUpdateEnd } from './simulated-update.ts';
import type { PileSimulatorEvents, PileSimulatorOptions } from './simulator-options.ts';

const MODELS = { DC: 1, AC: 2 } as const;
/** So many heartbeats without an answer: connects again. */
const MISSED_BEATS = 3;
const IDLE_LOOK_MS = 50;

/** One simulated pile. `start` it, watch it through events and properties, `stop` it. */
export class PileSimulator extends EventEmitter<PileSimulatorEvents> {
  readonly pileCode: string;
  programVersion: string;
  /** Bytes over all downloads. */
  bytesReceived = 0;
  /** Versions it changed to by an update. */
  upgrades = 0;
  /** What its clock was last set to. */
  clock: string | null = null;
  isLoggedIn = false;

  readonly #options: Required<Omit<PileSimulatorOptions, 'pileCode' | 'programVersion'>>;
  readonly #link: SimulatedLink;
  #stream = new PileStream();
  #seq = 0;
  #unanswered = 0;
  #beats: NodeJS.Timeout | undefined;
  #revertTimer: NodeJS.Timeout | undefined;
  #update: SimulatedUpdate | null = null;
  #chargingUntilMs = 0;
  #isStopped = false;

  /** Throws `invalid_field` when it could not log in. */
  constructor({ pileCode, programVersion, ...options }: PileSimulatorOptions) {
    super();
    this.#options = {
      model: 'DC',
      powerKw: 15,
      guns: 1,
      heartbeatMs: 10_000,
      chargingMs: 0,
      minuteMs: 60_000,
      upgradeDelayMs: 500,
      reconnectDelayMs: 1_000,
      faults: {},
      ...options,
    };
    this.pileCode = pileCode;
    this.programVersion = programVersion;
    requireField(/^\d{14}$/.test(pileCode), 'pileCode', pileCode, '14 digits');
    requireInteger('port', options.port, 1, 0xffff);
    requireInteger('guns', this.#options.guns, 1, 99);
    encodeFrame({ name: 'login', seq: 0, body: this.#login() });
    const { host, port, reconnectDelayMs } = this.#options;
    this.#link = new SimulatedLink(
      { host, port, reconnectDelayMs },
      {
        connected: () => this.#connected(),
        disconnected: () => this.#disconnected(),
        received: (bytes, length) => this.#received(bytes.subarray(0, length)),
      },
    );
  }

  /** Whether it has an update, waiting or under way. */
  get isUpdating(): boolean {
    return this.#update !== null;
  }

  get isCharging(): boolean {
    return Date.now() < this.#chargingUntilMs;
  }

  start(): this {
    this.charge(this.#options.chargingMs);
    this.#link.start();
    return this;
  }

  /** Somebody begins to charge, for so long; 0 ends it. */
  charge(forMs: number): void {
    this.#chargingUntilMs = forMs === 0 ? 0 : Date.now() + forMs;
  }

  /** Loses its connection as in a bad network; settles when it is connected again. */
  async reconnect(): Promise<void> {
    this.#link.cut();
    await new Promise<void>((resolve) => this.once('connected', resolve));
  }

  /** Disconnects for good. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#revertTimer);
    this.#update?.stop();
    await this.#link.stop();
  }

  // ── connection ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #connected(): void {
    this.#stream = new PileStream();
    this.#seq = 0;
    this.#unanswered = 0;
    this.emit('connected');
    this.#say('login', this.#login());
    this.#beats = setInterval(() => this.#beat(), this.#options.heartbeatMs);
  }

  #disconnected(): void {
    clearInterval(this.#beats);
    this.isLoggedIn = false;
    this.emit('disconnected');
  }

  #beat(): void {
    if ((this.#unanswered += 1) > MISSED_BEATS) return this.#link.cut();
    if (!this.isLoggedIn) return this.#say('login', this.#login());
    for (let gun = 1; gun <= this.#options.guns; gun += 1) {
      const gunNo = String(gun).padStart(2, '0');
      this.#say('heartbeat', { pileCode: this.pileCode, gunNo, gunStatus: 0 });
    }
  }

  #received(bytes: Buffer): void {
    for (const reading of this.#stream.push(bytes)) if (reading.ok) this.#frame(reading.frame);
  }

  #frame(frame: PileFrame): void {
    const { pileCode } = this;
    switch (frame.name) {
      case 'loginReply':
        this.#unanswered = 0;
        this.isLoggedIn = frame.body.loginResult === 0;
        if (this.isLoggedIn) this.emit('loggedIn', this.programVersion);
        else this.emit('refused');
        return;
      case 'heartbeatReply':
        this.#unanswered = 0;
        return;
      case 'timeSync':
        this.clock = frame.body.time;
        return this.#send({ name: 'timeSyncReply', seq: frame.seq, body: { pileCode, time: frame.body.time } });
      case 'reboot':
        return this.#onRestart(frame.seq, frame.body.executeControl);
      case 'update':
        return this.#onUpdate(frame.seq, frame.body);
      case 'login':
      case 'heartbeat':
      case 'timeSyncReply':
      case 'rebootReply':
      case 'updateReply':
      case 'opaque':
    }
  }

  #login(): PileBodies['login'] {
    const { model, guns } = this.#options;
    return {
      pileCode: this.pileCode,
      pileType: model === 'DC' ? 0 : 1,
      gunCount: guns,
      protocolVersion: 1.5,
      programVersion: this.programVersion,
      networkType: 0,
      sim: '0'.repeat(20),
      operator: 0,
    };
  }

  /** A request of its own. */
  #say(name: 'login', body: PileBodies['login']): void;
  #say(name: 'heartbeat', body: PileBodies['heartbeat']): void;
  #say(name: 'login' | 'heartbeat', body: PileBodies['login'] | PileBodies['heartbeat']): void {
    this.#send({ name, seq: this.#seq, body } as PileFrameFields);
    this.#seq = nextSequence(this.#seq);
  }

  #send(fields: PileFrameFields): void {
    if (!this.#link.isOpen) return;
    const { garbage, double } = this.#options.faults;
    const frame = encodeFrame(fields);
    const rubbish = garbage === true ? [Buffer.from([0x68, 0x68]), randomBytes(7)] : [];
    this.#link.send(Buffer.concat([...rubbish, frame, ...(double === true ? [frame] : [])]));
  }

  // ── restart and update ─────────────────────────────────────────────────────────────────────────────────────────────

  #onRestart(seq: number, control: number): void {
    const isDone = this.#update === null;
    this.#send({ name: 'rebootReply', seq, body: { pileCode: this.pileCode, setResult: isDone ? 1 : 0 } });
    if (!isDone) return;
    this.emit('restarting', control);
    void this.#untilFree(control, () => this.#isStopped).then(() => {
      if (!this.#isStopped) this.#restart(() => {});
    });
  }

  #onUpdate(seq: number, order: PileBodies['update']): void {
    const { faults, model, powerKw, minuteMs, reconnectDelayMs } = this.#options;
    this.emit('offered', order);
    if (faults.mute === true) return;
    const isFit = order.pileModel === MODELS[model] && order.power === powerKw;
    const state = faults.refuse ?? (order.pileCode !== this.pileCode ? 1 : isFit ? 0 : 2);
    if (state !== 0) return this.#giveUp(seq, state);
    this.#answer(seq, 0);
    if (this.#update?.isOf(order) === true) return;
    this.#update?.stop();
    let isToDrop = faults.dropAtByte !== undefined;
    let isOver = false;
    const update: SimulatedUpdate = new SimulatedUpdate({
      order,
      minuteMs,
      retryDelayMs: reconnectDelayMs,
      cutAtByte: faults.cutAtByte,
      bytesPerSecond: faults.bytesPerSecond,
      untilIdle: () => this.#untilFree(order.executeControl, () => isOver || this.#update !== update),
      asked: (from) => this.emit('asked', from),
      received: (bytes, at) => {
        this.bytesReceived += bytes;
        this.emit('bytes', bytes);
        if (isToDrop && at >= (faults.dropAtByte ?? 0)) {
          isToDrop = false;
          this.#link.cut();
        }
      },
      cut: (at) => this.emit('cut', at),
    });
    this.#update = update;
    const run = faults.downloadTimesOut === true ? this.#waitInVain(order) : update.run();
    void run.then((end) => {
      isOver = true;
      if (this.#update !== update || this.#isStopped) return;
      this.#update = null;
      this.#ended(seq, order, end);
    });
  }

  async #waitInVain(order: PileBodies['update']): Promise<SimulatedUpdateEnd> {
    await delay(order.downloadTimeoutMin * this.#options.minuteMs, undefined, { ref: false });
    return 'timed_out';
  }

  /** At once, which interrupts whoever charges, or when nobody does. */
  async #untilFree(control: number, isOver: () => boolean): Promise<void> {
    if (control === 1) this.charge(0);
    while (this.isCharging && !isOver() && !this.#isStopped) await delay(IDLE_LOOK_MS);
  }

  #ended(seq: number, order: PileBodies['update'], end: SimulatedUpdateEnd): void {
    const { faults } = this.#options;
    if (end === 'stopped') return;
    if (typeof end === 'string') return this.#giveUp(seq, 3);
    this.emit('fetched', end.sha256);
    if (faults.vanish === true) {
      void this.stop();
      return;
    }
    this.#restart(() => {
      if (faults.lie !== true) this.#install(order.filePath);
    });
  }

  #install(path: string): void {
    const { revertAfterMs } = this.#options.faults;
    const before = this.programVersion;
    this.programVersion = path
      .replace(/^.*\//, '')
      .replace(/\.bin$/i, '')
      .slice(0, 8);
    this.upgrades += 1;
    this.emit('upgraded', this.programVersion);
    if (revertAfterMs === undefined) return;
    clearTimeout(this.#revertTimer);
    this.#revertTimer = setTimeout(() => {
      this.programVersion = before;
      this.emit('reverted', before);
      this.#restart(() => {});
    }, revertAfterMs);
  }

  #restart(before: () => void): void {
    this.#link.leave(this.#options.upgradeDelayMs, before);
  }

  #answer(seq: number, upgradeStatus: number): void {
    this.#send({ name: 'updateReply', seq, body: { pileCode: this.pileCode, upgradeStatus } });
  }

  #giveUp(seq: number, state: number): void {
    this.#answer(seq, state);
    this.emit('failed', state);
  }
}
