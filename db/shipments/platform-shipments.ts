/**
 * Secondary shipments as people see them: lists, one with its devices, what needs a person, and what that person
 * decides. Always of one department.
 */
import { and, asc, desc, eq, gt, gte, lt, sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { platformShipmentDevices, platformShipmentLog, platformShipments } from '../schema.ts';
import {
  PLATFORM_LIFE_MS,
  type PlatformDeviceStatus,
  type PlatformPersonDecision,
  type PlatformReason,
  type PlatformShipmentStatus,
} from '../../workflows/rules/platforms.ts';

export type PlatformShipmentRow = typeof platformShipments.$inferSelect;
export type PlatformDeviceRow = typeof platformShipmentDevices.$inferSelect;
export type PlatformLogRow = typeof platformShipmentLog.$inferSelect;

/** What a list may be narrowed by; all given must fit. */
export interface PlatformShipmentFilter {
  status?: PlatformShipmentStatus;
  platformId?: number;
  createdBy?: string;
  imei?: string;
  from?: Date | undefined;
  to?: Date | undefined;
}

/** A page of shipments, newest first. */
export async function listPlatformShipments(
  db: Db,
  departmentId: number,
  { status, platformId, createdBy, imei, from, to }: PlatformShipmentFilter,
  page: { before?: number | undefined; limit: number },
): Promise<PlatformShipmentRow[]> {
  const s = platformShipments;
  return db
    .select()
    .from(s)
    .where(
      and(
        eq(s.departmentId, departmentId),
        status === undefined ? undefined : eq(s.status, status),
        platformId === undefined ? undefined : eq(s.platformId, platformId),
        createdBy === undefined ? undefined : eq(s.createdBy, createdBy),
        from === undefined ? undefined : gte(s.createdAt, from),
        to === undefined ? undefined : lt(s.createdAt, to),
        imei === undefined
          ? undefined
          : sql`${s.id} in (select shipment_id from platform_shipment_devices
              where department_id = ${departmentId} and imei = ${imei})`,
        page.before === undefined ? undefined : lt(s.id, page.before),
      ),
    )
    .orderBy(desc(s.id))
    .limit(page.limit);
}

/** One shipment of the department, or null; `lock` holds it for a change. */
export async function findPlatformShipment(
  db: Db,
  departmentId: number,
  id: number,
  { lock = false } = {},
): Promise<PlatformShipmentRow | null> {
  const query = db
    .select()
    .from(platformShipments)
    .where(and(eq(platformShipments.departmentId, departmentId), eq(platformShipments.id, id)));
  const [row] = await (lock ? query.for('update') : query);
  return row ?? null;
}

/** A page of the devices of a shipment, in the order in which they were named. */
export async function listPlatformDevices(
  db: Db,
  shipmentId: number,
  { status, reason, imei }: { status?: PlatformDeviceStatus; reason?: PlatformReason; imei?: string },
  page: { after: number; limit: number },
): Promise<PlatformDeviceRow[]> {
  const d = platformShipmentDevices;
  return db
    .select()
    .from(d)
    .where(
      and(
        eq(d.shipmentId, shipmentId),
        status === undefined ? undefined : eq(d.status, status),
        reason === undefined ? undefined : eq(d.reason, reason),
        imei === undefined ? undefined : eq(d.imei, imei),
        gt(d.id, page.after),
      ),
    )
    .orderBy(asc(d.id))
    .limit(page.limit);
}

/** A page of the log of a shipment, oldest first. */
export async function listPlatformLog(
  db: Db,
  shipmentId: number,
  page: { after: number; limit: number },
): Promise<PlatformLogRow[]> {
  const l = platformShipmentLog;
  return db
    .select()
    .from(l)
    .where(and(eq(l.shipmentId, shipmentId), gt(l.id, page.after)))
    .orderBy(asc(l.id))
    .limit(page.limit);
}

// ---------------------------------------------------------------- what needs a person

/** A device that needs a person, with the order it belongs to. */
export interface NeedsPersonRow {
  device: PlatformDeviceRow;
  shipment: PlatformShipmentRow;
}

export interface NeedsPersonFilter {
  shipmentId?: number;
  status?: PlatformDeviceStatus;
  reason?: PlatformReason;
  imei?: string;
}

/** As the index `platform_shipment_devices_needs_person` says it. */
const NEEDS_PERSON = sql`${platformShipmentDevices.status} in ('refused', 'unknown', 'not_sent') and ${platformShipmentDevices.releasedAt} is null`;

/** A page of devices that need a person, longest waiting first. */
export async function listNeedsPerson(
  db: Db,
  departmentId: number,
  filter: NeedsPersonFilter,
  page: { after: number; limit: number },
): Promise<NeedsPersonRow[]> {
  return db
    .select({ device: platformShipmentDevices, shipment: platformShipments })
    .from(platformShipmentDevices)
    .innerJoin(platformShipments, eq(platformShipments.id, platformShipmentDevices.shipmentId))
    .where(and(needsPerson(departmentId, filter), gt(platformShipmentDevices.id, page.after)))
    .orderBy(asc(platformShipmentDevices.id))
    .limit(page.limit);
}

/** How many there are of each status. */
export async function countNeedsPerson(
  db: Db,
  departmentId: number,
  filter: NeedsPersonFilter,
): Promise<{ refused: number; unknown: number; notSent: number }> {
  const d = platformShipmentDevices;
  const rows = await db
    .select({ status: d.status, n: sql<number>`count(*)::int` })
    .from(d)
    .where(needsPerson(departmentId, filter))
    .groupBy(d.status);
  const of = (status: PlatformDeviceStatus) => rows.find((row) => row.status === status)?.n ?? 0;
  return { refused: of('refused'), unknown: of('unknown'), notSent: of('not_sent') };
}

function needsPerson(departmentId: number, { shipmentId, status, reason, imei }: NeedsPersonFilter): SQL | undefined {
  const d = platformShipmentDevices;
  return and(
    eq(d.departmentId, departmentId),
    NEEDS_PERSON,
    shipmentId === undefined ? undefined : eq(d.shipmentId, shipmentId),
    status === undefined ? undefined : eq(d.status, status),
    reason === undefined ? undefined : eq(d.reason, reason),
    imei === undefined ? undefined : eq(d.imei, imei),
  );
}

/** Which devices a person decides about. */
export type DecideAbout = { ids: readonly number[] } | { shipmentId: number };

/** One device about which was decided. */
export interface Decided {
  id: number;
  imei: string;
  shipmentId: number;
}

/**
 * Has devices tried again: what was sent before is looked at first. Their shipments run again, for as long as new ones
 * do. Devices that need no person are left out.
 */
export async function retryDevices(
  tx: Db,
  departmentId: number,
  about: DecideAbout,
  by: { author: string; note: string; as?: PlatformPersonDecision },
): Promise<Decided[]> {
  const rows = await tx.execute<Decided & Record<string, unknown>>(sql`
    with chosen as (
      update platform_shipment_devices set status = 'open', step = case when attempts > 0 then 'look' else 'import' end,
        answer = 'none', imports = 0, moves = 0, expires = 0, looks = 0, failures = 0, not_before = clock_timestamp(),
        finished_at = null, decision = ${by.as ?? 'retry'}, decided_by = ${by.author}, decided_at = clock_timestamp(), note = ${by.note}
      where ${undecided(departmentId, about)} returning id, imei, shipment_id
    ), revived as (
      update platform_shipments set status = 'running', finished_at = null, result = null,
        deadline_at = clock_timestamp() + make_interval(secs => ${PLATFORM_LIFE_MS / 1_000}::float8)
      where id in (select shipment_id from chosen) returning id
    ), logged as (
      insert into platform_shipment_log (shipment_id, author, event, cause, details)
      select shipment_id, ${by.author}, 'retried', ${by.note}, jsonb_build_object('devices', count(*))
      from chosen group by shipment_id
    )
    select id::float8 as id, imei, shipment_id as "shipmentId" from chosen order by id`);
  return [...rows];
}

/** Gives devices up: from now on they may be shipped again. Devices that need no person are left out. */
export async function writeOffDevices(
  tx: Db,
  departmentId: number,
  about: DecideAbout,
  by: { author: string; note: string },
): Promise<Decided[]> {
  const rows = await tx.execute<Decided & Record<string, unknown>>(sql`
    with chosen as (
      update platform_shipment_devices set released_at = clock_timestamp(), decision = 'write_off',
        decided_by = ${by.author}, decided_at = clock_timestamp(), note = ${by.note}
      where ${undecided(departmentId, about, sql`, 'recorded'`)} returning id, imei, shipment_id
    ), logged as (
      insert into platform_shipment_log (shipment_id, author, event, cause, details)
      select shipment_id, ${by.author}, 'written_off', ${by.note}, jsonb_build_object('devices', count(*))
      from chosen group by shipment_id
    )
    select id::float8 as id, imei, shipment_id as "shipmentId" from chosen order by id`);
  return [...rows];
}

/** Devices of the department that need a person. What was only written down (`also`) needs nobody, but may be taken back. */
export function undecided(departmentId: number, about: DecideAbout, also: SQL = sql``): SQL {
  const which =
    'ids' in about
      ? sql`id in (select jsonb_array_elements_text(${JSON.stringify(about.ids)}::jsonb)::bigint)`
      : sql`shipment_id = ${about.shipmentId}`;
  const statuses = sql`'refused', 'unknown', 'not_sent'${'ids' in about ? also : sql``}`;
  return sql`department_id = ${departmentId} and released_at is null and status in (${statuses}) and ${which}`;
}
