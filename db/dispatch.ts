/**
 * A task as its workflow drives it: which devices to start next, how many are under way, what to do with those that
 * were never started. Set-based throughout: a task may hold 100 000 devices.
 */
import { sql } from 'drizzle-orm';
import { InvariantError, type Db } from './index.ts';
import { DEVICE_MESSAGE_CHANNEL, type TaskOptions } from './schema.ts';
import type { UpgradeDeviceInput } from '../workflows/contract.ts';
import type { Pacing } from '../workflows/rules/pacing.ts';
import { RETRYABLE_UPGRADE_STATUSES, type TaskStatus, type UpgradeStatus } from '../workflows/rules/statuses.ts';

/** What the workflow of a task needs to know of it. */
export interface TaskPlan {
  name: string;
  status: TaskStatus;
  department: string;
  options: TaskOptions;
  deviceCount: number;
  dispatchAtMs: number;
  deadlineAtMs: number;
  nowMs: number;
}

/** A device upgrade about to be started, with everything its workflow gets. */
export interface StartableUpgrade {
  input: UpgradeDeviceInput;
  department: string;
  protocol: string;
}

/** A task's log line. */
export interface TaskEntry {
  author: string;
  event: string;
  cause?: string;
  details?: Record<string, unknown>;
}

const statusList = (statuses: readonly string[]) => sql.raw(statuses.map((status) => `'${status}'`).join(', '));

/** Reads a task and notes that its workflow runs. */
export async function loadTask(db: Db, taskId: number): Promise<TaskPlan> {
  const [row] = await db.execute<TaskPlan & Record<string, unknown>>(sql`
    update upgrade_tasks t set started_at = coalesce(t.started_at, clock_timestamp())
    from departments d where t.id = ${taskId} and d.id = t.department_id
    returning t.name, t.status, d.name as department, t.options, t.device_count as "deviceCount",
      (extract(epoch from t.dispatch_at) * 1000)::float8 as "dispatchAtMs",
      (extract(epoch from t.deadline_at) * 1000)::float8 as "deadlineAtMs",
      (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs"`);
  if (row === undefined) throw new InvariantError(`task ${taskId} does not exist`);
  return row;
}

/** Changes what a task is, with its line in the log; repeating it changes nothing. */
export async function recordTaskStatus(db: Db, taskId: number, status: TaskStatus, entry: TaskEntry): Promise<void> {
  const ended = status === 'finished' || status === 'cancelled';
  await db.execute(sql`
    with changed as (
      update upgrade_tasks set status = ${status}, finished_at = ${ended ? sql`clock_timestamp()` : sql`null`}
      where id = ${taskId} and status <> ${status} returning id
    )
    insert into task_log (task_id, author, event, cause, details)
    select id, ${entry.author}, ${entry.event}, ${entry.cause ?? ''}, ${JSON.stringify(entry.details ?? {})}::jsonb from changed`);
}

/** Stores a change of pacing, with author. */
export async function recordPacing(db: Db, taskId: number, pacing: Pacing, entry: TaskEntry): Promise<void> {
  await db.execute(sql`
    with changed as (
      update upgrade_tasks set options = jsonb_set(options, '{pacing}', ${JSON.stringify(pacing)}::jsonb)
      where id = ${taskId} returning id
    )
    insert into task_log (task_id, author, event, cause, details)
    select id, ${entry.author}, ${entry.event}, ${entry.cause ?? ''}, ${JSON.stringify({ pacing })}::jsonb from changed`);
}

/** Ends the dispatch delay of a task, with author; what follows, a retry for example, does not wait it out again. */
export async function recordStartNow(db: Db, taskId: number, entry: TaskEntry): Promise<void> {
  await db.execute(sql`
    with changed as (
      update upgrade_tasks set dispatch_at = clock_timestamp()
      where id = ${taskId} and dispatch_at > clock_timestamp() returning id
    )
    insert into task_log (task_id, author, event, cause)
    select id, ${entry.author}, ${entry.event}, ${entry.cause ?? ''} from changed`);
}

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

/** How a task stands. */
export interface TaskCount {
  status: TaskStatus;
  options: TaskOptions;
  /** Devices with a running workflow. */
  inFlight: number;
  /** Of these, devices that something is being done with; the others wait and use no radio. */
  active: number;
  /** Devices not started yet. */
  remaining: number;
  nowMs: number;
}

/** How many devices are under way and how many were not started. */
export async function countTask(db: Db, taskId: number): Promise<TaskCount> {
  const [row] = await db.execute<TaskCount & Record<string, unknown>>(sql`
    with flying as (
      select count(*)::int as total,
        count(*) filter (where status <> 'waiting' and reason is distinct from 'offline')::int as active
      from device_upgrades where task_id = ${taskId} and dispatched_at is not null and finished_at is null
    )
    select t.status, t.options,
      (select total from flying) as "inFlight",
      (select active from flying) as active,
      (select count(*)::int from device_upgrades
        where task_id = ${taskId} and dispatched_at is null and finished_at is null) as remaining,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs"
    from upgrade_tasks t where t.id = ${taskId}`);
  if (row === undefined) throw new InvariantError(`task ${taskId} does not exist`);
  return row;
}

/** How many devices of a task are in each status. */
export async function countStatuses(db: Db, taskId: number): Promise<Partial<Record<UpgradeStatus, number>>> {
  const rows = await db.execute<{ status: UpgradeStatus; n: number }>(
    sql`select status, count(*)::int as n from device_upgrades where task_id = ${taskId} group by status`,
  );
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
}

