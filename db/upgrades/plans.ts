/**
 * The plan of an upgrade: which devices it takes and what is known of each that decides about it. Reads and changes
 * nothing; when each device gets its turn is worked out from it in `rules/schedule.ts`.
 */
import { setImmediate } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { deviceCondition, type DeviceFilter } from '../devices/devices.ts';
import { findFirmwareInOrder, type FirmwareRow } from './firmware.ts';
import type { Db } from '../index.ts';
import { filesByKind, filesFor, gate } from '../../workflows/rules/eligibility.ts';
import type { DeviceKeys } from '../../workflows/rules/pacing.ts';
import type { PlanReason } from '../../workflows/rules/statuses.ts';
import type { Component } from '../../workflows/rules/versions.ts';
import { assumedBytesPerSecond } from '../../workflows/rules/windows.ts';

/** A larger order is refused: it can be given as several tasks. */
export const MAX_TASK_DEVICES = 100_000;

/** So many devices are judged before others who wait for this process get their turn. */
const JUDGED_AT_ONCE = 5_000;

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

export interface PlannedDevice {
  deviceId: string;
  outcome: PlanOutcome;
  reason: PlanReason | null;
  /** The reason in words, with the versions concerned. */
  explanation: string;
  /** Its own among the files of the task, in their order; empty when none is for it. */
  files: readonly FirmwareRow[];
  /** What decides about its turn; null when it is not taken into the task. */
  pace: DevicePace | null;
}

/** How fast a device is, what it shares with others and where it begins. */
export interface DevicePace {
  bytesPerSecond: number;
  keys: DeviceKeys;
  /** Files before this one it runs already. */
  firstFile: number;
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
  powerKw: number | null;
  orderNo: string;
  gateway: string | null;
  bytesPerSecond: number | null;
  versions: Partial<Record<Component, string>>;
  busy: boolean;
}

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
  const kinds = filesByKind(files);
  const devices: PlannedDevice[] = [];
  for (const [place, id] of ids.slice(0, MAX_TASK_DEVICES).entries()) {
    if (place % JUDGED_AT_ONCE === JUDGED_AT_ONCE - 1) await setImmediate();
    devices.push({ deviceId: id, ...judge(byId.get(id), kinds, request) });
  }
  return { ...plan, devices, tooMany: ids.length > MAX_TASK_DEVICES };
}

/** The chosen devices with all that decides about them; devices of other departments only as a fact. */
async function findCandidates(db: Db, { chosen, departmentId }: PlanRequest): Promise<Candidate[]> {
  const where =
    'deviceIds' in chosen
      ? sql`devices.id in (select jsonb_array_elements_text(${JSON.stringify([...new Set(chosen.deviceIds)])}::jsonb))`
      : sql`${deviceCondition(departmentId, chosen.filter)} order by devices.id`;
  return db.execute<Candidate>(sql`
    select devices.id, devices.department_id = ${departmentId} as ours, devices.protocol, devices.model,
      devices.power_kw as "powerKw",
      devices.order_no as "orderNo", c.gateway, c.bytes_per_second::float8 as "bytesPerSecond",
      coalesce((select jsonb_object_agg(v.component, v.version) from device_versions v where v.device_id = devices.id), '{}') as versions,
      exists (select 1 from device_upgrades u where u.device_id = devices.id and u.dispatched_at is not null
              and u.finished_at is null) as busy
    from devices left join device_contacts c on c.device_id = devices.id
    where ${where} limit ${MAX_TASK_DEVICES + 1}`);
}

type Judgement = Omit<PlannedDevice, 'deviceId'>;

function judge(
  device: Candidate | undefined,
  kinds: readonly FirmwareRow[][],
  { departmentId, notEligible }: PlanRequest,
): Judgement {
  if (device === undefined) return refused('not_registered', 'no device with this id is registered; register it first');
  if (!device.ours)
    return refused('other_department', 'the device belongs to another department, which alone can upgrade it');
  const files = filesFor(kinds, device);
  if (files.length === 0) {
    const protocols = [...new Set(kinds.map(([file]) => file!.protocol))].join(', ');
    const are = protocols.includes(',') ? 'the files are for protocols' : 'the file is for protocol';
    return refused('protocol_mismatch', `${are} ${protocols}, the device has ${device.protocol}`);
  }
  if (runsEverything(device, files)) {
    return refused('already_current', `the device runs ${device.versions[files.at(-1)!.component]} already`, files);
  }
  // A file the device runs already is passed over, as the workflow does; the next one decides.
  const verdicts = files.map((file) => gate(file, device));
  const firstFile = Math.max(
    0,
    verdicts.findIndex(({ kind }) => kind !== 'already_current'),
  );
  const verdict = verdicts[firstFile]!;
  const taken = { files, pace: paceOf(device, departmentId, firstFile) };
  if (device.busy)
    return { outcome: 'waits', reason: 'busy', explanation: 'another upgrade of this device is running', ...taken };
  if (verdict.kind !== 'closed') return { outcome: 'goes', reason: null, explanation: 'eligible', ...taken };
  const { reason, explanation } = verdict;
  return { outcome: notEligible === 'skip' ? 'skipped' : 'waits', reason, explanation, ...taken };
}

function paceOf(
  { protocol, model, orderNo, gateway, bytesPerSecond }: Candidate,
  departmentId: number,
  firstFile: number,
) {
  return {
    bytesPerSecond: assumedBytesPerSecond(protocol, bytesPerSecond),
    keys: { department: String(departmentId), model: model || null, order: orderNo || null, gateway: gateway || null },
    firstFile,
  };
}

/** True when the device runs what the task would end with: of each component, the last file's target. */
function runsEverything(device: Candidate, files: readonly FirmwareRow[]): boolean {
  const ends = new Map(files.map((file) => [file.component, file.targetVersion]));
  return [...ends].every(([component, version]) => device.versions[component] === version);
}

function refused(reason: PlanReason, explanation: string, files: readonly FirmwareRow[] = []): Judgement {
  return { outcome: 'refused', reason, explanation, files, pace: null };
}
