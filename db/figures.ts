/**
 * Figures of the whole installation, for metrics: how many devices and tasks are where, how long the oldest entry of
 * each queue waits, and what the progress log has gained since the last look. Read by indexes, or over rows that are
 * few; nothing here costs anything when a device moves.
 */
import { sql } from 'drizzle-orm';
import type { Db } from './index.ts';
import { UPGRADE_STATUSES } from '../workflows/rules/statuses.ts';

/** What can wait for something that Slipway itself must do. */
export const QUEUES = ['devices', 'edges', 'tasks', 'webhooks'] as const;
export type Queue = (typeof QUEUES)[number];

/** How things are now. */
export interface Figures {
  /** Devices of tasks that have not ended, by status. */
  devices: Record<string, number>;
  /** Tasks that have not ended, by status. */
  tasks: Record<string, number>;
  /** Upgrades that need a person, by status. */
  attention: Record<string, number>;
  /** Of the latest deliveries to webhooks. */
  deliveries: Record<string, number>;
  /** Devices of secondary shipments that are under way or need a person, by status. */
  platformDevices: Record<string, number>;
  /** Connections to platforms that are left alone: 1 for each. */
  platformsPaused: Record<string, number>;
  /** Since when the oldest entry of a queue waits; null: it is empty. */
  queueSeconds: Record<Queue, number | null>;
  database: { sizeBytes: number; connections: Record<string, number>; maxConnections: number };
}

/** Deliveries are counted among so many of the latest: the table grows for ever. */
export const DELIVERIES_COUNTED = 10_000;

/** Reads all of it in one statement. */
export async function readFigures(db: Db): Promise<Figures> {
  const [row] = await db.execute<Figures & Record<string, unknown>>(sql`
    with pending as (
      select created_at from webhook_deliveries where started_at is null and finished_at is null
      union all
      select created_at from webhook_deliveries where started_at is not null and finished_at is null
    )
    select
      ${counted(sql`
        select u.status as name, count(*) as n from upgrade_tasks t join device_upgrades u on u.task_id = t.id
        where t.finished_at is null group by u.status`)} as "devices",
      ${counted(sql`
        select status as name, count(*) as n from upgrade_tasks where finished_at is null group by status`)} as "tasks",
      ${counted(sql`
        select case when reason = 'awaiting_operator' then 'confirming' else status end as name, count(*) as n
        from device_upgrades
        where (finished_at is not null and decided_at is null and status in ('failed', 'unproven', 'partial', 'reverted', 'expired'))
          or reason = 'awaiting_operator'
        group by 1`)} as "attention",
      ${counted(sql`
        select status as name, count(*) as n
        from (select status from webhook_deliveries order by id desc limit ${DELIVERIES_COUNTED}) as latest
        group by status`)} as "deliveries",
      ${counted(sql`
        select status as name, count(*) as n from platform_shipment_devices
        where status = 'open' or (status in ('refused', 'unknown', 'not_sent') and released_at is null)
        group by status`)} as "platformDevices",
      ${counted(sql`
        select name, 1 as n from platform_connectors where paused_until > clock_timestamp()`)} as "platformsPaused",
      jsonb_build_object(
        'devices', (
          select ${since(sql`min(greatest(t.dispatch_at, t.started_at))`)} from upgrade_tasks t
          where t.status = 'running' and t.dispatch_at <= clock_timestamp()
            and exists (select 1 from device_upgrades u where u.task_id = t.id and u.dispatched_at is null
                        and u.finished_at is null and (u.not_before is null or u.not_before <= clock_timestamp()))),
        'edges', (
          select ${since(sql`edge_at`)} from device_upgrades
          where edge_at is not null and dispatched_at is not null and finished_at is null order by edge_at limit 1),
        'tasks', (select ${since(sql`min(created_at)`)} from upgrade_tasks where started_at is null),
        'webhooks', (select ${since(sql`min(created_at)`)} from pending)
      ) as "queueSeconds",
      jsonb_build_object(
        'sizeBytes', pg_database_size(current_database()),
        'connections', ${counted(sql`
          select case when state in ('active', 'idle') then state
                      when state like 'idle in transaction%' then 'idle_in_transaction' else 'other' end as name,
                 count(*) as n
          from pg_stat_activity where datname = current_database() and backend_type = 'client backend' group by 1`)},
        'maxConnections', current_setting('max_connections')::int
      ) as "database"`);
  return row!;
}

/** What the progress log has gained. */
export interface LogGain {
  /** Read up to here. */
  lastId: number;
  /** Changes of status, by the status they led to. */
  transitions: Record<string, number>;
  offersSent: number;
  /** For each file that was proven: seconds from the first sending of its offer to the proof. */
  proofSeconds: number[];
  /** There is more to read. */
  more: boolean;
}

/** Lines read at one look, so that a look after a long pause stays short. */
const LOG_LINES = 50_000;
/** Between the begin of a transaction and its first line. */
const MARGIN_S = 1;

/** The number of the last line there is: where the first look begins. */
export async function lastLogId(db: Db): Promise<number> {
  const [row] = await db.execute<{ id: number }>(sql`select coalesce(max(id), 0)::float8 as id from upgrade_log`);
  return row!.id;
}

/**
 * Reads the lines behind one, and stops before the first that a transaction under way could still come before: ids are
 * given out in order, but lines appear when their transaction ends. So none is left out and none is counted twice.
 */
export async function readLogGain(db: Db, afterId: number): Promise<LogGain> {
  const ends = sql.raw(
    UPGRADE_STATUSES.slice(UPGRADE_STATUSES.indexOf('succeeded'))
      .map((status) => `'${status}'`)
      .join(', '),
  );
  const [row] = await db.execute<LogGain & Record<string, unknown>>(sql`
    with horizon as materialized (
      select least(clock_timestamp(), min(xact_start)) - make_interval(secs => ${MARGIN_S}) as at
      from pg_stat_activity
      where datname = current_database() and backend_xid is not null and pid <> pg_backend_pid()
    ), lines as materialized (
      select id, upgrade_id, at, event, status, attempt from upgrade_log
      where id > ${afterId} order by id limit ${LOG_LINES}
    ), settled as materialized (
      select lines.* from lines, horizon
      where lines.id < coalesce((select min(l.id) from lines l, horizon h where l.at >= h.at), 9223372036854775807)
    )
    select coalesce((select max(id) from settled), ${afterId})::float8 as "lastId",
      (select count(*) from settled) = ${LOG_LINES} as "more",
      (select count(*) from settled where event = 'offer_sent')::int as "offersSent",
      ${counted(sql`
        select status as name, count(*) as n from settled
        where status is not null and event <> 'transferred'
          and (event not in ('proven', 'already_current') or status in (${ends}))
        group by status`)} as "transitions",
      coalesce((
        select jsonb_agg(extract(epoch from settled.at - coalesce(m.first_sent_at, m.created_at))::float8)
        from settled join device_messages m on m.upgrade_id = settled.upgrade_id and m.attempt = settled.attempt
        where settled.event = 'proven'), '[]') as "proofSeconds"`);
  return row!;
}

/** Rows of `name` and `n` as one JSON object. */
function counted(rows: ReturnType<typeof sql>) {
  return sql`(select coalesce(jsonb_object_agg(name, n), '{}') from (${rows}) as counted)`;
}

/** Seconds since a moment, never below 0; null stays null. */
function since(moment: ReturnType<typeof sql>) {
  return sql`(case when ${moment} is not null then greatest(0, extract(epoch from clock_timestamp() - ${moment})) end)::float8`;
}
