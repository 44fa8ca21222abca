/**
 * Reads the text lines of the 2G terminal (PROTOCOLS 2.2, 3.3): commands, answers, packet requests, error, over lines.
 *
 * A line is `+`, comma-separated fields, a check code of two hex digits, CR LF. The check code is the XOR of everything
 * between the `+` and the last comma. The upgrade command is in `ota.ts`, building in `lines.ts`.
 */
import { hexByte, xorOfText } from '../checksums.ts';
import { isHex, readDecimal, readVersion, sleepMinutes } from './fields.ts';
import {
  BCC_MISMATCH,
  decodeError,
  DEFAULT_TERMINAL_PROFILE,
  NO_WARNINGS,
  OTA_ERROR_TYPES,
  type TerminalDecoded,
  type TerminalErrorName,
  type TerminalProfile,
  type TerminalState,
  type TerminalText,
  type TerminalWarning,
} from './frames.ts';
import { OTA_COMMAND_KEYWORDS, otaErrorMeaning, readOtaCommand } from './ota.ts';
import { isPrintable, OFFSET_MISMATCH, REQUEST_KEYWORDS } from './packet-request.ts';

/** What `02`..`06` mean when a terminal answers them in place of a value (annex 3). */
export const COMMAND_ERRORS: Readonly<Record<string, string>> = {
  '02': 'command length wrong',
  '03': 'command software version wrong',
  '04': 'command check code wrong',
  '05': 'flash operation failed',
  '06': 'command parameter wrong',
};

const ERROR_KEYWORDS = ['NOTABERR', 'COTAPERR'] as const;
const OVER_KEYWORDS = ['NOTABOVER', 'COTAPOVER'] as const;
/** Longer words are no keyword of any profile. */
const KEYWORD_LIMIT = 32;
const BAD_FORMAT: LineFault = Object.freeze({ error: 'bad_format' });
const UNKNOWN_KEYWORD: LineFault = Object.freeze({ error: 'unknown_keyword' });
const PCNT_OUT_OF_RANGE: LineFault = Object.freeze({ error: 'pcnt_out_of_range' });
const PARA_OUT_OF_RANGE: LineFault = Object.freeze({ error: 'para_out_of_range' });
const UINT16_MAX = 0xffff;
const UINT32_MAX = 0xffff_ffff;

const PLUS = 0x2b;
const CR = 0x0d;
const LF = 0x0a;

export interface TextOptions {
  profile?: TerminalProfile;
  /** `warn` accepts a wrong check code and flags it: only for replaying printed samples. */
  bccMode?: 'strict' | 'warn';
  /** The terminal an upgrade command is for. */
  terminal?: TerminalState;
  /** Down-link keywords are unknown ones: a terminal never sends commands. */
  uplinkOnly?: boolean;
}

/** Decodes exactly one line with its line end, of either direction. */
export function decodeText(line: Buffer, options: TextOptions = {}): TerminalDecoded<TerminalText> {
  if (line.length === 0) return decodeError('empty', line, 0);
  if (line[0] !== PLUS) return decodeError('bad_start', line, 0);
  const end = line.findIndex((byte) => byte === CR || byte === LF);
  if (end < 0 || (line[end] === CR && end === line.length - 1)) return decodeError('incomplete', line, 0);
  if (line[end] !== CR || line[end + 1] !== LF || end + 2 !== line.length) {
    return decodeError('bad_terminator', line, end);
  }
  const strange = line.findIndex((byte, at) => at < end && !isPrintable(byte));
  if (strange >= 0) return decodeError('bad_format', line, strange);
  const read = readLine(line, 0, end, options);
  if (!('error' in read)) return { ok: true, frame: read };
  const { error, ...extra } = read;
  return decodeError(error, line, 0, extra);
}

/** Why a line cannot be used; cheap, because a stream of rubbish makes many of them. */
export interface LineFault {
  error: TerminalErrorName;
  expectedBcc?: string;
  receivedBcc?: string;
  terminalResult?: number;
}

