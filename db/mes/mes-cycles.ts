/**
 * Cycles: one reading of MES, or one imported file, from its beginning to its report, and where the lanes stand.
 */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { driverOf } from './mes-copy.ts';
import {
  mesCursors,
  mesCycleCounts,
  mesCycles,
  mesSettings,
  type MesCycleStatus,
  type MesLane,
  type MesPosition,
  type MesTable,
} from '../schema.ts';

/** Ids behind which carton rows are read again in each cycle: rows do not become visible in the order of their ids. */
export const OVERLAP_IDS = 10_000;
/** The same for sheets, which have only a time. */
export const OVERLAP_MS = 6 * 3_600_000;

export type MesCycleRow = typeof mesCycles.$inferSelect;
export type MesCountsRow = typeof mesCycleCounts.$inferSelect;
export type MesCursorRow = typeof mesCursors.$inferSelect;

/**
 * Begins a cycle, or finds it when it was begun before. What has come lately is read again: the lanes go back by the
 * overlap. Cycles that nobody finished are called abandoned.
 */
export async function openMesCycle(db: Db, workflowId: string, author: string): Promise<number> {
  return db.transaction(async (tx) => {
    const [made] = await tx
      .insert(mesCycles)
      .values({ source: 'sync', workflowId, author })
      .onConflictDoNothing()
      .returning({ id: mesCycles.id });
    if (made === undefined) {
      const [found] = await tx.select({ id: mesCycles.id }).from(mesCycles).where(eq(mesCycles.workflowId, workflowId));
      return found!.id;
    }
    await tx
      .update(mesCycles)
      .set({ status: 'abandoned', words: 'it was ended from outside before it had finished', finishedAt: sql`now()` })
      .where(and(eq(mesCycles.status, 'running'), eq(mesCycles.source, 'sync'), lt(mesCycles.id, made.id)));
    await stepBack(tx);
    return made.id;
  });
}

async function stepBack(tx: Db): Promise<void> {
  const cursors = await tx.select().from(mesCursors).where(eq(mesCursors.lane, 'new')).for('update');
  for (const { mesTable, high, position } of cursors) {
    if (high === null) continue;
    const back = mesTable === 'carton' ? idBefore(high) : timeBefore(high);
    if (position === null || isAfter(mesTable, position, back)) await setPosition(tx, mesTable, 'new', back);
    // the review of carton rows ends where the lane of new ones begins
    if (mesTable === 'carton') {
      await tx.update(mesCursors).set({ high: back }).where(isLane('carton', 'review'));
    }
  }
}

const idBefore = ([id = '0']: MesPosition): MesPosition => [String(Math.max(0, Number(id) - OVERLAP_IDS))];

function timeBefore([time = '']: MesPosition): MesPosition {
  const before = new Date(Date.parse(`${time.replace(' ', 'T').slice(0, 19)}Z`) - OVERLAP_MS);
  return [before.toISOString().slice(0, 19).replace('T', ' '), ''];
}

/** Whether one place lies behind another in the order of the lane of new rows. */
export function isAfter(table: MesTable, one: MesPosition, other: MesPosition): boolean {
  if (table === 'carton') return Number(one[0]) > Number(other[0]);
  return one[0] === other[0] ? one[1]! > other[1]! : one[0]! > other[0]!;
}

const isLane = (table: MesTable, lane: MesLane) => and(eq(mesCursors.mesTable, table), eq(mesCursors.lane, lane));

export async function readMesCursor(db: Db, table: MesTable, lane: MesLane): Promise<MesCursorRow> {
  const [row] = await db.select().from(mesCursors).where(isLane(table, lane));
  return row!;
}

async function setPosition(db: Db, table: MesTable, lane: MesLane, position: MesPosition | null): Promise<void> {
  await db
    .update(mesCursors)
    .set({ position, updatedAt: sql`now()` })
    .where(isLane(table, lane));
}

/** The lane of new sheets begins here, if it has not begun yet. */
export async function beginMesLane(db: Db, table: MesTable, at: MesPosition): Promise<void> {
  await db
    .update(mesCursors)
    .set({ position: at, high: at, updatedAt: sql`now()` })
    .where(and(isLane(table, 'new'), sql`position is null`));
}

/** A lane has reached the end of its table, from where it was; a review begins again. */
export async function endMesLane(db: Db, table: MesTable, lane: MesLane, from: MesPosition | null): Promise<void> {
  await db
    .update(mesCursors)
    .set({ passes: sql`passes + 1`, updatedAt: sql`now()`, ...(lane === 'review' && { position: null }) })
    .where(
      and(
        isLane(table, lane),
        sql`position is not distinct from ${from === null ? null : JSON.stringify(from)}::text::jsonb`,
      ),
    );
}

/** How a cycle ended, and its sums. */
export interface MesCycleEnd {
  status: MesCycleStatus;
  words: string;
  seen: number;
  new: number;
  changed: number;
  rejected: number;
}

