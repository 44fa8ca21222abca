/**
 * Tasks as they are stored, for tests of what happens to devices in them: made without planning, and driven by the same
 * database steps that workflows take.
 */
import { openOffer } from '../../db/upgrades/offers.ts';
import { storeReport } from '../../db/devices/reports.ts';
import type { TaskOptions } from '../../db/schema.ts';
import { finishUpgrade, recordProof } from '../../db/upgrades/upgrades.ts';
import { atMost } from '../../workflows/rules/pacing.ts';
import type { TaskStatus, UpgradeStatus } from '../../workflows/rules/statuses.ts';
import { LIMITS } from '../db/records.ts';
import type { TestApi, TestDepartment } from './harness.ts';

export interface StoredUpgrade {
  upgradeId: number;
  deviceId: string;
}

export interface TaskSeed {
  name?: string;
  status?: TaskStatus;
  options?: Partial<TaskOptions>;
  /** A workflow has taken its devices up. */
  dispatched?: boolean;
  /** From now. */
  dispatchInMs?: number;
}

/** A task for these devices, in their order. */
export async function storeTask(
  api: TestApi,
  department: TestDepartment,
  firmwareIds: readonly number[],
  deviceIds: readonly string[],
  { name = 'night batch', status = 'running', options = {}, dispatched = true, dispatchInMs = 0 }: TaskSeed = {},
): Promise<{ taskId: number; upgrades: StoredUpgrade[] }> {
  const all: TaskOptions = {
    pacing: atMost(50),
    abort: [],
    approval: null,
    joins: null,
    window: null,
    limits: LIMITS,
    attemptsPerFile: 3,
    notEligible: 'wait',
    dispatchDelayMs: 0,
    lifeMs: 7 * 24 * 3_600_000,
    ...options,
  };
  const [task] = await api.sql`
    insert into upgrade_tasks (department_id, name, status, firmware_ids, options, device_count, created_by, dispatch_at, deadline_at)
    values (${department.id}, ${name}, ${status}, ${[...firmwareIds]}, ${JSON.stringify(all)}::text::jsonb, ${deviceIds.length},
      ${department.operator}, now() + make_interval(secs => ${dispatchInMs / 1_000}), now() + interval '7 days') returning id`;
  const taskId = task!['id'] as number;
  const rows = await api.sql`
    with made as (
      insert into device_upgrades (task_id, device_id, department_id, position, dispatched_at)
      select ${taskId}, id, ${department.id}, place - 1, case when ${dispatched} then clock_timestamp() end
      from unnest(${[...deviceIds]}::text[]) with ordinality as x(id, place) order by place returning id, device_id
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status)
      select id, ${department.operator}, 'scheduled', 'scheduled' from made
    )
    select id, device_id from made order by id`;
  const upgrades = rows.map((row) => ({ upgradeId: Number(row['id']), deviceId: row['device_id'] as string }));
  return { taskId, upgrades };
}

/** A version report as it comes in. */
export function reports(api: TestApi, deviceId: string, version: string, component = 'T1') {
  const versions = [{ component, version }];
  return storeReport(api.db, { deviceId, source: 'terminal', raw: version, versions, warnings: [], keepRaw: false });
}

/** Ends an upgrade as its workflow does. */
export function ends(api: TestApi, upgradeId: number, status: UpgradeStatus, reason: string | null = null) {
  const entry = { author: 'system', event: status, cause: 'as it was' };
  return finishUpgrade(api.db, { upgradeId, status, reason, entry });
}

/** Offers the first file and lets the device report its target. */
export async function proves(
  api: TestApi,
  { upgradeId, deviceId }: StoredUpgrade,
  { component = 'T1', last = true, version = '11' } = {},
): Promise<void> {
  await openOffer(api.db, { upgradeId, attempt: 1, fileIndex: 0 });
  await reports(api, deviceId, version, component);
  await recordProof(api.db, { upgradeId, attempt: 1, fileIndex: 0, last });
}
