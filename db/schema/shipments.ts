/**
 * Primary shipment: the orders, what became of each device, the total shipment record, the rules by which customers are
 * found, and the triggers that ship new rows of MES by themselves.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { at, id, oneOf, type Protocol } from './columns.ts';
import { departments } from './people.ts';
import type { CustomerRule, FiredRule } from '../../workflows/rules/customers.ts';
import type { PlatformInfo } from '../../workflows/rules/platforms.ts';
import {
  CLASSIFIED_BY,
  SHIPMENT_DEVICE_STATUSES,
  SHIPMENT_STATUSES,
  type ClassifiedBy,
  type ShipmentDeviceStatus,
  type ShipmentReason,
  type ShipmentStatus,
} from '../../workflows/rules/shipments.ts';

/** How the devices of an order were named: one by one, or by what MES says of them. */
export type ShipmentSelection =
  | { by: 'imeis'; imeis: number }
  | { by: 'order'; order: string }
  | { by: 'carton'; carton: string }
  | { by: 'trigger'; triggerId: number; cycleId: number };

/** What the devices of MES that have an IMEI speak, where it is not `ams`. */
export const MES_PROTOCOLS = ['ams', 'pcp'] as const satisfies readonly Protocol[];

/** One order: devices and the shipping information. */
export const shipments = pgTable(
  'shipments',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    selection: jsonb('selection').$type<ShipmentSelection>().notNull(),
    /** Empty: each device's own, as MES has it. */
    company: text('company').notNull().default(''),
    shipDate: date('ship_date').notNull(),
    remark: text('remark').notNull().default(''),
    /** Devices that were named; counted once, when it was made. */
    asked: integer('asked').notNull(),
    status: text('status').$type<ShipmentStatus>().notNull().default('running'),
    createdAt: at('created_at').notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    /** A person who wanted no more of it. */
    stoppedBy: text('stopped_by'),
    finishedAt: at('finished_at'),
    /** The sums, as they were at the end. */
    result: jsonb('result').$type<Record<string, unknown>>(),
  },
  (table) => [
    index('shipments_department').on(table.departmentId, table.id),
    index('shipments_running')
      .on(table.id)
      .where(sql`status = 'running'`),
    check('shipments_status_known', oneOf('status', SHIPMENT_STATUSES)),
  ],
);

/** One device that was named in an order. */
export const shipmentDevices = pgTable(
  'shipment_devices',
  {
    shipmentId: bigint('shipment_id', { mode: 'number' })
      .notNull()
      .references(() => shipments.id),
    /** In the order in which they were named. */
    place: integer('place').notNull(),
    imei: text('imei').notNull(),
    status: text('status').$type<ShipmentDeviceStatus>().notNull().default('open'),
    reason: text('reason').$type<ShipmentReason>(),
    /** What more there is to say of it. */
    words: text('words').notNull().default(''),
    deviceId: text('device_id'),
    customer: text('customer'),
    rule: text('rule'),
    finishedAt: at('finished_at'),
  },
  (table) => [
    primaryKey({ columns: [table.shipmentId, table.place] }),
    index('shipment_devices_open')
      .on(table.shipmentId, table.place)
      .where(sql`status = 'open'`),
    index('shipment_devices_refused')
      .on(table.shipmentId, table.place)
      .where(sql`status = 'refused'`),
    index('shipment_devices_imei').on(table.imei, table.shipmentId),
    check('shipment_devices_status_known', oneOf('status', SHIPMENT_DEVICE_STATUSES)),
  ],
);

