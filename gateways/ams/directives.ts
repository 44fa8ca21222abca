/**
 * What a tracker is told to fetch: the directive for its open offer, if it has one and may be told now. Sent as the
 * answer to a version upload, because that is the only time a tracker listens.
 */
import { createHash } from 'node:crypto';
import { AMS_PROTOCOL, type AmsContext } from './context.ts';
import type { AmsFiles } from './files.ts';
import type { Transfers } from '../transfers.ts';
import type { OpenOffer } from '../devices.ts';

/** The file a tracker is to fetch (PROTOCOLS 10). */
export interface Directive {
  url: string;
  size: number;
  /** Lower-case hex. */
  md5: string;
  version: string;
  /** `T1`..`T5`. */
  component: string;
  /** When the address ends, at the latest; ISO 8601. */
  expires: string;
}

/** Hashing some megabytes takes a moment, and thousands of trackers are told of the same file. */
const hashes = new WeakMap<Buffer, string>();

/** Finds directives. */
export class Directives {
  readonly #context: AmsContext;
  readonly #transfers: Transfers;
  readonly #files: AmsFiles;
  readonly #publicUrl: string | undefined;
  /** Uploads that wait for an offer, by device. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #waits = 0;
  /** Devices of which something was heard that another offer may follow from, until when. */
  readonly #expected = new Map<string, number>();

  constructor(context: AmsContext, transfers: Transfers, files: AmsFiles, publicUrl: string | undefined) {
    this.#context = context;
    this.#transfers = transfers;
    this.#files = files;
    this.#publicUrl = publicUrl?.replace(/\/+$/, '');
  }

  /** The messages of a device have changed: whoever waits for them looks again. */
  messagesChanged(deviceId: string): void {
    for (const look of this.#waiting.get(deviceId) ?? []) look();
  }

  messagesUncertain(): void {
    for (const deviceId of this.#waiting.keys()) this.messagesChanged(deviceId);
  }

  /** The device has given up: its next upload, if it comes soon, waits for the offer that may follow. */
  expect(deviceId: string): void {
    const nowMs = performance.now();
    for (const [known, untilMs] of this.#expected) {
      if (untilMs > nowMs) break; // the rest came later
      this.#expected.delete(known);
    }
    this.#expected.delete(deviceId);
    this.#expected.set(deviceId, nowMs + this.#context.times.expectMs);
  }

  /**
   * The directive for a device. With `mayCome` something is about to follow from what it has just said: a little while
   * is waited for that, because a tracker that asks once a day would lose a day.
   */
  async find(deviceId: string, origin: string, mayCome: boolean): Promise<Directive | null> {
    // A terminal with an IMEI may upload versions, too; its offers go another way.
    if (!deviceId.startsWith(`${AMS_PROTOCOL}-`)) return null;
    const { counters, limits, times } = this.#context;
    const isExpected = (this.#expected.get(deviceId) ?? 0) > performance.now();
    const mayWait = (mayCome || isExpected) && this.#waits < limits.waitingUploads;
    if (!mayWait) return this.#look(deviceId, origin);
    const untilMs = performance.now() + times.offerWaitMs;
    let hasWaited = false;
    this.#waits += 1;
    try {
      for (;;) {
        const change = this.#nextChange(deviceId);
        try {
          const found = await this.#look(deviceId, origin);
          const leftMs = untilMs - performance.now();
          if (found !== null || leftMs <= 0) {
            if (hasWaited && found === null) counters.offerWaitsInVain += 1;
            return found;
          }
          if (!hasWaited) counters.offerWaits += 1;
          hasWaited = true;
          await change.within(leftMs);
        } finally {
          change.forget();
        }
      }
    } finally {
      this.#waits -= 1;
    }
  }

  async #look(deviceId: string, origin: string): Promise<Directive | null> {
    const offer = await this.#context.host.openOffer(deviceId);
    if (offer === null || this.#transfers.isFinished(offer)) return null;
    // Before it is claimed: what cannot be fetched must not count as sent.
    const file = await this.#transfers.fileOf(offer);
    if (file === null || !(await this.#mayTell(offer))) return null;
    const base = this.#publicUrl ?? origin;
    return {
      url: `${base}${this.#files.pathOf(offer)}`,
      size: offer.sizeBytes,
      md5: md5Of(file),
      version: offer.targetVersion,
      component: offer.component,
      expires: new Date(offer.expiresAtMs).toISOString(),
    };
  }

  async #mayTell(offer: OpenOffer): Promise<boolean> {
    const { host, counters, times } = this.#context;
    const { lastSentAtMs, firstRequestAtMs } = offer;
    const isDue = lastSentAtMs === null || Date.now() - lastSentAtMs >= times.repeatMs;
    if (firstRequestAtMs === null && isDue) {
      const claimed = await host.claimSend(offer);
      if (claimed) counters.directives += 1;
      return claimed;
    }
    const isRepeated = await host.repeatSend(offer);
    if (isRepeated) counters.directivesRepeated += 1;
    return isRepeated;
  }

  #nextChange(deviceId: string): { within(ms: number): Promise<void>; forget(): void } {
    let hasChanged = false;
    let wake = () => {};
    const look = () => {
      hasChanged = true;
      wake();
    };
    const looks = this.#waiting.get(deviceId) ?? new Set();
    this.#waiting.set(deviceId, looks.add(look));
    return {
      within: (ms) =>
        new Promise((resolve) => {
          if (hasChanged) return resolve();
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        }),
      forget: () => {
        looks.delete(look);
        if (looks.size === 0) this.#waiting.delete(deviceId);
      },
    };
  }
}

function md5Of(file: Buffer): string {
  const known = hashes.get(file) ?? createHash('md5').update(file).digest('hex');
  hashes.set(file, known);
  return known;
}