/**
 * Takes the next devices of a task, in their order; from here on they count as under way. None once a pause or a
 * cancel is written: the lock makes whoever writes it wait for us, or us see it.
 */
export async function claimUpgrades(db: Db, taskId: number, limit: number): Promise<StartableUpgrade[]> {
  if (limit === 0) return [];
  return startable(
    db,
    sql`update device_upgrades set dispatched_at = clock_timestamp()
      where id in (
        select id from device_upgrades
        where exists (select 1 from upgrade_tasks where id = ${taskId} and status = 'running' for share) and task_id = ${taskId} and dispatched_at is null and finished_at is null
          and (not_before is null or not_before <= clock_timestamp())
        order by position limit ${limit} for update skip locked)
      returning *`,
  );
}

/** Devices that were taken and of whose workflow nothing was heard: started again after a crash, harmless if it runs. */
export async function findUnheardClaims(db: Db, taskId: number, olderThanMs: number): Promise<StartableUpgrade[]> {
  return startable(
    db,
    sql`select * from device_upgrades
      where task_id = ${taskId} and dispatched_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000}::float8)
        and finished_at is null and (status = 'scheduled' or reason = 'busy')
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
      where task_id = ${taskId} and dispatched_at is null and finished_at is null returning id
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, cause)
      select id, ${end.author}, ${end.status}, ${end.status}, ${end.cause} from ended
    )
    select count(*)::int as n from ended`);
  return rows[0]?.n ?? 0;
}

/** A page of devices under way, to be told something; `reason` narrows it to those that wait for it. */
export async function findInFlight(
  db: Db,
  taskId: number,
  page: { after: number; limit: number; reason?: string },
): Promise<{ id: number; deviceId: string }[]> {
  return db.execute<{ id: number; deviceId: string }>(sql`
    select id::int as id, device_id as "deviceId" from device_upgrades
    where task_id = ${taskId} and dispatched_at is not null and finished_at is null and id > ${page.after}
      ${page.reason === undefined ? sql`` : sql`and reason = ${page.reason}`}
    order by id limit ${page.limit}`);
}

/** Puts devices that did not succeed back to `scheduled`. Returns how many. */
export async function resetFailed(db: Db, taskId: number, by: { author: string; cause: string }): Promise<number> {
  const rows = await db.execute<{ n: number }>(sql`
    with reset as (
      update device_upgrades set status = 'scheduled', reason = null, dispatched_at = null, finished_at = null,
        not_before = null, edge_at = null, file_index = 0, proofs = '[]', updated_at = clock_timestamp()
      where task_id = ${taskId} and finished_at is not null and status in (${statusList(RETRYABLE_UPGRADE_STATUSES)})
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

/** Some devices under way of which nothing was heard for a while; which ones differs from call to call. */
export async function findSilent(
  db: Db,
  taskId: number,
  { silentForMs, sample }: { silentForMs: number; sample: number },
): Promise<{ id: number; deviceId: string }[]> {
  return db.execute<{ id: number; deviceId: string }>(sql`
    select id::int as id, device_id as "deviceId" from device_upgrades
    where task_id = ${taskId} and dispatched_at is not null and finished_at is null
      and updated_at < clock_timestamp() - make_interval(secs => ${silentForMs / 1000}::float8)
    order by random() limit ${sample}`);
}

/** Ends an upgrade whose workflow is gone although its row says otherwise (terminated by hand, or lost). */
export async function endLost(db: Db, upgradeId: number): Promise<void> {
  await db.execute(sql`
    with ended as (
      update device_upgrades set status = 'failed', reason = 'execution_lost', finished_at = clock_timestamp(),
        updated_at = clock_timestamp()
      where id = ${upgradeId} and finished_at is null returning id, device_id, file_index, attempt
    ), closed as (
      update device_messages m set closed_at = clock_timestamp() from ended
      where m.device_id = ended.device_id and m.upgrade_id = ended.id and m.closed_at is null
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
      select id, 'system', 'failed', 'failed', file_index, attempt,
        'its workflow does not exist any more (terminated by hand?); retry it with the failed devices' from ended
    )
    select pg_notify(${DEVICE_MESSAGE_CHANNEL}, device_id) from ended`);
}

async function startable(db: Db, rows: ReturnType<typeof sql>): Promise<StartableUpgrade[]> {
  const found = await db.execute<StartableUpgrade & Record<string, unknown>>(sql`
    with u as (${rows})
    select jsonb_build_object(
        'upgradeId', u.id, 'deviceId', u.device_id, 'taskId', u.task_id, 'firstAttempt', u.attempt + 1,
        'limits', t.options->'limits', 'attemptsPerFile', (t.options->>'attemptsPerFile')::int,
        'deadlineAtMs', (extract(epoch from t.deadline_at) * 1000)::float8,
        'files', (select jsonb_agg(jsonb_build_object('firmwareId', f.id, 'fileName', f.file_name, 'component', f.component,
                    'targetVersion', f.target_version) order by o.place)
                  from unnest(t.firmware_ids) with ordinality as o(id, place) join firmware f on f.id = o.id)) as input,
      dep.name as department, d.protocol
    from u
    join upgrade_tasks t on t.id = u.task_id
    join devices d on d.id = u.device_id
    join departments dep on dep.id = u.department_id
    order by u.position`);
  return [...found].map(({ input, department, protocol }) => ({ input, department, protocol }));
}
