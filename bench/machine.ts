/**
 * The machine of a report: what it is, and how busy it is with other things.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { childrenCpuMs } from './measure.ts';
import type { Load, Machine, Report } from './report.ts';
import { loadConfig } from '../config.ts';
import { findPrograms } from '../embedded/postgres-programs.ts';
import { findTemporalCli } from '../embedded.ts';
import { createLogger } from '../log.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Describes the machine; of the servers those that are used. */
export async function describeMachine(uses: readonly ('postgres' | 'temporal')[]): Promise<Machine> {
  return {
    cpu: (cpus()[0]?.model ?? 'unknown').replace(/\s+/g, ' ').trim(),
    cores: cpus().length,
    memoryGb: totalmem() / 1024 ** 3,
    kernel: `${type()} ${release()} ${arch()}`,
    node: process.version,
    postgres: uses.includes('postgres') ? await versionOf(async () => (await findPrograms()).postgres) : null,
    temporal: uses.includes('temporal') ? await versionOf(temporalCli) : null,
  };
}

/** What is measured: the version, and the commit when it is a checkout. */
export function describeBuild(): Report['slipway'] {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return { version, commit: git('rev-parse', '--short', 'HEAD'), isChanged: git('status', '--porcelain') !== '' };
  } catch {
    return { version, commit: null, isChanged: false };
  }
}

/** Watches what others do before an area; the function that comes back tells, after it, what they did meanwhile. */
export async function watchLoad(watchMs: number): Promise<() => Load> {
  const average = loadavg()[0] ?? 0;
  const quiet = busyMs();
  await new Promise((resolve) => setTimeout(resolve, watchMs));
  const before = busyMs();
  const coresBefore = (before.busy - quiet.busy) / (before.atMs - quiet.atMs);
  return () => {
    const after = busyMs();
    const seconds = after.atMs - before.atMs;
    const own = after.own === null || before.own === null ? null : after.own - before.own;
    const coresDuring = own === null ? null : Math.max(0, after.busy - before.busy - own) / seconds;
    return { average, coresBefore, coresDuring };
  };
}

/** Processor time of the whole machine, and of this process with all that it started and that have ended. */
function busyMs(): { atMs: number; busy: number; own: number | null } {
  const busy = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const { user, system } = process.cpuUsage();
  const children = childrenCpuMs();
  return { atMs: performance.now(), busy, own: children === null ? null : children + (user + system) / 1_000 };
}

async function temporalCli(): Promise<string> {
  const { path } = await findTemporalCli({
    cacheDir: loadConfig().cacheDir,
    log: createLogger({ logLevel: 'warn' }),
  });
  return path;
}

/** What a program says of itself; null: it is not there. */
async function versionOf(find: () => Promise<string>): Promise<string | null> {
  try {
    const text = execFileSync(await find(), ['--version'], { encoding: 'utf8' });
    return text.trim().replace(/^(?:postgres \(PostgreSQL\)|temporal version) /, '');
  } catch {
    return null; // the areas that need it say so
  }
}
