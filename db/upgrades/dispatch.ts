/**
 * The devices of a task as its workflow drives them: those under way, those of which nothing is heard, those that were
 * never started. Set-based throughout: a task may hold 100 000 devices. Which are started next is in `pacing.ts`.
 */
import { sql } from 'drizzle-orm';
import { BAD_ENDS, deviceEvents, UNDECIDED } from '../devices/device-events.ts';
import type { Db } from '../index.ts';
import { DEVICE_MESSAGE_CHANNEL } from '../schema.ts';
import type { UpgradeDeviceInput } from '../../workflows/contract.ts';
import { limitsFor, type OrderedLimits } from '../../workflows/rules/limits.ts';
import { RETRYABLE_UPGRADE_STATUSES, type UpgradeStatus } from '../../workflows/rules/statuses.ts';

/** A device upgrade about to be started, with everything its workflow gets. */
export interface StartableUpgrade {
  input: UpgradeDeviceInput;
  department: string;
  protocol: string;
  /** Place in the order of the task. */
  position: number;
}

/** Something is being done with the device: what limits on concurrency count. The same words as in the index. */
export const isActive = (row: string) =>
  sql.raw(
    `${row}.dispatched_at is not null and ${row}.finished_at is null and ${row}.status <> 'waiting' and coalesce(${row}.reason, '') not in ('offline', 'paced')`,
  );

const statusList = (statuses: readonly string[]) => sql.raw(statuses.map((status) => `'${status}'`).join(', '));

/** Tells the gateways of offers that were held back while the task was paused. */
export async function announceOffers(db: Db, taskId: number): Promise<void> {
  await db.execute(sql`
    select pg_notify(${DEVICE_MESSAGE_CHANNEL}, m.device_id)
    from device_upgrades u join device_messages m on m.upgrade_id = u.id and m.closed_at is null
    where u.task_id = ${taskId} and u.dispatched_at is not null and u.finished_at is null`);
}

/** Unfinished tasks that have been running for a while: their workflow should exist. */
export async function findRunningTasks(
  db: Db,
  limit: number,
): Promise<{ id: number; name: string; department: string }[]> {
  return db.execute<{ id: number; name: string; department: string }>(sql`
    select t.id, t.name, d.name as department from upgrade_tasks t join departments d on d.id = t.department_id
    where t.finished_at is null and t.started_at < clock_timestamp() - interval '1 minute'
    order by t.id limit ${limit}`);
}

/** How many devices of a task are in each status. */
export async function countStatuses(db: Db, taskId: number): Promise<Partial<Record<UpgradeStatus, number>>> {
  const rows = await db.execute<{ status: UpgradeStatus; n: number }>(
    sql`select status, count(*)::int as n from device_upgrades where task_id = ${taskId} group by status`,
  );
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
}

/**
 * Devices that were taken and of whose workflow nothing was heard: started again after a crash, harmless if it runs.
 * Looks at those under way and at those another task held, not at the thousands that wait.
 */
export async function findUnheardClaims(db: Db, taskId: number, olderThanMs: number): Promise<StartableUpgrade[]> {
  const taken = sql`task_id = ${taskId}
    and dispatched_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000}::float8)`;
  return startable(
    db,
    sql`select * from device_upgrades where ${taken} and ${isActive('device_upgrades')} and status = 'scheduled'
        and department_id = (select department_id from upgrade_tasks where id = ${taskId})
      union all
      select * from device_upgrades where ${taken} and finished_at is null and reason = 'busy'
      order by position limit 500`,
  );
}

/** Gives devices back that another task's upgrade holds; they are tried again later. */
export async function releaseBusy(db: Db, upgradeIds: readonly number[], retryAfterMs: number): Promise<void> {
  await db.execute(sql`
    with released as (
      update device_upgrades u set dispatched_at = null, status = 'waiting', reason = 'busy',
        not_before = clock_timestamp() + make_interval(secs => ${retryAfterMs / 1000}::float8), updated_at = clock_timestamp()
      from device_upgrades was
      where u.id = was.id and u.id in (select jsonb_array_elements_text(${JSON.stringify(upgradeIds)}::jsonb)::bigint) and u.finished_at is null
      returning u.id, was.reason is distinct from 'busy' as news
    )
    insert into upgrade_log (upgrade_id, author, event, status, cause)
    select id, 'system', 'waiting', 'waiting', 'another upgrade of this device is running' from released where news`);
}

