/**
 * One task of many devices, simulated at the interface of the gateways: no sockets and no bytes, but the real engine,
 * the real database, the real workflows, and everything a gateway writes. Shows whether the cost of a device depends on
 * how many the task has.
 *
 * `npm run bench -- rollout [devices …] [--minutes N]`: a task that takes longer than N minutes is measured that far and
 * cancelled; what is compared is the cost of a device.
 */
import { Client, Connection } from '@temporalio/client';
import postgres from 'postgres';
import { cpuMs, proportionalMb, residentMb, round1, until, writes } from './measure.ts';
import { Operator, demoFirmware } from './operator.ts';
import { SimulatedGateway } from './simulated-gateway.ts';
import { cpuOf, startStage, type Stage } from './stage.ts';
import { snAt } from '../gateways/terminal/fleet.ts';
import { taskWorkflowId, upgradeWorkflowId } from '../workflows/contract.ts';

const DEFAULT_SIZES = [1_000, 10_000, 100_000];
const MAX_CONCURRENT = 200;
const FILE_BYTES = 64 * 1024;
/** From the last byte to the report of the new version. */
const DEVICE_MS = 500;
/** Rows registered by one statement. */
const PAGE = 10_000;
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

export async function run(args: string[]): Promise<void> {
  const { sizes, limitMs } = readArguments(args);
  const stage = await startStage({ roles: 'api,worker' });
  const sql = postgres(stage.databaseUrl, { max: 2 });
  const gateway = await SimulatedGateway.start({ ...stage, deviceMs: DEVICE_MS });
  try {
    const lines: Line[] = [];
    for (const [round, devices] of sizes.entries()) {
      lines.push(await measure({ stage, sql, round, devices, limitMs }));
      console.table(lines);
    }
    const [first, last] = [lines[0]!, lines.at(-1)!];
    console.log(
      `cost of a device at ${last.devices} beside ${first.devices}: ${(last.totalMs / first.totalMs).toFixed(2)}`,
    );
  } finally {
    await gateway.stop();
    await sql.end();
    await stage.stop();
  }
}

function readArguments(args: string[]): { sizes: number[]; limitMs: number } {
  const at = args.indexOf('--minutes');
  const limitMs = at < 0 ? Number.POSITIVE_INFINITY : Number(args[at + 1]) * 60_000;
  const sizes = (at < 0 ? args : args.toSpliced(at, 2)).map(Number);
  if (sizes.some((size) => !Number.isInteger(size) || size < 1) || !(limitMs > 0)) {
    throw new Error('give numbers of devices and, if you like, --minutes: 1000 10000 --minutes 5');
  }
  return { sizes: sizes.length > 0 ? sizes : DEFAULT_SIZES, limitMs };
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
  await register(sql, firstSn, devices);
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

/** Registers terminals that have reported version 10 and were heard of just now. */
async function register(sql: postgres.Sql, firstSn: string, devices: number): Promise<void> {
  for (let from = 0; from < devices; from += PAGE) {
    const sns = Array.from({ length: Math.min(PAGE, devices - from) }, (_, index) => snAt(firstSn, from + index));
    await sql`
      insert into devices (id, protocol, identity, department_id, model, created_by)
      select 'terminal-' || sn, 'terminal', sn, (select min(id) from departments), 'GV2', 'bench' from unnest(${sns}::text[]) sn`;
    await sql`
      insert into device_versions (device_id, component, version, reported_at, report_seq)
      select 'terminal-' || sn, 'T1', '10', now(), nextval('device_event_seq') from unnest(${sns}::text[]) sn`;
    // A day ahead: the devices stay connected for as long as this takes.
    await sql`
      insert into device_contacts (device_id, last_seen_at, address)
      select 'terminal-' || sn, now() + interval '1 day', '127.0.0.1' from unnest(${sns}::text[]) sn`;
  }
  await sql`analyze devices, device_versions, device_contacts`;
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
