/**
 * The permitted hours: when may a frame that starts a flash leave, and does what it starts end in time?
 *
 * A window is what the clock on the wall of a zone shows, and open exactly when that clock shows a time inside it. So it
 * may cross midnight, it is as long as that night really is, and an hour that a clock change leaves out or repeats is
 * left out or repeated here too. Every answer follows from the moment asked about alone: a clock that goes back gets
 * the answer of the time it shows.
 */
import { nextClockChange, offsetAt } from './zones.ts';

export { isZone } from './zones.ts';

/** Permitted hours of every day, in a zone. */
export interface Window {
  /** `HH:MM`, inclusive. */
  from: string;
  /** `HH:MM`, exclusive; not later than `from` means the next day. */
  to: string;
  /** IANA name, for example `Asia/Shanghai`. */
  zone: string;
}

/** The hours the business uses where an operator only says "at night". */
export const DEFAULT_WINDOW: Window = { from: '00:00', to: '06:00', zone: 'Asia/Shanghai' };

/** Where an instant lies with respect to a window. */
export type WindowPosition = { open: true; closesAtMs: number } | { open: false; opensAtMs: number };

/** A window that really comes. */
export interface Night {
  /** Counted from 1; where a repeated hour opens it twice in one night, both have the same number. */
  night: number;
  opensAtMs: number;
  closesAtMs: number;
}

/** "Never" as a moment: the last one that a date can name. */
export const NEVER_MS = 8_640_000_000_000_000;

const DAY_MS = 24 * 60 * 60_000;
const YEAR_MS = 366 * DAY_MS;
/** Openings closer together than this belong to one night. */
const NIGHT_APART_MS = DAY_MS - 4 * 60 * 60_000;

// ---------------------------------------------------------------- how long a file takes

/**
 * Bytes per second assumed of a device that has not been measured, by protocol. A PCP device asks for one slice, of 500
 * bytes at most, and then for the next: over NB-IoT such a round trip takes about two seconds where reception is good,
 * and more where it is not. A pile loads by FTP over a 4G modem or a cable; the slower of them, on a bad day.
 */
const USUAL_BYTES_PER_SECOND: Readonly<Record<string, number>> = { terminal: 512, ams: 2_048, pcp: 250, pile: 16_384 };
const SLOWEST_USUAL = 512;
/** Of a measured speed so much is counted on: the next transfer may be a little slower. */
const COUNTED_ON = 0.8;
/** A measurement further than this from what is usual says more about the measuring than about the device. */
const BELIEVED_DOWN_TO = 1 / 16;
const BELIEVED_UP_TO = 64;
/** From the last byte to the device running again. */
const FLASH_MS = 60_000;

/**
 * The speed to plan with, in bytes per second: what was measured with a margin, or what is usual for the protocol.
 *
 * @param measured null: never measured
 */
export function assumedBytesPerSecond(protocol: string, measured: number | null): number {
  const usual = USUAL_BYTES_PER_SECOND[protocol] ?? SLOWEST_USUAL;
  if (measured === null || !(measured > 0)) return usual;
  return Math.min(Math.max(measured * COUNTED_ON, usual * BELIEVED_DOWN_TO), usual * BELIEVED_UP_TO);
}

/** How long a file is expected to take from the offer to the end of the flash. */
export function expectedDurationMs(sizeBytes: number, bytesPerSecond = SLOWEST_USUAL): number {
  return Math.ceil((sizeBytes / bytesPerSecond) * 1_000) + FLASH_MS;
}

/** How fast a device must be for a file to end in a time. */
export interface SpeedNeeded {
  /** One that was never measured is fast enough. */
  isUsualEnough: boolean;
  /** Measured speeds from here on are: 0 all of them, infinite none. */
  measured: number;
}

/** `assumedBytesPerSecond` and `expectedDurationMs` turned round: which devices take no longer than `leftMs`? */
export function speedNeeded(protocol: string, sizeBytes: number, leftMs: number): SpeedNeeded {
  const usual = USUAL_BYTES_PER_SECOND[protocol] ?? SLOWEST_USUAL;
  const needed = (sizeBytes * 1_000) / Math.max(0, leftMs - FLASH_MS);
  if (Number.isNaN(needed)) return { isUsualEnough: leftMs >= FLASH_MS, measured: leftMs >= FLASH_MS ? 0 : Infinity };
  const isUsualEnough = usual >= needed;
  if (needed <= usual * BELIEVED_DOWN_TO) return { isUsualEnough, measured: 0 };
  return { isUsualEnough, measured: needed > usual * BELIEVED_UP_TO ? Infinity : needed / COUNTED_ON };
}