/** Reads the line whose `+` is at `start` and whose CR is at `end`; everything between must be printable. */
export function readLine(
  bytes: Buffer,
  start: number,
  end: number,
  options: TextOptions = {},
): TerminalText | LineFault {
  const head = bytes.toString('latin1', start + 1, Math.min(end, start + 1 + KEYWORD_LIMIT));
  const keyword = (/^[A-Za-z0-9]*/.exec(head) as RegExpExecArray)[0];
  const { commandKeywords } = options.profile ?? DEFAULT_TERMINAL_PROFILE;
  const isAnswer = keyword.endsWith('RSP') && commandKeywords.includes(keyword.slice(0, -3));
  const isCommand = commandKeywords.includes(keyword);
  const isOtaCommand = isOneOf(OTA_COMMAND_KEYWORDS, keyword);
  const isRequest = isOneOf(REQUEST_KEYWORDS, keyword);
  const isError = isOneOf(ERROR_KEYWORDS, keyword);
  const isOver = isOneOf(OVER_KEYWORDS, keyword);
  const takesColon = isRequest || isError || isOver;
  const isDownlink = isCommand || isOtaCommand;
  if (!isAnswer && !takesColon && (!isDownlink || options.uplinkOnly)) {
    return head === '' ? BAD_FORMAT : UNKNOWN_KEYWORD;
  }

  const body = bytes.toString('latin1', start + 1, end);
  if (isOtaCommand) return readOtaCommand(`+${body}`, options.terminal, options.bccMode === 'warn');
  const separator = body.charAt(keyword.length);
  const lastComma = body.lastIndexOf(',');
  const receivedBcc = body.slice(lastComma + 1).toUpperCase();
  if (separator !== ',' && !(takesColon && separator === ':')) return BAD_FORMAT;
  if (lastComma <= keyword.length || receivedBcc.length !== 2 || !isHex(receivedBcc)) return BAD_FORMAT;
  const expectedBcc = hexByte(xorOfText(body.slice(0, lastComma)));
  const bccFits = expectedBcc === receivedBcc;
  if (!bccFits && options.bccMode !== 'warn') return { error: 'bcc_mismatch', expectedBcc, receivedBcc };

  const fields = body.slice(keyword.length + 1, lastComma).split(',');
  const common = { keyword, bcc: receivedBcc, warnings: bccFits ? NO_WARNINGS : BCC_MISMATCH };
  if (isRequest) return readRequest(fields, common);
  if (isError) return readOtaError(fields, common);
  if (isOver) return readOver(fields, common);
  return isAnswer ? readAnswer(fields, common) : readCommand(fields, common);
}

interface Common {
  keyword: string;
  bcc: string;
  warnings: readonly TerminalWarning[];
}

function readRequest(fields: readonly string[], common: Common): TerminalText | LineFault {
  if (fields.length !== 5) return BAD_FORMAT;
  const [sn, ver, pcntText, psizeText, offsetText] = fields as [string, string, string, string, string];
  const psize = readDecimal(psizeText, UINT16_MAX);
  const offset = readDecimal(offsetText, UINT32_MAX);
  const isNumber = /^[0-9]+$/.test(pcntText);
  if (sn === '' || readVersion(ver) === null || !isNumber || !psize || offset === null) return BAD_FORMAT;
  const pcnt = readDecimal(pcntText, UINT16_MAX);
  if (!pcnt) return PCNT_OUT_OF_RANGE;
  const { keyword, bcc } = common;
  const warnings = offset === (pcnt - 1) * psize ? common.warnings : [...common.warnings, ...OFFSET_MISMATCH];
  return { type: 'packetRequest', keyword, sn, ver, pcnt, psize, offset, bcc, warnings };
}

function readOtaError(fields: readonly string[], common: Common): TerminalText | LineFault {
  if (fields.length !== 3) return BAD_FORMAT;
  const [sn, type, code] = fields as [string, string, string];
  const errorType = OTA_ERROR_TYPES.find((each) => each === type);
  const errcode = readDecimal(code, UINT16_MAX);
  if (sn === '' || errorType === undefined || errcode === null) return BAD_FORMAT;
  const meaning = otaErrorMeaning(errcode);
  const { keyword, bcc, warnings } = common;
  const frame = { type: 'otaError', keyword, sn, errorType, errcode, known: meaning !== null, bcc, warnings } as const;
  return meaning === null ? frame : { ...frame, meaning };
}

function readOver(fields: readonly string[], common: Common): TerminalText | LineFault {
  const sn = fields[0] as string;
  return fields.length !== 1 || sn === '' ? BAD_FORMAT : { type: 'otaOver', sn, ...common };
}

function readAnswer(fields: readonly string[], common: Common): TerminalText | LineFault {
  const [sn, version, cmd, ...para] = fields;
  const softwareVer = readVersion(version ?? '');
  if (!sn || softwareVer === null || !cmd) return BAD_FORMAT;
  return { type: 'response', sn, softwareVer, cmd, para: para.length > 0 ? para.join(',') : null, ...common };
}

function readCommand(fields: readonly string[], common: Common): TerminalText | LineFault {
  const [version, cmd, ...rest] = fields;
  const softwareVer = readVersion(version ?? '');
  if (softwareVer === null || !cmd) return BAD_FORMAT;
  const para = rest.length > 0 ? rest.join(',') : null;
  if (cmd === 'SLPT' && sleepMinutes(para) === null) return PARA_OUT_OF_RANGE;
  return { type: 'command', softwareVer, cmd, para, ...common };
}

function isOneOf(list: readonly string[], text: string): boolean {
  return list.includes(text);
}
