/**
 * How often an event is sent to a webhook that does not take it, and when that is given up.
 */

/** Deliveries to one webhook that are under way at a time; the rest waits, in order. */
export const IN_FLIGHT_PER_WEBHOOK = 20;
/** From the first attempt to the last one. */
export const DELIVERY_LIFE_MS = 24 * 3_600_000;
/** A webhook that has taken nothing for so long is switched off. */
export const SWITCH_OFF_AFTER_MS = 3 * 24 * 3_600_000;

/** Between two attempts, also when the receiver asks for more. */
export const LONGEST_DELAY_MS = 3_600_000;
const FIRST_DELAY_MS = 10_000;
/** Delays vary by this part, so that what failed together does not come back together. */
const JITTER = 0.2;

/** How long to wait after so many failures in a row: from ten seconds, doubled, up to an hour; `random` is from 0 to 1. */
export function deliveryDelayMs(failures: number, random: number): number {
  const plainMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 20));
  return Math.round(plainMs * (1 - JITTER * random));
}
