/**
 * Upgrade tasks: plan, make, list, look into. What may be done to a task while it runs is in `task-controls.ts`.
 */
import { Type } from 'typebox';
import { within } from '../deadlines.ts';
import { OrderBody, planOrder, showOptions, OptionsBody } from '../orders.ts';
import { notFound } from '../problems.ts';
import { Answer, route } from '../route.ts';
import {
  AfterId,
  AfterLargeId,
  closed,
  ComponentName,
  Id,
  Limit,
  LogEntry,
  Moment,
  moment,
  nullable,
  page,
  pageOf,
  text,
} from '../schemas.ts';
import { createTask, CreatedTask, PLAN_FIELDS, showPlan } from '../task-creation.ts';
import {
  showTask,
  showUpgrade,
  Task,
  TASK_FIELDS,
  TaskStatusName,
  Upgrade,
  UpgradeStatusName,
} from '../upgrade-views.ts';
import { countStatuses } from '../../db/dispatch.ts';
import { findFirmwareInOrder, type FirmwareRow } from '../../db/firmware.ts';
import * as tasks from '../../db/tasks.ts';
import { expectedDurationMs } from '../../workflows/rules/windows.ts';

const Params = closed({ taskId: Id });

/** A page is shown without live state when its workflow does not answer in this time. */
const VIEW_MS = 2_000;

const TaskFile = closed({
  firmwareId: Type.Integer(),
  fileName: Type.String(),
  component: ComponentName,
  targetVersion: Type.String(),
  sizeBytes: Type.Integer(),
  expectedMinutes: Type.Number({ description: 'from the offer to the end of the flash' }),
});

const Plan = closed(
  {
    ...PLAN_FIELDS,
    files: Type.Array(TaskFile),
    options: OptionsBody,
    dispatchAt: Moment,
    deadlineAt: Moment,
    devices: Type.Array(
      closed({
        position: Type.Integer({ description: 'order of starting, from 0' }),
        deviceId: Type.String(),
        outcome: Type.Enum(tasks.PLAN_OUTCOMES, {
          type: 'string',
          description:
            'goes: at once; waits: is in the task and begins when the reason is gone; skipped: is listed and left alone; refused: is not taken into the task',
        }),
        reason: nullable(Type.String()),
        explanation: Type.String(),
      }),
    ),
    next: nullable(Type.Integer()),
  },
  { title: 'UpgradePlan' },
);

const TaskDetail = closed(
  {
    ...TASK_FIELDS,
    files: Type.Array(TaskFile),
    counts: Type.Record(Type.String(), Type.Integer(), { description: 'devices by status' }),
    live: nullable(
      closed(
        {
          phase: Type.String({ description: 'what the workflow does now' }),
          wakesAt: nullable(Moment),
          maxConcurrent: nullable(Type.Integer()),
        },
        { description: 'asked of the workflow; null when it has ended or does not answer' },
      ),
    ),
  },
  { title: 'UpgradeTaskDetail' },
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
      outcome: Type.Optional(
        Type.Enum(tasks.PLAN_OUTCOMES, { type: 'string', description: 'list only these devices' }),
      ),
      limit: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 1_000, default: 100, description: 'most devices in the answer' }),
      ),
      after: Type.Optional(Type.Integer({ minimum: 0, description: '`next` of the page before' })),
    }),
    body: OrderBody,
    bodyLimit: ORDER_BODY_LIMIT,
    status: 200,
    response: Plan,
    problems: ['order_refused'],
    handle: async ({ query: { outcome, limit = 100, after = -1 }, body, caller }, { db, defaultDispatchDelayMs }) => {
      const planned = await planOrder(db, caller, body, defaultDispatchDelayMs);
      const devices = planned.plan.devices
        .map((device, position) => ({ position, ...device }))
        .filter((device) => device.position > after && (outcome === undefined || device.outcome === outcome));
      const { items, next } = pageOf(
        devices,
        limit,
        (device) => device,
        ({ position }) => position,
      );
      return {
        ...showPlan(planned),
        files: planned.plan.files.map(showFile),
        options: showOptions(planned.options),
        dispatchAt: new Date(planned.dispatchAtMs).toISOString(),
        deadlineAt: new Date(planned.deadlineAtMs).toISOString(),
        devices: items,
        next: next === null ? null : Number(next),
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
    headers: closed({
      'idempotency-key': Type.Optional(text(200, { minLength: 1, description: 'makes repeating harmless' })),
    }),
    body: OrderBody,
    bodyLimit: ORDER_BODY_LIMIT,
    status: 202,
    response: CreatedTask,
    problems: ['order_refused', 'idempotency_key_reused'],
    handle: async ({ headers, body, caller }, services) => {
      const task = await createTask(services, caller, body, headers['idempotency-key'] ?? null);
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
    query: closed({ status: Type.Optional(TaskStatusName), limit: Limit, after: AfterId }),
    status: 200,
    response: page(Task, 'UpgradeTaskPage'),
    handle: async ({ query: { limit = 100, after, ...filter }, caller }, { db, executions }) => {
      const rows = await tasks.listTasks(db, caller.departmentId, filter, { before: after, limit: limit + 1 });
      return pageOf(
        rows,
        limit,
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
      status: Type.Optional(UpgradeStatusName),
      reason: Type.Optional(text(100)),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(Upgrade, 'UpgradePage'),
    handle: async (
      { params: { taskId }, query: { limit = 100, after = 0, ...filter }, caller },
      { db, executions },
    ) => {
      if ((await tasks.findTask(db, caller.departmentId, taskId)) === null) throw notFound('upgrade task', taskId);
      const rows = await tasks.listTaskUpgrades(db, taskId, filter, { after, limit: limit + 1 });
      return pageOf(
        rows,
        limit,
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
    handle: async ({ params: { taskId }, query: { limit = 100, after = 0 }, caller }, { db }) => {
      if ((await tasks.findTask(db, caller.departmentId, taskId)) === null) throw notFound('upgrade task', taskId);
      const rows = await tasks.listTaskLog(db, taskId, { after, limit: limit + 1 });
      return pageOf(rows, limit, showEntry, ({ id }) => id);
    },
  }),
];

function showFile({ id, fileName, component, targetVersion, sizeBytes }: FirmwareRow) {
  const expectedMinutes = Math.ceil(expectedDurationMs(sizeBytes) / 6_000) / 10;
  return { firmwareId: id, fileName, component, targetVersion, sizeBytes, expectedMinutes };
}

/** The first line holds the whole answer to the task's maker; here only its sums are of interest. */
function showEntry({ id, at, author, event, cause, details }: Awaited<ReturnType<typeof tasks.listTaskLog>>[number]) {
  const { answer, ...rest } = details as { answer?: { counts?: unknown } };
  return {
    id,
    at: moment(at),
    author,
    event,
    cause,
    details: answer === undefined ? rest : { ...rest, counts: answer.counts },
  };
}
