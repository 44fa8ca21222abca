/**
 * The decoder for people: `npm run -s decode -- <terminal|ams>` reads captured bytes or text and says what they are.
 *
 * One JSON line in, one JSON line out, with the codecs the program itself uses. An input line has the shape of the files
 * in `test/vectors/`; one that cannot be used gives a line with `bad_input`. It opens no connection and keeps no state
 * between lines.
 */
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readVersions } from './ams/versions.ts';
import { hexByte, md5Hex, xorOf } from './checksums.ts';
import {
  DEFAULT_PACKET_SIZE,
  DEFAULT_TERMINAL_PROFILE,
  decodeReport,
  decodeText,
  packetCount,
  packetOf,
  pinfoVersion,
  TerminalStream,
  type TerminalDecoded,
  type TerminalDecodeError,
  type TerminalFrame,
  type TerminalProfile,
  type TerminalText,
} from './terminal/codec.ts';

export const DECODE_PROTOCOLS = ['terminal', 'ams'] as const;
export type DecodeProtocol = (typeof DECODE_PROTOCOLS)[number];

const MODES = ['frame', 'text', 'packet', 'stream', 'text-stream', 'mixed-stream'] as const;
const DIRECTIONS = ['device->server', 'server->device'] as const;

/** The sister product's keyword is understood here, so that its captures can be read too. */
const PROFILE: TerminalProfile = { ...DEFAULT_TERMINAL_PROFILE, commandKeywords: ['B1301', 'BDG01'] };

/** Bytes of a described file; far above what any terminal takes. */
const FIRMWARE_LIMIT = 16 * 1024 * 1024;

/** How results are shown. */
export interface DecodeOptions {
  bccMode?: 'strict' | 'warn';
  /** Adds offset and hex of the place an error is about. */
  details?: boolean;
}

type Json = Record<string, unknown>;

/** An input line that cannot be used at all, as opposed to bytes that are wrong. */
class BadInput extends Error {}

/** Decodes one input object; never throws on what is in it. */
export function decodeInput(protocol: DecodeProtocol, input: unknown, options: DecodeOptions = {}): Json {
  try {
    if (!isObject(input)) throw new BadInput('the line must hold a JSON object');
    return protocol === 'ams' ? { ...readVersions(inputText(input)) } : decodeTerminal(input, options);
  } catch (error) {
    if (error instanceof BadInput) return { ok: false, error: 'bad_input', message: error.message };
    throw error;
  }
}

/** Decodes one line of JSON text. */
export function decodeLine(protocol: DecodeProtocol, line: string, options: DecodeOptions = {}): Json {
  let input: unknown;
  try {
    input = JSON.parse(line);
  } catch (error) {
    return { ok: false, error: 'bad_input', message: `not JSON: ${(error as Error).message}` };
  }
  return decodeInput(protocol, input, options);
}

function decodeTerminal(input: Json, options: DecodeOptions): Json {
  const mode = oneOf('mode', input.mode, MODES) ?? guessMode(input);
  const direction = oneOf('direction', input.direction, DIRECTIONS);
  if (mode === 'packet') return describePacket(input);
  const bytes = inputBytes(input);
  const profile = profileOf(input);
  switch (mode) {
    case 'frame':
      return shown(decodeReport(bytes, profile), options);
    case 'text': {
      const { bccMode = 'strict' } = options;
      const softwareVersion = terminalSoftware(input);
      const terminal = softwareVersion === null ? {} : { softwareVersion };
      return shown(inSession(decodeText(bytes, { profile, bccMode, terminal }), input), options);
    }
    default:
      return direction === 'server->device' ? downlinkStream(mode, bytes) : uplinkStream(mode, bytes, profile);
  }
}

function guessMode(input: Json): (typeof MODES)[number] {
  if (input.text !== undefined) return 'text';
  if (input.hex === undefined && input.firmware !== undefined) return 'packet';
  return inputBytes(input)[0] === 0x2b ? 'text' : 'frame';
}

