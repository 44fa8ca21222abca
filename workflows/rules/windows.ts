/**
 * The permitted hours: when may a frame that starts a flash leave?
 *
 * A window is what the clock on the wall of a zone shows, and open exactly when that clock shows a time inside it. So it
 * may cross midnight, it is as long as that night really is, and an hour that a clock change leaves out or repeats is
 * left out or repeated here too.
 */

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

/** Speed assumed of a device that has not been measured, in bytes per second, and the time a flash takes. */
const ASSUMED_BYTES_PER_SECOND = 512;
const ASSUMED_FLASH_MS = 60_000;

const DAY_MS = 24 * 60 * 60_000;
const YEAR_MS = 366 * DAY_MS;

/** How long a file is expected to take from the offer to the end of the flash. */
export function expectedDurationMs(sizeBytes: number, bytesPerSecond = ASSUMED_BYTES_PER_SECOND): number {
  return Math.ceil((sizeBytes / bytesPerSecond) * 1_000) + ASSUMED_FLASH_MS;
}

/** True when `zone` is a name the platform's time zone data knows. */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** Says whether `nowMs` lies in the window and when that changes; null means: always open. */
export function windowAt(window: Window | null, nowMs: number): WindowPosition {
  if (window === null) return { open: true, closesAtMs: Number.MAX_SAFE_INTEGER };
  const open = isInside(window, nowMs);
  const changesAtMs = nextChange(window, nowMs, open);
  return open ? { open, closesAtMs: changesAtMs } : { open, opensAtMs: changesAtMs };
}

/** When may something that takes `durationMs` be started: now, or at the opening of the next window? */
export function earliestStart(window: Window | null, nowMs: number, durationMs: number): number {
  const position = windowAt(window, nowMs);
  if (position.open && nowMs + durationMs <= position.closesAtMs) return nowMs;
  return nextOpening(window, position);
}

/** How long the window is in the shortest night of the coming year; a night that has none does not count. */
export function shortestWindowMs(window: Window, nowMs: number): number {
  const nights = new Map<string, number>();
  // From the first opening on: what is left of a window that is open now says nothing.
  for (let atMs = nextOpening(window, windowAt(window, nowMs)); atMs < nowMs + YEAR_MS;) {
    const position = windowAt(window, atMs);
    if (!position.open) {
      atMs = position.opensAtMs;
      continue;
    }
    // In a repeated hour a night may have two; the longer one counts.
    const { month, day } = wallClock(atMs, window.zone);
    const night = `${month}-${day}`;
    nights.set(night, Math.max(nights.get(night) ?? 0, position.closesAtMs - atMs));
    atMs = position.closesAtMs;
  }
  return Math.min(...nights.values());
}

/** When the next window opens, after the one that is open if one is. */
function nextOpening(window: Window | null, position: WindowPosition): number {
  if (!position.open) return position.opensAtMs;
  const next = windowAt(window, position.closesAtMs);
  return next.open ? position.closesAtMs : next.opensAtMs;
}

/** Does the clock on the wall show a permitted time? */
function isInside(window: Window, atMs: number): boolean {
  const minute = minuteOfDay(wallClock(atMs, window.zone));
  const from = minutesOf(window.from);
  const to = minutesOf(window.to);
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}

/**
 * When the window, open or not at `nowMs`, closes or opens: when the clock on the wall comes to the hour for it, or when
 * it is put forward or back past that hour.
 */
function nextChange(window: Window, nowMs: number, open: boolean): number {
  const hourMs = minutesOf(open ? window.to : window.from) * 60_000;
  for (let atMs = Math.floor(nowMs); ;) {
    const onTimeMs = atMs + until(hourMs, wallClock(atMs, window.zone), atMs);
    const putAtMs = clockChange(window.zone, atMs, onTimeMs);
    if (putAtMs === null) return onTimeMs;
    if (isInside(window, putAtMs) !== open) return putAtMs;
    atMs = putAtMs;
  }
}

/** Milliseconds until this clock comes to an hour of the day, were it never changed; a whole day if it shows it now. */
function until(hourMs: number, clock: WallClock, atMs: number): number {
  const shownMs = minuteOfDay(clock) * 60_000 + clock.second * 1_000 + modulo(atMs, 1_000);
  return DAY_MS - modulo(shownMs - hourMs, DAY_MS);
}

/** When the clock of a zone is changed after `fromMs` and not after `toMs`, at most a day later; null if it is not. */
function clockChange(zone: string, fromMs: number, toMs: number): number | null {
  const before = offsetMs(fromMs, zone);
  if (offsetMs(toMs, zone) === before) return null;
  let [same, other] = [fromMs, toMs];
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (offsetMs(middle, zone) === before) same = middle;
    else other = middle;
  }
  return other;
}

function minutesOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}

function minuteOfDay({ hour, minute }: WallClock): number {
  return hour * 60 + minute;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

function offsetMs(atMs: number, zone: string): number {
  const at = wallClock(atMs, zone);
  const asIfUtc = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
  return asIfUtc - Math.floor(atMs / 1_000) * 1_000;
}

interface WallClock {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(atMs: number, zone: string): WallClock {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  return parts as unknown as WallClock;
}
