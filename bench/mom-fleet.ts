/**
 * A fleet of equipments that beat against a whole Slipway, over real sockets: times of answers, what a heartbeat costs,
 * and whether any of them reached a workflow. Nothing is measured before everybody is online and every session is read.
 */
import { Connection, isGrpcServiceError } from '@temporalio/client';
import postgres from 'postgres';
import { round1, until, writes } from './measure.ts';
import { cpuOf, startStage, type Stage } from './stage.ts';
import { EQUIPMENT_CHANNEL } from '../db/schema.ts';
import { MomClient } from '../gateways/mom/client.ts';
import { codeAt, createEquipments } from '../gateways/mom/fleet.ts';
import type { EquipmentSimulator } from '../gateways/mom/simulator.ts';
import { equipmentWorkflowId } from '../workflows/contract.ts';

const P99_GOAL_MS = 50;
/** Equipments that come up per second: each online call is a transaction and wakes a workflow. */
const CALLS_IN_PER_SECOND = 100;
const STARTED_AT_ONCE = 10;
const DESCRIBED_AT_ONCE = 20;
/** Of gRPC. */
const NOT_FOUND = 5;
const WARM_UP_MS = 1_800_000;

/** What is measured. */
export interface FleetOrder {
  /** A running program; undefined: a whole one is started for the measurement. */
  url: string | undefined;
  token: string | undefined;
  /** Where the engine of a running program is; undefined: histories are not looked at. */
  temporal: string | undefined;
  devices: number;
  /** So many call in as equipment does, which wakes a workflow each; the others are alive from the beginning. */
  callingIn: number;
  startCode: string;
  periodMs: number;
  durationMs: number;
}

/** The history of a session at one moment. */
interface History {
  runId: string;
  events: number;
}

/** Beats for many equipments, and prints what it found. */
export async function driveFleet(order: FleetOrder): Promise<void> {
  if (order.url !== undefined) return drive(order, order.url, order.temporal, null);
  const stage = await startStage();
  try {
    await drive(order, `http://127.0.0.1:${stage.ports.deviceHttpPort}`, stage.temporalAddress, stage);
  } finally {
    await stage.stop();
  }
}

/** Registers the fleet in one go: how fast the API registers is not what is measured. */
async function register(sql: postgres.Sql, { devices, startCode, periodMs }: FleetOrder): Promise<void> {
  const codes = Array.from({ length: devices }, (_, index) => codeAt(startCode, index));
  const periodS = Math.max(1, Math.round(periodMs / 1_000));
  await sql`
    with made as (
      insert into equipment (code, department_id, period_s, created_by)
      select code, (select min(id) from departments), ${periodS}::int, 'bench' from unnest(${codes}::text[]) as code
      returning id
    ), sessions as (insert into equipment_sessions (equipment_id) select id from made)
    select pg_notify(${EQUIPMENT_CHANNEL}, id::text) from made`;
  console.log(`${devices} equipments are registered`);
}

async function drive(order: FleetOrder, url: string, temporal: string | undefined, stage: Stage | null): Promise<void> {
  const { token, devices, startCode, periodMs, durationMs } = order;
  const client = new MomClient({ url, token, maxConnections: 500 });
  const fleet = createEquipments({ client, devices, startCode, cellsPerTray: 0, periodMs, faultShare: 0, faults: {} });
  const tookMs: number[] = [];
  const ends: Record<string, number> = {};
  let isMeasuring = false;
  for (const equipment of fleet) {
    equipment.on('answered', (name, outcome) => {
      if (!isMeasuring || name !== 'EqptAlive') return;
      tookMs.push(outcome.tookMs);
      ends[outcome.kind] = (ends[outcome.kind] ?? 0) + 1;
    });
  }
  const sql = stage === null ? null : postgres(stage.databaseUrl, { max: 1 });
  const connection = temporal === undefined ? null : await Connection.connect({ address: temporal });
  try {
    if (sql !== null) await register(sql, order);
    await warmUp(fleet, order, sql);
    const histories = () => (connection === null ? null : historiesOf(connection, order));
    const historiesBefore = await histories();
    const [usedBefore, writtenBefore] = [stage && cpuOf(stage.pids), sql && (await writes(sql))];
    const ownBefore = process.cpuUsage();
    isMeasuring = true;
    await pause(durationMs);
    isMeasuring = false;
    const own = process.cpuUsage(ownBefore);
    const [usedAfter, writtenAfter] = [stage && cpuOf(stage.pids), sql && (await writes(sql))];
    printTimes(tookMs, ends, order);
    const perBeat = (value: number) => (value / tookMs.length).toFixed(3);
    console.log(`the fleet itself: ${perBeat((own.user + own.system) / 1_000)} ms of CPU per heartbeat`);
    if (usedBefore !== null && usedAfter !== null && writtenBefore !== null && writtenAfter !== null) {
      const parts = (['slipway', 'database', 'engine'] as const).map(
        (part) => `${part} ${perBeat(usedAfter[part] - usedBefore[part])} ms`,
      );
      const commits = perBeat(writtenAfter.commits - writtenBefore.commits);
      console.log(`CPU per heartbeat, with everything else they do: ${parts.join(', ')}; ${commits} commits`);
    }
    printHistories(historiesBefore, await histories());
  } finally {
    await Promise.all(fleet.map((equipment) => equipment.stop()));
    client.close();
    await connection?.close();
    await sql?.end();
  }
}

