/**
 * Dynamic tasks: devices that come to fit a task's filter after it was made join it, and wait for their turn like all
 * others. Registrations and version uploads are read from where the last look ended, a little overlapping, because
 * what is committed late lies before it. Asked often, so a look that finds nothing new costs next to nothing.
 */
import { sql } from 'drizzle-orm';
import { deviceCondition } from '../devices/devices.ts';
import { InvariantError, type Db } from '../index.ts';
import type { JoinFilter } from '../schema.ts';
import { MAX_TASK_DEVICES, planUpgrade } from './plans.ts';

/** Devices judged in one look; the next look goes on. */
const MOST_AT_ONCE = 1_000;
/** A registration may be committed so long after the moment it carries: an import is one transaction. */
const LATE_REGISTRATION_S = 600;
/** As many uploads may be on their way into the database at one time. */
const LATE_UPLOADS = 500;
/** Only these were left out by a rule; who was left out by a person stays out. */
const GATE_REASONS = ['version_mismatch', 'compat_not_reported', 'no_version_uploaded', 'model_mismatch'];

/** What a look came to. */
export interface Joined {
  devices: number;
  /** There may be more right now: look again soon. */
  hasMore: boolean;
}

interface Head extends Record<string, unknown> {
  departmentId: number;
  joins: JoinFilter | null;
  firmwareIds: number[];
  notEligible: 'wait' | 'skip';
  deviceCount: number;
  uploadId: number;
  newestUploadId: number;
  untilText: string;
}

/** From here on registrations and uploads are new for a task. Call it in the transaction that makes the task. */
export async function beginJoins(tx: Db, taskId: number): Promise<void> {
  await tx.execute(sql`
    update upgrade_tasks set joined_until = created_at, joined_upload_id = (select coalesce(max(id), 0) from version_uploads)
    where id = ${taskId}`);
}

/** True when something was registered or uploaded since the last look. */
export async function hasNewcomers(db: Db, taskId: number): Promise<boolean> {
  const [row] = await db.execute<{ isNew: boolean }>(sql`
    select coalesce((select max(id) from version_uploads) > t.joined_upload_id, false)
      or exists (select 1 from devices d where d.department_id = t.department_id and d.created_at > t.joined_until) as "isNew"
    from upgrade_tasks t where t.id = ${taskId}`);
  return row?.isNew ?? false;
}

/** Takes devices into a running task that fit it by now. One transaction that locks the task; repeating it is harmless. */
export async function joinDevices(db: Db, taskId: number): Promise<Joined> {
  return db.transaction(async (tx) => {
    const head = await lockDynamic(tx, taskId);
    if (head === null) return { devices: 0, hasMore: false };
    const uploads = await findUploaders(tx, taskId, head);
    const registered = await findRegistered(tx, taskId, head);
    const uploaders = new Set(uploads.deviceIds);
    const deviceIds = [...new Set([...uploads.deviceIds, ...registered.deviceIds])];
    const plan =
      deviceIds.length === 0
        ? []
        : (
            await planUpgrade(tx, {
              departmentId: head.departmentId,
              firmwareIds: head.firmwareIds,
              chosen: { deviceIds },
              notEligible: head.notEligible,
            })
          ).devices;
    const joining = plan
      // Who is registered late waits like those that were there from the beginning; who reports must be able to go.
      .filter(({ outcome, reason, deviceId }) => {
        if (outcome === 'goes' || (outcome === 'waits' && reason === 'busy')) return true;
        return outcome === 'waits' && !uploaders.has(deviceId);
      })
      .map(({ deviceId, explanation, files }): Joining => ({
        device: deviceId,
        files: files.map(({ id }) => id),
        bytes: files[0]!.sizeBytes,
        cause: uploaders.has(deviceId)
          ? `reported a version: ${explanation}`
          : `registered after the task was made: ${explanation}`,
      }));
    const devices = joining.length === 0 ? 0 : await writeJoined(tx, taskId, head, joining);
    await tx.execute(sql`
      update upgrade_tasks set joined_upload_id = ${uploads.lookedAt}, joined_until = ${registered.lookedAt}::timestamptz
      where id = ${taskId}`);
    return { devices, hasMore: uploads.hasMore || registered.hasMore };
  });
}

async function lockDynamic(tx: Db, taskId: number): Promise<Head | null> {
  const [head] = await tx.execute<Head>(sql`
    select t.department_id as "departmentId", t.options->'joins' as joins, t.firmware_ids as "firmwareIds",
      t.options->>'notEligible' as "notEligible", t.device_count as "deviceCount",
      t.joined_upload_id::float8 as "uploadId", coalesce((select max(id) from version_uploads), 0)::float8 as "newestUploadId",
      coalesce(t.joined_until, t.created_at)::text as "untilText"
    from upgrade_tasks t where t.id = ${taskId} and t.status = 'running' and jsonb_typeof(t.options->'joins') = 'object'
    for no key update of t`);
  return head ?? null;
}