/** The total shipment record; append-only. A device has one of each kind. */
export const shipmentRecords = pgTable(
  'shipment_records',
  {
    id: id(),
    imei: text('imei').notNull(),
    kind: text('kind').$type<'primary'>().notNull().default('primary'),
    shipmentId: bigint('shipment_id', { mode: 'number' })
      .notNull()
      .references(() => shipments.id),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    deviceId: text('device_id').notNull(),
    /** `Id` of the row of MES from which it was shipped. */
    mesId: bigint('mes_id', { mode: 'number' }).notNull(),
    orderNo: text('order_no').notNull().default(''),
    carton: text('carton').notNull().default(''),
    model: text('model').notNull().default(''),
    version: text('version').notNull().default(''),
    sn: text('sn').notNull().default(''),
    sim: text('sim').notNull().default(''),
    iccid: text('iccid').notNull().default(''),
    /** RID of the baseband. */
    rid: text('rid').notNull().default(''),
    /** By which it was classified. */
    company: text('company').notNull().default(''),
    companyBy: text('company_by').$type<ClassifiedBy>().notNull(),
    /** What MES says, whatever the order says. */
    mesCompany: text('mes_company').notNull().default(''),
    productionDate: date('production_date'),
    shipDate: date('ship_date').notNull(),
    remark: text('remark').notNull().default(''),
    /** Null: no rule fitted. */
    customer: text('customer'),
    /** The rule as it was when it fired. */
    rule: jsonb('rule').$type<FiredRule>(),
    /** Of the rules by which was decided, also when none fitted. */
    rulesRevision: integer('rules_revision').notNull(),
    shippedAt: at('shipped_at')
      .notNull()
      .default(sql`clock_timestamp()`),
    shippedBy: text('shipped_by').notNull(),
  },
  // Lists go by ship date, newest first; each index serves one way to ask for a part of them.
  (table) => [
    uniqueIndex('shipment_records_once').on(table.imei, table.kind),
    index('shipment_records_date').on(table.departmentId, table.shipDate, table.id),
    index('shipment_records_order').on(table.departmentId, table.orderNo, table.shipDate, table.id),
    index('shipment_records_carton').on(table.departmentId, table.carton, table.shipDate, table.id),
    index('shipment_records_company').on(table.departmentId, table.company, table.shipDate, table.id),
    index('shipment_records_customer').on(table.departmentId, table.customer, table.shipDate, table.id),
    index('shipment_records_model').on(table.departmentId, table.model, table.shipDate, table.id),
    index('shipment_records_shipment').on(table.shipmentId, table.shipDate, table.id),
    check('shipment_records_kind_known', oneOf('kind', ['primary'])),
    check('shipment_records_company_by_known', oneOf('company_by', CLASSIFIED_BY)),
  ],
);

/** The rules by which customers are found: each change is a new list; append-only. The highest revision holds. */
export const customerRuleLists = pgTable('customer_rule_lists', {
  revision: integer('revision').primaryKey(),
  rules: jsonb('rules').$type<CustomerRule[]>().notNull(),
  changedAt: at('changed_at').notNull().defaultNow(),
  changedBy: text('changed_by').notNull(),
});

/** What devices of a model speak; of others it is `ams`. */
export const modelProtocols = pgTable(
  'model_protocols',
  {
    /** SoftModel, whole. */
    model: text('model').primaryKey(),
    protocol: text('protocol').$type<(typeof MES_PROTOCOLS)[number]>().notNull(),
    changedAt: at('changed_at').notNull().defaultNow(),
    changedBy: text('changed_by').notNull(),
  },
  () => [check('model_protocols_known', oneOf('protocol', MES_PROTOCOLS))],
);

/** What a row of MES must be like; all that is given must fit. */
export interface TriggerMatch {
  /** ZhiDan, whole. */
  order?: string;
  /** SoftModel, whole. */
  model?: string;
  /** All in CompanyName, as in the rules of the customers. */
  companyWords?: string[];
}

/** A platform that what was shipped goes on to. */
export interface TriggerPlatform {
  platformId: number;
  info: PlatformInfo;
}

