/**
 * A task itself as its workflow drives it: read, changed with author and cause, announced to whoever listens outside.
 * A change, its line in the log and its event are one statement or one transaction; each may be repeated.
 */
import { sql, type SQL } from 'drizzle-orm';
import { InvariantError, type Db } from '../index.ts';
import type { EventKind, TaskOptions } from '../schema.ts';
import type { AbortRule, Pacing } from '../../workflows/rules/pacing.ts';
import type { TaskStatus } from '../../workflows/rules/statuses.ts';

/** What the workflow of a task needs to know of it. */
export interface TaskPlan {
  name: string;
  status: TaskStatus;
  department: string;
  options: TaskOptions;
  deviceCount: number;
  createdBy: string;
  /** Counts changes by people. */
  revision: number;
  dispatchAtMs: number;
  deadlineAtMs: number;
  /** Nobody may approve it after this; null: no approval is required. */
  approvalDeadlineAtMs: number | null;
  nowMs: number;
}

/** A task's log line. */
export interface TaskEntry {
  author: string;
  event: string;
  cause?: string;
  details?: Record<string, unknown>;
}

const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);

/** Reads a task and notes that its workflow runs. */
export async function loadTask(db: Db, taskId: number): Promise<TaskPlan> {
  const [row] = await db.execute<TaskPlan & Record<string, unknown>>(sql`
    update upgrade_tasks t set started_at = coalesce(t.started_at, clock_timestamp())
    from departments d where t.id = ${taskId} and d.id = t.department_id
    returning t.name, t.status, d.name as department, t.options, t.device_count as "deviceCount",
      t.created_by as "createdBy", t.revision, ${ms('t.dispatch_at')} as "dispatchAtMs",
      ${ms('t.deadline_at')} as "deadlineAtMs", ${ms('t.approval_deadline_at')} as "approvalDeadlineAtMs",
      ${ms('clock_timestamp()')} as "nowMs"`);
  if (row === undefined) throw new InvariantError(`task ${taskId} does not exist`);
  return row;
}

/** What others hear of a change, by what the task becomes. */
const EVENTS: Partial<Record<TaskStatus, EventKind>> = {
  running: 'task.started',
  paused: 'task.paused',
  finished: 'task.finished',
  cancelled: 'task.cancelled',
};

/**
 * Changes what a task is, with its line in the log; repeating it changes nothing. With `from`, only a task that is one
 * of these: somebody may have decided otherwise meanwhile. Returns what it is now.
 */
export async function recordTaskStatus(
  db: Db,
  taskId: number,
  status: TaskStatus,
  entry: TaskEntry,
  from?: readonly TaskStatus[],
): Promise<TaskStatus> {
  const ended = status === 'finished' || status === 'cancelled';
  const kind = entry.event === 'resumed' ? undefined : EVENTS[status];
  const { details: counts, ...told } = entry;
  // After a pause the rules that abort begin to count anew, or what had fired would fire again at once.
  const [row] = await db.execute<{ status: TaskStatus }>(sql`
    with changed as (
      update upgrade_tasks set status = ${status}, finished_at = ${ended ? sql`clock_timestamp()` : sql`null`},
        abort_counted_from = case when status = 'paused' then clock_timestamp() else abort_counted_from end
      where id = ${taskId} and status <> ${status} ${from === undefined ? sql`` : sql`and status in (${list(from)})`}
      returning id, department_id, name, status
    ), logged as (${logLine(sql`changed`, entry)}) ${kind === undefined ? sql`` : sql`, told as (${event(kind, sql`changed`, told, ended ? counts : undefined)})`}
    select coalesce((select status from changed), t.status) as status from upgrade_tasks t where t.id = ${taskId}`);
  if (row === undefined) throw new InvariantError(`task ${taskId} does not exist`);
  return row.status;
}

/** An abort rule has ended what was not offered yet: said once, nobody joins any more, the rules count anew. */
export async function recordWaitingStopped(db: Db, taskId: number, cause: string): Promise<void> {
  const entry = { author: 'system', event: 'aborted', cause, details: { effect: 'cancel_waiting' } };
  await db.execute(sql`
    with changed as (
      update upgrade_tasks t set abort_counted_from = clock_timestamp(), options = jsonb_set(options, '{joins}', 'null')
      where id = ${taskId} and not exists (
        select 1 from task_log l where l.task_id = t.id and l.event = 'aborted' and l.cause = ${cause})
      returning id
    )
    ${logLine(sql`changed`, entry)}`);
}

// ---------------------------------------------------------------- pacing

/** What a person changes of a task that runs; what is missing stays. */
export interface PacingFields extends Partial<Pacing> {
  abort?: AbortRule[];
}

export type PacingChanged =
  { kind: 'changed'; options: TaskOptions; revision: number } | { kind: 'conflict'; revision: number };

/**
 * Changes the pacing and the rules that abort, with author, cause, before and after. With `revision`, only when nobody
 * has changed them since. A change to what is so already writes nothing.
 */
