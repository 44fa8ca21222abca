/**
 * Devices, files and tasks for many nights in one statement: a night is short, registering its device is not.
 */
import { sql } from 'drizzle-orm';
import type { DrawnNight } from './drawn-night.ts';
import type { TimedConnection } from './simulated-database.ts';
import type { TaskOptions } from '../../db/schema.ts';
import { atMost } from '../../workflows/rules/pacing.ts';

const MINUTE_MS = 60_000;

/** The product's own defaults. */
const OPTIONS: Omit<TaskOptions, 'window' | 'lifeMs'> = {
  pacing: atMost(50),
  abort: [],
  approval: null,
  joins: null,
  limits: {
    waitOnlineMs: 24 * 60 * MINUTE_MS,
    transferMs: 60 * MINUTE_MS,
    proofMs: 30 * MINUTE_MS,
    silenceMs: 10 * MINUTE_MS,
    reactionMs: MINUTE_MS,
    settleMs: 2 * MINUTE_MS,
  },
  attemptsPerFile: 3,
  notEligible: 'wait',
  dispatchDelayMs: 0,
};

/** Makes rows for these nights; their upgrades, in the same order. */
export async function insertNights(lane: TimedConnection, nights: readonly DrawnNight[]): Promise<number[]> {
  await lane.set(Math.min(...nights.map(({ startMs }) => startMs)) - 3_600_000);
  const input = nights.map(({ seed, protocol, sizeBytes, measured, isOnline, startMs, deadlineMs, window }, place) => ({
    place,
    device: `${protocol}-night-${seed}`,
    protocol,
    sizeBytes,
    measured,
    seenMs: isOnline ? startMs + 7 * 24 * 3_600_000 : startMs - 3_600_000,
    deadlineMs,
    isPile: protocol === 'pile',
    options: { ...OPTIONS, window, lifeMs: deadlineMs - startMs } satisfies TaskOptions,
  }));
  const rows = await lane.db.execute<{ id: number }>(sql`
    with input as (
      select * from jsonb_to_recordset(${JSON.stringify(input)}::jsonb) as x(place int, device text, protocol text,
        "sizeBytes" int, measured float8, "seenMs" float8, "deadlineMs" float8, "isPile" boolean, options jsonb)
    ), home as (
      insert into departments (name) values (${`nights from ${nights[0]?.seed}`}) returning id
    ), content as (
      insert into firmware_contents (sha256, content) values ('night', '\\x00') on conflict do nothing
    ), device as (
      insert into devices (id, protocol, identity, department_id, model, power_kw, created_by)
      select device, protocol, device, home.id, 'DC', case when "isPile" then 15 end, 'simulation' from input, home
    ), version as (
      insert into device_versions (device_id, component, version, reported_at, report_seq)
      select device, 'T1', '10', clock_timestamp(), nextval('device_event_seq') from input
    ), contact as (
      insert into device_contacts (device_id, last_seen_at, address, bytes_per_second)
      select device, to_timestamp("seenMs" / 1000), '', measured from input
    ), file as (
      insert into firmware (department_id, protocol, component, target_version, compatible_version, current_versions,
        model, power_kw, file_name, size_bytes, md5, sha256, pinfo, packet_size, uploaded_by)
      select home.id, protocol, 'T1', 'n' || place, '10', '{10}', 'DC', case when "isPile" then 15 end, 'night.bin',
        "sizeBytes", '', 'night', '1110d100', 1024, 'simulation'
      from input, home returning id, target_version
    ), numbered as (
      insert into upgrade_tasks (department_id, name, status, firmware_ids, options, device_count, created_by, dispatch_at,
        deadline_at, started_at)
      select home.id, place::text, 'running', array[file.id], options, 1, 'simulation', clock_timestamp(),
        to_timestamp("deadlineMs" / 1000), clock_timestamp()
      from input join file on target_version = 'n' || place, home returning id, name, firmware_ids, department_id
    ), made as (
      insert into device_upgrades (task_id, device_id, department_id, position, firmware_ids, dispatched_at)
      select numbered.id, device, department_id, 0, firmware_ids, clock_timestamp()
      from numbered join input on place::text = name returning id, device_id
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status) select id, 'simulation', 'scheduled', 'scheduled' from made
    )
    select made.id::int as id from made join input on device = device_id order by place`);
  return rows.map(({ id }) => id);
}
