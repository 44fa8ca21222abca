/**
 * The open offers of PCP devices: asked for when they may have changed, with their files when bytes are needed; and the
 * patience with which the rest of the program is told what a device said.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { PCP_PROTOCOL, type PcpContext } from './context.ts';
import type { HeldOffer, PcpPeer } from './peers.ts';
import type { OpenOffer } from '../devices.ts';
import { GatewayError } from '../errors.ts';

/** How often something is tried in all when the database is away; the waits in between double. */
const TRIES = 5;

export class PcpOffers {
  readonly #context: PcpContext;

  constructor(context: PcpContext) {
    this.#context = context;
  }

  /** The open offer, asked for only when what is held may be out of date. */
  async current(peer: PcpPeer): Promise<HeldOffer | null> {
    return peer.isCurrent ? peer.held : this.look(peer);
  }

  /** Asks for the open offer. What was seen of the same offer is not forgotten: its row may be a second behind. */
  async look(peer: PcpPeer): Promise<HeldOffer | null> {
    const { changes } = peer;
    peer.isCurrent = false;
    const offer = await this.#context.host.openOffer(peer.deviceId);
    const before = peer.held;
    if (offer !== null && before?.offer.id === offer.id) {
      offer.firstRequestAtMs ??= before.offer.firstRequestAtMs;
      offer.finishedAtMs ??= before.offer.finishedAtMs;
    }
    peer.held = offer && { offer, file: before?.offer.sha256 === offer.sha256 ? before.file : null };
    if (before?.offer.id !== offer?.id) peer.notification?.stop();
    if (peer.executing !== null && peer.executing.offerId !== offer?.id) {
      peer.executing.outgoing?.stop();
      peer.executing = null;
    }
    peer.isCurrent = changes === peer.changes;
    return peer.held;
  }

  /** The bytes of the held offer; null after its end was reported because they are not what they were. */
  async fileOf(peer: PcpPeer, held: HeldOffer): Promise<Buffer | null> {
    try {
      held.file ??= await this.#context.files.get(held.offer.sha256);
      return held.file;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'file_damaged') throw error;
      const { deviceId, sha256 } = held.offer;
      this.#context.log.error({ err: error, deviceId, sha256 }, 'the stored bytes of a file are damaged');
      await this.failed(peer, held.offer, null, 'file_damaged');
      return null;
    }
  }

  /** The device refused the offer or gave up, or cannot go on. */
  async failed(peer: PcpPeer, offer: OpenOffer, errcode: number | null, kind: string): Promise<void> {
    await this.insist(peer, () => this.#context.host.failed(offer, { protocol: PCP_PROTOCOL, errcode, kind }));
    peer.notification?.stop();
    peer.executing?.outgoing?.stop();
    peer.executing = null;
    peer.comparing = null;
    peer.held = null;
    peer.isCurrent = false;
  }

  /** Does what must not be lost; tries again for a quarter of a minute when the database is away, then throws. */
  async insist<Result>(peer: { deviceId?: string; imei: string }, work: () => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        this.#context.counters.failedMessages += 1;
        const { imei, deviceId } = peer;
        this.#context.log.warn({ err: error, imei, deviceId, tries }, 'what a PCP device said could not be handled');
        if (tries === TRIES || error instanceof GatewayError) throw error;
        await delay(this.#context.times.retryMs * 2 ** (tries - 1), undefined, { ref: false });
      }
    }
  }
}

/** The device may ask for bytes and may refuse: it was told of the offer, or of one for the same file before. */
export function isKnownToDevice({ sends, firstRequestAtMs, resumable }: OpenOffer): boolean {
  return sends > 0 || firstRequestAtMs !== null || resumable;
}
