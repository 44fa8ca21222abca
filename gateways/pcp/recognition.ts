/**
 * Is it PCP or a business message? (PROTOCOLS 1.3) Both arrive at the same address, and the first check that fails
 * makes it a business message, which is never an error of an upgrade.
 *
 * The first two checks of the document (the device supports upgrades, and by PCP) belong to whoever knows the device.
 */
import { hexExcerpt } from '../errors.ts';
import { checkCodeOf, CHECK_CODE_OFFSET } from './check-code.ts';
import { readWord } from './fields.ts';
import { PCP_CODE_NAMES, type PcpBusiness, type PcpCode, type PcpHeader, type PcpReason } from './frames.ts';

/** Bytes before the data area. */
export const HEADER_BYTES = 8;
/** First two bytes of every frame. */
export const START_MARK = 0xfffe;
export const PROTOCOL_VERSION = 1;

const VERSION_OFFSET = 2;
const CODE_OFFSET = 3;
const LENGTH_OFFSET = 6;

/** The header of the payload, or why the payload is not PCP. A payload is exactly one message. */
export function recognise(payload: Uint8Array): PcpHeader | PcpBusiness {
  if (payload.length < 2 || readWord(payload, 0) !== START_MARK) return business('magic', payload, 0);
  if (payload.length < HEADER_BYTES) return business('too_short', payload, payload.length);
  if (readVersion(payload, 0) !== PROTOCOL_VERSION) return business('version', payload, VERSION_OFFSET);
  const code = readCode(payload, 0);
  if (!isPcpCode(code)) return business('code', payload, CODE_OFFSET);
  const checkCode = readCheckCode(payload, 0);
  const expectedCheckCode = checkCodeOf(payload);
  if (checkCode !== expectedCheckCode) {
    return { ...business('crc', payload, CHECK_CODE_OFFSET), expectedCheckCode };
  }
  const dataLength = readDataLength(payload, 0);
  if (dataLength !== payload.length - HEADER_BYTES) return business('length', payload, LENGTH_OFFSET);
  return { code, checkCode, dataLength };
}

/** The protocol version of the frame at `start`; the high half of its byte is reserved and ignored. */
export function readVersion(bytes: Uint8Array, start: number): number {
  return (bytes[start + VERSION_OFFSET] as number) & 0x0f;
}

/** The message code of the frame at `start`, legal or not. */
export function readCode(bytes: Uint8Array, start: number): number {
  return bytes[start + CODE_OFFSET] as number;
}

/** The check code that the frame at `start` carries. */
export function readCheckCode(bytes: Uint8Array, start: number): number {
  return readWord(bytes, start + CHECK_CODE_OFFSET);
}

/** What the frame at `start` says about the bytes of its data area. */
export function readDataLength(bytes: Uint8Array, start: number): number {
  return readWord(bytes, start + LENGTH_OFFSET);
}

/** Codes 13..18; all others are reserved. */
export function isPcpCode(code: number): code is PcpCode {
  return Object.hasOwn(PCP_CODE_NAMES, code);
}

function business(error: PcpReason, payload: Uint8Array, offset: number): PcpBusiness {
  return { ok: false, isPcp: false, error, offset, hex: hexExcerpt(payload, offset) };
}