/** Switches the fleet on, some at a time, until all are online and their sessions are as they will stay. */
async function warmUp(
  fleet: readonly EquipmentSimulator[],
  { devices, callingIn, periodMs }: FleetOrder,
  sql: postgres.Sql | null,
): Promise<void> {
  const startedAt = performance.now();
  const isLate = () => performance.now() - startedAt > WARM_UP_MS;
  for (const [index, equipment] of fleet.slice(0, callingIn).entries()) {
    equipment.start();
    if (index % STARTED_AT_ONCE === 0) await pause((STARTED_AT_ONCE / CALLS_IN_PER_SECOND) * 1_000);
  }
  const others = fleet.slice(callingIn);
  if (sql !== null && others.length > 0) await wakeUp(sql, others);
  for (const equipment of others) {
    equipment.isOnline = true;
    equipment.start();
  }
  await until(async () => isLate() || fleet.every(({ isOnline }) => isOnline));
  await pause(periodMs); // each has beaten by then
  if (sql !== null) {
    await until(async () => {
      const [row] = await sql`
        select count(*) filter (where state = 'alive' and edge_at is null)::int as settled from equipment_sessions`;
      return isLate() || row?.['settled'] === devices;
    }, 1_000);
  }
  const online = fleet.filter(({ isOnline }) => isOnline).length;
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(
    `${online} of ${devices} equipments are online after ${seconds} s, ${(devices / (periodMs / 1_000)).toFixed(0)} heartbeats/s expected`,
  );
}

/** As if they had called in long ago. */
async function wakeUp(sql: postgres.Sql, fleet: readonly EquipmentSimulator[]): Promise<void> {
  const codes = fleet.map(({ equipmentCode }) => equipmentCode);
  await sql`
    update equipment_sessions s set state = 'alive', online_at = clock_timestamp(), last_seen_at = clock_timestamp()
    from equipment e where e.id = s.equipment_id and e.code = any (${codes})`;
}

async function historiesOf(connection: Connection, { devices, startCode }: FleetOrder): Promise<Map<string, History>> {
  const histories = new Map<string, History>();
  let next = 0;
  const worker = async () => {
    while (next < devices) {
      const code = codeAt(startCode, next++);
      const asked = { namespace: 'default', execution: { workflowId: equipmentWorkflowId(code) } };
      const found = await connection.workflowService.describeWorkflowExecution(asked).catch((error: unknown) => {
        if (isGrpcServiceError(error) && Number(error.code) === NOT_FOUND) return null;
        throw error;
      });
      if (found === null) continue;
      const info = found.workflowExecutionInfo;
      histories.set(code, { runId: info?.execution?.runId ?? '', events: Number(info?.historyLength ?? 0) });
    }
  };
  await Promise.all(Array.from({ length: DESCRIBED_AT_ONCE }, worker));
  return histories;
}

function printTimes(tookMs: readonly number[], ends: Record<string, number>, { durationMs }: FleetOrder): void {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  const perSecond = round1(sorted.length / (durationMs / 1_000));
  console.log(`${sorted.length} heartbeats in ${durationMs / 1_000} s (${perSecond}/s): ${JSON.stringify(ends)}`);
  const verdict = at(0.99) <= P99_GOAL_MS ? 'met' : 'MISSED';
  console.log(
    `answers: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (goal at most ${P99_GOAL_MS}: ${verdict}), slowest ${at(1)} ms`,
  );
}

function printHistories(before: Map<string, History> | null, after: Map<string, History> | null): void {
  if (before === null || after === null) {
    console.log('histories were not looked at: say where the engine is with --temporal');
    return;
  }
  const sum = (all: Map<string, History>) => [...all.values()].reduce((events, each) => events + each.events, 0);
  const changed = [...after].filter(([code, { runId, events }]) => {
    const known = before.get(code);
    return known?.runId !== runId || known.events !== events;
  });
  const verdict = changed.length === 0 ? 'met' : 'MISSED';
  console.log(
    `histories of ${after.size} sessions: ${sum(before)} events before, ${sum(after)} after, ${changed.length} sessions with new ones (goal 0: ${verdict})`,
  );
  for (const [code, { events }] of changed.slice(0, 5)) {
    console.log(`  ${code}: ${before.get(code)?.events} → ${events}`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
