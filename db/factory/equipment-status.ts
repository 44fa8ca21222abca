/**
 * Statuses of equipment: changes in the order of the time they name, late ones kept without touching what is current,
 * and what is needed to say how long each lasted.
 */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { equipmentStatusChanges } from '../schema.ts';
import type { EquipmentStatus } from '../../workflows/rules/equipment.ts';

/** A change of status as an equipment tells it. */
export interface NewStatusChange {
  equipmentId: number;
  status: EquipmentStatus;
  statusCode: string;
  reasonCode: string;
  description: string | null;
  locationId: string | null;
  changedAtMs: number;
}

/**
 * Stores a change; the current status follows when none known is newer. To be called with the equipment locked. What was
 * told before is `known`, and stored once: the last that is known of the same moment. ChangeTime has whole seconds, and
 * within one an equipment may go and come back.
 */
export async function storeStatusChange(tx: Db, change: NewStatusChange): Promise<'current' | 'late' | 'known'> {
  const { equipmentId, status, statusCode, reasonCode, description, locationId, changedAtMs } = change;
  const [stored] = await tx.execute<{ isLate: boolean }>(sql`
    with told as (
      select to_timestamp(${changedAtMs / 1000}::float8) as changed_at,
        least(to_timestamp(${changedAtMs / 1000}::float8), clock_timestamp()) as effective_at
    ), stored as (
      insert into equipment_status_changes (equipment_id, status, status_code, reason_code, description, location_id,
        changed_at, effective_at, is_late)
      select ${equipmentId}, ${status}, ${statusCode}, ${reasonCode}, ${description}, ${locationId}, t.changed_at,
        t.effective_at, coalesce(t.effective_at < s.status_since, false)
      from told t, equipment_sessions s where s.equipment_id = ${equipmentId}
        and ${status} is distinct from (
          select c.status from equipment_status_changes c
          where c.equipment_id = ${equipmentId} and c.changed_at = t.changed_at order by c.id desc limit 1)
      returning id, status, effective_at, is_late
    ), current as (
      update equipment_sessions s set status = c.status, status_since = c.effective_at, status_change_id = c.id
      from stored c where s.equipment_id = ${equipmentId} and not c.is_late
    )
    select is_late as "isLate" from stored`);
  if (stored === undefined) return 'known';
  return stored.isLate ? 'late' : 'current';
}

/** Changes of one equipment, in the order they came, newest first. */
export async function listStatusChanges(
  db: Db,
  equipmentId: number,
  { before, limit }: { before: number | undefined; limit: number },
) {
  const { id } = equipmentStatusChanges;
  return db
    .select()
    .from(equipmentStatusChanges)
    .where(and(eq(equipmentStatusChanges.equipmentId, equipmentId), before === undefined ? undefined : lt(id, before)))
    .orderBy(desc(id))
    .limit(limit);
}

/** What decides about the states between two moments: everything between, and the last of each kind before. */
export async function readTimeline(db: Db, equipmentId: number, { fromMs, toMs }: { fromMs: number; toMs: number }) {
  const from = sql`to_timestamp(${fromMs / 1000}::float8)`;
  const to = sql`to_timestamp(${toMs / 1000}::float8)`;
  const changes = await db.execute<{ atMs: number; order: number; status: EquipmentStatus }>(sql`
    select extract(epoch from effective_at)::float8 * 1000 as "atMs", id::float8 as "order", status
    from (
      (select * from equipment_status_changes where equipment_id = ${equipmentId} and effective_at < ${from}
        order by effective_at desc, id desc limit 1)
      union all
      (select * from equipment_status_changes
        where equipment_id = ${equipmentId} and effective_at >= ${from} and effective_at < ${to})
    ) c order by effective_at, id`);
  const sessions = await db.execute<{ atMs: number; order: number; isOffline: boolean }>(sql`
    select extract(epoch from at)::float8 * 1000 as "atMs", id::float8 as "order", to_state = 'offline' as "isOffline"
    from (
      (select * from equipment_edges where equipment_id = ${equipmentId} and at < ${from} order by at desc, id desc limit 1)
      union all
      (select * from equipment_edges where equipment_id = ${equipmentId} and at >= ${from} and at < ${to}
        and (to_state = 'offline' or from_state = 'offline'))
    ) e order by at, id`);
  return { changes, sessions };
}
