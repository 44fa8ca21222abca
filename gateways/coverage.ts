/**
 * Which bytes of a file a device has been given, when it takes them in parts, in any order and more than once. Pure.
 */

/** A client that takes its parts from all over a file gets no more than this many holes noted. */
const PARTS_MAX = 256;

/** The bytes of one file that have been given away, each counted once. */
export class Coverage {
  /** Ascending, apart from each other; `to` is the byte behind the last one. */
  #parts: { from: number; to: number }[] = [];

  /** How many bytes. */
  get bytes(): number {
    return this.#parts.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /** Adds the bytes `from` to before `to`. */
  add(from: number, to: number): void {
    if (to <= from) return;
    const last = this.#parts.at(-1);
    // The usual case: the next bytes of a file that is read from its beginning.
    if (last !== undefined && last.from <= from && from <= last.to) {
      last.to = Math.max(last.to, to);
      return;
    }
    const apart = this.#parts.filter((part) => part.to < from || part.from > to);
    if (apart.length >= PARTS_MAX) return;
    const touching = this.#parts.filter((part) => part.to >= from && part.from <= to);
    const joined = {
      from: Math.min(from, ...touching.map((part) => part.from)),
      to: Math.max(to, ...touching.map((part) => part.to)),
    };
    this.#parts = [...apart, joined].toSorted((a, b) => a.from - b.from);
  }
}
