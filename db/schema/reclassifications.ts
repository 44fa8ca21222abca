/**
 * Classifications that were made anew after a device was shipped: by whom, why, and what came of it. The total shipment
 * record keeps what was decided when it was shipped.
 */
import { bigint, index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import { at, id } from './columns.ts';
import { departments } from './people.ts';
import { platformShipments } from './platforms.ts';
import { shipments } from './shipments.ts';
import type { FiredRule } from '../../workflows/rules/customers.ts';

/** Append-only. */
export const reclassifications = pgTable(
  'reclassifications',
  {
    id: id(),
    at: at('at')
      .notNull()
      .default(sql`clock_timestamp()`),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    imei: text('imei').notNull(),
    /** The primary shipment; null: it came into the matched list otherwise. */
    shipmentId: bigint('shipment_id', { mode: 'number' }).references(() => shipments.id),
    /** The secondary shipment for which somebody decided so; null: for none. */
    platformShipmentId: integer('platform_shipment_id').references(() => platformShipments.id),
    /** The name by which was decided; empty: nobody knows one. */
    company: text('company').notNull().default(''),
    /** As it was in the matched list; null: it was not there. */
    customerBefore: text('customer_before'),
    /** Null: no rule fits. */
    customer: text('customer'),
    rule: jsonb('rule').$type<FiredRule>(),
    rulesRevision: integer('rules_revision').notNull(),
    author: text('author').notNull(),
    note: text('note').notNull().default(''),
  },
  (table) => [index('reclassifications_device').on(table.departmentId, table.imei, table.id)],
);
