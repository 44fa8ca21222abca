/**
 * The upgrade command `+NBOTA` of the 2G terminal and what belongs to it (PROTOCOLS 3.1, 3.2, 3.4): the command line,
 * the checks a terminal makes on it, the error codes, the packets of a file.
 *
 * The packets themselves travel raw: no header, no trailer, the last one short.
 */
import { hexByte, md5Hex, xorOf, xorOfText } from '../checksums.ts';
import { GatewayError, requireInteger } from '../errors.ts';
import { isHex, readDecimal } from './fields.ts';
import { BCC_MISMATCH, NO_WARNINGS, type OtaCommand, type OtaErrorType, type TerminalState } from './frames.ts';

/** Sizes a terminal accepts, bytes, both included. */
export const FILE_SIZE_MIN = 10_240;
export const FILE_SIZE_MAX = 102_400;
export const DEFAULT_PACKET_SIZE = 1024;

/** The first is sent, the second is an alias some samples use. */
export const OTA_COMMAND_KEYWORDS = ['NBOTA', 'CPOTA'] as const;

/** Error codes of the document, with the phase they belong to. */
export const OTA_ERRORS: readonly { code: number; kind: OtaErrorType; meaning: string }[] = [
  { code: 731, kind: 'OTACMDERR', meaning: 'command string too short' },
  { code: 735, kind: 'OTACMDERR', meaning: 'format: fields must be separated by commas' },
  { code: 738, kind: 'OTACMDERR', meaning: 'command BCC wrong' },
  { code: 739, kind: 'OTACMDERR', meaning: 'package name length wrong' },
  { code: 740, kind: 'OTACMDERR', meaning: 'software version wrong, or MD5 length wrong' },
  { code: 745, kind: 'OTACMDERR', meaning: 'package size wrong' },
  { code: 749, kind: 'OTACMDERR', meaning: 'file size and packet count do not fit' },
  { code: 756, kind: 'OTACMDERR', meaning: 'BCC list length does not fit the packet count' },
  { code: 801, kind: 'PATCHERR', meaning: 'flash programming error' },
  { code: 803, kind: 'PATCHERR', meaning: 'packet BCC error' },
  { code: 805, kind: 'PATCHERR', meaning: 'packet receive timeout' },
];

/** Characters of the shortest legal command, without its line end. */
const SHORTEST_COMMAND = 68;
const UINT16_MAX = 0xffff;
const UINT32_MAX = 0xffff_ffff;

/** Meaning of an error code of either phase; null for codes in no table, which still are failures. */
export function otaErrorMeaning(code: number): string | null {
  return OTA_ERRORS.find((each) => each.code === code)?.meaning ?? null;
}

/** The software version value a package name stands for; null when it is not a legal package name. */
export function pinfoVersion(pinfo: string): number | null {
  return pinfo.length === 8 && isHex(pinfo) ? readDecimal(pinfo.slice(0, 2), 99) : null;
}

/**
 * The checks of a terminal, in its order (PROTOCOLS 3.4, 10): the code it answers, null when it accepts.
 * Takes the line with or without its line end; that the keyword is one of ours is for the caller to know.
 */
export function checkOtaCommand(line: string | Buffer, terminal: TerminalState = {}): number | null {
  const text = typeof line === 'string' ? line : line.toString('latin1');
  return inspect(text.replace(/\r\n$/, ''), terminal).code;
}

/**
 * Reads the command from `+` to the last character before the line end. With `letBccPass` a wrong check code is flagged
 * in place of refused; the terminal's answer stays 738.
 */
export function readOtaCommand(line: string, terminal: TerminalState = {}, letBccPass = false): OtaCommand | OtaFault {
  const strict = inspect(line, terminal);
  const isFlagged = strict.code === 738 && letBccPass;
  const { code, fields, expectedBcc, receivedBcc, readable } = isFlagged ? inspect(line, terminal, false) : strict;
  if (code === 738) return { error: 'bcc_mismatch', expectedBcc, receivedBcc, terminalResult: code };
  if (code !== null && !readable) return { error: 'ota_command_invalid', terminalResult: code };
  const [keyword, pinfo, fileSize, packetCount, packetSize, list, md5] = fields as CommandFields;
  const packetBcc: string[] = [];
  for (let at = 0; at < list.length; at += 2) packetBcc.push(list.slice(at, at + 2).toUpperCase());
  return {
    type: 'otaCommand',
    keyword,
    pinfo: {
      raw: pinfo,
      softwareVersion: pinfo.slice(0, 2),
      hardwareVersion: pinfo.slice(2, 4),
      resourceModel: pinfo.slice(4, 6),
      edition: pinfo.slice(6, 8),
    },
    fileSize: Number(fileSize),
    packetCount: Number(packetCount),
    packetSize: Number(packetSize),
    packetBcc,
    md5: md5.toUpperCase(),
    bcc: receivedBcc,
    terminalResult: isFlagged ? 738 : code,
    warnings: isFlagged ? BCC_MISMATCH : NO_WARNINGS,
  };
}

/** Why an upgrade command cannot be read. */
interface OtaFault {
  error: 'bcc_mismatch' | 'ota_command_invalid';
  expectedBcc?: string;
  receivedBcc?: string;
  terminalResult: number;
}

/** What an upgrade command is built from. */
export interface OtaOffer {
  /** Eight hex characters; the case is kept. */
  pinfo: string;
  /** Must not change afterwards: what is computed over it is remembered as long as it lives. */
  file: Uint8Array;
  packetSize?: number;
  /** The terminal it is for, if known: the version it runs already is refused. */
  terminal?: TerminalState;
}

