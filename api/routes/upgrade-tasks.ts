/**
 * Upgrade tasks: plan, make, list, look into. What may be done to a task while it runs is in `task-controls.ts`.
 */
import { Type } from 'typebox';
import { within } from '../http/deadlines.ts';
import { DocumentedOrder, OrderBody, planOrder, showOptions, OptionsBody } from '../upgrades/orders.ts';
import {
  PLAN_FIELDS,
  PlanDevice,
  PlanOutcomeName,
  showFile,
  showPlan,
  showPlanDevices,
  TaskFile,
} from '../upgrades/plan-views.ts';
import { notFound } from '../problems.ts';
import { Answer, route } from '../route.ts';
import {
  AfterId,
  AfterLargeId,
  closed,
  Id,
  Limit,
  LogEntry,
  Moment,
  moment,
  momentIn,
  nullable,
  page,
  readPage,
  text,
} from '../schemas.ts';
import { createTask, CreatedTask } from '../upgrades/task-creation.ts';
import { showProgress, TaskDetail } from '../upgrades/task-detail.ts';
import { showTask, showUpgrade, Task, Upgrade } from '../upgrades/upgrade-views.ts';
import { countStatuses } from '../../db/upgrades/dispatch.ts';
import { findFirmwareInOrder } from '../../db/upgrades/firmware.ts';
import * as tasks from '../../db/upgrades/tasks.ts';
import { TASK_STATUSES, UPGRADE_STATUSES } from '../../workflows/rules/statuses.ts';

const Params = closed({ taskId: Id });

/** A page is shown without live state when its workflow does not answer in this time. */
const VIEW_MS = 2_000;

const Plan = closed(
  {
    ...PLAN_FIELDS,
    files: Type.Array(TaskFile),
    options: OptionsBody,
    dispatchAt: Moment,
    deadlineAt: Moment,
    devices: Type.Array(PlanDevice),
    next: nullable(Type.Integer()),
  },
  { title: 'UpgradePlan' },
);

const ORDER_BODY_LIMIT = 8 * 1024 * 1024;

