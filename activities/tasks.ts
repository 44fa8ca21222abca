/**
 * The steps of a task: short database steps, the dispatcher (`dispatcher.ts`), and words to devices under way.
 */
import { activityInfo, heartbeat } from '@temporalio/activity';
import {
  dispatchSlice,
  inParallel,
  takeUpLostUpgrades,
  type DispatcherDependencies,
  type DispatchReport,
} from './dispatcher.ts';
import { step } from './failures.ts';
import * as dispatch from '../db/upgrades/dispatch.ts';
import { countTask } from '../db/upgrades/pacing.ts';
import * as changes from '../db/upgrades/task-changes.ts';
import type { DeviceEdge, UpgradeControl, UpgradeDeviceInput } from '../workflows/contract.ts';
import type { TaskStatus } from '../workflows/rules/statuses.ts';

/** The last execution of a device's upgrade that Temporal knows of. */
export interface LatestUpgrade {
  upgradeId: number | null;
  /** `completed` by itself; `stopped`: terminated, failed or timed out. */
  state: 'running' | 'completed' | 'stopped';
}

/** What a task needs of the running workflows of its devices; `api/executions/executions.ts` is the implementation. */
export interface Executions {
  startUpgrade(
    input: UpgradeDeviceInput,
    labels: { department: string; protocol: string },
  ): Promise<'started' | 'already_ours' | 'busy'>;
  signalEdge(deviceId: string, edge: DeviceEdge): Promise<boolean>;
  controlUpgrade(deviceId: string, control: UpgradeControl): Promise<boolean>;
  latestUpgrade(deviceId: string): Promise<LatestUpgrade | null>;
}

export function createTaskActivities(needs: DispatcherDependencies) {
  const { db, executions } = needs;
  return {
    /** Reads a task and notes that its workflow runs. */
    loadTask: (taskId: number) => step(() => changes.loadTask(db, taskId)),
    recordTaskStatus: (
      taskId: number,
      status: TaskStatus,
      entry: changes.TaskEntry,
      from?: readonly TaskStatus[],
    ): Promise<TaskStatus> => step(() => changes.recordTaskStatus(db, taskId, status, entry, from)),
    /** Notes that an abort rule has ended what was not offered yet. */
    recordWaitingStopped: (taskId: number, cause: string) =>
      step(() => changes.recordWaitingStopped(db, taskId, cause)),
    changePacing: (
      taskId: number,
      change: { fields: changes.PacingFields; revision?: number },
      entry: changes.TaskEntry,
    ) => step(() => changes.changePacing(db, taskId, change, entry)),
    /** Tells whoever listens that somebody must approve the task. */
    recordApprovalNeeded: (taskId: number, entry: changes.TaskEntry) =>
      step(() => changes.recordApprovalNeeded(db, taskId, entry)),
    recordApproval: (taskId: number, by: { author: string; keyId: number | null; cause: string }) =>
      step(() => changes.recordApproval(db, taskId, by)),
    recordStartNow: (taskId: number, entry: changes.TaskEntry) => step(() => changes.recordStartNow(db, taskId, entry)),
    /** Tells the gateways of offers that were held back by a pause. */
    announceOffers: (taskId: number) => step(() => dispatch.announceOffers(db, taskId)),
    countTask: (taskId: number) => step(() => countTask(db, taskId)),
    countStatuses: (taskId: number) => step(() => dispatch.countStatuses(db, taskId)),
    /** Puts devices that did not succeed back into the task: all, or only these. */
    resetFailed: (taskId: number, by: { author: string; cause: string }, upgradeIds?: readonly number[]) =>
      step(() => dispatch.resetFailed(db, taskId, by, upgradeIds)),
    /** Ends devices that were never started. */
    endUndispatched: (taskId: number, end: Parameters<typeof dispatch.endUndispatched>[2]) =>
      step(() => dispatch.endUndispatched(db, taskId, end)),

    /** Starts devices as the pacing allows, for about a minute, or watches those under way for about ten. */
    dispatchUpgrades: (taskId: number): Promise<DispatchReport> => dispatchSlice(needs, taskId),

    /** Tells devices under way something: to stop, or that the task goes on. Returns how many were told. */
    async tellInFlight(
      taskId: number,
      message: { edge: DeviceEdge; reason: string } | { control: Omit<UpgradeControl, 'upgradeId'>; only?: 'waiting' },
    ): Promise<number> {
      let told = 0;
      // A repeated run goes on behind the last page it finished; telling twice would do no harm either.
      let after = (activityInfo().heartbeatDetails as number | undefined) ?? 0;
      for (;;) {
        const page = await dispatch.findInFlight(db, taskId, {
          after,
          limit: 500,
          ...('reason' in message ? { reason: message.reason } : {}),
          ...('only' in message ? { isOffered: false } : {}),
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
    endLostUpgrades: async (taskId: number): Promise<void> => {
      await step(() => takeUpLostUpgrades(needs, taskId, { isEnding: true }));
    },
  };
}

export type TaskActivities = ReturnType<typeof createTaskActivities>;
