/**
 * Factory equipment that calls the MOM: who it is, its session, what it said and what it is to be told.
 *
 * `equipment_sessions` changes with the heartbeats, once a second for all together, so it is kept out of the wide table
 * and nothing that changes with a heartbeat is indexed: PostgreSQL updates it in place.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { at, id, oneOf } from './columns.ts';
import { departments } from './people.ts';
import {
  ALARM_EVENTS,
  EQUIPMENT_STATUSES,
  FLAG_ACTIONS,
  FLAG_STATUSES,
  SESSION_STATES,
  type AlarmEvent,
  type EquipmentStatus,
  type FlagAction,
  type FlagStatus,
  type SessionState,
} from '../../workflows/rules/equipment.ts';

/** Channel on which gateways hear that an equipment or its flags changed; the payload is its id. */
export const EQUIPMENT_CHANNEL = 'equipment_changed';

const now = sql`clock_timestamp()`;
const equipmentId = () =>
  integer('equipment_id')
    .notNull()
    .references(() => equipment.id);

export const equipment = pgTable(
  'equipment',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    /** What it calls itself; one equipment in the whole installation. */
    code: text('code').notNull(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    name: text('name').notNull().default(''),
    /** Model or class. */
    model: text('model').notNull().default(''),
    location: text('location').notNull().default(''),
    /** Seconds between heartbeats. */
    periodS: integer('period_s').notNull().default(30),
    /** Addresses and networks it may call from; empty: any that the site allows. */
    allowedAddresses: text('allowed_addresses')
      .array()
      .notNull()
      .default(sql`'{}'`),
    /** Cells on hold must not enter it. */
    isHoldListed: boolean('is_hold_listed').notNull().default(false),
    /** False: retired, it may not call any more. */
    isActive: boolean('is_active').notNull().default(true),
    remark: text('remark').notNull().default(''),
    revision: integer('revision').notNull().default(1),
    createdAt: at('created_at').notNull().default(now),
    createdBy: text('created_by').notNull(),
    updatedAt: at('updated_at').notNull().default(now),
  },
  (table) => [
    uniqueIndex('equipment_code').on(table.code),
    index('equipment_department').on(table.departmentId, table.code),
    check('equipment_period_sensible', sql`period_s between 1 and 3600`),
  ],
);

/** The session of an equipment, one row each, from its registration on. */
export const equipmentSessions = pgTable(
  'equipment_sessions',
  {
    equipmentId: integer('equipment_id')
      .primaryKey()
      .references(() => equipment.id, { onDelete: 'cascade' }),
    state: text('state').$type<SessionState>().notNull().default('never'),
    stateSince: at('state_since').notNull().default(now),
    /** Of the last online call. */
    onlineAt: at('online_at'),
    /** Any sign of life. */
    lastSeenAt: at('last_seen_at'),
    lastAddress: text('last_address').notNull().default(''),
    software: text('software').notNull().default(''),
    employeeNo: text('employee_no').notNull().default(''),
    /** 0 online, 1 offline, 2 adjustment. */
    operatingMode: smallint('operating_mode'),
    /** Its clock minus ours; positive: it is ahead. */
    skewMs: doublePrecision('skew_ms'),
    skewAt: at('skew_at'),
    isSkewed: boolean('is_skewed').notNull().default(false),
    /** By the newest ChangeTime. */
    status: text('status').$type<EquipmentStatus>(),
    statusSince: at('status_since'),
    statusChangeId: bigint('status_change_id', { mode: 'number' }),
    /** Number of the newest list of parameters, and of the newest that it fetched. */
    parametersVersion: integer('parameters_version').notNull().default(0),
    fetchedVersion: integer('fetched_version').notNull().default(0),
    fetchedAt: at('fetched_at'),
    /** Something was written that the workflow has not read yet. */
    edgeAt: at('edge_at'),
  },
  (table) => [
    index('equipment_sessions_edges')
      .on(table.edgeAt)
      .where(sql`edge_at is not null`),
    check('equipment_sessions_state_known', oneOf('state', SESSION_STATES)),
    check('equipment_sessions_status_known', sql`status is null or ${oneOf('status', EQUIPMENT_STATUSES)}`),
  ],
);

