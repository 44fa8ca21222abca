/**
 * Cells and the trays they travel in. A cell is in one tray at most because the tray is a column of it; a position holds
 * one cell at most because of an index. What else must hold is in `workflows/rules/trays.ts`.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
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
import { equipment } from './equipment.ts';
import { departments } from './people.ts';
import { TRAY_OPERATIONS, type TrayOperation } from '../../workflows/rules/trays.ts';

const now = sql`clock_timestamp()`;
const departmentId = () =>
  integer('department_id')
    .notNull()
    .references(() => departments.id);

/** Trays that were ever used; made by the first binding. */
export const trays = pgTable(
  'trays',
  {
    id: id(),
    departmentId: departmentId(),
    /** Blanks inside are real. */
    barcode: text('barcode').notNull(),
    /** TrayBarcodeProperty, as equipment is told; null: none. */
    property: text('property'),
    createdAt: at('created_at').notNull().default(now),
    /** Last binding, unbinding or aging. */
    usedAt: at('used_at').notNull().default(now),
  },
  (table) => [uniqueIndex('trays_barcode').on(table.departmentId, table.barcode)],
);

/** Cells, with what equipment asks about them and where they are. */
export const cells = pgTable(
  'cells',
  {
    id: id(),
    departmentId: departmentId(),
    serialNo: text('serial_no').notNull(),
    /** SerialNoStatus 1 to 5; nobody stores a 0, that is a cell nobody knows. */
    status: smallint('status').notNull(),
    /** Who said so last, and when. */
    statusBy: text('status_by').notNull(),
    statusAt: at('status_at').notNull().default(now),
    /** Material code / work order: cells of different ones never share a tray. */
    bindCode: text('bind_code').notNull(),
    /** When it was filled; the latest in a tray starts its aging. */
    filledAt: at('filled_at'),
    remark: text('remark').notNull().default(''),
    trayId: bigint('tray_id', { mode: 'number' }).references(() => trays.id),
    positionNo: integer('position_no'),
    boundAt: at('bound_at'),
    revision: integer('revision').notNull().default(1),
    createdAt: at('created_at').notNull().default(now),
    createdBy: text('created_by').notNull(),
    updatedAt: at('updated_at').notNull().default(now),
  },
  (table) => [
    uniqueIndex('cells_serial').on(table.departmentId, table.serialNo),
    uniqueIndex('cells_position')
      .on(table.trayId, table.positionNo)
      .where(sql`tray_id is not null`),
    index('cells_bind_code').on(table.departmentId, table.bindCode, table.serialNo),
    check('cells_status_known', sql`status between 1 and 5`),
    check(
      'cells_place_whole',
      sql`(tray_id is null) = (position_no is null) and (tray_id is null) = (bound_at is null)`,
    ),
  ],
);

/** What happened to trays; append-only. */
export const trayLog = pgTable(
  'tray_log',
  {
    id: id(),
    departmentId: departmentId(),
    trayId: bigint('tray_id', { mode: 'number' })
      .notNull()
      .references(() => trays.id),
    operation: text('operation').$type<TrayOperation>().notNull(),
    at: at('at').notNull().default(now),
    /** Null: a person did it over the API. */
    equipmentId: integer('equipment_id').references(() => equipment.id),
    /** Number of the employee, or name of the key; empty: the equipment by itself. */
    author: text('author').notNull().default(''),
    cause: text('cause').notNull().default(''),
    sessionId: text('session_id'),
    /** Which cells, and where they were put or taken from. */
    cells: jsonb('cells').$type<readonly PlacedCell[]>().notNull(),
    details: jsonb('details').$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [
    index('tray_log_tray').on(table.trayId, table.id),
    index('tray_log_cells').using('gin', sql`cells jsonb_path_ops`),
    check('tray_log_operation_known', oneOf('operation', TRAY_OPERATIONS)),
  ],
);

/** A cell and its place. */
export interface PlacedCell {
  serialNo: string;
  positionNo: number;
}

/** How long cells must and may rest. */
export const agingLimits = pgTable(
  'aging_limits',
  {
    departmentId: departmentId(),
    /** A whole bind code, or the material before its `/`; empty: everything else. */
    bindCode: text('bind_code').notNull(),
    lowerMinutes: integer('lower_minutes').notNull(),
    upperMinutes: integer('upper_minutes').notNull(),
    setBy: text('set_by').notNull(),
    setAt: at('set_at').notNull().default(now),
  },
  (table) => [
    primaryKey({ columns: [table.departmentId, table.bindCode] }),
    check('aging_limits_sensible', sql`lower_minutes >= 0 and upper_minutes >= lower_minutes`),
  ],
);
