/**
 * Device upgrades per second, over real sockets, with everything on this machine: engine, database, one Slipway with
 * all roles, and the simulated devices in this process. One 64 KiB file per device.
 *
 * Beside it stands a bare loop, before and after each: as many workflows with the same events on the same engine, and no
 * work. A machine that others use is never the same for long.
 */
import postgres from 'postgres';
import type { Area, Bench } from './area.ts';
import { BARE_MAX, bareLoop, type Bare } from './bare-runs.ts';
import { IS_MEASURABLE, NOT_MEASURABLE, residentMb, round1, until, writes } from './measure.ts';
import { Operator } from './operator.ts';
import { cpuOf, startStage, type Stage } from './stage.ts';
import { BENCH_PROTOCOLS, benchFleet, DEVICE_MS, type BenchProtocol } from './upgrade-fleets.ts';

const MAX_CONCURRENT = 200;
const RATIO_GOAL = 0.6;
const LOOP = { atOnce: MAX_CONCURRENT, deviceMs: DEVICE_MS };

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

/** The area. */
export const upgrades: Area = {
  name: 'upgrades',
  title: 'whole upgrades over real sockets',
  uses: ['postgres', 'temporal'],
  positional: 'sizes',
  settings: {
    sizes: { means: 'devices of a task, with commas', full: '300', quick: '40', kind: 'counts' },
    protocols: {
      means: 'of these protocols, with commas',
      full: BENCH_PROTOCOLS.join(','),
      quick: 'terminal,pcp',
      kind: 'names',
      oneOf: BENCH_PROTOCOLS,
    },
  },
  async measure(bench, settings) {
    if (!IS_MEASURABLE) return bench.missing('upgrades', NOT_MEASURABLE);
    const stage = await startStage();
    bench.atEnd(() => stage.stop());
    bench.note(`every device takes about ${DEVICE_MS} ms for itself, ${MAX_CONCURRENT} at one time`);
    let round = 0;
    for (const devices of settings.numbers('sizes')) {
      bench.progress(`bare loop of ${devices}`);
      let before = await bareLoop(bench, stage, Math.min(devices, BARE_MAX), LOOP);
      for (const protocol of BENCH_PROTOCOLS.filter((each) => settings.list('protocols').includes(each))) {
        bench.progress(`${devices} devices, ${protocol}`);
        const line = await measure(bench, stage, { protocol, devices, round: (round += 1) });
        const after = await bareLoop(bench, stage, Math.min(devices, BARE_MAX), LOOP);
        report(bench, line, [before, after]);
        before = after;
      }
    }
  },
};

/** How an upgrade stands beside the bare loops before and after it. */
function report(bench: Bench, line: Line, bare: readonly [Bare, Bare]): void {
  const { protocol, devices } = line;
  const baselineOf = (read: (each: Bare) => number) => {
    const [before, after] = [read(bare[0]), read(bare[1])];
    const range: [number, number] = [Math.min(before, after), Math.max(before, after)];
    return { name: 'bare loop', value: (before + after) / 2, range };
  };
  const of = (name: string) => `${protocol}, ${devices} devices: ${name}`;
  bench.figure({
    name: of('upgrades'),
    unit: 'devices/s',
    better: 'more',
    value: line.perSecond,
    baseline: baselineOf(({ perSecond }) => perSecond),
    goal: { of: 'ratio', atLeast: RATIO_GOAL },
  });
  bench.figure({
    name: of('processor time of everything'),
    unit: 'ms per device',
    better: 'less',
    value: line.engineMs + line.databaseMs + line.slipwayMs + line.simulatorsMs,
    baseline: baselineOf(({ engineMs, workerMs }) => engineMs + workerMs),
  });
  for (const share of ['p50Ms', 'p99Ms'] as const) {
    bench.figure({
      name: of(`from offer to proof, ${share.slice(0, 3)}`),
      unit: 'ms',
      better: 'less',
      value: line[share],
      baseline: baselineOf((each) => each[share]),
    });
  }
  const parts = `engine ${line.engineMs}, database ${line.databaseMs}, Slipway ${line.slipwayMs}, simulators ${line.simulatorsMs} ms of CPU`;
  bench.note(
    `${protocol}, ${devices} devices, each: ${parts}; ${line.commits} commits, ${line.rowsWritten} rows; Slipway holds ${line.slipwayMb} MB`,
  );
}

async function measure(
  bench: Bench,
  stage: Stage,
  { protocol, devices, round }: { protocol: BenchProtocol; devices: number; round: number },
): Promise<Line> {
  const { pids } = stage;
  const operator = new Operator(stage.apiUrl, stage.key);
  const fleet = benchFleet(protocol, devices, round, stage.ports);
  const deviceIds = await fleet.register(operator);
  const firmwareId = await operator.uploadFirmware(fleet.firmware);
  const sql = postgres(stage.databaseUrl, { max: 1 });
  bench.atEnd(() => Promise.all([fleet.stop(), sql.end()])); // when it is interrupted; once more changes nothing
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