export async function changePacing(
  db: Db,
  taskId: number,
  { fields, revision }: { fields: PacingFields; revision?: number },
  entry: TaskEntry,
): Promise<PacingChanged> {
  return db.transaction(async (tx) => {
    const [task] = await tx.execute<{ options: TaskOptions; revision: number }>(sql`
      select options, revision from upgrade_tasks where id = ${taskId} for no key update`);
    if (task === undefined) throw new InvariantError(`task ${taskId} does not exist`);
    const { abort, ...pacing } = fields;
    const options: TaskOptions = {
      ...task.options,
      pacing: { ...task.options.pacing, ...pacing },
      abort: abort ?? task.options.abort,
    };
    const before = pick(task.options, fields);
    const after = pick(options, fields);
    // Also a step that is repeated because its answer was lost comes here.
    if (canonical(before) === canonical(after))
      return { kind: 'changed', options: task.options, revision: task.revision };
    if (revision !== undefined && revision !== task.revision) return { kind: 'conflict', revision: task.revision };
    await tx.execute(sql`
      with changed as (
        update upgrade_tasks set options = ${JSON.stringify(options)}::jsonb, revision = revision + 1
        where id = ${taskId} returning id
      )
      ${logLine(sql`changed`, { ...entry, details: { before, after } })}`);
    return { kind: 'changed', options, revision: task.revision + 1 };
  });
}

/** The fields that a change names, in one order. */
function pick({ pacing, abort }: TaskOptions, fields: PacingFields): PacingFields {
  const { maxConcurrent, ratePerMinute, growth, limits } = pacing;
  const all: Required<PacingFields> = { maxConcurrent, ratePerMinute, growth, limits, abort };
  return Object.fromEntries(Object.entries(all).filter(([name]) => name in fields));
}

/** The same text for the same value: the database keeps the fields of an object in an order of its own. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

// ---------------------------------------------------------------- before it begins

/** Ends the dispatch delay of a task, with author; what follows, a retry for example, does not wait it out again. */
export async function recordStartNow(db: Db, taskId: number, entry: TaskEntry): Promise<void> {
  await db.execute(sql`
    with changed as (
      update upgrade_tasks set dispatch_at = clock_timestamp()
      where id = ${taskId} and dispatch_at > clock_timestamp() returning id
    )
    ${logLine(sql`changed`, entry)}`);
}

/** Says, once, that a task waits for somebody's approval. */
export async function recordApprovalNeeded(db: Db, taskId: number, entry: TaskEntry): Promise<void> {
  await db.execute(sql`
    with waiting as (
      select id, department_id, name from upgrade_tasks t
      where id = ${taskId} and status = 'awaiting_approval' and not exists (
        select 1 from task_log l where l.task_id = t.id and l.event = ${entry.event})
    ), told as (${event('task.approval_needed', sql`waiting`, entry)})
    ${logLine(sql`waiting`, entry)}`);
}

/** Why an approval is not taken; null: it was, or had been before. */
export type ApprovalRefusal = 'not_awaited' | 'too_late' | 'own_task' | null;

/** Approves a task that awaits it. With four eyes not whoever made it: neither with the same key nor under the same name. */
export async function recordApproval(
  db: Db,
  taskId: number,
  by: { author: string; keyId: number | null; cause: string },
): Promise<ApprovalRefusal> {
  return db.transaction(async (tx) => {
    const [task] = await tx.execute<{
      status: TaskStatus;
      approvedBy: string | null;
      fourEyes: boolean;
      isOwn: boolean;
      isLate: boolean;
    }>(sql`
      select status, approved_by as "approvedBy", coalesce((options->'approval'->>'fourEyes')::boolean, false) as "fourEyes",
        created_by = ${by.author} or coalesce(created_by_key = ${by.keyId}::int, false) as "isOwn",
        coalesce(approval_deadline_at <= clock_timestamp(), false) as "isLate"
      from upgrade_tasks where id = ${taskId} for no key update`);
    if (task === undefined) throw new InvariantError(`task ${taskId} does not exist`);
    if (task.status !== 'awaiting_approval') return task.approvedBy === by.author ? null : 'not_awaited';
    const isSystem = by.author === 'system' && by.keyId === null;
    if (!isSystem && task.isLate) return 'too_late';
    if (!isSystem && task.fourEyes && task.isOwn) return 'own_task';
    await tx.execute(sql`
      with changed as (
        update upgrade_tasks set status = 'scheduled', approved_at = clock_timestamp(), approved_by = ${by.author}
        where id = ${taskId} returning id
      )
      ${logLine(sql`changed`, { author: by.author, event: 'approved', cause: by.cause })}`);
    return null;
  });
}

// ---------------------------------------------------------------- parts of statements

const list = (statuses: readonly TaskStatus[]) =>
  sql.join(
    statuses.map((status) => sql`${status}`),
    sql`, `,
  );

function logLine(source: SQL, { author, event: name, cause = '', details = {} }: TaskEntry): SQL {
  return sql`insert into task_log (task_id, author, event, cause, details)
    select id, ${author}::text, ${name}::text, ${cause}::text, ${JSON.stringify(details)}::jsonb from ${source}`;
}

/** Webhooks and streams read it: the name, who and why, and how many devices ended how when it is the end. */
function event(kind: EventKind, source: SQL, { author, cause = '' }: TaskEntry, counts?: object): SQL {
  const data = { author, cause, ...(counts === undefined ? {} : { counts }) };
  return sql`insert into events (department_id, kind, task_id, data)
    select department_id, ${kind}::text, id, jsonb_build_object('name', name) || ${JSON.stringify(data)}::jsonb from ${source}`;
}
