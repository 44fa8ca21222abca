/** What PCP devices send and are sent: messages, messages in a stream, lines of a modem, and CoAP around them. */
import { GatewayError } from '../../../gateways/errors.ts';
import { COAP_TYPES, decodeCoap, encodeCoap, requestOptions } from '../../../gateways/pcp/coap-codec.ts';
import {
  checkCodeOf,
  DATA_BYTES_MAX,
  decodePcp,
  encodePcp,
  PCP_DIRECTIONS,
  PCP_REASONS,
  pcpResult,
  PcpStream,
  readAtText,
  type PcpMessage,
} from '../../../gateways/pcp/codec.ts';
import { demand, repeated, type Parser } from '../fuzz/parser.ts';
import { sameInPieces } from './pieces.ts';
import { bytesOf, vectorsOf } from './vectors.ts';

const NAMES = new Set<string>(PCP_REASONS);
const START = Buffer.from('fffe01', 'hex');

export const pcp: Parser = {
  name: 'pcp',
  maxBytes: 1_200,
  tokens: [
    START,
    ...['13', '14', '15', '16', '17', '18', 'fffe', '00', '0001', '0011', '0400', '01f4', 'ffff'].map((hex) =>
      Buffer.from(hex, 'hex'),
    ),
    'V1.0',
  ],
  seeds: () =>
    vectorsOf('pcp')
      .filter(({ hex }) => hex !== undefined)
      .map(bytesOf),
  read(input) {
    const whole = sameInPieces(input, readStream);
    const decoded = PCP_DIRECTIONS.map((direction) => {
      const one = decodePcp(input, direction);
      if (one.ok) stable(one.message, direction);
      else {
        const isNamed = one.isPcp ? one.error === 'bad_data_layout' : NAMES.has(one.error);
        demand(isNamed && one.offset <= input.length && one.hex.length <= 64, `an error without a name: ${one.error}`);
      }
      return one;
    });
    return { whole, decoded };
  },
  repair(input, random) {
    const bytes = Buffer.from(input);
    if (bytes.length < 8) return bytes;
    START.copy(bytes);
    if (random(2) === 0) bytes[3] = 0x13 + random(6);
    bytes.writeUInt16BE(bytes.length - 8, 6);
    bytes.writeUInt16BE(checkCodeOf(bytes), 4);
    return bytes;
  },
  long: {
    'many start marks': (bytes) => Buffer.alloc(bytes, Buffer.from('fffe', 'hex')),
    'headers that promise much': (bytes) => Buffer.alloc(bytes, Buffer.from('fffe011500000400', 'hex')),
    zeros: (bytes) => Buffer.alloc(bytes),
  },
};

function readStream(pieces: readonly Buffer[]) {
  const stream = new PcpStream();
  const frames: Buffer[] = [];
  let given = 0;
  for (const piece of pieces) {
    given += piece.length;
    frames.push(...stream.push(piece));
    demand(stream.pending.length <= DATA_BYTES_MAX + 8, `${stream.pending.length} bytes are kept`);
    demand(stream.errors.length <= 8, 'more errors are kept than can be read');
  }
  const pending = stream.pending.length;
  while (stream.pending.length > 0) frames.push(...stream.expire());
  const taken = frames.reduce((sum, { length }) => sum + length, 0);
  demand(
    taken + stream.droppedBytes === given,
    `${given} bytes came, ${taken} were taken, ${stream.droppedBytes} dropped`,
  );
  for (const frame of frames) demand(decodePcp(frame, 'device->platform').isPcp, 'a frame of a stream is no frame');
  return { frames, pending, dropped: stream.droppedBytes };
}

function stable(message: PcpMessage, direction: (typeof PCP_DIRECTIONS)[number]): void {
  if ('resultCode' in message) pcpResult(message.type, message.resultCode);
  let written: Buffer;
  try {
    written = encodePcp(message);
  } catch (error) {
    if (error instanceof GatewayError) return; // more is read than is ever written
    throw error;
  }
  const again = decodePcp(written, direction);
  demand(again.ok, `what was written of a ${message.type} cannot be read`);
  demand(encodePcp(again.message).equals(written), `a ${message.type} changes when it is written and read`);
}

