/**
 * The vocabulary of the 2G terminal protocol: frame types, error names, the device profile.
 *
 * Data only; how the bytes are read and written is in `report.ts`, `text.ts` and `ota.ts`.
 */
import { hexExcerpt, type DecodeError } from '../errors.ts';

/** What one kind of terminal speaks; everything the document leaves open is a setting here. */
export interface TerminalProfile {
  /** Keywords of down-link commands, without `+`; answers carry the keyword with `RSP` behind it. The first is sent. */
  commandKeywords: readonly string[];
  /** SN lengths in bytes that a binary report may have. One entry when the device is registered. */
  snLengths: readonly number[];
  /** Whether a byte with the length of the main information (9) follows the SN. */
  hasMainInfoLen: boolean;
  /** First byte of a report. */
  startMark: number;
  /** End mark that encoders write; decoders accept all of them. */
  endMark: EndMark;
}

/** End marks of a binary report, as hex. */
export const END_MARKS = ['7E7E', '36703670', '0D0A'] as const;
export type EndMark = (typeof END_MARKS)[number];

/** The keyword of commands unless a profile says otherwise. */
export const COMMAND_KEYWORD = 'B1301';

export const DEFAULT_TERMINAL_PROFILE: TerminalProfile = Object.freeze({
  commandKeywords: [COMMAND_KEYWORD],
  snLengths: [5, 6, 8],
  hasMainInfoLen: false,
  startMark: 0x13,
  endMark: '7E7E',
});

/** Names of everything that can be wrong with bytes from or for a terminal. */
export const TERMINAL_ERRORS = [
  'empty',
  'bad_start',
  'bad_end',
  'truncated',
  'incomplete',
  'bad_terminator',
  'line_too_long',
  'bad_format',
  'unknown_keyword',
  'bcc_mismatch',
  'para_out_of_range',
  'pcnt_out_of_range',
  'ota_command_invalid',
] as const;
export type TerminalErrorName = (typeof TERMINAL_ERRORS)[number];

/** Oddities that do not stop a frame from being used. */
export type TerminalWarning = 'batLevel_out_of_range' | 'offset_mismatch' | 'bcc_mismatch';

/** The list every frame without an oddity shares. */
export const NO_WARNINGS: readonly TerminalWarning[] = Object.freeze([]);
export const BCC_MISMATCH: readonly TerminalWarning[] = Object.freeze(['bcc_mismatch']);

/** A binary report (PROTOCOLS 2.1). */
export interface TerminalReport {
  type: 'report';
  /** The 16 bits as four hex digits. */
  protoRaw: string;
  /** For example `V2.0.10`. */
  protoVersion: string;
  /** Software version value, 0..255. */
  sfwVal: number;
  /** The same as people write it: 21 is `2.1`. */
  softwareVersion: string;
  /** Upper-case hex. */
  sn: string;
  /** Percent; values above 100 are kept and flagged. */
  batLevel: number;
  temperatureRaw: number;
  /** Degrees Celsius, full precision. */
  temperatureC: number;
  /** Raw values, the document names no unit. */
  acc: { x: number; y: number; z: number };
  bcc: string;
  endMark: EndMark;
  warnings: readonly TerminalWarning[];
  /** The bytes as received, only when the stream was asked to keep them. */
  raw?: Buffer;
}

/** `+B1301RSP`: the answer to a command. */
export interface TerminalResponse {
  type: 'response';
  keyword: string;
  sn: string;
  softwareVer: number;
  cmd: string;
  /** Null when absent; may contain commas. */
  para: string | null;
  bcc: string;
  warnings: readonly TerminalWarning[];
  raw?: Buffer;
}

/** `+ReqNOTAB`: the terminal asks for one packet. */
export interface PacketRequest {
  type: 'packetRequest';
  keyword: string;
  sn: string;
  /** Software version the terminal runs, decimal text as sent. */
  ver: string;
  /** Packet number, from 1; at least 1 here, the upper bound is known to the session only. */
  pcnt: number;
  psize: number;
  /** Bytes received so far, as the terminal says. */
  offset: number;
  bcc: string;
  warnings: readonly TerminalWarning[];
  raw?: Buffer;
}

/** Which phase of the upgrade failed. */
export const OTA_ERROR_TYPES = ['OTACMDERR', 'PATCHERR'] as const;
export type OtaErrorType = (typeof OTA_ERROR_TYPES)[number];

/** `+NOTABERR`: the terminal refuses the upgrade command or gives the transfer up. */
export interface OtaErrorFrame {
  type: 'otaError';
  keyword: string;
  sn: string;
  errorType: OtaErrorType;
  errcode: number;
  /** Whether the code is in the table of the document. */
  known: boolean;
  /** Present for known codes. */
  meaning?: string;
  bcc: string;
  warnings: readonly TerminalWarning[];
  raw?: Buffer;
}

/** `+NOTABOVER`: all packets received. */
export interface OtaOver {
  type: 'otaOver';
  keyword: string;
  sn: string;
  bcc: string;
  warnings: readonly TerminalWarning[];
  raw?: Buffer;
}

/** `+B1301`: a command for the terminal. */
export interface TerminalCommand {
  type: 'command';
  keyword: string;
  softwareVer: number;
  cmd: string;
  para: string | null;
  bcc: string;
  warnings: readonly TerminalWarning[];
}

/** The package name of an upgrade command, taken apart; the case of the file name is kept. */
export interface PackageInfo {
  raw: string;
  softwareVersion: string;
  hardwareVersion: string;
  resourceModel: string;
  /** `00` general, `01` dedicated. */
  edition: string;
}

/** `+NBOTA`: the upgrade command. */
export interface OtaCommand {
  type: 'otaCommand';
  keyword: string;
  pinfo: PackageInfo;
  fileSize: number;
  packetCount: number;
  packetSize: number;
  /** One check code per packet, upper-case hex. */
  packetBcc: string[];
  md5: string;
  bcc: string;
  /** The code a terminal answers although the line can be read; null when it accepts. */
  terminalResult: number | null;
  warnings: readonly TerminalWarning[];
}

/** Text lines a terminal sends. */
export type UplinkText = TerminalResponse | PacketRequest | OtaErrorFrame | OtaOver;

/** Everything a terminal sends. */
export type TerminalFrame = TerminalReport | UplinkText;

/** Every text line, of both directions. */
export type TerminalText = UplinkText | TerminalCommand | OtaCommand;

/** Why bytes are not a frame. */
export interface TerminalDecodeError extends DecodeError<TerminalErrorName> {
  ok: false;
  expectedBcc?: string;
  receivedBcc?: string;
  /** For upgrade commands: the code a terminal answers. */
  terminalResult?: number;
}

export type TerminalDecoded<Frame> = { ok: true; frame: Frame } | TerminalDecodeError;

/** What a decoder may be told about the terminal that gets a command. */
export interface TerminalState {
  /** Software version value it runs. */
  softwareVersion?: number;
}

/** Builds a decode error with the bytes around it. */
export function decodeError(
  error: TerminalErrorName,
  bytes: Uint8Array,
  offset: number,
  extra: Partial<Pick<TerminalDecodeError, 'expectedBcc' | 'receivedBcc' | 'terminalResult'>> = {},
): TerminalDecodeError {
  return { ok: false, error, offset, hex: hexExcerpt(bytes, offset, bytes.length), ...extra };
}
