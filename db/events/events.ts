/**
 * Reading what happened, for those who follow it live: the logs of devices and tasks and the events, in the order of
 * their ids and without losing a row (`settled.ts` says how), and who wants to hear of news.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { IdRange, LogMark } from './settled.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';

/** The logs that are followed. */
export const LOGS = ['upgrade_log', 'task_log', 'events'] as const;
export type Log = (typeof LOGS)[number];

/** One row of a log, with what a follower is told. */
export interface News {
  log: Log;
  id: number;
  departmentId: number;
  taskId: number | null;
  data: Readonly<Record<string, unknown>>;
}

/** Whose news: a department's, or those of one task in it. */
export interface NewsScope {
  departmentId: number;
  taskId: number | null;
}

/**
 * Where the logs are now. The last ids are read first and the writers after them, in statements of their own: whoever
 * had taken an id by then holds his lock until his row can be seen.
 */
export async function readMarks<Name extends Log>(db: Db, logs: readonly Name[]): Promise<Record<Name, LogMark>> {
  const lasts = await db.execute<{ log: Name; last: number }>(sql`
    select log, coalesce(pg_sequence_last_value(pg_get_serial_sequence(log, 'id')::regclass), 0)::float8 as last
    from unnest(${textArray(logs)}::text[]) as log`);
  const writers = await db.execute<{ log: Name; writer: string }>(sql`
    select log, l.virtualtransaction as writer
    from unnest(${textArray(logs)}::text[]) as log join pg_locks l on l.relation = log::regclass
    where l.locktype = 'relation' and l.mode = 'RowExclusiveLock' and l.granted
      and l.database = (select oid from pg_database where datname = current_database())`);
  const marks = lasts.map(({ log, last }): [Name, LogMark] => [
    log,
    { last, writers: new Set(writers.filter((row) => row.log === log).map((row) => row.writer)) },
  ]);
  return Object.fromEntries(marks) as Record<Name, LogMark>;
}

/** Rows of all departments in these ranges of ids, oldest first. */
export async function readNews(db: Db, log: Log, ranges: readonly IdRange[], limit: number): Promise<News[]> {
  const numbers = (pick: (range: IdRange) => number) => `{${ranges.map(pick).join(',')}}`;
  // The limit inside keeps the planner on the primary key, however long the last range may look to it.
  return newsFrom(
    db,
    log,
    sql`unnest(${numbers(({ from }) => from)}::bigint[], ${numbers(({ to }) => to)}::bigint[]) as r(low, high)
        cross join lateral (select * from ${sql.identifier(log)} where id between r.low and r.high order by id limit ${limit}) l`,
    sql`true`,
    limit,
  );
}

/** What one follower missed: rows of his department or task behind an id and up to another, oldest first. */
export async function readMissed(
  db: Db,
  log: Log,
  { departmentId, taskId }: NewsScope,
  { after, upTo }: { after: number; upTo: number },
): Promise<News[]> {
  const owner = log === 'events' ? sql`l` : log === 'task_log' ? sql`t` : sql`u`;
  const task = log === 'task_log' ? sql`l.task_id` : sql`${owner}.task_id`;
  return newsFrom(
    db,
    log,
    sql`(select * from ${sql.identifier(log)} where id > ${after} and id <= ${upTo}) l`,
    sql`${owner}.department_id = ${departmentId} ${taskId === null ? sql`` : sql`and ${task} = ${taskId}`}`,
    null,
  );
}

async function newsFrom(db: Db, log: Log, from: SQL, where: SQL, limit: number | null): Promise<News[]> {
  const { columns, joins, show } = SHAPES[log];
  const rows = await db.execute<NewsRow>(sql`
    select l.id::float8 as id, (extract(epoch from l.at) * 1000)::float8 as "atMs", ${columns}
    from ${from} ${joins} where ${where} order by l.id ${limit === null ? sql`` : sql`limit ${limit}`}`);
  return rows.map((row) => ({
    log,
    id: row.id,
    departmentId: row.departmentId,
    taskId: row.taskId,
    data: { id: row.id, at: new Date(row.atMs).toISOString(), ...show(row) },
  }));
}

