/**
 * How many devices of a task may be started now, and when must it stop by itself?
 *
 * Several limits, each optional, of which the smallest counts: devices under way at one time, starts a minute, a rate
 * that grows as devices get through, and a limit for all devices that share a key. Pure: what is so comes as arguments.
 */

/** What the operator chose. */
export interface Pacing {
  /** No further device is started while this many are being upgraded. */
  maxConcurrent: number;
  /** At most this many are started in any minute; null: no limit. */
  ratePerMinute: number | null;
  /** Begins slowly and gets faster as devices get through; null: does not. */
  growth: Growth | null;
  /** Never more devices of one key under way, over all tasks of the department. */
  limits: readonly KeyLimit[];
}

/** `basePerMinute` starts a minute, times `factor` each time another `everyDevices` have got through. */
export interface Growth {
  basePerMinute: number;
  /** 1.1 to 5. */
  factor: number;
  everyDevices: number;
  /** What counts as got through. */
  by: 'finished' | 'succeeded';
}

/** What devices can have in common: they load the same people, stock, customer or radio cell. */
export const LIMIT_KEYS = ['department', 'model', 'order', 'gateway'] as const;
export type LimitKey = (typeof LIMIT_KEYS)[number];

export interface KeyLimit {
  key: LimitKey;
  max: number;
}

/** Which ends count as failures for a rule; `any` is all of them. */
export const ABORT_CLASSES = ['any', 'failed', 'unproven', 'expired', 'reverted'] as const;

/** What an abort does: `cancel_waiting` ends what was not offered yet, `cancel` all that is not flashing. */
export const ABORT_EFFECTS = ['pause', 'cancel_waiting', 'cancel'] as const;
export type AbortEffect = (typeof ABORT_EFFECTS)[number];

/** When this share of the finished devices failed, and so many have finished, the task stops. */
export interface AbortRule {
  failures: (typeof ABORT_CLASSES)[number];
  percent: number;
  afterFinished: number;
  effect: AbortEffect;
}

/** Starts by second (of Unix time), oldest first; what is older than a minute is forgotten. */
export type RecentStarts = readonly (readonly [second: number, starts: number])[];

/** What is so right now. */
export interface PacingState {
  /** Devices something is being done with; those that wait for contact or for an open gate do not count. */
  active: number;
  /** Devices not started yet. */
  remaining: number;
}

/** A limit on concurrency and nothing else. */
export function atMost(maxConcurrent: number): Pacing {
  return { maxConcurrent, ratePerMinute: null, growth: null, limits: [] };
}

/** How many device upgrades may be started at this moment. */
export function startsAllowed(pacing: Pacing, state: PacingState): number {
  return Math.max(0, Math.min(pacing.maxConcurrent - state.active, state.remaining));
}
