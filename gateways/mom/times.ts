/**
 * Times of the MOM interface: Beijing wall clock (UTC+8, no summer time) without a zone, in one clean form when
 * written and in the forms of PROTOCOLS 5.3 when read.
 */

const BEIJING_MS = 8 * 3_600_000;
/** Longer texts are no times. */
const LENGTH_LIMIT = 64;
const FORM =
  /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:(?:T|\s)\s{0,8}(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?\s{0,8}(Z|[+-]\d\d:?\d\d)?$/i;
const CLEAN = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?$/;

/** How times are understood. */
export interface TimeSettings {
  /** A `Z` means UTC; otherwise it is decoration on Beijing time, as in the document's samples. */
  zIsUtc: boolean;
}

/** `time_form`: not `yyyy-MM-dd HH:mm:ss`; `time_zone_ignored`: a `Z` that is decoration. */
export type TimeWarning = 'time_form' | 'time_zone_ignored';

export interface ReadTime {
  atMs: number;
  warnings: readonly TimeWarning[];
}

/** Reads a time; null when it is none, or not from 1970 to 9999. */
export function readTime(text: string, { zIsUtc }: TimeSettings): ReadTime | null {
  if (text.length > LENGTH_LIMIT) return null;
  const trimmed = text.trim();
  const match = FORM.exec(trimmed);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part: string | undefined) => Number(part ?? 0));
  const fraction = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second, fraction);
  const wall = new Date(wallMs);
  const exists = wall.getUTCMonth() === month - 1 && wall.getUTCDate() === day;
  if (!exists || hour > 23 || minute > 59 || second > 59 || year < 1970) return null;
  const zone = match[8]?.toUpperCase();
  const offsetMs = zone === undefined ? BEIJING_MS : zoneOffsetMs(zone, zIsUtc);
  if (offsetMs === null) return null;
  const warnings: TimeWarning[] = [];
  if (trimmed !== text || !CLEAN.test(trimmed)) warnings.push('time_form');
  if (zone === 'Z' && !zIsUtc) warnings.push('time_zone_ignored');
  return { atMs: wallMs - offsetMs, warnings };
}

/** Writes a time, `yyyy-MM-dd HH:mm:ss` in Beijing; a fraction is cut off. */
export function writeTime(atMs: number): string {
  return new Date(atMs + BEIJING_MS).toISOString().slice(0, 19).replace('T', ' ');
}

function zoneOffsetMs(zone: string, zIsUtc: boolean): number | null {
  if (zone === 'Z') return zIsUtc ? 0 : BEIJING_MS;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 14 || minutes > 59) return null;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
