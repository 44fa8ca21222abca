/**
 * The devices of one gateway process: where each was last heard, and what is under way with it. All of it may be lost at
 * any time; the offers are rows, and the place in a file is in every request.
 */
import type { CoapEndpoint, CoapPort } from './coap-port.ts';
import { DeviceCommands, type CommandHost } from '../commands.ts';
import type { OpenOffer } from '../devices.ts';

/** An open offer as a device's entry holds it. */
export interface HeldOffer {
  offer: OpenOffer;
  /** Read when it is needed first. */
  file: Buffer | null;
}

/** A message of ours that waits for an answer of the device. */
export interface Asking {
  sendings: number;
  lastSentAtMs: number;
  /** What is on its way; stopped when the answer has come. */
  outgoing: ReturnType<CoapPort['post']>;
}

/** The word to install: for which offer, and whether the device has answered it. */
export interface Executing extends Asking {
  offerId: number;
  isAnswered: boolean;
}

/** One device. Its times are of a clock that is never set back. */
export class PcpPeer {
  readonly imei: string;
  readonly deviceId: string;
  endpoint: CoapEndpoint;
  heardAtMs: number;
  identifiedAtMs: number;
  /** The version it reported last to this process. */
  version: string | null = null;
  held: HeldOffer | null = null;
  /** What is held is what the database had when it was last asked. */
  isCurrent = false;
  /** Counts changes of its messages, so that an answer that was asked for before one is not taken for the newest. */
  changes = 0;
  /** It has registered with this process: then its version was asked. */
  hasRegistered = false;
  /** Its last 18 and what it was answered: sent again, it gets the same answer. */
  lastReport: { hex: string; resultCode: number } | null = null;
  /** Nothing may be sent until it is heard of again, or until its messages change. */
  isHeldBack = false;
  /** 13. */
  query: Asking | null = null;
  /** When it was asked last without having registered. */
  queriedAtMs: number | null = null;
  /** The offer for which its version was asked because it seems to run the target already. */
  queriedFor: number | null = null;
  /** The offer it called superfluous (14 answered with 03); its next version decides. */
  comparing: number | null = null;
  /** 14 on its way. */
  notification: ReturnType<CoapPort['post']> = null;
  /** The offer it has allowed by an answer. */
  allowed: number | null = null;
  /** 17. */
  executing: Executing | null = null;
  /** What people ordered for it. */
  readonly commands: DeviceCommands;
  /** What is due is about to be said. */
  isSpeaking = false;
  /** Looking or sending failed; not before this time again. */
  lookAgainAtMs = 0;

  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(imei: string, deviceId: string, endpoint: CoapEndpoint, nowMs: number, commands: CommandHost) {
    this.commands = new DeviceCommands(commands);
    this.imei = imei;
    this.deviceId = deviceId;
    this.endpoint = endpoint;
    this.heardAtMs = nowMs;
    this.identifiedAtMs = nowMs;
  }

  /** How many steps wait for their turn, or are under way. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The open offer, if it is the one of that number. */
  offerOf(offerId: number | null | undefined): OpenOffer | null {
    return this.held !== null && this.held.offer.id === offerId ? this.held.offer : null;
  }

  /** One step after the other. */
  run<Result>(step: () => Promise<Result>): Promise<Result> {
    this.#waiting += 1;
    const done = this.#tail.then(step).finally(() => (this.#waiting -= 1));
    this.#tail = done.catch(() => {});
    return done;
  }

  /** Stops everything that is on its way to it. */
  forget(): void {
    this.query?.outgoing?.stop();
    this.notification?.stop();
    this.executing?.outgoing?.stop();
  }
}

/** The devices that were heard of, the latest last; bounded in number and in time. */
export class PcpPeers {
  readonly #byImei = new Map<string, PcpPeer>();
  readonly #byDevice = new Map<string, PcpPeer>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#byImei.size;
  }

  byImei(imei: string): PcpPeer | undefined {
    return this.#byImei.get(imei);
  }

  byDevice(deviceId: string): PcpPeer | undefined {
    return this.#byDevice.get(deviceId);
  }

  all(): Iterable<PcpPeer> {
    return this.#byImei.values();
  }

  /** Heard of it now: it moves to the end. */
  heard(peer: PcpPeer, endpoint: CoapEndpoint, nowMs: number): void {
    peer.endpoint = endpoint;
    peer.heardAtMs = nowMs;
    this.#byImei.delete(peer.imei);
    this.#byImei.set(peer.imei, peer);
    this.#byDevice.set(peer.deviceId, peer);
    if (this.#byImei.size > this.#max) this.#dropOldest();
  }

  drop(peer: PcpPeer): void {
    peer.forget();
    this.#byImei.delete(peer.imei);
    if (this.#byDevice.get(peer.deviceId) === peer) this.#byDevice.delete(peer.deviceId);
  }

  /** Forgets those that were silent for longer. */
  expire(nowMs: number, forgetMs: number): void {
    for (const peer of this.#byImei.values()) {
      if (nowMs - peer.heardAtMs < forgetMs) break; // the rest was heard later
      this.drop(peer);
    }
  }

  #dropOldest(): void {
    for (const peer of this.#byImei.values()) return this.drop(peer);
  }
}
