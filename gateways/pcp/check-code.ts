/**
 * The check code of a PCP frame (PROTOCOLS 1.2): 16 bits over the whole frame, its own field counted as 0000.
 *
 * The document names CRC16/CCITT, but no standard variant fits what devices send: the table is the one of a CRC that
 * shifts the most significant bit first, the loop that of one that shifts the least significant bit first. It is no
 * true cyclic code, so no library computes it.
 */

const POLYNOMIAL = 0x1021;

/** Where the check code stands in a frame. */
export const CHECK_CODE_OFFSET = 4;

const TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let value = index << 8;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 0x8000) === 0 ? value << 1 : (value << 1) ^ POLYNOMIAL;
  return value;
});

/** The check code of the frame in `bytes` from `start` up to, not including, `end`; what its field holds is ignored. */
export function checkCodeOf(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const field = start + CHECK_CODE_OFFSET;
  let register = taken(0, bytes, start, Math.min(field, end));
  // The two bytes of the field count as 00, as far as there are any.
  for (let at = field; at < Math.min(field + 2, end); at += 1) register = next(register, 0);
  register = taken(register, bytes, field + 2, end);
  return register;
}

function taken(before: number, bytes: Uint8Array, from: number, to: number): number {
  let register = before;
  for (let at = from; at < to; at += 1) register = next(register, bytes[at] as number);
  return register;
}

function next(register: number, byte: number): number {
  return (register >> 8) ^ (TABLE[(register ^ byte) & 0xff] as number);
}
