/**
 * What the factory's MES says of devices: copies of its two tables, how they were read, and what changed in them later.
 *
 * The copies belong to MES. Nobody but the sync writes them: a trigger refuses everybody who has not said
 * `set local slipway.mes_sync = 'on'`. Their columns keep MES's names in lower case, so that both sides can be compared.
 * Text that is empty in MES is null here.
 */
import { sql } from 'drizzle-orm';
import { bigint, boolean, check, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { at, id, oneOf } from './columns.ts';
import { departments } from './people.ts';

/** The two tables, by what a row of them is. */
export const MES_TABLES = ['carton', 'sheet'] as const;
export type MesTable = (typeof MES_TABLES)[number];

/** How rows came: read from the MES database, or from a file. */
export const MES_SOURCES = ['sync', 'import'] as const;

/**
 * How a cycle ended. `empty`: MES answered and had no row at all. `unreachable`: MES did not answer. `refused`: MES
 * answered and may not or cannot be read like this. `mismatch`: the sums do not close, somebody must look.
 */
export const MES_CYCLE_STATUSES = [
  'running',
  'done',
  'empty',
  'unreachable',
  'refused',
  'mismatch',
  'cancelled',
  'abandoned',
] as const;
export type MesCycleStatus = (typeof MES_CYCLE_STATUSES)[number];

/**
 * What reads a table. `new`: what has come since, with an overlap. `review`: the whole table over and over, some rows
 * in each cycle, because rows change long after they have come.
 */
export const MES_LANES = ['new', 'review'] as const;
export type MesLane = (typeof MES_LANES)[number];

const rowColumns = {
  /** MD5 of what MES says, to tell changed rows from unchanged ones without reading them. */
  rowHash: uuid('row_hash').notNull(),
  /** The cycle in which the row was first seen. */
  cycleId: bigint('cycle_id', { mode: 'number' }).notNull(),
};

/** Copy of `Gps_CartonBoxTwenty_Result`: one row for each device that was packed; a device that was packed again has two. */
export const mesCartons = pgTable(
  'mes_cartons',
  {
    /** MES's own key. */
    id: bigint('id', { mode: 'number' }).primaryKey(),
    boxNo: text('box_no'),
    imei: text('imei').notNull(),
    /** The work order. */
    zhidan: text('zhidan'),
    softModel: text('soft_model'),
    version: text('version'),
    productCode: text('product_code'),
    color: text('color'),
    qty: text('qty'),
    weight: text('weight'),
    date: text('date'),
    tacInfo: text('tac_info'),
    companyName: text('company_name'),
    testerId: text('tester_id'),
    /** Null: MES has none. MES says it in Beijing's wall clock. */
    testTime: at('test_time'),
    remark1: text('remark1'),
    /** RID of the baseband. */
    remark2: text('remark2'),
    remark3: text('remark3'),
    remark4: text('remark4'),
    remark5: text('remark5'),
    computer: text('computer'),
    ...rowColumns,
  },
  // Lists go by test time, newest first; each index serves one way to ask for a part of them.
  (table) => [
    index('mes_cartons_imei').on(table.imei),
    index('mes_cartons_box').on(table.boxNo),
    index('mes_cartons_order').on(table.zhidan, table.testTime, table.id),
    index('mes_cartons_model').on(table.softModel, table.testTime, table.id),
    index('mes_cartons_company').on(table.companyName, table.testTime, table.id),
    index('mes_cartons_time').on(table.testTime, table.id),
    // rows of a cycle lie together
    index('mes_cartons_cycle').using('brin', table.cycleId),
  ],
);

/** Copy of `DataRelativeSheet`: what belongs to a device. `imei1` is the IMEI. */
export const mesSheets = pgTable(
  'mes_sheets',
  {
    imei1: text('imei1').primaryKey(),
    sn: text('sn'),
    /** SN */
    imei2: text('imei2'),
    /** Number of the SIM card. */
    imei3: text('imei3'),
    /** ICCID */
    imei4: text('imei4'),
    /** Password or smart-lock id: shown to nobody. */
    imei5: text('imei5'),
    /** Bluetooth MAC */
    imei6: text('imei6'),
    /** Equipment number */
    imei7: text('imei7'),
    /** Service card */
    imei8: text('imei8'),
    /** Serial of the battery */
    imei9: text('imei9'),
    /** Second lock id */
    imei10: text('imei10'),
    /** Machine code */
    imei11: text('imei11'),
    imei12: text('imei12'),
    zhidan: text('zhidan'),
    testTime: at('test_time'),
    ...rowColumns,
  },
  (table) => [
    index('mes_sheets_sn').on(table.sn),
    index('mes_sheets_imei2').on(table.imei2),
    index('mes_sheets_iccid').on(table.imei4),
    index('mes_sheets_cycle').using('brin', table.cycleId),
  ],
);

/** Devices that were shipped; written by the shipment in its own transaction, and the only thing MES rows are joined with. */
export const mesShipped = pgTable('mes_shipped', {
  imei: text('imei').primaryKey(),
  /** The total shipment record. */
  shipmentId: bigint('shipment_id', { mode: 'number' }),
  departmentId: integer('department_id')
    .notNull()
    .references(() => departments.id),
  shippedAt: at('shipped_at').notNull().defaultNow(),
});

/** One column that is not what it was. */
export interface MesDifference {
  column: string;
  old: string | null;
  new: string | null;
}

/** Rows that MES changed after they had come; append-only. */
export const mesChanges = pgTable(
  'mes_changes',
  {
    id: id(),
    at: at('at')
      .notNull()
      .default(sql`clock_timestamp()`),
    cycleId: bigint('cycle_id', { mode: 'number' }).notNull(),
    mesTable: text('mes_table').$type<MesTable>().notNull(),
    /** `Id` of a carton row, `IMEI1` of a sheet. */
    rowKey: text('row_key').notNull(),
    /** The device before the change; when the IMEI itself changed, the new one is among the differences. */
    imei: text('imei').notNull(),
    differences: jsonb('differences').$type<MesDifference[]>().notNull(),
  },
  (table) => [
    index('mes_changes_imei').on(table.imei, table.id),
    index('mes_changes_cycle').on(table.cycleId, table.mesTable),
    check('mes_changes_table_known', oneOf('mes_table', MES_TABLES)),
  ],
);

/** One reading of MES, or one imported file, and how it ended. */
export const mesCycles = pgTable(
  'mes_cycles',
  {
    id: id(),
    source: text('source').$type<(typeof MES_SOURCES)[number]>().notNull(),
    /** The execution; or what makes an import different from others. */
    workflowId: text('workflow_id').notNull().unique(),
    /** `schedule`, or the name of the key of whoever asked for it. */
    author: text('author').notNull(),
    status: text('status').$type<MesCycleStatus>().notNull().default('running'),
    /** What a person should know: why it is red, or what MES lacks. */
    words: text('words').notNull().default(''),
    startedAt: at('started_at').notNull().defaultNow(),
    finishedAt: at('finished_at'),
  },
  (table) => [
    index('mes_cycles_running')
      .on(table.id)
      .where(sql`status = 'running'`),
    check('mes_cycles_source_known', oneOf('source', MES_SOURCES)),
    check('mes_cycles_status_known', oneOf('status', MES_CYCLE_STATUSES)),
  ],
);

/** What a cycle has seen in one table, counted in the transactions that wrote the rows. */
export const mesCycleCounts = pgTable(
  'mes_cycle_counts',
  {
    cycleId: bigint('cycle_id', { mode: 'number' })
      .notNull()
      .references(() => mesCycles.id, { onDelete: 'cascade' }),
    mesTable: text('mes_table').$type<MesTable>().notNull(),
    seen: bigint('seen', { mode: 'number' }).notNull().default(0),
    new: bigint('new', { mode: 'number' }).notNull().default(0),
    changed: bigint('changed', { mode: 'number' }).notNull().default(0),
    unchanged: bigint('unchanged', { mode: 'number' }).notNull().default(0),
    /** By reason. */
    rejected: jsonb('rejected').$type<Record<string, number>>().notNull().default({}),
  },
  (table) => [
    primaryKey({ columns: [table.cycleId, table.mesTable] }),
    check('mes_cycle_counts_table_known', oneOf('mes_table', MES_TABLES)),
  ],
);

/** Rows of MES that could not be taken, until they can. */
export const mesRejected = pgTable(
  'mes_rejected',
  {
    mesTable: text('mes_table').$type<MesTable>().notNull(),
    /** The row's key, or a hash of the row when it has none. */
    rowKey: text('row_key').notNull(),
    reason: text('reason').notNull(),
    words: text('words').notNull(),
    /** What MES says, as text; without what nobody may see. */
    row: jsonb('row').$type<Record<string, string | null>>().notNull(),
    firstCycleId: bigint('first_cycle_id', { mode: 'number' }).notNull(),
    lastCycleId: bigint('last_cycle_id', { mode: 'number' }).notNull(),
    lastAt: at('last_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.mesTable, table.rowKey] }),
    index('mes_rejected_cycle').on(table.lastCycleId),
    check('mes_rejected_table_known', oneOf('mes_table', MES_TABLES)),
  ],
);

/** How far each lane has read; moved in the transaction that writes the rows, and only from where it was. */
export const mesCursors = pgTable(
  'mes_cursors',
  {
    mesTable: text('mes_table').$type<MesTable>().notNull(),
    lane: text('lane').$type<MesLane>().notNull(),
    /** Where reading goes on: the last row that was read. Null: at the beginning. */
    position: jsonb('position').$type<MesPosition>(),
    /** The furthest position ever; what has come since lies behind it. */
    high: jsonb('high').$type<MesPosition>(),
    /** How often the lane reached the end of the table. */
    passes: integer('passes').notNull().default(0),
    updatedAt: at('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.mesTable, table.lane] }),
    check('mes_cursors_table_known', oneOf('mes_table', MES_TABLES)),
    check('mes_cursors_lane_known', oneOf('lane', MES_LANES)),
  ],
);

/** A place in the order in which a lane reads: by `Id`, by `IMEI1`, or by `TestTime` and `IMEI1`; as MES writes them. */
export type MesPosition = readonly string[];

/** How MES is read; one row. The Temporal Schedule follows it. */
export const mesSettings = pgTable(
  'mes_settings',
  {
    id: integer('id').primaryKey().default(1),
    intervalS: integer('interval_s').notNull().default(300),
    isPaused: boolean('is_paused').notNull().default(false),
    revision: integer('revision').notNull().default(1),
    changedAt: at('changed_at').notNull().defaultNow(),
    changedBy: text('changed_by').notNull().default('system'),
  },
  () => [
    check('mes_settings_one_row', sql`id = 1`),
    check('mes_settings_interval', sql`interval_s between 10 and 86400`),
  ],
);
