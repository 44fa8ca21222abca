/**
 * The messages of PCP (PROTOCOLS 1.4) in both directions: from a recognised payload to a message, and back to a frame.
 *
 * Decoding is tolerant where devices differ (any fragment size, any package check code, any result), building is not:
 * it throws `invalid_field` rather than make a frame that the protocol does not allow.
 */
import { hexExcerpt, requireField, requireInteger } from '../errors.ts';
import { checkCodeOf, CHECK_CODE_OFFSET } from './check-code.ts';
import { readVersionText, readWord, VERSION_BYTES, versionBytes, wordBytes } from './fields.ts';
import { FRAGMENT_SIZE_MAX, FRAGMENT_SIZE_MIN, FRAGMENT_TOTAL_MAX } from './fragments.ts';
import type { PcpCode, PcpDecoded, PcpDirection, PcpMessage, PcpMessageFrom } from './frames.ts';
import { HEADER_BYTES, PROTOCOL_VERSION, recognise, START_MARK } from './recognition.ts';

/** Largest data area that is read; the largest that is built has 503 bytes. */
export const DATA_BYTES_MAX = 1024;

interface Layout<Message extends PcpMessage> {
  code: PcpCode;
  from: PcpDirection;
  fits(data: Buffer): boolean;
  read(data: Buffer): Message;
  /** The data area, as parts. */
  write(message: Message): Buffer[];
}

type Layouts = { [Type in PcpMessage['type']]: Layout<Extract<PcpMessage, { type: Type }>> };

const LAYOUTS: Layouts = {
  versionQuery: nothing(0x13, 'versionQuery'),
  versionAnswer: resultAndVersion(0x13, 'versionAnswer'),
  newVersion: {
    code: 0x14,
    from: 'platform->device',
    fits: (data) => data.length === VERSION_BYTES + 6,
    read: (data) => ({
      type: 'newVersion',
      targetVersion: readVersionText(data, 0),
      fragmentSize: readWord(data, VERSION_BYTES),
      fragmentTotal: readWord(data, VERSION_BYTES + 2),
      packageCheckCode: readWord(data, VERSION_BYTES + 4),
    }),
    write: ({ targetVersion, fragmentSize, fragmentTotal }) => {
      requireInteger('fragmentSize', fragmentSize, FRAGMENT_SIZE_MIN, FRAGMENT_SIZE_MAX);
      requireInteger('fragmentTotal', fragmentTotal, 1, FRAGMENT_TOTAL_MAX);
      return [
        versionBytes('targetVersion', targetVersion),
        wordBytes(fragmentSize),
        wordBytes(fragmentTotal),
        wordBytes(0), // the package check code is obsolete
      ];
    },
  },
  newVersionAnswer: result(0x14, 'newVersionAnswer', 'device->platform'),
  fragmentRequest: {
    code: 0x15,
    from: 'device->platform',
    fits: (data) => data.length === VERSION_BYTES + 2,
    read: (data) => ({
      type: 'fragmentRequest',
      targetVersion: readVersionText(data, 0),
      fragmentIndex: readWord(data, VERSION_BYTES),
    }),
    write: ({ targetVersion, fragmentIndex }) => [
      versionBytes('targetVersion', targetVersion),
      wordBytes(checked('fragmentIndex', fragmentIndex, 0xffff)),
    ],
  },
  fragmentAnswer: {
    code: 0x15,
    from: 'platform->device',
    // when there is no fragment, its bytes are absent; an empty one is legal to read, but never built
    fits: (data) => data.length === 3 || (data.length > 3 && data.length <= DATA_BYTES_MAX && data[0] === 0),
    read: (data) => ({
      type: 'fragmentAnswer',
      resultCode: data[0] as number,
      fragmentIndex: readWord(data, 1),
      fragment: data[0] === 0 ? data.subarray(3) : null,
    }),
    write: ({ resultCode, fragmentIndex, fragment }) => {
      const head = [resultByte(resultCode), wordBytes(checked('fragmentIndex', fragmentIndex, 0xffff))];
      if (resultCode !== 0) {
        requireField(fragment === null, 'fragment', fragment, 'null when the result is not 0');
        return head;
      }
      const size = fragment?.length ?? 0;
      requireField(size >= 1 && size <= FRAGMENT_SIZE_MAX, 'fragment', size, `1..${FRAGMENT_SIZE_MAX} bytes`);
      return [...head, fragment as Buffer];
    },
  },
  downloadReport: result(0x16, 'downloadReport', 'device->platform'),
  downloadReportAnswer: result(0x16, 'downloadReportAnswer', 'platform->device'),
  executeUpgrade: nothing(0x17, 'executeUpgrade'),
  executeAnswer: result(0x17, 'executeAnswer', 'device->platform'),
  upgradeReport: resultAndVersion(0x18, 'upgradeReport'),
  upgradeReportAnswer: result(0x18, 'upgradeReportAnswer', 'platform->device'),
};

