/**
 * Builds the text lines of the 2G terminal, of both directions (PROTOCOLS 2.2, 3.3). The upgrade command is in `ota.ts`.
 */
import { hexByte, xorOfText } from '../checksums.ts';
import { GatewayError, requireField, requireInteger } from '../errors.ts';
import { readVersion, SLEEP_MINUTES_MAX, SLEEP_MINUTES_MIN, sleepMinutes } from './fields.ts';
import { COMMAND_KEYWORD, type OtaErrorType } from './frames.ts';

const UINT16_MAX = 0xffff;
const UINT32_MAX = 0xffff_ffff;

/** What a command line for a terminal says. */
export interface CommandFields {
  /** The version the terminal last reported: a number, or the text as it is to be sent. */
  softwareVer: number | string;
  cmd: string;
  para?: string | null;
  keyword?: string;
}

/** Builds a command line. Throws `para_out_of_range` for a sleep time outside 60..44640, else `invalid_field`. */
export function encodeCommand(fields: CommandFields): Buffer {
  const { softwareVer, cmd, para = null, keyword = COMMAND_KEYWORD } = fields;
  const version = versionText(softwareVer);
  requireText('cmd', cmd);
  if (para !== null) requirePara(para);
  if (cmd === 'SLPT' && sleepMinutes(para) === null) {
    throw new GatewayError(
      'para_out_of_range',
      `the sleep time must be ${SLEEP_MINUTES_MIN}..${SLEEP_MINUTES_MAX} minutes`,
      { cmd, para },
    );
  }
  return line(para === null ? [keyword, version, cmd] : [keyword, version, cmd, para]);
}

/** What the answer of a terminal says. */
export interface ResponseFields {
  sn: string;
  softwareVer: number | string;
  cmd: string;
  para?: string | null;
  /** Of the command that is answered, without `RSP`. */
  keyword?: string;
}

/** Builds the answer of a terminal. Throws `invalid_field`. */
export function encodeResponse(fields: ResponseFields): Buffer {
  const { sn, cmd, para = null, keyword = COMMAND_KEYWORD } = fields;
  requireText('sn', sn);
  requireText('cmd', cmd);
  if (para !== null) requirePara(para);
  const head = [`${keyword}RSP`, sn, versionText(fields.softwareVer), cmd];
  return line(para === null ? head : [...head, para]);
}

/** What a packet request says; the offset follows from packet number and size unless given. */
export interface PacketRequestFields {
  sn: string;
  ver: number | string;
  pcnt: number;
  psize: number;
  offset?: number;
}

/** Builds a packet request. Throws `invalid_field`. */
export function encodePacketRequest(fields: PacketRequestFields): Buffer {
  const { sn, pcnt, psize, offset = (pcnt - 1) * psize } = fields;
  requireText('sn', sn);
  requireInteger('pcnt', pcnt, 1, UINT16_MAX);
  requireInteger('psize', psize, 1, UINT16_MAX);
  requireInteger('offset', offset, 0, UINT32_MAX);
  return line([`ReqNOTAB:${sn}`, versionText(fields.ver), `${pcnt}`, `${psize}`, `${offset}`]);
}

/** Builds an error line. Throws `invalid_field`. */
export function encodeOtaError(fields: { sn: string; errorType: OtaErrorType; errcode: number }): Buffer {
  requireText('sn', fields.sn);
  requireInteger('errcode', fields.errcode, 0, UINT16_MAX);
  return line([`NOTABERR:${fields.sn}`, fields.errorType, `${fields.errcode}`]);
}

/** Builds the line that says all packets have arrived. Throws `invalid_field`. */
export function encodeOtaOver(fields: { sn: string }): Buffer {
  requireText('sn', fields.sn);
  return line([`NOTABOVER:${fields.sn}`]);
}

/** Version of a terminal as text, from its software version value: decimal, at least two digits. */
export function terminalVersion(sfwVal: number): string {
  requireInteger('sfwVal', sfwVal, 0, 0xff);
  return String(sfwVal).padStart(2, '0');
}

/** Adds `+`, check code and line end to the fields of a line. */
function line(fields: readonly string[]): Buffer {
  const body = fields.join(',');
  return Buffer.from(`+${body},${hexByte(xorOfText(body))}\r\n`, 'latin1');
}

function versionText(version: number | string): string {
  if (typeof version === 'number') return terminalVersion(version);
  requireField(readVersion(version) !== null, 'softwareVer', version, 'decimal text 0..255');
  return version;
}

function requireText(name: string, value: string): void {
  requireField(/^[\x20-\x2b\x2d-\x7e]+$/.test(value), name, value, 'printable ASCII without commas, not empty');
}

function requirePara(value: string): void {
  requireField(/^[\x20-\x7e]*$/.test(value), 'para', value, 'printable ASCII');
}