/** What only the upgrade session knows: whether the packet exists and whose upgrade it is. */
function inSession(decoded: TerminalDecoded<TerminalText>, input: Json): TerminalDecoded<TerminalText> {
  if (input.session === undefined || !decoded.ok || decoded.frame.type !== 'packetRequest') return decoded;
  const { session } = input;
  const refuse = (error: string): TerminalDecodeError => {
    return { ok: false, error: error as TerminalDecodeError['error'], offset: 0, hex: '' };
  };
  if (session === null) return refuse('no_session');
  if (!isObject(session)) throw new BadInput('session must be an object or null');
  const { sn, pcnt } = decoded.frame;
  if (typeof session.sn === 'string' && session.sn.toUpperCase() !== sn.toUpperCase()) return refuse('no_session');
  const fileSize = numberIn(session, ['fileSize', 'fsz', 'size']);
  const packetSize = numberIn(session, ['packetSize', 'psize']) ?? DEFAULT_PACKET_SIZE;
  const packets =
    numberIn(session, ['packetCount', 'pnumb']) ?? (fileSize === null ? null : packetCount(fileSize, packetSize));
  return packets !== null && pcnt > packets ? refuse('pcnt_out_of_range') : decoded;
}

function shown<Frame extends object>(decoded: TerminalDecoded<Frame>, { details }: DecodeOptions): Json {
  if (decoded.ok) return { ok: true, ...withoutEmpty(decoded.frame) };
  const { offset, hex, ...error } = decoded;
  return details ? { ...error, offset, hex } : error;
}

/** Warnings are shown only when there are some. */
function withoutEmpty(frame: object): Json {
  const { warnings, ...fields } = frame as Json & { warnings?: readonly string[] };
  return warnings === undefined || warnings.length === 0 ? fields : { ...fields, warnings };
}

function uplinkStream(mode: string, bytes: Buffer, profile: TerminalProfile): Json {
  const stream = new TerminalStream({ profile, keepRaw: true });
  const frames = [...stream.push(bytes), ...stream.end()];
  const isWanted = (frame: TerminalFrame) =>
    mode === 'mixed-stream' || (frame.type === 'report') === (mode === 'stream');
  const wanted = frames.filter(isWanted);
  const unwantedBytes = frames.reduce((sum, frame) => sum + (isWanted(frame) ? 0 : rawOf(frame).length), 0);
  const discardedBytes = stream.droppedBytes + unwantedBytes;
  if (mode === 'stream') return { mode, frames: wanted.map(reportFields), discardedBytes };
  if (mode === 'text-stream') {
    return { mode, lines: wanted.map((frame) => rawOf(frame).toString('latin1')), discardedBytes };
  }
  return { mode, items: wanted.map(streamItem), discardedBytes };
}

function reportFields(frame: TerminalFrame): Json {
  const { type: _type, raw: _raw, ...fields } = frame;
  return withoutEmpty(fields);
}

function streamItem(frame: TerminalFrame): Json {
  const raw = rawOf(frame);
  return frame.type === 'report'
    ? { kind: 'report', hex: raw.toString('hex').toUpperCase() }
    : { kind: 'text', text: raw.toString('latin1') };
}

function rawOf(frame: TerminalFrame): Buffer {
  return frame.raw as Buffer;
}

/** What a server sends: lines only; packets between them are not lines and count as discarded. */
function downlinkStream(mode: string, bytes: Buffer): Json {
  const lines: string[] = [];
  let discardedBytes = 0;
  for (let at = 0; at < bytes.length;) {
    const end = bytes[at] === 0x2b ? bytes.indexOf('\r\n', at, 'latin1') + 2 : 0;
    if (end > at + 1 && decodeText(bytes.subarray(at, end), { profile: PROFILE }).ok) {
      lines.push(bytes.toString('latin1', at, end));
      at = end;
    } else {
      discardedBytes += 1;
      at += 1;
    }
  }
  if (mode === 'text-stream') return { mode, lines, discardedBytes };
  if (mode === 'mixed-stream') return { mode, items: lines.map((text) => ({ kind: 'text', text })), discardedBytes };
  return { mode, frames: [], discardedBytes: bytes.length };
}

function describePacket(input: Json): Json {
  const { firmware } = input;
  if (!isObject(firmware)) throw new BadInput('firmware must be an object');
  const packetSize = numberIn(input, ['packetSize', 'psize']) ?? DEFAULT_PACKET_SIZE;
  const pcnt = numberIn(input, ['pcnt']);
  if (pcnt === null) throw new BadInput('pcnt must be a whole number');
  if (packetSize < 1) throw new BadInput('packetSize must be at least 1');
  const packet = packetOf(firmwareBytes(firmware), packetSize, pcnt);
  if (packet === null) return { ok: false, error: 'pcnt_out_of_range' };
  return {
    offset: (pcnt - 1) * packetSize,
    bytes: packet.length,
    bcc: hexByte(xorOf(packet)),
    md5OfPacket: md5Hex(packet),
    first8Hex: packet.subarray(0, 8).toString('hex').toUpperCase(),
    last8Hex: packet.subarray(-8).toString('hex').toUpperCase(),
  };
}