// ---------------------------------------------------------------- windows

/** Says whether `nowMs` lies in the window and when that changes; null means: always open. */
export function windowAt(window: Window | null, nowMs: number): WindowPosition {
  if (window === null) return { open: true, closesAtMs: Number.MAX_SAFE_INTEGER };
  const open = isInside(window, nowMs);
  const changesAtMs = nextChange(window, nowMs, open);
  return open ? { open, closesAtMs: changesAtMs } : { open, opensAtMs: changesAtMs };
}

/**
 * When may something that takes `durationMs` be started? Now, or at the opening of the first window in which it ends
 * before the closing.
 *
 * @param untilMs windows that open later are not looked at
 * @returns `NEVER_MS` when there is no such window
 */
export function earliestStart(
  window: Window | null,
  nowMs: number,
  durationMs: number,
  untilMs = nowMs + YEAR_MS,
): number {
  const position = windowAt(window, nowMs);
  if (position.open && nowMs + durationMs <= position.closesAtMs) return nowMs;
  if (window === null) return NEVER_MS;
  let opensAtMs = nextOpening(window, position);
  while (opensAtMs < untilMs) {
    const opened = windowAt(window, opensAtMs);
    if (opened.open && opensAtMs + durationMs <= opened.closesAtMs) return opensAtMs;
    opensAtMs = nextOpening(window, opened);
  }
  return NEVER_MS;
}

/** The windows that really come, from one that is open at `fromMs` on, without end. */
export function* nightsFrom(window: Window, fromMs: number): Generator<Night, never> {
  let night = 0;
  let nightBeganAtMs = -Infinity;
  // From well before: of a window that is open already it must be known when its night began.
  const before = windowAt(window, fromMs - 2 * DAY_MS);
  for (let opensAtMs = nextOpening(window, before); ;) {
    const opened = windowAt(window, opensAtMs);
    const closesAtMs = opened.open ? opened.closesAtMs : opensAtMs;
    const isNew = opensAtMs - nightBeganAtMs >= NIGHT_APART_MS;
    if (isNew) nightBeganAtMs = opensAtMs;
    if (closesAtMs > fromMs) {
      if (isNew || night === 0) night += 1;
      yield { night, opensAtMs: Math.max(opensAtMs, fromMs), closesAtMs };
    }
    opensAtMs = nextOpening(window, opened);
  }
}

/** When the next window opens, after the one that is open if one is. */
function nextOpening(window: Window, position: WindowPosition): number {
  if (!position.open) return position.opensAtMs;
  const next = windowAt(window, position.closesAtMs);
  return next.open ? position.closesAtMs : next.opensAtMs;
}

/** Does the clock on the wall show a permitted time? */
function isInside(window: Window, atMs: number): boolean {
  const shownMs = shownAt(window.zone, atMs);
  const from = msOf(window.from);
  const to = msOf(window.to);
  return from < to ? from <= shownMs && shownMs < to : from <= shownMs || shownMs < to;
}

/**
 * When the window, open or not at `nowMs`, closes or opens: when the clock on the wall comes to the hour for it, or when
 * it is put forward or back past that hour.
 */
function nextChange(window: Window, nowMs: number, open: boolean): number {
  const hourMs = msOf(open ? window.to : window.from);
  for (let atMs = Math.floor(nowMs); ;) {
    // A whole day if it shows that hour now.
    const onTimeMs = atMs + DAY_MS - modulo(shownAt(window.zone, atMs) - hourMs, DAY_MS);
    const putAtMs = nextClockChange(window.zone, atMs, onTimeMs);
    if (putAtMs === null) return onTimeMs;
    if (isInside(window, putAtMs) !== open) return putAtMs;
    atMs = putAtMs;
  }
}

/** What the clock on the wall shows, in milliseconds since its midnight. */
function shownAt(zone: string, atMs: number): number {
  return modulo(Math.floor(atMs) + offsetAt(zone, atMs), DAY_MS);
}

/** `HH:MM` in milliseconds since midnight. */
function msOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return ((hours ?? 0) * 60 + (minutes ?? 0)) * 60_000;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
