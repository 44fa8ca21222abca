/**
 * Upgrade tasks as people see them: planning and making one, reading tasks, devices and logs, and what a person may do
 * to a device's upgrade while or after no workflow holds it. How a task is driven is in `dispatch.ts`.
 */
import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm';
import { deviceCondition, type DeviceFilter } from './devices.ts';
import { findFirmwareInOrder, type FirmwareRow } from './firmware.ts';
import type { Db } from './index.ts';
import { deviceUpgrades, taskLog, upgradeLog, upgradeTasks, type FileProof, type TaskOptions } from './schema.ts';
import { gate } from '../workflows/rules/eligibility.ts';
import type { PlanReason, TaskStatus, UpgradeStatus } from '../workflows/rules/statuses.ts';
import { needsOperatorConfirmation, type Component } from '../workflows/rules/versions.ts';

/** A larger order is refused: it can be given as several tasks. */
export const MAX_TASK_DEVICES = 100_000;

/** Rows written by one statement while a task is made. */
const INSERT_ROWS = 10_000;

export type TaskRow = typeof upgradeTasks.$inferSelect;
export type UpgradeRow = typeof deviceUpgrades.$inferSelect;

/** What is asked for: which files, in order, for which devices. */
export interface PlanRequest {
  departmentId: number;
  firmwareIds: readonly number[];
  chosen: { deviceIds: readonly string[] } | { filter: DeviceFilter };
  notEligible: 'wait' | 'skip';
}

/**
 * - `goes`: would be offered the file at once
 * - `waits`: is taken into the task and begins when the reason is gone
 * - `skipped`: is listed in the task and left alone
 * - `refused`: is not taken into the task
 */
export const PLAN_OUTCOMES = ['goes', 'waits', 'skipped', 'refused'] as const;
type PlanOutcome = (typeof PLAN_OUTCOMES)[number];

interface PlannedDevice {
  deviceId: string;
  outcome: PlanOutcome;
  reason: PlanReason | null;
  /** The reason in words, with the versions concerned. */
  explanation: string;
}

/** What would happen to each device, in the order in which they would be started. */
export interface UpgradePlan {
  nowMs: number;
  files: FirmwareRow[];
  /** Ids that name no file of the department; then no device was judged. */
  missingFirmwareIds: number[];
  devices: PlannedDevice[];
  /** More devices were chosen than a task may have; only so many were judged. */
  tooMany: boolean;
}

interface Candidate extends Record<string, unknown> {
  id: string;
  ours: boolean;
  protocol: string;
  model: string;
  versions: Partial<Record<Component, string>>;
  busy: boolean;
}

// ---------------------------------------------------------------- plan and make

/**
 * Says what would happen to each chosen device, from what is known now. Changes nothing; inside a transaction the
 * files stay until its end.
 */
export async function planUpgrade(db: Db, request: PlanRequest): Promise<UpgradePlan> {
  const { departmentId, firmwareIds } = request;
  const files = await findFirmwareInOrder(db, departmentId, firmwareIds, { keep: true });
  const missingFirmwareIds = firmwareIds.filter((id) => !files.some((file) => file.id === id));
  const [clock] = await db.execute<{ nowMs: number }>(
    sql`select (extract(epoch from now()) * 1000)::float8 as "nowMs"`,
  );
  const plan = { nowMs: Math.floor(clock!.nowMs), files, missingFirmwareIds, devices: [], tooMany: false };
  if (files.length === 0 || missingFirmwareIds.length > 0) return plan;

  const candidates = await findCandidates(db, request);
  const byId = new Map(candidates.map((candidate) => [candidate.id, candidate]));
  const ids = 'deviceIds' in request.chosen ? [...new Set(request.chosen.deviceIds)] : candidates.map(({ id }) => id);
  const devices = ids
    .slice(0, MAX_TASK_DEVICES)
    .map((id) => ({ deviceId: id, ...judge(byId.get(id), files, request.notEligible) }));
  return { ...plan, devices, tooMany: ids.length > MAX_TASK_DEVICES };
}

/** What the maker of a task decided. */
export type NewTask = Pick<
  typeof upgradeTasks.$inferInsert,
  'departmentId' | 'name' | 'createdBy' | 'dispatchAt' | 'deadlineAt' | 'idempotencyKey' | 'requestHash'
> & { options: TaskOptions };

