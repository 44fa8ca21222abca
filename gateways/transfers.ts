/**
 * Transfers as this process sees them, of devices that fetch their file by themselves: which responses are under way for which offer, what of the file has been given
 * away, and the end of all of that when the offer ends.
 *
 * Nothing that matters is kept here: the offer is a row, and where a device goes on is in its request.
 */
import { Coverage } from './coverage.ts';
import type { DeviceHost, GatewayLog, OpenOffer } from './devices.ts';
import { GatewayError } from './errors.ts';
import type { FileCache } from './file-cache.ts';

/** What a failure is called when the bytes of the file are not what they were; no word of a device. */
export const FILE_DAMAGED = 'file_damaged';
/** Timers take no more. */
const TIMER_MAX_MS = 2_147_483_647;
/** Transfers nobody has asked anything of are forgotten beyond this many. */
const HELD_MAX = 20_000;

/** What transfers need of the gateway they belong to. */
export interface TransferContext {
  /** What failures are reported under. */
  protocol: string;
  host: DeviceHost;
  files: FileCache;
  log: GatewayLog;
  limits: { readonly downloadsPerDevice: number };
  counters: { downloadBytes: number; downloadsEnded: number };
}

/** One response with bytes. */
export interface Flow {
  readonly signal: AbortSignal;
  /** So many more bytes have been handed to the socket. */
  sent: (bytes: number) => void;
  /** It is over, complete or not. */
  done: () => void;
}

/** The transfer of one offer. */
class Transfer {
  readonly offer: OpenOffer;
  readonly flows = new Set<AbortController>();
  readonly coverage = new Coverage();
  /** What was said of it last: it only rises. */
  shownBytes = 0;

  constructor(offer: OpenOffer) {
    this.offer = offer;
  }
}

/** The transfers of one gateway. */
export class Transfers {
  readonly #context: TransferContext;
  /** By device: a device has at most one open offer. Those used last come last. */
  readonly #held = new Map<string, Transfer>();

  constructor(context: TransferContext) {
    this.#context = context;
  }

  /** Devices with a transfer here. */
  get devices(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** Responses under way. */
  get flows(): number {
    let flows = 0;
    for (const transfer of this.#held.values()) flows += transfer.flows.size;
    return flows;
  }

  /** The offer of a device as it was when something was last asked of it here; for when the database is away. */
  lastOffer(deviceId: string): OpenOffer | null {
    return this.#held.get(deviceId)?.offer ?? null;
  }

  /** Whether the last byte went out here; the row may not say so yet. */
  isFinished(offer: OpenOffer): boolean {
    const held = this.#held.get(offer.deviceId);
    const isHere = held?.offer.id === offer.id && held.shownBytes === offer.sizeBytes;
    return isHere || offer.finishedAtMs !== null;
  }

  /** The device itself says how far it is. */
  told(offer: OpenOffer, bytes: number): void {
    const transfer = this.#of(offer);
    this.#show(transfer, bytes);
  }

  /**
   * A response with bytes from `start` on begins. A device that asks for one part at a time has what comes before it,
   * wherever it got that; with `isSuffix`, or several parts at a time, only what was given away here counts.
   */
  begin(offer: OpenOffer, start: number, isSuffix: boolean): Flow {
    const transfer = this.#of(offer);
    const { flows, coverage } = transfer;
    if (flows.size === 0 && !isSuffix) coverage.add(0, start);
    if (flows.size >= this.#context.limits.downloadsPerDevice) {
      // A radio that was lost leaves connections behind on which nobody reads.
      const [oldest] = flows;
      oldest?.abort();
    }
    const flow = new AbortController();
    flows.add(flow);
    const expiry = setTimeout(
      () => {
        this.#context.counters.downloadsEnded += 1;
        flow.abort();
      },
      Math.min(Math.max(0, offer.expiresAtMs - Date.now()), TIMER_MAX_MS),
    );
    let at = start;
    return {
      signal: flow.signal,
      sent: (bytes) => {
        this.#context.counters.downloadBytes += bytes;
        coverage.add(at, at + bytes);
        at += bytes;
        this.#show(transfer, coverage.bytes);
      },
      done: () => {
        clearTimeout(expiry);
        flows.delete(flow);
      },
    };
  }

  /** The messages of a device have changed: if its offer is not the open one any more, nothing more of it leaves. */
  async look(deviceId: string): Promise<void> {
    const transfer = this.#held.get(deviceId);
    if (transfer === undefined) return;
    const offer = await this.#context.host.openOffer(deviceId);
    if (offer?.id === transfer.offer.id || this.#held.get(deviceId) !== transfer) return;
    this.#held.delete(deviceId);
    this.#cut(transfer);
  }

  /** The bytes of an offer's file; null after reporting that they are damaged. */
  async fileOf(offer: OpenOffer): Promise<Buffer | null> {
    const { files, host, log, protocol } = this.#context;
    try {
      return await files.get(offer.sha256);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'file_damaged') throw error;
      log.error(
        { err: error, deviceId: offer.deviceId, sha256: offer.sha256 },
        'the stored bytes of a file are damaged',
      );
      await host.failed(offer, { protocol, errcode: null, kind: FILE_DAMAGED });
      return null;
    }
  }

  #of(offer: OpenOffer): Transfer {
    const { deviceId } = offer;
    let transfer = this.#held.get(deviceId);
    this.#held.delete(deviceId);
    if (transfer?.offer.id !== offer.id) {
      if (transfer !== undefined) this.#cut(transfer);
      transfer = new Transfer(offer);
    }
    this.#held.set(deviceId, transfer);
    if (this.#held.size > HELD_MAX) this.#forget();
    return transfer;
  }

  #show(transfer: Transfer, bytes: number): void {
    const { offer } = transfer;
    const { id: offerId, deviceId, sizeBytes } = offer;
    transfer.shownBytes = Math.max(transfer.shownBytes, bytes);
    const finished = transfer.shownBytes === sizeBytes;
    this.#context.host.progress({ offerId, deviceId, bytes: transfer.shownBytes, finished });
  }

  #cut(transfer: Transfer): void {
    this.#context.counters.downloadsEnded += transfer.flows.size;
    for (const flow of transfer.flows) flow.abort();
  }

  #forget(): void {
    for (const [deviceId, { flows }] of this.#held) {
      if (flows.size > 0) continue;
      this.#held.delete(deviceId);
      return;
    }
  }
}