/** Ends devices of a task that were never started. Returns how many. */
export async function endUndispatched(
  db: Db,
  taskId: number,
  end: { status: UpgradeStatus; reason: string; author: string; cause: string },
): Promise<number> {
  const rows = await db.execute<{ n: number }>(sql`
    with ended as (
      update device_upgrades set status = ${end.status}, reason = ${end.reason}, finished_at = clock_timestamp(),
        updated_at = clock_timestamp()
      where task_id = ${taskId} and dispatched_at is null and finished_at is null
      returning id, task_id, device_id, department_id, status, reason
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, cause)
      select id, ${end.author}, ${end.status}, ${end.status}, ${end.cause} from ended
    ) ${BAD_ENDS.includes(end.status) ? sql`, told as (${deviceEvents('device.failed', sql`ended`, sql`${end.cause}::text`)})` : sql``}
    select count(*)::int as n from ended`);
  return rows[0]?.n ?? 0;
}

/**
 * A page of devices under way, to be told something; `reason` narrows it to those that wait for it, `isOffered: false`
 * to those that were not offered anything yet.
 */
export async function findInFlight(
  db: Db,
  taskId: number,
  page: { after: number; limit: number; reason?: string; isOffered?: false },
): Promise<{ id: number; deviceId: string }[]> {
  return db.execute<{ id: number; deviceId: string }>(sql`
    select id::int as id, device_id as "deviceId" from device_upgrades
    where task_id = ${taskId} and dispatched_at is not null and finished_at is null and id > ${page.after}
      ${page.reason === undefined ? sql`` : sql`and reason = ${page.reason}`}
      ${page.isOffered === undefined ? sql`` : sql`and status in ('scheduled', 'waiting')`}
    order by id limit ${page.limit}`);
}

/**
 * Puts devices that did not succeed back to `scheduled`: all, or only these. Returns how many. The attempt counts on
 * and leaves a gap, so that an execution which was taken for dead can never share a number with its successor.
 */
export async function resetFailed(
  db: Db,
  taskId: number,
  by: { author: string; cause: string },
  only?: readonly number[],
): Promise<number> {
  const rows = await db.execute<{ n: number }>(sql`
    with reset as (
      update device_upgrades set status = 'scheduled', reason = null, dispatched_at = null, finished_at = null,
        not_before = null, edge_at = null, file_index = 0, proofs = '[]', updated_at = clock_timestamp(),
        -- A gap: the execution before may think itself one attempt further than what is written.
        attempt = case when dispatched_at is null then attempt else attempt + 2 end,
        decision = null, decided_at = null, decided_by = null
      where task_id = ${taskId} and finished_at is not null and status in (${statusList(RETRYABLE_UPGRADE_STATUSES)})
        ${only === undefined ? sql`` : sql`and id in (select jsonb_array_elements_text(${JSON.stringify(only)}::jsonb)::bigint)`}
      returning id
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, cause)
      select id, ${by.author}, 'retry', 'scheduled', ${by.cause} from reset
    ), extended as (
      update upgrade_tasks t
      set deadline_at = greatest(t.deadline_at,
            clock_timestamp() + make_interval(secs => (t.options->>'lifeMs')::float8 / 1000)),
          status = 'scheduled', finished_at = null
      where t.id = ${taskId} and t.finished_at is not null and exists (select 1 from reset)
    ), told as (
      insert into task_log (task_id, author, event, cause, details)
      select ${taskId}, ${by.author}, 'retry_failed', ${by.cause}, jsonb_build_object('devices', count(*)) from reset having count(*) > 0
    )
    select count(*)::int as n from reset`);
  return rows[0]?.n ?? 0;
}

/**
 * Some devices under way of which nothing was heard for a while; which ones differs from call to call. `isLong`: for so
 * long that whoever was terminated by hand is not just being started again by hand.
 */
export async function findSilent(
  db: Db,
  taskId: number,
  { silentForMs, longMs, sample }: { silentForMs: number; longMs: number; sample: number },
): Promise<{ id: number; deviceId: string; isLong: boolean }[]> {
  return db.execute<{ id: number; deviceId: string; isLong: boolean }>(sql`
    select id::int as id, device_id as "deviceId",
      updated_at < clock_timestamp() - make_interval(secs => ${longMs / 1000}::float8) as "isLong"
    from device_upgrades
    where task_id = ${taskId} and dispatched_at is not null and finished_at is null
      and updated_at < clock_timestamp() - make_interval(secs => ${silentForMs / 1000}::float8)
    order by random() limit ${sample}`);
}

