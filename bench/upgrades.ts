/**
 * Device upgrades per second, over real sockets, with everything on this machine: engine, database, one Slipway with
 * all roles, and the simulated devices in this process. One 64 KiB file per device.
 *
 * Prints a table with the cost per device for each protocol and size; a system that scales shows the same cost at every
 * size. Beside it stands a bare loop in the same run, before and after each line: as many workflows with the same events
 * on the same engine, and no work.
 *
 * `npm run bench -- upgrades [devices …] [--protocols terminal,ams,pcp,pile]`. It takes some minutes.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import postgres from 'postgres';
import type { BareResult } from './bare-loop.ts';
import { cpuMs, residentMb, round1, until, writes } from './measure.ts';
import { Operator } from './operator.ts';
import { table } from './packet-processes.ts';
import { cpuOf, startStage, type Stage } from './stage.ts';
import { BENCH_PROTOCOLS, benchFleet, DEVICE_MS, type BenchProtocol } from './upgrade-fleets.ts';

const DEFAULT_SIZES = [200, 1_000];
const MAX_CONCURRENT = 200;
const BARE_MAX = 1_000;
const HEAD =
  'devices,each/s,p50 ms,p99 ms,engine,database,Slipway,simulators,commits,rows,MB,bare/s,engine,worker,ratio/s,ratio CPU';
const LEGEND = `
each/s: devices per second, from the order to the end of the task
p50, p99: from the offer to its proof
engine, database, Slipway, simulators: CPU milliseconds per device; commits, rows: of the database, per device
MB: memory of Slipway
bare/s, engine, worker: the bare loop before and after it, in devices per second and CPU milliseconds per device
ratio: upgrades beside the bare loop, in devices per second and in CPU (1 is as cheap as a loop without any work)`;

interface Line {
  protocol: BenchProtocol;
  devices: number;
  perSecond: number;
  /** From the offer to its proof, milliseconds. */
  p50Ms: number;
  p99Ms: number;
  /** CPU milliseconds per device. */
  engineMs: number;
  databaseMs: number;
  slipwayMs: number;
  simulatorsMs: number;
  commits: number;
  rowsWritten: number;
  slipwayMb: number;
}

type Bare = BareResult & { engineMs: number };

/** `npm run bench -- upgrades [devices …] [--protocols …]` */
export async function run(args: string[]): Promise<void> {
  const { sizes, protocols } = optionsOf(args);
  const stage = await startStage();
  try {
    const rows: string[][] = [];
    let round = 0;
    for (const devices of sizes) {
      // Before and after: a machine that others use is never the same for long.
      let before = await bareLoop(stage, Math.min(devices, BARE_MAX));
      for (const protocol of protocols) {
        const line = await measure(stage, protocol, devices, (round += 1));
        const after = await bareLoop(stage, Math.min(devices, BARE_MAX));
        rows.push(rowOf(line, [before, after]));
        console.log(rows.length > 1 ? '' : `every device takes about ${DEVICE_MS} ms for itself`);
        table([HEAD.split(','), ...rows]);
        before = after;
      }
    }
    console.log(LEGEND);
  } finally {
    await stage.stop();
  }
}

function optionsOf(args: string[]): { sizes: number[]; protocols: BenchProtocol[] } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { protocols: { type: 'string', default: BENCH_PROTOCOLS.join(',') } },
  });
  const sizes = positionals.length > 0 ? positionals.map(Number) : DEFAULT_SIZES;
  if (sizes.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new Error('give numbers of devices, for example: 200 1000');
  }
  const named = new Set(values.protocols.split(',').map((name) => name.trim()));
  const protocols = BENCH_PROTOCOLS.filter((protocol) => named.has(protocol));
  if (protocols.length < named.size) throw new Error(`--protocols takes ${BENCH_PROTOCOLS.join(', ')}, with commas`);
  return { sizes, protocols };
}

/** One line of the table: an upgrade, and how it stands beside the bare loops before and after it. */
function rowOf(line: Line, bare: readonly Bare[]): string[] {
  const mean = (read: (each: Bare) => number) => bare.reduce((sum, each) => sum + read(each), 0) / bare.length;
  const bareMs = mean(({ engineMs, workerMs }) => engineMs + workerMs);
  const ownMs = line.engineMs + line.databaseMs + line.slipwayMs + line.simulatorsMs;
  const between = (read: (each: Bare) => number) => bare.map(read).join('–');
  return [
    `${line.protocol} ${line.devices}`,
    line.perSecond.toFixed(1),
    line.p50Ms.toFixed(0),
    line.p99Ms.toFixed(0),
    line.engineMs.toFixed(1),
    line.databaseMs.toFixed(1),
    line.slipwayMs.toFixed(1),
    line.simulatorsMs.toFixed(1),
    line.commits.toFixed(1),
    line.rowsWritten.toFixed(1),
    line.slipwayMb.toFixed(0),
    between(({ perSecond }) => perSecond),
    between(({ engineMs }) => engineMs),
    between(({ workerMs }) => workerMs),
    (line.perSecond / mean(({ perSecond }) => perSecond)).toFixed(2),
    (bareMs / ownMs).toFixed(2),
  ];
}

async function bareLoop({ temporalAddress, pids }: Stage, devices: number): Promise<Bare> {
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

async function measure(stage: Stage, protocol: BenchProtocol, devices: number, round: number): Promise<Line> {
  const { pids } = stage;
  const operator = new Operator(stage.apiUrl, stage.key);
  const fleet = benchFleet(protocol, devices, round, stage.ports);
  const deviceIds = await fleet.register(operator);
  const firmwareId = await operator.uploadFirmware(fleet.firmware);
  const sql = postgres(stage.databaseUrl, { max: 1 });
  try {
    fleet.start();
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
      protocol,
      devices,
      perSecond: round1(devices / seconds),
      p50Ms: Math.round(result.p50),
      p99Ms: Math.round(result.p99),
      engineMs: each(after.cpu.engine - before.cpu.engine),
      databaseMs: each(after.cpu.database - before.cpu.database),
      slipwayMs: each(after.cpu.slipway - before.cpu.slipway),
      simulatorsMs: each((after.own.user + after.own.system) / 1_000),
      commits: each(after.writes.commits - before.writes.commits),
      rowsWritten: each(after.writes.rows - before.writes.rows),
      slipwayMb: residentMb(pids.slipway),
    };
  } finally {
    await fleet.stop();
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
