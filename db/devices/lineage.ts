/**
 * Everything that is known of one device, from its registration to what is planned for it. A few queries by key, each
 * with a bound: a device may have reported and been upgraded thousands of times.
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { Decision, FileProof } from '../schema.ts';
import type { GateFile } from '../../workflows/rules/eligibility.ts';
import type { TaskStatus, UpgradeStatus } from '../../workflows/rules/statuses.ts';
import type { Component } from '../../workflows/rules/versions.ts';
import type { Window } from '../../workflows/rules/windows.ts';

/** Entries of each part; the full lists have addresses of their own. */
export const LINEAGE_ROWS = 100;
/** Uploads that the history of versions is made from. */
const UPLOADS = 2_000;

const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);

/** A version of one component over a time in which nothing else was reported. */
export interface VersionSpan {
  component: Component;
  version: string;
  firstReportedMs: number;
  lastReportedMs: number;
  /** It is what the device reports now. */
  current: boolean;
}

/** What a device ran, newest first. Of terminals only reports that say something new are kept, so spans touch. */
export async function listVersionSpans(db: Db, deviceId: string): Promise<VersionSpan[]> {
  return db.execute<VersionSpan & Record<string, unknown>>(sql`
    with uploads as (
      select id, received_at, versions from version_uploads
      where device_id = ${deviceId} and error is null order by id desc limit ${UPLOADS}
    ), said as (
      select u.id, u.received_at, x.component, x.version,
        lag(x.version) over (partition by x.component order by u.id) as before
      from uploads u cross join lateral jsonb_to_recordset(u.versions) as x(component text, version text)
    ), numbered as (
      select *, count(*) filter (where before is distinct from version) over (partition by component order by id) as span from said
    ), spans as (
      select component, version, span, min(received_at) as first_at, max(received_at) as last_at,
        span = max(span) over (partition by component) as latest
      from numbered group by component, version, span
    ), joined as (
      select coalesce(s.component, v.component) as component, coalesce(s.version, v.version) as version,
        coalesce(s.first_at, v.reported_at) as first_at, greatest(s.last_at, v.reported_at) as last_at,
        v.version is not null as current
      from spans s full join device_versions v
        on v.device_id = ${deviceId} and v.component = s.component and v.version = s.version and s.latest
      where s.component is not null or v.device_id = ${deviceId}
    )
    select component, version, ${ms('first_at')} as "firstReportedMs", ${ms('last_at')} as "lastReportedMs", current
    from joined order by last_at desc, component limit ${LINEAGE_ROWS}`);
}

/** An upgrade with its task and files. */
export interface LineageUpgrade {
  id: number;
  taskId: number;
  taskName: string;
  taskStatus: TaskStatus;
  taskCreatedBy: string;
  files: { firmwareId: number; fileName: string; component: Component; targetVersion: string }[];
  status: UpgradeStatus;
  reason: string | null;
  attempt: number;
  bytesSent: number;
  bytesTotal: number;
  proofs: FileProof[];
  dispatchedMs: number | null;
  finishedMs: number | null;
  updatedMs: number;
  decision: Decision | null;
  decidedBy: string | null;
  decidedMs: number | null;
  window: Window | null;
  dispatchMs: number;
  deadlineMs: number;
  notBeforeMs: number | null;
  nowMs: number;
}

/** Upgrades of a device, newest first. */
export async function listLineageUpgrades(db: Db, departmentId: number, deviceId: string): Promise<LineageUpgrade[]> {
  return db.execute<LineageUpgrade & Record<string, unknown>>(sql`
    with u as materialized (
      select * from device_upgrades where device_id = ${deviceId} and department_id = ${departmentId}
      order by id desc limit ${LINEAGE_ROWS}
    )
    select u.id::float8 as id, u.task_id as "taskId", t.name as "taskName", t.status as "taskStatus", t.created_by as "taskCreatedBy",
      (select jsonb_agg(jsonb_build_object('firmwareId', f.id, 'fileName', f.file_name, 'component', f.component,
          'targetVersion', f.target_version) order by o.place)
       from unnest(u.firmware_ids) with ordinality as o(id, place) join firmware f on f.id = o.id) as files,
      u.status, u.reason, u.attempt, u.bytes_sent as "bytesSent", u.bytes_total as "bytesTotal", u.proofs,
      ${ms('u.dispatched_at')} as "dispatchedMs", ${ms('u.finished_at')} as "finishedMs", ${ms('u.updated_at')} as "updatedMs",
      u.decision, u.decided_by as "decidedBy", ${ms('u.decided_at')} as "decidedMs", t.options->'window' as window,
      ${ms('t.dispatch_at')} as "dispatchMs", ${ms('t.deadline_at')} as "deadlineMs", ${ms('u.not_before')} as "notBeforeMs",
      ${ms('clock_timestamp()')} as "nowMs"
    from u join upgrade_tasks t on t.id = u.task_id order by u.id desc`);
}

/** What people decided about the device's upgrades, and what they did to them, newest first. */
export async function listDecisions(db: Db, departmentId: number, deviceId: string) {
  const rows = await db.execute<{
    upgradeId: number;
    taskId: number;
    atMs: number;
    author: string;
    event: string;
    cause: string;
  }>(sql`
    with u as materialized (
      select id, task_id from device_upgrades where device_id = ${deviceId} and department_id = ${departmentId}
      order by id desc limit ${LINEAGE_ROWS}
    )
    select u.id::float8 as "upgradeId", u.task_id as "taskId", ${ms('l.at')} as "atMs", l.author, l.event, l.cause
    from u join upgrade_log l on l.upgrade_id = u.id
    where l.author not in ('system', 'device') and l.event not in ('scheduled')
    order by l.id desc limit ${LINEAGE_ROWS}`);
  return [...rows];
}

