/**
 * The vocabulary of PCP (PROTOCOLS 1): message codes, the types of all messages, error names.
 *
 * Data only; how the bytes are read and written is in `messages.ts` and `recognition.ts`. A request and its answer have
 * the same message code: only the direction tells them apart, so every reader is told who sent the bytes.
 */
import type { DecodeError } from '../errors.ts';

/** Who sent the bytes. */
export const PCP_DIRECTIONS = ['device->platform', 'platform->device'] as const;
export type PcpDirection = (typeof PCP_DIRECTIONS)[number];

/** The names of the message codes, as the document has them. */
export const PCP_CODE_NAMES = {
  0x13: 'QUERY_VERSION',
  0x14: 'NEW_VERSION_NOTIFY',
  0x15: 'REQUEST_FRAGMENT',
  0x16: 'REPORT_DOWNLOAD_RESULT',
  0x17: 'EXECUTE_UPGRADE',
  0x18: 'REPORT_UPGRADE_RESULT',
} as const;
export type PcpCode = keyof typeof PCP_CODE_NAMES;

/** Who starts the exchange of a message code; the other side answers. */
export const PCP_STARTED_BY: Readonly<Record<PcpCode, PcpDirection>> = {
  0x13: 'platform->device',
  0x14: 'platform->device',
  0x15: 'device->platform',
  0x16: 'device->platform',
  0x17: 'platform->device',
  0x18: 'device->platform',
};

/** 13: which version do you run? */
export interface VersionQuery {
  type: 'versionQuery';
}

/** 13: the answer to it. */
export interface VersionAnswer {
  type: 'versionAnswer';
  resultCode: number;
  currentVersion: string;
}

/** 14: there is a file for you. */
export interface NewVersion {
  type: 'newVersion';
  targetVersion: string;
  /** Bytes of every fragment but the last. A device may have got any number; only 32..500 is ever written. */
  fragmentSize: number;
  fragmentTotal: number;
  /** Obsolete: kept as received to show it, never acted upon, always written as 0. */
  packageCheckCode?: number;
}

/** 14: the answer to it. Many devices send none when they accept, but ask for the first fragment. */
export interface NewVersionAnswer {
  type: 'newVersionAnswer';
  resultCode: number;
}

/** 15: send me this fragment. */
export interface FragmentRequest {
  type: 'fragmentRequest';
  targetVersion: string;
  /** From 0. */
  fragmentIndex: number;
}

/** 15: the fragment, or why there is none. */
export interface FragmentAnswer {
  type: 'fragmentAnswer';
  resultCode: number;
  /** As it was asked for. */
  fragmentIndex: number;
  /** Null when the result is not 0. A view of the received bytes, not a copy. */
  fragment: Buffer | null;
}

/** 16: the download has ended. */
export interface DownloadReport {
  type: 'downloadReport';
  resultCode: number;
}

/** 16: the answer to it. */
export interface DownloadReportAnswer {
  type: 'downloadReportAnswer';
  resultCode: number;
}

/** 17: install it now. */
export interface ExecuteUpgrade {
  type: 'executeUpgrade';
}

/** 17: the answer to it. LiteOS also sends it by itself, with 06, when its download timer fires. */
export interface ExecuteAnswer {
  type: 'executeAnswer';
  resultCode: number;
}

/** 18: what became of the upgrade. */
export interface UpgradeReport {
  type: 'upgradeReport';
  resultCode: number;
  /** What the device runs now: the old version when the upgrade failed. */
  currentVersion: string;
}

/** 18: the answer to it. */
export interface UpgradeReportAnswer {
  type: 'upgradeReportAnswer';
  resultCode: number;
}

/** Everything a device sends. */
export type PcpUplink =
  VersionAnswer | NewVersionAnswer | FragmentRequest | DownloadReport | ExecuteAnswer | UpgradeReport;

/** Everything the platform sends. */
export type PcpDownlink =
  VersionQuery | NewVersion | FragmentAnswer | DownloadReportAnswer | ExecuteUpgrade | UpgradeReportAnswer;

export type PcpMessage = PcpUplink | PcpDownlink;

/** What one side sends. */
export type PcpMessageFrom<Direction extends PcpDirection> = Direction extends 'device->platform'
  ? PcpUplink
  : PcpDownlink;

/** Why a payload is not a PCP message but a business message, in the order in which it is looked at. */
export const PCP_REASONS = ['magic', 'too_short', 'version', 'code', 'crc', 'length'] as const;
export type PcpReason = (typeof PCP_REASONS)[number];

/** What the header of a PCP message says. */
export interface PcpHeader {
  code: PcpCode;
  /** The check code, which is right. */
  checkCode: number;
  /** Bytes of the data area. */
  dataLength: number;
}

/** The payload is not PCP: it belongs to the business of the device, and is no error. */
export interface PcpBusiness extends DecodeError<PcpReason> {
  ok: false;
  isPcp: false;
  /** For `crc`: the check code that these bytes should have. */
  expectedCheckCode?: number;
}

/** The payload is PCP, but its data area cannot be that of this code and direction: not answered, changes nothing. */
export interface PcpDataError extends DecodeError<'bad_data_layout'> {
  ok: false;
  isPcp: true;
  header: PcpHeader;
}

export type PcpDecoded<Message extends PcpMessage = PcpMessage> =
  { ok: true; isPcp: true; header: PcpHeader; message: Message } | PcpDataError | PcpBusiness;
