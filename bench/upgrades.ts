/**
 * Device upgrades per second, over real sockets, with everything on this machine: engine, database, one Slipway with
 * all roles, and the simulated terminals in this process. One 64 KiB file per device.
 *
 * Prints a table with the cost per device at each size; a system that scales shows the same cost on every line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { Operator, demoFirmware } from './operator.ts';
import { loadConfig } from '../config.ts';
import { findTemporalCli, searchAttributes, startEmbeddedPostgres, startTemporalDevServer } from '../embedded.ts';
import { createFleet, snAt } from '../gateways/simulate.ts';
import { createLogger } from '../log.ts';

const FILE_BYTES = 64 * 1024;
const DEFAULT_SIZES = [200, 1_000, 5_000];
const MAX_CONCURRENT = 200;
/** Clock ticks per second in /proc/<pid>/stat. */
const TICKS_PER_SECOND = 100;

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
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const log = createLogger({ logLevel: 'warn' });
  const stops: (() => Promise<unknown>)[] = [async () => rmSync(dataDir, { recursive: true, force: true })];
  try {
    const database = await startEmbeddedPostgres({ dataDir, port: 0, log });
    stops.push(() => database.stop());
    const { path: cliPath } = await findTemporalCli({ cacheDir: loadConfig().cacheDir, log });
    const engine = await startTemporalDevServer({
      cliPath,
      dataDir,
      port: 0,
      namespace: 'default',
      searchAttributes,
      log,
    });
    stops.push(() => engine.stop());
    const slipway = await startSlipway({ dataDir, databaseUrl: database.url, temporalAddress: engine.address });
    stops.push(() => slipway.stop());
    const pids = { engine: engine.pid, database: database.pid, slipway: slipway.pid };
    const lines: Line[] = [];
    for (const [round, devices] of sizes.entries()) {
      lines.push(await measure({ devices, round, pids, slipway, databaseUrl: database.url }));
      console.table(lines);
    }
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

interface Slipway {
  pid: number;
  apiUrl: string;
  terminalPort: number;
  key: string;
  stop(): Promise<void>;
}

interface Round {
  devices: number;
  round: number;
  pids: { engine: number; database: number; slipway: number };
  slipway: Slipway;
  databaseUrl: string;
}

async function measure({ devices, round, pids, slipway, databaseUrl }: Round): Promise<Line> {
  const operator = new Operator(slipway.apiUrl, slipway.key);
  const firstSn = String(6_100_000_000 + round * 1_000_000);
  const deviceIds = await operator.registerTerminals(
    Array.from({ length: devices }, (_, index) => snAt(firstSn, index)),
  );
  const firmwareId = await operator.uploadFirmware(demoFirmware(20 + round, 10, FILE_BYTES));
  const fleet = createFleet({
    devices,
    host: '127.0.0.1',
    port: slipway.terminalPort,
    startSn: firstSn,
    version: 10,
    reportIntervalMs: 30_000,
    packetTimeoutMs: 60_000,
    upgradeDelayMs: 500,
    reconnectDelayMs: 500,
    faultShare: 0,
    faults: {},
  });
  const sql = postgres(databaseUrl, { max: 1 });
  try {
    for (const terminal of fleet) terminal.start();
    await until(async () => {
      const [row] = await sql`select count(*)::int as n from device_versions where device_id = any(${deviceIds})`;
      return row!['n'] === devices;
    });
    const before = { cpu: cpu(pids), own: process.cpuUsage(), writes: await writes(sql) };
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
    const after = { cpu: cpu(pids), own: process.cpuUsage(before.own), writes: await writes(sql) };
    const [result] = await sql`
      with times as (
        select extract(epoch from p.at - o.at) * 1000 as ms from upgrade_log o join upgrade_log p using (upgrade_id)
        join device_upgrades u on u.id = o.upgrade_id
        where u.task_id = ${task.id} and o.event = 'offered' and p.event = 'proven'
      )
      select (select count(*)::int from device_upgrades where task_id = ${task.id} and status = 'succeeded') as succeeded,
        percentile_cont(0.5) within group (order by ms)::float8 as p50, percentile_cont(0.99) within group (order by ms)::float8 as p99
      from times`;
    if (result!['succeeded'] !== devices)
      throw new Error(`only ${String(result!['succeeded'])} of ${devices} succeeded`);
    const each = (total: number) => round1(total / devices);
    return {
      devices,
      seconds: round1(seconds),
      perSecond: round1(devices / seconds),
      p50Ms: Math.round(result!['p50']),
      p99Ms: Math.round(result!['p99']),
      engineMs: each(after.cpu.engine - before.cpu.engine),
      databaseMs: each(after.cpu.database - before.cpu.database),
      slipwayMs: each(after.cpu.slipway - before.cpu.slipway),
      devicesMs: each((after.own.user + after.own.system) / 1_000),
      commits: each(after.writes.commits - before.writes.commits),
      rowsWritten: each(after.writes.rows - before.writes.rows),
      slipwayMb: Math.round(residentKb(pids.slipway) / 1_024),
    };
  } finally {
    await Promise.all(fleet.map((terminal) => terminal.stop()));
    await sql.end();
  }
}

async function startSlipway(servers: {
  dataDir: string;
  databaseUrl: string;
  temporalAddress: string;
}): Promise<Slipway> {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('../main.ts', import.meta.url))], {
    env: {
      ...process.env,
      DATABASE_URL: servers.databaseUrl,
      TEMPORAL_ADDRESS: servers.temporalAddress,
      SLIPWAY_DATA_DIR: servers.dataDir,
      SLIPWAY_CACHE_DIR: loadConfig().cacheDir,
      API_PORT: '0',
      TERMINAL_PORT: '0',
      TERMINAL_HOST: '127.0.0.1',
      DEVICE_HTTP_PORT: '0',
      DEVICE_HTTP_HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let key = '';
  createInterface(child.stderr).on('line', (text) => {
    key = /swk_\S+/.exec(text)?.[0] ?? key;
  });
  const ready = await firstReadyLine(child);
  await until(async () => key !== '');
  return {
    pid: child.pid!,
    apiUrl: ready.apiUrl,
    terminalPort: ready.terminalPort,
    key,
    stop: () => new Promise((resolve) => child.once('exit', () => resolve()).kill('SIGTERM')),
  };
}

function firstReadyLine(child: ChildProcess): Promise<{ apiUrl: string; terminalPort: number }> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`Slipway ended with ${code} before it was ready`)));
    createInterface(child.stdout!).on('line', (text) => {
      const line = JSON.parse(text) as { msg: string; level: string; apiUrl: string; terminalPort: number };
      if (line.level === 'error') console.error(text);
      if (line.msg === 'ready') resolve(line);
    });
  });
}

async function writes(sql: postgres.Sql): Promise<{ commits: number; rows: number }> {
  await sql`select pg_stat_clear_snapshot()`;
  const [row] = await sql`
    select xact_commit::float8 as commits, (tup_inserted + tup_updated + tup_deleted)::float8 as rows
    from pg_stat_database where datname = current_database()`;
  return row as unknown as { commits: number; rows: number };
}

/** CPU milliseconds used so far, children of the database included. */
function cpu(pids: { engine: number; database: number; slipway: number }): {
  engine: number;
  database: number;
  slipway: number;
} {
  return { engine: cpuMs(pids.engine), database: cpuMsOfTree(pids.database), slipway: cpuMs(pids.slipway) };
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND;
}

function cpuMsOfTree(pid: number): number {
  let total = cpuMs(pid);
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ')[1]!.split(' ')[1]);
      if (parent === pid) total += cpuMs(Number(entry));
    } catch {
      // ended between listing and reading
    }
  }
  return total;
}

function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

async function until(condition: () => Promise<boolean>, pollMs = 100): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, pollMs));
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}