/** Who changed the registration, newest first. */
export async function listRegistrationChanges(db: Db, departmentId: number, deviceId: string) {
  const rows = await db.execute<{
    atMs: number;
    author: string;
    action: string;
    before: Record<string, unknown> | null;
    after: Record<string, unknown> | null;
  }>(sql`
    select ${ms('at')} as "atMs", author, action, before, after from audit_log
    where department_id = ${departmentId} and target_kind = 'device' and target_id = ${deviceId}
    order by id desc limit ${LINEAGE_ROWS}`);
  return [...rows];
}

/** How a device stands with the upgrade that matters most: the one under way, else the next, else the last. */
export interface Standing {
  upgradeId: number;
  taskId: number;
  taskName: string;
  taskStatus: TaskStatus;
  status: UpgradeStatus;
  reason: string | null;
  dispatched: boolean;
  endedMs: number | null;
  bytesSent: number;
  decision: Decision | null;
  decidedBy: string | null;
  window: Window | null;
  maxConcurrent: number;
  dispatchMs: number;
  approvalMs: number | null;
  /** Devices of the task that are started before it. */
  before: number;
  /** The task that is upgrading the device now, when that is another one. */
  holderTaskId: number | null;
  protocol: string;
  model: string;
  powerKw: number | null;
  versions: Partial<Record<Component, string>>;
  /** What the device reports of the file's component. */
  running: string | null;
  file: GateFile & { sizeBytes: number };
  bytesPerSecond: number | null;
  lastSeenMs: number | null;
  nowMs: number;
}

/** Reads how a device stands; null when it never was in a task. */
export async function findStanding(db: Db, departmentId: number, deviceId: string): Promise<Standing | null> {
  const [row] = await db.execute<Standing & Record<string, unknown>>(sql`
    with u as materialized (
      select * from device_upgrades where device_id = ${deviceId} and department_id = ${departmentId}
      order by finished_at is null desc, dispatched_at is not null and finished_at is null desc,
        case when finished_at is null then id end, finished_at desc, id desc limit 1
    )
    select u.id::float8 as "upgradeId", u.task_id as "taskId", t.name as "taskName", t.status as "taskStatus", u.status, u.reason,
      u.dispatched_at is not null as dispatched, ${ms('u.finished_at')} as "endedMs", u.bytes_sent as "bytesSent",
      u.decision, u.decided_by as "decidedBy", t.options->'window' as window,
      (t.options->'pacing'->>'maxConcurrent')::int as "maxConcurrent", ${ms('t.dispatch_at')} as "dispatchMs",
      ${ms('t.approval_deadline_at')} as "approvalMs",
      case when u.dispatched_at is null and u.finished_at is null then (
        select count(*)::int from device_upgrades other
        where other.task_id = u.task_id and other.position < u.position and other.dispatched_at is null and other.finished_at is null
      ) else 0 end as before,
      (select other.task_id from device_upgrades other where other.device_id = u.device_id and other.id <> u.id
        and other.dispatched_at is not null and other.finished_at is null limit 1) as "holderTaskId",
      d.protocol, d.model, d.power_kw as "powerKw", coalesce((select jsonb_object_agg(v.component, v.version) from device_versions v where v.device_id = d.id), '{}') as versions,
      (select v.version from device_versions v where v.device_id = d.id and v.component = f.component) as running,
      jsonb_build_object('component', f.component, 'targetVersion', f.target_version, 'compatibleVersion', f.compatible_version,
        'currentVersions', to_jsonb(f.current_versions), 'model', f.model, 'powerKw', f.power_kw, 'sizeBytes', f.size_bytes) as file,
      c.bytes_per_second as "bytesPerSecond", ${ms('c.last_seen_at')} as "lastSeenMs", ${ms('clock_timestamp()')} as "nowMs"
    from u
    join upgrade_tasks t on t.id = u.task_id
    join devices d on d.id = u.device_id
    join firmware f on f.id = u.firmware_ids[u.file_index + 1]
    left join device_contacts c on c.device_id = u.device_id`);
  return row ?? null;
}

/** How a device left the factory: its total shipment record, and where it was sent on to. */
export interface LineageShipping {
  record: {
    shipmentId: number;
    carton: string;
    company: string;
    customer: string | null;
    rule: { number: number; words: string[] } | null;
    shippedMs: number;
    shippedBy: string;
  } | null;
  platforms: {
    shipmentId: number;
    platform: string;
    status: string;
    reason: string | null;
    finishedMs: number | null;
  }[];
}

/** Reads how a device was shipped; nothing of it for devices without an IMEI. */
export async function readShipping(db: Db, departmentId: number, imei: string | null): Promise<LineageShipping> {
  if (imei === null) return { record: null, platforms: [] };
  const [row] = await db.execute<LineageShipping & Record<string, unknown>>(sql`
    select (select jsonb_build_object('shipmentId', shipment_id, 'carton', carton, 'company', company, 'customer', customer,
        'rule', rule, 'shippedMs', ${ms('shipped_at')}, 'shippedBy', shipped_by)
      from shipment_records where imei = ${imei} and kind = 'primary' and department_id = ${departmentId}) as record,
    coalesce((select jsonb_agg(jsonb_build_object('shipmentId', d.shipment_id, 'platform', s.platform_name,
        'status', d.status, 'reason', d.reason, 'finishedMs', ${ms('d.finished_at')}) order by d.id desc)
      from (select * from platform_shipment_devices where imei = ${imei} and department_id = ${departmentId}
        order by id desc limit ${LINEAGE_ROWS}) d join platform_shipments s on s.id = d.shipment_id), '[]') as platforms`);
  return row!;
}
