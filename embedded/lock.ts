/**
 * One program per data folder. The lock is a file that names its holder; a holder that is gone, or whose process id now belongs to another
 * process, holds nothing.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, makeDataDir, processIdentity } from './processes.ts';

/** Another program runs on the same data folder. */
export class DataDirLockedError extends Error {
  override readonly name = 'DataDirLockedError';
  readonly pid: number;

  constructor(dataDir: string, pid: number) {
    super(
      `Slipway already runs on ${dataDir} (process ${pid}). Stop that one first, or give this one a folder of its own with SLIPWAY_DATA_DIR; ` +
        'processes that share the work need DATABASE_URL and TEMPORAL_ADDRESS instead',
    );
    this.pid = pid;
  }
}

export interface DataDirLock {
  /** Gives the folder free. Calling it again does nothing. */
  release(): void;
}

/** Takes the folder for this process, making it when missing; throws `DataDirLockedError` when another program has it. */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  makeDataDir(dataDir);
  const path = join(dataDir, 'slipway.lock');
  const mine = `${JSON.stringify({ pid: process.pid, identity: await processIdentity(process.pid), lock: randomUUID() })}\n`;
  for (let attempt = 0; attempt < 20; attempt++) {
    if (writeNew(path, mine)) {
      // Two starters may have found the same stale lock, and the slower one may have removed ours for it: the last file in place wins.
      await delay(30);
      if (read(path) === mine) {
        return {
          release() {
            if (read(path) === mine) rmSync(path, { force: true });
          },
        };
      }
      continue;
    }
    const text = read(path);
    if (text === '' && attempt < 10) {
      await delay(30); // its writer is between making and filling it
      continue;
    }
    const holder = await liveHolder(text);
    if (holder !== undefined) throw new DataDirLockedError(dataDir, holder);
    if (text !== undefined && read(path) === text) rmSync(path, { force: true });
  }
  throw new Error(`cannot take ${path}: other programs keep changing it`);
}

function writeNew(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function liveHolder(text: string | undefined): Promise<number | undefined> {
  const holder = parse(text);
  if (holder === undefined || !isAlive(holder.pid)) return undefined;
  return (await processIdentity(holder.pid)) === holder.identity ? holder.pid : undefined;
}

function parse(text: string | undefined): { pid: number; identity: string | undefined } | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number')
      return undefined;
    return {
      pid: value.pid,
      identity: 'identity' in value && typeof value.identity === 'string' ? value.identity : undefined,
    };
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
