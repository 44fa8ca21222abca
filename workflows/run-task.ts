/**
 * One task: many devices, one workflow each.
 *
 * Waits out the dispatch delay (the time to change one's mind), then starts devices as the pacing and the permitted
 * hours allow, until none is left and all have ended. The devices are not children and not in this history: they are
 * rows, started in slices of a minute by one activity, so 100 000 of them cost no more events than the minutes they take.
 *
 * Operators pause, resume, cancel, change the pacing and retry at any time; each control is an update, recorded with
 * its author before it is answered. State that must survive is in the task's row, so continuing as new carries nothing.
 */
import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { TaskActivities } from '../activities/tasks.ts';
import {
  CANCEL_UPDATE,
  PACING_UPDATE,
  PAUSE_UPDATE,
  RESUME_UPDATE,
  RETRY_UPDATE,
  SEARCH_ATTRIBUTES,
  START_NOW_UPDATE,
  TASK_VIEW_QUERY,
  type Authorship,
  type PacingChange,
  type RunTaskInput,
  type TaskOutcome,
  type TaskView,
} from './contract.ts';
import { LAST_DEVICES_MS } from './rules/offers.ts';
import type { TaskStatus } from './rules/statuses.ts';

const retry = { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '1m' } as const;
const database = proxyLocalActivities<TaskActivities>({ startToCloseTimeout: '60s', retry });
const devices = proxyActivities<TaskActivities>({ startToCloseTimeout: '15m', heartbeatTimeout: '30s', retry });

/** Short histories load fast and read well. */
const EVENTS_PER_RUN = 2_000;
type Plan = Awaited<ReturnType<TaskActivities['loadTask']>>;
type TaskEntry = Parameters<TaskActivities['recordTaskStatus']>[2];

/** Everything this execution knows. */
interface Run {
  taskId: number;
  db: TaskActivities;
  plan: Plan | null;
  view: TaskView;
  paused: boolean;
  startNow: boolean;
  cancelledBy: Authorship | null;
  ended: boolean;
}

export async function runTask({ taskId }: RunTaskInput): Promise<TaskOutcome> {
  const run: Run = {
    taskId,
    db: oneAtATime(database),
    plan: null,
    view: { phase: 'loading', wakesAtMs: null, pacing: null },
    paused: false,
    startNow: false,
    cancelledBy: null,
    ended: false,
  };
  handleControls(run);
  // A cancellation from the Web UI or the command line is an operator's cancel.
  void CancellationScope.current().cancelRequested.catch(() =>
    CancellationScope.nonCancellable(() => cancel(run, { author: 'temporal', cause: 'cancelled in Temporal' })),
  );
  return CancellationScope.nonCancellable(async () => {
    await reload(run);
    if (await isOver(run)) return { status: overStatus(run), counts: await run.db.countStatuses(taskId) };
    await waitForDispatch(run);
    for (;;) {
      await runSlices(run);
      const outcome = run.cancelledBy === null ? await endTask(run) : await cancelTask(run, run.cancelledBy);
      if (outcome !== null) return outcome;
    }
  });
}

/** Every control is recorded before it is answered; a validator refuses what makes no sense any more. */
function handleControls(run: Run): void {
  const { taskId } = run;
  const control = <Result, By extends Authorship>(name: string, handle: (by: By) => Promise<Result>) =>
    setHandler(defineUpdate<Result, [By]>(name), handle, {
      validator: (_by: By) => {
        if (run.ended) throw new Error('the task has ended');
        if (run.cancelledBy !== null) throw new Error('the task is being cancelled');
      },
    });
  setHandler(defineQuery<TaskView>(TASK_VIEW_QUERY), () => run.view);
  control(PAUSE_UPDATE, async (by) => {
    await record(run, 'paused', { ...by, event: 'paused' });
    run.paused = true;
  });
  control(RESUME_UPDATE, async (by) => {
    const begun = run.plan === null || run.startNow || Date.now() >= run.plan.dispatchAtMs;
    await record(run, begun ? 'running' : 'scheduled', { ...by, event: 'resumed' });
    run.paused = false;
    await run.db.announceOffers(taskId);
    await devices.tellInFlight(taskId, { edge: 'resumed', reason: 'task_paused' });
  });
  control(CANCEL_UPDATE, (by) => cancel(run, by));
  control(START_NOW_UPDATE, async (by) => {
    await run.db.recordStartNow(taskId, { ...by, event: 'start_now' });
    run.startNow = true;
  });
  control(PACING_UPDATE, async ({ pacing, ...by }: PacingChange) => {
    await run.db.recordPacing(taskId, pacing, { ...by, event: 'pacing_changed' });
    if (run.plan !== null) run.plan.options.pacing = pacing;
  });
  control(RETRY_UPDATE, async ({ author, cause }) => {
    const count = await run.db.resetFailed(taskId, { author, cause: cause ?? 'retry failed devices' });
    await reload(run);
    return count;
  });
}

async function cancel(run: Run, by: Authorship): Promise<void> {
  if (run.ended) return;
  // Written first: the dispatcher, and every device between two files, looks at what is written.
  await record(run, 'cancelling', { ...by, event: 'cancelling' });
  run.cancelledBy ??= by;
}

/** The task had ended before this execution began: it was started to retry devices, and there were none to retry. */
async function isOver(run: Run): Promise<boolean> {
  if (!hasEnded(plan(run).status)) return false;
  await condition(allHandlersFinished);
  await reload(run);
  return hasEnded(plan(run).status);
}

function hasEnded(status: TaskStatus): boolean {
  return status === 'finished' || status === 'cancelled';
}

