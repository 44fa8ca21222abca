/**
 * The registry of equipment: made, found, listed, changed, deleted, and what gateways keep of it in memory.
 */
import { and, asc, eq, gt, ilike, or, sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { EQUIPMENT_CHANNEL, equipment, equipmentSessions } from '../schema.ts';
import type { EquipmentStatus, FlagAction, SessionState } from '../../workflows/rules/equipment.ts';

/** What people say of an equipment. */
export interface EquipmentFields {
  name: string;
  model: string;
  location: string;
  periodS: number;
  allowedAddresses: string[];
  isHoldListed: boolean;
  isActive: boolean;
  remark: string;
}

/** Registers an equipment with its session; null: the code is taken, by whatever department. */
export async function createEquipment(
  db: Db,
  fields: EquipmentFields & { code: string; departmentId: number; createdBy: string },
): Promise<number | null> {
  const [made] = await db.insert(equipment).values(fields).onConflictDoNothing().returning({ id: equipment.id });
  if (made === undefined) return null;
  await db.insert(equipmentSessions).values({ equipmentId: made.id });
  await announceEquipment(db, made.id);
  return made.id;
}

/** Tells the gateways that an equipment or its flags changed, when the transaction ends. */
export async function announceEquipment(db: Db, equipmentId: number): Promise<void> {
  await db.execute(sql`select pg_notify(${EQUIPMENT_CHANNEL}, ${String(equipmentId)})`);
}

const COLUMNS = {
  id: equipment.id,
  code: equipment.code,
  name: equipment.name,
  model: equipment.model,
  location: equipment.location,
  periodS: equipment.periodS,
  allowedAddresses: equipment.allowedAddresses,
  isHoldListed: equipment.isHoldListed,
  isActive: equipment.isActive,
  remark: equipment.remark,
  revision: equipment.revision,
  createdAt: equipment.createdAt,
  createdBy: equipment.createdBy,
  updatedAt: equipment.updatedAt,
  state: equipmentSessions.state,
  stateSince: equipmentSessions.stateSince,
  onlineAt: equipmentSessions.onlineAt,
  lastSeenAt: equipmentSessions.lastSeenAt,
  lastAddress: equipmentSessions.lastAddress,
  software: equipmentSessions.software,
  employeeNo: equipmentSessions.employeeNo,
  operatingMode: equipmentSessions.operatingMode,
  skewMs: equipmentSessions.skewMs,
  isSkewed: equipmentSessions.isSkewed,
  status: equipmentSessions.status,
  statusSince: equipmentSessions.statusSince,
  parametersVersion: equipmentSessions.parametersVersion,
  fetchedVersion: equipmentSessions.fetchedVersion,
  fetchedAt: equipmentSessions.fetchedAt,
  openAlarms: sql<number>`(select count(*) from equipment_alarms a where a.equipment_id = ${equipment.id} and a.cleared_at is null)::int`,
  unacknowledged: sql<number>`(select count(*) from equipment_alarms a where a.equipment_id = ${equipment.id} and a.cleared_at is null and a.acknowledged_at is null)::int`,
  pendingFlags: sql<
    FlagAction[]
  >`coalesce((select jsonb_agg(f.action order by f.id) from equipment_flags f where f.equipment_id = ${equipment.id} and f.status = 'pending'), '[]')`,
};

function select(db: Db) {
  return db
    .select(COLUMNS)
    .from(equipment)
    .innerJoin(equipmentSessions, eq(equipmentSessions.equipmentId, equipment.id));
}

export type EquipmentRow = Awaited<ReturnType<typeof select>>[number];

/** What a list may be narrowed by; all given must fit. */
export interface EquipmentFilter {
  state?: SessionState | undefined;
  status?: EquipmentStatus | undefined;
  model?: string | undefined;
  location?: string | undefined;
  /** Part of the code or the name. */
  search?: string | undefined;
  active?: boolean | undefined;
  alarms?: boolean | undefined;
}

/** Equipment of a department by code. */
export async function listEquipment(
  db: Db,
  departmentId: number,
  filter: EquipmentFilter,
  { after, limit }: { after: string; limit: number },
): Promise<EquipmentRow[]> {
  const { state, status, model, location, search, active, alarms } = filter;
  const conditions: (SQL | undefined)[] = [eq(equipment.departmentId, departmentId), gt(equipment.code, after)];
  if (state !== undefined) conditions.push(eq(equipmentSessions.state, state));
  if (status !== undefined) conditions.push(eq(equipmentSessions.status, status));
  if (model !== undefined) conditions.push(eq(equipment.model, model));
  if (location !== undefined) conditions.push(eq(equipment.location, location));
  if (active !== undefined) conditions.push(eq(equipment.isActive, active));
  if (search !== undefined && search !== '') {
    const part = `%${search.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
    conditions.push(or(ilike(equipment.code, part), ilike(equipment.name, part)));
  }
  if (alarms !== undefined) {
    const open = sql`exists (select 1 from equipment_alarms a where a.equipment_id = ${equipment.id} and a.cleared_at is null)`;
    conditions.push(alarms ? open : sql`not ${open}`);
  }
  return select(db)
    .where(and(...conditions))
    .orderBy(asc(equipment.code))
    .limit(limit);
}

/** One equipment of a department, or null. */
export async function findEquipment(
  db: Db,
  departmentId: number,
  code: string,
  { lock = false }: { lock?: boolean } = {},
): Promise<EquipmentRow | null> {
  if (lock) {
    // the same row that calls of the equipment lock
    await db.execute(sql`
      select 1 from equipment_sessions s join equipment e on e.id = s.equipment_id
      where e.code = ${code} and e.department_id = ${departmentId} for update`);
  }
  const [row] = await select(db).where(and(eq(equipment.departmentId, departmentId), eq(equipment.code, code)));
  return row ?? null;
}

/** Changes an equipment; what is missing stays. */
export async function changeEquipment(db: Db, equipmentId: number, change: Partial<EquipmentFields>): Promise<void> {
  await db
    .update(equipment)
    .set({ ...change, revision: sql`${equipment.revision} + 1`, updatedAt: sql`clock_timestamp()` })
    .where(eq(equipment.id, equipmentId));
  await announceEquipment(db, equipmentId);
}

/** Deletes an equipment that never called; false: it has a history. Other tables may refuse it, too. */
export async function deleteEquipment(db: Db, equipmentId: number): Promise<boolean> {
  const [known] = await db.execute(sql`
    select 1 where exists (select 1 from equipment_edges where equipment_id = ${equipmentId})
      or exists (select 1 from equipment_status_changes where equipment_id = ${equipmentId})
      or exists (select 1 from equipment_alarm_log where equipment_id = ${equipmentId})
      or exists (select 1 from equipment_flags where equipment_id = ${equipmentId})
      or exists (select 1 from equipment_follow_ups where equipment_id = ${equipmentId})
      or exists (select 1 from equipment_parameters where equipment_id = ${equipmentId})
      or exists (select 1 from equipment_calls where equipment_id = ${equipmentId})
      or exists (select 1 from equipment_replies where equipment_id = ${equipmentId})
      or exists (select 1 from tray_log where equipment_id = ${equipmentId})`);
  if (known !== undefined) return false;
  await db.delete(equipment).where(eq(equipment.id, equipmentId));
  await announceEquipment(db, equipmentId);
  return true;
}

/** How many equipment of a department are in which state, and have which status. */
export async function countEquipment(db: Db, departmentId: number) {
  const rows = await db.execute<{
    state: SessionState;
    status: EquipmentStatus | null;
    count: number;
    alarmed: number;
  }>(sql`
    select s.state, s.status, count(*)::int as count,
      count(*) filter (where exists (
        select 1 from equipment_alarms a where a.equipment_id = e.id and a.cleared_at is null))::int as alarmed
    from equipment e join equipment_sessions s on s.equipment_id = e.id
    where e.department_id = ${departmentId} and e.is_active group by s.state, s.status`);
  return rows;
}

/** What gateways keep of an equipment in memory. */
export interface DirectoryEntry extends Record<string, unknown> {
  id: number;
  code: string;
  allowedAddresses: string[];
  /** The oldest pending flag. */
  flagId: number | null;
  flagAction: FlagAction | null;
}

/** Changes with anything that `loadDirectory` reads: ten thousand rows need not be fetched to see that nothing did. */
export async function directoryMark(db: Db): Promise<string> {
  const [row] = await db.execute<{ mark: string }>(sql`
    select md5(coalesce(string_agg(concat_ws('|', e.id, e.code, e.allowed_addresses::text, f.flags), ',' order by e.id), '')) as mark
    from equipment e left join (
      select equipment_id, min(id)::text || ':' || count(*)::text as flags from equipment_flags where status = 'pending'
      group by equipment_id
    ) f on f.equipment_id = e.id
    where e.is_active`);
  return row!.mark;
}

/** Active equipment for the memory of a gateway: all, or those of these ids. */
export async function loadDirectory(db: Db, ids: readonly number[] | null): Promise<DirectoryEntry[]> {
  return db.execute<DirectoryEntry>(sql`
    select e.id, e.code, e.allowed_addresses as "allowedAddresses", f.id::float8 as "flagId", f.action as "flagAction"
    from equipment e
    left join lateral (select id, action from equipment_flags where equipment_id = e.id and status = 'pending'
      order by id limit 1) f on true
    where e.is_active ${ids === null ? sql`` : sql`and e.id = any (${`{${ids.join(',')}}`}::int[])`}`);
}
