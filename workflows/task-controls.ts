/**
 * What people may do to a task while its workflow runs. Every control is recorded with its author before it is
 * answered; what makes no sense (any more) is refused with a reason.
 */
import { ApplicationFailure, condition, defineQuery, defineUpdate, setHandler } from '@temporalio/workflow';
import {
  APPROVE_UPDATE,
  CANCEL_UPDATE,
  PACING_UPDATE,
  PAUSE_UPDATE,
  REJECT_UPDATE,
  RESUME_UPDATE,
  RETRY_UPDATE,
  START_NOW_UPDATE,
  TASK_VIEW_QUERY,
  type ApprovalBy,
  type Authorship,
  type PacingAnswer,
  type PacingChange,
  type RetryRequest,
  type TaskView,
} from './contract.ts';
import { became, cancel, devices, plan, record, reload, statusOf, type Run } from './task-run.ts';

const REFUSED_APPROVALS = {
  not_awaited: 'it does not await an approval (any more)',
  too_late: 'the time for a decision is over',
  own_task: 'whoever made a task cannot approve it; somebody else must',
} as const;

/** Makes the workflow answer. */
export function handleControls(run: Run): void {
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
    await approved(run);
    await record(run, 'paused', { ...by, event: 'paused' }, ['scheduled', 'running']);
  });
  control(RESUME_UPDATE, async (by) => {
    await approved(run);
    const begun = run.startNow || Date.now() >= plan(run).dispatchAtMs;
    await record(run, begun ? 'running' : 'scheduled', { ...by, event: 'resumed' }, ['paused']);
    await run.db.announceOffers(taskId);
    await devices.tellInFlight(taskId, { edge: 'resumed', reason: 'task_paused' });
  });
  control(CANCEL_UPDATE, (by) => cancel(run, by));
  control(START_NOW_UPDATE, async (by) => {
    await run.db.recordStartNow(taskId, { ...by, event: 'start_now' });
    run.startNow = true;
  });
  control(PACING_UPDATE, async ({ fields, revision, ...by }: PacingChange): Promise<PacingAnswer> => {
    const change = { fields, ...(revision === undefined ? {} : { revision }) };
    const answer = await run.db.changePacing(taskId, change, { ...by, event: 'pacing_changed' });
    if (answer.kind === 'conflict') return answer;
    if (run.plan !== null) Object.assign(run.plan, { options: answer.options, revision: answer.revision });
    return { kind: 'changed', revision: answer.revision };
  });
  control(RETRY_UPDATE, async ({ author, cause, upgradeIds }: RetryRequest) => {
    const by = { author, cause: cause ?? 'retry failed devices' };
    const count = await run.db.resetFailed(taskId, by, upgradeIds);
    await reload(run);
    return count;
  });
  control(APPROVE_UPDATE, async ({ author, keyId, cause = '' }: ApprovalBy) => {
    const refused = await run.db.recordApproval(taskId, { author, keyId, cause });
    if (refused !== null) throw refusal(REFUSED_APPROVALS[refused]);
    await loaded(run);
    if (statusOf(run) === 'awaiting_approval') became(run, 'scheduled');
  });
  control(REJECT_UPDATE, async ({ author, cause = '' }: ApprovalBy) => {
    await loaded(run);
    if (statusOf(run) !== 'awaiting_approval') throw refusal(REFUSED_APPROVALS.not_awaited);
    await cancel(run, { author, cause }, 'rejected');
  });
}

/** Waits until it is known what the task is. */
async function loaded(run: Run): Promise<void> {
  await condition(() => run.plan !== null);
}

async function approved(run: Run): Promise<void> {
  await loaded(run);
  if (statusOf(run) === 'awaiting_approval') throw refusal('it awaits an approval; approve, reject or cancel it');
}

/** Refuses an update; the workflow goes on. */
function refusal(reason: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(reason, 'ControlRefused');
}
