/**
 * Reading a log that many transactions write at once, without losing a row.
 *
 * Ids are given out when a row is inserted and rows appear when their transaction commits, so a row with a lower id may
 * appear after one with a higher id. Two pure parts: `Horizon` knows up to which id nothing can appear any more,
 * `Unseen` knows which ids above it have not been read yet. Times play no part in it.
 */

/** What was seen of a log, in this order: the last id given out, then who was writing. */
export interface LogMark {
  last: number;
  /** Transactions that hold the lock of a writer; each may still commit a row with an id up to `last`. */
  writers: ReadonlySet<string>;
}

/**
 * Up to which id a log is settled: every row is visible to a statement that begins now, or was rolled back and never
 * will be. It moves once all who were writing when an id was the last one have ended.
 */
export class Horizon {
  #settled = 0;
  #pending: { last: number; writers: Set<string> } | null = null;

  get settled(): number {
    return this.#settled;
  }

  /** Takes a newer look at the log into account and returns the settled id. */
  observe({ last, writers }: LogMark): number {
    if (this.#pending !== null) {
      for (const writer of this.#pending.writers) if (!writers.has(writer)) this.#pending.writers.delete(writer);
      if (this.#pending.writers.size === 0) {
        this.#settled = this.#pending.last;
        this.#pending = null;
      }
    }
    if (writers.size === 0) {
      this.#settled = Math.max(this.#settled, last);
      this.#pending = null;
    } else if (this.#pending === null && last > this.#settled) {
      this.#pending = { last, writers: new Set(writers) };
    }
    return this.#settled;
  }
}

/** A range of ids, both ends included. */
export interface IdRange {
  from: number;
  to: number;
}

const END = Number.MAX_SAFE_INTEGER;

/** The ids of a log that were not read yet, as ranges; the last one has no end. */
export class Unseen {
  #ranges: IdRange[];

  /** Everything behind `after`. */
  constructor(after: number) {
    this.#ranges = [{ from: after + 1, to: END }];
  }

  /** In ascending order. */
  get ranges(): readonly IdRange[] {
    return this.#ranges;
  }

  /** Takes out an id that was read. */
  remove(id: number): void {
    const index = this.#find(id);
    const range = this.#ranges[index];
    if (range === undefined || range.from > id) return;
    const rest = [
      { from: range.from, to: id - 1 },
      { from: id + 1, to: range.to },
    ].filter(({ from, to }) => from <= to);
    this.#ranges.splice(index, 1, ...rest);
  }

  /** Takes out everything up to an id: what was not there will never be. */
  removeUpTo(id: number): void {
    this.#ranges.splice(0, this.#find(id + 1));
    const [first] = this.#ranges;
    if (first !== undefined && first.from <= id) this.#ranges[0] = { from: id + 1, to: first.to };
  }

  /** Index of the first range that does not end before `id`. */
  #find(id: number): number {
    let low = 0;
    let high = this.#ranges.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle]!.to < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
