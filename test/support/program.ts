/**
 * Slipway as child processes, and servers of their own for them: started, killed and started again by system tests.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Operator } from '../../bench/operator.ts';
import { loadConfig, variables, type Role } from '../../config.ts';
import {
  searchAttributes,
  startEmbeddedPostgres,
  startTemporalDevServer,
  type EmbeddedPostgres,
  type TemporalDevServer,
} from '../../embedded.ts';
import { isAlive, listProcesses } from '../../embedded/processes.ts';
import { createLogger } from '../../log.ts';
import { freePort } from './ports.ts';
import { provided } from './run-servers.ts';
import { waitFor } from './wait.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What runs from source. */
export const SOURCE_ENTRY = 'main.ts';
/** What is started where a test does not say: the source, or in CI what was built from it, as it is deployed. */
const ENTRY = process.env['TEST_ENTRY'] ?? SOURCE_ENTRY;
const log = createLogger({ logLevel: 'silent' });
/** Starting takes a few seconds; the rest is for a busy machine. */
const START_MS = 120_000;
const END_MS = 40_000;
const LINES_KEPT = 400;

/** What a process says when it is ready. */
export interface Ready {
  apiUrl: string | null;
  temporalUiUrl: string;
  terminalPort: number | null;
  deviceHttpPort: number | null;
  ftpPort: number | null;
  pilePort: number | null;
  pcpPort: number | null;
}

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Settings of one process: the environment of Slipway. */
export type Settings = Record<string, string>;

/** Whatever happens to the tests, their processes end with them. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** One process of the program. */
export class Slipway {
  /** Settles when the process has ended, for whatever reason. */
  readonly exited: Promise<Exit>;
  /** From the start of the process until it said that it is ready. */
  readyMs = 0;
  readonly #child: ChildProcess;
  /** The last lines of both outputs. */
  readonly #lines: string[] = [];
  readonly #hear: (line: string) => void;
  #errors = '';
  #ready: Ready | null = null;
  #exit: Exit | null = null;

