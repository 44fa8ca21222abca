/**
 * Makes a task: the plan and the rows in one transaction, then its workflow. What is committed survives whatever happens
 * next: a task whose workflow could not be started is started later.
 */
import { Type, type Static } from 'typebox';
import { audit } from '../audit.ts';
import { within } from '../http/deadlines.ts';
import { planOrder, type Order } from './orders.ts';
import { PLAN_FIELDS, showPlan } from './plan-views.ts';
import { loggable } from '../problems.ts';
import type { Actor, Services, TaskExecutions } from '../route.ts';
import { closed, nullable } from '../schemas.ts';
import { showTask, TASK_FIELDS } from './upgrade-views.ts';
import { findRunningTasks } from '../../db/upgrades/dispatch.ts';
import type { FirmwareRow } from '../../db/upgrades/firmware.ts';
import type { Db } from '../../db/index.ts';
import { beginJoins } from '../../db/upgrades/joins.ts';
import { findUnstartedTasks, insertTask, logCreation } from '../../db/upgrades/tasks.ts';
import { filesByKind } from '../../workflows/rules/eligibility.ts';

/** Refused devices listed in the answer; all of them are counted. */
const LISTED_REFUSALS = 1_000;
/** A task this old without a workflow was left behind by whoever made it. */
const UNSTARTED_MS = 5_000;
/** How long the maker of a task waits for Temporal; afterwards the task is started in the background. */
const START_MS = 5_000;

export const CreatedTask = closed(
  {
    ...TASK_FIELDS,
    ...PLAN_FIELDS,
    refused: Type.Array(
      closed({ deviceId: Type.String(), reason: nullable(Type.String()), explanation: Type.String() }),
      {
        description: `devices that are not in the task; the first ${LISTED_REFUSALS}`,
      },
    ),
  },
  { title: 'CreatedUpgradeTask' },
);
type CreatedTask = Static<typeof CreatedTask>;

/**
 * Makes a task. To be called in a transaction, which holds the plan, the rows, their lines in the logs and the answer;
 * the workflow is started when it is committed.
 */
export async function createTask(services: Services, actor: Actor, order: Order): Promise<CreatedTask> {
  const { db, executions } = services;
  const { caller } = actor;
  const planned = await planOrder(db, caller, order, services.defaultDispatchDelayMs);
  const { plan, options, dispatchAtMs, deadlineAtMs } = planned;
  const task = await insertTask(
    db,
    {
      departmentId: caller.departmentId,
      name: order.name ?? nameOf(plan.files),
      options,
      createdBy: caller.name,
      createdByKey: caller.keyId,
      dispatchAt: new Date(dispatchAtMs),
      deadlineAt: new Date(deadlineAtMs),
      approvalDeadlineAt: options.approval === null ? null : new Date(plan.nowMs + options.approval.withinMs),
    },
    plan,
  );
  if (options.joins !== null) await beginJoins(db, task.id);
  const refused = plan.devices.filter(({ outcome }) => outcome === 'refused').slice(0, LISTED_REFUSALS);
  const made: CreatedTask = {
    ...showTask(task, executions),
    ...showPlan(planned),
    refused: refused.map(({ deviceId, reason, explanation }) => ({ deviceId, reason, explanation })),
  };
  await logCreation(db, task, { counts: made.counts });
  const { name, firmwareIds, deviceCount } = task;
  const after = { name, firmwareIds, deviceCount, filter: order.filter ?? null, options: made.options };
  await audit(db, actor, { kind: 'task', id: task.id, after });
  services.afterCommit(() => tryToStart(services, { ...made, department: caller.department }));
  return made;
}

/** `Upgrade to 11, then 12`; of several kinds of devices `Upgrade to 11 (terminal), V2.0 (pile DC 120 kW)`. */
function nameOf(files: readonly FirmwareRow[]): string {
  const kinds = filesByKind(files);
  const targets = kinds.map((own) => {
    const { protocol, model, powerKw } = own[0]!;
    const kind = protocol === 'pile' ? `pile ${model} ${powerKw} kW` : protocol;
    return `${own.map((file) => file.targetVersion).join(', then ')}${kinds.length > 1 ? ` (${kind})` : ''}`;
  });
  return `Upgrade to ${targets.join(', ')}`;
}

/**
 * Starts the workflows of tasks that have none, because Temporal did not answer or a process died in between. To be
 * called every few seconds; harmless for tasks whose workflow runs.
 *
 * @returns how many were started
 */
export async function startUnstartedTasks(db: Db, executions: Pick<TaskExecutions, 'startTask'>): Promise<number> {
  const tasks = await findUnstartedTasks(db, UNSTARTED_MS);
  // One after the other: when Temporal is away, the first attempt says so.
  for (const { id, name, department } of tasks) await executions.startTask(id, { name, department });
  return tasks.length;
}

/** More unfinished tasks than these are looked after a minute later. */
const TASKS_A_MINUTE = 500;

/**
 * Gives unfinished tasks whose workflow is gone (terminated by hand, or lost with a restored Temporal) a new one, which
 * goes on from what is stored. Harmless for tasks whose workflow runs. To be called every minute.
 */
export async function restartLostTasks(db: Db, executions: Pick<TaskExecutions, 'startTask'>): Promise<void> {
  for (const { id, name, department } of await findRunningTasks(db, TASKS_A_MINUTE)) {
    await executions.startTask(id, { name, department });
  }
}

async function tryToStart(
  { executions, log }: Services,
  task: { id: number; name: string; department: string },
): Promise<void> {
  try {
    await within(START_MS, executions.startTask(task.id, { name: task.name, department: task.department }));
  } catch (error) {
    log.warn({ err: loggable(error), taskId: task.id }, 'task stored, its workflow will be started later');
  }
}
