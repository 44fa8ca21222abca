/**
 * Makes a task: the plan, the rows and the answer in one transaction, then its workflow. What is committed survives
 * whatever happens next: a task whose workflow could not be started is started later.
 */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { Type, type Static } from 'typebox';
import type { Caller } from './auth.ts';
import { within } from './deadlines.ts';
import { planOrder, type Order, type PlannedOrder } from './orders.ts';
import { loggable, problem } from './problems.ts';
import { reasonText } from './reasons.ts';
import type { Services, TaskExecutions } from './route.ts';
import { closed, nullable } from './schemas.ts';
import { showTask, TASK_FIELDS } from './upgrade-views.ts';
import { findRunningTasks } from '../db/dispatch.ts';
import type { Db } from '../db/index.ts';
import { findByIdempotencyKey, findUnstartedTasks, insertTask, logCreation, PLAN_OUTCOMES } from '../db/tasks.ts';

/** Refused devices listed in the answer; all of them are counted. */
const LISTED_REFUSALS = 1_000;
/** A task this old without a workflow was left behind by whoever made it. */
const UNSTARTED_MS = 5_000;
/** How long the maker of a task waits for Temporal; afterwards the task is started in the background. */
const START_MS = 5_000;

const COUNT = Type.Integer({ minimum: 0 });

/** What plan and creation say alike. */
export const PLAN_FIELDS = {
  counts: closed({ asked: COUNT, goes: COUNT, waits: COUNT, skipped: COUNT, refused: COUNT }),
  reasons: Type.Array(
    closed({
      outcome: Type.Enum(PLAN_OUTCOMES, { type: 'string' }),
      reason: Type.String(),
      reasonText: nullable(Type.String()),
      devices: COUNT,
    }),
  ),
  nights: nullable(Type.Integer({ description: 'windows needed by the devices that can go; null without a window' })),
  expectedEndAt: nullable(
    Type.String({ format: 'date-time', description: 'of the devices that can go; null: not before the deadline' }),
  ),
  latestEndAt: Type.String({ format: 'date-time', description: 'the task has ended by then, whatever devices do' }),
  warnings: Type.Array(closed({ code: Type.String(), message: Type.String() })),
};

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

/** Makes a task, or finds the one that was made with the same idempotency key. */
export async function createTask(
  services: Services,
  caller: Caller,
  order: Order,
  idempotencyKey: string | null,
): Promise<CreatedTask> {
  const { db, executions } = services;
  const requestHash = createHash('sha256').update(canonical(order)).digest('hex');
  const { answer, isNew } = await db.transaction(async (tx) => {
    const before = idempotencyKey === null ? null : await findByIdempotencyKey(tx, caller.departmentId, idempotencyKey);
    if (before !== null) {
      if (before.requestHash !== requestHash) throw keyReused(idempotencyKey!);
      return { answer: before.answer as CreatedTask, isNew: false };
    }
    const planned = await planOrder(tx, caller, order, services.defaultDispatchDelayMs);
    const task = await insertTask(
      tx,
      {
        departmentId: caller.departmentId,
        name: order.name ?? `Upgrade to ${planned.plan.files.map((file) => file.targetVersion).join(', then ')}`,
        options: planned.options,
        createdBy: caller.name,
        dispatchAt: new Date(planned.dispatchAtMs),
        deadlineAt: new Date(planned.deadlineAtMs),
        idempotencyKey,
        requestHash,
      },
      planned.plan,
    );
    const refused = planned.plan.devices.filter(({ outcome }) => outcome === 'refused').slice(0, LISTED_REFUSALS);
    const made: CreatedTask = {
      ...showTask(task, executions),
      ...showPlan(planned),
      refused: refused.map(({ deviceId, reason, explanation }) => ({ deviceId, reason, explanation })),
    };
    await logCreation(tx, task, made);
    return { answer: made, isNew: true };
  });
  if (isNew) await tryToStart(services.executions, services.log, { ...answer, department: caller.department });
  return answer;
}

/** The part of an answer that plan and creation have in common. */
export function showPlan({ plan, forecast, warnings }: PlannedOrder) {
  const counts = { asked: plan.devices.length, goes: 0, waits: 0, skipped: 0, refused: 0 };
  const reasons = new Map<
    string,
    { outcome: (typeof PLAN_OUTCOMES)[number]; reason: string; reasonText: string | null; devices: number }
  >();
  for (const { outcome, reason } of plan.devices) {
    counts[outcome]++;
    if (reason === null) continue;
    const key = `${outcome} ${reason}`;
    const entry = reasons.get(key) ?? { outcome, reason, reasonText: reasonText(reason), devices: 0 };
    reasons.set(key, { ...entry, devices: entry.devices + 1 });
  }
  return {
    counts,
    reasons: [...reasons.values()],
    nights: forecast.nights,
    expectedEndAt: forecast.expectedEndAtMs === null ? null : new Date(forecast.expectedEndAtMs).toISOString(),
    latestEndAt: new Date(forecast.latestEndAtMs).toISOString(),
    warnings,
  };
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
  executions: TaskExecutions,
  logger: Logger,
  task: { id: number; name: string; department: string },
): Promise<void> {
  try {
    await within(START_MS, executions.startTask(task.id, { name: task.name, department: task.department }));
  } catch (error) {
    logger.warn({ err: loggable(error), taskId: task.id }, 'task stored, its workflow will be started later');
  }
}

function keyReused(key: string) {
  return problem(
    'idempotency_key_reused',
    `The Idempotency-Key "${key}" was used for another order before. Use a new key for a new order; to repeat the old one, send exactly what was sent.`,
  );
}

/** The same text for the same order, in whatever sequence its fields were sent. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
