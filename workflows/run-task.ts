/**
 * One task: many devices, one workflow each.
 *
 * Waits for the approval, if one is required, and for the end of the dispatch delay (the time to change one's mind).
 * Then starts devices as the pacing and the permitted hours allow, until none is left and all have ended; a task that
 * devices may join lives until its deadline. The devices are not children and not in this history: they are rows,
 * started in slices of a minute by one activity, so 100 000 of them cost no more events than the minutes they take.
 *
 * When a rule says that too many fail, the task pauses or cancels itself. People may do that, and more, at any time
 * (`task-controls.ts`). State that must survive is in the task's row, so continuing as new carries nothing.
 */
import { CancellationScope, allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { TaskActivities } from '../activities/tasks.ts';
import type { Authorship, RunTaskInput, TaskOutcome } from './contract.ts';
import { LAST_DEVICES_MS } from './rules/offers.ts';
import type { TaskStatus } from './rules/statuses.ts';
import { handleControls } from './task-controls.ts';
import { became, cancel, devices, newRun, plan, record, reload, show, statusOf, type Run } from './task-run.ts';

/** Short histories load fast and read well. */
const EVENTS_PER_RUN = 2_000;
type Abort = NonNullable<Awaited<ReturnType<TaskActivities['dispatchUpgrades']>>['abort']>;

export async function runTask({ taskId }: RunTaskInput): Promise<TaskOutcome> {
  const run = newRun(taskId);
  handleControls(run);
  // A cancellation from the Web UI or the command line is an operator's cancel.
  void CancellationScope.current().cancelRequested.catch(() =>
    CancellationScope.nonCancellable(() => cancel(run, { author: 'temporal', cause: 'cancelled in Temporal' })),
  );
  return CancellationScope.nonCancellable(async () => {
    await reload(run);
    if (await isOver(run)) return { status: overStatus(run), counts: await run.db.countStatuses(taskId) };
    await waitForApproval(run);
    await waitForDispatch(run);
    for (;;) {
      await runSlices(run);
      const outcome = run.cancelledBy === null ? await endTask(run) : await cancelTask(run, run.cancelledBy);
      if (outcome !== null) return outcome;
    }
  });
}

/** The task had ended before this execution began: it was started to retry devices, and there were none to retry. */
async function isOver(run: Run): Promise<boolean> {
  if (!hasEnded(statusOf(run))) return false;
  await condition(allHandlersFinished);
  await reload(run);
  return hasEnded(statusOf(run));
}

function hasEnded(status: TaskStatus): boolean {
  return status === 'finished' || status === 'cancelled';
}

function overStatus(run: Run): TaskOutcome['status'] {
  return statusOf(run) === 'cancelled' ? 'cancelled' : 'finished';
}

/** Somebody must agree first, within the time that the order gives; nobody's answer is what the order says it is. */
async function waitForApproval(run: Run): Promise<void> {
  const { approval } = plan(run).options;
  const isAwaited = () => statusOf(run) === 'awaiting_approval' && run.cancelledBy === null;
  if (approval === null || !isAwaited()) return;
  const { createdBy, approvalDeadlineAtMs, deadlineAtMs } = plan(run);
  const who = approval.fourEyes ? `somebody other than ${createdBy} must approve it` : 'somebody must approve it';
  await run.db.recordApprovalNeeded(run.taskId, { author: 'system', event: 'approval_needed', cause: who });
  const leftMs = Math.min(approvalDeadlineAtMs ?? 0, deadlineAtMs) - Date.now();
  show(run, 'awaiting approval', Math.max(0, leftMs));
  if (leftMs > 0) await condition(() => !isAwaited(), leftMs, { summary: who });
  // A decision of the last moment is being written.
  await condition(allHandlersFinished);
  if (!isAwaited()) return;
  if (approval.onExpiry === 'cancel') return cancel(run, { author: 'system', cause: 'nobody approved it in time' });
  const cause = 'nobody decided in time, and the order says to start then';
  const refused = await run.db.recordApproval(run.taskId, { author: 'system', keyId: null, cause });
  if (refused === null && isAwaited()) became(run, 'scheduled');
}

/** The dispatch delay: a durable timer, which a person can shorten. */
async function waitForDispatch(run: Run): Promise<void> {
  const delayMs = plan(run).dispatchAtMs - Date.now();
  if (delayMs <= 0 || run.startNow || run.cancelledBy !== null) return;
  show(run, 'delayed', delayMs);
  await condition(() => run.startNow || run.cancelledBy !== null, delayMs, { summary: 'dispatch delay' });
}

/** Starts devices and watches them, slice by slice, until all have ended, the deadline has passed or a person stops it. */
async function runSlices(run: Run): Promise<void> {
  while (run.cancelledBy === null) {
    const leftMs = plan(run).deadlineAtMs - Date.now();
    if (leftMs <= 0) return;
    if (isPaused(run)) {
      show(run, 'paused', leftMs);
      await condition(() => !isPaused(run) || run.cancelledBy !== null, leftMs, {
        summary: 'paused until the deadline at the latest',
      });
      continue;
    }
    if (statusOf(run) !== 'running') {
      const cause = 'the dispatch delay is over';
      await record(run, 'running', { author: 'system', event: 'running', cause }, ['scheduled']);
      continue;
    }
    show(run, 'running', null);
    // Ends early when a control changes the task's status: the dispatcher reads it before every step it takes.
    const report = await devices.dispatchUpgrades(run.taskId);
    if (report.abort !== null) await abort(run, report.abort);
    if (report.isIdle && plan(run).options.joins === null) return;
    if (report.windowOpensInMs !== null) {
      const sleepMs = Math.min(report.windowOpensInMs, leftMs);
      show(run, 'outside window', sleepMs);
      await condition(() => isPaused(run) || run.cancelledBy !== null, sleepMs, {
        summary: 'until the permitted hours begin',
      });
    }
    await continueWhenLong(run);
  }
}

function isPaused(run: Run): boolean {
  return statusOf(run) === 'paused';
}

/** Too many have failed: what the rule says, unless a person has decided something else meanwhile. */
async function abort(run: Run, { effect, cause }: Abort): Promise<void> {
  const by = { author: 'system', cause };
  if (effect === 'cancel_waiting') {
    if (isPaused(run) || run.cancelledBy !== null) return;
    await run.db.recordWaitingStopped(run.taskId, cause);
    await run.db.endUndispatched(run.taskId, { status: 'cancelled', reason: 'aborted', ...by });
    await devices.tellInFlight(run.taskId, { control: { action: 'cancel', ...by }, only: 'waiting' });
    return reload(run);
  }
  const becomes = effect === 'pause' ? 'paused' : 'cancelling';
  await record(run, becomes, { ...by, event: 'aborted', details: { effect } }, ['running']);
  if (statusOf(run) === 'cancelling') run.cancelledBy ??= by;
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
  const reason = author === 'system' ? 'aborted' : 'cancelled_by_operator';
  await run.db.endUndispatched(taskId, { status: 'cancelled', reason, author, cause });
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
