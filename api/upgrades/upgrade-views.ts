/**
 * How tasks and device upgrades look in answers, wherever they are shown.
 */
import { Type, type Static } from 'typebox';
import { OptionsBody, showOptions } from './orders.ts';
import { reasonText } from './reasons.ts';
import type { TaskExecutions } from '../route.ts';
import { closed, Moment, moment, nullable } from '../schemas.ts';
import { DECISIONS } from '../../db/schema.ts';
import type { TaskRow, UpgradeRow } from '../../db/upgrades/tasks.ts';
import { taskWorkflowId, upgradeWorkflowId } from '../../workflows/contract.ts';
import { TASK_STATUSES, UPGRADE_STATUSES } from '../../workflows/rules/statuses.ts';

export const UpgradeStatusName = Type.Enum(UPGRADE_STATUSES, { type: 'string' });
export const TaskStatusName = Type.Enum(TASK_STATUSES, { type: 'string' });

const JoinFilterView = closed(
  {
    protocol: Type.Optional(Type.String()),
    model: Type.Optional(Type.String()),
    powerKw: Type.Optional(Type.Integer()),
    orderNo: Type.Optional(Type.String()),
    q: Type.Optional(Type.String()),
  },
  { description: 'devices that come to fit this join the task until its deadline; null: none do' },
);

export const TASK_FIELDS = {
  id: Type.Integer(),
  name: Type.String(),
  status: TaskStatusName,
  firmwareIds: Type.Array(Type.Integer(), { description: 'one or two for each kind of device' }),
  options: OptionsBody,
  joinFilter: nullable(JoinFilterView),
  approval: nullable(
    closed(
      {
        deadlineAt: Type.String({ format: 'date-time', description: 'nobody can approve it later' }),
        approvedAt: nullable(Moment),
        approvedBy: nullable(Type.String()),
      },
      { description: 'null: none is required' },
    ),
  ),
  revision: Type.Integer({
    description: 'counts changes of the pacing; send it with yours to overwrite nobody unseen',
  }),
  deviceCount: Type.Integer({ description: 'those that joined included' }),
  createdBy: Type.String(),
  createdAt: Moment,
  dispatchAt: Type.String({ format: 'date-time', description: 'no device is started before' }),
  deadlineAt: Type.String({ format: 'date-time', description: 'nothing is offered from then on' }),
  startedAt: nullable(Moment),
  finishedAt: nullable(Moment),
  links: closed({
    self: Type.String(),
    devices: Type.String(),
    log: Type.String(),
    execution: nullable(
      Type.String({ description: 'the workflow in the Temporal Web UI; null when TEMPORAL_UI_URL is not set' }),
    ),
  }),
};
export const Task = closed(TASK_FIELDS, { title: 'UpgradeTask' });

const Proof = closed({
  fileIndex: Type.Integer(),
  component: Type.String(),
  fromVersion: nullable(Type.String()),
  version: Type.String(),
  provenAt: Moment,
  note: Type.Optional(Type.String()),
});

export const UPGRADE_FIELDS = {
  id: Type.Integer(),
  taskId: Type.Integer(),
  deviceId: Type.String(),
  firmwareIds: Type.Array(Type.Integer(), { description: 'the files that are for it, in their order' }),
  status: UpgradeStatusName,
  reason: nullable(Type.String({ description: 'what it waits for, failure code or note' })),
  reasonText: nullable(Type.String({ description: 'the reason in words, and what can be done' })),
  fileIndex: Type.Integer({ description: 'the file being installed, from 0' }),
  attempt: Type.Integer({ description: 'offers made so far' }),
  bytesSent: Type.Integer(),
  bytesTotal: Type.Integer(),
  proofs: Type.Array(Proof, { description: 'files that a version report newer than their offer has proven' }),
  dispatchedAt: nullable(Moment),
  finishedAt: nullable(Moment),
  updatedAt: Moment,
  decision: nullable(closed({ decision: Type.Enum(DECISIONS, { type: 'string' }), by: Type.String(), at: Moment })),
  links: closed({
    self: Type.String(),
    log: Type.String(),
    task: Type.String(),
    device: Type.String(),
    execution: nullable(
      Type.String({ description: 'the workflow in the Temporal Web UI; null when TEMPORAL_UI_URL is not set' }),
    ),
  }),
};
export const Upgrade = closed(UPGRADE_FIELDS, { title: 'DeviceUpgrade' });

export function showTask(row: TaskRow, executions: TaskExecutions): Static<typeof Task> {
  const self = `/api/v1/upgrade-tasks/${row.id}`;
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    firmwareIds: row.firmwareIds,
    options: showOptions(row.options),
    joinFilter: row.options.joins,
    approval:
      row.approvalDeadlineAt === null
        ? null
        : {
            deadlineAt: moment(row.approvalDeadlineAt),
            approvedAt: moment(row.approvedAt),
            approvedBy: row.approvedBy,
          },
    revision: row.revision,
    deviceCount: row.deviceCount,
    createdBy: row.createdBy,
    createdAt: moment(row.createdAt),
    dispatchAt: moment(row.dispatchAt),
    deadlineAt: moment(row.deadlineAt),
    startedAt: moment(row.startedAt),
    finishedAt: moment(row.finishedAt),
    links: {
      self,
      devices: `${self}/devices`,
      log: `${self}/log`,
      execution: executions.executionUrl(taskWorkflowId(row.id)),
    },
  };
}

export function showUpgrade(row: UpgradeRow, executions: TaskExecutions): Static<typeof Upgrade> {
  const self = `/api/v1/device-upgrades/${row.id}`;
  return {
    id: row.id,
    taskId: row.taskId,
    deviceId: row.deviceId,
    firmwareIds: row.firmwareIds,
    status: row.status,
    reason: row.reason,
    reasonText: reasonText(row.reason),
    fileIndex: row.fileIndex,
    attempt: row.attempt,
    bytesSent: row.bytesSent,
    bytesTotal: row.bytesTotal,
    proofs: row.proofs,
    dispatchedAt: moment(row.dispatchedAt),
    finishedAt: moment(row.finishedAt),
    updatedAt: moment(row.updatedAt),
    decision: showDecision(row),
    links: {
      self,
      log: `${self}/log`,
      task: `/api/v1/upgrade-tasks/${row.taskId}`,
      device: `/api/v1/devices/${row.deviceId}`,
      execution: executions.executionUrl(upgradeWorkflowId(row.deviceId)),
    },
  };
}

/** What a person decided after it had ended, or null. */
function showDecision({ decision, decidedBy, decidedAt }: UpgradeRow) {
  return decision === null || decidedAt === null ? null : { decision, by: decidedBy ?? '', at: moment(decidedAt) };
}
