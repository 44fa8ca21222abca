/**
 * Tries one input on a parser: twice, in the middle of different neighbours, so that a reader that looks beyond its
 * input or does not always say the same is found out. And measures how its time grows with the length of an input.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Parser } from './parser.ts';

const NEIGHBOURS = [0x00, 0x2b] as const;
const NEIGHBOUR_BYTES = 40;

/** Why an input breaks a promise; null: all promises hold. */
export async function fault(parser: Parser, input: Buffer): Promise<string | null> {
  const results: unknown[] = [];
  try {
    for (const neighbour of NEIGHBOURS) {
      const ground = Buffer.alloc(input.length + 2 * NEIGHBOUR_BYTES, neighbour);
      input.copy(ground, NEIGHBOUR_BYTES);
      const bytes = ground.subarray(NEIGHBOUR_BYTES, NEIGHBOUR_BYTES + input.length);
      results.push(await parser.read(bytes));
      if (!bytes.equals(input)) return 'the reader changes its input';
      if (ground.subarray(0, NEIGHBOUR_BYTES).some((byte) => byte !== neighbour)) return 'the reader writes elsewhere';
    }
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return isDeepStrictEqual(results[0], results[1]) ? null : 'the same bytes are read in two ways';
}

/** How the time of a parser grows when an input gets four times as long. */
export interface Growth {
  parser: string;
  text: string;
  bytes: number;
  ms: number;
  /** How many times as long a four times longer input took; null: too quick to tell. */
  factor: number | null;
}

/** A linear reader takes 4 times as long, a quadratic one 16 times. */
export const MOST_GROWTH = 10;
const LONG_BYTES = 1_048_576;
/** A quadratic reader takes far longer than this for a megabyte. */
const QUICK_MS = 60;
const TRIES = 3;

/** Measures each kind of long input a parser has. */
export async function growths(parser: Parser): Promise<Growth[]> {
  const bytes = parser.longBytes ?? LONG_BYTES;
  const found: Growth[] = [];
  for (const [text, make] of Object.entries(parser.long)) {
    const [long, short] = [make(bytes), make(bytes / 4)];
    let ms = await timeOf(parser, long);
    let factor: number | null = null;
    // Whoever is disturbed is measured again: noise makes a time longer, never shorter.
    for (
      let attempt = 0;
      attempt < TRIES && ms >= QUICK_MS && (factor === null || factor > MOST_GROWTH);
      attempt += 1
    ) {
      const shortMs = Math.max(await timeOf(parser, short), await timeOf(parser, short), 1);
      ms = Math.min(ms, await timeOf(parser, long));
      factor = ms / shortMs;
    }
    found.push({ parser: parser.name, text, bytes: long.length, ms, factor });
  }
  return found;
}

/** Computing time of this process for one reading. */
async function timeOf(parser: Parser, input: Buffer): Promise<number> {
  const before = process.cpuUsage();
  await parser.read(input);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
