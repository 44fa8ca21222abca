/**
 * The steps of a task: short database steps, and the dispatcher, which starts one workflow per device.
 */
import { activityInfo, cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import { step } from './failures.ts';
import * as dispatch from '../db/dispatch.ts';
import type { Db } from '../db/index.ts';
import type { DeviceEdge, UpgradeControl, UpgradeDeviceInput } from '../workflows/contract.ts';
import { startsAllowed } from '../workflows/rules/pacing.ts';
import { windowAt } from '../workflows/rules/windows.ts';

/** What a task needs of the running workflows of its devices; `api/executions.ts` is the implementation. */
export interface Executions {
  startUpgrade(
    input: UpgradeDeviceInput,
    labels: { department: string; protocol: string },
  ): Promise<'started' | 'already_ours' | 'busy'>;
  signalEdge(deviceId: string, edge: DeviceEdge): Promise<boolean>;
  controlUpgrade(deviceId: string, control: UpgradeControl): Promise<boolean>;
  runningUpgradeId(deviceId: string): Promise<number | null>;
}

/** How a slice of dispatching ended. */
export interface DispatchReport {
  inFlight: number;
  remaining: number;
  /** The window is closed: nothing more is started before this many milliseconds have passed. */
  windowOpensInMs: number | null;
}

/** Starts and signals in flight at one time; more only makes each of them slower. */
const PARALLEL = 50;
/** While there is something to start, a slice is short, so that the workflow stays in charge. */
const BUSY_SLICE_MS = 60_000;
const IDLE_SLICE_MS = 600_000;
const SHORTEST_POLL_MS = 200;
const LONGEST_POLL_MS = 2_000;
const BUSY_RETRY_MS = 30_000;
/** A started workflow writes its first line within moments; after this time we ask whether it exists. */
const UNHEARD_MS = 20_000;
/** How many devices without news are looked after per idle slice. */
const LOST_SAMPLE = 50;

export function createTaskActivities({
  db,
  executions,
  stopping,
}: {
  db: Db;
  executions: Executions;
  stopping: AbortSignal;
}) {
  return {
    /** Reads a task and notes that its workflow runs. */
    loadTask: (taskId: number) => step(() => dispatch.loadTask(db, taskId)),
    recordTaskStatus: (
      taskId: number,
      status: Parameters<typeof dispatch.recordTaskStatus>[2],
      entry: dispatch.TaskEntry,
    ) => step(() => dispatch.recordTaskStatus(db, taskId, status, entry)),
    recordPacing: (taskId: number, pacing: Parameters<typeof dispatch.recordPacing>[2], entry: dispatch.TaskEntry) =>
      step(() => dispatch.recordPacing(db, taskId, pacing, entry)),
    recordStartNow: (taskId: number, entry: dispatch.TaskEntry) =>
      step(() => dispatch.recordStartNow(db, taskId, entry)),
    /** Tells the gateways of offers that were held back by a pause. */
    announceOffers: (taskId: number) => step(() => dispatch.announceOffers(db, taskId)),
    countTask: (taskId: number) => step(() => dispatch.countTask(db, taskId)),
    countStatuses: (taskId: number) => step(() => dispatch.countStatuses(db, taskId)),
    /** Puts devices that did not succeed back into the task. */
    resetFailed: (taskId: number, by: { author: string; cause: string }) =>
      step(() => dispatch.resetFailed(db, taskId, by)),
    /** Ends devices that were never started. */
    endUndispatched: (taskId: number, end: Parameters<typeof dispatch.endUndispatched>[2]) =>
      step(() => dispatch.endUndispatched(db, taskId, end)),

    /**
     * Starts devices as the pacing allows, for about a minute, or watches those under way for about ten. Knows nothing
     * between two runs: what was started, whether to go on and how fast, is in the database. A pause or cancel that is
     * written there ends it, and keeps it from starting anything even before it has noticed.
     */
    async dispatchUpgrades(taskId: number): Promise<DispatchReport> {
      const startedAtMs = Date.now();
      let unheardSinceMs = 0;
      for (let pollMs = SHORTEST_POLL_MS; ;) {
        heartbeat();
        if (Date.now() - unheardSinceMs > UNHEARD_MS) {
          await startAll(await dispatch.findUnheardClaims(db, taskId, UNHEARD_MS));
          unheardSinceMs = Date.now();
        }
        const { status, options, ...count } = await dispatch.countTask(db, taskId);
        const window = windowAt(options.window, count.nowMs);
        const windowOpensInMs = window.open ? null : window.opensAtMs - count.nowMs;
        const elapsedMs = Date.now() - startedAtMs;
        const isOver = elapsedMs > (count.remaining > 0 ? BUSY_SLICE_MS : IDLE_SLICE_MS);
        const isStopped = stopping.aborted || cancellationSignal().aborted;
        if (isOver) await endLostUpgrades(taskId);
        if (isOver || status !== 'running' || count.inFlight + count.remaining === 0 || isStopped) {
          return { ...count, windowOpensInMs: null };
        }
        if (windowOpensInMs !== null && count.remaining > 0) return { ...count, windowOpensInMs };

        const started = await startAll(await dispatch.claimUpgrades(db, taskId, startsAllowed(options.pacing, count)));
        pollMs = started > 0 ? SHORTEST_POLL_MS : Math.min(LONGEST_POLL_MS, pollMs * 1.5);
        await sleep(pollMs);
      }
    },

    /** Tells devices under way something: to stop, or that the task goes on. Returns how many were told. */
    async tellInFlight(
      taskId: number,
      message: { edge: DeviceEdge; reason: string } | { control: Omit<UpgradeControl, 'upgradeId'> },
    ): Promise<number> {
      let told = 0;
      // A repeated run goes on behind the last page it finished; telling twice would do no harm either.
      let after = (activityInfo().heartbeatDetails as number | undefined) ?? 0;
      for (;;) {
        const page = await dispatch.findInFlight(db, taskId, {
          after,
          limit: 500,
          ...('reason' in message ? { reason: message.reason } : {}),
        });
        await inParallel(page, async ({ id, deviceId }) => {
          const heard =
            'edge' in message
              ? await executions.signalEdge(deviceId, message.edge)
              : await executions.controlUpgrade(deviceId, { ...message.control, upgradeId: id });
          if (heard) told += 1;
        });
        const last = page.at(-1);
        if (last === undefined) return told;
        after = last.id;
        heartbeat(after);
      }
    },

    /** Ends devices whose workflow does not exist any more. */
    endLostUpgrades: (taskId: number) => step(() => endLostUpgrades(taskId)),
  };

  async function startAll(upgrades: dispatch.StartableUpgrade[]): Promise<number> {
    const busy: number[] = [];
    await inParallel(upgrades, async ({ input, department, protocol }) => {
      if ((await executions.startUpgrade(input, { department, protocol })) === 'busy') busy.push(input.upgradeId);
    });
    if (busy.length > 0) await dispatch.releaseBusy(db, busy, BUSY_RETRY_MS);
    return upgrades.length;
  }

  async function endLostUpgrades(taskId: number): Promise<void> {
    const silent = await dispatch.findSilent(db, taskId, { silentForMs: IDLE_SLICE_MS, sample: LOST_SAMPLE });
    await inParallel(silent, async ({ id, deviceId }) => {
      if ((await executions.runningUpgradeId(deviceId)) !== id) await dispatch.endLost(db, id);
    });
  }
}

export type TaskActivities = ReturnType<typeof createTaskActivities>;

/** Works on all items, at most `PARALLEL` at one time; the first error ends it after those under way are done. */
async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const lanes = Array.from({ length: Math.min(PARALLEL, items.length) }, async () => {
    for (const item of queue) await work(item);
  });
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === 'rejected') throw lane.reason;
}