/** A rule that ships new rows of MES. */
export const shipmentTriggers = pgTable(
  'shipment_triggers',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    name: text('name').notNull(),
    match: jsonb('match').$type<TriggerMatch>().notNull(),
    company: text('company').notNull().default(''),
    /** The ship date is so many days after the day, in Beijing, on which it fires. */
    shipInDays: integer('ship_in_days').notNull().default(1),
    remark: text('remark').notNull().default(''),
    platform: jsonb('platform').$type<TriggerPlatform>(),
    isOn: boolean('is_on').notNull().default(false),
    /** Rows of readings after this one are new to it; moved whenever it is switched on. */
    afterCycleId: bigint('after_cycle_id', { mode: 'number' }).notNull().default(0),
    revision: integer('revision').notNull().default(1),
    createdAt: at('created_at').notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    deletedAt: at('deleted_at'),
  },
  (table) => [
    uniqueIndex('shipment_triggers_name')
      .on(table.departmentId, table.name)
      .where(sql`deleted_at is null`),
    check('shipment_triggers_days', sql`ship_in_days between 0 and 365`),
  ],
);

/**
 * `passed`: the reading came while the trigger was off, or had nothing for it. `firing`: its workflow is at work.
 * `attention`: something of it needs a person, the words say what.
 */
export const FIRING_STATUSES = ['passed', 'firing', 'done', 'attention'] as const;
export type FiringStatus = (typeof FIRING_STATUSES)[number];

/** What a trigger did about one reading of MES: how far it is, and why no row is shipped twice. */
export const triggerFirings = pgTable(
  'trigger_firings',
  {
    triggerId: integer('trigger_id')
      .notNull()
      .references(() => shipmentTriggers.id),
    cycleId: bigint('cycle_id', { mode: 'number' }).notNull(),
    status: text('status').$type<FiringStatus>().notNull(),
    words: text('words').notNull().default(''),
    /** New rows that fitted. */
    devices: integer('devices').notNull().default(0),
    differences: integer('differences').notNull().default(0),
    shipmentId: bigint('shipment_id', { mode: 'number' }).references(() => shipments.id),
    platformShipmentId: integer('platform_shipment_id'),
    startedAt: at('started_at').notNull().defaultNow(),
    finishedAt: at('finished_at'),
  },
  (table) => [
    primaryKey({ columns: [table.triggerId, table.cycleId] }),
    uniqueIndex('trigger_firings_shipment').on(table.shipmentId),
    index('trigger_firings_open')
      .on(table.cycleId)
      .where(sql`status = 'firing'`),
    index('trigger_firings_shown')
      .on(table.triggerId, table.cycleId)
      .where(sql`status <> 'passed'`),
    check('trigger_firings_status_known', oneOf('status', FIRING_STATUSES)),
  ],
);

/**
 * Rows that MES changed later. `shipped_changed`: the trigger had shipped the device. `fits_no_more`: it had, and would
 * not now. `fits_now`: it had not, and would now: nothing is shipped for a change, a person decides.
 */
export const TRIGGER_DIFFERENCES = ['shipped_changed', 'fits_no_more', 'fits_now'] as const;
export type TriggerDifference = (typeof TRIGGER_DIFFERENCES)[number];

/** What a change in MES means for what a trigger did; append-only. */
export const triggerDifferences = pgTable(
  'trigger_differences',
  {
    id: id(),
    triggerId: integer('trigger_id')
      .notNull()
      .references(() => shipmentTriggers.id),
    changeId: bigint('change_id', { mode: 'number' }).notNull(),
    cycleId: bigint('cycle_id', { mode: 'number' }).notNull(),
    kind: text('kind').$type<TriggerDifference>().notNull(),
    imei: text('imei').notNull(),
    shipmentId: bigint('shipment_id', { mode: 'number' }),
    at: at('at')
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (table) => [
    uniqueIndex('trigger_differences_once').on(table.triggerId, table.changeId),
    index('trigger_differences_trigger').on(table.triggerId, table.id),
    check('trigger_differences_kind_known', oneOf('kind', TRIGGER_DIFFERENCES)),
  ],
);
