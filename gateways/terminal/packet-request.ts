/**
 * The packet request `+ReqNOTAB` read straight from the bytes: the one line that makes up a transfer (PROTOCOLS 3.3).
 *
 * Only the good and usual is read here, without copies and without new strings where it can be helped. Everything else
 * is left to `text.ts`, which says what is wrong with it; both give the same frame for the same line.
 */
import { hexByte } from '../checksums.ts';
import { NO_WARNINGS, type PacketRequest, type TerminalWarning } from './frames.ts';

export const REQUEST_KEYWORDS = ['ReqNOTAB', 'ReqCOTAP'] as const;
export const OFFSET_MISMATCH: readonly TerminalWarning[] = Object.freeze(['offset_mismatch']);
const UINT16_MAX = 0xffff;
const COMMA = 0x2c;
const COLON = 0x3a;

/**
 * Reads one packet request straight from the bytes, without copies: the line that makes up a transfer.
 * `start` is at the `+`, `end` at the CR. Undefined for everything unusual; `readLine` then says what it is.
 * `previous` lends its texts when the bytes are the same, so that a transfer makes no new strings.
 */
export function readPacketRequest(
  bytes: Buffer,
  start: number,
  end: number,
  previous?: PacketRequest,
): PacketRequest | undefined {
  const lastComma = end - 3;
  // "+ReqNOTAB:s,1,1,1,0,00" is the shortest
  if (lastComma < start + 19 || bytes[lastComma] !== COMMA) return undefined;
  // R, e, q and then NOTAB or COTAP
  if (bytes[start + 1] !== 0x52 || bytes[start + 2] !== 0x65 || bytes[start + 3] !== 0x71) return undefined;
  let keyword: string;
  if (isTextAt(bytes, start + 4, 'NOTAB')) keyword = REQUEST_KEYWORDS[0];
  else if (isTextAt(bytes, start + 4, 'COTAP')) keyword = REQUEST_KEYWORDS[1];
  else return undefined;
  const separator = bytes[start + 9];
  if (separator !== COLON && separator !== COMMA) return undefined;

  let at = start + 10;
  const snAt = at;
  while (at < lastComma && bytes[at] !== COMMA) {
    if (!isPrintable(bytes[at] as number)) return undefined;
    at += 1;
  }
  const snEnd = at;
  const verAt = snEnd + 1;
  const verEnd = skipDigits(bytes, verAt, 3);
  const pcntEnd = skipDigits(bytes, verEnd + 1, 9);
  const psizeEnd = skipDigits(bytes, pcntEnd + 1, 9);
  const offsetEnd = skipDigits(bytes, psizeEnd + 1, 9);
  if (snEnd === snAt || verEnd === verAt || offsetEnd !== lastComma) return undefined;
  if (bytes[verEnd] !== COMMA || bytes[pcntEnd] !== COMMA || bytes[psizeEnd] !== COMMA) return undefined;
  if (pcntEnd === verEnd + 1 || psizeEnd === pcntEnd + 1 || offsetEnd === psizeEnd + 1) return undefined;
  const pcnt = digitsValue(bytes, verEnd + 1, pcntEnd);
  const psize = digitsValue(bytes, pcntEnd + 1, psizeEnd);
  const offset = digitsValue(bytes, psizeEnd + 1, offsetEnd);
  if (pcnt < 1 || pcnt > UINT16_MAX || psize < 1 || psize > UINT16_MAX) return undefined;
  if (digitsValue(bytes, verAt, verEnd) > 0xff) return undefined;

  let xor = 0;
  for (let index = start + 1; index < lastComma; index += 1) xor ^= bytes[index] as number;
  const high = hexDigit(bytes[lastComma + 1] as number);
  const low = hexDigit(bytes[lastComma + 2] as number);
  if (high < 0 || low < 0 || high * 16 + low !== xor) return undefined;
  return {
    type: 'packetRequest',
    keyword,
    sn: sameText(bytes, snAt, snEnd, previous?.sn) ?? bytes.toString('latin1', snAt, snEnd),
    ver: sameText(bytes, verAt, verEnd, previous?.ver) ?? bytes.toString('latin1', verAt, verEnd),
    pcnt,
    psize,
    offset,
    bcc: hexByte(xor),
    warnings: offset === (pcnt - 1) * psize ? NO_WARNINGS : OFFSET_MISMATCH,
  };
}

/** Letters, digits, punctuation and blank of ASCII: all that a line may hold. */
export function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e;
}

function isTextAt(bytes: Uint8Array, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

function sameText(bytes: Uint8Array, start: number, end: number, text: string | undefined): string | undefined {
  return text !== undefined && text.length === end - start && isTextAt(bytes, start, text) ? text : undefined;
}

function skipDigits(bytes: Uint8Array, at: number, atMost: number): number {
  const limit = at + atMost;
  let end = at;
  while (end < limit && isDigit(bytes[end] as number)) end += 1;
  return end;
}

function digitsValue(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at += 1) value = value * 10 + ((bytes[at] as number) - 0x30);
  return value;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
