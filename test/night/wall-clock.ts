/**
 * What a person would say who stands in front of the clock on the wall: is it a permitted time now, and until when?
 *
 * Deliberately slow and simple, and nothing of it is shared with the rules it judges: it reads the clock as text, minute
 * after minute, and knows neither offsets nor changes of the clock.
 */
import type { Window } from '../../workflows/rules/windows.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Looking at a clock takes time, and most nights are near the same few changes: what was read is remembered. */
const READINGS_KEPT = 400_000;

const clocks = new Map<string, Intl.DateTimeFormat>();
const calendars = new Map<string, Intl.DateTimeFormat>();
const readings = new Map<string, string>();

/** What the clock on the wall shows: `HH:MM`. */
function shows(zone: string, atMs: number): string {
  const key = `${zone} ${Math.floor(atMs / MINUTE_MS)}`;
  let reading = readings.get(key);
  if (reading === undefined) {
    reading = read(zone, atMs);
    if (readings.size >= READINGS_KEPT) readings.clear();
    readings.set(key, reading);
  }
  return reading;
}

function read(zone: string, atMs: number): string {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    clocks.set(zone, clock);
  }
  return clock.format(atMs);
}

/** Does the clock on the wall show a permitted time? */
export function isPermitted({ from, to, zone }: Window, atMs: number): boolean {
  const shown = shows(zone, atMs);
  const isAfterFrom = shown >= from;
  const isBeforeTo = shown < to;
  return from < to ? isAfterFrom && isBeforeTo : isAfterFrom || isBeforeTo;
}

/**
 * From a permitted moment on, until when does the clock show permitted times without a gap? Hours without a gap for so
 * long have no end.
 */
export function permittedUntil(window: Window, atMs: number, forMs = 2 * DAY_MS): number {
  let minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
  while (minuteMs <= atMs + forMs && isPermitted(window, minuteMs)) {
    minuteMs += MINUTE_MS;
  }
  return minuteMs <= atMs + forMs ? minuteMs : Infinity;
}

/**
 * Zones in which clocks do what programmers do not expect, with years in which they did: by half an hour, by two hours,
 * at midnight, several times in a year, against the season, and by leaving out a whole day.
 */
export const ODD_ZONES: readonly { zone: string; years: readonly number[] }[] = [
  { zone: 'Asia/Shanghai', years: [1991, 2026] },
  { zone: 'UTC', years: [2026] },
  { zone: 'Europe/Berlin', years: [2025, 2026] },
  { zone: 'Europe/London', years: [2026, 2027] },
  { zone: 'Europe/Dublin', years: [2026] },
  { zone: 'America/New_York', years: [2006, 2026] },
  { zone: 'America/St_Johns', years: [2010, 2026] },
  { zone: 'America/Sao_Paulo', years: [2017, 2018] },
  { zone: 'America/Santiago', years: [2019, 2026] },
  { zone: 'America/Asuncion', years: [2022, 2023] },
  { zone: 'America/Havana', years: [2025, 2026] },
  { zone: 'America/Caracas', years: [2007, 2016] },
  { zone: 'America/Scoresbysund', years: [2024, 2026] },
  { zone: 'Asia/Beirut', years: [2023, 2026] },
  { zone: 'Africa/Cairo', years: [2014, 2025] },
  { zone: 'Africa/Casablanca', years: [2018, 2026] },
  { zone: 'Asia/Gaza', years: [2023, 2026] },
  { zone: 'Asia/Tehran', years: [2021, 2022] },
  { zone: 'Asia/Kolkata', years: [2026] },
  { zone: 'Asia/Kathmandu', years: [2026] },
  { zone: 'Asia/Pyongyang', years: [2015, 2018] },
  { zone: 'Australia/Lord_Howe', years: [2025, 2026] },
  { zone: 'Australia/Sydney', years: [2026] },
  { zone: 'Antarctica/Troll', years: [2025, 2026] },
  { zone: 'Pacific/Auckland', years: [2026] },
  { zone: 'Pacific/Chatham', years: [2025, 2026] },
  { zone: 'Pacific/Apia', years: [2011, 2020] },
  { zone: 'Pacific/Fakaofo', years: [2011] },
  { zone: 'Pacific/Kwajalein', years: [1993] },
  { zone: 'Pacific/Kiritimati', years: [1994, 2026] },
];

const changes = new Map<string, number[]>();

/** Days (noon, UTC) of a year on which the clock of a zone shows another time than at noon the day before. */
export function oddDays(zone: string, year: number): readonly number[] {
  const key = `${zone} ${year}`;
  const known = changes.get(key);
  if (known !== undefined) return known;
  const found: number[] = [];
  const seen = (atMs: number) => `${shows(zone, atMs)} ${dayShown(zone, atMs) - Math.floor(atMs / DAY_MS)}`;
  for (let atMs = Date.UTC(year, 0, 1, 12); atMs < Date.UTC(year + 1, 0, 2, 12); atMs += DAY_MS) {
    if (seen(atMs) !== seen(atMs - DAY_MS)) found.push(atMs);
  }
  changes.set(key, found);
  return found;
}

/** Days since 1970 by the calendar on the wall. */
function dayShown(zone: string, atMs: number): number {
  const calendar = calendars.get(zone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone: zone });
  calendars.set(zone, calendar);
  return Date.parse(`${calendar.format(atMs)}T00:00:00Z`) / DAY_MS;
}
