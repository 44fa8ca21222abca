/**
 * Which failure a result of a device is: the one table between the numbers of PCP and the words the rest of the program
 * knows them by (`pcp_…` in the table of failures).
 */
import type { PcpMessage } from './frames.ts';
import { pcpResult } from './results.ts';

/** The words, without their `pcp_`. */
export const PCP_FAILURE_KINDS = {
  0x01: 'in_use',
  0x02: 'bad_signal',
  0x03: 'up_to_date',
  0x04: 'low_battery',
  0x05: 'no_space',
  0x06: 'download_timeout',
  0x07: 'check_failed',
  0x08: 'unsupported',
  0x09: 'no_memory',
  0x0a: 'install_failed',
  0x7f: 'internal_error',
} as const;

/** Messages in which a device says that it refuses or has failed. */
export type FailingMessage = Extract<
  PcpMessage['type'],
  'newVersionAnswer' | 'downloadReport' | 'executeAnswer' | 'upgradeReport'
>;

/** The word for a result in a message; `unknown` when the tables of the protocol do not have it there. */
export function failureKind(type: FailingMessage, resultCode: number): string {
  if (!pcpResult(type, resultCode).isKnown) return 'unknown';
  return (PCP_FAILURE_KINDS as Readonly<Record<number, string>>)[resultCode] ?? 'unknown';
}
