/**
 * Devices: who they are, when they were heard of, what they run.
 *
 * `device_contacts` and `device_versions` change with every report, so they are kept out of the wide table and have no
 * index on what changes with every report: PostgreSQL updates them in place.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { PROTOCOLS, at, id, oneOf, tsvector, type Protocol } from './columns.ts';
import { departments } from './people.ts';
import { COMPONENTS, type Component } from '../../workflows/rules/versions.ts';

export const devices = pgTable(
  'devices',
  {
    /** `<protocol>-<identity>`: readable in URLs, logs and workflow ids. */
    id: text('id').primaryKey(),
    protocol: text('protocol').$type<Protocol>().notNull(),
    /** SN of a terminal (hex, upper case), IMEI of an AMS tracker or a PCP device, number of a pile (14 digits). */
    identity: text('identity').notNull(),
    /** 15 digits; version uploads over HTTP name the device by it. */
    imei: text('imei'),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    /** Of a pile: `DC` or `AC`. */
    model: text('model').notNull().default(''),
    /** Rated power of a charging pile; null: another kind of device, or not known. */
    powerKw: integer('power_kw'),
    productionDate: date('production_date'),
    shipDate: date('ship_date'),
    /** Factory or customer order the device belongs to. */
    orderNo: text('order_no').notNull().default(''),
    remark: text('remark').notNull().default(''),
    /** Counts edits, so that two people cannot overwrite each other unseen. */
    revision: integer('revision').notNull().default(1),
    /**
     * The words of model, order and remark, without punctuation: `SO-2025-0017` is found by `0017`. Identity and IMEI are
     * found by their own indexes, from both ends.
     */
    search: tsvector('search').generatedAlwaysAs(
      sql`to_tsvector('simple', regexp_replace(model || ' ' || order_no || ' ' || remark, '[\\x01-/:-@[-\`{-\\x7f，。；：、（）]+', ' ', 'g'))`,
    ),
    createdAt: at('created_at').notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    updatedAt: at('updated_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('devices_protocol_identity').on(table.protocol, table.identity),
    uniqueIndex('devices_imei').on(table.imei),
    index('devices_department').on(table.departmentId, table.id),
    index('devices_search').using('gin', table.search),
    // people tell devices by the last digits of the label
    index('devices_identity_reversed').on(sql`reverse(identity)`),
    index('devices_imei_reversed')
      .on(sql`reverse(imei)`)
      .where(sql`imei is not null`),
    // devices come in by batches, so those of one day lie together
    index('devices_dates').using('brin', table.productionDate, table.shipDate),
    index('devices_department_created').on(table.departmentId, table.createdAt),
    index('devices_department_order')
      .on(table.departmentId, table.orderNo, table.id)
      .where(sql`order_no <> ''`),
    index('devices_department_model').on(table.departmentId, table.model, table.id),
    index('devices_department_power')
      .on(table.departmentId, table.powerKw, table.id)
      .where(sql`power_kw is not null`),
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
  /** Still connected then, whether it said something or not; null: a device without a lasting connection. */
  connectedAt: at('connected_at'),
  /** Name of the gateway the device was last connected to. */
  gateway: text('gateway').notNull().default(''),
  /** Measured at its transfers, newer ones counting more; null: never measured. */
  bytesPerSecond: real('bytes_per_second'),
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
    /** The gateway process that heard the report, and when by the monotonic clock of that process. */
    heardBy: text('heard_by').notNull().default(''),
    heardAtMs: doublePrecision('heard_at_ms').notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.deviceId, table.component] }),
    // a report of the version that is known already still is an update in place
    index('device_versions_version').on(table.component, table.version, table.deviceId),
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
