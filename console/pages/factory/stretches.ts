/**
 * Stretches of time as they are drawn: one row for each Beijing day, from midnight to midnight, without the slivers
 * that nobody could see.
 */
import type { Stretch } from '../../api-types.ts';
import type { TimeState } from './states.tsx';

const DAY_MS = 86_400_000;
const BEIJING_MS = 8 * 3_600_000;
/** More than so many in a day are drawn as what prevails in each of so many parts. */
const MOST_DRAWN = 480;

/** A part of a day; `from` and `share` in parts of the day, 0 to 1. */
export interface Segment {
  state: TimeState;
  from: number;
  share: number;
}

export interface DayRow {
  day: string;
  segments: Segment[];
}

/** The Beijing day of a moment, some days before or after it. */
export function beijingDay(atMs: number, shiftDays = 0): string {
  return new Date(atMs + BEIJING_MS + shiftDays * DAY_MS).toISOString().slice(0, 10);
}

export function shiftDay(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The rows of some days, newest first. */
export function dayRows(stretches: readonly Stretch[], days: readonly string[]): DayRow[] {
  return days.map((day) => {
    const startMs = Date.parse(day) - BEIJING_MS;
    const segments = stretches.flatMap(({ state, from, to }): Segment[] => {
      const begin = Math.max(0, (Date.parse(from) - startMs) / DAY_MS);
      const end = Math.min(1, (Date.parse(to) - startMs) / DAY_MS);
      return end > begin ? [{ state, from: begin, share: end - begin }] : [];
    });
    return { day, segments: segments.length > MOST_DRAWN ? prevailing(segments) : segments };
  });
}

/** What prevails in each part of the day; neighbours alike are one. */
function prevailing(segments: readonly Segment[]): Segment[] {
  const sums = Array.from({ length: MOST_DRAWN }, () => new Map<TimeState, number>());
  for (const { state, from, share } of segments) {
    const last = Math.min(MOST_DRAWN - 1, Math.ceil((from + share) * MOST_DRAWN) - 1);
    for (let index = Math.floor(from * MOST_DRAWN); index <= last; index += 1) {
      const begin = Math.max(from, index / MOST_DRAWN);
      const end = Math.min(from + share, (index + 1) / MOST_DRAWN);
      sums[index]!.set(state, (sums[index]!.get(state) ?? 0) + end - begin);
    }
  }
  const drawn: Segment[] = [];
  for (const [index, sum] of sums.entries()) {
    const [most] = [...sum].toSorted((a, b) => b[1] - a[1]);
    if (most === undefined) continue;
    const before = drawn.at(-1);
    const from = index / MOST_DRAWN;
    if (before !== undefined && before.state === most[0] && Math.abs(before.from + before.share - from) < 1e-9) {
      before.share += 1 / MOST_DRAWN;
    } else {
      drawn.push({ state: most[0], from, share: 1 / MOST_DRAWN });
    }
  }
  return drawn;
}
