/**
 * How the life of a device looks in answers.
 */
import { Type } from 'typebox';
import { Device, DeviceId } from '../devices/device-views.ts';
import { reasonText } from './reasons.ts';
import type { TaskExecutions } from '../route.ts';
import { closed, Moment, nullable } from '../schemas.ts';
import { TaskStatusName, UPGRADE_FIELDS, UpgradeStatusName } from './upgrade-views.ts';
import { whyOf } from './why.ts';
import type * as lineage from '../../db/devices/lineage.ts';
import { upgradeWorkflowId } from '../../workflows/contract.ts';
import { ruleWords } from '../../workflows/rules/customers.ts';
import { earliestStart, NEVER_MS } from '../../workflows/rules/windows.ts';

export const Why = closed(
  {
    code: Type.String({ description: 'for programs: `no_task`, what it waits for, or how it ended' }),
    answer: Type.String({ description: 'one sentence' }),
    until: nullable(Type.String({ format: 'date-time', description: 'so long, where that is known' })),
    upgradeId: nullable(Type.Integer()),
    taskId: nullable(Type.Integer()),
    links: closed({ upgrade: nullable(Type.String()), log: nullable(Type.String()), task: nullable(Type.String()) }),
  },
  { title: 'Why' },
);

const LineageUpgrade = closed(
  {
    id: Type.Integer(),
    task: closed({
      id: Type.Integer(),
      name: Type.String(),
      status: TaskStatusName,
      createdBy: Type.String(),
      link: Type.String(),
    }),
    files: Type.Array(
      closed({
        firmwareId: Type.Integer(),
        fileName: Type.String(),
        component: Type.String(),
        targetVersion: Type.String(),
      }),
    ),
    status: UpgradeStatusName,
    reason: nullable(Type.String()),
    reasonText: nullable(Type.String()),
    attempt: Type.Integer(),
    bytesSent: Type.Integer(),
    bytesTotal: Type.Integer(),
    proofs: UPGRADE_FIELDS.proofs,
    startedAt: nullable(Moment),
    finishedAt: nullable(Moment),
    updatedAt: Moment,
    decision: UPGRADE_FIELDS.decision,
    links: closed({ self: Type.String(), log: Type.String(), execution: nullable(Type.String()) }),
  },
  { title: 'LineageUpgrade' },
);

export const Lineage = closed(
  {
    why: Why,
    registration: closed({
      deviceId: DeviceId,
      protocol: Device.properties.protocol,
      identity: Type.String(),
      imei: nullable(Type.String()),
      model: Type.String(),
      remark: Type.String(),
      registeredAt: Moment,
      registeredBy: Type.String(),
      updatedAt: Moment,
    }),
    shipment: closed({
      orderNo: Type.String(),
      productionDate: nullable(Type.String()),
      shipDate: nullable(Type.String()),
      record: nullable(
        closed({
          shipmentId: Type.Integer(),
          carton: Type.String(),
          company: Type.String({ description: 'by which it was classified' }),
          customer: nullable(Type.String()),
          rule: nullable(Type.String({ description: 'the rule that fired, as it was' })),
          shippedAt: Moment,
          shippedBy: Type.String(),
          link: Type.String(),
        }),
      ),
      platforms: Type.Array(
        closed({
          platformShipmentId: Type.Integer(),
          platform: Type.String(),
          status: Type.String(),
          reason: nullable(Type.String()),
          finishedAt: nullable(Moment),
          link: Type.String(),
        }),
        { description: 'secondary shipments, newest first' },
      ),
    }),
    registrationChanges: Type.Array(
      closed({
        at: Moment,
        author: Type.String(),
        action: Type.String({ description: 'operation id of the request' }),
        before: nullable(Type.Record(Type.String(), Type.Unknown())),
        after: nullable(Type.Record(Type.String(), Type.Unknown())),
      }),
    ),
    contact: nullable(
      closed({
        lastSeenAt: Moment,
        address: Type.String(),
        gateway: Type.String(),
        bytesPerSecond: nullable(Type.Number({ description: 'measured at its transfers' })),
        details: Type.Record(Type.String(), Type.Unknown()),
      }),
    ),
    versions: Type.Array(
      closed({
        component: Type.String(),
        version: Type.String(),
        firstReportedAt: Moment,
        lastReportedAt: Moment,
        current: Type.Boolean({ description: 'what the device reports now' }),
      }),
      { description: 'what it ran, newest first' },
    ),
    running: nullable(LineageUpgrade),
    planned: Type.Array(
      closed({
        upgradeId: Type.Integer(),
        task: LineageUpgrade.properties.task,
        files: LineageUpgrade.properties.files,
        dispatchAt: Moment,
        deadlineAt: Moment,
        window: nullable(closed({ from: Type.String(), to: Type.String(), zone: Type.String() })),
        earliestStartAt: nullable(
          Type.String({
            format: 'date-time',
            description: 'by dispatch delay and permitted hours; its turn may come later',
          }),
        ),
        links: closed({ upgrade: Type.String() }),
      }),
    ),
    upgrades: Type.Array(LineageUpgrade, { description: 'those that have begun or ended, newest first' }),
    decisions: Type.Array(
      closed({
        upgradeId: Type.Integer(),
        taskId: Type.Integer(),
        at: Moment,
        author: Type.String(),
        event: Type.String(),
        cause: Type.String(),
      }),
      { description: 'what people did to its upgrades, newest first' },
    ),
    links: closed({
      self: Type.String(),
      device: Type.String(),
      upgrades: Type.String(),
      versionUploads: Type.String(),
      why: Type.String(),
      execution: nullable(Type.String()),
    }),
  },
  { title: 'DeviceLineage' },
);

