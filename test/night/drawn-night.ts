/**
 * One night out of chance: a zone and its permitted hours, a device with a file and a speed, and when things happen by
 * the clock of the database and by those of the workers.
 */
import { Draw } from './draw.ts';
import { ODD_ZONES, oddDays } from './wall-clock.ts';
import type { Protocol } from '../../db/schema.ts';
import type { Window } from '../../workflows/rules/windows.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export interface DrawnNight {
  seed: number;
  window: Window;
  protocol: Protocol;
  sizeBytes: number;
  /** Bytes per second that its transfers were measured at; null: never. */
  measured: number | null;
  /** Heard of a moment ago when its file is offered; otherwise it comes when it comes. */
  isOnline: boolean;
  /** When the worker asks for the first time, by the database's clock. */
  startMs: number;
  deadlineMs: number;
  /** Decides the rest as it goes. */
  draw: Draw;
}

/** What files of each kind weigh. */
const SIZES: Readonly<Record<Protocol, readonly [least: number, most: number]>> = {
  terminal: [10_240, 102_400],
  ams: [20_000, 8_000_000],
  pcp: [4_000, 2_000_000],
  pile: [50_000, 16_000_000],
};

/** Hours that clocks are changed at, and other round ones. */
const TIMES = ['00:00', '00:30', '01:00', '01:30', '02:00', '02:15', '02:30', '03:00', '04:00', '06:00', '22:00'];

export function drawNight(seed: number): DrawnNight {
  const draw = new Draw(seed);
  const { zone, years } = draw.oneOf(ODD_ZONES);
  const year = draw.oneOf(years);
  const startMs = drawStart(draw, zone, year);
  const protocol = draw.oneOf(['terminal', 'ams', 'pcp', 'pile'] as const);
  const [least, most] = SIZES[protocol];
  return {
    seed,
    window: drawWindow(draw, zone),
    protocol,
    sizeBytes: Math.round(draw.magnitude(least, most)),
    measured: draw.chance(0.25) ? null : draw.magnitude(4, 2_000_000),
    isOnline: draw.chance(0.6),
    startMs,
    deadlineMs: startMs + Math.round(draw.chance(0.8) ? draw.magnitude(DAY_MS, 10 * DAY_MS) : draw.whole(1, DAY_MS)),
    draw,
  };
}

/** More often than not within a day and a half of a change of the clock. */
function drawStart(draw: Draw, zone: string, year: number): number {
  const odd = oddDays(zone, year);
  if (odd.length > 0 && draw.chance(0.7)) return draw.oneOf(odd) + draw.whole(-36 * HOUR_MS, 12 * HOUR_MS);
  return Date.UTC(year, 0, 1) + draw.whole(0, 364 * DAY_MS);
}

function drawWindow(draw: Draw, zone: string): Window {
  const time = () => {
    if (draw.chance(0.6)) return draw.oneOf(TIMES);
    const pad = (value: number) => String(value).padStart(2, '0');
    return `${pad(draw.whole(0, 23))}:${pad(draw.whole(0, 59))}`;
  };
  const from = time();
  const to = draw.chance(0.03) ? from : time();
  return { from, to, zone };
}

/** The night in one line, for a report of what went wrong. */
export function describeNight({ seed, window, protocol, sizeBytes, measured, isOnline, startMs }: DrawnNight): string {
  const speed = measured === null ? 'never measured' : `${measured.toFixed(1)} bytes/s`;
  return (
    `seed ${seed}: ${window.from}–${window.to} ${window.zone}, ${protocol}, ${sizeBytes} bytes, ${speed}, ` +
    `${isOnline ? 'online' : 'away'}, from ${new Date(startMs).toISOString()}`
  );
}
