/**
 * A task itself as its workflow drives it: read, changed with author and cause, announced to whoever listens outside.
 * A change, its line in the log and its event are one statement.
 */
import { sql } from 'drizzle-orm';
import { InvariantError, type Db } from './index.ts';
import type { TaskOptions } from './schema.ts';
import type { Pacing } from '../workflows/rules/pacing.ts';
import type { TaskStatus } from '../workflows/rules/statuses.ts';

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

/** A task's log line. */
export interface TaskEntry {
  author: string;
  event: string;
  cause?: string;
  details?: Record<string, unknown>;
}

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
