/**
 * A fleet of equipments that beat against a whole Slipway, over real sockets: times of answers, what a heartbeat costs,
 * and whether any of them reached a workflow. Nothing is measured before everybody is online and every session is read.
 */
import { Connection, isGrpcServiceError } from '@temporalio/client';
import postgres from 'postgres';
import type { Bench } from './area.ts';
import { round1, until, writes } from './measure.ts';
import { ask, shareOf, type Measured } from './processes.ts';
import { cpuOf, type Stage } from './stage.ts';
import { EQUIPMENT_CHANNEL } from '../db/schema.ts';
import { MomClient, type MomOutcome } from '../gateways/mom/client.ts';
import type { MomName, MomRequests } from '../gateways/mom/contract.ts';
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
/** The bare server knows nobody. */
const BARE_CODE = 'BARE00001';
const WARM_UP_MS = 1_800_000;
/** So many heartbeats of the fleet go to one for the bare server. */
const BARE_SHARE = 4;

/** What is measured. */
export interface FleetOrder {
  /** What was started for the measurement; null: the program ran already. */
  stage: Stage | null;
  /** The bare server that is asked meanwhile. */
  bare: Measured;
  url: string;
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
}

/** Notes of each heartbeat how long the answer took, and what it was. */
class TimedClient extends MomClient {
  isMeasuring = false;
  readonly tookMs: number[] = [];
  readonly ends: Record<string, number> = {};

  override async call<Name extends MomName>(
    name: Name,
    request: MomRequests[Name],
    options: { signal?: AbortSignal | undefined; text?: string } = {},
  ): Promise<MomOutcome<Name>> {
    const startedMs = performance.now();
    const outcome = await super.call(name, request, options);
    if (this.isMeasuring && name === 'EqptAlive') {
      this.tookMs.push(performance.now() - startedMs);
      this.ends[outcome.kind] = (this.ends[outcome.kind] ?? 0) + 1;
    }
    return outcome;
  }
}

/** Beats for many equipments, and gives what it found. */
export async function driveFleet(bench: Bench, order: FleetOrder): Promise<void> {
  const { stage, bare, url, token, temporal, devices, startCode, periodMs, durationMs } = order;
  const client = new TimedClient({ url, token, maxConnections: 500 });
  const bareClient = new TimedClient({ url: `http://127.0.0.1:${bare.port}`, maxConnections: 500 });
  const fleet = createEquipments({ client, devices, startCode, cellsPerTray: 0, periodMs, faultShare: 0, faults: {} });
  bench.atEnd(async () => {
    await Promise.all(fleet.map((equipment) => equipment.stop()));
    client.close();
    bareClient.close();
  });
  const sql = stage === null ? null : postgres(stage.databaseUrl, { max: 1 });
  bench.atEnd(() => sql?.end());
  const connection = temporal === undefined ? null : await Connection.connect({ address: temporal });
  bench.atEnd(() => connection?.close());
  if (sql !== null) await register(sql, order);
  await warmUp(bench, fleet, order, sql);
  const histories = () => (connection === null ? null : historiesOf(connection, order));
  const historiesBefore = await histories();
  const [usedBefore, writtenBefore] = [stage && cpuOf(stage.pids), sql && (await writes(sql))];
  const ownBefore = process.cpuUsage();
  const bareBefore = await bareCpuMs(bare);
  const beatsBare = beatBarely(bareClient, (periodMs / devices) * BARE_SHARE);
  client.isMeasuring = true;
  bareClient.isMeasuring = true;
  await pause(durationMs);
  client.isMeasuring = false;
  await beatsBare();
  const [{ tookMs, ends }, { tookMs: bareMs }] = [client, bareClient];
  const own = process.cpuUsage(ownBefore);
  const [usedAfter, writtenAfter] = [stage && cpuOf(stage.pids), sql && (await writes(sql))];
  const bareCpuEach = ((await bareCpuMs(bare)) - bareBefore) / bareMs.length;
  reportTimes(bench, tookMs, bareMs);
  const { done = 0, ...others } = ends;
  const perSecond = round1(tookMs.length / (durationMs / 1_000));
  bench.note(`${tookMs.length} heartbeats, ${perSecond}/s; ${done} answered well, others: ${JSON.stringify(others)}`);
  const perBeat = (value: number) => value / tookMs.length;
  if (usedBefore !== null && usedAfter !== null && writtenBefore !== null && writtenAfter !== null) {
    const used = (part: 'slipway' | 'database' | 'engine') => perBeat(usedAfter[part] - usedBefore[part]);
    const unit = 'ms per heartbeat';
    const baseline = { name: `Express handler, 1/${BARE_SHARE} of the rate`, value: bareCpuEach };
    bench.figure({ name: 'processor time of Slipway', unit, better: 'less', value: used('slipway'), baseline });
    const commits = perBeat(writtenAfter.commits - writtenBefore.commits);
    bench.note(
      `per heartbeat besides: ${used('database').toFixed(3)} ms of CPU in the database and ${used('engine').toFixed(3)} in the engine, with everything else they do; ${commits.toFixed(3)} commits; ${perBeat((own.user + own.system) / 1_000).toFixed(3)} ms in the fleet itself`,
    );
  }
  reportHistories(bench, historiesBefore, await histories());
}

