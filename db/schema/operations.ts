/**
 * What the API keeps for people and other systems: who changed what, what happened that others want to hear of, and
 * answers that must be the same when a request is repeated.
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
  primaryKey,
  smallint,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { at, id, oneOf } from './columns.ts';
import { departments } from './people.ts';

/** Channel that says "there is news in this log"; the payload is the table's name. */
export const NEWS_CHANNEL = 'slipway_news';

/**
 * Processes that want to hear of news now. Announcing makes commits wait for each other, so nothing is announced while
 * nobody listens.
 */
export const newsWatchers = pgTable('news_watchers', {
  watcher: text('watcher').primaryKey(),
  until: at('until').notNull(),
});

/** Every change that a person or program made through the API; append-only. */
export const auditLog = pgTable(
  'audit_log',
  {
    id: id(),
    at: at('at')
      .notNull()
      .default(sql`clock_timestamp()`),
    departmentId: integer('department_id').notNull(),
    /** Name of the key, and its number: names may be used again. */
    author: text('author').notNull(),
    keyId: integer('key_id').notNull(),
    /** Operation id of the route. */
    action: text('action').notNull(),
    /** `device`, `firmware`, `task`, … and which one. */
    targetKind: text('target_kind').notNull(),
    targetId: text('target_id').notNull(),
    before: jsonb('before').$type<Record<string, unknown> | null>(),
    after: jsonb('after').$type<Record<string, unknown> | null>(),
    requestId: text('request_id').notNull(),
  },
  (table) => [
    index('audit_log_department').on(table.departmentId, table.id),
    index('audit_log_author').on(table.departmentId, table.author, table.id),
    index('audit_log_target').on(table.departmentId, table.targetKind, table.targetId, table.id),
  ],
);

/** What happened that somebody outside wants to hear of; append-only. Written in the transaction that made it happen. */
export const EVENT_KINDS = [
  'task.started',
  'task.paused', // by a person or by the abort rule
  'task.finished',
  'task.cancelled',
  'task.approval_needed',
  'device.failed', // failed, unproven, expired or partial: the status is in the data
  'device.reverted',
  'device.needs_person', // baseband: awaits confirmation
  'command.finished', // a device command has ended, well or not: the status is in the data
  'shipment.finished', // a primary shipment has ended: the sums are in the data
  'platform_shipment.finished', // a secondary shipment has ended: the sums are in the data
  'equipment.offline', // an equipment has fallen silent
  'equipment.back', // and is there again
  'equipment.alarm', // an alarm was raised
  'equipment.alarm_cleared',
  'equipment.clock_skew', // its clock is far from ours, or right again
  'agent.offline', // an agent does not reach its MOM any more
  'agent.back', // and does again
  'agent.quarantined', // the MOM refused a call of an agent
  'agent.data_needed', // the MOM asks an agent for data that nobody has given yet
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export const events = pgTable(
  'events',
  {
    id: id(),
    at: at('at')
      .notNull()
      .default(sql`clock_timestamp()`),
    departmentId: integer('department_id').notNull(),
    kind: text('kind').$type<EventKind>().notNull(),
    taskId: integer('task_id'),
    upgradeId: bigint('upgrade_id', { mode: 'number' }),
    deviceId: text('device_id'),
    data: jsonb('data').$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [
    index('events_department').on(table.departmentId, table.id),
    check('events_kind_known', oneOf('kind', EVENT_KINDS)),
  ],
);

/** Where events of a department are sent. */
export const webhooks = pgTable(
  'webhooks',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    url: text('url').notNull(),
    /** Key of the signature; shown once, to whoever made the webhook. */
    secret: text('secret').notNull(),
    /** The key before the last change still signs, too, up to this moment: receivers change theirs without a gap. */
    previousSecret: text('previous_secret'),
    previousSecretUntil: at('previous_secret_until'),
    kinds: text('kinds').array().notNull(),
    isActive: boolean('is_active').notNull().default(true),
    remark: text('remark').notNull().default(''),
    revision: integer('revision').notNull().default(1),
    /** Events up to this one have their deliveries. */
    lastEventId: bigint('last_event_id', { mode: 'number' }).notNull().default(0),
    /** No attempt has succeeded since; null: the last one did. */
    failingSince: at('failing_since'),
    /** Why it was switched off by the program itself; null: it was not. */
    offReason: text('off_reason'),
    createdAt: at('created_at').notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    deletedAt: at('deleted_at'),
  },
  (table) => [index('webhooks_department').on(table.departmentId, table.id)],
);

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;

/** One event on its way to one webhook. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: id(),
    webhookId: integer('webhook_id')
      .notNull()
      .references(() => webhooks.id),
    eventId: bigint('event_id', { mode: 'number' })
      .notNull()
      .references(() => events.id),
    status: text('status').$type<(typeof DELIVERY_STATUSES)[number]>().notNull().default('pending'),
    attempts: integer('attempts').notNull().default(0),
    /** HTTP status of the last answer; null: none came. */
    lastStatus: smallint('last_status'),
    lastError: text('last_error'),
    createdAt: at('created_at').notNull().defaultNow(),
    /** A workflow has taken it up. */
    startedAt: at('started_at'),
    lastAttemptAt: at('last_attempt_at'),
    finishedAt: at('finished_at'),
  },
  (table) => [
    index('webhook_deliveries_webhook').on(table.webhookId, table.id),
    uniqueIndex('webhook_deliveries_once').on(table.webhookId, table.eventId),
    index('webhook_deliveries_unstarted')
      .on(table.webhookId, table.id)
      .where(sql`started_at is null and finished_at is null`),
    index('webhook_deliveries_in_flight')
      .on(table.webhookId)
      .where(sql`started_at is not null and finished_at is null`),
    check('webhook_deliveries_status_known', oneOf('status', DELIVERY_STATUSES)),
  ],
);

/** Answers by idempotency key: the same request again gets the same answer and changes nothing. Kept for a day. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    departmentId: integer('department_id').notNull(),
    /** Operation id of the route: one key may be used for different things. */
    action: text('action').notNull(),
    key: text('key').notNull(),
    requestHash: text('request_hash').notNull(),
    status: smallint('status').notNull(),
    headers: jsonb('headers').$type<Record<string, string>>().notNull(),
    body: jsonb('body').$type<unknown>().notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.departmentId, table.action, table.key] }),
    index('idempotency_keys_age').on(table.createdAt),
  ],
);