/**
 * Ends a cycle. Its sums are held against each other, and against the rows that are there: a cycle whose sums do not
 * close is red. Repeating it changes nothing.
 */
export async function closeMesCycle(
  db: Db,
  cycleId: number,
  { status, words }: { status: MesCycleStatus; words: string },
): Promise<MesCycleEnd> {
  const counts = await readMesCounts(db, [cycleId]);
  const wrong: string[] = [];
  for (const row of counts) {
    const sum = row.new + row.changed + row.unchanged + sumOf(row.rejected);
    if (sum !== row.seen) wrong.push(`${row.seen} ${row.mesTable} rows were seen and ${sum} are accounted for`);
    const there = await countCycleRows(db, cycleId, row.mesTable);
    if (there.new !== row.new)
      wrong.push(`${row.new} ${row.mesTable} rows were counted as new and ${there.new} are there`);
    if (there.changed !== row.changed)
      wrong.push(`${row.changed} ${row.mesTable} rows were counted as changed and ${there.changed} are in the log`);
  }
  const total = (pick: (row: MesCountsRow) => number) => counts.reduce((sum, row) => sum + pick(row), 0);
  const seen = total((row) => row.seen);
  const ended = wrong.length > 0 ? 'mismatch' : status === 'done' && seen === 0 ? 'empty' : status;
  const said = [
    ...wrong,
    ...(words === '' ? [] : [words]),
    ...(ended === 'empty' ? ['MES answered and has no rows'] : []),
  ].join('; ');
  const [closed] = await db
    .update(mesCycles)
    .set({ status: ended, words: said, finishedAt: sql`now()` })
    .where(and(eq(mesCycles.id, cycleId), eq(mesCycles.status, 'running')))
    .returning();
  const row = closed ?? (await db.select().from(mesCycles).where(eq(mesCycles.id, cycleId)))[0]!;
  return {
    status: row.status,
    words: row.words,
    seen,
    new: total((each) => each.new),
    changed: total((each) => each.changed),
    rejected: total((each) => sumOf(each.rejected)),
  };
}

export function sumOf(rejected: Record<string, number>): number {
  return Object.values(rejected).reduce((sum, number) => sum + number, 0);
}

async function countCycleRows(db: Db, cycleId: number, table: MesTable): Promise<{ new: number; changed: number }> {
  const copy = table === 'carton' ? 'mes_cartons' : 'mes_sheets';
  const [row] = await driverOf(db).unsafe(
    `select (select count(*) from ${copy} where cycle_id = $1)::float8 as new,
       (select count(*) from mes_changes where cycle_id = $1 and mes_table = $2)::float8 as changed`,
    [cycleId, table],
  );
  return row as unknown as { new: number; changed: number };
}

export async function readMesCounts(db: Db, cycleIds: readonly number[]): Promise<MesCountsRow[]> {
  if (cycleIds.length === 0) return [];
  return db
    .select()
    .from(mesCycleCounts)
    .where(sql`${mesCycleCounts.cycleId} = any(${sql.param(`{${cycleIds.join(',')}}`)}::bigint[])`)
    .orderBy(mesCycleCounts.cycleId, mesCycleCounts.mesTable);
}

/** Begins the report of an imported file. */
export async function openMesImport(db: Db, name: string, author: string): Promise<number> {
  const [row] = await db
    .insert(mesCycles)
    .values({ source: 'import', workflowId: name, author })
    .returning({ id: mesCycles.id });
  return row!.id;
}

/** Cycles, newest first. */
export async function listMesCycles(
  db: Db,
  { before, limit, status }: { before?: number | undefined; limit: number; status?: MesCycleStatus | undefined },
): Promise<MesCycleRow[]> {
  return db
    .select()
    .from(mesCycles)
    .where(
      and(
        before === undefined ? undefined : lt(mesCycles.id, before),
        status === undefined ? undefined : eq(mesCycles.status, status),
      ),
    )
    .orderBy(desc(mesCycles.id))
    .limit(limit);
}

/** Where every lane stands. */
export async function listMesCursors(db: Db): Promise<MesCursorRow[]> {
  return db.select().from(mesCursors).orderBy(mesCursors.mesTable, mesCursors.lane);
}

export type MesSettings = typeof mesSettings.$inferSelect;

export async function readMesSettings(db: Db, options: { lock?: boolean } = {}): Promise<MesSettings> {
  const query = db.select().from(mesSettings);
  const [row] = await (options.lock === true ? query.for('update') : query);
  return row!;
}

export async function changeMesSettings(
  tx: Db,
  change: { intervalS?: number; isPaused?: boolean },
  changedBy: string,
): Promise<MesSettings> {
  const [row] = await tx
    .update(mesSettings)
    .set({ ...change, changedBy, changedAt: sql`now()`, revision: sql`${mesSettings.revision} + 1` })
    .returning();
  return row!;
}
