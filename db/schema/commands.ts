/**
 * Commands to devices. A row is the command and its message at once: what is to be sent now carries the number of the
 * open attempt, and only who claims that number may send. Offers have a table of their own, because what they share is
 * the idea and not one column beyond it.
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
import { devices } from './registry.ts';
import {
  COMMAND_KINDS,
  COMMAND_STAGES,
  COMMAND_STATUSES,
  type CommandAnswer,
  type CommandKind,
  type CommandResult,
  type CommandStage,
  type CommandStatus,
} from '../../workflows/rules/commands.ts';

/** Channel on which gateways hear that a device may have a command to be sent; the payload is the device's id. */
export const DEVICE_COMMAND_CHANNEL = 'device_command';

/** One command to one device. */
export const deviceCommands = pgTable(
  'device_commands',
  {
    id: id(),
    deviceId: text('device_id')
      .notNull()
      .references(() => devices.id),
    departmentId: integer('department_id').notNull(),
    kind: text('kind').$type<CommandKind>().notNull(),
    /** What the kind leaves open: `{ minutes }`, `{ control }`. */
    params: jsonb('params').$type<{ minutes?: number; control?: 'at_once' | 'when_idle' }>().notNull().default({}),
    status: text('status').$type<CommandStatus>().notNull().default('waiting'),
    /** Failure code; its meaning in words is in the log. */
    reason: text('reason'),
    /** What the open attempt sends: the order, or the question what became of it. */
    stage: text('stage').$type<CommandStage>().notNull().default('order'),
    /** Fencing: number of the open attempt, never goes back. 0: no workflow has taken the command up. */
    attempt: integer('attempt').notNull().default(0),
    /** The same, counted within its stage. */
    stageAttempt: smallint('stage_attempt').notNull().default(0),
    /** Frames that have left, of all attempts. */
    sends: smallint('sends').notNull().default(0),
    /** When the frame of the open attempt left; null: it has not. */
    sentAt: at('sent_at'),
    /** The workflow waits without a timer of use: the sending must wake it. */
    awaitsContact: boolean('awaits_contact').notNull().default(false),
    /** What the device answered and nobody has judged yet, or what it accepted with. */
    answer: jsonb('answer').$type<CommandAnswer>(),
    answeredAt: at('answered_at'),
    acceptedAt: at('accepted_at'),
    /** What proves an accepted command: for a restart the next login. */
    provenAt: at('proven_at'),
    /** What was learnt: `{ minutes }`, `{ version }`. */
    result: jsonb('result').$type<CommandResult>(),
    /** Something was written that the workflow has not read yet. */
    edgeAt: at('edge_at'),
    createdAt: at('created_at')
      .notNull()
      .default(sql`clock_timestamp()`),
    createdBy: text('created_by').notNull(),
    /** Nothing of it leaves from this moment on. */
    expiresAt: at('expires_at').notNull(),
    finishedAt: at('finished_at'),
    updatedAt: at('updated_at').notNull().defaultNow(),
  },
  (table) => [
    // The same order twice at one time is a mistake of whoever gives it.
    uniqueIndex('device_commands_no_doubles')
      .on(table.deviceId, table.kind, table.params)
      .where(sql`finished_at is null`),
    index('device_commands_device').on(table.deviceId, table.id),
    index('device_commands_department').on(table.departmentId, table.id),
    index('device_commands_status').on(table.departmentId, table.status, table.id),
    // What is to be sent: the oldest of a device.
    index('device_commands_open')
      .on(table.deviceId, table.id)
      .where(sql`status in ('waiting', 'sent')`),
    index('device_commands_live')
      .on(table.expiresAt)
      .where(sql`finished_at is null`),
    index('device_commands_untaken')
      .on(table.id)
      .where(sql`attempt = 0 and finished_at is null`),
    index('device_commands_edges')
      .on(table.edgeAt)
      .where(sql`edge_at is not null`),
    check('device_commands_kind_known', oneOf('kind', COMMAND_KINDS)),
    check('device_commands_status_known', oneOf('status', COMMAND_STATUSES)),
    check('device_commands_stage_known', oneOf('stage', COMMAND_STAGES)),
  ],
);

/** What happened to a command: every transition with author, time and cause; append-only. */
export const deviceCommandLog = pgTable(
  'device_command_log',
  {
    id: id(),
    commandId: bigint('command_id', { mode: 'number' })
      .notNull()
      .references(() => deviceCommands.id),
    at: at('at')
      .notNull()
      .default(sql`clock_timestamp()`),
    /** `system`, `device` or the name of a person's key. */
    author: text('author').notNull(),
    event: text('event').notNull(),
    status: text('status').$type<CommandStatus>().notNull(),
    attempt: integer('attempt').notNull(),
    cause: text('cause').notNull().default(''),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [index('device_command_log_command').on(table.commandId, table.id)],
);
