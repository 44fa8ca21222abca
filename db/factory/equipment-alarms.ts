/**
 * Alarms of equipment: raised, repeated, cleared, acknowledged; each change with a line in their journal, and events for
 * those who want to hear of them.
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { AlarmEvent } from '../../workflows/rules/equipment.ts';

/** An alarm as the equipment raises it. */
export interface RaisedAlarm {
  alertCode: string;
  description: string | null;
  level: string | null;
  partCode: string | null;
  productType: string | null;
}

/** What came of one: `repeated` was open already, `clear_unknown` was not. */
export type AlarmOutcome = 'raised' | 'repeated' | 'cleared' | 'clear_unknown';

/** Raises an alarm, or counts it when it is open. To be called with the equipment locked. */
export async function raiseAlarm(tx: Db, equipmentId: number, alarm: RaisedAlarm): Promise<AlarmOutcome> {
  const { alertCode, description, level, partCode, productType } = alarm;
  const [row] = await tx.execute<{ isNew: boolean }>(sql`
    with raised as (
      insert into equipment_alarms as a (equipment_id, alert_code, description, level, part_code, product_type)
      values (${equipmentId}, ${alertCode}, ${description ?? ''}, ${level ?? ''}, ${partCode ?? ''}, ${productType ?? ''})
      on conflict (equipment_id, alert_code) where cleared_at is null do update
        set raises = a.raises + 1, last_raised_at = clock_timestamp(),
          description = coalesce(nullif(excluded.description, ''), a.description),
          level = coalesce(nullif(excluded.level, ''), a.level)
      returning id, alert_code, description, level, part_code, raises = 1 as is_new
    ), logged as (
      insert into equipment_alarm_log (equipment_id, alarm_id, alert_code, event, author, cause)
      select ${equipmentId}, id, alert_code, 'raised', 'equipment', description from raised where is_new
    ), told as (
      insert into events (department_id, kind, data)
      select e.department_id, 'equipment.alarm', jsonb_build_object('equipmentCode', e.code, 'name', e.name,
        'location', e.location, 'alarmId', r.id, 'alertCode', r.alert_code, 'description', r.description,
        'level', r.level, 'partCode', r.part_code)
      from raised r, equipment e where r.is_new and e.id = ${equipmentId}
    )
    select is_new as "isNew" from raised`);
  return row?.isNew === true ? 'raised' : 'repeated';
}

/** Clears an alarm; that of an unknown one is noted. To be called with the equipment locked. */
export async function clearAlarm(tx: Db, equipmentId: number, alertCode: string): Promise<AlarmOutcome> {
  const [row] = await tx.execute<{ isKnown: boolean }>(sql`
    with cleared as (
      update equipment_alarms set cleared_at = clock_timestamp()
      where equipment_id = ${equipmentId} and alert_code = ${alertCode} and cleared_at is null
      returning id, alert_code, raised_at, raises
    ), logged as (
      insert into equipment_alarm_log (equipment_id, alarm_id, alert_code, event, author)
      select ${equipmentId}::int, id, alert_code, 'cleared', 'equipment' from cleared
      union all
      select ${equipmentId}::int, null::bigint, ${alertCode}::text, 'clear_unknown', 'equipment' where not exists (select 1 from cleared)
    ), told as (
      insert into events (department_id, kind, data)
      select e.department_id, 'equipment.alarm_cleared', jsonb_build_object('equipmentCode', e.code, 'name', e.name,
        'location', e.location, 'alarmId', c.id, 'alertCode', c.alert_code, 'raises', c.raises,
        'lastedSeconds', round(extract(epoch from clock_timestamp() - c.raised_at)))
      from cleared c, equipment e where e.id = ${equipmentId}
    )
    select exists (select 1 from cleared) as "isKnown"`);
  return row?.isKnown === true ? 'cleared' : 'clear_unknown';
}

