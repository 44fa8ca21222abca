/**
 * How many devices of a task may be started now, and when must it stop by itself?
 *
 * Several limits, each optional, of which the smallest counts: devices under way at one time, starts a minute, a rate
 * that grows as devices get through, and a limit for all devices that share a key. Pure: what is so comes as arguments.
 */

/** What the operator chose. */
export interface Pacing {
  /** No further device is started while this many are being upgraded. */
  maxConcurrent: number;
  /** At most this many are started in any minute; null: no limit. */
  ratePerMinute: number | null;
  /** Begins slowly and gets faster as devices get through; null: does not. */
  growth: Growth | null;
  /** Never more devices of one key under way, over all tasks of the department. */
  limits: readonly KeyLimit[];
}

/** `basePerMinute` starts a minute, times `factor` each time another `everyDevices` have got through. */
export interface Growth {
  basePerMinute: number;
  /** 1.1 to 5. */
  factor: number;
  everyDevices: number;
  /** What counts as got through. */
  by: 'finished' | 'succeeded';
}

/** What devices can have in common: they load the same people, stock, customer or radio cell. */
export const LIMIT_KEYS = ['department', 'model', 'order', 'gateway'] as const;
export type LimitKey = (typeof LIMIT_KEYS)[number];

export interface KeyLimit {
  key: LimitKey;
  max: number;
}

/** Which ends count as failures for a rule; `any` is all of them. */
export const ABORT_CLASSES = ['any', 'failed', 'unproven', 'expired', 'reverted'] as const;

/** What an abort does: `cancel_waiting` ends what was not offered yet, `cancel` all that is not flashing. */
export const ABORT_EFFECTS = ['pause', 'cancel_waiting', 'cancel'] as const;
export type AbortEffect = (typeof ABORT_EFFECTS)[number];

/** When this share of the finished devices failed, and so many have finished, the task stops by itself. */
export interface AbortRule {
  failures: (typeof ABORT_CLASSES)[number];
  percent: number;
  afterFinished: number;
  effect: AbortEffect;
}

/** Starts by second (of Unix time), oldest first; what is older than a minute is forgotten. */
export type RecentStarts = readonly (readonly [second: number, starts: number])[];

/** What is so right now. */
export interface PacingState {
  nowMs: number;
  /** Devices something is being done with; those that wait for contact or for an open gate do not count. */
  active: number;
  recent: RecentStarts;
  /** Devices that have ended by themselves, however. */
  finished: number;
  /** Of these, those that succeeded. */
  succeeded: number;
}

/** Starts are spread over the minute; a dispatcher that was held up may catch up on so many seconds. */
export const CATCH_UP_S = 5;
export const MINUTE_S = 60;
/** Growth ends somewhere: more than this no dispatcher can start. */
const FASTEST_PER_MINUTE = 1_000_000;

/** A limit on concurrency and nothing else. */
export function atMost(maxConcurrent: number): Pacing {
  return { maxConcurrent, ratePerMinute: null, growth: null, limits: [] };
}

/** Starts a minute that are allowed after so many devices have got through; null: as many as one likes. */
export function rateNow(pacing: Pacing, through: Pick<PacingState, 'finished' | 'succeeded'>): number | null {
  const { growth, ratePerMinute } = pacing;
  if (growth === null) return ratePerMinute;
  const steps = Math.floor(through[growth.by] / growth.everyDevices);
  const grown = Math.min(growth.basePerMinute * growth.factor ** steps, FASTEST_PER_MINUTE);
  return Math.min(grown, ratePerMinute ?? FASTEST_PER_MINUTE);
}

/** How many device upgrades may be started at this moment; what limits by key forbid is not asked here. */
export function startsAllowed(pacing: Pacing, state: PacingState): number {
  const places = Math.max(0, pacing.maxConcurrent - state.active);
  const rate = rateNow(pacing, state);
  return rate === null ? places : Math.min(places, startsWithinRate(rate, state.recent, secondOf(state.nowMs)));
}

/**
 * The rate holds for any minute, wherever it begins, and for shorter spans in proportion. Starts are known by their
 * second, so a minute touches 61 of them.
 */
