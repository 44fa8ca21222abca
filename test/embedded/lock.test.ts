import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataDirLockedError, lockDataDir } from '../../embedded.ts';

let dataDir: string;
let lockFile: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'slipway-lock-'));
  lockFile = join(dataDir, 'slipway.lock');
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** What a program that holds the lock writes. */
async function currentLockText(): Promise<string> {
  const lock = await lockDataDir(dataDir);
  const text = readFileSync(lockFile, 'utf8');
  lock.release();
  return text;
}

describe('the lock on the data folder', () => {
  test('makes the folder, is released once and can be taken again', async () => {
    const deep = join(dataDir, 'deep', 'data');
    const first = await lockDataDir(deep);
    first.release();
    const second = await lockDataDir(deep);
    first.release();
    await expect(lockDataDir(deep)).rejects.toThrow(DataDirLockedError);
    second.release();
    expect(existsSync(join(deep, 'slipway.lock'))).toBe(false);
  });

  test('turns a second program away and names the first', async () => {
    const lock = await lockDataDir(dataDir);
    const refusal = lockDataDir(dataDir);
    await expect(refusal).rejects.toThrow(`Slipway already runs on ${dataDir} (process ${process.pid})`);
    await expect(refusal).rejects.toMatchObject({ pid: process.pid });
    lock.release();
  });

  test('passes over a holder that is gone', async () => {
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    writeFileSync(lockFile, JSON.stringify({ pid: gone.pid, identity: 'whatever' }));
    (await lockDataDir(dataDir)).release();
  });

  test('passes over a process that only has the same id as the holder had', async () => {
    const held = JSON.parse(await currentLockText()) as { pid: number; identity: string };
    writeFileSync(lockFile, JSON.stringify({ ...held, identity: 'an earlier process' }));
    (await lockDataDir(dataDir)).release();
    writeFileSync(lockFile, JSON.stringify(held));
    await expect(lockDataDir(dataDir)).rejects.toThrow(DataDirLockedError);
  });

  test.each(['', '{', '{"pid":"x"}', 'null'])('passes over a lock file that says nothing: %j', async (text) => {
    writeFileSync(lockFile, text);
    (await lockDataDir(dataDir)).release();
  });

  test('goes to exactly one of many that start at the same time over a stale lock', async () => {
    writeFileSync(lockFile, '{"pid":999999999,"identity":"gone"}');
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dataDir)));
    const taken = results.filter((result) => result.status === 'fulfilled');
    expect(taken).toHaveLength(1);
    expect(results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown)).toEqual(
      Array.from({ length: 7 }, () => expect.any(DataDirLockedError) as unknown),
    );
  });
});
