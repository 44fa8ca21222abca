/**
 * Starts the devices of a task as its pacing allows, for about a minute, or watches those under way for about ten.
 *
 * Knows nothing between two runs: what was started, whether to go on and how fast, is in the database. A pause or
 * cancel that is written there ends it, and keeps it from starting anything even before it has noticed. What it
 * remembers within a run only saves work: each look costs as much as there is under way, and what costs as much as the
 * task has devices is done seldom.
 */
import { cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import type { Executions, LatestUpgrade } from './tasks.ts';
import { Candidates } from '../db/upgrades/candidates.ts';
import * as dispatch from '../db/upgrades/dispatch.ts';
import type { Db } from '../db/index.ts';
import { hasNewcomers, joinDevices } from '../db/upgrades/joins.ts';
import * as pacing from '../db/upgrades/pacing.ts';
import type { TaskOptions } from '../db/schema.ts';
import { abortDue, describeAbort, finishedOf, rateNow, type AbortEffect } from '../workflows/rules/pacing.ts';
import { windowAt } from '../workflows/rules/windows.ts';

/** How a slice of dispatching ended. */
export interface DispatchReport {
  /** No device is under way and none is left to start. */
  isIdle: boolean;
  /** The window is closed: nothing more is started before this many milliseconds have passed. */
  windowOpensInMs: number | null;
  /** A rule says that the task must stop, and how. */
  abort: { effect: AbortEffect; cause: string } | null;
}

/** Starts and signals in flight at one time; more only makes each of them slower. */
const PARALLEL = 50;
/** While there is something to start, a slice is short, so that the workflow stays in charge. */
const BUSY_SLICE_MS = 60_000;
const IDLE_SLICE_MS = 600_000;
const SHORTEST_POLL_MS = 200;
const LONGEST_POLL_MS = 2_000;
/** With a rate, time alone makes room. */
const RATE_POLL_MS = 500;
const BUSY_RETRY_MS = 30_000;
/** A started workflow writes its first line within moments; after this time we ask whether it exists. */
const UNHEARD_MS = 20_000;
/** How many devices without news are looked after at once; again and again, as long as there are lost ones among them. */
const LOST_SAMPLE = 50;
const SILENT_MS = 60_000;
/** Whose workflow was ended by hand is given up after this time without news. */
const LONG_SILENT_MS = 600_000;
const CANDIDATES_MS = 30_000;
const TOTALS_MS = 1_000;
/** Newcomers of a dynamic task are looked for so often, and those that came to light late so often. */
const JOINS_MS = 2_000;
const LATE_JOINS_MS = 30_000;
/** A dynamic task with nothing to do waits for newcomers. */
const EMPTY_POLL_MS = 10_000;

export interface DispatcherDependencies {
  db: Db;
  executions: Executions;
  stopping: AbortSignal;
}

/** One slice. */
export async function dispatchSlice(needs: DispatcherDependencies, taskId: number): Promise<DispatchReport> {
  const { db, stopping } = needs;
  const startedAtMs = Date.now();
  const memory: pacing.Memory = { position: 0, candidates: null, finished: 0, succeeded: 0 };
  const unheard = new Seldom(UNHEARD_MS);
  const totals = new Seldom(TOTALS_MS);
  const candidates = new Seldom(SHORTEST_POLL_MS);
  const joins = new Seldom(JOINS_MS);
  const lateJoins = new Seldom(LATE_JOINS_MS);
  let lookForLostAtMs = 0;
  let lostSeenAtMs = -Infinity;
  let { options } = await pacing.readTask(db, taskId);
  for (let pollMs = SHORTEST_POLL_MS; ;) {
    heartbeat();
    if (Date.now() >= lookForLostAtMs) {
      if (await takeUpLostUpgrades(needs, taskId)) lostSeenAtMs = Date.now();
      // Others may be lost, too, and still busy with what they began before: they are not silent yet.
      const areMoreLikely = Date.now() - lostSeenAtMs < 2 * SILENT_MS;
      lookForLostAtMs = Date.now() + (areMoreLikely ? UNHEARD_MS : IDLE_SLICE_MS);
    }
    await unheard.run(async () => startAll(needs, await dispatch.findUnheardClaims(db, taskId, UNHEARD_MS)));
    const abort = await totals.run(() => judge(db, taskId, options, memory));
    if (abort) return { isIdle: false, windowOpensInMs: null, abort };
    if (options.joins !== null) {
      const isLate = (await lateJoins.run(async () => joinAll(db, taskId))) === true;
      if (!isLate) await joins.run(async () => (await hasNewcomers(db, taskId)) && joinAll(db, taskId));
    }
    if (needsCandidates(memory, options)) {
      await candidates.run(async () => {
        memory.candidates = await Candidates.read(db, taskId, options.pacing.limits);
      });
    }

    const lookedAtMs = Date.now();
    const step = await pacing.startNext(db, taskId, memory);
    const tookMs = Date.now() - lookedAtMs;
    options = step.options;
    await Promise.all([startAll(needs, step.started), tellAll(needs, step.told)]);

    const isEmpty = !step.isLeft && !step.isFlying;
    const isIdle = isEmpty && options.joins === null;
    const isOver = Date.now() - startedAtMs > (step.isLeft ? BUSY_SLICE_MS : IDLE_SLICE_MS);
    if (isOver || isIdle || step.status !== 'running' || stopping.aborted || cancellationSignal().aborted) {
      return { isIdle, windowOpensInMs: null, abort: null };
    }
    const window = windowAt(options.window, step.nowMs);
    if (!window.open && step.isLeft) {
      return { isIdle, windowOpensInMs: window.opensAtMs - step.nowMs, abort: null };
    }
    const hasMoved = step.started.length + step.told.length > 0;
    const longestMs = step.isLeft && rateNow(options.pacing, memory) !== null ? RATE_POLL_MS : LONGEST_POLL_MS;
    pollMs = hasMoved ? SHORTEST_POLL_MS : Math.min(isEmpty ? EMPTY_POLL_MS : longestMs, pollMs * 1.5);
    // Looking never takes more than a tenth of the time, whatever the database has to do.
    await sleep(Math.max(pollMs, Math.min(tookMs * 10, LONGEST_POLL_MS)));
  }
}

/** Takes up all newcomers there are. */
async function joinAll(db: Db, taskId: number): Promise<true> {
  while ((await joinDevices(db, taskId)).hasMore) heartbeat();
  return true;
}

/** Brings what is remembered of the sums up to date, where pacing or a rule asks for them; says what a rule demands. */
async function judge(db: Db, taskId: number, options: TaskOptions, memory: pacing.Memory) {
  if (options.pacing.growth === null && options.abort.length === 0) return null;
  const { ended, sinceResume } = await pacing.countTask(db, taskId);
  memory.finished = finishedOf(ended);
  memory.succeeded = ended.succeeded;
  const verdict = abortDue(options.abort, sinceResume);
  return verdict === null ? null : { effect: verdict.rule.effect, cause: describeAbort(verdict) };
}

function needsCandidates(memory: pacing.Memory, { pacing: { limits } }: TaskOptions): boolean {
  if (limits.length === 0) {
    memory.candidates = null;
    return false;
  }
  const { candidates } = memory;
  if (candidates === null || !candidates.isFor(limits)) return true;
  const restMs = candidates.isEmpty ? LONGEST_POLL_MS : CANDIDATES_MS;
  return Date.now() - candidates.readAtMs > Math.max(restMs, candidates.tookMs * 20);
}

async function startAll(
  { db, executions }: DispatcherDependencies,
  upgrades: readonly dispatch.StartableUpgrade[],
): Promise<void> {
  const busy: number[] = [];
  await inParallel(upgrades, async ({ input, department, protocol }) => {
    if ((await executions.startUpgrade(input, { department, protocol })) === 'busy') busy.push(input.upgradeId);
  });
  if (busy.length > 0) await dispatch.releaseBusy(db, busy, BUSY_RETRY_MS);
}

/** One that is not heard is told again some seconds later. */
async function tellAll({ executions }: DispatcherDependencies, deviceIds: readonly string[]): Promise<void> {
  await inParallel(deviceIds, async (deviceId) => void (await executions.signalEdge(deviceId, 'resumed')));
}

/**
 * Looks after devices of which nothing is heard: starts those again that Temporal does not know, and ends those whose
 * workflow was ended by hand. In a task that is ending, nothing is started any more. True when there were any, so that
 * it is worth looking again soon.
 */
export async function takeUpLostUpgrades(
  needs: DispatcherDependencies,
  taskId: number,
  { isEnding = false } = {},
): Promise<boolean> {
  const { db, executions } = needs;
  const look = { silentForMs: SILENT_MS, longMs: LONG_SILENT_MS, sample: LOST_SAMPLE };
  for (let isLosing = false; ;) {
    const lost: dispatch.StartableUpgrade[] = [];
    let news = 0;
    await inParallel(await dispatch.findSilent(db, taskId, look), async ({ id, deviceId, isLong }) => {
      const fate = fateOf(id, await executions.latestUpgrade(deviceId));
      const isOver = fate === 'stopped' || isEnding;
      if (fate === 'runs' || (isOver && !isLong)) return;
      isLosing = true;
      if (fate === 'held' && !isEnding) return void (await executions.signalEdge(deviceId, 'contacted'));
      news += 1;
      if (isOver) return dispatch.endLost(db, id);
      const upgrade = await dispatch.takeUpLost(db, id);
      if (upgrade !== null) lost.push(upgrade);
    });
    await startAll(needs, lost);
    heartbeat();
    if (news === 0) return isLosing;
  }
}

/**
 * What has become of an upgrade's workflow, by the last one of its device that Temporal knows. A workflow that completes
 * writes that first: if the row does not say so, Temporal and the database were restored to different moments. So it is
 * with an earlier upgrade that still runs; it ends by itself when it looks at its own row.
 */
function fateOf(upgradeId: number, latest: LatestUpgrade | null): 'runs' | 'stopped' | 'held' | 'lost' {
  if (latest === null) return 'lost';
  if (latest.upgradeId === upgradeId) {
    return latest.state === 'running' ? 'runs' : latest.state === 'stopped' ? 'stopped' : 'lost';
  }
  if (latest.state !== 'running') return 'lost';
  return (latest.upgradeId ?? 0) < upgradeId ? 'held' : 'stopped';
}

/** Works on all items, at most `PARALLEL` at one time; the first error ends it after those under way are done. */
export async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const lanes = Array.from({ length: Math.min(PARALLEL, items.length) }, async () => {
    for (const item of queue) await work(item);
  });
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === 'rejected') throw lane.reason;
}

/** Something that is done again only after a rest, and after twenty times as long as it took: a twentieth of the time. */
class Seldom {
  readonly #restMs: number;
  #dueAtMs = 0;

  constructor(restMs: number) {
    this.#restMs = restMs;
  }

  /** Does it if it is due. */
  async run<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    const startedAtMs = Date.now();
    if (startedAtMs < this.#dueAtMs) return undefined;
    const result = await work();
    const endedAtMs = Date.now();
    this.#dueAtMs = endedAtMs + Math.max(this.#restMs, (endedAtMs - startedAtMs) * 20);
    return result;
  }
}
