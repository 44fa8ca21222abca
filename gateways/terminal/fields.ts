/**
 * Small readers and checks of single fields, shared by the codecs of this folder.
 */

/** Minutes a terminal may be told to sleep after each check-in. */
export const SLEEP_MINUTES_MIN = 60;
export const SLEEP_MINUTES_MAX = 44_640;

/** Reads an unsigned decimal; null when it is not one or above `max` (at most ten digits are looked at). */
export function readDecimal(text: string, max: number): number | null {
  if (!/^[0-9]{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value <= max ? value : null;
}

export function isHex(text: string): boolean {
  return /^[0-9A-Fa-f]*$/.test(text);
}

/** Minutes in the parameter of SLPT; null when it is not a number within the range. */
export function sleepMinutes(para: string | null): number | null {
  const minutes = para === null ? null : readDecimal(para, SLEEP_MINUTES_MAX);
  return minutes === null || minutes < SLEEP_MINUTES_MIN ? null : minutes;
}

/** A software version is one byte's worth of decimal digits, with or without leading zeros. */
export function readVersion(text: string): number | null {
  return text.length <= 3 ? readDecimal(text, 0xff) : null;
}
