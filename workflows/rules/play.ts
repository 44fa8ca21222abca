/**
 * A task played through before it begins, as it goes when every device behaves: started in their order, as the permitted
 * hours, the pacing and the limits by key allow, with the very rules that the dispatcher obeys, and each of them busy as
 * long as its files are expected to take.
 *
 * Of the time from one step of the dispatcher to the next it knows nothing, nor of other tasks that load the same keys.
 */
import { CATCH_UP_S, MINUTE_S, mostWithin, rateNow, type DeviceKeys, type Pacing } from './pacing.ts';
import { Heap, Line, SharedKeys } from './turns.ts';
import { NEVER_MS, nightsFrom, type Night, type Window } from './windows.ts';

/** A device of the task, in its place of the order. */
export interface ScheduledDevice {
  /** Nothing holds it back; others are taken up in their turn and begin when what they wait for has come. */
  isReady: boolean;
  /** How long each file that it still needs takes. */
  durationsMs: readonly number[];
  keys: DeviceKeys;
}

/** What is so for the whole task. */
export interface TaskTimes {
  pacing: Pacing;
  window: Window | null;
  dispatchAtMs: number;
  deadlineAtMs: number;
  /** Nobody may approve it after this; null: nobody must. */
  approvalDeadlineAtMs: number | null;
  /** From the last byte until the proof. */
  proofMs: number;
}

const DAY_MS = 24 * 60 * 60_000;
/** The play goes on after the deadline to say how many nights are missing, but not for ever. */
const LONGEST_PLAY_MS = 400 * DAY_MS;

// ---------------------------------------------------------------- nights

/** The nights of a task; without a window one that is always open. */
export class Nights {
  readonly #deadlineAtMs: number;
  readonly #untilMs: number;
  readonly #source: Iterator<Night>;
  readonly #known: Night[] = [];

  constructor({ window, dispatchAtMs, deadlineAtMs }: TaskTimes) {
    this.#deadlineAtMs = deadlineAtMs;
    this.#untilMs = Math.max(deadlineAtMs, dispatchAtMs) + LONGEST_PLAY_MS;
    this.#source =
      window === null
        ? [{ night: 0, opensAtMs: dispatchAtMs, closesAtMs: NEVER_MS }].values()
        : nightsFrom(window, dispatchAtMs);
  }

