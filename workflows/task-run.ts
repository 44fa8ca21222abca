/**
 * What one execution of `runTask` knows and the steps it takes, shared by its story (`run-task.ts`) and by what people
 * may do to it (`task-controls.ts`).
 */
import { proxyActivities, proxyLocalActivities, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { TaskActivities } from '../activities/tasks.ts';
import { SEARCH_ATTRIBUTES, type Authorship, type TaskView } from './contract.ts';
import type { TaskStatus } from './rules/statuses.ts';
import { describeTask } from './rules/task-words.ts';

const retry = { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '1m' } as const;
const database = proxyLocalActivities<TaskActivities>({ startToCloseTimeout: '60s', retry });
export const devices = proxyActivities<TaskActivities>({ startToCloseTimeout: '15m', heartbeatTimeout: '30s', retry });

export type Plan = Awaited<ReturnType<TaskActivities['loadTask']>>;
type TaskEntry = Parameters<TaskActivities['recordTaskStatus']>[2];

/** Everything this execution knows. */
export interface Run {
  taskId: number;
  db: TaskActivities;
  plan: Plan | null;
  view: TaskView;
  startNow: boolean;
  cancelledBy: Authorship | null;
  ended: boolean;
}

export function newRun(taskId: number): Run {
  return {
    taskId,
    db: oneAtATime(database),
    plan: null,
    view: { phase: 'loading', wakesAtMs: null, pacing: null },
    startNow: false,
    cancelledBy: null,
    ended: false,
  };
}

export function plan(run: Run): Plan {
  if (run.plan === null) throw new Error('the task is not loaded');
  return run.plan;
}

/** What the task is, as far as this execution has heard. */
export function statusOf(run: Run): TaskStatus {
  return plan(run).status;
}

export async function reload(run: Run): Promise<void> {
  run.plan = await run.db.loadTask(run.taskId);
  if (run.plan.status === 'cancelling') run.cancelledBy ??= { author: 'system', cause: 'cancelled before' };
}

/**
 * Changes what the task is: in the database, with author and cause, and in the list of executions. With `from`, only
 * if it is one of these by then; what it is afterwards is what counts.
 */
export async function record(
  run: Run,
  status: TaskStatus,
  entry: TaskEntry,
  from?: readonly TaskStatus[],
): Promise<void> {
  became(run, await run.db.recordTaskStatus(run.taskId, status, entry, from));
}

/** Notes what the task has become. */
export function became(run: Run, status: TaskStatus): void {
  upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [status] });
  if (run.plan !== null) run.plan.status = status;
}

/** A person, a rule or Temporal cancels it. Written first: the dispatcher, and every device between two files, looks at what is written. */
export async function cancel(run: Run, by: Authorship, event = 'cancelling'): Promise<void> {
  if (run.ended) return;
  await record(run, 'cancelling', { ...by, event });
  run.cancelledBy ??= by;
}

/** Changes what a query and the page of this execution show. */
export function show(run: Run, phase: TaskView['phase'], sleepMs: number | null): void {
  const wakesAtMs = sleepMs === null ? null : Date.now() + sleepMs;
  run.view = { ...run.view, phase, wakesAtMs, pacing: plan(run).options.pacing };
  setCurrentDetails(describeTask(plan(run), phase, wakesAtMs));
}

/**
 * The same steps, but never two at once. A control may come while the story itself is writing; in which order two local
 * activities under way come back is not in the history, so a replay could not know it.
 */
function oneAtATime<Steps extends object>(steps: Steps): Steps {
  let turn: Promise<unknown> = Promise.resolve();
  return new Proxy(steps, {
    get: (target, name) => {
      const step = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      return (...args: unknown[]) => {
        const mine = turn.then(() => step(...args));
        turn = mine.catch(() => {});
        return mine;
      };
    },
  });
}
