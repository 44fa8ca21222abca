/**
 * The binary report of the 2G terminal (PROTOCOLS 2.1): decode, encode, and the test whether one starts at a place.
 *
 * Read by length, never by looking for the end mark: 13 and 7E occur inside fields. All numbers high byte first.
 */
import { requireField, requireInteger } from '../errors.ts';
import { hexByte, xorOf } from '../checksums.ts';
import {
  decodeError,
  DEFAULT_TERMINAL_PROFILE,
  END_MARKS,
  NO_WARNINGS,
  type EndMark,
  type TerminalDecoded,
  type TerminalErrorName,
  type TerminalProfile,
  type TerminalReport,
  type TerminalWarning,
} from './frames.ts';

/** Start mark 1, protocol version 2, software version 1. */
const HEAD_BYTES = 4;
/** Battery 1, temperature 2, acceleration 6; also the value of MainInfoLen. */
const MAIN_INFO_BYTES = 9;
const BATTERY_MAX = 100;
const END_MARK_BYTES: readonly { mark: EndMark; bytes: Buffer }[] = END_MARKS.map((mark) => ({
  mark,
  bytes: Buffer.from(mark, 'hex'),
}));
const OUT_OF_RANGE: readonly TerminalWarning[] = Object.freeze(['batLevel_out_of_range']);

/** One way a report of a profile can be laid out. */
export interface ReportLayout {
  snLength: number;
  hasMainInfoLen: boolean;
  /** Offset of the check code. */
  bccAt: number;
  /** Length with the end mark. */
  total: number;
  endMark: EndMark;
  endBytes: Buffer;
}

const layoutsByProfile = new WeakMap<TerminalProfile, readonly ReportLayout[]>();

/** All layouts of a profile, shortest first: that is the order in which a stream completes them. */
export function reportLayouts(profile: TerminalProfile): readonly ReportLayout[] {
  let layouts = layoutsByProfile.get(profile);
  if (layouts === undefined) {
    layouts = profile.snLengths
      .flatMap((snLength) =>
        END_MARK_BYTES.map(({ mark, bytes }) => {
          const bccAt = HEAD_BYTES + snLength + (profile.hasMainInfoLen ? 1 : 0) + MAIN_INFO_BYTES;
          const total = bccAt + 1 + bytes.length;
          return { snLength, hasMainInfoLen: profile.hasMainInfoLen, bccAt, total, endMark: mark, endBytes: bytes };
        }),
      )
      .toSorted((a, b) => a.total - b.total);
    layoutsByProfile.set(profile, layouts);
  }
  return layouts;
}

/**
 * Tests for a report at `start`, which holds the start mark: the layout for which check code and end mark fit, `more`
 * when bytes after `end` can still make one fit, `none` otherwise.
 */
export function fitReport(
  bytes: Uint8Array,
  start: number,
  end: number,
  layouts: readonly ReportLayout[],
): ReportLayout | 'more' | 'none' {
  for (const layout of layouts) {
    if (start + layout.total > end) return 'more';
    if (endFits(bytes, start, layout) && bccFits(bytes, start, layout)) return layout;
  }
  return 'none';
}

/** Decodes exactly one report. */
export function decodeReport(
  bytes: Buffer,
  profile: TerminalProfile = DEFAULT_TERMINAL_PROFILE,
): TerminalDecoded<TerminalReport> {
  if (bytes.length === 0) return decodeError('empty', bytes, 0);
  if (bytes[0] !== profile.startMark) return decodeError('bad_start', bytes, 0);
  const layouts = reportLayouts(profile);
  const sameLength = layouts.filter((layout) => layout.total === bytes.length);
  const layout = sameLength.find((each) => endFits(bytes, 0, each) && bccFits(bytes, 0, each));
  if (layout) return { ok: true, frame: readReport(bytes, 0, layout) };
  // A right end with a wrong check, or the other way round, says which length was meant.
  const wrongCheck = sameLength.find((each) => endFits(bytes, 0, each));
  if (wrongCheck) {
    if (xorOf(bytes, 0, wrongCheck.bccAt) === bytes[wrongCheck.bccAt]) {
      return decodeError('bad_format', bytes, HEAD_BYTES + wrongCheck.snLength); // only MainInfoLen can be left
    }
    return decodeError('bcc_mismatch', bytes, wrongCheck.bccAt, {
      expectedBcc: hexByte(xorOf(bytes, 0, wrongCheck.bccAt)),
      receivedBcc: hexByte(bytes[wrongCheck.bccAt] as number),
    });
  }
  const wrongEnd = sameLength.find((each) => bccFits(bytes, 0, each));
  if (wrongEnd) return decodeError('bad_end', bytes, wrongEnd.bccAt + 1);
  const shortest = layouts[0] as ReportLayout;
  if (bytes.length < shortest.total) return decodeError('truncated', bytes, 0);
  // A whole report with something behind it does not end where it should.
  const whole = fitReport(bytes, 0, bytes.length, layouts);
  if (typeof whole === 'object') return decodeError('bad_end', bytes, whole.total);
  if (layouts.some((each) => canBeCompleted(bytes, each))) return decodeError('truncated', bytes, 0);
  return decodeError('bad_end', bytes, shortest.bccAt + 1);
}

/** Names what is wrong with a whole candidate in a stream, for the log. */
export function explainCandidate(
  bytes: Uint8Array,
  start: number,
  end: number,
  layouts: readonly ReportLayout[],
): TerminalErrorName {
  const complete = layouts.filter((layout) => start + layout.total <= end);
  if (complete.some((layout) => endFits(bytes, start, layout))) return 'bcc_mismatch';
  if (complete.some((layout) => bccFits(bytes, start, layout))) return 'bad_end';
  return complete.length < layouts.length ? 'truncated' : 'bad_start';
}

