/**
 * Every table. What a status may be is checked here from the names in `workflows/rules/statuses.ts`, so that no
 * program can write a word nobody knows.
 *
 * Columns that change with every packet or report (`device_contacts`, `device_messages`) are kept out of the wide
 * tables and have no index on what changes, so that PostgreSQL updates them in place.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { StageLimits } from '../workflows/rules/offers.ts';
import type { Pacing } from '../workflows/rules/pacing.ts';
import { TASK_STATUSES, UPGRADE_STATUSES, type TaskStatus, type UpgradeStatus } from '../workflows/rules/statuses.ts';
import { COMPONENTS, type Component } from '../workflows/rules/versions.ts';
import type { Window } from '../workflows/rules/windows.ts';

/** Protocols a device can be registered for. */
export const PROTOCOLS = ['terminal', 'ams'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What a task's creator chose; also what `POST /upgrade-tasks` documents. */
export interface TaskOptions {
  pacing: Pacing;
  window: Window | null;
  limits: StageLimits;
  attemptsPerFile: number;
  /** What happens to devices whose gate is closed when the task starts. */
  notEligible: 'wait' | 'skip';
  dispatchDelayMs: number;
  /** From the order, and again from a retry of an ended task, to the deadline. */
  lifeMs: number;
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

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const id = () => bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity();
const oneOf = (column: string, values: readonly string[]) =>
  sql.raw(`${column} in (${values.map((value) => `'${value}'`).join(', ')})`);

/**
 * One order for reports and offers: a report proves an offer only when its number is higher than the offer's. Numbers,
 * not times, because clocks go back.
 */
export const deviceEventSeq = pgSequence('device_event_seq');

/** Channel on which gateways hear that the messages of a device have changed; the payload is the device's id. */
export const DEVICE_MESSAGE_CHANNEL = 'device_message';

// ---------------------------------------------------------------- people

export const departments = pgTable('departments', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  name: text('name').notNull().unique(),
  createdAt: at('created_at').notNull().defaultNow(),
});

export const apiKeys = pgTable('api_keys', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  departmentId: integer('department_id')
    .notNull()
    .references(() => departments.id),
  name: text('name').notNull(),
  /** SHA-256 of the key; the key itself is shown once and kept nowhere. */
  keyHash: text('key_hash').notNull().unique(),
  permissions: text('permissions').array().notNull(),
  createdAt: at('created_at').notNull().defaultNow(),
  createdBy: text('created_by').notNull(),
  lastUsedAt: at('last_used_at'),
  revokedAt: at('revoked_at'),
});

// ---------------------------------------------------------------- registry

export const devices = pgTable(
  'devices',
  {
    /** `<protocol>-<identity>`: readable in URLs, logs and workflow ids. */
    id: text('id').primaryKey(),
    protocol: text('protocol').$type<Protocol>().notNull(),
    /** SN of a terminal (hex, upper case), IMEI of an AMS tracker. */
    identity: text('identity').notNull(),
    /** 15 digits; version uploads over HTTP name the device by it. */
    imei: text('imei'),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    model: text('model').notNull().default(''),
    productionDate: date('production_date'),
    shipDate: date('ship_date'),
    remark: text('remark').notNull().default(''),
    createdAt: at('created_at').notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    updatedAt: at('updated_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('devices_protocol_identity').on(table.protocol, table.identity),
    uniqueIndex('devices_imei').on(table.imei),
    index('devices_department').on(table.departmentId, table.id),
    index('devices_department_model').on(table.departmentId, table.model, table.id),
    check('devices_protocol_known', oneOf('protocol', PROTOCOLS)),
    check(
      'devices_shipped_after_production',
      sql`ship_date is null or production_date is null or ship_date > production_date`,
    ),
  ],
);

/** When and where a device was last heard of. */
export const deviceContacts = pgTable('device_contacts', {
  deviceId: text('device_id')
    .primaryKey()
    .references(() => devices.id, { onDelete: 'cascade' }),
  lastSeenAt: at('last_seen_at').notNull(),
  address: text('address').notNull(),
  details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
});

/** The last version reported of each component. */
export const deviceVersions = pgTable(
  'device_versions',
  {
    deviceId: text('device_id')
      .notNull()
      .references(() => devices.id, { onDelete: 'cascade' }),
    component: text('component').$type<Component>().notNull(),
    version: text('version').notNull(),
    reportedAt: at('reported_at').notNull(),
    /** Place of this report in `device_event_seq`. */
    reportSeq: bigint('report_seq', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.deviceId, table.component] }),
    check('device_versions_component_known', oneOf('component', COMPONENTS)),
  ],
);