export const taskRoutes = [
  route({
    method: 'post',
    path: '/api/v1/upgrade-tasks/plan',
    id: 'planUpgradeTask',
    tag: 'upgrades',
    summary: 'Plan a task without side effects',
    description:
      'Says which devices would go, which not and why, how many nights it takes and when it ends at the latest. On an unchanged fleet, making the task does exactly this.',
    permission: 'upgrade:write',
    query: closed({
      outcome: Type.Optional(PlanOutcomeName),
      limit: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 1_000, default: 100, description: 'most devices in the answer' }),
      ),
      after: Type.Optional(Type.Integer({ minimum: 0, description: '`next` of the page before' })),
    }),
    body: OrderBody,
    documentedBody: DocumentedOrder,
    bodyLimit: ORDER_BODY_LIMIT,
    status: 200,
    response: Plan,
    problems: ['order_refused'],
    handle: async ({ query: { outcome, limit = 100, after = -1 }, body, caller }, { db, defaultDispatchDelayMs }) => {
      const planned = await planOrder(db, caller, body, defaultDispatchDelayMs);
      return {
        ...showPlan(planned),
        files: planned.plan.files.map(showFile),
        options: showOptions(planned.options),
        dispatchAt: new Date(planned.dispatchAtMs).toISOString(),
        deadlineAt: new Date(planned.deadlineAtMs).toISOString(),
        ...showPlanDevices(planned, { limit, after, ...(outcome === undefined ? {} : { outcome }) }),
      };
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/upgrade-tasks',
    id: 'createUpgradeTask',
    tag: 'upgrades',
    summary: 'Make a task',
    description:
      'Answers when the task is stored; its workflow does the rest. The same Idempotency-Key with the same body answers the same task again.',
    permission: 'upgrade:write',
    atomic: true,
    idempotent: true,
    body: OrderBody,
    documentedBody: DocumentedOrder,
    bodyLimit: ORDER_BODY_LIMIT,
    status: 202,
    response: CreatedTask,
    problems: ['order_refused'],
    handle: async (input, services) => {
      const task = await createTask(services, input, input.body);
      return new Answer(task, { headers: { Location: task.links.self } });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/upgrade-tasks',
    id: 'listUpgradeTasks',
    tag: 'upgrades',
    summary: 'List tasks, newest first',
    permission: 'device:read',
    query: closed({
      status: Type.Optional(someOf(TASK_STATUSES)),
      createdBy: Type.Optional(text(200, { description: 'name of the key of its maker' })),
      from: Type.Optional(Type.String({ format: 'date-time', description: 'made then or later' })),
      to: Type.Optional(Type.String({ format: 'date-time', description: 'made before' })),
      q: Type.Optional(text(100, { minLength: 1, description: 'part of the name' })),
      limit: Limit,
      after: AfterId,
    }),
    status: 200,
    response: page(Task, 'UpgradeTaskPage'),
    handle: async ({ query: { limit, after, status, from, to, ...filter }, caller }, { db, executions }) => {
      const narrowed = { ...filter, from: momentIn(from), to: momentIn(to), ...listed(status, TASK_STATUSES) };
      return readPage(
        limit,
        (limit) => tasks.listTasks(db, caller.departmentId, narrowed, { before: after, limit }),
        (row) => showTask(row, executions),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/upgrade-tasks/{taskId}',
    id: 'getUpgradeTask',
    tag: 'upgrades',
    summary: 'One task: how many devices are how far, and what its workflow does now',
    permission: 'device:read',
    params: Params,
    status: 200,
    response: TaskDetail,
    handle: async ({ params: { taskId }, caller, log }, { db, executions }) => {
      const row = await tasks.findTask(db, caller.departmentId, taskId);
      if (row === null) throw notFound('upgrade task', taskId);
      const [files, counts, view] = await Promise.all([
        findFirmwareInOrder(db, caller.departmentId, row.firmwareIds),
        countStatuses(db, taskId),
        row.finishedAt !== null
          ? null
          : within(VIEW_MS, executions.taskView(taskId)).catch((err: unknown) => {
              log.warn({ err, taskId }, 'task shown without live state');
              return null;
            }),
      ]);
      const live = view && {
        phase: view.phase,
        wakesAt: view.wakesAtMs === null ? null : new Date(view.wakesAtMs).toISOString(),
        maxConcurrent: view.pacing?.maxConcurrent ?? null,
      };
      return {
        ...showTask(row, executions),
        files: files.map(showFile),
        counts,
        ...showProgress(row, counts),
        live,
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/upgrade-tasks/{taskId}/devices',
    id: 'listUpgradeTaskDevices',
    tag: 'upgrades',
    summary: 'Devices of a task',
    permission: 'device:read',
    params: Params,
    query: closed({
      status: Type.Optional(someOf(UPGRADE_STATUSES)),
      reason: Type.Optional(text(100)),
      deviceId: Type.Optional(text(100, { minLength: 1, description: 'beginning of the id' })),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(Upgrade, 'UpgradePage'),
    handle: async (
      { params: { taskId }, query: { limit, after = 0, status, ...filter }, caller },
      { db, executions },
    ) => {
      if ((await tasks.findTask(db, caller.departmentId, taskId)) === null) throw notFound('upgrade task', taskId);
      const narrowed = { ...filter, ...listed(status, UPGRADE_STATUSES) };
      return readPage(
        limit,
        (limit) => tasks.listTaskUpgrades(db, taskId, narrowed, { after, limit }),
        (row) => showUpgrade(row, executions),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/upgrade-tasks/{taskId}/log',
    id: 'listUpgradeTaskLog',
    tag: 'upgrades',
    summary: 'What happened to a task, who did it and why',
    permission: 'device:read',
    params: Params,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(LogEntry, 'TaskLogPage'),
    handle: async ({ params: { taskId }, query: { limit, after = 0 }, caller }, { db }) => {
      if ((await tasks.findTask(db, caller.departmentId, taskId)) === null) throw notFound('upgrade task', taskId);
      return readPage(
        limit,
        (limit) => tasks.listTaskLog(db, taskId, { after, limit }),
        showEntry,
        ({ id }) => id,
      );
    },
  }),
];

/** Several names, separated by commas. */
function someOf(names: readonly string[]) {
  const name = names.join('|');
  return Type.String({
    pattern: `^(${name})(,(${name}))*$`,
    maxLength: 500,
    description: `one or more of ${names.join(', ')}, separated by commas`,
  });
}

function listed<Name extends string>(text: string | undefined, names: readonly Name[]): { status?: Name[] } {
  if (text === undefined) return {};
  const wanted = text.split(',');
  return { status: names.filter((name) => wanted.includes(name)) };
}

function showEntry({ id, at, author, event, cause, details }: Awaited<ReturnType<typeof tasks.listTaskLog>>[number]) {
  return { id, at: moment(at), author, event, cause, details };
}
