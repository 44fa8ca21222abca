/**
 * Everything a measurement runs on: an embedded PostgreSQL, the real Temporal server and one Slipway, each a process of
 * its own, so that what each of them uses can be told apart.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cpuMs, cpuMsOfTree, until } from './measure.ts';
import { loadConfig } from '../config.ts';
import type { DevicePorts } from '../device-gateways.ts';
import { findTemporalCli, searchAttributes, startEmbeddedPostgres, startTemporalDevServer } from '../embedded.ts';
import { createLogger } from '../log.ts';

/** What listens: each on a free port of the loopback interface. */
const PARTS = ['API', 'TERMINAL', 'DEVICE_HTTP', 'PCP', 'PILE', 'FTP'];

/** The processes of a measurement. */
export interface Pids {
  engine: number;
  database: number;
  slipway: number;
}

export interface Stage {
  databaseUrl: string;
  temporalAddress: string;
  apiUrl: string;
  /** Where devices connect; all null in a Slipway without gateways. */
  ports: DevicePorts;
  key: string;
  pids: Pids;
  stop(): Promise<void>;
}

/** Starts all of it in a folder that is removed at the end. */
export async function startStage(options: { roles?: string; settings?: Record<string, string> } = {}): Promise<Stage> {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const log = createLogger({ logLevel: 'warn' });
  const stops: (() => Promise<unknown>)[] = [async () => rmSync(dataDir, { recursive: true, force: true })];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
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
    const slipway = await startSlipway({
      SLIPWAY_ROLE: options.roles ?? 'all',
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: engine.address,
      SLIPWAY_DATA_DIR: dataDir,
      ...options.settings,
    });
    stops.push(() => slipway.stop());
    const { apiUrl, ports, key } = slipway;
    const pids = { engine: engine.pid, database: database.pid, slipway: slipway.pid };
    return { databaseUrl: database.url, temporalAddress: engine.address, apiUrl, ports, key, pids, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** CPU milliseconds used so far by each of them. */
export function cpuOf(pids: Pids): Record<keyof Pids, number> {
  return { engine: cpuMs(pids.engine), database: cpuMsOfTree(pids.database), slipway: cpuMs(pids.slipway) };
}

async function startSlipway(settings: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('../main.ts', import.meta.url))], {
    env: {
      ...process.env,
      SLIPWAY_CACHE_DIR: loadConfig().cacheDir,
      ...Object.fromEntries(PARTS.map((part) => [`${part}_PORT`, '0'])),
      ...Object.fromEntries(PARTS.map((part) => [`${part}_HOST`, '127.0.0.1'])),
      FTP_PASSIVE_PORTS: '0',
      LOG_LEVEL: 'info',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let key = '';
  createInterface(child.stderr).on('line', (text) => {
    const printed = /swk_\S+/.exec(text)?.[0];
    key = printed ?? key;
    if (printed === undefined && text.trim() !== '' && !text.startsWith('An API key')) console.error(text);
  });
  const { apiUrl, ...ports } = await firstReadyLine(child);
  await until(async () => key !== '');
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = () => {
    child.kill('SIGTERM');
    return ended; // also when it has ended before
  };
  return { pid: child.pid!, apiUrl, ports, key, stop };
}

function firstReadyLine(child: ChildProcess): Promise<{ apiUrl: string } & DevicePorts> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`Slipway ended with ${code} before it was ready`)));
    createInterface(child.stdout!).on('line', (text) => {
      const line = JSON.parse(text) as { msg: string; level: string; apiUrl: string } & DevicePorts;
      if (line.level === 'error') console.error(text);
      if (line.msg === 'ready') resolve(line);
    });
  });
}
