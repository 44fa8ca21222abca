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
import { cpuOf, startStage, type Stage } from './stage.ts';
import { BENCH_PROTOCOLS, benchFleet, DEVICE_MS, type BenchProtocol } from './upgrade-fleets.ts';

const DEFAULT_SIZES = [200, 1_000];
const MAX_CONCURRENT = 200;
const BARE_MAX = 1_000;

interface Line {
  protocol: BenchProtocol;
  devices: number;
  seconds: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
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
    const lines: Line[] = [];
    let round = 0;
    for (const devices of sizes) {
      // Before and after: a machine that others use is never the same for long.
      let before = await bareLoop(stage, Math.min(devices, BARE_MAX));
      for (const protocol of protocols) {
        const line = await measure(stage, protocol, devices, (round += 1));
        const after = await bareLoop(stage, Math.min(devices, BARE_MAX));
        lines.push(line);
        console.table(lines);
        compare(line, [before, after]);
        before = after;
      }
    }
    console.log('CPU in milliseconds per device; p50 and p99 in milliseconds from the offer to its proof');
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

/** Says how the upgrades stand beside the bare loops, in devices per second and in CPU. */
function compare(line: Line, bare: readonly Bare[]): void {
  const mean = (read: (each: Bare) => number) => bare.reduce((sum, each) => sum + read(each), 0) / bare.length;
  const perSecond = mean((each) => each.perSecond);
  const bareMs = mean(({ engineMs, workerMs }) => engineMs + workerMs);
  const ownMs = line.engineMs + line.databaseMs + line.slipwayMs + line.simulatorsMs;
  console.log(
    `${line.protocol}: bare loop ${bare.map((each) => each.perSecond).join(' and ')} devices/s, CPU ms per device: ` +
      `engine ${bare.map((each) => each.engineMs).join(' and ')}, worker ${bare.map((each) => each.workerMs).join(' and ')}; ` +
      `ratio in devices/s ${(line.perSecond / perSecond).toFixed(2)}, in CPU ${(bareMs / ownMs).toFixed(2)}`,
  );
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
      seconds: round1(seconds),
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