export const modem: Parser = {
  name: 'modem',
  maxBytes: 600,
  tokens: ['+NNMI:', 'AT+NMGS=', '8,', 'FFFE01134C9A0000', ',', '\r\n', 'ff', ' '],
  seeds: () =>
    ['+NNMI:8,FFFE01134c9a0000', 'AT+NMGS=8,FFFE01134C9A0000\r\n', '+NNMI:1,zz', '+NNMI:9,00'].map((text) =>
      Buffer.from(text),
    ),
  read(input) {
    const read = readAtText(input.toString('latin1'));
    if (read?.ok === false)
      demand(['bad_hex', 'bad_length'].includes(read.error), `an error without a name: ${read.error}`);
    if (read?.ok === true) demand(read.payload.length <= input.length / 2, 'the payload is longer than its line');
    return read;
  },
  long: {
    'many digits': (bytes) => repeated('F', bytes, '+NNMI:8,'),
    'many blanks': (bytes) => repeated(' ', bytes, '+NNMI:8,', 'x'),
    'blanks before': (bytes) => repeated(' \t', bytes, '', '+NNMI:8,FF x'),
  },
};

export const coap: Parser = {
  name: 'coap',
  maxBytes: 1_500,
  tokens: [
    Buffer.of(0x40), Buffer.of(0x48), Buffer.of(0x50), Buffer.of(0x60), Buffer.of(0x70), Buffer.of(0xff), Buffer.of(0xb2),
    Buffer.of(0xd0), Buffer.of(0xe0), Buffer.of(0xdd), Buffer.of(0xee), 'rd', 't/d', 'ep=863412345678901', START,
  ], // prettier-ignore
  seeds: () => {
    const token = Buffer.from('a1b2c3', 'hex');
    const payload = encodePcp({ type: 'upgradeReport', resultCode: 0, currentVersion: 'V1.0' });
    return [
      encodeCoap({ type: 'con', code: 2, messageId: 1, token, options: requestOptions(['t', 'd']), payload }),
      encodeCoap({ type: 'con', code: 2, messageId: 2, options: [...requestOptions(['rd']), [15, Buffer.from('ep=863412345678901')]] }),
      encodeCoap({ type: 'non', code: 2, messageId: 3, options: [[27, Buffer.of(0x0e)], [60, Buffer.alloc(300)]], payload }),
      encodeCoap({ type: 'ack', code: 0x44, messageId: 4, token, payload }),
      encodeCoap({ type: 'rst', code: 0, messageId: 5 }),
    ]; // prettier-ignore
  },
  read(input) {
    const decoded = decodeCoap(input);
    if (!decoded.ok) {
      demand(
        ['too_short', 'version', 'token', 'option', 'empty', 'payload'].includes(decoded.error),
        'an error without a name',
      );
      return decoded;
    }
    const { message } = decoded;
    demand(message.payload.length <= input.length && message.token.length <= 8, 'more is read than there is');
    const options = message.path.map((part): [number, Buffer] => [11, Buffer.from(part)]);
    const { type, code, messageId, token, payload } = message;
    if (code === 0) return decoded;
    const written = encodeCoap({ type, code, messageId, token, options, payload });
    const again = decodeCoap(written);
    demand(again.ok, 'what was written cannot be read');
    const same = again.message;
    demand(
      same.type === type && same.code === code && same.messageId === messageId,
      'the head changes when written and read',
    );
    demand(same.payload.equals(payload) && same.token.equals(token), 'payload or token changes when written and read');
    demand(COAP_TYPES.includes(same.type), 'a type without a name');
    return decoded;
  },
  long: {
    'many options': (bytes) => Buffer.concat([Buffer.from('40020001', 'hex'), Buffer.alloc(bytes, 0xb0)]),
    'many path parts': (bytes) =>
      Buffer.concat([Buffer.from('40020001b161', 'hex'), Buffer.alloc(bytes, Buffer.from('0161', 'hex'))]),
    'one payload': (bytes) => Buffer.concat([Buffer.from('40020001ff', 'hex'), Buffer.alloc(bytes, 0xff)]),
  },
};
