/**
 * Upgrade tasks as people see them: making one, reading tasks, devices and logs. What an order comes to is planned in
 * `plans.ts`, what a person may decide about a device's upgrade is in `decisions.ts`, how a task is driven in `dispatch.ts`.
 */
import { and, asc, desc, eq, gt, gte, inArray, lt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { UpgradePlan } from './plans.ts';
import { deviceUpgrades, taskLog, upgradeLog, upgradeTasks, type TaskOptions } from '../schema.ts';
import type { TaskStatus, UpgradeStatus } from '../../workflows/rules/statuses.ts';

/** Rows written by one statement while a task is made. */
const INSERT_ROWS = 10_000;

export type TaskRow = typeof upgradeTasks.$inferSelect;
export type UpgradeRow = typeof deviceUpgrades.$inferSelect;

// ---------------------------------------------------------------- make

/** What the maker of a task decided. */
export type NewTask = Pick<
  typeof upgradeTasks.$inferInsert,
  'departmentId' | 'name' | 'createdBy' | 'createdByKey' | 'dispatchAt' | 'deadlineAt' | 'approvalDeadlineAt'
> & { options: TaskOptions };

/** Writes a task and everything that belongs to it, except its answer. Call it in a transaction with the plan. */
export async function insertTask(tx: Db, task: NewTask, plan: UpgradePlan): Promise<TaskRow> {
  const taken = plan.devices.filter(({ outcome }) => outcome !== 'refused');
  const firmwareIds = plan.files.map(({ id }) => id);
  const [row] = await tx
    .insert(upgradeTasks)
    .values({
      ...task,
      status: task.options.approval === null ? 'scheduled' : 'awaiting_approval',
      firmwareIds,
      deviceCount: taken.length,
    })
    .returning();
  const { id, departmentId, createdBy } = row!;
  for (let from = 0; from < taken.length; from += INSERT_ROWS) {
    const rows = taken
      .slice(from, from + INSERT_ROWS)
      .map(({ deviceId, outcome, reason, explanation, files }, index) => ({
        device: deviceId,
        files: files.map((file) => file.id),
        bytes: files[0]!.sizeBytes,
        position: from + index,
        status: outcome === 'skipped' ? 'skipped' : 'scheduled',
        reason: outcome === 'skipped' ? reason : null,
        cause: explanation,
      }));
    await tx.execute(sql`
      with input as (
        select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
          as x(device text, files int[], bytes int, position int, status text, reason text, cause text)
      ), made as (
        insert into device_upgrades (task_id, device_id, department_id, position, firmware_ids, status, reason, bytes_total, finished_at)
        select ${id}, device, ${departmentId}, position, files, status, reason, bytes, case when status = 'skipped' then now() end
        from input order by position
        returning id, device_id, status
      )
      insert into upgrade_log (upgrade_id, author, event, status, cause)
      select made.id, ${createdBy}, made.status, made.status, input.cause
      from made join input on input.device = made.device_id order by made.id`);
  }
  return row!;
}

/** The first line of a task's log: who made it, and what became of the devices that were asked for. */
export async function logCreation(tx: Db, task: TaskRow, details: Record<string, unknown>): Promise<void> {
  await tx.insert(taskLog).values({ taskId: task.id, author: task.createdBy, event: 'created', details });
}

/** Tasks that were made some seconds ago and that no workflow has taken up. */
export async function findUnstartedTasks(db: Db, olderThanMs: number) {
  return db.execute<{ id: number; name: string; department: string }>(sql`
    select t.id, t.name, d.name as department from upgrade_tasks t join departments d on d.id = t.department_id
    where t.started_at is null and t.finished_at is null
      and t.created_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000}::float8)
    order by t.id limit 100`);
}

// ---------------------------------------------------------------- read

/** What a list of tasks may be narrowed by; all given must fit. */
export interface TaskFilter {
  status?: readonly TaskStatus[];
  createdBy?: string;
  /** Made then or later. */
  from?: Date | undefined;
  /** Made before. */
  to?: Date | undefined;
  /** Anywhere in the name, in whatever case. */
  q?: string;
}

/** A department's tasks, newest first. */
export async function listTasks(
  db: Db,
  departmentId: number,
  { status, createdBy, from, to, q }: TaskFilter,
  page: { before?: number | undefined; limit: number },
): Promise<TaskRow[]> {
  return db
    .select()
    .from(upgradeTasks)
    .where(
      and(
        eq(upgradeTasks.departmentId, departmentId),
        page.before === undefined ? undefined : lt(upgradeTasks.id, page.before),
        status === undefined ? undefined : inArray(upgradeTasks.status, [...status]),
        createdBy === undefined ? undefined : eq(upgradeTasks.createdBy, createdBy),
        from === undefined ? undefined : gte(upgradeTasks.createdAt, from),
        to === undefined ? undefined : lt(upgradeTasks.createdAt, to),
        q === undefined ? undefined : sql`position(lower(${q}) in lower(${upgradeTasks.name})) > 0`,
      ),
    )
    .orderBy(desc(upgradeTasks.id))
    .limit(page.limit);
}

/** One task; null when the department has no such task. */
export async function findTask(db: Db, departmentId: number, taskId: number): Promise<TaskRow | null> {
  const [row] = await db
    .select()
    .from(upgradeTasks)
    .where(and(eq(upgradeTasks.id, taskId), eq(upgradeTasks.departmentId, departmentId)));
  return row ?? null;
}

/** What the devices of a task may be narrowed by; all given must fit. */
export interface TaskUpgradeFilter {
  status?: readonly UpgradeStatus[];
  reason?: string;
  /** Beginning of the device id. */
  deviceId?: string;
}

/** Devices of a task by id. */
export async function listTaskUpgrades(
  db: Db,
  taskId: number,
  { status, reason, deviceId }: TaskUpgradeFilter,
  page: { after: number; limit: number },
): Promise<UpgradeRow[]> {
  return db
    .select()
    .from(deviceUpgrades)
    .where(
      and(
        eq(deviceUpgrades.taskId, taskId),
        gt(deviceUpgrades.id, page.after),
        status === undefined ? undefined : inArray(deviceUpgrades.status, [...status]),
        reason === undefined ? undefined : eq(deviceUpgrades.reason, reason),
        deviceId === undefined ? undefined : sql`starts_with(${deviceUpgrades.deviceId}, ${deviceId})`,
      ),
    )
    .orderBy(asc(deviceUpgrades.id))
    .limit(page.limit);
}

/** One device's upgrade; null when the department has no such upgrade. */
export async function findUpgrade(db: Db, departmentId: number, upgradeId: number): Promise<UpgradeRow | null> {
  const [row] = await db
    .select()
    .from(deviceUpgrades)
    .where(and(eq(deviceUpgrades.id, upgradeId), eq(deviceUpgrades.departmentId, departmentId)));
  return row ?? null;
}

/** What happened to a task, from the beginning. */
export async function listTaskLog(db: Db, taskId: number, page: { after: number; limit: number }) {
  return db
    .select()
    .from(taskLog)
    .where(and(eq(taskLog.taskId, taskId), gt(taskLog.id, page.after)))
    .orderBy(asc(taskLog.id))
    .limit(page.limit);
}

/** What happened to a device's upgrade, from the beginning. */
export async function listUpgradeLog(db: Db, upgradeId: number, page: { after: number; limit: number }) {
  return db
    .select()
    .from(upgradeLog)
    .where(and(eq(upgradeLog.upgradeId, upgradeId), gt(upgradeLog.id, page.after)))
    .orderBy(asc(upgradeLog.id))
    .limit(page.limit);
}
