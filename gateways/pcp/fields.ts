/**
 * Single fields of PCP frames (PROTOCOLS 1.1, 1.4), shared by the codec of this folder: version strings, numbers as hex.
 */
import { requireField } from '../errors.ts';

/** Bytes of a version string on the wire. */
export const VERSION_BYTES = 16;

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
