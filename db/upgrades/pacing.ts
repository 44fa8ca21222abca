/**
 * Which devices of a task are started next, and which of those that came back may go on: one transaction that locks the
 * task, counts what is under way, asks the rules and takes the devices. So two dispatchers at one time never exceed
 * anything together. Costs as much as there is under way, however many devices the task has.
 *
 * Locks are taken in one order: the department's (only where limits by key are used), the task's row, and then rows of
 * devices without waiting for them. Whoever holds a device's row may therefore wait for the other two.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { Candidates } from './candidates.ts';
import { isActive, startable, type StartableUpgrade } from './dispatch.ts';
import { InvariantError, type Db } from '../index.ts';
import { fitsTonight } from './night-fit.ts';
import { DEVICE_MESSAGE_CHANNEL, type TaskOptions } from '../schema.ts';
import {
  Places,
  startsAllowed,
  withStarts,
  type DeviceKeys,
  type EndedCounts,
  type KeyLimit,
  type LimitKey,
  type RecentStarts,
} from '../../workflows/rules/pacing.ts';
import type { TaskStatus } from '../../workflows/rules/statuses.ts';
import { windowAt } from '../../workflows/rules/windows.ts';

/** Kind of the advisory lock of a department; the same number is in the function `upgrade_may_proceed`. */
const DEPARTMENT_LOCK = 7_244_002;
/** A device that was told it may go on has this long to take its place before another one may. */
const TOLD_S = 5;
/** A device heard of or connected within this time counts as online; others hold no place while they are away. */
export const ONLINE_S = 120;

/** The condition that a device with contact `c` is online; null when it was never heard of. */
export const IS_ONLINE = sql`greatest(c.last_seen_at, c.connected_at) > clock_timestamp() - make_interval(secs => ${ONLINE_S})`;

/** What the dispatcher remembers from step to step; only saves work, never decides. */
export interface Memory {
  /** Every device before this place in the order has been started or passed over. */
  position: number;
  /** Devices not started yet by their keys, when limits by key are used; null: not. */
  candidates: Candidates | null;
  /** Ended devices, for a rate that grows. */
  finished: number;
  succeeded: number;
}

/** What one step did and saw. */
export interface Step {
  status: TaskStatus;
  options: TaskOptions;
  nowMs: number;
  /** Devices taken; their workflows are to be started. */
  started: StartableUpgrade[];
  /** Devices whose workflow must be told that there is room. */
  told: string[];
  /** Devices not started yet; only whether there are any. */
  isLeft: boolean;
  /** Devices with a running workflow; only whether there are any. */
  isFlying: boolean;
}

interface Head extends Record<string, unknown> {
  status: TaskStatus;
  options: TaskOptions;
  departmentId: number;
  recent: RecentStarts;
  nowMs: number;
}

/** What the dispatcher must know before its first step. */
export async function readTask(db: Db, taskId: number): Promise<{ options: TaskOptions }> {
  const [row] = await db.execute<{ options: TaskOptions }>(sql`select options from upgrade_tasks where id = ${taskId}`);
  if (row === undefined) throw new InvariantError(`task ${taskId} does not exist`);
  return row;
}

/** May a device that waited or was away become active now? To be asked, and obeyed, inside one transaction. */
export async function mayProceed(tx: Db, upgradeId: number): Promise<boolean> {
  const [row] = await tx.execute<{ may: boolean }>(sql`select upgrade_may_proceed(${upgradeId}) as may`);
  return row!.may;
}

/** Takes as many devices as may be started at this moment and tells those that came back; none while the window is closed. */
export async function startNext(db: Db, taskId: number, memory: Memory): Promise<Step> {
  return db.transaction(async (tx) => {
    const head = await lockTask(tx, taskId, memory.candidates !== null);
    const { status, options, nowMs } = head;
    const seen = await look(tx, taskId, head, memory);
    const idle: Step = { status, options, nowMs, started: [], told: [], isLeft: seen.isLeft, isFlying: seen.isFlying };
    // Limits that were set or lifted a moment ago need the locks in their order: the next step takes them.
    const isReady = options.pacing.limits.length === 0 || memory.candidates !== null;
    if (status !== 'running' || !isReady || !windowAt(options.window, nowMs).open) return idle;

    const places = new Places(options.pacing.limits, await countKeys(tx, head));
    const room = Math.max(0, options.pacing.maxConcurrent - seen.active - seen.told);
    const held = seen.held > 0 && room > 0 ? await tellHeld(tx, taskId, options.pacing.limits, places, room) : [];
    const told = held.filter(({ status }) => status === 'waiting').map(({ deviceId }) => deviceId);
    const allowed = startsAllowed(options.pacing, {
      nowMs,
      active: seen.active + seen.told + held.length,
      recent: head.recent,
      finished: memory.finished,
      succeeded: memory.succeeded,
    });
    if (allowed === 0 || !seen.isLeft) return { ...idle, told };
    const fits = await fitsTonight(tx, taskId, options.window, nowMs);
    if (fits === null) return { ...idle, told };
    const started =
      options.pacing.limits.length === 0 || memory.candidates === null
        ? await takeInOrder(tx, taskId, nowMs, allowed, memory, fits)
        : await takeByKeys(tx, {
            taskId,
            nowMs,
            allowed,
            fits,
            places,
            candidates: memory.candidates,
            limits: options.pacing.limits,
          });
    if (started.length > 0) {
      const recent = withStarts(head.recent, nowMs, started.length);
      await tx.execute(
        sql`update upgrade_tasks set recent_starts = ${JSON.stringify(recent)}::jsonb where id = ${taskId}`,
      );
    }
    return { ...idle, started, told, isFlying: seen.isFlying || started.length > 0 };
  });
}