function startsWithinRate(rate: number, recent: RecentStarts, now: number): number {
  const most = Math.floor(rate);
  let allowed = most;
  let counted = 0;
  let next = recent.length - 1;
  for (let span = 1; span <= MINUTE_S + 1; span++) {
    // A second that lies ahead belongs to a clock that was set back: it counts as now.
    for (; next >= 0 && recent[next]![0] > now - span; next--) counted += recent[next]![1];
    if (span < CATCH_UP_S) continue;
    allowed = Math.min(allowed, mostWithin(rate, span) - counted);
  }
  return Math.max(0, allowed);
}

/** How many starts a rate allows in so many seconds on end; what it says of `CATCH_UP_S` and more must hold. */
export function mostWithin(ratePerMinute: number, spanS: number): number {
  return Math.min(Math.floor(ratePerMinute), Math.ceil((ratePerMinute * spanS) / MINUTE_S));
}

/** The starts of the last minute with those of this moment; what is older is forgotten. */
export function withStarts(recent: RecentStarts, nowMs: number, starts: number): RecentStarts {
  const now = secondOf(nowMs);
  // A clock that was set back by more than a minute would hold everything up.
  const kept = recent.filter(([second]) => second >= now - MINUTE_S && second <= now + MINUTE_S);
  if (starts === 0) return kept;
  const last = kept.at(-1);
  if (last === undefined || last[0] < now) return [...kept, [now, starts]];
  return [...kept.slice(0, -1), [last[0], last[1] + starts]];
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1_000);
}

// ---------------------------------------------------------------- limits by key

/** What a device has in common with others; null: it has no such key, and no limit holds for it. */
export type DeviceKeys = Partial<Record<LimitKey, string | null>>;

/** Counts devices of a key that are under way, and says whether one more may be. */
export class Places {
  readonly #limits: readonly KeyLimit[];
  readonly #taken = new Map<string, number>();

  constructor(limits: readonly KeyLimit[], underWay: readonly { key: LimitKey; value: string; devices: number }[]) {
    this.#limits = limits;
    for (const { key, value, devices } of underWay) this.#taken.set(`${key} ${value}`, devices);
  }

  copy(): Places {
    const copy = new Places(this.#limits, []);
    for (const [key, devices] of this.#taken) copy.#taken.set(key, devices);
    return copy;
  }

  /** True when no limit forbids a device with these keys. */
  hasRoom(keys: DeviceKeys): boolean {
    return this.#limits.every(({ key, max }) => keys[key] == null || this.#count(key, keys[key]) < max);
  }

  /** Counts a device with these keys as under way, if it may be. */
  take(keys: DeviceKeys): boolean {
    if (!this.hasRoom(keys)) return false;
    for (const key of new Set(this.#limits.map((limit) => limit.key))) {
      if (keys[key] != null) this.#taken.set(`${key} ${keys[key]}`, this.#count(key, keys[key]) + 1);
    }
    return true;
  }

  #count(key: LimitKey, value: string): number {
    return this.#taken.get(`${key} ${value}`) ?? 0;
  }
}

// ---------------------------------------------------------------- abort

/** How devices have ended since the task was last resumed. Those that a person stopped say nothing about the file. */
export interface EndedCounts {
  succeeded: number;
  failed: number;
  unproven: number;
  expired: number;
  partial: number;
  reverted: number;
}

export interface AbortVerdict {
  rule: AbortRule;
  failures: number;
  finished: number;
}

/** The first rule that is fulfilled; null when none is. */
export function abortDue(rules: readonly AbortRule[], counts: EndedCounts): AbortVerdict | null {
  const finished = finishedOf(counts);
  for (const rule of rules) {
    const failures = rule.failures === 'any' ? finished - counts.succeeded : counts[rule.failures];
    const enough = finished >= Math.max(1, rule.afterFinished);
    if (enough && failures > 0 && failures * 100 >= rule.percent * finished) return { rule, failures, finished };
  }
  return null;
}

/** Devices that have ended by themselves. */
export function finishedOf(counts: EndedCounts): number {
  return counts.succeeded + counts.failed + counts.unproven + counts.expired + counts.partial + counts.reverted;
}

/** A rule that fired, in words and with its numbers. */
export function describeAbort({ rule, failures, finished }: AbortVerdict): string {
  const share = Math.floor((failures / finished) * 1_000) / 10;
  const what = rule.failures === 'any' ? 'did not succeed' : `ended ${rule.failures}`;
  return `${failures} of ${finished} finished devices ${what} (${share} %); the rule stops the task at ${rule.percent} % after at least ${rule.afterFinished} finished`;
}
