/**
 * Notices that this process stood still: it was stopped, its machine was paused or moved, the system gave it no time.
 * Whoever stood still for long has probably been replaced meanwhile: its devices have connected elsewhere, its offers
 * have been closed, and what it was about to say it must not say any more. It does not know that yet when it wakes, so
 * each frame looks here before it leaves.
 *
 * Two clocks, because each may stand still, too: the steady one sleeps with the machine, the other one is set.
 */

/** How often a process that runs shows that it does. */
const BEAT_MS = 250;
/** After so long, what was allowed before is asked about once more. */
const SHORT_MS = 1_000;
/** After so long connections end: devices that are still there connect again and say where they are. */
const LONG_MS = 5_000;
/** After a long standstill nobody is listened to for so long: what lies in the buffers was said before it or during it. */
const DEAF_MS = 500;

/** The standstills of one process. */
export class Standstills {
  #steadyMs = 0;
  #wallMs = 0;
  #short = 0;
  #long = 0;
  #deafUntilMs = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #listeners = new Set<(forMs: number) => void>();
  readonly #clocks: () => readonly [steadyMs: number, wallMs: number];

  constructor(clocks: () => readonly [steadyMs: number, wallMs: number] = () => [performance.now(), Date.now()]) {
    this.#clocks = clocks;
  }

  /** Hears of long standstills, before anything else is done after them; the answer ends that. */
  subscribe(onLong: (forMs: number) => void): () => void {
    this.#listeners.add(onLong);
    if (this.#timer === undefined) {
      [this.#steadyMs, this.#wallMs] = this.#clocks();
      this.#timer = setInterval(() => this.look(), BEAT_MS);
      this.#timer.unref();
    }
    return () => {
      this.#listeners.delete(onLong);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Looks whether there was one just now. To be called by whoever is about to act on what arrived before. */
  look(): void {
    if (this.#timer === undefined) return;
    const [steadyMs, wallMs] = this.#clocks();
    const forMs = Math.max(steadyMs - this.#steadyMs, wallMs - this.#wallMs);
    [this.#steadyMs, this.#wallMs] = [steadyMs, wallMs];
    if (forMs < SHORT_MS) return;
    this.#short += 1;
    if (forMs < LONG_MS) return;
    this.#long += 1;
    this.#deafUntilMs = steadyMs + DEAF_MS;
    for (const listener of this.#listeners) listener(forMs);
  }

  /** Long standstills so far. */
  get long(): number {
    this.look();
    return this.#long;
  }

  /** Standstills so far, short ones and long ones. */
  get all(): number {
    this.look();
    return this.#short;
  }

  /** There was a long one just now: what arrives may be old. */
  get isDeaf(): boolean {
    this.look();
    return this.#clocks()[0] < this.#deafUntilMs;
  }
}

/** Milliseconds since now, by the clock that has gone further: a pause of the machine counts. */
export function stopwatch(): () => number {
  const [steadyMs, wallMs] = [performance.now(), Date.now()];
  return () => Math.max(performance.now() - steadyMs, Date.now() - wallMs);
}

/** Those of this process. */
export const standstills = new Standstills();