/** Devices of the filter that have uploaded a version lately and are not in the task, or were left out by a rule. */
async function findUploaders(tx: Db, taskId: number, { departmentId, joins, uploadId, newestUploadId }: Head) {
  const lastId = Math.min(newestUploadId, uploadId + MOST_AT_ONCE * 5);
  const rows = await tx.execute<{ id: string }>(sql`
    select devices.id from devices
    where devices.id in (select device_id from version_uploads where id > ${uploadId - LATE_UPLOADS} and id <= ${lastId})
      and ${deviceCondition(departmentId, joins!)}
      and not exists (select 1 from device_upgrades u where u.task_id = ${taskId} and u.device_id = devices.id
                      and not ${mayReenter()})
    order by devices.id`);
  return { deviceIds: rows.map(({ id }) => id), lookedAt: lastId, hasMore: lastId < newestUploadId };
}

/**
 * Devices of the filter that were registered since the last look and are not in the task. Many carry one moment, that
 * of their import, so a page ends only between two moments. And those that came to light late: the newest of the last
 * minutes, most of which were looked at before.
 */
async function findRegistered(tx: Db, taskId: number, { departmentId, joins, untilText }: Head) {
  const isMissing = sql`${deviceCondition(departmentId, joins!)} and not exists (
    select 1 from device_upgrades u where u.task_id = ${taskId} and u.device_id = devices.id)`;
  const until = sql`${untilText}::timestamptz`;
  const rows = await tx.execute<{ id: string; at: string }>(sql`
    select devices.id, devices.created_at::text as at from devices
    where devices.created_at > ${until} and ${isMissing}
    order by devices.created_at fetch first ${MOST_AT_ONCE} rows with ties`);
  const late = await tx.execute<{ id: string }>(sql`
    select devices.id from devices
    where devices.created_at <= ${until} and devices.created_at > ${until} - make_interval(secs => ${LATE_REGISTRATION_S})
      and ${isMissing}
    order by devices.created_at desc limit ${MOST_AT_ONCE}`);
  const hasMore = rows.length >= MOST_AT_ONCE;
  const [newest] = await tx.execute<{ at: string }>(sql`
    select greatest(max(created_at), ${until})::text as at from devices
    where department_id = ${departmentId} and created_at > ${until}`);
  const lookedAt = hasMore ? rows.at(-1)!.at : newest!.at;
  return { deviceIds: [...rows, ...late].map(({ id }) => id), lookedAt, hasMore };
}

const mayReenter = () =>
  sql`(u.status = 'skipped' and u.reason in (${sql.join(
    GATE_REASONS.map((reason) => sql`${reason}`),
    sql`, `,
  )}))`;

interface Joining {
  device: string;
  files: number[];
  /** Of the first file. */
  bytes: number;
  cause: string;
}

/** New rows behind all others, and rows that a rule had left out put back; each with its line, the task with one for all. */
async function writeJoined(
  tx: Db,
  taskId: number,
  { departmentId, deviceCount }: Head,
  joining: readonly Joining[],
): Promise<number> {
  const places = Math.max(0, MAX_TASK_DEVICES - deviceCount);
  const [row] = await tx.execute<{ joined: number; reentered: number; left: number }>(sql`
    with input as (
      select * from jsonb_to_recordset(${JSON.stringify(joining)}::jsonb) as x(device text, files int[], bytes int, cause text)
    ), back as (
      select u.id, input.cause, input.files, input.bytes from device_upgrades u join input on input.device = u.device_id
      where u.task_id = ${taskId} and ${mayReenter()} for no key update of u skip locked
    ), reentered as (
      update device_upgrades u set status = 'scheduled', reason = null, dispatched_at = null, finished_at = null,
        not_before = null, edge_at = null, file_index = 0, proofs = '[]', firmware_ids = back.files, bytes_total = back.bytes, updated_at = clock_timestamp()
      from back where u.id = back.id returning u.id, back.cause
    ), newcomers as (
      select input.*, row_number() over (order by input.device) as place from input
      where not exists (select 1 from device_upgrades u where u.task_id = ${taskId} and u.device_id = input.device)
    ), made as (
      insert into device_upgrades (task_id, device_id, department_id, position, firmware_ids, bytes_total)
      select ${taskId}, device, ${departmentId},
        (select coalesce(max(position), -1) from device_upgrades where task_id = ${taskId}) + place, files, bytes
      from newcomers where place <= ${places} order by place
      on conflict (task_id, device_id) do nothing returning id, device_id
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, cause)
      select made.id, 'system', 'joined', 'scheduled', input.cause from made join input on input.device = made.device_id
      union all select id, 'system', 'joined', 'scheduled', cause from reentered
    ), counted as (
      update upgrade_tasks set device_count = device_count + (select count(*) from made)
      where id = ${taskId} and exists (select 1 from made)
    ), told as (
      insert into task_log (task_id, author, event, cause, details)
      select ${taskId}, 'system', 'joined', 'devices that fit the filter of the task by now',
        jsonb_build_object('devices', (select count(*) from made), 'reentered', (select count(*) from reentered))
      where exists (select 1 from made) or exists (select 1 from reentered)
    ), full_up as (
      insert into task_log (task_id, author, event, cause)
      select ${taskId}, 'system', 'full', ${`a task has at most ${MAX_TASK_DEVICES} devices; those that fit from now on do not join: make another task for them`}
      where (select count(*) from newcomers) > ${places}
        and not exists (select 1 from task_log where task_id = ${taskId} and event = 'full')
    )
    select (select count(*)::int from made) as joined, (select count(*)::int from reentered) as reentered,
      (select count(*)::int from newcomers) as left`);
  if (row === undefined) throw new InvariantError('a statement without a row');
  return row.joined + row.reentered;
}
