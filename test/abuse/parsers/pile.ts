/** What charging piles send and are sent, and what they say to the FTP server. */
import { crc16Modbus } from '../../../gateways/checksums.ts';
import { GatewayError } from '../../../gateways/errors.ts';
import {
  decodeFrame,
  encodeFrame,
  PileStream,
  type PileFrame,
  type PileReceived,
} from '../../../gateways/pile/codec.ts';
import { FRAME_BYTES_MAX, START_MARK } from '../../../gateways/pile/frames.ts';
import { DESK_COMMANDS, findNode, list, OPEN_COMMANDS, type FtpDesk } from '../../../gateways/pile/ftp-commands.ts';
import { nodeAt, resolvePath } from '../../../gateways/pile/ftp-files.ts';
import { FtpLines, readCommand } from '../../../gateways/pile/ftp-lines.ts';
import type { OpenOffer } from '../../../gateways/devices.ts';
import { demand, repeated, type Parser } from '../fuzz/parser.ts';
import { sameInPieces } from './pieces.ts';
import { bytesOf, vectorsOf } from './vectors.ts';

const ERRORS = [
  'empty',
  'bad_start',
  'bad_length',
  'truncated',
  'trailing_bytes',
  'crc_mismatch',
  'bad_encryption_flag',
  'bad_body_length',
];
const PILE_NUMBER = Buffer.from('55031412782305', 'hex');

export const pile: Parser = {
  name: 'pile',
  maxBytes: 700,
  tokens: [
    Buffer.of(START_MARK),
    ...['680c', '6822', '01', '02', '03', '55', '56', '91', '92', '93', '94', '00', '0000', 'ffff', 'c8', 'c9'].map(
      (hex) => Buffer.from(hex, 'hex'),
    ),
    PILE_NUMBER,
  ],
  seeds: () => vectorsOf('pile').map(bytesOf),
  read(input) {
    const whole = sameInPieces(input, readStream);
    const decoded = decodeFrame(input);
    if (decoded.ok) stable(decoded.frame);
    else {
      demand(ERRORS.includes(decoded.error), `an error without a name: ${decoded.error}`);
      demand(decoded.offset <= input.length && decoded.hex.length <= 64, `the error is about byte ${decoded.offset}`);
    }
    return { whole, decoded };
  },
  repair(input, random) {
    const bytes = Buffer.from(input);
    if (bytes.length < 8 || bytes.length > FRAME_BYTES_MAX) return bytes;
    bytes[0] = START_MARK;
    bytes[1] = bytes.length - 4;
    if (random(3) > 0) bytes[4] = random(2);
    bytes.writeUInt16LE(crc16Modbus(bytes, 2, bytes.length - 2), bytes.length - 2);
    return bytes;
  },
  long: {
    'many start marks': (bytes) => Buffer.alloc(bytes, START_MARK),
    'frames that promise much': (bytes) => Buffer.alloc(bytes, Buffer.from('68c800000001', 'hex')),
    'frames of another length': (bytes) => Buffer.alloc(bytes, Buffer.from('680400', 'hex')),
    zeros: (bytes) => Buffer.alloc(bytes),
  },
};

function readStream(pieces: readonly Buffer[]) {
  const stream = new PileStream({ keepRaw: true });
  const frames: PileReceived[] = [];
  let given = 0;
  for (const piece of pieces) {
    given += piece.length;
    frames.push(...stream.push(piece));
    demand(stream.pendingBytes < FRAME_BYTES_MAX, `${stream.pendingBytes} bytes are kept`);
    demand(stream.errors.length <= 8 && stream.counts.size <= ERRORS.length, 'more errors are kept than can be read');
  }
  const { pendingBytes } = stream;
  frames.push(...stream.end());
  const taken = frames.reduce((sum, { raw }) => sum + (raw?.length ?? 0), 0);
  demand(
    taken + stream.droppedBytes === given,
    `${given} bytes came, ${taken} were taken, ${stream.droppedBytes} dropped`,
  );
  return { frames, pendingBytes, errors: [...stream.errors], counts: [...stream.counts] };
}

function stable(frame: PileFrame): void {
  let written: Buffer;
  try {
    written = encodeFrame(frame);
  } catch (error) {
    if (error instanceof GatewayError) return; // more is read than is ever written
    throw error;
  }
  const again = decodeFrame(written);
  demand(again.ok, `what was written of a ${frame.name} cannot be read`);
  demand(encodeFrame(again.frame).equals(written), `a ${frame.name} changes when it is written and read`);
}

