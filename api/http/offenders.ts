/** So many are remembered, the latest. */
const ADDRESSES = 1_000;

/**
 * Addresses from which no connection is taken for a while: what is read at once from a connection is parsed to its end,
 * even when its first requests were too many, and whoever does that with every connection keeps others waiting.
 *
 * A proxy in front of us waits for each answer, so it never becomes one.
 */
export class Offenders {
  readonly #untilMs = new Map<string, number>();
  readonly #forMs: number;

  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  /** From now on, and for the whole time again. */
  add(address: string): void {
    this.#untilMs.delete(address);
    this.#untilMs.set(address, performance.now() + this.#forMs);
    const [oldest] = this.#untilMs.keys();
    if (this.#untilMs.size > ADDRESSES && oldest !== undefined) this.#untilMs.delete(oldest);
  }

  has(address: string): boolean {
    const untilMs = this.#untilMs.get(address);
    if (untilMs === undefined) return false;
    if (untilMs > performance.now()) return true;
    this.#untilMs.delete(address);
    return false;
  }
}
