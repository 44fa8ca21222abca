/**
 * What equipment called, and what it was answered: for repetitions, and for people who look for a fault.
 */
import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { at, id } from './columns.ts';

const now = sql`clock_timestamp()`;

/** Replies to calls, for their repetitions; kept for some days. */
export const equipmentReplies = pgTable(
  'equipment_replies',
  {
    equipmentId: integer('equipment_id').notNull(),
    name: text('name').notNull(),
    sessionId: text('session_id').notNull(),
    fingerprint: text('fingerprint').notNull(),
    at: at('at').notNull().default(now),
    /** Null only inside the transaction that makes it. */
    reply: jsonb('reply').$type<Record<string, unknown>>(),
  },
  (table) => [
    primaryKey({ columns: [table.equipmentId, table.name, table.sessionId, table.fingerprint] }),
    index('equipment_replies_age').using('brin', table.at),
  ],
);

/** Calls of equipment, newest kept. Heartbeats are not calls unless their form is odd. */
export const equipmentCalls = pgTable(
  'equipment_calls',
  {
    id: id(),
    equipmentId: integer('equipment_id').notNull(),
    /** Null: no such call. */
    name: text('name'),
    calledAs: text('called_as').notNull(),
    address: text('address').notNull(),
    sessionId: text('session_id'),
    receivedAt: at('received_at').notNull(),
    tookMs: integer('took_ms').notNull(),
    resultFlag: boolean('result_flag').notNull(),
    success: boolean('success').notNull(),
    failure: text('failure'),
    message: text('message').notNull(),
    isRepeated: boolean('is_repeated').notNull(),
    warnings: text('warnings').array().notNull(),
    /** What was sent, when it has warnings or failed. */
    raw: text('raw'),
  },
  (table) => [index('equipment_calls_equipment').on(table.equipmentId, table.id)],
);

/** Callers that were not let in, or whose equipment nobody knows: counted. */
export const equipmentStrangers = pgTable(
  'equipment_strangers',
  {
    address: text('address').notNull(),
    /** Empty: the body could not be read that far. */
    code: text('code').notNull(),
    failure: text('failure').notNull(),
    calls: bigint('calls', { mode: 'number' }).notNull(),
    firstAt: at('first_at').notNull().default(now),
    lastAt: at('last_at').notNull().default(now),
    lastName: text('last_name').notNull().default(''),
  },
  (table) => [
    primaryKey({ columns: [table.address, table.code, table.failure] }),
    index('equipment_strangers_seen').on(table.lastAt),
  ],
);
