/**
 * The gateway of the PCP devices: a CoAP port, who calls there, and whether it is PCP at all (PROTOCOLS 1.3, 10).
 */
import { COAP } from './coap-codec.ts';
import { CoapPort, type CoapAnswer, type CoapEndpoint, type CoapRequest } from './coap-port.ts';
import {
  PCP_LIMITS,
  PCP_PROTOCOL,
  PCP_TIMES,
  pcpCounters,
  type PcpContext,
  type PcpLimits,
  type PcpTimes,
} from './context.ts';
import { PcpDialogue } from './dialogue.ts';
import { decodePcp, encodePcp } from './messages.ts';
import { PcpOffers } from './offers.ts';
import { PcpPeer, PcpPeers } from './peers.ts';
import { PcpSpeaker, startQuery } from './speaker.ts';
import type { PcpDownlink } from './frames.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';

export interface PcpGatewayOptions {
  host: DeviceHost;
  /** Firmware by hash, shared by the gateways of a process. */
  files: FileCache;
  log: GatewayLog;
  times?: Partial<PcpTimes>;
  limits?: Partial<PcpLimits>;
}

const CHANGED: CoapAnswer = Object.freeze({ code: COAP.changed });
const STRANGER: CoapAnswer = Object.freeze({ code: COAP.forbidden, isStateless: true });
const STRANGERS_WINDOW_MS = 60_000;

/** Listens for PCP devices and serves them. */
export class PcpGateway {
  readonly counters = pcpCounters();
  readonly #context: PcpContext;
  readonly #port: CoapPort;
  readonly #peers: PcpPeers;
  readonly #offers: PcpOffers;
  readonly #dialogue: PcpDialogue;
  readonly #speaker: PcpSpeaker;
  /** Devices to which something may have to be said when time passes. */
  readonly #attended = new Set<PcpPeer>();
  /** Look-ups under way, by IMEI: a device that sends twice at first is looked up once. */
  readonly #identifying = new Map<string, Promise<PcpPeer | null>>();
  /** Look-ups that found nobody, by address, in this minute. */
  #strangers = new Map<string, number>();
  #strangersSinceMs = performance.now();
  #clock: NodeJS.Timeout | undefined;

  constructor({ host, files, log, times, limits }: PcpGatewayOptions) {
    const all = { times: { ...PCP_TIMES, ...times }, limits: { ...PCP_LIMITS, ...limits }, counters: this.counters };
    this.#port = new CoapPort((request) => this.#onRequest(request), all);
    this.#context = { host, files, log, ...all, port: this.#port };
    this.#peers = new PcpPeers(all.limits.devices);
    this.#offers = new PcpOffers(this.#context);
    this.#dialogue = new PcpDialogue(this.#context, this.#offers);
    this.#speaker = new PcpSpeaker(this.#context, this.#offers, (peer, payload) => this.#onAnswer(peer, payload));
  }

  /** Starts listening; returns the port. */
  async listen(port: number, host: string): Promise<number> {
    const listening = await this.#port.listen(port, host);
    this.#clock = setInterval(() => this.#tick(performance.now()), this.#context.times.clockMs);
    this.#clock.unref();
    return listening;
  }