const FOLDER = 'DC-15KW';
const FILE = 'V4.1.51.bin';

export const ftp: Parser = {
  name: 'ftp',
  maxBytes: 1_300,
  tokens: [
    'USER ', 'PASS ', 'CWD ', 'CDUP', 'PWD', 'LIST ', 'NLST', 'RETR ', 'SIZE ', 'MDTM ', 'REST ', 'PORT 10,0,0,1,4,1', 'EPRT |1|10.0.0.1|1025|',
    'TYPE I', 'MODE S', 'STRU F', 'OPTS UTF8 ON', 'STOR x', 'SITE EXEC', '-la ', '..', '/', '\\', '../', '%2e%2e%2f', './', '~', '|', ';', '`',
    '/etc/passwd', 'C:\\', FOLDER, FILE, `/${FOLDER}/${FILE}`, '\r\n', '\n', '\r', '\0', Buffer.of(0xff, 0xf4, 0xff, 0xf2), ' ', '\t',
  ], // prettier-ignore
  seeds: () =>
    [
      `USER u1\r\nPASS x\r\nPWD\r\nCWD ${FOLDER}\r\nSIZE ${FILE}\r\nREST 10\r\nLIST -la\r\nCDUP\r\nQUIT\r\n`,
      `CWD ../../etc\r\nRETR /../${FOLDER}/${FILE}\nnlst\n\n  SIZE \\${FOLDER}\\${FILE} \r\n`,
      'TYPE A N\r\nMODE S\r\nSTRU F\r\nSTOR x\r\nPORT 1,2,3,4,5,6\r\nOPTS UTF8 ON\r\nFEAT\r\nMDTM /DC-15KW/V4.1.51.bin\r\n',
      'x'.repeat(600),
    ].map((text) => Buffer.from(text, 'latin1')),
  read: (input) =>
    sameInPieces(input, (pieces) => {
      const lines = new FtpLines();
      const offer = { id: 1, sizeBytes: 1_000 } as OpenOffer;
      const desk: FtpDesk = { offer, path: { folder: FOLDER, name: FILE }, folder: [], restAt: 0 };
      return pieces.flatMap((piece) => lines.push(piece)).map((line) => (line === null ? null : answered(line, desk)));
    }),
  long: {
    'a line without an end': (bytes) => repeated('A', bytes),
    'many empty lines': (bytes) => repeated('\r\n', bytes),
    'many short lines': (bytes) => repeated('CWD ..\r\n', bytes),
    'blanks in lines': (bytes) => repeated(`LIST ${'-a '.repeat(160)}\n`, bytes),
    'many signals': (bytes) => Buffer.alloc(bytes, Buffer.concat([Buffer.alloc(500, 0xff), Buffer.from('\n')])),
  },
};

/** What a line leads to; nothing outside of the folder may be seen, and the place of work stays inside. */
function answered(line: string, desk: FtpDesk) {
  demand(line.length < 512, `a line of ${line.length} characters is passed on`);
  const command = readCommand(line);
  if (command === null || command === '') return command;
  const { verb, argument } = command;
  const reply = OPEN_COMMANDS[verb]?.(argument) ?? DESK_COMMANDS[verb]?.(argument, desk) ?? null;
  const names = resolvePath(desk.folder, argument);
  demand(
    !names.some((name) => name === '..' || name === '.' || name.includes('/')),
    `a path leads outside: ${names.join('/')}`,
  );
  const node = findNode(argument, desk);
  const isInside = names.length <= 2 && (names[0] ?? FOLDER) === FOLDER && (names[1] ?? FILE) === FILE;
  demand(
    (node !== null) === isInside,
    `${JSON.stringify(argument)} from /${desk.folder.join('/')} shows what is not there`,
  );
  const listed = list(argument, desk, true);
  demand(listed === null || /^[d-]r--r--r-- [^\r\n]+\r\n$/.test(listed), `a listing shows more than it may: ${listed}`);
  demand(['root', 'folder'].includes(nodeAt(desk.path, desk.folder) ?? ''), `it works in /${desk.folder.join('/')}`);
  demand(desk.restAt <= desk.offer.sizeBytes, 'a file is sent from behind its end');
  if (reply !== null)
    demand(
      Number.isInteger(reply[0]) && !/[\r\n]/.test(String(reply[1])),
      `an answer has a line of its own: ${String(reply[1])}`,
    );
  return { verb, argument, reply, node, folder: [...desk.folder] };
}
