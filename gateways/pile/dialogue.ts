/**
 * What is said between one pile and the server: who it is, that it lives, what time it is, the update it is told of and
 * what it says to that (PROTOCOLS 4, 10). The file itself goes over FTP.
 *
 * Nothing that matters is kept here: the offer is a row, and what proves an update is the login with the new version.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { encodeFrame, nextSequence, type PileBodies, type PileFrame, type PileFrameFields } from './codec.ts';
import { PILE_PROTOCOL, type PileContext } from './context.ts';
import { CONTROLS, HeldUpdate } from './held-update.ts';
import type { PileSession } from './session.ts';
import { beijingTime } from './wall-clock.ts';
import { DeviceCommands, type OpenCommand } from '../commands.ts';
import type { OpenOffer } from '../devices.ts';
import { GatewayError } from '../errors.ts';

/** A pile has one component. */
const COMPONENT = 'T1';
/** Waits between looks that fail double so often. */
const LOOKS_SPREAD = 5;
/** Update commands of this connection whose answers are told apart. */
const SEQUENCES_KEPT = 8;
const PILE_TYPES = ['DC', 'AC'];
const GUN_STATES = ['normal', 'fault'];
/** Words for the states in 93; 0 is no failure. */
const UPDATE_FAILURES: readonly (string | undefined)[] = [undefined, 'wrong_number', 'wrong_model', 'download_timeout'];

type FrameOf<Name extends PileFrame['name']> = Extract<PileFrame, { name: Name }>;

export class PileDialogue {
  /** Both from the login on. */
  deviceId: string | null = null;
  pileCode: string | null = null;

  readonly #context: PileContext;
  readonly #session: PileSession;
  #version: string | null = null;
  #nextSeq = 0;
  #held: HeldUpdate | null = null;
  /** The offers that were sent on this connection, by the sequence number of the command. */
  readonly #sentOffers = new Map<number, number>();
  readonly #commands: DeviceCommands;
  /** The command sent last on this connection, and its sequence: sent again, it has the same. */
  #lastCommand: { id: number; seq: number } | null = null;
  #guns: Record<string, string> = {};
  #seenAtMs = 0;
  #timeSentAtMs = 0;
  /** What is held is what the database had when it was last asked, and it could be asked. */
  #isCurrent = false;
  #failedLooks = 0;
  #lookAgainAtMs = 0;

  constructor(context: PileContext, session: PileSession) {
    this.#context = context;
    this.#session = session;
    this.#commands = new DeviceCommands(context.host.commands);
  }

  /** Whether a frame is one that this connection may carry: a login, and from then on what names the same pile. */
  isOurs(frame: PileFrame): boolean {
    if (frame.name === 'opaque') return this.pileCode !== null;
    return frame.body.pileCode === this.pileCode || (frame.name === 'login' && this.pileCode === null);
  }

  /** Handles a frame that needs nothing of the rest of the program. False: it does, or means nothing. */
  handleAtOnce(frame: PileFrame, nowMs: number): boolean {
    if (frame.name === 'heartbeat') this.#onHeartbeat(frame, nowMs);
    else if (frame.name === 'timeSyncReply') this.#context.counters.timeSyncAnswers += 1;
    else return false;
    return true;
  }

  /** Handles a frame; throws when the rest of the program fails, and may then be called with it again. */
  async handle(
    frame: FrameOf<'login'> | FrameOf<'updateReply'> | FrameOf<'rebootReply'>,
    arrivedAtMs: number,
  ): Promise<void> {
    if (frame.name === 'login') return this.#onLogin(frame, arrivedAtMs);
    if (this.deviceId === null) return this.#ignore();
    if (frame.name === 'rebootReply') return this.#onCommandReply(this.deviceId, frame);
    return this.#onUpdateReply(this.deviceId, frame);
  }

  /** Asks for the open offer again and sends it if it may be sent. */
  async refresh(): Promise<void> {
    if (this.deviceId === null || this.pileCode === null) return;
    await this.#look(this.deviceId);
    await this.#sendUpdate(this.pileCode);
    await this.#sendCommand(this.deviceId, this.pileCode);
  }

  /** There may be another command for this pile. */
  commandsChanged(): void {
    this.#commands.changed();
  }

