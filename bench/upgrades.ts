/**
 * Device upgrades per second, over real sockets, with everything on this machine: engine, database, one Slipway with
 * all roles, and the simulated terminals in this process. One 64 KiB file per device.
 *
 * Prints a table with the cost per device at each size; a system that scales shows the same cost on every line. Beside
 * it stands a bare loop in the same run: as many workflows with the same events on the same engine, and no work.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import postgres from 'postgres';
import type { BareResult } from './bare-loop.ts';
import { cpuMs, residentMb, round1, until, writes } from './measure.ts';
import { Operator, demoFirmware } from './operator.ts';
import { cpuOf, startStage, type Stage } from './stage.ts';
import { createFleet, snAt } from '../gateways/simulate.ts';

const FILE_BYTES = 64 * 1024;
const DEFAULT_SIZES = [200, 1_000, 5_000];
const MAX_CONCURRENT = 200;
/** What a simulated terminal takes for a file beside our own part: flashing and connecting again. */
const DEVICE_MS = 1_000;
/** Terminals report at every connection; between them so seldom that it is not what is measured here. */
const REPORT_INTERVAL_MS = 1_800_000;

interface Line {
  devices: number;
  seconds: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  engineMs: number;
  databaseMs: number;
  slipwayMs: number;
  devicesMs: number;
  commits: number;
  rowsWritten: number;
  slipwayMb: number;
}

/** `npm run bench -- upgrades [devices …]` */
export async function run(args: string[]): Promise<void> {
  const sizes = args.length > 0 ? args.map(Number) : DEFAULT_SIZES;
  if (sizes.some((size) => !Number.isInteger(size) || size < 1))
    throw new Error('give numbers of devices, for example: 200 1000');
  const stage = await startStage();
  try {
    const lines: Line[] = [];
    for (const [round, devices] of sizes.entries()) {
      // Before and after: a machine that others use is never the same for long.
      const before = await bareLoop(stage, Math.min(devices, 1_000));
      const line = await measure(stage, round, devices);
      lines.push(line);
      console.table(lines);
      compare(line, [before, await bareLoop(stage, Math.min(devices, 1_000))]);
    }
  } finally {
    await stage.stop();
  }
}

/** Says how the upgrades stand beside the bare loops, in devices per second and in CPU. */
function compare(line: Line, bare: readonly (BareResult & { engineMs: number })[]): void {
  const mean = (read: (each: (typeof bare)[number]) => number) =>
    bare.reduce((sum, each) => sum + read(each), 0) / bare.length;
  const perSecond = mean((each) => each.perSecond);
  const bareMs = mean(({ engineMs, workerMs }) => engineMs + workerMs);
  const ownMs = line.engineMs + line.databaseMs + line.slipwayMs + line.devicesMs;
  console.log(
    `bare loop: ${bare.map((each) => each.perSecond).join(' and ')} devices/s, CPU ms per device: ` +
      `engine ${bare.map((each) => each.engineMs).join(' and ')}, worker ${bare.map((each) => each.workerMs).join(' and ')}; ` +
      `ratio in devices/s ${(line.perSecond / perSecond).toFixed(2)}, in CPU ${(bareMs / ownMs).toFixed(2)}`,
  );
}

async function bareLoop({ temporalAddress, pids }: Stage, devices: number): Promise<BareResult & { engineMs: number }> {
  const before = cpuMs(pids.engine);
  const script = fileURLToPath(new URL('bare-loop.ts', import.meta.url));
  const numbers = [devices, MAX_CONCURRENT, DEVICE_MS].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    script,
    temporalAddress,
    ...numbers,
  ]);
  return { ...(JSON.parse(stdout) as BareResult), engineMs: round1((cpuMs(pids.engine) - before) / devices) };
}

async function measure(stage: Stage, round: number, devices: number): Promise<Line> {
  const { pids } = stage;
  const operator = new Operator(stage.apiUrl, stage.key);
  const firstSn = String(6_100_000_000 + round * 1_000_000);
  const deviceIds = await operator.registerTerminals(
    Array.from({ length: devices }, (_, index) => snAt(firstSn, index)),
  );
  const firmwareId = await operator.uploadFirmware(demoFirmware(20 + round, 10, FILE_BYTES));
  const fleet = createFleet({
    devices,
    host: '127.0.0.1',
    port: stage.terminalPort ?? 0,
    startSn: firstSn,
    version: 10,
    reportIntervalMs: REPORT_INTERVAL_MS,
    packetTimeoutMs: 60_000,
    upgradeDelayMs: DEVICE_MS / 2,
    reconnectDelayMs: DEVICE_MS / 2,
    faultShare: 0,
    faults: {},
  });
  const sql = postgres(stage.databaseUrl, { max: 1 });
  try {
    for (const terminal of fleet) terminal.start();
    await until(async () => {
      const [row] = await sql`select count(*)::int as n from device_versions where device_id = any(${deviceIds})`;
      return row!['n'] === devices;
    });
    const before = { cpu: cpuOf(pids), own: process.cpuUsage(), writes: await writes(sql) };
    const startedMs = performance.now();
    const task = await operator.createTask({
      firmwareIds: [firmwareId],
      deviceIds,
      options: { dispatchDelayMinutes: 0, maxConcurrent: MAX_CONCURRENT, deadlineHours: 2 },
    });
    // Asked of the database, not of the API, and seldom: watching must not cost what is measured.
    await until(async () => {
      const [row] = await sql`select finished_at is not null as ended from upgrade_tasks where id = ${task.id}`;
      return row!['ended'] === true;
    }, 500);
    const seconds = (performance.now() - startedMs) / 1_000;
    const after = { cpu: cpuOf(pids), own: process.cpuUsage(before.own), writes: await writes(sql) };
    const result = await resultOf(sql, task.id);
    if (result.succeeded !== devices) throw new Error(`only ${result.succeeded} of ${devices} succeeded`);
    const each = (total: number) => round1(total / devices);
    return {
      devices,
      seconds: round1(seconds),
      perSecond: round1(devices / seconds),
      p50Ms: Math.round(result.p50),
      p99Ms: Math.round(result.p99),
      engineMs: each(after.cpu.engine - before.cpu.engine),
      databaseMs: each(after.cpu.database - before.cpu.database),
      slipwayMs: each(after.cpu.slipway - before.cpu.slipway),
      devicesMs: each((after.own.user + after.own.system) / 1_000),
      commits: each(after.writes.commits - before.writes.commits),
      rowsWritten: each(after.writes.rows - before.writes.rows),
      slipwayMb: residentMb(pids.slipway),
    };
  } finally {
    await Promise.all(fleet.map((terminal) => terminal.stop()));
    await sql.end();
  }
}

/** How many devices were proven, and how long it took from offer to proof. */
async function resultOf(sql: postgres.Sql, taskId: number): Promise<{ succeeded: number; p50: number; p99: number }> {
  const [row] = await sql<{ succeeded: number; p50: number; p99: number }[]>`
    with times as (
      select extract(epoch from p.at - o.at) * 1000 as ms from upgrade_log o join upgrade_log p using (upgrade_id)
      join device_upgrades u on u.id = o.upgrade_id
      where u.task_id = ${taskId} and o.event = 'offered' and p.event = 'proven'
    )
    select (select count(*)::int from device_upgrades where task_id = ${taskId} and status = 'succeeded') as succeeded,
      percentile_cont(0.5) within group (order by ms)::float8 as p50, percentile_cont(0.99) within group (order by ms)::float8 as p99
    from times`;
  return row!;
}
