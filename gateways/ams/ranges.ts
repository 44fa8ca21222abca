/**
 * What a `Range` header asks for of a file. Pure; every text gives an answer (RFC 9110, section 14).
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