/** An alarm as people see it. */
export interface AlarmRow extends Record<string, unknown> {
  id: number;
  equipmentId: number;
  equipmentCode: string;
  alertCode: string;
  description: string;
  level: string;
  partCode: string;
  productType: string;
  raisedAt: string;
  raises: number;
  lastRaisedAt: string;
  clearedAt: string | null;
  acknowledgedAt: string | null;
  acknowledgedBy: string | null;
}

/** What a list of alarms may be narrowed by; all given must fit. */
export interface AlarmFilter {
  equipmentCode?: string | undefined;
  alertCode?: string | undefined;
  open?: boolean | undefined;
  acknowledged?: boolean | undefined;
}

const iso = (column: string) => sql.raw(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);

/** Alarms of a department, newest first. */
export async function listAlarms(
  db: Db,
  departmentId: number,
  { equipmentCode, alertCode, open, acknowledged }: AlarmFilter,
  { before, limit, id }: { before?: number | undefined; limit: number; id?: number },
): Promise<AlarmRow[]> {
  return db.execute<AlarmRow>(sql`
    select a.id::float8 as id, a.equipment_id as "equipmentId", e.code as "equipmentCode", a.alert_code as "alertCode",
      a.description, a.level, a.part_code as "partCode", a.product_type as "productType", ${iso('a.raised_at')} as "raisedAt",
      a.raises, ${iso('a.last_raised_at')} as "lastRaisedAt", ${iso('a.cleared_at')} as "clearedAt",
      ${iso('a.acknowledged_at')} as "acknowledgedAt", a.acknowledged_by as "acknowledgedBy"
    from equipment_alarms a join equipment e on e.id = a.equipment_id
    where e.department_id = ${departmentId}
      ${id === undefined ? sql`` : sql`and a.id = ${id}`}
      ${before === undefined ? sql`` : sql`and a.id < ${before}`}
      ${equipmentCode === undefined ? sql`` : sql`and e.code = ${equipmentCode}`}
      ${alertCode === undefined ? sql`` : sql`and a.alert_code = ${alertCode}`}
      ${open === undefined ? sql`` : open ? sql`and a.cleared_at is null` : sql`and a.cleared_at is not null`}
      ${acknowledged === undefined ? sql`` : acknowledged ? sql`and a.acknowledged_at is not null` : sql`and a.acknowledged_at is null`}
    order by a.id desc limit ${limit}`);
}

/** Acknowledges an alarm, open or cleared; false: somebody has. */
export async function acknowledgeAlarm(
  db: Db,
  alarmId: number,
  { author, cause }: { author: string; cause: string },
): Promise<boolean> {
  const rows = await db.execute(sql`
    with done as (
      update equipment_alarms set acknowledged_at = clock_timestamp(), acknowledged_by = ${author}
      where id = ${alarmId} and acknowledged_at is null returning id, equipment_id, alert_code
    ), logged as (
      insert into equipment_alarm_log (equipment_id, alarm_id, alert_code, event, author, cause)
      select equipment_id, id, alert_code, 'acknowledged', ${author}, ${cause} from done
    )
    select 1 from done`);
  return rows.length > 0;
}

/** A line of the journal. */
export interface AlarmLine extends Record<string, unknown> {
  id: number;
  at: string;
  alarmId: number | null;
  alertCode: string;
  event: AlarmEvent;
  author: string;
  cause: string;
}

/** The journal of an equipment's alarms, newest first. */
export async function listAlarmLog(
  db: Db,
  equipmentId: number,
  { before, limit, alarmId }: { before?: number | undefined; limit: number; alarmId?: number | undefined },
): Promise<AlarmLine[]> {
  return db.execute<AlarmLine>(sql`
    select id::float8 as id, ${iso('at')} as at, alarm_id::float8 as "alarmId", alert_code as "alertCode", event, author, cause
    from equipment_alarm_log where equipment_id = ${equipmentId}
      ${before === undefined ? sql`` : sql`and id < ${before}`}
      ${alarmId === undefined ? sql`` : sql`and alarm_id = ${alarmId}`}
    order by id desc limit ${limit}`);
}