/** Writes a task and everything that belongs to it, except its answer. Call it in a transaction with the plan. */
export async function insertTask(tx: Db, task: NewTask, plan: UpgradePlan): Promise<TaskRow> {
  const taken = plan.devices.filter(({ outcome }) => outcome !== 'refused');
  const firmwareIds = plan.files.map(({ id }) => id);
  const [row] = await tx
    .insert(upgradeTasks)
    .values({ ...task, firmwareIds, deviceCount: taken.length })
    .returning();
  const { id, departmentId, createdBy } = row!;
  const bytesTotal = plan.files[0]!.sizeBytes;
  for (let from = 0; from < taken.length; from += INSERT_ROWS) {
    const rows = taken.slice(from, from + INSERT_ROWS).map(({ deviceId, outcome, reason, explanation }, index) => ({
      device: deviceId,
      position: from + index,
      status: outcome === 'skipped' ? 'skipped' : 'scheduled',
      reason: outcome === 'skipped' ? reason : null,
      cause: explanation,
    }));
    await tx.execute(sql`
      with input as (
        select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
          as x(device text, position int, status text, reason text, cause text)
      ), made as (
        insert into device_upgrades (task_id, device_id, department_id, position, status, reason, bytes_total, finished_at)
        select ${id}, device, ${departmentId}, position, status, reason, ${bytesTotal}, case when status = 'skipped' then now() end
        from input order by position
        returning id, device_id, status
      )
      insert into upgrade_log (upgrade_id, author, event, status, cause)
      select made.id, ${createdBy}, made.status, made.status, input.cause
      from made join input on input.device = made.device_id order by made.id`);
  }
  return row!;
}

/** Keeps what the maker of a task was answered, as the first line of its log. */
export async function logCreation(tx: Db, task: TaskRow, answer: Record<string, unknown>): Promise<void> {
  await tx.insert(taskLog).values({ taskId: task.id, author: task.createdBy, event: 'created', details: { answer } });
}

/**
 * Finds what an idempotency key was used for in a department, and makes any other request with this key wait for the
 * end of the transaction.
 */
export async function findByIdempotencyKey(
  tx: Db,
  departmentId: number,
  key: string,
): Promise<{ requestHash: string | null; answer: Record<string, unknown> } | null> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${departmentId}/${key}`}, 1))`);
  const [row] = await tx
    .select({ requestHash: upgradeTasks.requestHash, details: taskLog.details })
    .from(upgradeTasks)
    .innerJoin(taskLog, and(eq(taskLog.taskId, upgradeTasks.id), eq(taskLog.event, 'created')))
    .where(and(eq(upgradeTasks.departmentId, departmentId), eq(upgradeTasks.idempotencyKey, key)));
  return row === undefined
    ? null
    : { requestHash: row.requestHash, answer: row.details['answer'] as Record<string, unknown> };
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

