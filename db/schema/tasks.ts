/**
 * Upgrade tasks, the devices in them, and the logs of both.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  smallint,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { at, id, oneOf, type Protocol } from './columns.ts';
import { departments } from './people.ts';
import { devices } from './registry.ts';
import type { OrderedLimits } from '../../workflows/rules/limits.ts';
import type { AbortRule, Pacing, RecentStarts } from '../../workflows/rules/pacing.ts';
import {
  TASK_STATUSES,
  UPGRADE_STATUSES,
  type TaskStatus,
  type UpgradeStatus,
} from '../../workflows/rules/statuses.ts';
import type { Component } from '../../workflows/rules/versions.ts';
import type { Window } from '../../workflows/rules/windows.ts';

/** What a task's creator chose; also what `POST /upgrade-tasks` documents. */
export interface TaskOptions {
  pacing: Pacing;
  window: Window | null;
  limits: OrderedLimits;
  attemptsPerFile: number;
  /** What happens to devices whose gate is closed when the task starts. */
  notEligible: 'wait' | 'skip';
  dispatchDelayMs: number;
  /** From the order, and again from a retry of an ended task, to the deadline. */
  lifeMs: number;
  /** When to stop by itself; the first rule that fires decides. */
  abort: AbortRule[];
  /** A second person must agree before anything is started; null: nobody must. */
  approval: Approval | null;
  /** Devices that come to fit this filter later join the task; null: only those chosen when it was made. */
  joins: JoinFilter | null;
  /** What charging piles are told with the offer; missing: an order of before there were piles. */
  pile?: PileOptions;
}

/** When a pile begins, and how long it may load. */
export interface PileOptions {
  /** `at_once` interrupts charging. */
  control: 'at_once' | 'when_idle';
  downloadTimeoutMinutes: number;
}

export const USUAL_PILE_OPTIONS: PileOptions = { control: 'when_idle', downloadTimeoutMinutes: 30 };

/** How a task is approved. */
export interface Approval {
  /** From the order to the latest decision. */
  withinMs: number;
  /** What happens when nobody has decided by then. */
  onExpiry: 'cancel' | 'start';
  /** Whoever made the task cannot approve it. */
  fourEyes: boolean;
}

/** Which devices may join a task. */
export interface JoinFilter {
  protocol?: Protocol;
  model?: string;
  powerKw?: number;
  orderNo?: string;
  q?: string;
}

/** One proven file inside a device upgrade. */
export interface FileProof {
  fileIndex: number;
  component: Component;
  fromVersion: string | null;
  version: string;
  provenAt: string;
  note?: string;
}

export const upgradeTasks = pgTable(
  'upgrade_tasks',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    name: text('name').notNull(),
    status: text('status').$type<TaskStatus>().notNull().default('scheduled'),
    /** Firmware ids in the order in which they are installed: one or two for each kind of device. */
    firmwareIds: integer('firmware_ids').array().notNull(),
    options: jsonb('options').$type<TaskOptions>().notNull(),
    deviceCount: integer('device_count').notNull(),
    createdBy: text('created_by').notNull(),
    createdByKey: integer('created_by_key'),
    createdAt: at('created_at').notNull().defaultNow(),
    /** Null while a required approval is missing, and where none is required. */
    approvedAt: at('approved_at'),
    approvedBy: text('approved_by'),
    /** Nobody may approve it after this; null where no approval is required. */
    approvalDeadlineAt: at('approval_deadline_at'),
    /** Counts changes by people, so that two of them cannot overwrite each other unseen. */
    revision: integer('revision').notNull().default(1),
    /** Starts of the last minute, for the rate: it must hold over restarts. */
    recentStarts: jsonb('recent_starts').$type<RecentStarts>().notNull().default([]),
    /** Abort rules count what has ended since then: the last resume, or the last time one fired. */
    abortCountedFrom: at('abort_counted_from'),
    /** Version uploads and registrations up to here were looked at for devices that join. */
    joinedUploadId: bigint('joined_upload_id', { mode: 'number' }).notNull().default(0),
    joinedUntil: at('joined_until'),
    dispatchAt: at('dispatch_at').notNull(),
    deadlineAt: at('deadline_at').notNull(),
    /** Set by the first step of the workflow; a task without it has no workflow yet. */
    startedAt: at('started_at'),
    finishedAt: at('finished_at'),
  },
  (table) => [
    index('upgrade_tasks_department').on(table.departmentId, table.id),
    index('upgrade_tasks_unstarted')
      .on(table.id)
      .where(sql`started_at is null`),
    check('upgrade_tasks_status_known', oneOf('status', TASK_STATUSES)),
    check('upgrade_tasks_files', sql`cardinality(firmware_ids) between 1 and 8`),
  ],
);

