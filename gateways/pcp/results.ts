/**
 * What the results in PCP messages mean and what follows from them (PROTOCOLS 1.4, 1.5): one table per message.
 *
 * A result that is not in the table of its message is kept as a number and counts as a failure for an unknown reason.
 */
import type { PcpMessage } from './frames.ts';

/**
 * - `none`: good, the upgrade goes on
 * - `later`: the device said "not now"; wait, then try again, inside the life of the task
 * - `person`: trying again cannot help; a person must act
 * - `compare`: the device says that it is up to date; true when its version equals the target, else a failure
 * - `restart`: the download starts once more, once
 * - `limited`: bad luck; try again, a few times
 * - `log`: says nothing about the upgrade, write it down only
 * - `stop`: for a device: the platform has no such upgrade (any more)
 */
export type PcpRetry = 'none' | 'later' | 'person' | 'compare' | 'restart' | 'limited' | 'log' | 'stop';

/** One result in words. */
export interface PcpResult {
  /** Whether the document lists it for this message, or a public device is known to send it. */
  isKnown: boolean;
  words: string;
  retry: PcpRetry;
}

type WithResult = Extract<PcpMessage, { resultCode: number }>['type'];
type Table = Readonly<Record<number, PcpResult>>;

const DONE = known('done', 'none');
const IN_USE = known('the device is in use', 'later');
const LOW_BATTERY = known('the battery of the device is low', 'later');
const NO_SPACE = known('the device has no space left for the file', 'person');
const NO_MEMORY = known('the device has not enough memory', 'person');
const TASK_GONE = known('the platform has no upgrade task for this', 'stop');

const RESULTS: Readonly<Record<WithResult, Table>> = {
  versionAnswer: { 0x00: DONE },
  newVersionAnswer: {
    0x00: known('the device allows the upgrade', 'none'),
    0x01: IN_USE,
    0x02: known('the signal is too bad for the device', 'later'),
    0x03: known('the device says that it is up to date', 'compare'),
    0x04: LOW_BATTERY,
    0x05: NO_SPACE,
    0x09: NO_MEMORY,
    0x7f: known('internal error of the device', 'limited'),
  },
  fragmentAnswer: { 0x00: DONE, 0x80: TASK_GONE, 0x81: known('there is no such fragment', 'stop') },
  downloadReport: {
    0x00: known('the download is complete', 'none'),
    0x05: NO_SPACE,
    0x06: known('the download timed out', 'restart'),
    0x07: known('the downloaded file failed its check', 'restart'),
    0x08: known('the device does not support this kind of file', 'person'),
  },
  downloadReportAnswer: { 0x00: DONE, 0x80: TASK_GONE },
  executeAnswer: {
    0x00: DONE,
    0x01: IN_USE,
    0x04: LOW_BATTERY,
    0x05: NO_SPACE,
    // not in the document: LiteOS sends it by itself, before and after the request, when its download timer fires
    0x06: known('the download timer of the device fired', 'log'),
    0x09: NO_MEMORY,
    // not in the document: LiteOS
    0x7f: known('the device could not activate the file', 'limited'),
  },
  upgradeReport: {
    0x00: known('the upgrade succeeded', 'none'),
    0x01: IN_USE,
    0x04: LOW_BATTERY,
    0x05: NO_SPACE,
    0x09: NO_MEMORY,
    0x0a: known('installing the file failed', 'limited'),
    0x7f: known('internal error of the device', 'limited'),
  },
  upgradeReportAnswer: { 0x00: DONE, 0x80: TASK_GONE },
};

const UNKNOWN: PcpResult = { isKnown: false, words: 'a result that is in no table', retry: 'person' };

/** What the result of a message means. */
export function pcpResult(type: WithResult, resultCode: number): PcpResult {
  return RESULTS[type][resultCode] ?? UNKNOWN;
}

function known(words: string, retry: PcpRetry): PcpResult {
  return { isKnown: true, words, retry };
}
