/**
 * One pile frame (PROTOCOLS 4.1): decode, encode, and the test whether one starts at a place.
 *
 * The check code covers sequence to body as they travel, encrypted or not; start mark and length are outside.
 */
import { hexExcerpt, requireField, requireInteger } from '../errors.ts';
import { crc16Modbus, hexByte } from '../checksums.ts';
import {
  frameName,
  LENGTH_MAX,
  LENGTH_MIN,
  PILE_FRAME_TYPES,
  START_MARK,
  UNCOUNTED_BYTES,
  type PileDecoded,
  type PileFault,
  type PileFrame,
  type PileFrameFields,
  type PileReading,
} from './frames.ts';
import { bodySize, readBody, writeBody } from './layouts.ts';

const LENGTH_AT = 1;
const SEQUENCE_AT = 2;
const FLAG_AT = 4;
const TYPE_AT = 5;
const BODY_AT = 6;
/** Bytes of the body that the length field counts beside it. */
const HEAD_COUNTED = BODY_AT - SEQUENCE_AT;
const SEQUENCE_MAX = 0xffff;

/** The sequence number that follows; a sender starts with 0 on each connection. */
export function nextSequence(seq: number): number {
  return seq >= SEQUENCE_MAX ? 0 : seq + 1;
}

/** A number of two bytes as hex in the order of the wire, low byte first: sequence numbers and check codes. */
export function wireHex(value: number): string {
  return hexByte(value) + hexByte(value >> 8);
}

/** Decodes exactly one frame. */
export function decodeFrame(bytes: Buffer): PileDecoded {
  if (bytes.length === 0) return fault('empty', bytes, 0);
  if (bytes[0] !== START_MARK) return fault('bad_start', bytes, 0);
  const fit = fitFrame(bytes, 0);
  if (fit === 'more') return fault('truncated', bytes, 0);
  if (fit === 'bad_length') return fault(fit, bytes, LENGTH_AT);
  const total = (bytes[LENGTH_AT] as number) + UNCOUNTED_BYTES;
  // Before anything about the content: what is too long or too short for its length cannot be told from wrong bytes.
  if (bytes.length < total) return fault('truncated', bytes, 0);
  if (bytes.length > total) return fault('trailing_bytes', bytes, total);
  const { expectedCrc, receivedCrc } = checkCodes(bytes, 0);
  if (expectedCrc !== receivedCrc) {
    return { ...fault('crc_mismatch', bytes, total - 2), expectedCrc, receivedCrc };
  }
  if (fit === 'bad_encryption_flag') return fault(fit, bytes, FLAG_AT);
  return readFrame(bytes, 0);
}

/**
 * Tests for a frame at `start`, which holds the start mark: its bytes when it is there with a right check code, `more`
 * when bytes to come can still make one, otherwise why none starts here.
 */
export function fitFrame(
  bytes: Buffer,
  start: number,
): number | 'more' | 'bad_length' | 'bad_encryption_flag' | 'crc_mismatch' {
  const available = bytes.length - start;
  if (available <= LENGTH_AT) return 'more';
  const length = bytes[start + LENGTH_AT] as number;
  if (length < LENGTH_MIN || length > LENGTH_MAX) return 'bad_length';
  if (available <= FLAG_AT) return 'more';
  if ((bytes[start + FLAG_AT] as number) > 1) return 'bad_encryption_flag';
  if (available < length + UNCOUNTED_BYTES) return 'more';
  const end = start + SEQUENCE_AT + length;
  return crc16Modbus(bytes, start + SEQUENCE_AT, end) === bytes.readUInt16LE(end)
    ? length + UNCOUNTED_BYTES
    : 'crc_mismatch';
}

/** The check code a whole frame should have and the one it has, both as on the wire. */
export function checkCodes(bytes: Buffer, start: number): { expectedCrc: string; receivedCrc: string } {
  const end = start + SEQUENCE_AT + (bytes[start + LENGTH_AT] as number);
  const expected = crc16Modbus(bytes, start + SEQUENCE_AT, end);
  return { expectedCrc: wireHex(expected), receivedCrc: wireHex(bytes.readUInt16LE(end)) };
}

/** Reads the frame at `start`, which `fitFrame` has found. Keeps nothing of `bytes`. */
export function readFrame(bytes: Buffer, start: number): PileReading {
  const length = bytes[start + LENGTH_AT] as number;
  const bodyAt = start + BODY_AT;
  const end = start + SEQUENCE_AT + length;
  const head = {
    length,
    seq: bytes.readUInt16LE(start + SEQUENCE_AT),
    encrypted: bytes[start + FLAG_AT] === 1,
    type: bytes[start + TYPE_AT] as number,
    crc: wireHex(bytes.readUInt16LE(end)),
  };
  const name = head.encrypted ? undefined : frameName(head.type);
  if (name === undefined) {
    return { ok: true, frame: { ...head, name: 'opaque', bytes: Buffer.from(bytes.subarray(bodyAt, end)) } };
  }
  if (end - bodyAt !== bodySize(name)) {
    const hex = hexExcerpt(bytes, bodyAt, end);
    return { ok: false, ...head, error: 'bad_body_length', offset: bodyAt - start, hex };
  }
  return { ok: true, frame: { ...head, name, body: readBody(name, bytes, bodyAt) } as PileFrame };
}

/** Builds a frame. Throws `invalid_field`. */
export function encodeFrame(fields: PileFrameFields): Buffer {
  requireInteger('seq', fields.seq, 0, SEQUENCE_MAX);
  const isOpaque = fields.name === 'opaque';
  const size = isOpaque ? fields.bytes.length : bodySize(fields.name);
  if (isOpaque) {
    requireInteger('type', fields.type, 0, 0xff);
    requireInteger('body length', size, 0, LENGTH_MAX - HEAD_COUNTED);
    const isUnknown = frameName(fields.type) === undefined;
    requireField(fields.encrypted || isUnknown, 'type', fields.type, 'a type without a known body, unless encrypted');
  }
  const end = BODY_AT + size;
  const bytes = Buffer.alloc(end + 2);
  bytes[0] = START_MARK;
  bytes[LENGTH_AT] = HEAD_COUNTED + size;
  bytes.writeUInt16LE(fields.seq, SEQUENCE_AT);
  bytes[FLAG_AT] = isOpaque && fields.encrypted ? 1 : 0;
  bytes[TYPE_AT] = isOpaque ? fields.type : PILE_FRAME_TYPES[fields.name];
  if (isOpaque) bytes.set(fields.bytes, BODY_AT);
  else writeBody(fields.name, fields.body, bytes, BODY_AT);
  bytes.writeUInt16LE(crc16Modbus(bytes, SEQUENCE_AT, end), end);
  return bytes;
}

function fault(error: PileFault['error'], bytes: Buffer, offset: number): PileFault {
  return { ok: false, error, offset, hex: hexExcerpt(bytes, offset, bytes.length) };
}
