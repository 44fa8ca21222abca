/**
 * Parts of a file: what a `Range` header asks for, and which bytes a device has been given. Pure; every text gives an
 * answer (RFC 9110, section 14).
 */

/** What of a file is asked for. `end` is the byte behind the last one. */
export type AskedRange =
  /** Everything: no range, one in another unit or form, or several at once, which a server may ignore. */
  | { kind: 'whole' }
  /** `isSuffix`: counted from the end, so its start says nothing of what the device has. */
  | { kind: 'part'; start: number; end: number; isSuffix: boolean }
  /** There is no such byte. */
  | { kind: 'none' };

/** Reads a `Range` header against a file of `sizeBytes`. */
export function readRange(header: string | undefined, sizeBytes: number): AskedRange {
  const [, first, last] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return { kind: 'whole' };
  if (first === '') {
    // Digits beyond what a number holds become Infinity or lose their last places; either way they are larger than any file.
    const length = Math.min(Number(last), sizeBytes);
    if (length === 0) return { kind: 'none' };
    return { kind: 'part', start: sizeBytes - length, end: sizeBytes, isSuffix: true };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return { kind: 'whole' };
  if (start >= sizeBytes) return { kind: 'none' };
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return { kind: 'part', start, end, isSuffix: false };
}

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