/** Beats for nobody against the bare server; the function that comes back ends it. */
function beatBarely(client: MomClient, everyMs: number): () => Promise<unknown> {
  const calls: Promise<unknown>[] = [];
  const timer = setInterval(() => {
    const names = { sessionId: BARE_CODE, software: 'KATOP', equipmentCode: BARE_CODE, employeeNo: null };
    calls.push(client.call('EqptAlive', { ...names, requestedAtMs: Date.now() }));
  }, everyMs);
  return () => {
    clearInterval(timer);
    return Promise.all(calls);
  };
}

async function bareCpuMs({ child }: Measured): Promise<number> {
  return (await ask<{ cpu: number }>(child, 'cpu')).cpu / 1_000;
}

/** Switches the fleet on, some at a time, until all are online and their sessions are as they will stay. */
async function warmUp(
  bench: Bench,
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
  const expected = (devices / (periodMs / 1_000)).toFixed(0);
  bench.note(`${online} of ${devices} equipments were online after ${seconds} s; ${expected} heartbeats/s expected`);
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

function reportTimes(bench: Bench, tookMs: readonly number[], bareMs: readonly number[]): void {
  const figure = (name: string, share: number, atMost: number | null) => {
    const baseline = { name: 'Express handler', value: shareOf(bareMs, share) };
    const goal = atMost === null ? {} : { goal: { of: 'value', atMost } as const };
    bench.figure({ name, unit: 'ms', better: 'less', value: shareOf(tookMs, share), baseline, ...goal });
  };
  figure('answer to a heartbeat of the fleet, p50', 0.5, null);
  figure('answer to a heartbeat of the fleet, p99', 0.99, P99_GOAL_MS);
}

function reportHistories(bench: Bench, before: Map<string, History> | null, after: Map<string, History> | null): void {
  if (before === null || after === null) {
    return bench.missing('histories of sessions', 'say with --temporal where the engine is');
  }
  const sum = (all: Map<string, History>) => [...all.values()].reduce((events, each) => events + each.events, 0);
  const changed = [...after].filter(([code, { runId, events }]) => {
    const known = before.get(code);
    return known?.runId !== runId || known.events !== events;
  });
  const added = changed.reduce((events, [code, now]) => {
    const known = before.get(code);
    return events + now.events - (known?.runId === now.runId ? known.events : 0);
  }, 0);
  if (sum(before) > 0) {
    bench.figure({
      name: `events in the histories of ${after.size} sessions after these heartbeats`,
      unit: 'events',
      better: 'less',
      value: sum(before) + added,
      baseline: { name: 'before them', value: sum(before) },
      goal: { of: 'ratio', atMost: 1 },
    });
  }
  for (const [code, { events }] of changed.slice(0, 5)) {
    bench.note(`history of ${code}: ${before.get(code)?.events ?? 0} events before, ${events} after`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
