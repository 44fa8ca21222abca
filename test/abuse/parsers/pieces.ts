/** Streams cut at several places: what comes out must not depend on where. */
import { isDeepStrictEqual } from 'node:util';
import { demand } from '../fuzz/parser.ts';

/** Longest input that is cut at every byte; longer ones at so many places. */
const EVERY_BYTE = 40;
const PLACES = 10;
/** Longest input that also comes byte by byte. */
const SINGLE_BYTES = 160;
/** Longer ones come once more, in pieces as a network makes them. */
const LONG_BYTES = 16_384;
const NETWORK_BYTES = 1_460;

/**
 * Demands that a reading is the same however the bytes come: whole, byte by byte, and cut in two at places all over.
 *
 * @param read reads the pieces with a reader of its own
 */
export function sameInPieces<T>(input: Buffer, read: (pieces: readonly Buffer[]) => T): T {
  const whole = read([input]);
  if (input.length > LONG_BYTES) {
    const pieces = Array.from({ length: Math.ceil(input.length / NETWORK_BYTES) }, (_, at) =>
      input.subarray(at * NETWORK_BYTES, (at + 1) * NETWORK_BYTES),
    );
    demand(isDeepStrictEqual(read(pieces), whole), 'in pieces as of a network it is read in another way');
    return whole;
  }
  const step = input.length <= EVERY_BYTE ? 1 : Math.ceil(input.length / PLACES);
  for (let at = step; at < input.length; at += step) {
    const cut = read([input.subarray(0, at), input.subarray(at)]);
    demand(isDeepStrictEqual(cut, whole), `cut at byte ${at} of ${input.length} it is read in another way`);
  }
  if (input.length <= SINGLE_BYTES) {
    const single = Array.from(input, (_, at) => input.subarray(at, at + 1));
    demand(isDeepStrictEqual(read(single), whole), 'byte by byte it is read in another way');
  }
  return whole;
}
