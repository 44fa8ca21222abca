/**
 * Triggers as people see them: made, changed, switched on and off, tried; what they did and what MES changed later.
 * Always of one department.
 */
import { and, asc, desc, eq, gt, isNull, lt, ne, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { matchCondition } from './trigger-match.ts';
import {
  mesChanges,
  shipmentTriggers,
  triggerDifferences,
  triggerFirings,
  type TriggerMatch,
  type TriggerPlatform,
} from '../schema.ts';

export type TriggerRow = typeof shipmentTriggers.$inferSelect;
export type FiringRow = typeof triggerFirings.$inferSelect;

/** What may be said of a trigger. */
export interface TriggerFields {
  name: string;
  match: TriggerMatch;
  company: string;
  shipInDays: number;
  remark: string;
  platform: TriggerPlatform | null;
}

export async function listTriggers(
  db: Db,
  departmentId: number,
  page: { after: number; limit: number },
): Promise<TriggerRow[]> {
  const t = shipmentTriggers;
  return db
    .select()
    .from(t)
    .where(and(eq(t.departmentId, departmentId), isNull(t.deletedAt), gt(t.id, page.after)))
    .orderBy(asc(t.id))
    .limit(page.limit);
}

/** One trigger of the department, or null; `lock` holds it for a change. */
export async function findTrigger(
  db: Db,
  departmentId: number,
  id: number,
  { lock = false } = {},
): Promise<TriggerRow | null> {
  const t = shipmentTriggers;
  const query = db
    .select()
    .from(t)
    .where(and(eq(t.departmentId, departmentId), eq(t.id, id), isNull(t.deletedAt)));
  const [row] = await (lock ? query.for('update') : query);
  return row ?? null;
}

/** Makes a trigger that is off; null when the name is taken. */
export async function createTrigger(
  tx: Db,
  { departmentId, createdBy, ...fields }: TriggerFields & { departmentId: number; createdBy: string },
): Promise<TriggerRow | null> {
  const [row] = await tx
    .insert(shipmentTriggers)
    .values({ departmentId, createdBy, ...fields })
    .onConflictDoNothing()
    .returning();
  return row ?? null;
}

/** Changes a trigger that is locked; null when the new name is taken. */
export async function changeTrigger(tx: Db, before: TriggerRow, change: Partial<TriggerFields>) {
  const t = shipmentTriggers;
  if (change.name !== undefined && change.name !== before.name) {
    const [taken] = await tx
      .select({ id: t.id })
      .from(t)
      .where(and(eq(t.departmentId, before.departmentId), eq(t.name, change.name), isNull(t.deletedAt)));
    if (taken !== undefined) return null;
  }
  const [row] = await tx
    .update(t)
    .set({ ...change, revision: sql`revision + 1` })
    .where(eq(t.id, before.id))
    .returning();
  return row ?? null;
}

/**
 * Switches a trigger that is locked. From then on rows are new to it: what was read while it was off is never shipped
 * by it. A reading that runs at that moment counts as new.
 */
export async function switchTrigger(tx: Db, id: number, isOn: boolean): Promise<TriggerRow> {
  const [row] = await tx
    .update(shipmentTriggers)
    .set({
      isOn,
      revision: sql`revision + 1`,
      ...(isOn && {
        afterCycleId: sql`coalesce((select min(id) - 1 from mes_cycles where status = 'running'),
          (select max(id) from mes_cycles), 0)`,
      }),
    })
    .where(eq(shipmentTriggers.id, id))
    .returning();
  if (isOn) {
    await tx.execute(sql`
      insert into trigger_firings (trigger_id, cycle_id, status, words, finished_at)
      select ${id}, id, 'passed', 'it was off', clock_timestamp() from mes_cycles
      where id > ${row!.afterCycleId} and status <> 'running'
      on conflict do nothing`);
  }
  return row!;
}

/** Takes a trigger that is locked out of use; what it did stays. */
export async function deleteTrigger(tx: Db, id: number): Promise<void> {
  await tx
    .update(shipmentTriggers)
    .set({ isOn: false, deletedAt: sql`now()` })
    .where(eq(shipmentTriggers.id, id));
}

/** What it did, newest first; readings that had nothing for it are left out. */
export async function listFirings(
  db: Db,
  triggerId: number,
  { before, limit }: { before?: number | undefined; limit: number },
): Promise<FiringRow[]> {
  const f = triggerFirings;
  return db
    .select()
    .from(f)
    .where(
      and(eq(f.triggerId, triggerId), ne(f.status, 'passed'), before === undefined ? undefined : lt(f.cycleId, before)),
    )
    .orderBy(desc(f.cycleId))
    .limit(limit);
}

/** What MES changed later, newest first, with what was changed. */
export async function listDifferences(
  db: Db,
  triggerId: number,
  { before, limit }: { before?: number | undefined; limit: number },
) {
  const d = triggerDifferences;
  return db
    .select({ difference: d, change: mesChanges })
    .from(d)
    .innerJoin(mesChanges, eq(mesChanges.id, d.changeId))
    .where(and(eq(d.triggerId, triggerId), before === undefined ? undefined : lt(d.id, before)))
    .orderBy(desc(d.id))
    .limit(limit);
}

/** Rows that a trial looks through, the newest. */
export const TRIED_ROWS = 200_000;

/**
 * IMEIs of the rows there are that would fit, newest first. Rows of an order or a model are found by their test time,
 * others by the ids of MES. `lookedAt`: null, all that can fit were looked through.
 */
export async function findFitting(
  db: Db,
  match: TriggerMatch,
  limit: number,
): Promise<{ imeis: string[]; lookedAt: number | null }> {
  const { order, model } = match;
  const [narrow, sequence] =
    order !== undefined
      ? [sql`where zhidan = ${order}`, sql`test_time desc, id desc`]
      : model !== undefined
        ? [sql`where soft_model = ${model}`, sql`test_time desc, id desc`]
        : [sql``, sql`id desc`];
  const found = await db.execute<{ imei: string }>(sql`
    select c.imei from (select * from mes_cartons ${narrow} order by ${sequence} limit ${TRIED_ROWS}) c
    where ${matchCondition(match)} and not exists (select 1 from mes_cartons l where l.imei = c.imei and l.id > c.id)
    order by c.id desc limit ${limit}`);
  return { imeis: found.map(({ imei }) => imei), lookedAt: order === undefined ? TRIED_ROWS : null };
}
