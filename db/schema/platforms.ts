/**
 * Secondary shipment: the platforms to choose from, what was ordered for which device, what was sent and what is known
 * of it. Devices come from the matched list.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  smallint,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { at, id, oneOf } from './columns.ts';
import { departments } from './people.ts';
import {
  PLATFORM_ANSWERS,
  PLATFORM_DEVICE_STATUSES,
  PLATFORM_SHIPMENT_STATUSES,
  PLATFORM_STEPS,
  type AskedField,
  type PlatformAnswer,
  type PlatformDeviceStatus,
  type PlatformInfo,
  type PlatformPersonDecision,
  type PlatformReason,
  type PlatformShipmentStatus,
  type PlatformStep,
  type SeenOnPlatform,
} from '../../workflows/rules/platforms.ts';

/** The connections there are; a platform without one is only written down. */
export const CONNECTORS = ['tracksolid'] as const;
export type Connector = (typeof CONNECTORS)[number];

/** Devices that primary shipment found a customer for: the page from which secondary shipments are made. */
export const matchedDevices = pgTable(
  'matched_devices',
  {
    imei: text('imei').primaryKey(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    /** `hemi`, `guomao`, or whatever the rules of the classification say. */
    customer: text('customer').notNull(),
    /** The rule that fired. */
    rule: text('rule').notNull(),
    deviceId: text('device_id'),
    /** The primary shipment. */
    shipmentId: bigint('shipment_id', { mode: 'number' }),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (table) => [
    index('matched_devices_department').on(table.departmentId, table.imei),
    index('matched_devices_customer').on(table.departmentId, table.customer, table.imei),
    index('matched_devices_shipment').on(table.shipmentId, table.imei),
  ],
);

/** What a clerk chooses from. */
export const platforms = pgTable(
  'platforms',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    name: text('name').notNull().unique(),
    /** In English. */
    reading: text('reading').notNull(),
    /** Null: not connected, nothing is sent. */
    connector: text('connector').$type<Connector>(),
    lifetime: boolean('lifetime').notNull().default(false),
    brand: text('brand').notNull().default(''),
    fields: jsonb('fields').$type<AskedField[]>().notNull(),
    isActive: boolean('is_active').notNull().default(true),
    remark: text('remark').notNull().default(''),
    revision: integer('revision').notNull().default(1),
  },
  () => [check('platforms_connector_known', oneOf('connector', CONNECTORS))],
);

/** A connection that is left alone for a while, and the token it works with. */
export const platformConnectors = pgTable('platform_connectors', {
  name: text('name').$type<Connector>().primaryKey(),
  /** Null: it is not paused; infinity: until a person resumes it. */
  pausedUntil: at('paused_until'),
  pauseReason: text('pause_reason').notNull().default(''),
  pausedBy: text('paused_by').notNull().default(''),
  pausedAt: at('paused_at'),
  /** Sealed with the secret of the app. */
  token: text('token'),
  tokenGoodUntil: at('token_good_until'),
});

/** One order: devices, a platform, the extra shipping information. */
export const platformShipments = pgTable(
  'platform_shipments',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    platformId: integer('platform_id')
      .notNull()
      .references(() => platforms.id),
    /** As it was when the order was made: changes of the platform do not change it. */
    platformName: text('platform_name').notNull(),
    connector: text('connector').$type<Connector>(),
    lifetime: boolean('lifetime').notNull(),
    brand: text('brand').notNull(),
    info: jsonb('info').$type<PlatformInfo>().notNull(),
    /** Until when the user may use the devices, as the platform writes it; null: whatever it gives. */
    wantedExpiration: text('wanted_expiration'),
    /** Devices that were named; counted once, when it was made. */
    asked: integer('asked').notNull(),
    status: text('status').$type<PlatformShipmentStatus>().notNull(),
    /** Whoever works on it has the highest number; older ones write nothing any more. */
    fence: integer('fence').notNull().default(0),
    createdAt: at('created_at').notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    /** A workflow has taken it up. */
    startedAt: at('started_at'),
    deadlineAt: at('deadline_at').notNull(),
    finishedAt: at('finished_at'),
    /** The reconciliation, as it was at the end. */
    result: jsonb('result').$type<Record<string, unknown>>(),
  },
  (table) => [
    index('platform_shipments_department').on(table.departmentId, table.id),
    index('platform_shipments_running')
      .on(table.id)
      .where(sql`status = 'running'`),
    check('platform_shipments_status_known', oneOf('status', PLATFORM_SHIPMENT_STATUSES)),
  ],
);

