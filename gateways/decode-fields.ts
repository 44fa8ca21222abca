/**
 * Reading the input lines of the decoder: the bytes in them, and what they tell about the device beside the bytes.
 *
 * Captures come from many hands, so that names are matched without regard to case and signs, and whole numbers may be
 * written as text.
 */

/** A JSON object. */
export type Json = Record<string, unknown>;

/** An input line that cannot be used at all, as opposed to bytes that are wrong. */
export class BadInput extends Error {}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The bytes of an input as text. */
export function inputText(input: Json): string {
  if (typeof input.text === 'string') return input.text;
  if (typeof input.hex === 'string') return hexBytes(input.hex).toString('utf8');
  throw new BadInput('text or hex is missing');
}

/** The bytes of an input. */
export function inputBytes(input: Json): Buffer {
  if (typeof input.hex === 'string') return hexBytes(input.hex);
  if (typeof input.text === 'string') return Buffer.from(input.text, 'utf8');
  throw new BadInput('hex or text is missing');
}

/** Pairs of hex digits, white space anywhere. */
export function hexBytes(hex: string): Buffer {
  const digits = hex.replace(/\s+/g, '');
  if (!/^(?:[0-9A-Fa-f]{2})*$/.test(digits)) throw new BadInput('hex must be pairs of hex digits');
  return Buffer.from(digits, 'hex');
}

/** One of the allowed words; null when there is none. */
export function oneOf<Text extends string>(name: string, value: unknown, allowed: readonly Text[]): Text | null {
  if (value === undefined || value === null) return null;
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new BadInput(`${name} must be one of ${allowed.join(', ')}`);
  return found;
}

/** The first value that one of the objects has under one of the names, which are in lower case without signs. */
export function told(objects: readonly unknown[], names: readonly string[]): unknown {
  for (const object of objects) {
    if (!isObject(object)) continue;
    for (const [key, value] of Object.entries(object)) {
      if (value !== undefined && value !== null && names.includes(plainName(key))) return value;
    }
  }
  return undefined;
}

/** The same for a whole number; null when there is none. */
export function toldNumber(objects: readonly unknown[], names: readonly string[]): number | null {
  const value = told(objects, names);
  const number = typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

/** The objects that an input has under these names, the input itself behind them. */
export function placesOf(input: Json, names: readonly string[]): Json[] {
  const inner = Object.entries(input).filter(([key]) => names.includes(plainName(key)));
  return [...inner.map(([, value]) => value).filter(isObject), input];
}

function plainName(key: string): string {
  return key.toLowerCase().replace(/[^a-z0-9]/g, '');
}
