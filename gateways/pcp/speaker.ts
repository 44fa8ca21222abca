/**
 * What the platform says to a PCP device by itself: which version (13), there is a file for you (14), install it (17);
 * each only as long as the device can be reached, again when nothing comes back, and not more than three times.
 */
import { commandFrame } from './commands.ts';
import { SENDINGS, type PcpContext } from './context.ts';
import { fragmentTotal } from './fragments.ts';
import { encodePcp } from './messages.ts';
import type { PcpOffers } from './offers.ts';
import type { Executing, HeldOffer, PcpPeer } from './peers.ts';
import type { OpenOffer } from '../devices.ts';
import { GatewayError } from '../errors.ts';

/** The device will be asked for its version, the next time it can be reached. */
export function startQuery(peer: PcpPeer): void {
  peer.query?.outgoing?.stop();
  peer.query = { sendings: 0, lastSentAtMs: 0, outgoing: null };
}

export class PcpSpeaker {
  readonly #context: PcpContext;
  readonly #offers: PcpOffers;
  readonly #onAnswer: (peer: PcpPeer, payload: Buffer) => void;

  /** @param onAnswer hears what a device puts into the answer to a message of ours */
  constructor(context: PcpContext, offers: PcpOffers, onAnswer: (peer: PcpPeer, payload: Buffer) => void) {
    this.#context = context;
    this.#offers = offers;
    this.#onAnswer = onAnswer;
  }

  /** A device listens for a while after it was heard of. */
  isReachable(peer: PcpPeer, nowMs: number): boolean {
    return nowMs - peer.heardAtMs < this.#context.times.reachableMs;
  }

  /** Nothing is to be said to it that only time brings on. */
  isSilent(peer: PcpPeer): boolean {
    if (peer.isHeldBack) return true;
    if (peer.commands.isDue(Date.now())) return false;
    if (peer.query !== null || !peer.isCurrent) return false;
    if (peer.executing !== null) return peer.executing.isAnswered;
    return peer.held === null || peer.held.offer.firstRequestAtMs !== null || peer.held.offer.finishedAtMs !== null;
  }

  /** Says what is due. Failures of the rest of the program are logged, and it is tried again a little later. */
  async speak(peer: PcpPeer): Promise<void> {
    const nowMs = performance.now();
    if (peer.isHeldBack || nowMs < peer.lookAgainAtMs || !this.isReachable(peer, nowMs)) return;
    try {
      if (this.#askVersion(peer, nowMs)) return;
      await this.#command(peer);
      const held = await this.#offers.current(peer);
      if (held === null) return this.#missVersion(peer);
      if (await this.#execute(peer, held.offer)) return;
      await this.#notify(peer, held);
    } catch (error) {
      peer.isCurrent = false;
      peer.lookAgainAtMs = performance.now() + this.#context.times.retryMs;
      this.#context.counters.failedMessages += 1;
      this.#context.log.warn({ err: error, deviceId: peer.deviceId }, 'a PCP device could not be told what is due');
    }
  }

  /** What people ordered; each number leaves once, also within CoAP. */
  async #command(peer: PcpPeer): Promise<void> {
    await peer.commands.serve(peer.deviceId, {
      build: commandFrame,
      maySend: () => this.isReachable(peer, performance.now()),
      write: (frame) => {
        this.#context.counters.commandsSent += 1;
        this.#post(peer, frame, async () => false);
      },
    });
  }

  /** 13; true as long as an answer is waited for. */
  #askVersion(peer: PcpPeer, nowMs: number): boolean {
    const { query } = peer;
    if (query === null) return false;
    if (!this.#isDue(query, nowMs)) return true;
    query.outgoing?.stop();
    if (query.sendings >= SENDINGS) {
      peer.query = null;
      peer.comparing = null;
      this.#context.log.info({ deviceId: peer.deviceId }, 'a device does not answer which version it runs');
      return false;
    }
    query.sendings += 1;
    query.lastSentAtMs = nowMs;
    this.#context.counters.queriesSent += 1;
    query.outgoing = this.#post(peer, encodePcp({ type: 'versionQuery' }), async () => peer.query === query);
    return true;
  }

  /**
   * A question may have got lost with the process that asked it, and an upgrade waits for its answer. Not in the middle of
   * one: there is nothing to be learnt then.
   */
  #missVersion(peer: PcpPeer): void {
    const nowMs = performance.now();
    const isDue = peer.queriedAtMs === null || nowMs - peer.queriedAtMs >= this.#context.times.unknownVersionMs;
    if (peer.version !== null || !isDue) return;
    peer.queriedAtMs = nowMs;
    startQuery(peer);
    this.#askVersion(peer, nowMs);
  }

