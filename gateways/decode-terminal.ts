/**
 * One input line of the decoder for the 2G terminal: from the shape of the files in `test/vectors/` to the codec, and
 * from its frames and errors to the shape people read. The command line is in `decode.ts`.
 */
import { hexByte, md5Hex, xorOf } from './checksums.ts';
import {
  BadInput,
  hexBytes,
  inputBytes,
  isObject,
  oneOf,
  placesOf,
  told,
  toldNumber,
  type Json,
} from './decode-fields.ts';
import { describedFile, FILE_SIZE_NAMES } from './described-file.ts';
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

export const MODES = ['frame', 'text', 'packet', 'stream', 'text-stream', 'mixed-stream'] as const;
export const DIRECTIONS = ['device->server', 'server->device', 'either'] as const;
const BCC_MODES = ['strict', 'warn'] as const;

/** The sister product's keyword is understood here, so that its captures can be read too. */
const PROFILE: TerminalProfile = { ...DEFAULT_TERMINAL_PROFILE, commandKeywords: ['B1301', 'BDG01'] };

/** How results are shown. */
export interface DecodeOptions {
  /** `warn` accepts wrong check codes of lines and flags them; without it the input line decides, else strict. */
  bccMode?: (typeof BCC_MODES)[number];
  /** Adds offset and hex of the place an error is about. */
  details?: boolean;
}

/** Decodes one input object. Throws `BadInput` when it cannot be used. */
export function decodeTerminal(input: Json, options: DecodeOptions): Json {
  const mode = oneOf('mode', input.mode, MODES) ?? guessMode(input);
  const direction = oneOf('direction', input.direction, DIRECTIONS);
  if (mode === 'packet') return describePacket(input);
  const bytes = inputBytes(input);
  const profile = profileOf(input);
  if (mode === 'frame') return shown(decodeReport(bytes, profile), options);
  if (mode === 'text') {
    return shown(inSession(decodeText(bytes, { profile, ...textOptions(input, options) }), input), options);
  }
  return direction === 'server->device' ? downlinkStream(mode, bytes, profile) : uplinkStream(mode, bytes, profile);
}

