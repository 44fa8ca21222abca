/**
 * Lets calls through one after the other, no more than so many in a second. Counts by a clock that does not go back.
 */
import { setTimeout as delay } from 'node:timers/promises';

export class Pace {
  readonly #gapMs: number;
  #nextAtMs = 0;

  constructor(callsPerSecond: number) {
    this.#gapMs = 1_000 / callsPerSecond;
  }

  /** Waits for a turn; rejects when `signal` aborts first. */
  async turn(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const nowMs = performance.now();
    const atMs = Math.max(nowMs, this.#nextAtMs);
    this.#nextAtMs = atMs + this.#gapMs;
    if (atMs > nowMs) await delay(atMs - nowMs, undefined, signal === undefined ? {} : { signal });
  }
}
