/**
 * One task of many devices, simulated at the interface of the gateways: no sockets and no bytes, but the real engine,
 * the real database, the real workflows, and everything a gateway writes. Shows whether the cost of a device depends on
 * how many the task has: the smallest task is the baseline of the larger ones, and a bare loop that of the smallest.
 */
import { Client, Connection } from '@temporalio/client';
import postgres from 'postgres';
import type { Area, Bench } from './area.ts';
import { BARE_MAX, bareLoop, type Bare } from './bare-runs.ts';
import { cpuMs, IS_MEASURABLE, NOT_MEASURABLE, proportionalMb, residentMb, round1, until, writes } from './measure.ts';
import { Operator, demoFirmware } from './operator.ts';
import { SimulatedGateway } from './simulated-gateway.ts';
import { cpuOf, startStage, type Stage } from './stage.ts';
import { registerTerminals } from './terminals.ts';
import { snAt } from '../gateways/terminal/fleet.ts';
import { taskWorkflowId, upgradeWorkflowId } from '../workflows/contract.ts';

/** A device may cost so much more in a large task than in a small one. */
const FLAT_GOAL = 1.2;
const MAX_CONCURRENT = 200;
const FILE_BYTES = 64 * 1024;
/** From the last byte to the report of the new version. */
const DEVICE_MS = 500;
/** Upgrades whose history is measured. */
const SAMPLE = 20;

interface Line {
  devices: number;
  ended: number;
  planSeconds: number;
  seconds: number;
  perSecond: number;
  engineMs: number;
  databaseMs: number;
  slipwayMs: number;
  gatewayMs: number;
  /** All of them together. */
  totalMs: number;
  commits: number;
  longestHistory: number;
  engineMb: number;
  databaseMb: number;
  slipwayMb: number;
  gatewayMb: number;
}

/** The area. */
export const rollout: Area = {
  name: 'rollout',
  title: 'large tasks without sockets: what a device costs in each',
  uses: ['postgres', 'temporal'],
  positional: 'sizes',
  settings: {
    sizes: { means: 'devices of a task, with commas', full: '300,1200', quick: '40,160', kind: 'counts' },
    minutes: {
      means: 'a task that takes longer is measured that far and cancelled; 0: to its end',
      full: '0',
      kind: 'count',
    },
  },
  async measure(bench, settings) {
    if (!IS_MEASURABLE) return bench.missing('rollouts', NOT_MEASURABLE);
    const limitMs = settings.number('minutes') * 60_000 || Number.POSITIVE_INFINITY;
    const sizes = settings.numbers('sizes').toSorted((a, b) => a - b);
    const stage = await startStage({ roles: 'api,worker' });
    bench.atEnd(() => stage.stop());
    const sql = postgres(stage.databaseUrl, { max: 2 });
    bench.atEnd(() => sql.end());
    const gateway = await SimulatedGateway.start({ ...stage, deviceMs: DEVICE_MS });
    bench.atEnd(() => gateway.stop());
    bench.progress('bare loop');
    const bare = await bareLoop(bench, stage, Math.min(sizes[0]!, BARE_MAX), {
      atOnce: MAX_CONCURRENT,
      deviceMs: DEVICE_MS,
    });
    let first: Line | null = null;
    for (const [round, devices] of sizes.entries()) {
      bench.progress(`a task of ${devices} devices`);
      const line = await measure({ stage, sql, round, devices, limitMs });
      report(bench, line, first, bare);
      first ??= line;
    }
  },
};

function report(bench: Bench, line: Line, first: Line | null, bare: Bare): void {
  const baseline = (value: number, bareValue: number) =>
    first === null ? { name: 'bare loop', value: bareValue } : { name: `task of ${first.devices}`, value };
  bench.figure({
    name: `processor time, task of ${line.devices} devices`,
    unit: 'ms per device',
    better: 'less',
    value: line.totalMs,
    baseline: baseline(first?.totalMs ?? 0, bare.engineMs + bare.workerMs),
    ...(first === null ? {} : { goal: { of: 'ratio', atMost: FLAT_GOAL } }),
  });
  bench.figure({
    name: `devices in time, task of ${line.devices} devices`,
    unit: 'devices/s',
    better: 'more',
    value: line.perSecond,
    baseline: baseline(first?.perSecond ?? 0, bare.perSecond),
  });
  const parts = `engine ${line.engineMs}, database ${line.databaseMs}, Slipway ${line.slipwayMs}, simulated gateway ${line.gatewayMs} ms of CPU`;
  const memory = `engine ${line.engineMb}, database ${line.databaseMb}, Slipway ${line.slipwayMb}, simulated gateway ${line.gatewayMb} MB`;
  bench.note(
    `task of ${line.devices}: ordered in ${line.planSeconds} s, ${line.ended} devices in ${line.seconds} s; each: ${parts}, ${line.commits} commits; longest history ${line.longestHistory} events; memory: ${memory}`,
  );
}