/** Every version upload with its time and raw text, refused ones too; a terminal's reports only when they say something new. */
export const versionUploads = pgTable(
  'version_uploads',
  {
    id: id(),
    deviceId: text('device_id')
      .notNull()
      .references(() => devices.id, { onDelete: 'cascade' }),
    receivedAt: at('received_at').notNull().defaultNow(),
    source: text('source').notNull(),
    raw: text('raw').notNull(),
    versions: jsonb('versions').$type<{ component: string; version: string }[]>().notNull(),
    warnings: text('warnings').array().notNull(),
    error: text('error'),
  },
  (table) => [index('version_uploads_device').on(table.deviceId, table.id)],
);

/** Devices that called and are not registered. */
export const unknownDevices = pgTable(
  'unknown_devices',
  {
    protocol: text('protocol').notNull(),
    identity: text('identity').notNull(),
    firstSeenAt: at('first_seen_at').notNull().defaultNow(),
    lastSeenAt: at('last_seen_at').notNull().defaultNow(),
    contacts: bigint('contacts', { mode: 'number' }).notNull(),
    address: text('address').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.protocol, table.identity] }),
    index('unknown_devices_seen').on(table.lastSeenAt),
  ],
);

// ---------------------------------------------------------------- firmware

/** File contents by hash; two firmware entries with the same bytes share one row. */
export const firmwareContents = pgTable('firmware_contents', {
  sha256: text('sha256').primaryKey(),
  content: bytea('content').notNull(),
});

export const firmware = pgTable(
  'firmware',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    protocol: text('protocol').$type<Protocol>().notNull(),
    component: text('component').$type<Component>().notNull(),
    targetVersion: text('target_version').notNull(),
    compatibleVersion: text('compatible_version').notNull(),
    currentVersions: text('current_versions').array().notNull(),
    model: text('model'),
    fileName: text('file_name').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    md5: text('md5').notNull(),
    sha256: text('sha256')
      .notNull()
      .references(() => firmwareContents.sha256),
    /** Package name of a 2G terminal, eight hex characters in the case of the file name. */
    pinfo: text('pinfo'),
    packetSize: integer('packet_size').notNull(),
    remark: text('remark').notNull().default(''),
    /** Why the version is not in the file name, when someone with the permission said so. */
    overrideReason: text('override_reason'),
    uploadedBy: text('uploaded_by').notNull(),
    uploadedAt: at('uploaded_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('firmware_same').on(
      table.departmentId,
      table.protocol,
      table.component,
      table.targetVersion,
      table.sha256,
    ),
    index('firmware_department').on(table.departmentId, table.id),
    check('firmware_component_known', oneOf('component', COMPONENTS)),
    check('firmware_protocol_known', oneOf('protocol', PROTOCOLS)),
  ],
);

// ---------------------------------------------------------------- tasks

