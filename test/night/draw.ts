/**
 * Chance that repeats: everything a simulation decides is drawn from a seed, so a seed that fails fails again.
 */

/** A source of drawn values; the same seed gives the same ones. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not begin alike.
    this.#state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) >>> 0;
  }

  /** 0 up to, not including, 1 (mulberry32). */
  share(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.share() * (most - least + 1));
  }

  /** Small ones as often as large ones: each order of magnitude has the same chance. */
  magnitude(least: number, most: number): number {
    return least * (most / least) ** this.share();
  }

  chance(share: number): boolean {
    return this.share() < share;
  }

  oneOf<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.share() * items.length)]!;
  }
}
