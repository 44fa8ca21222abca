/**
 * The words people read for reasons, notes and failure codes. The codes are what programs decide by.
 */
import { FAILURE_CODES, failureMeaning } from '../../workflows/rules/retry.ts';
import type { PlanReason } from '../../workflows/rules/statuses.ts';

const REASONS: Readonly<Record<PlanReason, string>> = {
  version_mismatch:
    'the device runs a version that the file may not replace; it begins when the device reports one of the current versions',
  compat_not_reported: 'the device has not reported the compatible version of the file; it begins when it does',
  no_version_uploaded: 'the device has never reported a version of this component; it begins at its first report',
  model_mismatch:
    'the file is for another model, or for piles of another power; correct what is registered of the device or take another file',
  busy: 'another upgrade of this device is running; it begins when that one has ended',
  window: 'outside the permitted hours, or too little of them is left; it begins with the next opening',
  offline: 'the device is not connected; the offer is sent at its next contact',
  paced: 'as many devices as the pacing of the task allows are under way; it takes its turn by itself',
  task_paused: 'the task is paused; resume it to go on',
  retry_later: 'the device asked to be tried again later',
  awaiting_operator: 'the new baseband version is reported; a person must confirm it',
  other_department: 'the device belongs to another department; only that department can upgrade it',
  not_registered: 'no device with this id is registered; register it first',
  already_current: 'the device runs the target version already; nothing is sent',
  protocol_mismatch: 'no file of the task is for devices of this protocol; add one',
};

const NOTES: Readonly<Record<string, string>> = {
  skipped_by_operator: 'a person left this device out',
  cancelled_by_operator: 'a person stopped it',
  aborted:
    'too many devices of the task failed, and its rule ended what was not offered yet; the log of the task has the numbers',
  confirmed_by_operator: 'a person confirmed the version the device had reported',
  reported_without_transfer: 'the device reported the target although no transfer is on record',
  reverted: 'the device reports a version again that this upgrade had replaced',
  task_deadline: 'the deadline of the task came first; make a new task or retry the failed devices',
  device_offline: 'the device had no contact in time; retry it when it is back',
  no_report: 'the device has the whole file and reported no version in time; look at the device, then retry it',
  baseband_not_confirmed:
    'the new baseband version was reported and nobody confirmed it; confirm it now if it is right',
  confirmed_too_late:
    'a person confirmed it, but by then the device reported another version again; look at the device, then retry it',
  overtaken: 'another attempt took over; look at its log',
  internal_error: 'something went wrong inside; tell whoever runs this service, then retry the failed devices',
  execution_lost: 'its workflow is gone (terminated by hand?); retry the failed devices',
};

const WORDS: ReadonlyMap<string, string> = new Map(Object.entries({ ...REASONS, ...NOTES }));

/** A reason, note or failure code in words; null when there is nothing to say or the code needs no words. */
export function reasonText(reason: string | null): string | null {
  if (reason === null) return null;
  const words = WORDS.get(reason);
  if (words !== undefined) return words;
  if (!(FAILURE_CODES as readonly string[]).includes(reason)) return null;
  const meaning = failureMeaning(reason);
  return `${meaning.words}; ${meaning.advice}`;
}