/** The described file: bytes as `hex`, or `size` bytes made by `generator`, an expression in `i`. */
function firmwareBytes(firmware: Json): Buffer {
  if (typeof firmware.hex === 'string') return hexBytes(firmware.hex);
  const size = numberIn(firmware, ['size', 'fileSize']);
  if (size === null || size > FIRMWARE_LIMIT) throw new BadInput(`firmware.size must be 0..${FIRMWARE_LIMIT}`);
  if (typeof firmware.generator !== 'string') throw new BadInput('firmware needs a generator or hex');
  const byteAt = parseGenerator(firmware.generator);
  return Buffer.from(Uint8Array.from({ length: size }, (_, index) => byteAt(index)));
}

type Formula = (i: number) => number;

const OPERATORS: Readonly<Record<string, { level: number; apply: (a: number, b: number) => number }>> = {
  or: { level: 0, apply: (a, b) => (a | b) >>> 0 },
  xor: { level: 1, apply: (a, b) => (a ^ b) >>> 0 },
  and: { level: 2, apply: (a, b) => (a & b) >>> 0 },
  '<<': { level: 3, apply: (a, b) => a * 2 ** b },
  '>>': { level: 3, apply: (a, b) => Math.floor(a / 2 ** b) },
  '+': { level: 4, apply: (a, b) => a + b },
  '-': { level: 4, apply: (a, b) => a - b },
  '*': { level: 5, apply: (a, b) => a * b },
  '/': { level: 5, apply: (a, b) => Math.floor(a / b) },
  mod: { level: 5, apply: (a, b) => a - b * Math.floor(a / b) },
};
const SYNONYMS: Readonly<Record<string, string>> = { '%': 'mod', '^': 'xor', '&': 'and', '|': 'or', '//': '/' };

/** Reads `byte[i] = <formula>`: numbers (decimal or 0x), `i`, + - * / mod and or xor << >>, parentheses. */
export function parseGenerator(text: string): Formula {
  const formula = text.replace(/^\s*byte\s*\[\s*i\s*\]\s*=/i, '').toLowerCase();
  const tokens = formula.match(/0x[0-9a-f]+|[0-9]+|[a-z]+|<<|>>|\/\/|\S/g) ?? [];
  let next = 0;
  const operand = (): Formula => {
    const token = tokens[next++];
    if (token === 'i') return (i) => i;
    if (token === '(') {
      const inner = expression(0);
      if (tokens[next++] !== ')') throw new BadInput('generator: a parenthesis is not closed');
      return inner;
    }
    if (token === undefined || !/^[0-9]/.test(token)) throw new BadInput(`generator: unexpected ${token ?? 'end'}`);
    const value = Number(token);
    return () => value;
  };
  const expression = (level: number): Formula => {
    let left = operand();
    for (;;) {
      const token = tokens[next];
      const operator = token === undefined ? undefined : OPERATORS[SYNONYMS[token] ?? token];
      if (operator === undefined || operator.level < level) return left;
      next += 1;
      const [before, after] = [left, expression(operator.level + 1)];
      left = (i) => operator.apply(before(i), after(i));
    }
  };
  if (tokens.length > 200) throw new BadInput('generator: too long');
  const whole = expression(0);
  if (next < tokens.length) throw new BadInput(`generator: unexpected ${tokens[next]}`);
  return (i) => whole(i) & 0xff;
}

function inputText(input: Json): string {
  if (typeof input.text === 'string') return input.text;
  if (typeof input.hex === 'string') return hexBytes(input.hex).toString('utf8');
  throw new BadInput('text or hex is missing');
}

function inputBytes(input: Json): Buffer {
  if (typeof input.hex === 'string') return hexBytes(input.hex);
  if (typeof input.text === 'string') return Buffer.from(input.text, 'utf8');
  throw new BadInput('hex or text is missing');
}

function hexBytes(hex: string): Buffer {
  const digits = hex.replace(/\s+/g, '');
  if (!/^(?:[0-9A-Fa-f]{2})*$/.test(digits)) throw new BadInput('hex must be pairs of hex digits');
  return Buffer.from(digits, 'hex');
}

