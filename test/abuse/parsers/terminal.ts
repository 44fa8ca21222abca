/** What 2G terminals send and are sent: reports, text lines, upgrade commands, in a stream and one by one. */
import { hexByte, xorOf } from '../../../gateways/checksums.ts';
import { GatewayError } from '../../../gateways/errors.ts';
import {
  checkOtaCommand,
  DEFAULT_TERMINAL_PROFILE,
  decodeReport,
  decodeText,
  encodeCommand,
  encodeOtaCommand,
  encodeOtaError,
  encodeOtaOver,
  encodePacketRequest,
  encodeReport,
  encodeResponse,
  TERMINAL_ERRORS,
  TerminalStream,
  UPLINK_LINE_LIMIT,
  type TerminalDecoded,
  type TerminalFrame,
  type TerminalText,
} from '../../../gateways/terminal/codec.ts';
import { demand, repeated, type Parser } from '../fuzz/parser.ts';
import { sameInPieces } from './pieces.ts';
import { bytesOf, vectorsOf } from './vectors.ts';

const PROFILE = { ...DEFAULT_TERMINAL_PROFILE, commandKeywords: ['B1301', 'BDG01'] };
const NAMES = new Set<string>(TERMINAL_ERRORS);
const SN = '6134441313';

export const terminal: Parser = {
  name: 'terminal',
  maxBytes: 1_400,
  tokens: [
    '+B1301', 'RSP', '+BDG01,', '+ReqNOTAB:', '+ReqCOTAP:', '+NOTABERR:', '+NOTABOVER:', '+NBOTA,', '+CPOTA,',
    SN, ',SLPT,', ',CHKSLPT,', 'STOCK', 'OTACMDERR', 'PATCHERR', ',1024,', '1110d100', '\r\n', '\r', '\n', ',', '+', ':',
    Buffer.of(0x13), Buffer.from('130200', 'hex'), Buffer.from('7e7e', 'hex'), Buffer.from('36703670', 'hex'),
  ], // prettier-ignore
  seeds: () => [
    ...vectorsOf('b1301', 'nbota').map(bytesOf),
    Buffer.concat([
      encodeReport({ sn: SN, sfwVal: 21, batLevel: 11, temperatureRaw: -148, acc: { x: 269, y: -355, z: 16659 } }),
      encodePacketRequest({ sn: SN, ver: 10, pcnt: 1, psize: 1024 }),
      encodeReport({ sn: '863412345678', sfwVal: 0, batLevel: 200, temperatureRaw: 0, acc: { x: 0, y: 0, z: 0 } }),
      encodeOtaOver({ sn: SN }),
      encodeOtaError({ sn: SN, errorType: 'PATCHERR', errcode: 803 }),
      encodeResponse({ sn: SN, softwareVer: 10, cmd: 'SLPT', para: '60' }),
    ]),
    encodeCommand({ softwareVer: 10, cmd: 'SLPT', para: '60' }),
    encodeOtaCommand({ pinfo: '1110d100', file: Buffer.alloc(10_240, 7) }),
  ],
  read(input) {
    const whole = sameInPieces(input, readStream);
    const text = decodeText(input, { profile: PROFILE });
    const report = decodeReport(input);
    const lenient = decodeText(input, { profile: PROFILE, bccMode: 'warn', terminal: { softwareVersion: 11 } });
    for (const decoded of [text, report, lenient]) named(decoded, input);
    if (text.ok) stable(text.frame);
    if (report.ok) {
      const again = encodeReport(report.frame, { ...PROFILE, endMark: report.frame.endMark });
      demand(again.equals(input), 'a report is not written as it was read');
    }
    const code = checkOtaCommand(input);
    demand(code === null || Number.isInteger(code), 'a terminal answers a code that is no number');
    return { whole, text, report, lenient, code };
  },
  repair(input) {
    // Each text line and a report at the beginning get the check code that is right.
    let bytes = Buffer.from(input);
    if (bytes[0] === PROFILE.startMark && bytes.length > 4 && bytes.subarray(-2).equals(Buffer.of(0x7e, 0x7e))) {
      bytes[bytes.length - 3] = xorOf(bytes, 0, bytes.length - 3);
    }
    const lines = bytes.toString('latin1').replaceAll(/\+([^\r\n+]*),[^\r\n,]*\r\n/g, (_, body: string) => {
      const said = Buffer.from(body, 'latin1');
      return `+${body},${hexByte(xorOf(said, 0, said.length))}\r\n`;
    });
    bytes = Buffer.from(lines, 'latin1');
    return bytes;
  },
  long: {
    'many +': (bytes) => repeated('+', bytes),
    'a line without an end': (bytes) => repeated('A', bytes, '+B1301RSP,'),
    'many commas': (bytes) => repeated(',', bytes, '+NBOTA', '\r\n'),
    'many start marks': (bytes) => Buffer.alloc(bytes, 0x13),
    'start marks and ends': (bytes) => Buffer.alloc(bytes, Buffer.from('137e7e', 'hex')),
    'lines with wrong check codes': (bytes) => repeated('+B1301RSP,6134441313,10,SLPT,60,00\r\n', bytes),
    'an endless list of check codes': (bytes) => repeated('7F', bytes, '+NBOTA,1010d100,35912,36,1024,', ',0\r\n'),
  },
};