/** A department's tasks, newest first. */
export async function listTasks(
  db: Db,
  departmentId: number,
  filter: { status?: TaskStatus },
  page: { before?: number | undefined; limit: number },
): Promise<TaskRow[]> {
  const conditions = [eq(upgradeTasks.departmentId, departmentId)];
  if (page.before !== undefined) conditions.push(lt(upgradeTasks.id, page.before));
  if (filter.status !== undefined) conditions.push(eq(upgradeTasks.status, filter.status));
  return db
    .select()
    .from(upgradeTasks)
    .where(and(...conditions))
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

/** Devices of a task by id. */
export async function listTaskUpgrades(
  db: Db,
  taskId: number,
  filter: { status?: UpgradeStatus; reason?: string },
  page: { after: number; limit: number },
): Promise<UpgradeRow[]> {
  const conditions = [eq(deviceUpgrades.taskId, taskId), gt(deviceUpgrades.id, page.after)];
  if (filter.status !== undefined) conditions.push(eq(deviceUpgrades.status, filter.status));
  if (filter.reason !== undefined) conditions.push(eq(deviceUpgrades.reason, filter.reason));
  return db
    .select()
    .from(deviceUpgrades)
    .where(and(...conditions))
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

// ---------------------------------------------------------------- decisions of people

/** Ends an upgrade that no workflow has taken up; false when one has, or it has ended. */
export async function endUpgradeUndispatched(
  db: Db,
  upgradeId: number,
  end: { status: 'skipped' | 'cancelled'; author: string; cause: string },
): Promise<boolean> {
  const rows = await db.execute(sql`
    with ended as (
      update device_upgrades set status = ${end.status}, reason = ${`${end.status}_by_operator`},
        finished_at = clock_timestamp(), updated_at = clock_timestamp()
      where id = ${upgradeId} and dispatched_at is null and finished_at is null
      returning id
    )
    insert into upgrade_log (upgrade_id, author, event, status, cause)
    select id, ${end.author}, ${end.status}, ${end.status}, ${end.cause} from ended returning id`);
  return rows.length > 0;
}

/**
 * A person confirms an upgrade that ended `unproven` at its last file, a baseband file whose version was reported
 * after its offer. Returns why not, if it cannot be confirmed.
 */
export async function confirmUnproven(
  db: Db,
  upgradeId: number,
  by: { author: string; cause: string },
): Promise<'confirmed' | 'not_unproven' | 'not_last_file' | 'not_baseband' | 'not_reported'> {
  return db.transaction(async (tx) => {
    const [row] = await tx.execute<{
      status: UpgradeStatus;
      last: boolean;
      fileIndex: number;
      component: Component;
      target: string;
      reported: boolean;
    }>(sql`
      select u.status, u.file_index = cardinality(t.firmware_ids) - 1 as last, u.file_index as "fileIndex", f.component,
        f.target_version as target,
        exists (select 1 from device_versions v join device_messages m on m.device_id = v.device_id
                where v.device_id = u.device_id and v.component = f.component and v.version = f.target_version
                  and m.upgrade_id = u.id and m.file_index = u.file_index and v.report_seq > m.offer_seq) as reported
      from device_upgrades u
      join upgrade_tasks t on t.id = u.task_id
      join firmware f on f.id = t.firmware_ids[u.file_index + 1]
      where u.id = ${upgradeId} for update of u`);
    if (row === undefined || row.status !== 'unproven') return 'not_unproven';
    if (!needsOperatorConfirmation(row.component)) return 'not_baseband';
    if (!row.last) return 'not_last_file';
    if (!row.reported) return 'not_reported';
    const proof: FileProof = {
      fileIndex: row.fileIndex,
      component: row.component,
      fromVersion: null,
      version: row.target,
      provenAt: new Date().toISOString(),
      note: 'confirmed_by_operator',
    };
    await tx.execute(sql`
      with confirmed as (
        update device_upgrades set status = 'succeeded', reason = 'confirmed_by_operator', updated_at = clock_timestamp(),
          proofs = case when exists (select 1 from jsonb_array_elements(proofs) p where (p->>'fileIndex')::int = file_index)
            then proofs else proofs || ${JSON.stringify([proof])}::jsonb end
        where id = ${upgradeId} returning id, file_index, attempt
      )
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
      select id, ${by.author}, 'confirmed', 'succeeded', file_index, attempt, ${by.cause} from confirmed`);
    return 'confirmed';
  });
}

// ---------------------------------------------------------------- inside

/** The chosen devices with all that decides about them; devices of other departments only as a fact. */
async function findCandidates(db: Db, { chosen, departmentId }: PlanRequest): Promise<Candidate[]> {
  const where =
    'deviceIds' in chosen
      ? sql`devices.id in (select jsonb_array_elements_text(${JSON.stringify([...new Set(chosen.deviceIds)])}::jsonb))`
      : sql`${deviceCondition(departmentId, chosen.filter)} order by devices.id`;
  return db.execute<Candidate>(sql`
    select devices.id, devices.department_id = ${departmentId} as ours, devices.protocol, devices.model,
      coalesce((select jsonb_object_agg(v.component, v.version) from device_versions v where v.device_id = devices.id), '{}') as versions,
      exists (select 1 from device_upgrades u where u.device_id = devices.id and u.dispatched_at is not null
              and u.finished_at is null) as busy
    from devices where ${where} limit ${MAX_TASK_DEVICES + 1}`);
}

type Judgement = Omit<PlannedDevice, 'deviceId'>;

function judge(device: Candidate | undefined, files: readonly FirmwareRow[], notEligible: 'wait' | 'skip'): Judgement {
  if (device === undefined) return refused('not_registered', 'no device with this id is registered; register it first');
  if (!device.ours)
    return refused('other_department', 'the device belongs to another department, which alone can upgrade it');
  const [first] = files;
  if (device.protocol !== first!.protocol) {
    return refused(
      'protocol_mismatch',
      `the file is for protocol ${first!.protocol}, the device has ${device.protocol}`,
    );
  }
  if (runsEverything(device, files)) {
    return refused('already_current', `the device runs ${device.versions[files.at(-1)!.component]} already`);
  }
  if (device.busy)
    return { outcome: 'waits', reason: 'busy', explanation: 'another upgrade of this device is running' };
  // A file the device runs already is passed over, as the workflow does; the next one decides.
  const verdict = files.map((file) => gate(file, device)).find(({ kind }) => kind !== 'already_current');
  if (verdict?.kind !== 'closed') return { outcome: 'goes', reason: null, explanation: 'eligible' };
  const { reason, explanation } = verdict;
  return { outcome: notEligible === 'skip' ? 'skipped' : 'waits', reason, explanation };
}

/** True when the device runs what the task would end with: of each component, the last file's target. */
function runsEverything(device: Candidate, files: readonly FirmwareRow[]): boolean {
  const ends = new Map(files.map((file) => [file.component, file.targetVersion]));
  return [...ends].every(([component, version]) => device.versions[component] === version);
}

function refused(reason: PlanReason, explanation: string): Judgement {
  return { outcome: 'refused', reason, explanation };
}
