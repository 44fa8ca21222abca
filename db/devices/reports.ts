/**
 * What devices say of themselves: versions, contacts, and callers nobody registered.
 */
import { sql, type SQL } from 'drizzle-orm';
import { deviceEvents } from './device-events.ts';
import type { Db } from '../index.ts';

/** A version report to store. */
export interface ReportEntry {
  deviceId: string;
  source: string;
  raw: string;
  versions: readonly { component: string; version: string }[];
  warnings: readonly string[];
  /** Keep the raw text even when nothing changed. */
  keepRaw: boolean;
  /** How long ago it arrived, if it had to wait: what was stored since is newer and stays. */
  ageMs?: number;
  /** The process that heard it, and when by its monotonic clock: decides between reports that one process heard. */
  heard?: { by: string; atMs: number };
}

/**
 * A report that waited less counts as new, unless the process that heard it has heard and stored a later one: by the
 * database's clock alone, a clock that is set back would make all reports old.
 */
const LATE_MS = 1_000;

/** What a device was offered this shortly before a late report arrived cannot be what it reports: it takes longer. */
const LATE_MARGIN_MS = 1_000;

/** What a stored report leads to. */
export interface ReportEffect {
  /** Components whose version differs from the one stored before. */
  changed: { component: string; version: string; was: string | null }[];
  /** The device has a live upgrade that must be woken. */
  edge: boolean;
  /** Upgrades that had succeeded and have not any more, with the versions that say so. */
  reverted: { upgradeId: number; versions: string }[];
}

/** A lost signal is repeated by the sweep; until then, one signal is enough. */
const EDGE_REPEAT_S = 15;

/**
 * Stores a report and decides, in the same statement, whether it matters: to the device's live upgrade, because it is
 * the target, or the whole file was transferred before, or the gate must be asked (again); or to an upgrade that had
 * succeeded, because the device has fallen back. A fall back that is stored and not noticed would not be noticed ever.
 *
 * One short statement for what terminals report all day long. It stores nothing when a success may be at stake; then a
 * second, longer one stores the report and judges those too.
 */
export async function storeReport(db: Db, report: ReportEntry): Promise<ReportEffect> {
  const { ageMs = 0, deviceId } = report;
  if (ageMs < LATE_MS) {
    const number = sql`nextval('device_event_seq')`;
    return (await store(db, report, number, false)) ?? (await store(db, report, number, true))!;
  }
  return db.transaction(async (tx) => {
    // Whoever is making an offer has locked its row; afterwards we see the offer.
    await tx.execute(
      sql`select from device_versions where device_id = ${deviceId} order by component for no key update`,
    );
    await tx.execute(sql`select from device_upgrades where device_id = ${deviceId} order by id for no key update`);
    return (await store(tx, report, lateNumber(deviceId), true))!;
  });
}

/**
 * The place of a late report in the order of events: before every offer that the device was made after it had arrived,
 * so that it proves none of them.
 */
function lateNumber(deviceId: string): SQL {
  return sql`coalesce((
    select min(m.offer_seq) - 1 from device_upgrades u join device_messages m on m.upgrade_id = u.id
    where u.device_id = ${deviceId}
      and m.created_at > (select at from arrived) - make_interval(secs => ${LATE_MARGIN_MS / 1_000})
  ), nextval('device_event_seq'))`;
}