/** Reads the fields of a report whose layout is known to fit. */
export function readReport(bytes: Buffer, start: number, layout: ReportLayout): TerminalReport {
  const protocol = bytes.readUInt16BE(start + 1);
  const sfwVal = bytes[start + 3] as number;
  const snAt = start + HEAD_BYTES;
  const mainAt = snAt + layout.snLength + (layout.hasMainInfoLen ? 1 : 0);
  const batLevel = bytes[mainAt] as number;
  const temperatureRaw = bytes.readInt16BE(mainAt + 1);
  return {
    type: 'report',
    protoRaw: hexByte(protocol >> 8) + hexByte(protocol),
    protoVersion: `V${protocol >> 12}.${(protocol >> 8) & 0x0f}.${String(protocol & 0xff).padStart(2, '0')}`,
    sfwVal,
    softwareVersion: `${Math.floor(sfwVal / 10)}.${sfwVal % 10}`,
    sn: bytes.toString('hex', snAt, snAt + layout.snLength).toUpperCase(),
    batLevel,
    temperatureRaw,
    temperatureC: temperatureRaw / 256 + 25,
    acc: {
      x: bytes.readInt16BE(mainAt + 3),
      y: bytes.readInt16BE(mainAt + 5),
      z: bytes.readInt16BE(mainAt + 7),
    },
    bcc: hexByte(bytes[start + layout.bccAt] as number),
    endMark: layout.endMark,
    warnings: batLevel > BATTERY_MAX ? OUT_OF_RANGE : NO_WARNINGS,
  };
}

/** What a report says; everything else is computed. */
export interface ReportFields {
  /** Hex text, an even number of digits. */
  sn: string;
  sfwVal: number;
  /** Four hex digits, `2001` when absent. */
  protoRaw?: string;
  batLevel: number;
  temperatureRaw: number;
  acc: { x: number; y: number; z: number };
}

/** Builds a report. Throws `invalid_field`. */
export function encodeReport(fields: ReportFields, profile: TerminalProfile = DEFAULT_TERMINAL_PROFILE): Buffer {
  const { sn, protoRaw = '2001' } = fields;
  requireField(/^(?:[0-9A-Fa-f]{2})+$/.test(sn), 'sn', sn, 'pairs of hex digits');
  requireField(profile.snLengths.includes(sn.length / 2), 'sn', sn, `${profile.snLengths.join(', ')} bytes long`);
  requireField(/^[0-9A-Fa-f]{4}$/.test(protoRaw), 'protoRaw', protoRaw, 'four hex digits');
  requireInteger('sfwVal', fields.sfwVal, 0, 0xff);
  requireInteger('batLevel', fields.batLevel, 0, 0xff);
  requireInteger('temperatureRaw', fields.temperatureRaw, -0x8000, 0x7fff);
  for (const axis of ['x', 'y', 'z'] as const) requireInteger(`acc.${axis}`, fields.acc[axis], -0x8000, 0x7fff);
  const endBytes = Buffer.from(profile.endMark, 'hex');
  const snLength = sn.length / 2;
  const mainAt = HEAD_BYTES + snLength + (profile.hasMainInfoLen ? 1 : 0);
  const bccAt = mainAt + MAIN_INFO_BYTES;
  const bytes = Buffer.alloc(bccAt + 1 + endBytes.length);
  bytes[0] = profile.startMark;
  bytes.write(protoRaw, 1, 'hex');
  bytes[3] = fields.sfwVal;
  bytes.write(sn, HEAD_BYTES, 'hex');
  if (profile.hasMainInfoLen) bytes[mainAt - 1] = MAIN_INFO_BYTES;
  bytes[mainAt] = fields.batLevel;
  bytes.writeInt16BE(fields.temperatureRaw, mainAt + 1);
  bytes.writeInt16BE(fields.acc.x, mainAt + 3);
  bytes.writeInt16BE(fields.acc.y, mainAt + 5);
  bytes.writeInt16BE(fields.acc.z, mainAt + 7);
  bytes[bccAt] = xorOf(bytes, 0, bccAt);
  endBytes.copy(bytes, bccAt + 1);
  return bytes;
}

function endFits(bytes: Uint8Array, start: number, layout: ReportLayout): boolean {
  const at = start + layout.bccAt + 1;
  for (let index = 0; index < layout.endBytes.length; index += 1) {
    if (bytes[at + index] !== layout.endBytes[index]) return false;
  }
  return true;
}

function bccFits(bytes: Uint8Array, start: number, layout: ReportLayout): boolean {
  if (layout.hasMainInfoLen && bytes[start + HEAD_BYTES + layout.snLength] !== MAIN_INFO_BYTES) return false;
  return xorOf(bytes, start, start + layout.bccAt) === bytes[start + layout.bccAt];
}

/** Whether a whole frame is the beginning of a longer one: what is there of check code and end mark is right. */
function canBeCompleted(bytes: Uint8Array, layout: ReportLayout): boolean {
  if (bytes.length >= layout.total) return false;
  if (bytes.length > layout.bccAt && !bccFits(bytes, 0, layout)) return false;
  for (let at = layout.bccAt + 1; at < bytes.length; at += 1) {
    if (bytes[at] !== layout.endBytes[at - layout.bccAt - 1]) return false;
  }
  return true;
}
