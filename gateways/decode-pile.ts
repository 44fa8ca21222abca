/**
 * One input line of the decoder for charging piles: from the shape of the files in `test/vectors/` to the codec, and from
 * its frames and errors to the shape people read. The command line is in `decode.ts`.
 */
import { hexByte } from './checksums.ts';
import { BadInput, hexBytes, oneOf, type Json } from './decode-fields.ts';
import {
  decodeFrame,
  frameName,
  PileStream,
  wireHex,
  type PileDecoded,
  type PileFrame,
  type PileFrameHead,
} from './pile/codec.ts';

export const PILE_MODES = ['frame', 'stream'] as const;
export const PILE_DIRECTIONS = ['pile->platform', 'platform->pile', 'either'] as const;

/** How results are shown. */
interface PileDecodeOptions {
  /** Adds offset and hex of the place an error is about; to a stream, its frames as read and what was dropped. */
  details?: boolean;
}

/** Decodes one input object. Throws `BadInput` when it cannot be used. */
export function decodePile(input: Json, options: PileDecodeOptions): Json {
  const mode = oneOf('mode', input.mode, PILE_MODES) ?? 'frame';
  oneOf('direction', input.direction, PILE_DIRECTIONS);
  if (typeof input.hex !== 'string') throw new BadInput('hex is missing: the frames of piles are no text');
  const bytes = hexBytes(input.hex);
  return mode === 'frame' ? shown(decodeFrame(bytes), options) : shownStream(bytes, options);
}

function shown(decoded: PileDecoded, { details }: PileDecodeOptions): Json {
  if (decoded.ok) return { ok: true, ...shownHead(decoded.frame), ...shownBody(decoded.frame) };
  const { ok, error, offset, hex, ...more } = decoded;
  const head = 'type' in more ? shownHead(more) : more;
  return { ok, ...head, error, ...(details && { offset, hex }) };
}

function shownHead({ length, seq, encrypted, type, crc }: PileFrameHead): Json {
  const typeName = frameName(type) ?? 'unknown';
  return { length, seqHex: wireHex(seq), seq, encrypted, type, typeHex: hexByte(type), typeName, crc };
}

function shownBody(frame: PileFrame): Json {
  return frame.name === 'opaque' ? { bodyHex: frame.bytes.toString('hex').toUpperCase() } : { body: frame.body };
}

function shownStream(bytes: Buffer, options: PileDecodeOptions): Json {
  const stream = new PileStream({ keepRaw: true });
  const received = stream.push(bytes);
  return {
    mode: 'stream',
    frames: received.map(({ raw }) => raw?.toString('hex').toUpperCase()),
    discardedBytes: stream.droppedBytes,
    remainderHex: stream.pending.toString('hex').toUpperCase(),
    ...(options.details && {
      decoded: received.map(({ raw: _raw, ...reading }) => shown(reading as PileDecoded, options)),
      dropped: stream.errors,
    }),
  };
}