function overStatus(run: Run): TaskOutcome['status'] {
  return plan(run).status === 'cancelled' ? 'cancelled' : 'finished';
}

/** Changes what the task is: in the database, with author and cause, and in the list of executions. */
async function record(run: Run, status: TaskStatus, entry: TaskEntry): Promise<void> {
  await run.db.recordTaskStatus(run.taskId, status, entry);
  upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [status] });
  if (run.plan !== null) run.plan.status = status;
}

async function reload(run: Run): Promise<void> {
  run.plan = await run.db.loadTask(run.taskId);
  run.paused = run.plan.status === 'paused';
  if (run.plan.status === 'cancelling') run.cancelledBy ??= { author: 'system', cause: 'cancelled before' };
}

/** The dispatch delay: a durable timer, which a person can shorten. */
async function waitForDispatch(run: Run): Promise<void> {
  const delayMs = plan(run).dispatchAtMs - Date.now();
  if (delayMs <= 0) return;
  show(run, 'delayed', delayMs);
  await condition(() => run.startNow || run.cancelledBy !== null, delayMs, { summary: 'dispatch delay' });
}

/** Starts devices and watches them, slice by slice, until all have ended, the deadline has passed or a person stops it. */
async function runSlices(run: Run): Promise<void> {
  while (run.cancelledBy === null) {
    const leftMs = plan(run).deadlineAtMs - Date.now();
    if (leftMs <= 0) return;
    if (run.paused) {
      show(run, 'paused', leftMs);
      await condition(() => !run.paused || run.cancelledBy !== null, leftMs, {
        summary: 'paused until the deadline at the latest',
      });
      continue;
    }
    if (plan(run).status !== 'running') {
      await record(run, 'running', { author: 'system', event: 'running', cause: 'the dispatch delay is over' });
    }
    show(run, 'running', null);
    // Ends early when a control changes the task's status: the dispatcher reads it before every step it takes.
    const report = await devices.dispatchUpgrades(run.taskId);
    if (report.isIdle) return;
    if (report.windowOpensInMs !== null) {
      const sleepMs = Math.min(report.windowOpensInMs, leftMs);
      show(run, 'outside window', sleepMs);
      await condition(() => run.paused || run.cancelledBy !== null, sleepMs, {
        summary: 'until the permitted hours begin',
      });
    }
    await continueWhenLong(run);
  }
}

/** All devices have ended or the deadline has passed; null when a retry came in meanwhile. */
async function endTask(run: Run): Promise<TaskOutcome | null> {
  const { taskId } = run;
  // A retry moves the deadline; without it, devices that were just put back would expire.
  await condition(allHandlersFinished);
  await reload(run);
  if (Date.now() >= plan(run).deadlineAtMs) {
    const cause = 'the deadline of the task has passed';
    await run.db.endUndispatched(taskId, { status: 'expired', reason: 'task_deadline', author: 'system', cause });
    await awaitLastDevices(run);
  }
  await condition(allHandlersFinished);
  const count = await run.db.countTask(taskId);
  if (count.inFlight + count.remaining > 0) return null;
  return close(run, 'finished', { author: 'system', cause: 'every device has ended' });
}

async function cancelTask(run: Run, by: Authorship): Promise<TaskOutcome | null> {
  const { taskId } = run;
  const { author, cause = '' } = by;
  show(run, 'cancelling', null);
  await run.db.endUndispatched(taskId, { status: 'cancelled', reason: 'cancelled_by_operator', author, cause });
  await devices.tellInFlight(taskId, { control: { action: 'cancel', author, cause } });
  await awaitLastDevices(run);
  return close(run, 'cancelled', by);
}

/** Devices that are flashing are awaited; those whose workflow is gone are ended. Bounded by what a proof may take. */
async function awaitLastDevices(run: Run): Promise<void> {
  const untilMs = Date.now() + plan(run).options.limits.proofMs + LAST_DEVICES_MS;
  for (let waitMs = 1_000; ; waitMs = Math.min(waitMs * 2, 60_000)) {
    const { inFlight } = await run.db.countTask(run.taskId);
    if (inFlight === 0) return;
    if (Date.now() > untilMs) await devices.endLostUpgrades(run.taskId);
    await condition(() => false, waitMs, { summary: `${inFlight} devices are still busy` });
  }
}

/** Writes the end; null when a cancel was accepted in the last moment. */
async function close(run: Run, status: 'finished' | 'cancelled', by: Authorship): Promise<TaskOutcome | null> {
  run.ended = true; // from here on every control is refused
  await condition(allHandlersFinished);
  if (status === 'finished' && run.cancelledBy !== null) {
    run.ended = false;
    return null;
  }
  const counts = await run.db.countStatuses(run.taskId);
  await record(run, status, { ...by, event: status, details: counts });
  show(run, 'ended', null);
  return { status, counts };
}

async function continueWhenLong(run: Run): Promise<void> {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  if (!continueAsNewSuggested && historyLength < EVENTS_PER_RUN) return;
  await condition(allHandlersFinished);
  if (run.cancelledBy === null) await continueAsNew<typeof runTask>({ taskId: run.taskId });
}

function plan(run: Run): Plan {
  if (run.plan === null) throw new Error('the task is not loaded');
  return run.plan;
}

/** Changes what a query and the page of this execution show. */
function show(run: Run, phase: TaskView['phase'], sleepMs: number | null): void {
  const { name, deviceCount, options } = plan(run);
  run.view = { ...run.view, phase, wakesAtMs: sleepMs === null ? null : Date.now() + sleepMs, pacing: options.pacing };
  setCurrentDetails(
    `**${name}** (${deviceCount} devices): ${phase}\n\nAt most ${options.pacing.maxConcurrent} at one time.`,
  );
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