export const upgradeTasks = pgTable(
  'upgrade_tasks',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    name: text('name').notNull(),
    status: text('status').$type<TaskStatus>().notNull().default('scheduled'),
    /** One or two firmware ids, in the order in which they are installed. */
    firmwareIds: integer('firmware_ids').array().notNull(),
    options: jsonb('options').$type<TaskOptions>().notNull(),
    deviceCount: integer('device_count').notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
    dispatchAt: at('dispatch_at').notNull(),
    deadlineAt: at('deadline_at').notNull(),
    /** Set by the first step of the workflow; a task without it has no workflow yet. */
    startedAt: at('started_at'),
    finishedAt: at('finished_at'),
    /** Same key and department, same answer: creating twice creates once. */
    idempotencyKey: text('idempotency_key'),
    requestHash: text('request_hash'),
  },
  (table) => [
    index('upgrade_tasks_department').on(table.departmentId, table.id),
    index('upgrade_tasks_unstarted')
      .on(table.id)
      .where(sql`started_at is null`),
    uniqueIndex('upgrade_tasks_idempotency').on(table.departmentId, table.idempotencyKey),
    check('upgrade_tasks_status_known', oneOf('status', TASK_STATUSES)),
    check('upgrade_tasks_one_or_two_files', sql`cardinality(firmware_ids) between 1 and 2`),
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
    index('device_upgrades_live')
      .on(table.deviceId)
      .where(sql`dispatched_at is not null and finished_at is null`),
    index('device_upgrades_edges')
      .on(table.edgeAt)
      .where(sql`edge_at is not null`),
    check('device_upgrades_status_known', oneOf('status', UPGRADE_STATUSES)),
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

// ---------------------------------------------------------------- messages to devices

/** What a gateway needs to send an offer and to serve its bytes. */
export interface OfferPayload {
  firmwareId: number;
  sha256: string;
  sizeBytes: number;
  packetSize: number;
  pinfo: string | null;
  component: Component;
  targetVersion: string;
  /** What the device ran when the gate let it through; if that changes before the offer is taken, the gate is asked again. */
  fromVersion: string;
}

/**
 * Messages to devices. A row is written by an activity and sent by whichever gateway holds the device's connection,
 * now or at the next contact. At most one open offer per device.
 */
export const deviceMessages = pgTable(
  'device_messages',
  {
    id: id(),
    deviceId: text('device_id')
      .notNull()
      .references(() => devices.id),
    kind: text('kind').$type<'offer'>().notNull(),
    upgradeId: bigint('upgrade_id', { mode: 'number' }).references(() => deviceUpgrades.id),
    fileIndex: smallint('file_index'),
    attempt: integer('attempt').notNull(),
    payload: jsonb('payload').$type<OfferPayload>().notNull(),
    /** The device may go on asking for bytes without a new offer: an earlier attempt offered the same file. */
    resumable: boolean('resumable').notNull().default(false),
    createdAt: at('created_at')
      .notNull()
      .default(sql`clock_timestamp()`),
    /** Nothing of this message leaves from this moment on. */
    expiresAt: at('expires_at').notNull(),
    sends: smallint('sends').notNull().default(0),
    firstSentAt: at('first_sent_at'),
    lastSentAt: at('last_sent_at'),
    /** Place of the offer in `device_event_seq`; only reports with a higher number prove it. */
    offerSeq: bigint('offer_seq', { mode: 'number' })
      .notNull()
      .default(sql`nextval('device_event_seq')`),
    firstRequestAt: at('first_request_at'),
    lastRequestAt: at('last_request_at'),
    bytesSent: integer('bytes_sent').notNull().default(0),
    finishedAt: at('finished_at'),
    finishedSeq: bigint('finished_seq', { mode: 'number' }),
    /** The workflow waits without a timer of use: the first contact must wake it. */
    awaitsContact: boolean('awaits_contact').notNull().default(false),
    failureCode: text('failure_code'),
    closedAt: at('closed_at'),
  },
  (table) => [
    uniqueIndex('device_messages_open_offer')
      .on(table.deviceId)
      .where(sql`kind = 'offer' and closed_at is null`),
    index('device_messages_upgrade').on(table.upgradeId, table.id),
    check('device_messages_kind_known', oneOf('kind', ['offer'])),
  ],
);
