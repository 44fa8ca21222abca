/**
 * When does each device of a task get its turn? It follows from the order, the permitted hours, the speed of each
 * device, the rate and its growth, and the limits by key.
 *
 * Two answers for each device. When everything behaves (`play.ts`): what people want to know. And what holds whatever
 * happens: not started before, ended by then. Costs n log n.
 */
import { LAST_DEVICES_MS } from './offers.ts';
import { Nights, play, RateClock, type PlayedTurn, type ScheduledDevice, type TaskTimes } from './play.ts';
import { SharedKeys } from './turns.ts';

/** When a device gets its turn. */
export interface Turn {
  /** How many of its files, from the first on, end in one of the nights before the deadline; with none it is never started. */
  fitting: number;
  /** The step of growth in which it is started, from 1; null: it gets no turn before the deadline. */
  wave: number | null;
  /** The night in which it is started, from 1; null also where there are no nights. */
  night: number | null;
  /** It is not started before, whatever happens; null: never. */
  earliestStartAtMs: number | null;
  /** When everything behaves; null: it waits for something, or does not end before the deadline. */
  expectedStartAtMs: number | null;
  expectedEndAtMs: number | null;
}

export interface Schedule {
  /** In the order of the devices. */
  turns: Turn[];
  /** Nights until every device that is ready has ended, also after the deadline; null: no nights, or never. */
  nights: number | null;
  /** Ready devices that do not end before the deadline although there are nights that are long enough for them. */
  late: number;
  expectedEndAtMs: number | null;
}

/** Time for timers to fire and the last rows to be written. */
const END_MARGIN_MS = 5 * 60_000;

/** When a device has ended at the latest: nothing is offered after the deadline, and what flashes then is awaited. */
export function latestDeviceEndMs({ deadlineAtMs, approvalDeadlineAtMs, proofMs }: TaskTimes): number {
  return Math.max(deadlineAtMs, approvalDeadlineAtMs ?? 0) + proofMs + LAST_DEVICES_MS;
}

/** When the whole task has ended at the latest, whatever devices and people do. */
export function latestTaskEndMs(times: TaskTimes): number {
  return latestDeviceEndMs(times) + END_MARGIN_MS;
}

/** Plays a task through. */
export function scheduleTask(devices: readonly ScheduledDevice[], times: TaskTimes): Schedule {
  const nights = new Nights(times);
  const fitting = devices.map(({ durationsMs }) => {
    const tooLong = durationsMs.findIndex((ms) => nights.firstStart(times.dispatchAtMs, ms) === null);
    return tooLong === -1 ? durationsMs.length : tooLong;
  });
  const earliest = earliestStarts(devices, times, nights);
  const played = play(devices, fitting, times, nights);
  const turns = devices.map((_, place): Turn => {
    const { startMs, endMs, wave, night } = played[place]!;
    const isInTime = startMs < times.deadlineAtMs;
    const ends = endMs !== null && endMs <= times.deadlineAtMs;
    return {
      fitting: fitting[place]!,
      wave: isInTime ? wave : null,
      night: isInTime ? night : null,
      earliestStartAtMs: earliest[place]!,
      expectedStartAtMs: ends ? startMs : null,
      expectedEndAtMs: ends ? endMs : null,
    };
  });
  return { turns, ...sumsOf(devices, turns, played, times) };
}

function sumsOf(
  devices: readonly ScheduledDevice[],
  turns: readonly Turn[],
  played: readonly PlayedTurn[],
  times: TaskTimes,
) {
  let [nights, late, lastEndMs] = [0, 0, -Infinity];
  devices.forEach(({ isReady, durationsMs }, place) => {
    const { fitting, expectedEndAtMs } = turns[place]!;
    if (!isReady || fitting < durationsMs.length) return;
    if (expectedEndAtMs === null) late += 1;
    nights = Math.max(nights, played[place]!.endMs === null ? Infinity : played[place]!.lastNight);
    lastEndMs = Math.max(lastEndMs, played[place]!.endMs ?? Infinity);
  });
  return {
    nights: times.window === null || nights === Infinity ? null : nights,
    late,
    expectedEndAtMs: Number.isFinite(lastEndMs) && late === 0 ? lastEndMs : null,
  };
}

// ---------------------------------------------------------------- what holds whatever happens

/**
 * Before which moment no device is started. Others may be done at once, be away or be passed over, so neither the
 * concurrency nor the limits by key hold anybody back for sure. The rate does, as fast as it could possibly grow: before
 * a device come all that are earlier in the order and would have been started wherever it is.
 */
function earliestStarts(devices: readonly ScheduledDevice[], times: TaskTimes, nights: Nights): (number | null)[] {
  const starts = fastestStarts(devices.length, times, nights);
  const ranks = starts === null ? null : certainRanks(devices, times);
  return devices.map(({ durationsMs }, place) => {
    const fromMs = starts === null ? times.dispatchAtMs : starts[ranks![place]!];
    return fromMs === undefined ? null : nights.firstStart(fromMs, durationsMs[0] ?? 0);
  });
}

/** When the first, second, … start may be at the earliest, up to the deadline; null: no rate holds them back. */
function fastestStarts(count: number, { pacing, dispatchAtMs, deadlineAtMs }: TaskTimes, nights: Nights) {
  if (pacing.ratePerMinute === null && pacing.growth === null) return null;
  const rate = new RateClock(pacing);
  const starts: number[] = [];
  let open = nights.opening(dispatchAtMs, 0);
  while (open !== null && starts.length < count && open.atMs < deadlineAtMs) {
    // All that were started may be through at once.
    const nextMs = rate.next(open.atMs, starts.length);
    if (nextMs > open.atMs) {
      open = nights.opening(nextMs, open.index);
    } else {
      rate.started(open.atMs);
      starts.push(open.atMs);
    }
  }
  return starts;
}

/**
 * How many devices are started before each for sure: those before it with the same keys that take no longer. Counted
 * with a tree of sums over the lengths.
 */
function certainRanks(devices: readonly ScheduledDevice[], { window, pacing }: TaskTimes): number[] {
  const keys = new SharedKeys(pacing.limits);
  // Where nothing ever closes nobody is passed over for being slow.
  const lengthOf = ({ durationsMs }: ScheduledDevice) => (window === null ? 0 : (durationsMs[0] ?? 0));
  const lengths = [...new Set(devices.map(lengthOf))].sort((a, b) => a - b);
  const placeOf = new Map(lengths.map((length, index) => [length, index + 1]));
  const trees = new Map<string, Map<number, number>>();
  return devices.map((device) => {
    const group = keys.idsOf(device.keys).join(' ');
    const tree = trees.get(group) ?? new Map<number, number>();
    trees.set(group, tree);
    const place = placeOf.get(lengthOf(device))!;
    let rank = 0;
    for (let at = place; at > 0; at -= at & -at) rank += tree.get(at) ?? 0;
    for (let at = place; at <= lengths.length; at += at & -at) tree.set(at, (tree.get(at) ?? 0) + 1);
    return rank;
  });
}