/**
 * Locks the task: a pause that is being written is waited for and then obeyed. Plain index scans from here on, because
 * they alone mark entries of rows that have moved on, so that the next scan passes over them.
 */
async function lockTask(tx: Db, taskId: number, usesLimits: boolean): Promise<Head> {
  if (usesLimits) {
    await tx.execute(sql`
      select pg_advisory_xact_lock(${DEPARTMENT_LOCK}, department_id) from upgrade_tasks where id = ${taskId}`);
  }
  const [head] = await tx.execute<Head>(sql`
    select status, options, department_id as "departmentId", recent_starts as recent,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
      set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)
    from upgrade_tasks where id = ${taskId} for no key update`);
  if (head === undefined) throw new InvariantError(`task ${taskId} does not exist`);
  return head;
}

/** What is under way. A statement of its own: it must see what was committed while the lock was waited for. */
async function look(tx: Db, taskId: number, { departmentId }: Head, { position }: Memory) {
  const [seen] = await tx.execute<{
    active: number;
    held: number;
    told: number;
    isLeft: boolean;
    isFlying: boolean;
  }>(sql`
    with held as (
      select count(*)::int as total, count(*) filter (where not_before > clock_timestamp())::int as told
      from device_upgrades
      where task_id = ${taskId} and reason = 'paced' and finished_at is null and dispatched_at is not null
    )
    select active.n as active, held.total as held, held.told,
      case when exists (select 1 from device_upgrades where task_id = ${taskId} and dispatched_at is null
                          and finished_at is null and position >= ${position}) then true
        else exists (select 1 from device_upgrades where task_id = ${taskId} and dispatched_at is null
                       and finished_at is null) end as "isLeft",
      case when active.n > 0 then true
        else exists (select 1 from device_upgrades where task_id = ${taskId} and dispatched_at is not null
                       and finished_at is null) end as "isFlying"
    from held, (select count(*)::int as n from device_upgrades u
                where department_id = ${departmentId} and task_id = ${taskId} and ${isActive('u')}) as active`);
  return seen!;
}

/** How many devices of each key are under way, over all tasks of the department. */
async function countKeys(tx: Db, { departmentId, options }: Head) {
  const keys = [...new Set(options.pacing.limits.map(({ key }) => key))];
  if (keys.length === 0) return [];
  return tx.execute<{ key: LimitKey; value: string; devices: number }>(sql`
    select k.key, pacing_key(k.key, u.department_id, d.model, d.order_no, c.gateway) as value, count(*)::int as devices
    from device_upgrades u
    join devices d on d.id = u.device_id
    left join device_contacts c on c.device_id = u.device_id
    cross join jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key)
    where u.department_id = ${departmentId} and ${isActive('u')}
      and pacing_key(k.key, u.department_id, d.model, d.order_no, c.gateway) is not null
    group by 1, 2`);
}

/**
 * Devices that came back when there was no room, oldest first: those that wait have their workflow told, by the caller,
 * those whose offer is parked have their gateway told, if they are connected. Each has its place for some seconds.
 */
async function tellHeld(tx: Db, taskId: number, limits: readonly KeyLimit[], places: Places, room: number) {
  const held = await tx.execute<{ id: number; deviceId: string; status: string; keys: DeviceKeys }>(sql`
    select u.id::int as id, u.device_id as "deviceId", u.status, ${keysOf(limits)} as keys
    from device_upgrades u join devices d on d.id = u.device_id left join device_contacts c on c.device_id = u.device_id
    where u.task_id = ${taskId} and u.reason = 'paced' and u.finished_at is null and u.dispatched_at is not null
      and (u.not_before is null or u.not_before <= clock_timestamp())
      and (u.status = 'waiting' or ${IS_ONLINE})
    order by u.updated_at limit ${room * 4} for no key update of u skip locked`);
  const fitting: (typeof held)[number][] = [];
  for (const device of held) if (fitting.length < room && places.take(device.keys)) fitting.push(device);
  if (fitting.length === 0) return [];
  await tx.execute(sql`
    with told as (
      update device_upgrades set not_before = clock_timestamp() + make_interval(secs => ${TOLD_S})
      where id in (select jsonb_array_elements_text(${JSON.stringify(fitting.map(({ id }) => id))}::jsonb)::bigint)
      returning device_id, status
    )
    select pg_notify(${DEVICE_MESSAGE_CHANNEL}, device_id) from told where status <> 'waiting'`);
  return fitting;
}

