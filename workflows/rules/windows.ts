/**
 * The permitted hours: when may a frame that starts a flash leave?
 *
 * A window is wall-clock time in a zone. It may cross midnight, and it is as long as that night really is: where the
 * clock is changed, the opening and the closing are each looked up as instants.
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
  for (const dayOffset of [-1, 0, 1, 2]) {
    const { opensAtMs, closesAtMs } = windowOfDay(window, nowMs, dayOffset);
    if (nowMs < opensAtMs) return { open: false, opensAtMs };
    if (nowMs < closesAtMs) return { open: true, closesAtMs };
  }
  throw new Error(`no window found for ${JSON.stringify(window)} at ${nowMs}`);
}

/** When may something that takes `durationMs` be started: now, or at the opening of the next window? */
export function earliestStart(window: Window | null, nowMs: number, durationMs: number): number {
  const position = windowAt(window, nowMs);
  if (!position.open) return position.opensAtMs;
  if (nowMs + durationMs <= position.closesAtMs) return nowMs;
  const next = windowAt(window, position.closesAtMs);
  return next.open ? position.closesAtMs : next.opensAtMs;
}

/** How long the shortest window of the coming year is; what takes longer can never be started. */
export function shortestWindowMs(window: Window, nowMs: number): number {
  let shortest = Number.MAX_SAFE_INTEGER;
  for (let day = 0; day < 366; day++) {
    const { opensAtMs, closesAtMs } = windowOfDay(window, nowMs, day);
    shortest = Math.min(shortest, closesAtMs - opensAtMs);
  }
  return shortest;
}

function windowOfDay(window: Window, nowMs: number, dayOffset: number): { opensAtMs: number; closesAtMs: number } {
  const today = wallClock(nowMs, window.zone);
  const from = minutesOf(window.from);
  const to = minutesOf(window.to);
  const nextDay = to <= from ? 1 : 0;
  return {
    opensAtMs: instant(today.year, today.month, today.day + dayOffset, from, window.zone),
    closesAtMs: instant(today.year, today.month, today.day + dayOffset + nextDay, to, window.zone),
  };
}

function minutesOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}

/**
 * The instant at which the clock of `zone` shows that day and minute. Two rounds, because the offset belongs to the
 * answer and not to the question; in the hour that a clock change skips, the answer is the moment of the change or later.
 */
function instant(year: number, month: number, day: number, minuteOfDay: number, zone: string): number {
  const asIfUtc = Date.UTC(year, month - 1, day, 0, minuteOfDay);
  const firstGuess = asIfUtc - offsetMs(asIfUtc, zone);
  return asIfUtc - offsetMs(firstGuess, zone);
}

function offsetMs(atMs: number, zone: string): number {
  const at = wallClock(atMs, zone);
  const asIfUtc = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
  return asIfUtc - Math.floor(atMs / 1_000) * 1_000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(atMs: number, zone: string) {
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
  return parts as { year: number; month: number; day: number; hour: number; minute: number; second: number };
}
