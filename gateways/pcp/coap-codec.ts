/**
 * Datagrams of CoAP (RFC 7252), as far as devices and their gateway need them: no blocks, no observation. Pure and
 * total: what is no CoAP gives a named error.
 */

/** Con: wants an acknowledgement; non: does not. */
export const COAP_TYPES = ['con', 'non', 'ack', 'rst'] as const;
export type CoapType = (typeof COAP_TYPES)[number];

/** Codes as they are on the wire: three bits of class, five of detail. */
export const COAP = {
  empty: 0x00,
  post: 0x02,
  created: 0x41,
  changed: 0x44,
  badRequest: 0x80,
  badOption: 0x82,
  forbidden: 0x83,
  notFound: 0x84,
  notAllowed: 0x85,
  tooMany: 0x9d,
  unavailable: 0xa3,
} as const;

export interface CoapMessage {
  type: CoapType;
  code: number;
  messageId: number;
  token: Buffer;
  path: string[];
  query: string[];
  /** Number of an option that must be understood and is not; null when there is none. */
  unknownOption: number | null;
  /** A view of the datagram, not a copy. */
  payload: Buffer;
}

/** What a datagram that is no CoAP is called. */
export type CoapError = 'too_short' | 'version' | 'token' | 'option' | 'empty' | 'payload';

export type CoapDecoded = { ok: true; message: CoapMessage } | { ok: false; error: CoapError };

/** What is needed to build a datagram; options in ascending order. */
export interface CoapParts {
  type: CoapType;
  code: number;
  messageId: number;
  token?: Buffer;
  options?: readonly (readonly [number: number, value: Buffer])[];
  payload?: Buffer;
}

const HEADER_BYTES = 4;
const TOKEN_BYTES_MAX = 8;
const PAYLOAD_MARK = 0xff;
const OCTET_STREAM = Buffer.of(42);
const NOTHING = Buffer.alloc(0);

const URI_HOST = 3;
const URI_PORT = 7;
const LOCATION_PATH = 8;
const URI_PATH = 11;
const CONTENT_FORMAT = 12;
const URI_QUERY = 15;
const ACCEPT = 17;
const BLOCK2 = 23;
const BLOCK1 = 27;

/** Reads one datagram. */
export function decodeCoap(datagram: Buffer): CoapDecoded {
  if (datagram.length < HEADER_BYTES) return failed('too_short');
  const first = datagram[0] as number;
  if (first >> 6 !== 1) return failed('version');
  const tokenLength = first & 0x0f;
  const code = datagram[1] as number;
  if (tokenLength > TOKEN_BYTES_MAX || HEADER_BYTES + tokenLength > datagram.length) return failed('token');
  if (code === COAP.empty && datagram.length > HEADER_BYTES) return failed('empty');
  const message: CoapMessage = {
    type: COAP_TYPES[(first >> 4) & 3] as CoapType,
    code,
    messageId: datagram.readUInt16BE(2),
    token: datagram.subarray(HEADER_BYTES, HEADER_BYTES + tokenLength),
    path: [],
    query: [],
    unknownOption: null,
    payload: NOTHING,
  };
  let at = HEADER_BYTES + tokenLength;
  let number = 0;
  while (at < datagram.length) {
    const head = datagram[at] as number;
    at += 1;
    if (head === PAYLOAD_MARK) {
      if (at === datagram.length) return failed('payload');
      message.payload = datagram.subarray(at);
      break;
    }
    const delta = extended(datagram, at, head >> 4);
    if (delta === null) return failed('option');
    const length = extended(datagram, delta.at, head & 0x0f);
    if (length === null || length.at + length.value > datagram.length) return failed('option');
    number += delta.value;
    at = length.at + length.value;
    takeOption(message, number, datagram.subarray(length.at, at));
  }
  return { ok: true, message };
}

/** Builds one datagram. */
export function encodeCoap({
  type,
  code,
  messageId,
  token = NOTHING,
  options = [],
  payload = NOTHING,
}: CoapParts): Buffer {
  const heads: number[][] = [];
  let length = HEADER_BYTES + token.length + (payload.length > 0 ? 1 + payload.length : 0);
  let before = 0;
  for (const [number, value] of options) {
    const head = optionHead(number - before, value.length);
    heads.push(head);
    length += head.length + value.length;
    before = number;
  }
  // Made at once and not joined of pieces: this runs for every slice.
  const datagram = Buffer.allocUnsafe(length);
  datagram[0] = 0x40 | (COAP_TYPES.indexOf(type) << 4) | token.length;
  datagram[1] = code;
  datagram.writeUInt16BE(messageId, 2);
  let at = HEADER_BYTES + token.copy(datagram, HEADER_BYTES);
  for (const [index, [, value]] of options.entries()) {
    for (const byte of heads[index] as number[]) datagram[at++] = byte;
    at += value.copy(datagram, at);
  }
  if (payload.length > 0) {
    datagram[at] = PAYLOAD_MARK;
    payload.copy(datagram, at + 1);
  }
  return datagram;
}

/** The options of a request to a path with bytes in it. */
export function requestOptions(path: readonly string[]): [number, Buffer][] {
  return [...path.map((part): [number, Buffer] => [URI_PATH, Buffer.from(part)]), [CONTENT_FORMAT, OCTET_STREAM]];
}

/** The options of an answer. */
export function answerOptions(location: readonly string[], hasPayload: boolean): [number, Buffer][] {
  const options = location.map((part): [number, Buffer] => [LOCATION_PATH, Buffer.from(part)]);
  if (hasPayload) options.push([CONTENT_FORMAT, OCTET_STREAM]);
  return options;
}

/** A code as people write it: 4.04. */
export function codeText(code: number): string {
  return `${code >> 5}.${String(code & 0x1f).padStart(2, '0')}`;
}

function takeOption(message: CoapMessage, number: number, value: Buffer): void {
  if (number === URI_PATH) message.path.push(value.toString('utf8'));
  else if (number === URI_QUERY) message.query.push(value.toString('utf8'));
  else if (!isUnderstood(number, value)) message.unknownOption ??= number;
}

/** Options with odd numbers must be understood (RFC 7252, 5.4.1). A first block that is the only one is no block. */
function isUnderstood(number: number, value: Buffer): boolean {
  if (number === BLOCK1 || number === BLOCK2) return value.length <= 1 && ((value[0] ?? 0) & 0xf8) === 0;
  return number % 2 === 0 || number === URI_HOST || number === URI_PORT || number === ACCEPT;
}

/** A delta or length: up to 12 as it is, 13 and 14 continue in the next one or two bytes, 15 is none. */
function extended(bytes: Buffer, at: number, nibble: number): { value: number; at: number } | null {
  if (nibble < 13) return { value: nibble, at };
  if (nibble === 13) return at < bytes.length ? { value: (bytes[at] as number) + 13, at: at + 1 } : null;
  if (nibble === 15 || at + 2 > bytes.length) return null;
  return { value: bytes.readUInt16BE(at) + 269, at: at + 2 };
}

function optionHead(delta: number, length: number): number[] {
  if (delta < 13 && length < 13) return [(delta << 4) | length];
  const [high, ...more] = nibbled(delta);
  const [low, ...rest] = nibbled(length);
  return [((high as number) << 4) | (low as number), ...more, ...rest];
}

function nibbled(value: number): number[] {
  if (value < 13) return [value];
  if (value < 269) return [13, value - 13];
  return [14, (value - 269) >> 8, (value - 269) & 0xff];
}

function failed(error: CoapError): CoapDecoded {
  return { ok: false, error };
}
