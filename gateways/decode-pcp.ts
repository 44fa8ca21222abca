/**
 * One input line of the decoder for PCP: from the shape of the files in `test/vectors/` to the codec, and from its
 * messages and errors to the shape people read. The command line is in `decode.ts`.
 */
import { BadInput, inputBytes, oneOf, type Json } from './decode-fields.ts';
import type { DecodeOptions } from './decode-terminal.ts';
import {
  decodePcp,
  hexOf,
  PCP_CODE_NAMES,
  PCP_DIRECTIONS,
  PCP_STARTED_BY,
  pcpResult,
  PcpStream,
  PROTOCOL_VERSION,
  readAtText,
  type PcpDecoded,
  type PcpDirection,
  type PcpHeader,
  type PcpMessage,
} from './pcp/codec.ts';

export const PCP_MODES = ['datagram', 'stream'] as const;

/** The other protocols of the decoder call the platform a server. */
const SERVER_DIRECTIONS = ['device->server', 'server->device', 'either'] as const;

/** Decodes one input object. Throws `BadInput` when it cannot be used. */
export function decodePcpInput(input: Json, options: DecodeOptions): Json {
  const mode = oneOf('mode', input.mode, PCP_MODES) ?? 'datagram';
  const direction = directionOf(input.direction);
  const bytes = payloadOf(input);
  return mode === 'stream' ? shownStream(bytes, direction, options) : shownPayload(bytes, direction, options);
}

function directionOf(value: unknown): PcpDirection | null {
  const direction = oneOf('direction', value, [...PCP_DIRECTIONS, ...SERVER_DIRECTIONS]);
  if (direction === null || direction === 'either') return null;
  return direction.startsWith('device') ? 'device->platform' : 'platform->device';
}

/** Bytes as hex or text; a line of a modem stands for the payload in it. */
function payloadOf(input: Json): Buffer {
  const line = typeof input.text === 'string' && typeof input.hex !== 'string' ? readAtText(input.text) : null;
  if (line === null) return inputBytes(input);
  if (!line.ok) throw new BadInput(line.message);
  return line.payload;
}

function shownPayload(bytes: Buffer, direction: PcpDirection | null, options: DecodeOptions): Json {
  return direction === null ? shownFromEither(bytes, options) : shown(decodePcp(bytes, direction), direction, options);
}

/** Nobody said who sent it: most messages fit one side only. Else it is read as the device's, and that is said. */
function shownFromEither(bytes: Buffer, options: DecodeOptions): Json {
  const up = decodePcp(bytes, 'device->platform');
  if (!up.isPcp) return shown(up, 'device->platform', options);
  const down = decodePcp(bytes, 'platform->device');
  if (!up.ok && down.ok) return shown(down, 'platform->device', options);
  return {
    ...shown(up, 'device->platform', options),
    ...(up.ok === down.ok && { warnings: ['direction_assumed'] }),
  };
}

function shownStream(bytes: Buffer, direction: PcpDirection | null, options: DecodeOptions): Json {
  const stream = new PcpStream();
  const frames = stream.push(bytes);
  return {
    mode: 'stream',
    frames: frames.map(upperHex),
    discardedBytes: stream.droppedBytes,
    remainderHex: upperHex(stream.pending),
    ...(options.details && {
      decoded: frames.map((frame) => shownPayload(frame, direction, options)),
      dropped: stream.errors,
    }),
  };
}

function shown(decoded: PcpDecoded, direction: PcpDirection, { details }: DecodeOptions): Json {
  if (!decoded.isPcp) {
    const { error, offset, hex, expectedCheckCode } = decoded;
    return {
      isPcp: false,
      reason: error,
      ...(details && {
        offset,
        hex,
        ...(expectedCheckCode !== undefined && { expectedCrc: hexOf(expectedCheckCode, 4) }),
      }),
    };
  }
  const header = shownHeader(decoded.header, direction);
  if (!decoded.ok) {
    const { error, offset, hex } = decoded;
    return { ...header, data: null, dataError: error, ...(details && { offset, hex }) };
  }
  const { message } = decoded;
  const result = details && 'resultCode' in message ? pcpResult(message.type, message.resultCode) : undefined;
  return { ...header, data: dataOf(message), ...(result && { result }) };
}

function shownHeader({ code, checkCode, dataLength }: PcpHeader, direction: PcpDirection): Json {
  return {
    isPcp: true,
    version: PROTOCOL_VERSION,
    code,
    codeHex: hexOf(code, 2),
    codeName: PCP_CODE_NAMES[code],
    kind: PCP_STARTED_BY[code] === direction ? 'request' : 'response',
    crc: hexOf(checkCode, 4),
    dataLength,
  };
}

/** The fields of the data area. */
function dataOf(message: PcpMessage): Json {
  const { type: _type, ...data } = message;
  if (message.type === 'newVersion') return { ...data, packageCheckCode: hexOf(message.packageCheckCode ?? 0, 4) };
  if (message.type !== 'fragmentAnswer') return data;
  const { resultCode, fragmentIndex, fragment } = message;
  return {
    resultCode,
    fragmentIndex,
    ...(fragment && { fragmentDataHex: upperHex(fragment), fragmentBytes: fragment.length }),
  };
}

function upperHex(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase();
}