  /** Devices that are remembered, and requests that are being handled. */
  get load(): { devices: number; working: number } {
    return { devices: this.#peers.size, working: this.#port.working };
  }

  /** The messages of a device have changed: if it can be reached, it is told now. */
  messagesChanged(deviceId: string): void {
    const peer = this.#peers.byDevice(deviceId);
    if (peer !== undefined) this.#doubt(peer);
  }

  /** Announcements may have been missed: everybody is looked at again. */
  messagesUncertain(): void {
    for (const peer of this.#peers.all()) this.#doubt(peer);
  }

  /** The commands of a device have changed, or those of any (null): who can be reached is told now. */
  commandsChanged(deviceId: string | null): void {
    const peer = deviceId === null ? undefined : this.#peers.byDevice(deviceId);
    const peers = deviceId === null ? this.#peers.all() : peer === undefined ? [] : [peer];
    for (const each of peers) {
      each.commands.changed();
      if (this.#speaker.isReachable(each, performance.now())) this.#attend(each);
    }
  }

  /** Answers what is being handled, at most for `graceMs`, and closes the port. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#clock);
    await this.#port.close(graceMs);
    for (const peer of this.#peers.all()) peer.forget();
  }

  // ---------------------------------------------------------------- what comes in

  #onRequest(request: CoapRequest): CoapAnswer | Promise<CoapAnswer | null> | null {
    const target = targetOf(request);
    if ('code' in target) {
      this.counters.badRequests += 1;
      return target;
    }
    const peer = this.#peers.byImei(target.imei);
    const isFresh = peer !== undefined && performance.now() - peer.identifiedAtMs < this.#context.times.identifiedMs;
    if (isFresh) return this.#take(peer, request, target.isRegistration);
    if (peer === undefined && this.#isRefused(request.endpoint.address)) return STRANGER;
    return this.#identified(target.imei, request.endpoint).then((found) =>
      found === null ? STRANGER : this.#take(found, request, target.isRegistration),
    );
  }

  /** Too many who called from there were not registered: whoever is not known here yet is not looked up any more. */
  #isRefused(address: string): boolean {
    if ((this.#strangers.get(address) ?? 0) < this.#context.limits.strangersPerMinute) return false;
    this.counters.strangersRefused += 1;
    return true;
  }

  /** The entry of a registered device; null for strangers. */
  #identified(imei: string, endpoint: CoapEndpoint): Promise<PcpPeer | null> {
    const known = this.#identifying.get(imei);
    if (known !== undefined) return known;
    const found = this.#identify(imei, endpoint).finally(() => this.#identifying.delete(imei));
    this.#identifying.set(imei, found);
    return found;
  }

  async #identify(imei: string, endpoint: CoapEndpoint): Promise<PcpPeer | null> {
    const { address } = endpoint;
    const { host, limits } = this.#context;
    const device = await this.#offers.insist({ imei }, () => host.identify(PCP_PROTOCOL, imei, address));
    const before = this.#peers.byImei(imei);
    if (device === null) {
      this.counters.strangers += 1;
      const vain = this.#strangers.get(address) ?? 0;
      if (vain > 0 || this.#strangers.size < limits.addresses) this.#strangers.set(address, vain + 1);
      if (before !== undefined) this.#forget(before);
      this.#context.log.debug({ imei, address }, 'a PCP device that is not registered called');
      return null;
    }
    if (before?.deviceId === device.deviceId) {
      before.identifiedAtMs = performance.now();
      return before;
    }
    if (before !== undefined) this.#forget(before);
    return new PcpPeer(imei, device.deviceId, endpoint, performance.now(), host.commands);
  }

  #take(
    peer: PcpPeer,
    { endpoint, payload }: CoapRequest,
    isRegistration: boolean,
  ): CoapAnswer | Promise<CoapAnswer | null> | null {
    this.#heard(peer, endpoint);
    if (isRegistration) {
      this.counters.registrations += 1;
      peer.hasRegistered = true;
      peer.allowed = null;
      peer.queriedFor = null;
      startQuery(peer);
      this.#contact(peer);
      return { code: COAP.created, location: ['rd', peer.imei] };
    }
    return this.#read(peer, payload);
  }

  /** What a payload is answered with; null: there is no room to handle it, the device asks again. */
  #read(peer: PcpPeer, bytes: Buffer): CoapAnswer | Promise<CoapAnswer> | null {
    const { host, limits } = this.#context;
    const { deviceId } = peer;
    const decoded = decodePcp(bytes, 'device->platform');
    if (!decoded.ok) {
      if (decoded.isPcp) {
        this.counters.badFrames += 1;
        host.badFrame({ deviceId, kind: decoded.error, excerpt: bytes.toString('hex').toUpperCase() });
      } else if (bytes.length > 0) {
        this.counters.businessMessages += 1;
        host.business({ deviceId, payload: bytes, reason: decoded.error });
      }
      this.#contact(peer);
      return CHANGED;
    }
    const { message } = decoded;
    const fragment = message.type === 'fragmentRequest' ? this.#dialogue.serveAtOnce(peer, message) : null;
    if (fragment !== null) return answerOf(fragment);
    if (peer.waiting >= limits.waitingPerDevice) {
      this.counters.overloaded += 1;
      return null;
    }
    // Copied: it waits, and the datagram it is a view of is larger.
    const uplink = { message, payload: Buffer.from(bytes), arrivedAtMs: Date.now() };
    return peer
      .run(() => this.#dialogue.handle(peer, uplink))
      .then(answerOf)
      .finally(() => this.#contact(peer));
  }

  /** A device answers a message of ours in CoAP; what is in it counts as if it had been sent. */
  #onAnswer(peer: PcpPeer, payload: Buffer): void {
    if (this.#peers.byImei(peer.imei) !== peer) return;
    this.#heard(peer, peer.endpoint);
    if (payload.length === 0) return;
    const reply = (answer: CoapAnswer | null) => {
      // There is no request of it to answer: what it gets is a request of ours.
      if (answer?.payload !== undefined) this.#port.post(peer.endpoint, answer.payload);
    };
    // What failed is logged where it did; the device asks again.
    void Promise.resolve(this.#read(peer, payload)).then(reply, () => {});
  }

  #heard(peer: PcpPeer, endpoint: CoapEndpoint): void {
    this.#peers.heard(peer, endpoint, performance.now());
    this.#context.host.seen(peer.deviceId, endpoint.address, {});
  }

  #forget(peer: PcpPeer): void {
    this.#attended.delete(peer);
    this.#peers.drop(peer);
  }

  // ---------------------------------------------------------------- what goes out

  /** It was heard of and listens: what is due is said, after the answer to what it said. */
  #contact(peer: PcpPeer): void {
    peer.isHeldBack = false;
    setImmediate(() => this.#attend(peer));
  }

  #doubt(peer: PcpPeer): void {
    peer.changes += 1;
    peer.isCurrent = false;
    peer.isHeldBack = false;
    peer.lookAgainAtMs = 0;
    if (this.#speaker.isReachable(peer, performance.now())) this.#attend(peer);
  }

  #attend(peer: PcpPeer): void {
    this.#attended.add(peer);
    if (peer.isSpeaking) return;
    peer.isSpeaking = true;
    void peer
      .run(() => {
        peer.isSpeaking = false;
        return this.#speaker.speak(peer);
      })
      .catch(() => {}); // it logs by itself
  }

  #tick(nowMs: number): void {
    for (const peer of this.#attended) {
      if (!this.#speaker.isReachable(peer, nowMs) || this.#speaker.isSilent(peer)) this.#attended.delete(peer);
      else this.#attend(peer);
    }
    this.#peers.expire(nowMs, this.#context.times.forgetMs);
    if (nowMs - this.#strangersSinceMs < STRANGERS_WINDOW_MS) return;
    this.#strangers = new Map();
    this.#strangersSinceMs = nowMs;
  }
}

function answerOf(message: PcpDownlink | null): CoapAnswer {
  if (message === null) return CHANGED;
  return { code: COAP.changed, payload: encodePcp(message), isStateless: message.type === 'fragmentAnswer' };
}

/** Whom a request is about, or the answer to one that is for nobody. */
function targetOf({ code, path, query }: CoapRequest): { imei: string; isRegistration: boolean } | CoapAnswer {
  const isRegistration = path[0] === 'rd' && path.length <= 2;
  const isData = path.length === 2 && path[0] === 't' && path[1] === 'd';
  if (!isRegistration && !isData) return { code: COAP.notFound, isStateless: true };
  if (code !== COAP.post) return { code: COAP.notAllowed, isStateless: true };
  const named = query.find((part) => part.startsWith('ep='))?.slice('ep='.length) ?? (isRegistration ? path[1] : '');
  const imei = /^(?:urn:imei:|urn:dev:imei:)?(\d{15})$/i.exec(named ?? '')?.[1];
  return imei === undefined ? { code: COAP.badRequest, isStateless: true } : { imei, isRegistration };
}
