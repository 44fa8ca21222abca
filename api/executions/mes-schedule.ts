/**
 * The Temporal Schedule that reads MES. How it should be is a row in the database; this makes it so, as often as it is
 * asked to: a Schedule that was lost is made again, one that somebody changed by hand is put right.
 */
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type Client,
  type ScheduleDescription,
} from '@temporalio/client';
import { readMesSettings } from '../../db/mes/mes-cycles.ts';
import type { Db } from '../../db/index.ts';
import { MES_SCHEDULE_ID, MES_WORKFLOW_ID, SYNC_MES } from '../../workflows/contract.ts';

/** How it should be. */
export interface MesScheduleWish {
  intervalS: number;
  isPaused: boolean;
}

/** How it is; null: there is none, so nobody reads MES. */
export interface MesScheduleState extends MesScheduleWish {
  nextRunAt: Date | null;
  runningWorkflowId: string | null;
}

/** What the API needs of the Schedule; `MesSchedule` provides it, tests may stand in for it. */
export interface MesScheduling {
  state(): Promise<MesScheduleState | null>;
  /** Changes an existing Schedule; false: there is none. */
  apply(wish: MesScheduleWish): Promise<boolean>;
  /** Begins a cycle now. */
  runNow(): Promise<'started' | 'running' | 'missing'>;
}

export class MesSchedule implements MesScheduling {
  readonly #client: Client;
  readonly #taskQueue: string;

  constructor({ client, taskQueue }: { client: Client; taskQueue: string }) {
    this.#client = client;
    this.#taskQueue = taskQueue;
  }

  async state(): Promise<MesScheduleState | null> {
    const found = await this.#describe();
    if (found === null) return null;
    const [running] = found.info.runningActions;
    return {
      ...wishOf(found),
      nextRunAt: found.state.paused ? null : (found.info.nextActionTimes[0] ?? null),
      runningWorkflowId: running?.workflow.workflowId ?? null,
    };
  }

  async apply(wish: MesScheduleWish): Promise<boolean> {
    const found = await this.#describe();
    if (found === null) return false;
    const { intervalS, isPaused } = wishOf(found);
    if (intervalS === wish.intervalS && isPaused === wish.isPaused) return true;
    await this.#handle.update((before) => ({
      ...before,
      spec: specOf(wish),
      state: { ...before.state, paused: wish.isPaused },
    }));
    return true;
  }

  async runNow(): Promise<'started' | 'running' | 'missing'> {
    const now = await this.state();
    if (now === null) return 'missing';
    if (now.runningWorkflowId !== null) return 'running';
    await this.#handle.trigger('SKIP');
    return 'started';
  }

  /** Makes the Schedule, or changes it to what the settings say. */
  async ensure(wish: MesScheduleWish): Promise<void> {
    if (await this.apply(wish)) return;
    try {
      await this.#client.schedule.create({
        scheduleId: MES_SCHEDULE_ID,
        spec: specOf(wish),
        action: {
          type: 'startWorkflow',
          workflowType: SYNC_MES,
          workflowId: MES_WORKFLOW_ID,
          taskQueue: this.#taskQueue,
          args: [{}],
          staticSummary: 'Read what is new in MES',
        },
        // one cycle at a time; what was missed while everything was down is read by the next one
        policies: { overlap: 'SKIP', catchupWindow: '1m' },
        state: { paused: wish.isPaused, note: 'Settings: PATCH /api/v1/mes/sync' },
      });
    } catch (error) {
      // another process was first
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    }
  }

  get #handle() {
    return this.#client.schedule.getHandle(MES_SCHEDULE_ID);
  }

  async #describe(): Promise<ScheduleDescription | null> {
    try {
      return await this.#handle.describe();
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return null;
      throw error;
    }
  }
}

/** Makes the Schedule as the settings want it. */
export async function ensureMesSchedule(db: Db, schedule: MesSchedule): Promise<void> {
  await schedule.ensure(await readMesSettings(db));
}

const specOf = ({ intervalS }: MesScheduleWish) => ({ intervals: [{ every: intervalS * 1_000 }] });

function wishOf({ spec, state }: ScheduleDescription): MesScheduleWish {
  return { intervalS: Math.round(Number(spec.intervals?.[0]?.every ?? 0) / 1_000), isPaused: state.paused };
}
