/**
 * One upgrade of a simulated terminal: which packet comes next, whether it is right, whether the whole file is.
 *
 * It outlives connections and knows none: asking, timing and giving up are in `simulator.ts`. Holds one packet buffer.
 */
import { createHash } from 'node:crypto';
import { xorOf } from '../checksums.ts';
import type { OtaCommand } from './codec.ts';

/** A packet with a wrong check code is asked for that many times more (PROTOCOLS 3.5). */
const REPEATS_PER_PACKET = 5;

export class SimulatedTransfer {
  /** Software version value of the package. */
  readonly softwareVersion: number;
  /** The packet to ask for next, from 1. */
  pcnt = 1;
  /** A request is open: every byte that arrives belongs to the packet. */
  isWaiting = false;

  readonly #fileSize: number;
  readonly #packetCount: number;
  readonly #packetSize: number;
  readonly #packetBcc: Buffer;
  readonly #md5: string;
  readonly #hash = createHash('md5');
  /** Bytes of the packet that is coming. */
  readonly #packet: Buffer;
  #received = 0;
  #repeats = 0;

  constructor({ pinfo, fileSize, packetCount, packetSize, packetBcc, md5 }: OtaCommand) {
    this.softwareVersion = Number(pinfo.softwareVersion);
    this.#fileSize = fileSize;
    this.#packetCount = packetCount;
    this.#packetSize = packetSize;
    this.#packetBcc = Buffer.from(packetBcc.join(''), 'hex');
    this.#md5 = md5;
    this.#packet = Buffer.allocUnsafeSlow(Math.min(packetSize, fileSize));
  }

  /** All packets are here; whether they make up the file is for `isFileRight`. */
  get isComplete(): boolean {
    return this.pcnt > this.#packetCount;
  }

  /** Opens a request for the next packet, from its first byte on. */
  ask(): { pcnt: number; psize: number } {
    this.#received = 0;
    this.isWaiting = true;
    return { pcnt: this.pcnt, psize: this.#packetSize };
  }

  /** The connection is gone: the open request and what has come of its packet with it. */
  interrupt(): void {
    this.isWaiting = false;
  }

  /** Takes bytes from `start` up to the end of the packet at most; how many. Nothing is open any more once it is whole. */
  take(bytes: Buffer, start: number, end: number): number {
    const wanted = this.#length();
    const taken = Math.min(wanted - this.#received, end - start);
    bytes.copy(this.#packet, this.#received, start, start + taken);
    this.#received += taken;
    this.isWaiting = this.#received < wanted;
    return taken;
  }

  /** Judges the packet that is whole; `isSpoilt` makes it a wrong one. A good one moves on to the next. */
  judge(isSpoilt: boolean): 'good' | 'repeat' | 'failed' {
    const packet = this.#packet.subarray(0, this.#length());
    if (isSpoilt || xorOf(packet) !== this.#packetBcc[this.pcnt - 1]) {
      this.#repeats += 1;
      return this.#repeats > REPEATS_PER_PACKET ? 'failed' : 'repeat';
    }
    this.#hash.update(packet);
    this.#repeats = 0;
    this.pcnt += 1;
    return 'good';
  }

  /** Whether the packets together have the MD5 of the command. To be asked once, when all are here. */
  isFileRight(): boolean {
    return this.#hash.digest('hex').toUpperCase() === this.#md5;
  }

  #length(): number {
    return this.pcnt < this.#packetCount
      ? this.#packetSize
      : this.#fileSize - (this.#packetCount - 1) * this.#packetSize;
  }
}