function guessMode(input: Json): (typeof MODES)[number] {
  if (input.text !== undefined) return 'text';
  if (input.hex === undefined && input.firmware !== undefined) return 'packet';
  return inputBytes(input)[0] === 0x2b ? 'text' : 'frame';
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

// ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────────────

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

const PLUS = 0x2b;
/** Longest command that is looked for; only the upgrade command may be longer, and it holds no second `+`. */
const COMMAND_LIMIT = 4_096;

/** What a server sends: lines only; packets between them are not lines and count as discarded. */
function downlinkStream(mode: string, bytes: Buffer, profile: TerminalProfile): Json {
  const lines: string[] = [];
  let discardedBytes = 0;
  /** The next line end behind `at` and the last `+` before it: found once, however many `+` there are. */
  let lineEnd = -1;
  let lastPlus = -1;
  for (let at = 0; at < bytes.length;) {
    if (lineEnd < at) {
      const found = bytes.indexOf('\r\n', at, 'latin1');
      lineEnd = found < 0 ? bytes.length : found;
      lastPlus = at + bytes.subarray(at, lineEnd).lastIndexOf(PLUS);
    }
    const end = lineEnd + 2;
    const mayBegin = bytes[at] === PLUS && end <= bytes.length && (at === lastPlus || end - at <= COMMAND_LIMIT);
    if (mayBegin && decodeText(bytes.subarray(at, end), { profile }).ok) {
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

// ── packets and what only a session knows ────────────────────────────────────────────────────────────────────────────

const SESSION_NAMES = ['session', 'upgrade', 'transfer', 'offer', 'otacommand', 'task', 'context', 'state', 'firmware'];
// prettier-ignore
const COUNT_NAMES = [
  'packetcount', 'pnumb', 'packets', 'packettotal', 'totalpackets', 'numberofpackets', 'npackets', 'maxpcnt', 'pcntmax',
  'lastpcnt', 'count', 'total',
];
const PACKET_SIZE_NAMES = ['packetsize', 'psize'];

/** What only the upgrade session knows: whether the packet exists and whose upgrade it is. */
function inSession(decoded: TerminalDecoded<TerminalText>, input: Json): TerminalDecoded<TerminalText> {
  if (!decoded.ok || decoded.frame.type !== 'packetRequest') return decoded;
  const { session } = input;
  if (session === null) return refuse('no_session');
  if (session !== undefined && !isObject(session)) throw new BadInput('session must be an object or null');
  const { sn, pcnt } = decoded.frame;
  const places = placesOf(input, SESSION_NAMES);
  const owner = told(places.slice(0, -1), ['sn']);
  if (typeof owner === 'string' && owner.toUpperCase() !== sn.toUpperCase()) return refuse('no_session');
  const packets = packetsTold(places);
  return packets !== null && pcnt > packets ? refuse('pcnt_out_of_range') : decoded;
}

function packetsTold(places: readonly Json[]): number | null {
  const count = toldNumber(places, COUNT_NAMES);
  if (count !== null) return count;
  const packetSize = toldNumber(places, PACKET_SIZE_NAMES) ?? DEFAULT_PACKET_SIZE;
  const fileSize = toldNumber(places, FILE_SIZE_NAMES);
  return fileSize === null || packetSize === 0 ? null : packetCount(fileSize, packetSize);
}

function refuse(error: 'no_session' | 'pcnt_out_of_range'): TerminalDecodeError {
  return { ok: false, error: error as TerminalDecodeError['error'], offset: 0, hex: '' };
}

/** One packet of a described file. */
function describePacket(input: Json): Json {
  const { firmware } = input;
  if (!isObject(firmware)) throw new BadInput('firmware must be an object');
  const packetSize = toldNumber([input, firmware], PACKET_SIZE_NAMES) ?? DEFAULT_PACKET_SIZE;
  const pcnt = toldNumber([input], ['pcnt', 'packet']);
  if (pcnt === null) throw new BadInput('pcnt must be a whole number');
  if (packetSize < 1) throw new BadInput('packetSize must be at least 1');
  const packet = packetOf(describedFile(firmware), packetSize, pcnt);
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

// ── what is told about the terminal ──────────────────────────────────────────────────────────────────────────────────

const TERMINAL_NAMES = ['terminal', 'device', 'profile', 'settings', 'options', 'context', 'state'];

/** How this terminal speaks: the length of its SN, its keywords, whether it sends MainInfoLen, its start mark. */
function profileOf(input: Json): TerminalProfile {
  const places = placesOf(input, TERMINAL_NAMES);
  const lengths = snLengths(places);
  const keywords = told(places, ['keywords', 'commandkeywords', 'keyword']);
  const hasMainInfoLen = told(places, ['hasmaininfolen', 'maininfolen']);
  const startMark = told(places, ['startmark']);
  const mark = typeof startMark === 'string' ? hexBytes(startMark.replace(/^0x/i, ''))[0] : startMark;
  return {
    ...PROFILE,
    ...(lengths.length > 0 && { snLengths: lengths }),
    ...(isTexts(keywords) && { commandKeywords: keywords }),
    ...(hasMainInfoLen !== undefined && { hasMainInfoLen: hasMainInfoLen === true || hasMainInfoLen === 9 }),
    ...(typeof mark === 'number' && { startMark: mark }),
  };
}

/** SN lengths in bytes: as told, or that of the SN which is told. */
function snLengths(places: readonly Json[]): number[] {
  const value = told(places, ['snlength', 'snlengths', 'snlen', 'snbytes']);
  const lengths = (Array.isArray(value) ? value : [value]) as unknown[];
  const usable = lengths.filter(
    (each): each is number => Number.isInteger(each) && Number(each) > 0 && Number(each) <= 64,
  );
  if (usable.length > 0) return usable;
  const sn = told(places, ['sn']);
  return typeof sn === 'string' && /^(?:[0-9A-Fa-f]{2}){1,64}$/.test(sn) ? [sn.length / 2] : [];
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}

function textOptions(input: Json, options: DecodeOptions) {
  const places = placesOf(input, TERMINAL_NAMES);
  const softwareVersion = terminalSoftware(
    told(places, ['softwareversion', 'sfwval', 'softwarever', 'ver', 'version', 'runningversion', 'currentversion']),
  );
  return {
    bccMode: options.bccMode ?? oneOf('bccMode', told(places, ['bccmode']), BCC_MODES) ?? 'strict',
    terminal: softwareVersion === null ? {} : { softwareVersion },
  };
}

/** Software version of the terminal the line is for: `10`, `"10"`, `"1.0"` or the `pinfo` it runs. */
function terminalSoftware(version: unknown): number | null {
  if (typeof version === 'number') return version;
  if (typeof version !== 'string') return null;
  return /^[0-9]+(?:\.[0-9])?$/.test(version) ? Number(version.replace('.', '')) : pinfoVersion(version);
}