/** Since when at least one gateway has been listening without a break: silence before that is our own. */
export const equipmentListening = pgTable(
  'equipment_listening',
  {
    id: smallint('id').primaryKey().default(1),
    since: at('since').notNull(),
    until: at('until').notNull(),
  },
  () => [check('equipment_listening_once', sql`id = 1`)],
);

/** What happened to a session; append-only. */
export const equipmentEdges = pgTable(
  'equipment_edges',
  {
    id: id(),
    equipmentId: equipmentId(),
    at: at('at').notNull().default(now),
    /** The new state, `back` where it was offline before. */
    edge: text('edge').notNull(),
    from: text('from_state').$type<SessionState>().notNull(),
    to: text('to_state').$type<SessionState>().notNull(),
    cause: text('cause').notNull().default(''),
  },
  (table) => [
    index('equipment_edges_equipment').on(table.equipmentId, table.id),
    index('equipment_edges_time').on(table.equipmentId, table.at),
    check('equipment_edges_from_known', oneOf('from_state', SESSION_STATES)),
    check('equipment_edges_to_known', oneOf('to_state', SESSION_STATES)),
  ],
);

/** Changes of status that an equipment reported, late ones too; append-only. */
export const equipmentStatusChanges = pgTable(
  'equipment_status_changes',
  {
    id: id(),
    equipmentId: equipmentId(),
    status: text('status').$type<EquipmentStatus>().notNull(),
    reasonCode: text('reason_code').notNull(),
    description: text('description'),
    locationId: text('location_id'),
    /** As sent. */
    statusCode: text('status_code').notNull(),
    /** ChangeTime as it was said. */
    changedAt: at('changed_at').notNull(),
    /** The same, but not in the future: a clock that is ahead must not keep later changes out. */
    effectiveAt: at('effective_at').notNull(),
    receivedAt: at('received_at').notNull().default(now),
    /** A newer one was known already. */
    isLate: boolean('is_late').notNull(),
  },
  (table) => [
    index('equipment_status_changes_time').on(table.equipmentId, table.effectiveAt, table.id),
    index('equipment_status_changes_equipment').on(table.equipmentId, table.id),
    // to find the same change told again, under another SessionId
    index('equipment_status_changes_told').on(table.equipmentId, table.changedAt, table.id),
    check('equipment_status_changes_status_known', oneOf('status', EQUIPMENT_STATUSES)),
  ],
);

/** Alarms of equipment; at most one of a code is open. */
export const equipmentAlarms = pgTable(
  'equipment_alarms',
  {
    id: id(),
    equipmentId: equipmentId(),
    alertCode: text('alert_code').notNull(),
    description: text('description').notNull().default(''),
    level: text('level').notNull().default(''),
    partCode: text('part_code').notNull().default(''),
    productType: text('product_type').notNull().default(''),
    raisedAt: at('raised_at').notNull().default(now),
    /** Times it was raised, and last when. */
    raises: integer('raises').notNull().default(1),
    lastRaisedAt: at('last_raised_at').notNull().default(now),
    clearedAt: at('cleared_at'),
    acknowledgedAt: at('acknowledged_at'),
    acknowledgedBy: text('acknowledged_by'),
  },
  (table) => [
    uniqueIndex('equipment_alarms_open')
      .on(table.equipmentId, table.alertCode)
      .where(sql`cleared_at is null`),
    index('equipment_alarms_equipment').on(table.equipmentId, table.id),
  ],
);

/** What happened to alarms; append-only. */
export const equipmentAlarmLog = pgTable(
  'equipment_alarm_log',
  {
    id: id(),
    equipmentId: equipmentId(),
    /** Null: the equipment cleared an alarm nobody knew. */
    alarmId: bigint('alarm_id', { mode: 'number' }).references(() => equipmentAlarms.id),
    alertCode: text('alert_code').notNull(),
    event: text('event').$type<AlarmEvent>().notNull(),
    at: at('at').notNull().default(now),
    author: text('author').notNull(),
    cause: text('cause').notNull().default(''),
  },
  (table) => [
    index('equipment_alarm_log_alarm').on(table.alarmId, table.id),
    index('equipment_alarm_log_equipment').on(table.equipmentId, table.id),
    check('equipment_alarm_log_event_known', oneOf('event', ALARM_EVENTS)),
  ],
);