/** One device in a shipment. */
export const platformShipmentDevices = pgTable(
  'platform_shipment_devices',
  {
    id: id(),
    shipmentId: integer('shipment_id')
      .notNull()
      .references(() => platformShipments.id),
    departmentId: integer('department_id').notNull(),
    imei: text('imei').notNull(),
    customer: text('customer'),
    deviceId: text('device_id'),
    status: text('status').$type<PlatformDeviceStatus>().notNull(),
    step: text('step').$type<PlatformStep>().notNull().default('import'),
    answer: text('answer').$type<PlatformAnswer>().notNull().default('none'),
    lastStep: text('last_step').$type<PlatformStep>(),
    /** Calls that name it and may change something, ever; since the last retry by kind. */
    attempts: integer('attempts').notNull().default(0),
    imports: smallint('imports').notNull().default(0),
    moves: smallint('moves').notNull().default(0),
    expires: smallint('expires').notNull().default(0),
    /** Since the last thing that was sent. */
    looks: smallint('looks').notNull().default(0),
    /** In a row, with nothing done. */
    failures: smallint('failures').notNull().default(0),
    notBefore: at('not_before').notNull().defaultNow(),
    reason: text('reason').$type<PlatformReason>(),
    /** Of the platform. */
    code: integer('code'),
    words: text('words').notNull().default(''),
    /** As it was seen last; null: it was not there. */
    seen: jsonb('seen').$type<SeenOnPlatform>(),
    seenAt: at('seen_at'),
    createdAt: at('created_at').notNull().defaultNow(),
    firstSentAt: at('first_sent_at'),
    finishedAt: at('finished_at'),
    /** From then on the device may be shipped again. */
    releasedAt: at('released_at'),
    /** What a person decided about a device that needs one. */
    decision: text('decision').$type<PlatformPersonDecision>(),
    decidedBy: text('decided_by'),
    decidedAt: at('decided_at'),
    note: text('note').notNull().default(''),
  },
  (table) => [
    uniqueIndex('platform_shipment_devices_once').on(table.shipmentId, table.imei),
    uniqueIndex('platform_shipment_devices_open_imei')
      .on(table.imei)
      .where(sql`released_at is null`),
    index('platform_shipment_devices_page').on(table.shipmentId, table.id),
    index('platform_shipment_devices_open')
      .on(table.shipmentId, table.id)
      .where(sql`status = 'open'`),
    index('platform_shipment_devices_needs_person')
      .on(table.departmentId, table.id)
      .where(sql`status in ('refused', 'unknown', 'not_sent') and released_at is null`),
    index('platform_shipment_devices_imei').on(table.departmentId, table.imei),
    check('platform_shipment_devices_status_known', oneOf('status', PLATFORM_DEVICE_STATUSES)),
    check('platform_shipment_devices_step_known', oneOf('step', PLATFORM_STEPS)),
    check('platform_shipment_devices_answer_known', oneOf('answer', PLATFORM_ANSWERS)),
  ],
);

/** What was done for a shipment, by whom and why; append-only. */
export const platformShipmentLog = pgTable(
  'platform_shipment_log',
  {
    id: id(),
    shipmentId: integer('shipment_id')
      .notNull()
      .references(() => platformShipments.id),
    at: at('at')
      .notNull()
      .default(sql`clock_timestamp()`),
    author: text('author').notNull(),
    event: text('event').notNull(),
    cause: text('cause').notNull().default(''),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [index('platform_shipment_log_shipment').on(table.shipmentId, table.id)],
);