/** A terminal whose SN is given fixes the length of the SN in reports. */
function profileOf(input: Json): TerminalProfile {
  if (!isObject(input.terminal)) return PROFILE;
  const { sn } = input.terminal;
  return typeof sn === 'string' && /^(?:[0-9A-Fa-f]{2})+$/.test(sn)
    ? { ...PROFILE, snLengths: [sn.length / 2] }
    : PROFILE;
}

/** Software version of the terminal the line is for: `10`, `"10"`, `"1.0"` or the `pinfo` it runs. */
function terminalSoftware(input: Json): number | null {
  if (!isObject(input.terminal)) return null;
  const version = input.terminal.softwareVersion ?? input.terminal.sfwVal;
  if (typeof version === 'number') return version;
  if (typeof version !== 'string') return null;
  return /^[0-9]+(?:\.[0-9])?$/.test(version) ? Number(version.replace('.', '')) : pinfoVersion(version);
}

function numberIn(object: Json, names: readonly string[]): number | null {
  const value = names.map((name) => object[name]).find((each) => each !== undefined);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function oneOf<Text extends string>(name: string, value: unknown, allowed: readonly Text[]): Text | null {
  if (value === undefined || value === null) return null;
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new BadInput(`${name} must be one of ${allowed.join(', ')}`);
  return found;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface CommandLine extends DecodeOptions {
  hex?: string;
  text?: string;
  mode?: string;
  direction?: string;
}

/** Text of a shell: `\r` and `\n` are hard to type, so they may be spelled out. */
function shellText(protocol: DecodeProtocol, text: string): string {
  return protocol === 'terminal' ? text.replaceAll('\\r', '\r').replaceAll('\\n', '\n') : text;
}

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('decode')
    .description('Says what captured bytes or text of a device are, one JSON line for each.')
    .argument('<protocol>', DECODE_PROTOCOLS.join(' or '), parseProtocol)
    .option('--hex <digits>', 'decode this frame in place of standard input')
    .option('--text <text>', 'decode this text in place of standard input; \\r and \\n may be spelled out for terminal')
    .addOption(new Option('--mode <mode>', 'what the input holds').choices(MODES))
    .addOption(new Option('--direction <direction>', 'who sent it').choices(DIRECTIONS))
    .addOption(
      new Option('--bcc-mode <mode>', 'warn: accept wrong check codes of lines, for printed samples')
        .choices(['strict', 'warn'])
        .default('strict'),
    )
    .option('--details', 'add offset and hex to errors')
    .addHelpText('after', HELP)
    .parse(argv, { from: 'user' });
  const protocol = program.processedArgs[0] as DecodeProtocol;
  const { hex, text, mode, direction, ...options } = program.opts<CommandLine>();
  if (hex !== undefined || text !== undefined) {
    const bytes = hex === undefined ? { text: shellText(protocol, text as string) } : { hex };
    const result = decodeInput(protocol, { ...bytes, mode, direction }, options);
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for await (const line of inputLines()) {
    if (line.trim() === '') continue;
    process.stdout.write(`${JSON.stringify(decodeLine(protocol, line, options))}\n`);
  }
}

/** Lines of standard input; only LF ends one, because JSON text may hold the other separators of Unicode. */
async function* inputLines(): AsyncGenerator<string> {
  process.stdin.setEncoding('utf8');
  let rest = '';
  for await (const chunk of process.stdin as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    yield* lines;
  }
  yield rest;
}

function parseProtocol(value: string): DecodeProtocol {
  const protocol = DECODE_PROTOCOLS.find((each) => each === value);
  if (protocol === undefined) throw new InvalidArgumentError(`It must be ${DECODE_PROTOCOLS.join(' or ')}.`);
  return protocol;
}

const HELP = `
Input lines are JSON objects:
  terminal  {"mode": "frame|text|stream|text-stream|mixed-stream", "direction": "device->server|server->device",
             "hex": "..." or "text": "...", "terminal": {"softwareVersion": "10"}, "session": {"sn", "packetCount"}}
            {"mode": "packet", "firmware": {"generator": "byte[i] = (i*7+3) mod 256", "size": 35912},
             "packetSize": 1024, "pcnt": 1}
  ams       {"text": "{t:'1',v:'X_V1'}"}

Examples:
  npm run -s decode -- terminal --hex 1302011561344413130BFF6C010DFE9D4113B17E7E
  npm run -s decode -- terminal --text '+B1301,10,CHKSLPT,1B\\r\\n'
  npm run -s decode -- ams < uploads.jsonl`;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // whoever reads may stop reading, for example `head`
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  await main(process.argv.slice(2));
}
