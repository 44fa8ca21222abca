/**
 * What the fuzzer needs to know of a parser: what to begin with, what means something to it, and how to read an input
 * and judge what came out.
 */
import type { Random } from '../../support/random-bytes.ts';

/** A parser of the program, with everything that must hold for any input whatever. */
export interface Parser {
  name: string;
  /** Good inputs, and bad ones that are known. */
  seeds(): readonly Buffer[];
  /** Pieces that mean something to it. */
  tokens: readonly (string | Buffer)[];
  /** Longest input that is tried. */
  maxBytes: number;
  /**
   * Reads the input and checks what must hold. What it returns must be the same for the same bytes, wherever they are.
   *
   * @throws whatever breaks a promise: a `Violation`, or the parser's own error where it must not throw
   */
  read(input: Buffer): unknown;
  /** Makes check codes and lengths right again, so that mutated inputs come further than the first check. */
  repair?(input: Buffer, random: Random): Buffer;
  /** Long inputs that a careless reader needs quadratic time for: about so many bytes of each. */
  long: Readonly<Record<string, (bytes: number) => Buffer>>;
  /** Largest long input; more is refused unread. */
  longBytes?: number;
}

/** A promise that an input breaks. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Says what does not hold. */
export function demand(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new Violation(promise);
}

/** A text repeated until it has so many characters, between a beginning and an end. */
export function repeated(text: string, bytes: number, head = '', tail = ''): Buffer {
  return Buffer.from(head + text.repeat(Math.max(1, Math.ceil(bytes / text.length))) + tail, 'utf8');
}
