/**
 * The vocabulary of the charging pile protocol (PROTOCOLS 4, 10): frame types, their bodies, error names, limits.
 *
 * Data only; how bytes are read and written is in `layouts.ts` and `frame-bytes.ts`.
 */
import type { DecodeError } from '../errors.ts';

/** First byte of every frame. */
export const START_MARK = 0x68;
/** Bytes the length field counts: sequence, encryption flag, type and body. */
export const LENGTH_MIN = 4;
export const LENGTH_MAX = 200;
/** Bytes of a frame that the length field does not count: start mark, length, check code. */
export const UNCOUNTED_BYTES = 4;
/** Bytes of the longest frame. */
export const FRAME_BYTES_MAX = LENGTH_MAX + UNCOUNTED_BYTES;

/** Frame types by name. Piles send odd ones, the platform even ones. */
export const PILE_FRAME_TYPES = {
  login: 0x01,
  loginReply: 0x02,
  heartbeat: 0x03,
  heartbeatReply: 0x04,
  timeSyncReply: 0x55,
  timeSync: 0x56,
  rebootReply: 0x91,
  reboot: 0x92,
  updateReply: 0x93,
  update: 0x94,
} as const;
export type PileFrameName = keyof typeof PILE_FRAME_TYPES;

const NAMES_BY_TYPE: ReadonlyMap<number, PileFrameName> = new Map(
  Object.entries(PILE_FRAME_TYPES).map(([name, type]) => [type, name as PileFrameName]),
);

/** The name of a frame type; undefined for types in no table, which still are valid frames. */
export function frameName(type: number): PileFrameName | undefined {
  return NAMES_BY_TYPE.get(type);
}

/** What every body begins with. */
interface PileNumber {
  /** Number of the pile: seven bytes as 14 hex digits, for a good pile all decimal. */
  pileCode: string;
}

export interface PileBodies {
  login: PileNumber & {
    /** 0 DC, 1 AC: not the coding of `update`. */
    pileType: number;
    gunCount: number;
    /** 1.5 is V1.5. */
    protocolVersion: number;
    /** What proves an upgrade. At most eight characters. */
    programVersion: string;
    /** 0 SIM, 1 LAN, 2 WAN, 3 other. */
    networkType: number;
    /** Ten bytes as hex digits; zeros when unknown. */
    sim: string;
    /** 0 China Mobile, 2 China Telecom, 3 China Unicom, 4 other. */
    operator: number;
  };
  /** 0 welcome, 1 refused. */
  loginReply: PileNumber & { loginResult: number };
  heartbeat: PileNumber & {
    /** One byte as two hex digits. */
    gunNo: string;
    /** 0 normal, 1 fault. */
    gunStatus: number;
  };
  /** Always 0. */
  heartbeatReply: PileNumber & { gunNo: string; heartbeatReply: number };
  timeSync: PileNumber & PileClock;
  timeSyncReply: PileNumber & PileClock;
  reboot: PileNumber & { executeControl: number };
  /** 0 failed, 1 done. */
  rebootReply: PileNumber & { setResult: number };
  update: PileNumber & {
    /** 1 DC, 2 AC: not the coding of `login`. */
    pileModel: number;
    /** Kilowatts. */
    power: number;
    /** Address or name of the FTP server, at most 16 characters. */
    serverAddress: string;
    serverPort: number;
    /** At most 16 characters; empty for anonymous FTP. */
    username: string;
    password: string;
    /** At most 32 characters. */
    filePath: string;
    /** 1 at once, 2 when idle. */
    executeControl: number;
    downloadTimeoutMin: number;
  };
  /** 0 accepted, 1 pile number wrong, 2 does not fit the model, 3 download timed out. */
  updateReply: PileNumber & { upgradeStatus: number };
}

interface PileClock {
  /** Wall clock without a zone, `2020-03-16T17:14:47.000`; null when the bytes name no moment. */
  time: string | null;
}

/** What every frame says about itself. */
export interface PileFrameHead {
  /** As in the length field. */
  length: number;
  /** 0..65535, low byte first on the wire. An answer repeats that of its request. */
  seq: number;
  encrypted: boolean;
  type: number;
  /** As on the wire: low byte first. */
  crc: string;
}

/** A frame whose body was read. */
type ReadableFrame = {
  [Name in PileFrameName]: PileFrameHead & { name: Name; encrypted: false; body: PileBodies[Name] };
}[PileFrameName];

/** A frame of an unknown type or with an encrypted body: valid, its body is kept as it came. */
export interface OpaqueFrame extends PileFrameHead {
  name: 'opaque';
  bytes: Buffer;
}

export type PileFrame = ReadableFrame | OpaqueFrame;

/** What a frame is built from; length and check code are computed. */
export type PileFrameFields =
  | { [Name in PileFrameName]: { name: Name; seq: number; body: PileBodies[Name] } }[PileFrameName]
  | Pick<OpaqueFrame, 'name' | 'seq' | 'encrypted' | 'type' | 'bytes'>;

/** Names of everything that can be wrong with bytes from or for a pile. */
export const PILE_ERRORS = [
  'empty',
  'bad_start',
  'bad_length',
  'truncated',
  'trailing_bytes',
  'crc_mismatch',
  'bad_encryption_flag',
  'bad_body_length',
] as const;
export type PileErrorName = (typeof PILE_ERRORS)[number];

/** Bytes that are no frame. */
export interface PileFault extends DecodeError<Exclude<PileErrorName, 'bad_body_length'>> {
  ok: false;
  /** Both as on the wire; for `crc_mismatch`. */
  expectedCrc?: string;
  receivedCrc?: string;
}

/** A whole frame of a known type, check code right, whose body has the wrong size: to be logged, not answered. */
export interface PileBadBody extends DecodeError<'bad_body_length'>, PileFrameHead {
  ok: false;
}

/** What a frame with a right check code turns out to be. */
export type PileReading = { ok: true; frame: PileFrame } | PileBadBody;

export type PileDecoded = PileReading | PileFault;
