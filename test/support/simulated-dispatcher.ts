/**
 * A dispatcher with a clock of its own: the rules it obeys are the real ones (the rate, the limits by key, the window),
 * everything else is as plain as can be, so that it says what a plan must come to without working like one.
 */
import { Places, startsAllowed, withStarts, type LimitKey, type RecentStarts } from '../../workflows/rules/pacing.ts';
import type { ScheduledDevice, TaskTimes } from '../../workflows/rules/play.ts';
import { windowAt } from '../../workflows/rules/windows.ts';

/** What devices do with each of their files. */
export type Behaviour = (
  place: number,
  file: number,
) => { takesMs: number; /** It has no contact: nothing is done with it until it ends. */ isAway?: boolean };

export interface Run {
  /** Places in the order in which they were started. */
  order: number[];
  startMs: Map<number, number>;
  endMs: Map<number, number>;
  mostActive: number;
}

interface Flight {
  place: number;
  endMs: number;
  isAway: boolean;
}

/** Everybody takes exactly as long as is expected; who is not ready waits for ever. */
export function behaving(devices: readonly ScheduledDevice[]): Behaviour {
  return (place, file) =>
    devices[place]!.isReady
      ? { takesMs: devices[place]!.durationsMs[file]! }
      : { takesMs: Number.MAX_SAFE_INTEGER, isAway: true };
}

/** Runs a task until nothing is left to start, or until `untilMs`. */
export function dispatchAll(
  devices: readonly ScheduledDevice[],
  { pacing, window, dispatchAtMs }: Pick<TaskTimes, 'pacing' | 'window' | 'dispatchAtMs'>,
  behave: Behaviour,
  untilMs: number,
): Run {
  const run: Run = { order: [], startMs: new Map(), endMs: new Map(), mostActive: 0 };
  const waiting = devices.map((_, place) => place);
  const between: number[] = [];
  const file = devices.map(() => 0);
  let flights: Flight[] = [];
  let recent: RecentStarts = [];
  let ended = 0;
  /** The rate alone keeps somebody back: the next second may change that. */
  let isHeldBack = false;

  for (let nowMs = dispatchAtMs; nowMs < untilMs;) {
    const position = windowAt(window, nowMs);
    const closesAtMs = position.open ? position.closesAtMs : nowMs;
    for (const flight of flights.filter(({ endMs }) => endMs <= nowMs).toSorted((a, b) => a.endMs - b.endMs)) {
      flights = flights.filter((other) => other !== flight);
      const { place } = flight;
      file[place]! += 1;
      if (file[place] === devices[place]!.durationsMs.length) {
        ended += 1;
        run.endMs.set(place, flight.endMs);
      } else if (flight.endMs + devices[place]!.durationsMs[file[place]!]! <= closesAtMs) {
        fly(place, flight.endMs);
      } else {
        between.push(place);
      }
    }
    isHeldBack = false;
    if (position.open) {
      const busy = flights.filter(({ isAway }) => !isAway);
      const places = new Places(pacing.limits, countKeys(busy));
      const fits = (place: number) => nowMs + devices[place]!.durationsMs[file[place]!]! <= closesAtMs;
      let active = busy.length;
      for (const place of between.toSorted((a, b) => a - b)) {
        if (active >= pacing.maxConcurrent) break;
        if (!fits(place) || !places.take(devices[place]!.keys)) continue;
        between.splice(between.indexOf(place), 1);
        fly(place, nowMs);
        active += 1;
      }
      // One after the other, as who is away leaves its place at once.
      for (;;) {
        const state = { nowMs, active, recent, finished: ended, succeeded: ended };
        if (startsAllowed(pacing, state) === 0) {
          isHeldBack = active < pacing.maxConcurrent && waiting.length > 0;
          break;
        }
        const room = new Places(pacing.limits, countKeys(flights.filter(({ isAway }) => !isAway)));
        const index = waiting.findIndex((place) => fits(place) && room.hasRoom(devices[place]!.keys));
        if (index === -1) break;
        const [place] = waiting.splice(index, 1) as [number];
        recent = withStarts(recent, nowMs, 1);
        run.order.push(place);
        run.startMs.set(place, nowMs);
        if (!fly(place, nowMs).isAway) active += 1;
      }
      run.mostActive = Math.max(run.mostActive, active);
    }
    if (waiting.length + between.length + flights.length === 0) break;
    const nextEndMs = Math.min(...flights.map(({ endMs }) => endMs), Infinity);
    const secondMs = isHeldBack ? (Math.floor(nowMs / 1_000) + 1) * 1_000 : Infinity;
    nowMs = Math.min(nextEndMs, position.open ? Math.min(secondMs, closesAtMs) : position.opensAtMs);
  }
  return run;

  function fly(place: number, atMs: number): Flight {
    const { takesMs, isAway = false } = behave(place, file[place]!);
    const flight = { place, endMs: atMs + takesMs, isAway };
    flights.push(flight);
    return flight;
  }

  function countKeys(of: readonly Flight[]) {
    const counts = new Map<string, { key: LimitKey; value: string; devices: number }>();
    for (const { place } of of) {
      for (const [key, value] of Object.entries(devices[place]!.keys) as [LimitKey, string | null][]) {
        if (value === null) continue;
        const count = counts.get(`${key} ${value}`) ?? { key, value, devices: 0 };
        count.devices += 1;
        counts.set(`${key} ${value}`, count);
      }
    }
    return [...counts.values()];
  }
}