/** Null: nothing was stored, because this may undo a success and `judges` is false. */
async function store(db: Db, report: ReportEntry, number: SQL, judges: boolean): Promise<ReportEffect | null> {
  const { ageMs = 0, deviceId, heard = { by: '', atMs: 0 } } = report;
  const isFresh = ageMs < LATE_MS;
  const [row] = await db.execute<{
    held: boolean;
    changed: ReportEffect['changed'] | null;
    edge: boolean;
    reverted: ReportEffect['reverted'] | null;
  }>(sql`
    with arrived as materialized (
      select clock_timestamp() - make_interval(secs => ${ageMs / 1_000}::float8) as at
    ), before as materialized (
      -- Locked, so that of two reports at one moment the second sees what the first has stored.
      select component, version, reported_at, heard_by, heard_at_ms from device_versions where device_id = ${deviceId} order by component
      for no key update
    ), given as (
      select x.component, x.version
      from jsonb_to_recordset(${JSON.stringify(report.versions)}::jsonb) as x(component text, version text)
      left join before b using (component)
      where b.reported_at is null or case
        when ${isFresh} then b.heard_by <> ${heard.by} or b.heard_at_ms <= ${heard.atMs}
        else b.reported_at <= (select at from arrived) end
    ), held as materialized (
      select ${judges ? sql`false` : atStake(deviceId)} as is
    ), input as (
      select * from given where not (select held.is from held)
    ), seq as materialized (
      select ${number} as n
    ), stored as (
      insert into device_versions as v (device_id, component, version, reported_at, report_seq, heard_by, heard_at_ms)
      select ${deviceId}, component, version, arrived.at, seq.n, ${heard.by}, ${heard.atMs} from input, seq, arrived order by component
      on conflict (device_id, component) do update
        set version = excluded.version, reported_at = excluded.reported_at, report_seq = excluded.report_seq,
          heard_by = excluded.heard_by, heard_at_ms = excluded.heard_at_ms
        where v.report_seq <= excluded.report_seq and (${isFresh} or v.reported_at <= excluded.reported_at)
    ), changed as (
      select i.component, i.version, b.version as was from input i left join before b using (component)
      where b.version is distinct from i.version
    ), live as (
      select u.id, u.file_index, u.attempt, m.id as offer_id, m.payload->>'component' as component,
             m.payload->>'targetVersion' as target, m.finished_at is not null as finished,
             case when m.first_request_at is null then m.payload->>'fromVersion' end as expected
      from device_upgrades u
      left join device_messages m on m.upgrade_id = u.id and m.kind = 'offer' and m.closed_at is null
      where u.device_id = ${deviceId} and u.dispatched_at is not null and u.finished_at is null
    ), decisive as (
      select live.*, i.version from live left join input i on i.component = live.component
      where i.version = live.target
         or (live.finished and i.version is not null)
         or i.version <> live.expected
         or (live.offer_id is null and exists (select 1 from changed))
    ), locked as materialized (
      -- As they are once whoever was changing them is done: what follows judges by these, not by what was before.
      select u.* from device_upgrades u
      where u.device_id = ${deviceId}
        and (u.id in (select id from decisive)
          ${judges ? sql`or exists (select 1 from changed where was is not null)` : sql``})
      order by u.id for no key update
    ), edged as (
      -- By the locked row: the workflow may have read the edge of before while we waited, and will not look again.
      update device_upgrades u set edge_at = clock_timestamp() from locked
      where u.id = locked.id and u.id in (select id from decisive)
        and (locked.edge_at is null or locked.edge_at < clock_timestamp() - make_interval(secs => ${EDGE_REPEAT_S}))
      returning u.id
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, file_index, attempt, cause, details)
      select live.id, 'device', 'reported', live.file_index, live.attempt,
             (select string_agg(component || ' ' || version, ', ' order by component) from input),
             jsonb_build_object('source', ${report.source}::text)
      from live where exists (select 1 from changed) or exists (select 1 from edged)
    ), kept as (
      insert into version_uploads (device_id, source, raw, versions, warnings)
      select ${deviceId}, ${report.source}, ${report.raw}, ${JSON.stringify(report.versions)}::jsonb,
             array(select jsonb_array_elements_text(${JSON.stringify(report.warnings)}::jsonb))
      where (${report.keepRaw} or exists (select 1 from changed)) and not (select held.is from held)
    ) ${judges ? sql`, ${REVERTS}` : sql``}
    select (select held.is from held) as held,
           (select jsonb_agg(jsonb_build_object('component', component, 'version', version, 'was', was)) from changed) as changed,
           exists (select 1 from edged) as edge,
           ${judges ? sql`(select jsonb_agg(jsonb_build_object('upgradeId', id, 'versions', versions)) from reverted)` : sql`null`} as reverted`);
  if (row?.held === true) return null;
  return { changed: row?.changed ?? [], edge: row?.edge ?? false, reverted: row?.reverted ?? [] };
}

/**
 * True when a known version is being replaced and an upgrade of the device has succeeded, or may in this moment: all but
 * one whose open offer brings something that was not reported yet.
 */
function atStake(deviceId: string): SQL {
  return sql`exists (select 1 from given join before using (component) where given.version <> before.version)
    and exists (
      select 1 from device_upgrades u
      where u.device_id = ${deviceId} and (u.status in ('succeeded', 'unproven')
        or (u.dispatched_at is not null and u.finished_at is null and (u.proofs <> '[]' or not exists (
          select 1 from device_messages m where m.upgrade_id = u.id and m.closed_at is null and not exists (
            select 1 from before
            where before.component = m.payload->>'component' and before.version = m.payload->>'targetVersion'))))))`;
}

/**
 * Of each component that changed, the upgrade that brought its version before becomes `reverted`, when it had succeeded
 * and the device now reports a version that this upgrade, or its files, had replaced.
 *
 * Another version that this upgrade never replaced is somebody else's work and only noted; so is one that an upgrade
 * under way is about to bring.
 */