function readStream(pieces: readonly Buffer[]) {
  const stream = new TerminalStream({ profile: PROFILE, keepRaw: true });
  const frames: TerminalFrame[] = [];
  let given = 0;
  for (const piece of pieces) {
    given += piece.length;
    frames.push(...stream.push(piece));
    demand(stream.pendingBytes <= UPLINK_LINE_LIMIT, `${stream.pendingBytes} bytes are kept`);
    demand(stream.errors.length <= 8, 'more errors are kept than can be read');
  }
  const { pendingBytes } = stream;
  frames.push(...stream.end());
  const taken = frames.reduce((sum, { raw }) => sum + (raw?.length ?? 0), 0);
  demand(
    taken + stream.droppedBytes === given,
    `${given} bytes came, ${taken} were taken, ${stream.droppedBytes} dropped`,
  );
  for (const { error, hex } of stream.errors)
    demand(NAMES.has(error) && hex.length <= 64, `an error without a name: ${error}`);
  return { frames, dropped: stream.droppedBytes, pendingBytes };
}

function named(decoded: TerminalDecoded<unknown>, input: Buffer): void {
  if (decoded.ok) return;
  const { error, offset, hex } = decoded;
  demand(NAMES.has(error), `an error without a name: ${error}`);
  demand(offset <= input.length && hex.length <= 64, `the error ${error} is about byte ${offset} of ${input.length}`);
}

/** A frame that can be written is read from that as the same frame. */
function stable(frame: TerminalText): void {
  const written = writtenAs(frame);
  if (written === null) return;
  const again = decodeText(written, { profile: PROFILE });
  demand(again.ok, `what was written of a ${frame.type} cannot be read`);
  demand(writtenAs(again.frame)?.equals(written) === true, `a ${frame.type} changes when it is written and read`);
}

function writtenAs(frame: TerminalText): Buffer | null {
  try {
    switch (frame.type) {
      case 'command':
        return encodeCommand(frame);
      case 'response':
        return encodeResponse({ ...frame, keyword: frame.keyword.slice(0, -3) });
      case 'packetRequest':
        return encodePacketRequest(frame);
      case 'otaError':
        return encodeOtaError(frame);
      case 'otaOver':
        return encodeOtaOver(frame);
      case 'otaCommand':
      default:
        return null; // needs the file
    }
  } catch (error) {
    if (error instanceof GatewayError) return null; // more is read than is ever written
    throw error;
  }
}
