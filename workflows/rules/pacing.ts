/**
 * How many devices of a task may be started now?
 *
 * Today one limit; rate, growth, limits per key and the abort rule are further terms of the same minimum.
 */

/** What the operator chose. */
export interface Pacing {
  /** No further device is started while this many are being upgraded. */
  maxConcurrent: number;
}

/** What is so right now. */
export interface PacingState {
  /** Devices something is being done with; those that wait for contact or for an open gate do not count. */
  active: number;
  /** Devices not started yet. */
  remaining: number;
}

/** How many device upgrades may be started at this moment. */
export function startsAllowed(pacing: Pacing, state: PacingState): number {
  return Math.max(0, Math.min(pacing.maxConcurrent - state.active, state.remaining));
}
