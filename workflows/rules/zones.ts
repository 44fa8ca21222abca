/**
 * What the clock on the wall of a time zone shows, as its distance from UTC.
 *
 * Asking the platform takes tens of microseconds, too much for what is asked several times a second or once for each
 * of 100 000 devices, so it is asked once for each day. A zone changes its clock at most once in a day of UTC.
 */

/** One day of UTC in a zone: the distance it begins with and, if it changes, when and to what. */
interface ZoneDay {
  offsetMs: number;
  change: { atMs: number; offsetMs: number } | null;
}

interface Zone {
  format: Intl.DateTimeFormat;
  days: Map<number, ZoneDay>;
}

const DAY_MS = 24 * 60 * 60_000;
/** Names come from people, and there are many ways to write one: the memory is bounded. */
const MOST_ZONES = 100;
const MOST_DAYS = 2_000;

const zones = new Map<string, Zone>();

/** True when `zone` is a name the platform's time zone data knows. */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** What the clock on the wall is ahead of UTC at a moment, in milliseconds. */
export function offsetAt(name: string, atMs: number): number {
  const { offsetMs, change } = dayOf(zoneOf(name), Math.floor(atMs / DAY_MS));
  return change !== null && atMs >= change.atMs ? change.offsetMs : offsetMs;
}

/** When the clock is changed for the first time after `fromMs` and not after `toMs`; null if it is not. */
export function nextClockChange(name: string, fromMs: number, toMs: number): number | null {
  const zone = zoneOf(name);
  for (let day = Math.floor(fromMs / DAY_MS); day * DAY_MS <= toMs; day++) {
    const { change } = dayOf(zone, day);
    if (change !== null && change.atMs > fromMs && change.atMs <= toMs) return change.atMs;
  }
  return null;
}

function zoneOf(name: string): Zone {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const zone = { format, days: new Map<number, ZoneDay>() };
  if (zones.size >= MOST_ZONES) zones.clear();
  zones.set(name, zone);
  return zone;
}

function dayOf({ format, days }: Zone, day: number): ZoneDay {
  const known = days.get(day);
  if (known !== undefined) return known;
  const found = readDay(format, day * DAY_MS, (day + 1) * DAY_MS);
  if (days.size >= MOST_DAYS) days.clear();
  days.set(day, found);
  return found;
}

function readDay(format: Intl.DateTimeFormat, beginsAtMs: number, endsAtMs: number): ZoneDay {
  const offsetMs = readOffset(format, beginsAtMs);
  const changedMs = readOffset(format, endsAtMs);
  if (changedMs === offsetMs) return { offsetMs, change: null };
  let [same, other] = [beginsAtMs, endsAtMs];
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (readOffset(format, middle) === offsetMs) same = middle;
    else other = middle;
  }
  return { offsetMs, change: { atMs: other, offsetMs: changedMs } };
}

function readOffset(format: Intl.DateTimeFormat, atMs: number): number {
  const shown = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => shown.get(type) ?? 0;
  const asIfUtc = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return asIfUtc - Math.floor(atMs / 1_000) * 1_000;
}