export function showWhy(standing: lineage.Standing | null) {
  const { code, answer, untilMs } = whyOf(standing);
  const upgrade = standing && `/api/v1/device-upgrades/${standing.upgradeId}`;
  return {
    code,
    answer,
    until: untilMs === null ? null : iso(untilMs),
    upgradeId: standing && standing.upgradeId,
    taskId: standing && standing.taskId,
    links: {
      upgrade,
      log: upgrade && `${upgrade}/log`,
      task: standing && `/api/v1/upgrade-tasks/${standing.taskId}`,
    },
  };
}

export function isPlanned({ dispatchedMs, finishedMs }: lineage.LineageUpgrade): boolean {
  return dispatchedMs === null && finishedMs === null;
}

function showTaskOf({ taskId, taskName, taskStatus, taskCreatedBy }: lineage.LineageUpgrade) {
  const link = `/api/v1/upgrade-tasks/${taskId}`;
  return { id: taskId, name: taskName, status: taskStatus, createdBy: taskCreatedBy, link };
}

export function showPlanned(upgrade: lineage.LineageUpgrade) {
  const { id, files, window, dispatchMs, deadlineMs, notBeforeMs, nowMs } = upgrade;
  const startMs = earliestStart(window, Math.max(nowMs, dispatchMs, notBeforeMs ?? 0), 0);
  return {
    upgradeId: id,
    task: showTaskOf(upgrade),
    files,
    dispatchAt: iso(dispatchMs),
    deadlineAt: iso(deadlineMs),
    window,
    earliestStartAt: startMs >= NEVER_MS ? null : iso(startMs),
    links: { upgrade: `/api/v1/device-upgrades/${id}` },
  };
}

export function showLineageUpgrade(upgrade: lineage.LineageUpgrade, executions: TaskExecutions, deviceId: string) {
  const { id, files, status, reason, attempt, bytesSent, bytesTotal, proofs, decision, decidedBy, decidedMs } = upgrade;
  const self = `/api/v1/device-upgrades/${id}`;
  return {
    id,
    task: showTaskOf(upgrade),
    files,
    status,
    reason,
    reasonText: reasonText(reason),
    attempt,
    bytesSent,
    bytesTotal,
    proofs,
    startedAt: upgrade.dispatchedMs === null ? null : iso(upgrade.dispatchedMs),
    finishedAt: upgrade.finishedMs === null ? null : iso(upgrade.finishedMs),
    updatedAt: iso(upgrade.updatedMs),
    decision: decision === null || decidedMs === null ? null : { decision, by: decidedBy ?? '', at: iso(decidedMs) },
    links: { self, log: `${self}/log`, execution: executions.executionUrl(upgradeWorkflowId(deviceId)) },
  };
}

export function showShipping({ record, platforms }: lineage.LineageShipping) {
  return {
    record: record && {
      shipmentId: record.shipmentId,
      carton: record.carton,
      company: record.company,
      customer: record.customer,
      rule: record.rule && ruleWords(record.rule),
      shippedAt: iso(record.shippedMs),
      shippedBy: record.shippedBy,
      link: `/api/v1/shipments/${record.shipmentId}`,
    },
    platforms: platforms.map(({ shipmentId, platform, status, reason, finishedMs }) => ({
      platformShipmentId: shipmentId,
      platform,
      status,
      reason,
      finishedAt: finishedMs === null ? null : iso(finishedMs),
      link: `/api/v1/platform-shipments/${shipmentId}`,
    })),
  };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