interface Round {
  stage: Stage;
  sql: postgres.Sql;
  round: number;
  devices: number;
  limitMs: number;
}

async function measure({ stage, sql, round, devices, limitMs }: Round): Promise<Line> {
  const { pids } = stage;
  const operator = new Operator(stage.apiUrl, stage.key);
  const firstSn = String(5_100_000_000 + round * 1_000_000);
  await registerTerminals(sql, firstSn, devices);
  const firmwareId = await operator.uploadFirmware(demoFirmware(20 + round, 10, FILE_BYTES));
  const orderedMs = performance.now();
  const task = await operator.createTask({
    firmwareIds: [firmwareId],
    deviceIds: Array.from({ length: devices }, (_, index) => `terminal-${snAt(firstSn, index)}`),
    options: { dispatchDelayMinutes: 0, maxConcurrent: MAX_CONCURRENT, deadlineHours: 24 },
  });
  const before = { atMs: performance.now(), cpu: cpuOf(pids), own: cpuMs(process.pid), writes: await writes(sql) };
  const ended = async () => {
    const [row] = await sql<{ ended: boolean }[]>`
      select finished_at is not null as ended from upgrade_tasks where id = ${task.id}`;
    return row!.ended;
  };
  // Seldom: watching must not cost what is measured.
  await until(async () => (await ended()) || performance.now() - before.atMs > limitMs, 1_000);
  const seconds = (performance.now() - before.atMs) / 1_000;
  const after = { cpu: cpuOf(pids), own: cpuMs(process.pid), writes: await writes(sql) };
  const [count] = await sql<{ n: number }[]>`
    select count(*)::int as n from device_upgrades where task_id = ${task.id} and status = 'succeeded'`;
  const done = count!.n;
  const each = (total: number) => round1(total / done);
  const longestHistory = await longest(stage, sql, task.id);
  const line: Line = {
    devices,
    ended: done,
    planSeconds: round1((before.atMs - orderedMs) / 1_000),
    seconds: round1(seconds),
    perSecond: round1(done / seconds),
    engineMs: each(after.cpu.engine - before.cpu.engine),
    databaseMs: each(after.cpu.database - before.cpu.database),
    slipwayMs: each(after.cpu.slipway - before.cpu.slipway),
    gatewayMs: each(after.own - before.own),
    totalMs: each(
      after.cpu.engine +
        after.cpu.database +
        after.cpu.slipway +
        after.own -
        (before.cpu.engine + before.cpu.database + before.cpu.slipway + before.own),
    ),
    commits: each(after.writes.commits - before.writes.commits),
    longestHistory,
    engineMb: residentMb(pids.engine),
    databaseMb: proportionalMb(pids.database),
    slipwayMb: residentMb(pids.slipway),
    gatewayMb: residentMb(process.pid),
  };
  if (!(await ended())) {
    await operator.call('POST', `/upgrade-tasks/${task.id}/cancel`, { cause: 'measured far enough' });
    await until(ended, 1_000);
  } else if (done !== devices) {
    throw new Error(`only ${done} of ${devices} succeeded`);
  }
  return line;
}

/** Events of the longest history: of the task's runs and of some upgrades. */
async function longest({ temporalAddress }: Stage, sql: postgres.Sql, taskId: number): Promise<number> {
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    const { workflow } = new Client({ connection });
    const rows = await sql<{ device_id: string }[]>`
      select device_id from device_upgrades where task_id = ${taskId} and status = 'succeeded' order by random() limit ${SAMPLE}`;
    const ids = [taskWorkflowId(taskId), ...rows.map((row) => upgradeWorkflowId(row.device_id))];
    const lengths = await Promise.all(ids.map(async (id) => (await workflow.getHandle(id).describe()).historyLength));
    return Math.max(...lengths);
  } finally {
    await connection.close();
  }
}