const REVERTS = sql`
    last as (
      select c.component, c.version, l.id, l.firmware_ids, l.proofs from changed c
      cross join lateral (
        select * from locked
        where finished_at is not null
          and exists (select 1 from jsonb_array_elements(proofs) p where p->>'component' = c.component)
        order by finished_at desc limit 1
      ) l
      where c.was is not null and l.status = 'succeeded'
    ), replaced as (
      select last.id, string_agg(last.component || ' ' || last.version, ', ' order by last.component) as versions from last
      where last.version <> (select p->>'version' from jsonb_array_elements(last.proofs) p
                             where p->>'component' = last.component order by (p->>'fileIndex')::int desc limit 1)
        and (exists (select 1 from jsonb_array_elements(last.proofs) p
                     where p->>'component' = last.component and p->>'fromVersion' = last.version)
          or exists (select 1 from firmware f where f.id = any(last.firmware_ids)
                     and f.component = last.component and last.version = any(f.current_versions)))
        and not exists (select 1 from locked under_way join firmware f on f.id = any(under_way.firmware_ids)
                        where under_way.dispatched_at is not null and under_way.finished_at is null
                          and f.component = last.component and f.target_version = last.version)
      group by last.id
    ), reverted as (
      update device_upgrades u set status = 'reverted', reason = 'reverted', updated_at = clock_timestamp(),
        decision = null, decided_at = null, decided_by = null
      from replaced where u.id = replaced.id
      returning u.id, u.task_id, u.device_id, u.department_id, u.status, u.reason, u.file_index, u.attempt, replaced.versions
    ), revert_logged as (
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
      select id, 'device', 'reverted', 'reverted', file_index, attempt,
             'the device reports ' || versions || ' again, which this upgrade had replaced'
      from reverted
    ), revert_told as (
${deviceEvents(
  'device.reverted',
  sql`reverted`,
  sql`'the device reports ' || e.versions || ' again, which this upgrade had replaced'`,
  sql`(select jsonb_object_agg(component, version) from changed)`,
)}
    )`;

/** Keeps an upload that could not be read, with the reason; nothing else changes. */
export async function storeRefusedUpload(
  db: Db,
  upload: { deviceId: string; source: string; raw: string; error: string },
): Promise<void> {
  await db.execute(sql`
    insert into version_uploads (device_id, source, raw, versions, warnings, error)
    values (${upload.deviceId}, ${upload.source}, ${upload.raw}, '[]'::jsonb, '{}', ${upload.error})`);
}

/**
 * Writes last contacts of many devices at once; of devices that were deleted meanwhile, none. In one order, so that
 * gateways that heard of the same devices do not wait for each other in a circle.
 *
 * @param gateway name of the gateway that heard of them
 */
export async function writeContacts(
  db: Db,
  contacts: readonly { deviceId: string; address: string; details: Record<string, unknown>; atMs: number }[],
  gateway = '',
): Promise<void> {
  await db.execute(sql`
    insert into device_contacts as c (device_id, last_seen_at, address, details, gateway)
    select d.id, to_timestamp("atMs" / 1000.0), address, details, ${gateway}
    from jsonb_to_recordset(${JSON.stringify(contacts)}::jsonb)
      as x("deviceId" text, address text, details jsonb, "atMs" float8)
    join devices d on d.id = x."deviceId" order by d.id
    on conflict (device_id) do update
      set last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at), address = excluded.address,
          details = c.details || excluded.details,
          gateway = case when excluded.last_seen_at >= c.last_seen_at then excluded.gateway else c.gateway end`);
}

/** Notes that devices are still connected, though they may have said nothing for a while. */
export async function writeConnections(db: Db, deviceIds: readonly string[]): Promise<void> {
  await db.execute(sql`
    update device_contacts set connected_at = clock_timestamp()
    where device_id in (
      select device_id from device_contacts
      where device_id in (select jsonb_array_elements_text(${JSON.stringify(deviceIds)}::jsonb))
      order by device_id for no key update)`);
}

/** Finds a device by protocol and identity. */
export async function identifyDevice(db: Db, protocol: string, identity: string): Promise<string | null> {
  const [row] = await db.execute<{ id: string }>(sql`
    select id from devices where protocol = ${protocol} and identity = ${identity}`);
  return row?.id ?? null;
}

/** Finds a device by IMEI: a tracker by its identity, any other device by the IMEI it was registered with. */
export async function findDeviceByImei(db: Db, imei: string): Promise<string | null> {
  const [row] = await db.execute<{ id: string }>(sql`
    select id from devices where imei = ${imei} or (protocol = 'ams' and identity = ${imei})
    order by protocol = 'ams' desc limit 1`);
  return row?.id ?? null;
}

/** Counts callers that are not registered, many at once; those beyond `maxListed` are not listed. */
export async function writeUnknownDevices(
  db: Db,
  callers: readonly { protocol: string; identity: string; address: string; contacts: number }[],
  maxListed: number,
): Promise<void> {
  await db.execute(sql`
    insert into unknown_devices as u (protocol, identity, address, contacts)
    select protocol, identity, address, contacts
    from (
      select x.*, k.identity is not null as is_listed,
        count(*) filter (where k.identity is null) over (order by x.protocol, x.identity) as place
      from jsonb_to_recordset(${JSON.stringify(callers)}::jsonb)
        as x(protocol text, identity text, address text, contacts bigint)
      left join unknown_devices k on k.protocol = x.protocol and k.identity = x.identity
    ) called
    where is_listed or place <= ${maxListed} - (select count(*) from unknown_devices)
    order by protocol, identity
    on conflict (protocol, identity) do update
      set contacts = u.contacts + excluded.contacts, last_seen_at = now(), address = excluded.address`);
}
