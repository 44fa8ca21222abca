/**
 * What arrives from devices beside reports: messages of their own business, and what could not be read.
 */
import { bigint, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { at, bytea, id } from './columns.ts';
import { devices } from './registry.ts';

/** Payloads that are not for Slipway itself; the newest of each device are kept. */
export const businessMessages = pgTable(
  'business_messages',
  {
    id: id(),
    deviceId: text('device_id')
      .notNull()
      .references(() => devices.id, { onDelete: 'cascade' }),
    receivedAt: at('received_at').notNull().defaultNow(),
    /** Which check of the upgrade protocol it failed: that made it a business message. */
    reason: text('reason').notNull(),
    payload: bytea('payload').notNull(),
  },
  (table) => [index('business_messages_device').on(table.deviceId, table.id)],
);

/** Frames that could not be read, counted per device and kind. */
export const deviceFrameErrors = pgTable(
  'device_frame_errors',
  {
    deviceId: text('device_id')
      .notNull()
      .references(() => devices.id, { onDelete: 'cascade' }),
    /** Name of the error, as the decoder gives it. */
    kind: text('kind').notNull(),
    count: bigint('count', { mode: 'number' }).notNull(),
    lastAt: at('last_at').notNull(),
    /** Beginning of the last one, hex. */
    lastExcerpt: text('last_excerpt').notNull(),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.kind] })],
);