/** The next devices in the order of the task. */
async function takeInOrder(tx: Db, taskId: number, nowMs: number, limit: number, memory: Memory, fits: ByKeys['fits']) {
  const takeFrom = (from: number) =>
    take(
      tx,
      nowMs,
      sql`
      select id from device_upgrades
      where task_id = ${taskId} and dispatched_at is null and finished_at is null and position >= ${from}
        and (not_before is null or not_before <= clock_timestamp()) and ${fits('device_upgrades')}
      order by position limit ${limit} for no key update skip locked`,
    );
  let taken = await takeFrom(memory.position);
  // At the end of the order: devices that were put back, or were passed over, lie before it.
  if (taken.length === 0 && memory.position > 0) taken = await takeFrom(0);
  memory.position = taken.reduce((last, { position }) => Math.max(last, position + 1), 0);
  return taken;
}

interface ByKeys {
  taskId: number;
  nowMs: number;
  allowed: number;
  fits: (row: string) => SQL;
  places: Places;
  candidates: Candidates;
  limits: readonly KeyLimit[];
}

/** The next devices whose keys have room; the others are passed over. What was remembered of a device is read again. */
async function takeByKeys(tx: Db, { taskId, nowMs, allowed, fits, places, candidates, limits }: ByKeys) {
  const wanted = candidates.next(places, allowed);
  if (wanted.length === 0) return [];
  const free = await tx.execute<{ id: number; keys: DeviceKeys }>(sql`
    select u.id::int as id, ${keysOf(limits)} as keys
    from device_upgrades u join devices d on d.id = u.device_id left join device_contacts c on c.device_id = u.device_id
    where u.id in (select jsonb_array_elements_text(${JSON.stringify(wanted)}::jsonb)::bigint) and u.task_id = ${taskId}
      and u.dispatched_at is null and u.finished_at is null and (u.not_before is null or u.not_before <= clock_timestamp())
      and ${fits('u')}
    order by u.position for no key update of u skip locked`);
  const fitting = free.filter(({ keys }) => places.take(keys)).map(({ id }) => id);
  if (fitting.length === 0) return [];
  return take(tx, nowMs, sql`select jsonb_array_elements_text(${JSON.stringify(fitting)}::jsonb)::bigint`);
}

/** From here on these devices count as under way. */
function take(tx: Db, nowMs: number, ids: SQL): Promise<StartableUpgrade[]> {
  return startable(
    tx,
    sql`update device_upgrades set dispatched_at = to_timestamp(${nowMs / 1_000}::float8) where id in (${ids}) returning *`,
  );
}

/** The keys of device `d` with contact `c` that these limits ask for. */
function keysOf(limits: readonly KeyLimit[]) {
  const keys = [...new Set(limits.map(({ key }) => key))];
  return sql`(select coalesce(jsonb_object_agg(k.key, pacing_key(k.key, d.department_id, d.model, d.order_no, c.gateway)), '{}')
    from jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key))`;
}

// ---------------------------------------------------------------- now and then

/** Exact sums of a task: costs as much as it has devices, so ask seldom. */
export interface Totals {
  /** Devices with a running workflow. */
  inFlight: number;
  /** Of these, devices that something is being done with; the others wait and use no radio. */
  active: number;
  /** Devices not started yet. */
  remaining: number;
  /** How devices have ended, from the beginning. */
  ended: EndedCounts;
  /** The same since the last resume, for the rules that abort. */
  sinceResume: EndedCounts;
}

/** Counts a task. */
export async function countTask(db: Db, taskId: number): Promise<Totals> {
  const [row] = await db.execute<Totals & Record<string, unknown>>(sql`
    with counted as (
      select u.status, count(*)::int as n,
        count(*) filter (where u.dispatched_at is not null and u.finished_at is null)::int as flying,
        count(*) filter (where ${isActive('u')})::int as active,
        count(*) filter (where u.dispatched_at is null and u.finished_at is null)::int as remaining,
        count(*) filter (where t.abort_counted_from is null
          or case when u.status = 'reverted' then u.updated_at else u.finished_at end > t.abort_counted_from)::int as since
      from device_upgrades u join upgrade_tasks t on t.id = u.task_id where u.task_id = ${taskId} group by u.status
    ), known as (
      select s.status, coalesce(c.n, 0) as n, coalesce(c.since, 0) as since
      from unnest(array['succeeded', 'failed', 'unproven', 'expired', 'partial', 'reverted']) as s(status)
      left join counted c using (status)
    )
    select coalesce(sum(flying), 0)::int as "inFlight", coalesce(sum(active), 0)::int as active, coalesce(sum(remaining), 0)::int as remaining,
      (select jsonb_object_agg(status, n) from known) as ended,
      (select jsonb_object_agg(status, since) from known) as "sinceResume"
    from counted`);
  return row!;
}
