/**
 * The open offer of one terminal as its connection holds it: whether the upgrade command may leave, and which bytes answer
 * a request. Says what is right; sending, recording and asking the database are for the dialogue (`dialogue.ts`).
 */
import { encodeOtaCommand, packetOf, type PacketRequest } from './codec.ts';
import type { OpenOffer } from '../devices.ts';

/** A packet may be asked for once and then five times more (PROTOCOLS 3.5). */
export const REQUESTS_PER_PACKET = 6;

/** What answers a packet request: its bytes, or why there are none. */
export type PacketAnswer = Buffer | 'not_offered' | 'no_such_packet' | 'repeated';

/** The packets of a file that were asked for, as views on it: thousands of terminals ask for the same ones. */
interface CutFile {
  packetSize: number;
  packets: Buffer[];
}

const cutFiles = new WeakMap<Buffer, CutFile>();

/** An offer together with its file, so that no offer is ever served from another one's bytes. */
export class HeldOffer {
  readonly offer: OpenOffer;
  readonly file: Buffer;
  readonly #packets: Buffer[];
  #packet = 0;
  #requests = 0;

  /** `before`: what was held until now; what it knows of the same offer is not forgotten. */
  constructor(offer: OpenOffer, file: Buffer, before: HeldOffer | null) {
    this.offer = offer;
    this.file = file;
    this.#packets = packetsOf(file, offer.packetSize);
    if (before?.offer.id !== offer.id) return;
    this.#packet = before.#packet;
    this.#requests = before.#requests;
    // Written in groups: the row may be a second behind.
    offer.firstRequestAtMs ??= before.offer.firstRequestAtMs;
    offer.finishedAtMs ??= before.offer.finishedAtMs;
  }

  /** The terminal may ask for packets and may refuse: the command was sent, or one for the same file before. */
  get isKnownToTerminal(): boolean {
    return this.offer.sends > 0 || this.offer.firstRequestAtMs !== null || this.offer.resumable;
  }

  /**
   * May the upgrade command leave now? Not again before the reaction time, not once packets were asked for, not to a
   * terminal that runs the target already.
   *
   * @param usualReactionMs where the offer does not say
   */
  maySend(nowMs: number, version: string | null, usualReactionMs: number): boolean {
    const { finishedAtMs, firstRequestAtMs, expiresAtMs, lastSentAtMs, targetVersion } = this.offer;
    const reactionMs = this.offer.reactionMs ?? usualReactionMs;
    return (
      finishedAtMs === null &&
      firstRequestAtMs === null &&
      expiresAtMs > nowMs &&
      targetVersion !== version &&
      (lastSentAtMs === null || nowMs - lastSentAtMs >= reactionMs)
    );
  }

  /** The terminal is in the middle of it, or was told of it and may ask for the first packet at any moment. */
  isUnderWay(nowMs: number, silenceMs: number, usualReactionMs: number): boolean {
    const { finishedAtMs, firstRequestAtMs, lastRequestAtMs, lastSentAtMs, reactionMs = usualReactionMs } = this.offer;
    if (finishedAtMs !== null) return false;
    if (firstRequestAtMs !== null) return nowMs - (lastRequestAtMs ?? firstRequestAtMs) < silenceMs;
    return lastSentAtMs !== null && nowMs - lastSentAtMs < reactionMs;
  }

  /** The upgrade command; throws `GatewayError` when no terminal would take it. */
  command(): Buffer {
    const { pinfo, packetSize } = this.offer;
    return encodeOtaCommand({ pinfo: pinfo ?? '', file: this.file, packetSize });
  }

  /** The command is about to leave. */
  sent(nowMs: number): void {
    this.offer.sends += 1;
    this.offer.lastSentAtMs = nowMs;
  }

  /** The answer to a request; the one too many for the same packet is told from the others. */
  answer(request: PacketRequest, nowMs: number): PacketAnswer {
    const { offer } = this;
    const { pcnt } = request;
    if (!this.isKnownToTerminal || offer.expiresAtMs <= nowMs) return 'not_offered';
    if (pcnt === this.#packet && this.#requests >= REQUESTS_PER_PACKET) return 'repeated';
    if (request.psize !== offer.packetSize) return 'no_such_packet';
    const packet = this.#packets[pcnt] ?? packetOf(this.file, offer.packetSize, pcnt);
    if (packet === null) return 'no_such_packet';
    this.#packets[pcnt] = packet;
    return packet;
  }

  /** A packet has been sent. */
  served(pcnt: number, nowMs: number): void {
    this.#requests = pcnt === this.#packet ? this.#requests + 1 : 1;
    this.#packet = pcnt;
    this.offer.firstRequestAtMs ??= nowMs;
  }
}

function packetsOf(file: Buffer, packetSize: number): Buffer[] {
  let cut = cutFiles.get(file);
  if (cut?.packetSize !== packetSize) {
    cut = { packetSize, packets: [] };
    cutFiles.set(file, cut);
  }
  return cut.packets;
}