const BY_CODE = new Map(
  Object.values(LAYOUTS).map((layout) => [layoutKey(layout.code, layout.from), layout as Layout<PcpMessage>]),
);

/** Reads one payload that `from` sent: a message, a business message, or PCP whose data area does not fit. */
export function decodePcp<Direction extends PcpDirection>(
  payload: Uint8Array,
  from: Direction,
): PcpDecoded<PcpMessageFrom<Direction>> {
  const header = recognise(payload);
  if ('error' in header) return header;
  const data = Buffer.from(payload.buffer, payload.byteOffset + HEADER_BYTES, header.dataLength);
  // every code has a layout in both directions
  const layout = BY_CODE.get(layoutKey(header.code, from)) as Layout<PcpMessage>;
  if (!layout.fits(data)) {
    const hex = hexExcerpt(payload, HEADER_BYTES);
    return { ok: false, isPcp: true, error: 'bad_data_layout', header, offset: HEADER_BYTES, hex };
  }
  return { ok: true, isPcp: true, header, message: layout.read(data) as PcpMessageFrom<Direction> };
}

/** Builds the frame of a message. Throws `invalid_field` when the protocol cannot carry a value. */
export function encodePcp(message: PcpMessage): Buffer {
  const layout = LAYOUTS[message.type] as Layout<PcpMessage>;
  const parts = layout.write(message);
  const dataLength = parts.reduce((sum, part) => sum + part.length, 0);
  // Made at once and not joined of pieces: slices are what a gateway sends most.
  const frame = Buffer.allocUnsafe(HEADER_BYTES + dataLength);
  frame.writeUInt16BE(START_MARK, 0);
  frame[2] = PROTOCOL_VERSION;
  frame[3] = layout.code;
  frame.writeUInt16BE(dataLength, 6);
  let at = HEADER_BYTES;
  for (const part of parts) at += part.copy(frame, at);
  frame.writeUInt16BE(checkCodeOf(frame), CHECK_CODE_OFFSET);
  return frame;
}

function layoutKey(code: PcpCode, from: PcpDirection): string {
  return `${code} ${from}`;
}

/** A message of the platform without a data area. */
function nothing<Type extends 'versionQuery' | 'executeUpgrade'>(code: PcpCode, type: Type): Layouts[Type] {
  const layout = {
    code,
    from: 'platform->device' as const,
    fits: (data: Buffer) => data.length === 0,
    read: () => ({ type }),
    write: () => [],
  };
  return layout as Layouts[Type];
}

type ResultOnly = Exclude<Extract<PcpMessage, { resultCode: number }>['type'], 'fragmentAnswer' | WithVersion>;
type WithVersion = 'versionAnswer' | 'upgradeReport';

/** A message that is one result. */
function result<Type extends ResultOnly>(code: PcpCode, type: Type, from: PcpDirection): Layouts[Type] {
  const layout = {
    code,
    from,
    fits: (data: Buffer) => data.length === 1,
    read: (data: Buffer) => ({ type, resultCode: data[0] as number }),
    write: ({ resultCode }: { resultCode: number }) => [resultByte(resultCode)],
  };
  return layout as unknown as Layouts[Type];
}

/** A message of the device: a result and the version it runs. */
function resultAndVersion<Type extends WithVersion>(code: PcpCode, type: Type): Layouts[Type] {
  const layout = {
    code,
    from: 'device->platform' as const,
    fits: (data: Buffer) => data.length === 1 + VERSION_BYTES,
    read: (data: Buffer) => ({ type, resultCode: data[0] as number, currentVersion: readVersionText(data, 1) }),
    write: ({ resultCode, currentVersion }: { resultCode: number; currentVersion: string }) => [
      resultByte(resultCode),
      versionBytes('currentVersion', currentVersion),
    ],
  };
  return layout as unknown as Layouts[Type];
}

function resultByte(resultCode: number): Buffer {
  return Buffer.of(checked('resultCode', resultCode, 0xff));
}

function checked(name: string, value: number, max: number): number {
  requireInteger(name, value, 0, max);
  return value;
}