/**
 * Builds the upgrade command for a file, after the checks a terminal would make.
 * Throws `ota_command_invalid` with the code the terminal would answer, or `invalid_field`.
 */
export function encodeOtaCommand(offer: OtaOffer): Buffer {
  const { pinfo, file, packetSize = DEFAULT_PACKET_SIZE, terminal = {} } = offer;
  requireInteger('packetSize', packetSize, 1, UINT16_MAX);
  // Before anything is computed over the file: its size bounds the work.
  if (file.length < FILE_SIZE_MIN || file.length > FILE_SIZE_MAX) throw refusal(745, offer);
  const count = packetCount(file.length, packetSize);
  if (count > UINT16_MAX) throw refusal(749, offer);
  const { list, md5 } = digestsOf(file, packetSize);
  const body = [OTA_COMMAND_KEYWORDS[0], pinfo, file.length, count, packetSize, list, md5].join(',');
  const line = `+${body},${hexByte(xorOfText(body))}`;
  const code = inspect(line, terminal).code;
  if (code !== null) throw refusal(code, offer);
  return Buffer.from(`${line}\r\n`, 'latin1');
}

/** Number of packets of a file. */
export function packetCount(fileSize: number, packetSize: number): number {
  return Math.ceil(fileSize / packetSize);
}

/** The bytes of packet `pcnt` (from 1), a view on the file; null when there is no such packet. */
export function packetOf(file: Buffer, packetSize: number, pcnt: number): Buffer | null {
  if (pcnt < 1 || pcnt > packetCount(file.length, packetSize)) return null;
  const start = (pcnt - 1) * packetSize;
  return file.subarray(start, Math.min(start + packetSize, file.length));
}

interface FileDigests {
  packetSize: number;
  /** The check codes of all packets. */
  list: string;
  md5: string;
}

/** One file goes to thousands of terminals: its digests are computed once. */
const digestsByFile = new WeakMap<Uint8Array, FileDigests>();

function digestsOf(file: Uint8Array, packetSize: number): FileDigests {
  let digests = digestsByFile.get(file);
  if (digests?.packetSize !== packetSize) {
    let list = '';
    for (let at = 0; at < file.length; at += packetSize) {
      list += hexByte(xorOf(file, at, Math.min(at + packetSize, file.length)));
    }
    digests = { packetSize, list, md5: md5Hex(file) };
    digestsByFile.set(file, digests);
  }
  return digests;
}

type CommandFields = [
  keyword: string,
  pinfo: string,
  fileSize: string,
  packetCount: string,
  packetSize: string,
  list: string,
  md5: string,
  bcc: string,
];

interface Inspection {
  code: number | null;
  fields: readonly string[];
  expectedBcc: string;
  receivedBcc: string;
  /** The fields can be shown although the terminal refuses: it dislikes a value, not the form. */
  readable: boolean;
}

function inspect(line: string, terminal: TerminalState, checksBcc = true): Inspection {
  const fields = line.slice(1).split(',');
  const lastComma = line.lastIndexOf(',');
  const expectedBcc = lastComma < 0 ? '' : hexByte(xorOfText(line.slice(1, lastComma)));
  const receivedBcc = line.slice(lastComma + 1).toUpperCase();
  const found = (code: number | null, readable = false): Inspection => {
    return { code, fields, expectedBcc, receivedBcc, readable };
  };
  if (line.length < SHORTEST_COMMAND) return found(731);
  if (fields.length !== 8) return found(735);
  if (checksBcc && expectedBcc !== receivedBcc) return found(738);

  const [, pinfo, fileSize, count, size, list, md5] = fields as CommandFields;
  if (pinfo.length !== 8) return found(739);
  const version = readDecimal(pinfo.slice(0, 2), 99);
  if (version === null) return found(740);
  if (!isHex(pinfo)) return found(739);
  const bytes = readDecimal(fileSize, UINT32_MAX);
  const packets = readDecimal(count, UINT16_MAX);
  const packetSize = readDecimal(size, UINT16_MAX);
  const readable = bytes !== null && packets !== null && packetSize !== null && isHex(list);
  if (version === terminal.softwareVersion) return found(740, readable);
  if (bytes === null || bytes < FILE_SIZE_MIN || bytes > FILE_SIZE_MAX) return found(745, readable);
  if (!packets || !packetSize || packetCount(bytes, packetSize) !== packets) return found(749);
  if (list.length !== packets * 2 || !isHex(list)) return found(756);
  if (md5.length !== 32 || !isHex(md5)) return found(740);
  return found(null, true);
}

const REFUSALS: Readonly<Record<number, string>> = {
  739: 'the package name (pinfo) must have eight hex characters',
  740: 'the software version in the package name (pinfo) is not two decimal digits, or the terminal runs it already',
  745: `the file must have ${FILE_SIZE_MIN}..${FILE_SIZE_MAX} bytes`,
  749: 'the packet size is too small: a file may have at most 65535 packets',
};

function refusal(code: number, offer: OtaOffer): GatewayError {
  const message = REFUSALS[code] ?? otaErrorMeaning(code) ?? 'refused';
  return new GatewayError('ota_command_invalid', `a terminal would answer ${code}: ${message}`, {
    terminalResult: code,
    pinfo: offer.pinfo,
    fileSize: offer.file.length,
  });
}
