/**
 * The names of everything that can be said about an upgrade or a task, and which may follow which.
 *
 * The database checks these names, the API publishes them and the workflows move through them, so they live in the one
 * place everybody may import. A name is never reused for another meaning.
 */

/** What one device's upgrade can be. The first five are alive, the others are ends. */
export const UPGRADE_STATUSES = [
  'scheduled', // chosen by a task, not yet begun
  'waiting', // begun, but something must happen first; `reason` says what
  'offered', // an offer for the current file is written, the device has not asked for a byte yet
  'transferring', // the device has asked for bytes
  'confirming', // the device has everything; a version report must prove it
  'succeeded', // every file proven by a version report newer than its offer
  'failed', // a file was refused or failed for good; `reason` is the code
  'unproven', // everything was transferred, nothing was reported in time
  'expired', // time ran out before the transfer was done
  'cancelled', // a person stopped it
  'partial', // file one proven, file two not
  'skipped', // not eligible and the task skips those, or a person left this device out
  'reverted', // had succeeded, and later reported the earlier version again
] as const;
export type UpgradeStatus = (typeof UPGRADE_STATUSES)[number];

/** Statuses a device upgrade can leave by itself. */
export const LIVE_UPGRADE_STATUSES = ['scheduled', 'waiting', 'offered', 'transferring', 'confirming'] as const;

/** Ends that `retry failed devices` puts back to `scheduled`. */
export const RETRYABLE_UPGRADE_STATUSES = ['failed', 'unproven', 'expired', 'partial', 'reverted'] as const;

/** Why a device upgrade is `waiting`, or why a plan leaves a device out. */
export const WAITING_REASONS = [
  'version_mismatch', // reported another version than those the file may replace
  'compat_not_reported', // has not reported the file's compatible version
  'no_version_uploaded', // has never reported a version of the file's component
  'model_mismatch', // the file is for another model
  'busy', // another task is upgrading this device
  'window', // outside the permitted hours, or what is left of them is too short
  'offline', // offered, and will be sent at the next contact
  'task_paused', // a person paused the task
  'paced', // came back, but as many devices as the pacing allows are under way
  'retry_later', // the device said: not now (busy, bad signal, low battery)
  'awaiting_operator', // baseband: the new version is reported, a person must confirm
] as const;
export type WaitingReason = (typeof WAITING_REASONS)[number];

/** Why a plan leaves a device out for good. */
export const REFUSAL_REASONS = ['other_department', 'not_registered', 'already_current', 'protocol_mismatch'] as const;
export type PlanReason = WaitingReason | (typeof REFUSAL_REASONS)[number];

/** What a task can be. */
export const TASK_STATUSES = [
  'awaiting_approval', // a second person must agree before anything is started
  'scheduled', // waits out the dispatch delay
  'running',
  'paused', // by a person or by its abort rule
  'cancelling',
  'finished',
  'cancelled',
] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

const ALIVE: readonly UpgradeStatus[] = LIVE_UPGRADE_STATUSES;
const ENDS: readonly UpgradeStatus[] = UPGRADE_STATUSES.filter((status) => !ALIVE.includes(status));

/** For each status, the statuses that may follow it. */
export const UPGRADE_TRANSITIONS: Readonly<Record<UpgradeStatus, readonly UpgradeStatus[]>> = {
  scheduled: ['waiting', 'offered', 'confirming', 'succeeded', ...without('succeeded', 'reverted', 'unproven')],
  waiting: ['offered', 'waiting', 'confirming', ...without('reverted')],
  offered: ['transferring', 'confirming', 'waiting', 'offered', ...without('reverted')],
  transferring: ['confirming', 'waiting', 'offered', ...without('reverted')],
  // From itself: the proof of a baseband file is there, a person must confirm it.
  confirming: ['confirming', 'waiting', 'offered', ...without('reverted')],
  succeeded: ['reverted', 'scheduled'],
  unproven: ['succeeded', 'scheduled'],
  failed: ['scheduled'],
  expired: ['scheduled'],
  partial: ['scheduled'],
  reverted: ['scheduled'],
  cancelled: [],
  // Only who was left out by a rule, in a task that devices may join.
  skipped: ['scheduled'],
};

/** True when nothing more happens to a device upgrade by itself. */
export function isEnd(status: UpgradeStatus): boolean {
  return ENDS.includes(status);
}

/** True when `to` may follow `from`. */
export function mayFollow(from: UpgradeStatus, to: UpgradeStatus): boolean {
  return UPGRADE_TRANSITIONS[from].includes(to);
}

function without(...left: UpgradeStatus[]): UpgradeStatus[] {
  return UPGRADE_STATUSES.filter(
    (status) => !LIVE_UPGRADE_STATUSES.includes(status as never) && !left.includes(status),
  );
}
