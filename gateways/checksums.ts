/**
 * Check codes and digests that are standards or shared: XOR over bytes or text, CRC-16/MODBUS, MD5 as hex.
 *
 * Check codes that belong to one protocol only live in that protocol's folder.
 */
import { createHash } from 'node:crypto';

const HEX_BYTES = Array.from({ length: 256 }, (_, value) => value.toString(16).toUpperCase().padStart(2, '0'));

/** One byte as two upper-case hex digits; only the low eight bits count. */
export function hexByte(value: number): string {
  return HEX_BYTES[value & 0xff] as string;
}

/** XOR of the bytes from `start` up to, not including, `end`. */
export function xorOf(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let xor = 0;
  for (let index = start; index < end; index += 1) xor ^= bytes[index] as number;
  return xor;
}

/** XOR of the characters of a one-byte-per-character text. */
export function xorOfText(text: string): number {
  let xor = 0;
  for (let index = 0; index < text.length; index += 1) xor ^= text.charCodeAt(index);
  return xor & 0xff;
}

/** MD5 as 32 upper-case hex digits, the spelling of the upgrade commands. */
export function md5Hex(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex').toUpperCase();
}

/** CRC-16/MODBUS: polynomial 8005 reflected (A001), start FFFF, no final XOR. */
const MODBUS_TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

/** CRC-16/MODBUS of the bytes from `start` up to, not including, `end`. */
export function crc16Modbus(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0xffff;
  for (let index = start; index < end; index += 1) {
    crc = (crc >> 8) ^ (MODBUS_TABLE[(crc ^ (bytes[index] as number)) & 0xff] as number);
  }
  return crc;
}