/** What an equipment is asked to do with its next heartbeats. */
export const equipmentFlags = pgTable(
  'equipment_flags',
  {
    id: id(),
    equipmentId: equipmentId(),
    action: text('action').$type<FlagAction>().notNull(),
    status: text('status').$type<FlagStatus>().notNull().default('pending'),
    raisedAt: at('raised_at').notNull().default(now),
    raisedBy: text('raised_by').notNull(),
    cause: text('cause').notNull().default(''),
    /** Heartbeats that were answered with it, and when the first was. */
    serves: integer('serves').notNull().default(0),
    servedAt: at('served_at'),
    endedAt: at('ended_at'),
    endedBy: text('ended_by'),
  },
  (table) => [
    uniqueIndex('equipment_flags_pending')
      .on(table.equipmentId, table.action)
      .where(sql`status = 'pending'`),
    index('equipment_flags_equipment').on(table.equipmentId, table.id),
    check('equipment_flags_action_known', oneOf('action', FLAG_ACTIONS)),
    check('equipment_flags_status_known', oneOf('status', FLAG_STATUSES)),
  ],
);

/** What the equipment sent when it followed a flag, beside the envelope; as it came. */
export const equipmentFollowUps = pgTable(
  'equipment_follow_ups',
  {
    id: id(),
    equipmentId: equipmentId(),
    flagId: bigint('flag_id', { mode: 'number' }).references(() => equipmentFlags.id),
    name: text('name').notNull(),
    employeeNo: text('employee_no').notNull().default(''),
    receivedAt: at('received_at').notNull().default(now),
    data: jsonb('data').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [index('equipment_follow_ups_equipment').on(table.equipmentId, table.id)],
);

/** Lists of process parameters, as they were set; never changed. */
export const equipmentParameters = pgTable(
  'equipment_parameters',
  {
    id: id(),
    equipmentId: equipmentId(),
    /** 1, 2, … of each equipment. */
    version: integer('version').notNull(),
    /** ParamVersion, as the equipment is told. */
    label: text('label').notNull(),
    productDesc: text('product_desc'),
    firstArticleNum: text('first_article_num'),
    debugNum: text('debug_num'),
    /** In order; the same code may be there twice. */
    parameters: jsonb('parameters').$type<readonly StoredParameter[]>().notNull(),
    setAt: at('set_at').notNull().default(now),
    setBy: text('set_by').notNull(),
    cause: text('cause').notNull().default(''),
  },
  (table) => [uniqueIndex('equipment_parameters_version').on(table.equipmentId, table.version)],
);

/** A parameter as it is stored; numbers are text. */
export interface StoredParameter {
  parameterCode: string;
  parameterType: string;
  targetValue: string;
  uomCode: string | null;
  upperControlLimit: string | null;
  lowerControlLimit: string | null;
  upperSpecificationsLimit: string | null;
  lowerSpecificationsLimit: string | null;
  upperLimit: string | null;
  lowerLimit: string | null;
  description: string | null;
  equipmentAvailabilityFlag: string | null;
}

/** Who fetched which list when. */
export const equipmentParameterFetches = pgTable(
  'equipment_parameter_fetches',
  {
    id: id(),
    equipmentId: equipmentId(),
    version: integer('version').notNull(),
    at: at('at').notNull().default(now),
    employeeNo: text('employee_no').notNull().default(''),
    software: text('software').notNull().default(''),
    address: text('address').notNull().default(''),
  },
  (table) => [index('equipment_parameter_fetches_equipment').on(table.equipmentId, table.id)],
);

/** People who may do by hand what needs an account (OpFlag 1). */
export const equipmentEmployees = pgTable(
  'equipment_employees',
  {
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    number: text('number').notNull(),
    name: text('name').notNull().default(''),
    /** scrypt; null: none was set. */
    passwordHash: text('password_hash'),
    isActive: boolean('is_active').notNull().default(true),
    createdAt: at('created_at').notNull().default(now),
    createdBy: text('created_by').notNull(),
    updatedAt: at('updated_at').notNull().default(now),
  },
  (table) => [primaryKey({ columns: [table.departmentId, table.number] })],
);
