/**
 * What a device, or its gateway, said when an attempt came to nothing: as a failure code.
 */
import type { DeviceFailure } from '../../gateways/devices.ts';
import { terminalFailureCode, wordFailureCode, type FailureCode } from '../../workflows/rules/retry.ts';

/** The code of a failure, by which it is decided what follows. */
export function failureCode(failure: DeviceFailure): FailureCode {
  const { kind, protocol } = failure;
  if (kind === 'file_damaged' || kind === 'version_unchanged') return kind;
  if (protocol === 'ams' || protocol === 'pcp' || protocol === 'pile') return wordFailureCode(protocol, kind);
  if (failure.errcode !== null) return terminalFailureCode(failure.errcode);
  return failure.kind === 'packet_repeated' ? 'packet_repeated' : 'terminal_unknown';
}