/** What happened to a task; append-only. */
export const taskLog = pgTable(
  'task_log',
  {
    id: id(),
    taskId: integer('task_id')
      .notNull()
      .references(() => upgradeTasks.id),
    at: at('at')
      .notNull()
      .default(sql`clock_timestamp()`),
    author: text('author').notNull(),
    event: text('event').notNull(),
    cause: text('cause').notNull().default(''),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [index('task_log_task').on(table.taskId, table.id)],
);

/** What a person may decide about an upgrade that ended badly. */
export const DECISIONS = ['retry', 'give_up', 'confirm'] as const;
export type Decision = (typeof DECISIONS)[number];

/** One device inside a task. */
export const deviceUpgrades = pgTable(
  'device_upgrades',
  {
    id: id(),
    taskId: integer('task_id')
      .notNull()
      .references(() => upgradeTasks.id),
    deviceId: text('device_id')
      .notNull()
      .references(() => devices.id),
    departmentId: integer('department_id').notNull(),
    position: integer('position').notNull(),
    /** The files of the task that are for this device, in their order. */
    firmwareIds: integer('firmware_ids').array().notNull(),
    status: text('status').$type<UpgradeStatus>().notNull().default('scheduled'),
    /** Waiting reason, failure code or note; its meaning in words is in the log. */
    reason: text('reason'),
    /** The file being installed, counted from 0. */
    fileIndex: smallint('file_index').notNull().default(0),
    /** Fencing: counts every offer ever made in this upgrade, never goes back. */
    attempt: integer('attempt').notNull().default(0),
    bytesSent: integer('bytes_sent').notNull().default(0),
    bytesTotal: integer('bytes_total').notNull().default(0),
    proofs: jsonb('proofs').$type<FileProof[]>().notNull().default([]),
    /** The dispatcher took it: a workflow exists or is being started. */
    dispatchedAt: at('dispatched_at'),
    /** Not before: set while another task holds the device. */
    notBefore: at('not_before'),
    /** Something decisive was written and the workflow has not read it yet. */
    edgeAt: at('edge_at'),
    finishedAt: at('finished_at'),
    updatedAt: at('updated_at').notNull().defaultNow(),
    /** What a person decided after it had ended badly; null: nobody has looked at it yet. */
    decision: text('decision').$type<Decision>(),
    decidedAt: at('decided_at'),
    decidedBy: text('decided_by'),
  },
  (table) => [
    uniqueIndex('device_upgrades_task_device').on(table.taskId, table.deviceId),
    index('device_upgrades_device').on(table.deviceId, table.id),
    index('device_upgrades_task').on(table.taskId, table.id),
    index('device_upgrades_task_status').on(table.taskId, table.status, table.id),
    index('device_upgrades_undispatched')
      .on(table.taskId, table.position)
      .where(sql`dispatched_at is null and finished_at is null`),
    index('device_upgrades_in_flight')
      .on(table.taskId)
      .where(sql`dispatched_at is not null and finished_at is null`),
    // Devices something is being done with: what the limits on concurrency count, of a task and of a department.
    index('device_upgrades_active')
      .on(table.departmentId, table.taskId)
      .where(
        sql`dispatched_at is not null and finished_at is null and status <> 'waiting' and coalesce(reason, '') not in ('offline', 'paced')`,
      ),
    // Devices that came back while there was no room for them, or that another task holds.
    index('device_upgrades_held')
      .on(table.taskId, table.reason, table.updatedAt)
      .where(sql`finished_at is null and reason in ('paced', 'busy')`),
    index('device_upgrades_needs_person')
      .on(table.departmentId, table.id)
      .where(
        sql`(finished_at is not null and decided_at is null and status in ('failed', 'unproven', 'partial', 'reverted', 'expired')) or reason = 'awaiting_operator'`,
      ),
    index('device_upgrades_live')
      .on(table.deviceId)
      .where(sql`dispatched_at is not null and finished_at is null`),
    index('device_upgrades_edges')
      .on(table.edgeAt)
      .where(sql`edge_at is not null`),
    check('device_upgrades_one_or_two_files', sql`cardinality(firmware_ids) between 1 and 2`),
    check('device_upgrades_status_known', oneOf('status', UPGRADE_STATUSES)),
    check('device_upgrades_decision_known', oneOf('decision', DECISIONS)),
  ],
);

/** What happened to a device upgrade: every transition with author, time and cause; append-only. */
export const upgradeLog = pgTable(
  'upgrade_log',
  {
    id: id(),
    upgradeId: bigint('upgrade_id', { mode: 'number' }).notNull(),
    at: at('at')
      .notNull()
      .default(sql`clock_timestamp()`),
    /** `system`, `device` or the name of a person's key. */
    author: text('author').notNull(),
    event: text('event').notNull(),
    status: text('status').$type<UpgradeStatus>(),
    fileIndex: smallint('file_index'),
    attempt: integer('attempt'),
    cause: text('cause').notNull().default(''),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [
    index('upgrade_log_upgrade').on(table.upgradeId, table.id),
    foreignKey({ columns: [table.upgradeId], foreignColumns: [deviceUpgrades.id] }),
  ],
);