/**
 * What starts an upgrade again of which Temporal knows nothing, because Temporal was restored or begun anew; null when
 * it has ended meanwhile. An offer that is open is taken over as it is: what a device is doing, it goes on doing. Else,
 * and when the device runs something that the offer does not know, the attempt counts on and leaves a gap, as with a
 * retry.
 */
export async function takeUpLost(db: Db, upgradeId: number): Promise<StartableUpgrade | null> {
  const [taken] = await db.execute<{ firstAttempt: number }>(sql`
    with lost as (
      update device_upgrades set updated_at = clock_timestamp() where id = ${upgradeId} and finished_at is null
      returning id, attempt, status, file_index
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
      select id, 'system', 'taken_up', status, file_index, attempt,
        'Temporal did not know its workflow (restored?); another one goes on from what is stored' from lost
    )
    select attempt + case when file_index = 0 and exists (
        select 1 from device_messages m
        where m.upgrade_id = lost.id and m.attempt = lost.attempt and m.closed_at is null
          -- A transfer that stood still for long belongs to the time before a restore: the device has moved on.
          and (m.first_request_at is null or m.finished_at is not null
            or coalesce(m.last_request_at, m.first_request_at) > clock_timestamp() - interval '5 minutes')
          and not exists (select 1 from device_versions v where v.device_id = m.device_id
            and v.component = m.payload->>'component'
            and v.version not in (m.payload->>'fromVersion', m.payload->>'targetVersion')))
      then 0 else 2 end as "firstAttempt"
    from lost`);
  if (taken === undefined) return null;
  const [found] = await startable(
    db,
    sql`select * from device_upgrades where id = ${upgradeId} and finished_at is null`,
  );
  return found === undefined ? null : { ...found, input: { ...found.input, firstAttempt: taken.firstAttempt } };
}

/** Ends an upgrade whose workflow is gone although its row says otherwise (terminated by hand, or lost). */
export async function endLost(db: Db, upgradeId: number): Promise<void> {
  await db.execute(sql`
    with ended as (
      update device_upgrades set status = 'failed', reason = 'execution_lost', finished_at = clock_timestamp(),
        updated_at = clock_timestamp(), ${UNDECIDED}
      where id = ${upgradeId} and finished_at is null
      returning id, task_id, device_id, department_id, status, reason, file_index, attempt
    ), closed as (
      update device_messages m set closed_at = clock_timestamp() from ended
      where m.device_id = ended.device_id and m.upgrade_id = ended.id and m.closed_at is null
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
      select id, 'system', 'failed', 'failed', file_index, attempt,
        'its workflow does not exist any more (terminated by hand?); retry it with the failed devices' from ended
    ), told as (
      ${deviceEvents('device.failed', sql`ended`, sql`'its workflow does not exist any more (terminated by hand?)'`)}
    )
    select pg_notify(${DEVICE_MESSAGE_CHANNEL}, device_id) from ended`);
}

/** What starting them takes, of upgrades that a query gives. */
export async function startable(db: Db, rows: ReturnType<typeof sql>): Promise<StartableUpgrade[]> {
  const found = await db.execute<{ input: StoredInput; department: string; protocol: string; position: number }>(sql`
    with u as (${rows}), t as materialized (
      -- Once for all of them: they are of one task.
      select id, options, (extract(epoch from deadline_at) * 1000)::float8 as deadline_ms
      from upgrade_tasks where id in (select task_id from u)
    ), f as materialized (
      -- Once for all that have the same.
      select ids, (select jsonb_agg(jsonb_build_object('firmwareId', f.id, 'fileName', f.file_name, 'component', f.component,
            'targetVersion', f.target_version) order by o.place)
         from unnest(ids) with ordinality as o(id, place) join firmware f on f.id = o.id) as files
      from (select distinct firmware_ids as ids from u) lists
    )
    select jsonb_build_object(
        'upgradeId', u.id, 'deviceId', u.device_id, 'taskId', u.task_id, 'firstAttempt', u.attempt + 1,
        'limits', t.options->'limits', 'attemptsPerFile', (t.options->>'attemptsPerFile')::int,
        'deadlineAtMs', t.deadline_ms, 'files', f.files) as input,
      dep.name as department, d.protocol, u.position
    from u
    join t on t.id = u.task_id
    join f on f.ids = u.firmware_ids
    join devices d on d.id = u.device_id
    join departments dep on dep.id = u.department_id
    order by u.position`);
  return found.map(({ input, protocol, ...more }) => ({
    ...more,
    protocol,
    input: { ...input, limits: limitsFor(protocol, input.limits) },
  }));
}

type StoredInput = Omit<UpgradeDeviceInput, 'limits'> & { limits: OrderedLimits };
