/**
 * Makes a new input of known ones: bytes changed, pieces put in, taken out, repeated, swapped or joined to another
 * input, numbers pushed to their limits; and often the check codes made right again.
 */
import type { Parser } from './parser.ts';
import type { Random } from '../../support/random-bytes.ts';

const EDGES = [
  '0',
  '-1',
  '1',
  '255',
  '256',
  '65535',
  '65536',
  '4294967295',
  '4294967296',
  '999999999999999999999',
  '1e9',
];
const BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x20, 0x22, 0x27, 0x2c, 0x2e, 0x2f, 0x5c];

/** One input that nobody has tried, most likely. */
export function mutate(parser: Parser, known: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(pick(known, random));
  const changes = 1 + random(random(4) === 0 ? 12 : 3);
  for (let change = 0; change < changes; change += 1) bytes = changed(parser, bytes, known, random);
  if (parser.repair !== undefined && random(3) > 0) bytes = parser.repair(bytes, random);
  return bytes.subarray(0, parser.maxBytes);
}

function changed(parser: Parser, bytes: Buffer, known: readonly Buffer[], random: Random): Buffer {
  const at = random(bytes.length + 1);
  const length = Math.min(bytes.length - at, 1 + random(random(3) === 0 ? 64 : 6));
  switch (random(11)) {
    case 0:
      return replaced(bytes, at, 1, Buffer.of(random(256)));
    case 1:
      return replaced(bytes, at, 1, Buffer.of(pick(BYTES, random)));
    case 2: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = flipped[at]! ^ (1 << random(8));
      return flipped;
    }
    case 3:
      return replaced(bytes, at, length, Buffer.alloc(0));
    case 4:
      return replaced(bytes, at, 0, bytes.subarray(at, at + length));
    case 5:
      return replaced(bytes, at, 0, tokenOf(parser, random));
    case 6:
      return replaced(bytes, at, length, tokenOf(parser, random));
    case 7: {
      const other = pick(known, random);
      const from = random(other.length + 1);
      return replaced(bytes, at, random(2) === 0 ? 0 : bytes.length, other.subarray(from, from + 1 + random(200)));
    }
    case 8:
      return withNumber(bytes, pick(EDGES, random), random);
    case 9: {
      // swaps two neighbours
      const [left, right] = [bytes.subarray(at, at + length), bytes.subarray(at + length, at + 2 * length)];
      return replaced(bytes, at, left.length + right.length, Buffer.concat([right, left]));
    }
    default:
      return replaced(
        bytes,
        at,
        0,
        Buffer.concat(Array.from({ length: 2 + random(40) }, () => tokenOf(parser, random))),
      );
  }
}

/** Puts another number where one is written in digits. */
function withNumber(bytes: Buffer, number: string, random: Random): Buffer {
  const numbers = [...bytes.toString('latin1').matchAll(/\d+/g)];
  if (numbers.length === 0) return bytes;
  const { index, 0: text } = pick(numbers, random);
  return replaced(bytes, index, text.length, Buffer.from(number));
}

function tokenOf({ tokens }: Parser, random: Random): Buffer {
  if (tokens.length === 0 || random(8) === 0) return Buffer.of(random(256));
  const token = pick(tokens, random);
  return typeof token === 'string' ? Buffer.from(token, 'utf8') : token;
}

function replaced(bytes: Buffer, at: number, length: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)]);
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random(list.length)] as T;
}
