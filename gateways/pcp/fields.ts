/**
 * Single fields of PCP frames (PROTOCOLS 1.1, 1.4), shared by the codec of this folder: version strings, numbers as hex.
 */
import { GatewayError } from '../errors.ts';

/** Bytes of a version string on the wire. */
export const VERSION_BYTES = 16;

const EXCERPT_BYTES = 32;

/** The version string at `offset`: its bytes up to the first 00, all 16 when there is none. */
export function readVersionText(bytes: Uint8Array, offset: number): string {
  const field = Buffer.from(bytes.buffer, bytes.byteOffset + offset, VERSION_BYTES);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? VERSION_BYTES : end);
}

/** A version string as its 16 bytes, 00 on the right. Throws `invalid_field` when it does not fit or is not ASCII. */
export function versionBytes(name: string, version: string): Buffer {
  requireField(/^[\x20-\x7e]{1,16}$/.test(version), name, version, '1 to 16 printable ASCII characters');
  const bytes = Buffer.alloc(VERSION_BYTES);
  bytes.write(version, 'latin1');
  return bytes;
}

/** A WORD, high byte first. */
export function readWord(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
}

/** A WORD as its two bytes. */
export function wordBytes(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

/** A number as upper-case hex with leading zeros. */
export function hexOf(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/** At most 32 bytes of a range as upper-case hex. */
export function hexExcerpt(bytes: Uint8Array, start: number, end: number = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('hex', start, Math.min(end, start + EXCERPT_BYTES))
    .toUpperCase();
}

/** Refuses to build a frame with a value the protocol cannot carry. Throws `invalid_field`. */
export function requireField(holds: boolean, name: string, value: unknown, form: string): void {
  if (!holds) throw new GatewayError('invalid_field', `${name} must be ${form}`, { field: name, value });
}

/** The same for a whole number within bounds. */
export function requireInteger(name: string, value: number, min: number, max: number): void {
  requireField(Number.isInteger(value) && value >= min && value <= max, name, value, `an integer ${min}..${max}`);
}