  /** 14. */
  async #notify(peer: PcpPeer, held: HeldOffer): Promise<void> {
    const { offer } = held;
    const { host, counters, times } = this.#context;
    if (offer.firstRequestAtMs !== null || offer.finishedAtMs !== null || peer.allowed === offer.id) return;
    if (offer.expiresAtMs <= Date.now()) return;
    if (offer.lastSentAtMs !== null && Date.now() - offer.lastSentAtMs < (offer.reactionMs ?? times.answerMs)) return;
    if (peer.version === offer.targetVersion) {
      // It runs the target already: a fresh word of it is the proof, not another download.
      if (peer.queriedFor === offer.id) return;
      peer.queriedFor = offer.id;
      startQuery(peer);
      this.#askVersion(peer, performance.now());
      return;
    }
    // Before it is claimed: what cannot be built or served must not count as sent.
    const file = await this.#offers.fileOf(peer, held);
    const frame = file && (await this.#notification(peer, offer));
    if (frame === null) return;
    if (!(await host.claimSend(offer))) return this.#holdBack(peer);
    offer.sends += 1;
    offer.lastSentAtMs = Date.now();
    counters.offersSent += 1;
    peer.notification?.stop();
    peer.notification = this.#post(peer, frame, async () => {
      const now = peer.isCurrent ? peer.offerOf(offer.id) : null;
      return now !== null && now.firstRequestAtMs === null && peer.allowed !== offer.id && now.expiresAtMs > Date.now();
    });
  }

  /** The frame of a 14; null after reporting that there is none. */
  async #notification(peer: PcpPeer, offer: OpenOffer): Promise<Buffer | null> {
    const { targetVersion, packetSize: fragmentSize, sizeBytes } = offer;
    try {
      const total = fragmentTotal(sizeBytes, fragmentSize);
      return encodePcp({ type: 'newVersion', targetVersion, fragmentSize, fragmentTotal: total });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#context.log.error({ err: error, deviceId: peer.deviceId }, 'an offer that PCP cannot carry');
      await this.#offers.failed(peer, offer, null, 'not_sendable');
      return null;
    }
  }

  /** 17; true when the device has the file, so that there is nothing else to say of this offer. */
  async #execute(peer: PcpPeer, offer: OpenOffer): Promise<boolean> {
    const { host, counters, times } = this.#context;
    const executing = this.#executing(peer, offer);
    if (executing === null) return offer.finishedAtMs !== null;
    const nowMs = performance.now();
    if (executing.isAnswered || !this.#isDue(executing, nowMs)) return true;
    executing.outgoing?.stop();
    if (executing.sendings >= SENDINGS) {
      await this.#offers.failed(peer, offer, null, 'no_answer');
      return true;
    }
    const mayLeave = async () => {
      if (executing.isAnswered || peer.executing !== executing) return false;
      if (!this.isReachable(peer, performance.now())) return false;
      return host.claimFlash(offer);
    };
    if (!(await mayLeave())) {
      // Paused, or the hours are over: once more at its next contact, as long as the offer lives.
      this.#holdBack(peer);
      return true;
    }
    offer.finishedAtMs ??= Date.now();
    offer.lastRequestAtMs = Date.now();
    executing.sendings += 1;
    executing.lastSentAtMs = performance.now();
    counters.executesSent += 1;
    executing.outgoing = this.#post(peer, encodePcp({ type: 'executeUpgrade' }), mayLeave);
    if (executing.outgoing === null) executing.lastSentAtMs -= times.answerMs;
    return true;
  }

  /**
   * The word to install, if it is to be said. Who has the file and was told so by a process that is gone now may not have
   * heard it; unless it has registered since, then its version decides.
   */
  #executing(peer: PcpPeer, offer: OpenOffer): Executing | null {
    if (peer.executing !== null) return peer.executing;
    if (offer.finishedAtMs === null || peer.hasRegistered || peer.version !== null) return null;
    if (Date.now() - (offer.lastRequestAtMs ?? offer.finishedAtMs) < this.#context.times.answerMs) return null;
    peer.executing = { offerId: offer.id, sendings: 0, lastSentAtMs: 0, outgoing: null, isAnswered: false };
    return peer.executing;
  }

  #holdBack(peer: PcpPeer): void {
    peer.isHeldBack = true;
    peer.isCurrent = false;
  }

  #isDue({ sendings, lastSentAtMs }: { sendings: number; lastSentAtMs: number }, nowMs: number): boolean {
    return sendings === 0 || nowMs - lastSentAtMs >= this.#context.times.answerMs;
  }

  #post(peer: PcpPeer, frame: Buffer, mayLeave: () => Promise<boolean>) {
    return this.#context.port.post(peer.endpoint, frame, {
      mayLeave,
      onAnswer: (_code, payload) => this.#onAnswer(peer, payload),
    });
  }
}