interface NewsRow extends Record<string, unknown> {
  id: number;
  atMs: number;
  departmentId: number;
  taskId: number | null;
}

/** How the rows of each log are read and what of them is told. */
const SHAPES: Record<Log, { columns: SQL; joins: SQL; show: (row: NewsRow) => Record<string, unknown> }> = {
  upgrade_log: {
    columns: sql`u.department_id as "departmentId", u.task_id as "taskId", l.upgrade_id::float8 as "upgradeId",
      u.device_id as "deviceId", l.author, l.event, l.cause, coalesce(l.status, u.status) as status, u.reason,
      l.file_index as "fileIndex", l.attempt, coalesce((l.details->>'bytes')::int, u.bytes_sent) as "bytesSent",
      coalesce((l.details->>'of')::int, u.bytes_total) as "bytesTotal"`,
    joins: sql`join device_upgrades u on u.id = l.upgrade_id`,
    show: (row) => pick(row, DEVICE_FIELDS),
  },
  task_log: {
    columns: sql`t.department_id as "departmentId", l.task_id as "taskId", t.name, t.status, t.revision,
      t.options->'pacing' as pacing, t.device_count as "deviceCount", l.author, l.event, l.cause`,
    joins: sql`join upgrade_tasks t on t.id = l.task_id`,
    show: (row) => pick(row, TASK_FIELDS),
  },
  events: {
    columns: sql`l.department_id as "departmentId", l.task_id as "taskId", l.kind, l.upgrade_id::float8 as "upgradeId",
      l.device_id as "deviceId", l.data`,
    joins: sql``,
    show: (row) => pick(row, EVENT_FIELDS),
  },
};

const DEVICE_FIELDS = [
  'upgradeId',
  'deviceId',
  'taskId',
  'status',
  'reason',
  'event',
  'cause',
  'author',
  'fileIndex',
  'attempt',
  'bytesSent',
  'bytesTotal',
];
const TASK_FIELDS = ['taskId', 'name', 'status', 'revision', 'pacing', 'deviceCount', 'event', 'cause', 'author'];
const EVENT_FIELDS = ['kind', 'taskId', 'upgradeId', 'deviceId', 'data'];

function pick(row: NewsRow, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, row[field]]));
}

/** How many devices of each task have which status. */
export async function countDevices(
  db: Db,
  taskIds: readonly number[],
): Promise<{ taskId: number; counts: Partial<Record<UpgradeStatus, number>> }[]> {
  const rows = await db.execute<{ taskId: number; counts: Partial<Record<UpgradeStatus, number>> }>(sql`
    select task_id as "taskId", jsonb_object_agg(status, count) as counts
    from (select task_id, status, count(*) from device_upgrades
          where task_id = any (${`{${taskIds.join(',')}}`}::int[]) group by task_id, status) by_status
    group by task_id`);
  return rows.map(({ taskId, counts }) => ({ taskId, counts }));
}

/** Which of these keys do not open anything any more. */
export async function findRevokedKeys(db: Db, keyIds: readonly number[]): Promise<number[]> {
  const rows = await db.execute<{ id: number }>(
    sql`select id from api_keys where id = any (${`{${keyIds.join(',')}}`}::int[]) and revoked_at is not null`,
  );
  return rows.map(({ id }) => id);
}

/** Asks for announcements of news for some seconds; to be repeated for as long as somebody listens. */
export async function watchNews(db: Db, watcher: string, forMs: number): Promise<void> {
  await db.execute(sql`
    insert into news_watchers (watcher, until)
    values (${watcher}, clock_timestamp() + make_interval(secs => ${forMs / 1000}::float8))
    on conflict (watcher) do update set until = excluded.until`);
}

/** Ends the asking; also that of others who died without ending it. */
export async function unwatchNews(db: Db, watcher: string): Promise<void> {
  await db.execute(
    sql`delete from news_watchers where watcher = ${watcher} or until < clock_timestamp() - interval '1 hour'`,
  );
}

function textArray(values: readonly string[]): string {
  return `{${values.join(',')}}`;
}
