/**
 * A file as fragments (PROTOCOLS 1.4): all full but the last, which is short and not padded; the first has index 0.
 */
import { requireInteger } from '../errors.ts';

export const FRAGMENT_SIZE_MIN = 32;
export const FRAGMENT_SIZE_MAX = 500;
export const DEFAULT_FRAGMENT_SIZE = 500;
/** The count has 16 bits. */
export const FRAGMENT_TOTAL_MAX = 0xffff;

/** How many fragments a file has. Throws `invalid_field` when it is empty or has more than 65 535. */
export function fragmentTotal(fileSize: number, fragmentSize: number): number {
  requireInteger('fragmentSize', fragmentSize, FRAGMENT_SIZE_MIN, FRAGMENT_SIZE_MAX);
  requireInteger('fileSize', fileSize, 1, fragmentSize * FRAGMENT_TOTAL_MAX);
  return Math.ceil(fileSize / fragmentSize);
}

/** The bytes of one fragment, as a view of the file; null when there is no such fragment. */
export function fragmentOf(file: Buffer, fragmentSize: number, index: number): Buffer | null {
  const total = fragmentTotal(file.length, fragmentSize);
  if (!Number.isInteger(index) || index < 0 || index >= total) return null;
  return file.subarray(index * fragmentSize, (index + 1) * fragmentSize);
}