  /** Is it time to ask for the open offer without being told to: to send it, or because asking failed? */
  isRefreshDue(nowMs: number): boolean {
    if (this.deviceId === null) return false;
    if (this.#commands.isDue(nowMs) && this.#session.socket.writable) return true;
    return this.#isCurrent ? this.#isUpdateDue(nowMs) : nowMs >= this.#lookAgainAtMs;
  }

  /** What is due by the clock and needs nobody else. */
  tick(nowMs: number): void {
    if (this.pileCode === null) return;
    const { times } = this.#context;
    if (nowMs - this.#timeSentAtMs >= times.timeSyncMs) this.#sendTime(this.pileCode, nowMs);
  }

  // ── what the pile says ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Answered once the version is stored: what a pile was welcomed with is not forgotten. */
  async #onLogin({ seq, body }: FrameOf<'login'>, arrivedAtMs: number): Promise<void> {
    const { pileCode, programVersion } = body;
    const { host, counters, log } = this.#context;
    const { address } = this.#session;
    // Both were waiting when the first of them was taken.
    if (this.pileCode !== null && pileCode !== this.pileCode) return this.#ignore();
    const device = await host.identify(PILE_PROTOCOL, pileCode, address);
    if (device === null) {
      counters.unknownPiles += 1;
      log.info({ pileCode, address }, 'a pile that is not registered called');
      this.#send({ name: 'loginReply', seq, body: { pileCode, loginResult: 1 } });
      // It was registered when it logged in before.
      if (this.deviceId !== null) this.#session.socket.end();
      // Each login is looked up: one that never stops would keep the database busy.
      await delay(this.#context.times.strangerMs, undefined, { ref: false });
      return;
    }
    const { deviceId } = device;
    await this.#storeVersion(deviceId, body, arrivedAtMs);
    await host.commands.loggedIn(deviceId);
    counters.logins += 1;
    this.deviceId = deviceId;
    this.pileCode = pileCode;
    this.#version = programVersion;
    this.#guns = {};
    this.#seen(deviceId, describeLogin(body), Date.now());
    this.#send({ name: 'loginReply', seq, body: { pileCode, loginResult: 0 } });
    this.#sendTime(pileCode, Date.now());
    this.#context.loggedIn(this.#session);
    // A step of its own: the login is handled, whatever becomes of the offer.
    this.#session.refresh();
  }

  async #storeVersion(deviceId: string, body: PileBodies['login'], arrivedAtMs: number): Promise<void> {
    const { programVersion: version, protocolVersion } = body;
    if (version === '') {
      this.#context.host.badFrame({ deviceId, kind: 'no_version', excerpt: '' });
      return;
    }
    await this.#context.host.reported({
      deviceId,
      source: PILE_PROTOCOL,
      raw: `login programVersion ${version} (protocol V${protocolVersion.toFixed(1)})`,
      versions: [{ component: COMPONENT, version }],
      arrivedAtMs,
    });
  }

  #onHeartbeat({ seq, body }: FrameOf<'heartbeat'>, nowMs: number): void {
    const { pileCode, gunNo, gunStatus } = body;
    this.#context.counters.heartbeats += 1;
    this.#send({ name: 'heartbeatReply', seq, body: { pileCode, gunNo, heartbeatReply: 0 } });
    const state = GUN_STATES[gunStatus] ?? `state ${gunStatus}`;
    const isNew = this.#guns[gunNo] !== state;
    this.#guns[gunNo] = state;
    const isDue = nowMs - this.#seenAtMs >= this.#context.times.seenMs;
    if (this.deviceId !== null && (isNew || isDue)) this.#seen(this.deviceId, {}, nowMs);
  }

  /** May come at any time after 94, also on a later connection, and also for an offer that has ended. */
  async #onUpdateReply(deviceId: string, { seq, body }: FrameOf<'updateReply'>): Promise<void> {
    await this.#look(deviceId);
    const held = this.#held;
    const asked = this.#sentOffers.get(seq);
    const isAnswer = held !== null && held.offer.sends > 0 && (asked ?? held.offer.id) === held.offer.id;
    if (!isAnswer) return this.#ignore();
    const { upgradeStatus } = body;
    if (upgradeStatus === 0) {
      await this.#context.host.accepted(held.offer);
      if (!held.isAccepted) this.#context.counters.updatesAccepted += 1;
      held.isAccepted = true;
      return;
    }
    const kind = UPDATE_FAILURES[upgradeStatus] ?? 'unknown';
    await this.#context.host.failed(held.offer, { protocol: PILE_PROTOCOL, errcode: upgradeStatus, kind });
    this.#held = null;
  }

  // ── what the pile is told ──────────────────────────────────────────────────────────────────────────────────────────

  /** Asks for the open offer. When that fails, what is held stays. */
  async #look(deviceId: string): Promise<void> {
    this.#doubt();
    const offer = await this.#context.host.openOffer(deviceId);
    this.#held = offer === null ? null : new HeldUpdate(offer, this.#held);
    this.#trust();
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

  #isUpdateDue(nowMs: number): boolean {
    if (this.#held === null || !this.#session.socket.writable) return false;
    return this.#held.maySend(nowMs, this.#version, this.#context.times.answerMs);
  }

  async #sendUpdate(pileCode: string): Promise<void> {
    const held = this.#held;
    if (held === null || !this.#isUpdateDue(Date.now())) return;
    this.#doubt();
    // Built before it is claimed: what cannot be built must not count as sent.
    const command = await this.#commandOf(held, pileCode);
    const mayLeave = command !== null && (await this.#context.host.claimSend(held.offer));
    this.#trust();
    if (!mayLeave) {
      // Closed, overtaken, sent often enough or being fetched: what is held says so no more.
      this.#held = null;
      return;
    }
    held.sent(Date.now());
    if (this.#session.send(command)) this.#context.counters.updatesSent += 1;
  }

  /** The update command; null after reporting that it cannot be built. */
  async #commandOf(held: HeldUpdate, pileCode: string): Promise<Buffer | null> {
    try {
      const { localAddress } = this.#session.socket;
      const address = (offer: OpenOffer) => this.#context.ftp.accessFor(offer, localAddress);
      return held.command(pileCode, address, () => this.#takeSeqFor(held));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#context.warn({ err: error, deviceId: this.deviceId }, 'an update command for a pile cannot be built');
      await this.#context.host.failed(held.offer, { protocol: PILE_PROTOCOL, errcode: null, kind: 'not_sendable' });
      return null;
    }
  }

  /** Not while it is updating: the host refuses the claim then. */
  async #sendCommand(deviceId: string, pileCode: string): Promise<void> {
    await this.#commands.serve(deviceId, {
      build: (command) => this.#commandFrame(command, pileCode),
      maySend: () => this.#session.socket.writable,
      write: (frame) => {
        if (this.#session.send(frame)) this.#context.counters.restartsSent += 1;
      },
    });
  }

  #commandFrame({ id, order }: OpenCommand, pileCode: string): Buffer {
    if (order.kind !== 'restart') {
      throw new GatewayError('invalid_field', `piles do not know the command ${order.kind}`, { field: 'kind' });
    }
    const seq = this.#lastCommand?.id === id ? this.#lastCommand.seq : this.#takeSeq();
    this.#lastCommand = { id, seq };
    return encodeFrame({ name: 'reboot', seq, body: { pileCode, executeControl: CONTROLS[order.control] } });
  }

  /** To the latest command of this connection, or, when none was sent on it, of the one before; never to an older one. */
  async #onCommandReply(deviceId: string, { seq, body }: FrameOf<'rebootReply'>): Promise<void> {
    const isStray = this.#lastCommand !== null && this.#lastCommand.seq !== seq;
    const answer = { said: 'restart', accepted: body.setResult === 1 } as const;
    if (isStray || !(await this.#context.host.commands.answered(deviceId, answer))) this.#ignore();
  }

  #sendTime(pileCode: string, nowMs: number): void {
    this.#timeSentAtMs = nowMs;
    this.#context.counters.timeSyncs += 1;
    this.#send({ name: 'timeSync', seq: this.#takeSeq(), body: { pileCode, time: beijingTime(nowMs) } });
  }

  #takeSeqFor({ offer }: HeldUpdate): number {
    const seq = this.#takeSeq();
    this.#sentOffers.set(seq, offer.id);
    const [oldest] = this.#sentOffers.keys();
    if (this.#sentOffers.size > SEQUENCES_KEPT && oldest !== undefined) this.#sentOffers.delete(oldest);
    return seq;
  }

  #takeSeq(): number {
    const seq = this.#nextSeq;
    this.#nextSeq = nextSequence(seq);
    return seq;
  }

  #send(fields: PileFrameFields): void {
    this.#session.send(encodeFrame(fields));
  }

  #seen(deviceId: string, details: Record<string, unknown>, nowMs: number): void {
    this.#seenAtMs = nowMs;
    this.#context.host.seen(deviceId, this.#session.address, { ...details, guns: { ...this.#guns } });
  }

  #ignore(): void {
    this.#context.counters.ignoredFrames += 1;
  }
}

function describeLogin({ pileType, gunCount, protocolVersion, sim }: PileBodies['login']): Record<string, unknown> {
  return {
    pileType: PILE_TYPES[pileType] ?? `type ${pileType}`,
    gunCount,
    protocolVersion: `V${protocolVersion.toFixed(1)}`,
    ...(!/^0*$/.test(sim) && { sim }),
  };
}