  /** The n-th window from the dispatch on, counted from 0; null: too far ahead. */
  at(index: number): Night | null {
    while (this.#known.length <= index) {
      const { value, done } = this.#source.next();
      if (done === true || value.opensAtMs >= this.#untilMs) return null;
      this.#known.push(value);
    }
    return this.#known[index]!;
  }

  /** When something of this length can begin, before the deadline, that must end in its night; null: never. */
  firstStart(fromMs: number, durationMs: number): number | null {
    for (let index = 0; ; index++) {
      const night = this.at(index);
      if (night === null) return null;
      const startMs = Math.max(fromMs, night.opensAtMs);
      if (startMs >= this.#deadlineAtMs) return null;
      if (startMs + durationMs <= night.closesAtMs) return startMs;
    }
  }

  /** The first moment from `fromMs` on at which a window is open, in a window not before the `index`-th. */
  opening(fromMs: number, index: number): { atMs: number; index: number } | null {
    for (; ; index++) {
      const night = this.at(index);
      if (night === null) return null;
      if (fromMs < night.closesAtMs) return { atMs: Math.max(fromMs, night.opensAtMs), index };
    }
  }
}

// ---------------------------------------------------------------- the rate

/** The rate of a pacing as the dispatcher keeps it, turned round: not "how many now" but "when the next one". */
export class RateClock {
  readonly #pacing: Pacing;
  /** The second of each start. */
  readonly #starts: number[] = [];
  #rate: number | null = null;
  /** How many the rate allows in each span of seconds. */
  #most: number[] = [];

  constructor(pacing: Pacing) {
    this.#pacing = pacing;
  }

  /** When the next start is allowed, `nowMs` if it is now, after so many devices have got through. */
  next(nowMs: number, through: number): number {
    const rate = rateNow(this.#pacing, { finished: through, succeeded: through });
    if (rate === null) return nowMs;
    if (rate !== this.#rate) {
      this.#rate = rate;
      this.#most = Array.from({ length: MINUTE_S + 2 }, (_, spanS) => mostWithin(rate, spanS));
    }
    let second = -Infinity;
    for (let spanS = CATCH_UP_S; spanS <= MINUTE_S + 1; spanS++) {
      const most = this.#most[spanS]!;
      if (most === 0) return NEVER_MS;
      // So many starts ago was when? That one must have left the span.
      const start = this.#starts[this.#starts.length - most];
      if (start !== undefined && start + spanS > second) second = start + spanS;
    }
    return Math.max(nowMs, second * 1_000);
  }

  started(atMs: number): void {
    this.#starts.push(Math.floor(atMs / 1_000));
  }
}

// ---------------------------------------------------------------- when everything behaves

/** How a device gets through. */
export interface PlayedTurn {
  startMs: number;
  /** Null: not all of its files. */
  endMs: number | null;
  wave: number;
  night: number | null;
  lastNight: number;
}

/**
 * Starts devices as the dispatcher does and lets each take as long as it is expected to.
 *
 * @param fitting how many files of each device, from the first on, end in one of the nights
 */
export function play(
  devices: readonly ScheduledDevice[],
  fitting: readonly number[],
  times: TaskTimes,
  nights: Nights,
): PlayedTurn[] {
  return new Player(devices, fitting, times, nights).play();
}

class Player {
  readonly #devices: readonly ScheduledDevice[];
  readonly #times: TaskTimes;
  readonly #nights: Nights;
  readonly #keys: SharedKeys;
  readonly #keyIds: number[][];
  readonly #turns: PlayedTurn[];
  readonly #rate: RateClock;
  /** Not started yet. */
  readonly #starts: Line;
  /** Between two files, waiting for the next night. */
  readonly #resumes: Line;
  readonly #ends = new Heap<{ atMs: number; place: number }>((a, b) => a.atMs < b.atMs);
  /** How many files of each device, from the first on, end in one of the nights; what has none is never started. */
  readonly #fitting: readonly number[];
  /** The file each device is at. */
  readonly #file: number[];
  #active = 0;
  #ended = 0;
  /** Kept in their order until the next night begins. */
  #interrupted: number[] = [];

  constructor(devices: readonly ScheduledDevice[], fitting: readonly number[], times: TaskTimes, nights: Nights) {
    this.#devices = devices;
    this.#times = times;
    this.#nights = nights;
    this.#keys = new SharedKeys(times.pacing.limits);
    this.#rate = new RateClock(times.pacing);
    this.#starts = new Line(this.#keys);
    this.#resumes = new Line(this.#keys);
    this.#keyIds = devices.map(({ keys }) => this.#keys.idsOf(keys));
    this.#file = devices.map(() => 0);
    this.#turns = devices.map(() => ({
      startMs: Infinity,
      endMs: null,
      wave: 1,
      night: null,
      lastNight: 0,
      isHalfway: false,
    }));
    this.#fitting = fitting;
    fitting.forEach((files, place) => files > 0 && this.#starts.add(place, this.#keyIds[place]!));
  }

  play(): PlayedTurn[] {
    for (let index = 0; this.#isLeft(); index++) {
      const night = this.#nights.at(index);
      if (night === null) break;
      this.#starts.beginNight();
      for (const place of this.#interrupted.sort((a, b) => a - b)) this.#resumes.add(place, this.#keyIds[place]!);
      this.#interrupted = [];
      this.#resumes.beginNight();
      this.#playNight(night);
    }
    return this.#turns;
  }

  #isLeft(): boolean {
    return this.#starts.waiting + this.#resumes.waiting + this.#interrupted.length > 0;
  }

  #playNight(night: Night): void {
    let nowMs = night.opensAtMs;
    while (nowMs < night.closesAtMs) {
      while (this.#ends.least !== undefined && this.#ends.least.atMs <= nowMs) this.#endFile(night);
      const fits = (place: number) => nowMs + this.#durationMs(place) <= night.closesAtMs;
      while (this.#active < this.#times.pacing.maxConcurrent) {
        const place = this.#resumes.next(fits);
        if (place === null) break;
        this.#active += 1;
        this.#begin(place, nowMs);
      }
      const rateMs = this.#startDevices(nowMs, night, fits);
      nowMs = Math.min(this.#ends.least?.atMs ?? NEVER_MS, rateMs);
    }
    while (this.#ends.least !== undefined && this.#ends.least.atMs <= night.closesAtMs) this.#endFile(night);
  }

  /** Starts what may be started now. Returns when the rate, if it alone keeps others back, allows the next start. */
  #startDevices(nowMs: number, night: Night, fits: (place: number) => boolean): number {
    while (this.#active < this.#times.pacing.maxConcurrent && this.#starts.waiting > 0) {
      const rateMs = this.#rate.next(nowMs, this.#ended);
      if (rateMs > nowMs) return rateMs;
      const place = this.#starts.next(fits);
      if (place === null) break;
      this.#rate.started(nowMs);
      this.#start(place, nowMs, night);
    }
    return NEVER_MS;
  }

  #start(place: number, nowMs: number, night: Night): void {
    const { growth } = this.#times.pacing;
    const turn = this.#turns[place]!;
    turn.startMs = nowMs;
    turn.night = this.#times.window === null ? null : night.night;
    turn.wave = growth === null ? 1 : Math.floor(this.#ended / growth.everyDevices) + 1;
    if (this.#devices[place]!.isReady) {
      this.#active += 1;
      this.#begin(place, nowMs);
    } else {
      // It is taken up, waits for something else, and leaves its place to others.
      this.#release(place);
    }
  }

  #begin(place: number, nowMs: number): void {
    this.#ends.push({ atMs: nowMs + this.#durationMs(place), place });
  }

  /** A file has ended: the next one follows at once if it still fits into the night. */
  #endFile(night: Night): void {
    const { atMs, place } = this.#ends.pop()!;
    const turn = this.#turns[place]!;
    this.#file[place]! += 1;
    const isDone = this.#file[place]! >= this.#devices[place]!.durationsMs.length;
    if (!isDone && atMs + this.#durationMs(place) <= night.closesAtMs) {
      this.#begin(place, atMs);
      return;
    }
    this.#active -= 1;
    this.#release(place);
    turn.lastNight = night.night;
    if (isDone) {
      this.#ended += 1;
      turn.endMs = atMs;
    } else if (this.#file[place]! < this.#fitting[place]!) {
      this.#interrupted.push(place);
    }
  }

  #release(place: number): void {
    const ids = this.#keyIds[place]!;
    this.#keys.release(ids);
    this.#resumes.wake(ids);
    this.#starts.wake(ids);
  }

  #durationMs(place: number): number {
    return this.#devices[place]!.durationsMs[this.#file[place]!] ?? 0;
  }
}