  /**
   * Starts a process without waiting for it; `entry` is the program, or one that composes it otherwise; `hear` gets every
   * line of both outputs.
   */
  constructor(settings: Settings, entry = ENTRY, hear: (line: string) => void = () => {}) {
    this.#hear = hear;
    const startedMs = performance.now();
    const loader = entry.endsWith('.ts') ? ['--import', 'tsx'] : [];
    this.#child = spawn(process.execPath, [...loader, entry], {
      cwd: root,
      env: { ...inherited(), ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.#child);
    this.exited = new Promise((resolve) => {
      // 'close' and not 'exit': only then everything it wrote has been read.
      this.#child.once('close', (code, signal) => {
        running.delete(this.#child);
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
    createInterface({ input: this.#child.stdout as Readable }).on('line', (line) => {
      this.#keep(line);
      const ready = readyLine(line);
      if (ready === null) return;
      this.#ready = ready;
      this.readyMs = performance.now() - startedMs;
    });
    createInterface({ input: this.#child.stderr as Readable }).on('line', (line) => {
      this.#keep(line);
      this.#errors += `${line}\n`;
    });
  }

  /** Starts a process and waits until it is ready. */
  static async start(settings: Settings, entry?: string): Promise<Slipway> {
    const open = Object.keys(settings).filter((name) => name.endsWith('_PORT') && settings[name] === '0');
    const ports: Settings = {};
    for (const name of open) ports[name] = String(await freePort());
    const slipway = new Slipway({ ...settings, ...ports }, entry);
    await slipway.untilReady();
    return slipway;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#exit === null;
  }

  /** What it wrote to its error output. */
  get errors(): string {
    return this.#errors;
  }

  /** What it listens on; only when it is ready. */
  get ready(): Ready {
    if (this.#ready === null) throw new Error('the process is not ready');
    return this.#ready;
  }

  /** The port of the terminal gateway. */
  get terminalPort(): number {
    return this.ready.terminalPort ?? 0;
  }

  async untilReady(): Promise<Ready> {
    await waitFor(() => this.#ready !== null || this.#exit !== null, {
      deadlineMs: START_MS,
      message: `the program did not become ready:\n${this.tail()}`,
    });
    if (this.#ready === null) throw new Error(`the program ended while starting:\n${this.tail()}`);
    return this.#ready;
  }

  /** The first key, which a process with the role api prints when it meets an empty database. */
  firstKey(): Promise<string> {
    return waitFor(() => /^ {2}(\S{20,})$/m.exec(this.#errors)?.[1], { message: 'no first API key was printed' });
  }

  /** Ends the process at once, as a power cut would, unless another signal is named. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    this.#child.kill(signal);
    await waitFor(() => this.#exit, { deadlineMs: END_MS, message: `the program ignores ${signal}:\n${this.tail()}` });
    return this.exited;
  }

  /** The lines of its log it wrote last, as records. */
  get logLines(): Record<string, unknown>[] {
    return this.#lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The last lines it wrote that are worth reading, for error messages. */
  tail(lines = 20): string {
    return this.#lines.flatMap(readable).slice(-lines).join('\n');
  }

  #keep(line: string): void {
    this.#hear(line);
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
  }
}

/** A log line as a person wants it: when, what, why; no line for every request that was answered. */
function readable(line: string): string[] {
  if (!line.startsWith('{')) return [line];
  const { time, level, msg, err } = JSON.parse(line) as Record<'time' | 'level' | 'msg', string> & {
    err?: { message?: string };
  };
  const why = err?.message?.replace(/\s+/g, ' ').slice(-200) ?? '';
  return msg === 'request completed' ? [] : [`${time}  ${level}  ${msg}  ${why}`];
}

function readyLine(line: string): Ready | null {
  if (!line.startsWith('{') || !line.includes('"msg":"ready"')) return null;
  return JSON.parse(line) as Ready;
}

/** Our environment without settings of Slipway and without what the test runner adds. */
function inherited(): NodeJS.ProcessEnv {
  const left = Object.keys(process.env).filter((name) => !(name in variables) && !/^(?:VITEST|NODE_|TEST$)/.test(name));
  return Object.fromEntries(left.map((name) => [name, process.env[name]]));
}

/** Settings that every process of a test shares: free ports on this machine only, programs fetched before. */
export function testSettings(dataDir: string): Settings {
  return {
    SLIPWAY_DATA_DIR: dataDir,
    SLIPWAY_CACHE_DIR: loadConfig().cacheDir,
    TEMPORAL_CLI: provided('temporalCliPath'),
    API_PORT: '0',
    TERMINAL_PORT: '0',
    TERMINAL_HOST: '127.0.0.1',
    DEVICE_HTTP_PORT: '0',
    FTP_PORT: '0',
    FTP_HOST: '127.0.0.1',
    FTP_PASSIVE_PORTS: '0',
    DEVICE_HTTP_HOST: '127.0.0.1',
    PILE_PORT: '0',
    PILE_HOST: '127.0.0.1',
    PCP_PORT: '0',
    PCP_HOST: '127.0.0.1',
    EMBEDDED_POSTGRES_PORT: '0',
    TEMPORAL_PORT: '0',
    TEMPORAL_UI_PORT: '0',
    LOG_LEVEL: 'info',
  };
}

/** A folder for a test and everything that runs on it. */
export class DataFolder {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'slipway-system-')));

  /** Kills the embedded servers that work on this folder, also those a killed program left behind. */
  async killServers(): Promise<void> {
    const servers = (await listProcesses()).filter(({ command }) => command.includes(` ${this.path}/`));
    for (const { pid } of servers) kill(pid);
    await waitFor(() => servers.every(({ pid }) => !isAlive(pid)), { message: 'servers live on' });
  }

  /** Removes the folder and whatever still runs on it. */
  async remove(): Promise<void> {
    await this.killServers();
    // Sessions of a killed PostgreSQL may write for a moment longer.
    rmSync(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** PostgreSQL and Temporal on a folder of their own, durable as in production, to be killed and started again on the same ports. */
export class TestServers {
  readonly folder = new DataFolder();
  #postgres!: EmbeddedPostgres;
  #temporal!: TemporalDevServer;

  static async start(): Promise<TestServers> {
    const servers = new TestServers();
    await Promise.all([servers.startPostgres(), servers.startTemporal()]);
    return servers;
  }

  /** Settings of a process that uses these servers. */
  settings(...roles: Role[]): Settings {
    return {
      ...testSettings(this.folder.path),
      SLIPWAY_ROLE: roles.length === 0 ? 'all' : roles.join(','),
      DATABASE_URL: this.#postgres.url,
      TEMPORAL_ADDRESS: this.#temporal.address,
    };
  }

  async startPostgres(): Promise<void> {
    const port = this.#postgres?.port ?? (await freePort());
    this.#postgres = await startEmbeddedPostgres({ dataDir: this.folder.path, port, log });
  }

  async startTemporal(): Promise<void> {
    this.#temporal = await startTemporalDevServer({
      cliPath: provided('temporalCliPath'),
      dataDir: this.folder.path,
      port: this.#temporal?.port ?? (await freePort()),
      namespace: 'default',
      searchAttributes,
      log,
    });
  }

  killPostgres(): Promise<void> {
    return killAndWait(this.#postgres.pid);
  }

  killTemporal(): Promise<void> {
    return killAndWait(this.#temporal.pid);
  }

  async stop(): Promise<void> {
    await Promise.allSettled([this.#postgres?.stop(), this.#temporal?.stop()]);
    await this.folder.remove();
  }
}

/** An operator with the first key of a program that has just met an empty database. */
export async function firstOperator(slipway: Slipway): Promise<{ operator: Operator; key: string }> {
  const key = await slipway.firstKey();
  return { operator: operatorOf(slipway, key), key };
}

/** An operator at the API of this process. */
export function operatorOf(slipway: Slipway, key: string): Operator {
  return new Operator(slipway.ready.apiUrl ?? '', key);
}

async function killAndWait(pid: number): Promise<void> {
  kill(pid);
  await waitFor(() => !isAlive(pid), { message: `process ${pid} lives on` });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}
