/**
 * Backups, made with the scripts of the deployment while terminals take files, and put back after everything is gone.
 * The database is restored to before the end of a task and Temporal begins with nothing: the task goes on from what is
 * stored, devices that had finished since are believed by their next report, and nothing is sent to them again.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Operator } from '../../bench/operator.ts';
import { searchAttributes, startTemporalDevServer, type TemporalDevServer } from '../../embedded.ts';
import { createLogger } from '../../log.ts';
import { DataFolder, firstOperator, operatorOf, Slipway, testSettings } from '../support/program.ts';
import { provided } from '../support/run-servers.ts';
import { waitFor } from '../support/wait.ts';
import { Fleet, type Task } from '../system/fleet.ts';
import { Wire } from '../system/wire.ts';
import { DebianPostgres, findPostgresPrograms } from './debian-postgres.ts';
import { deployment } from './manifests.ts';

const log = createLogger({ logLevel: 'silent' });
const programs = findPostgresPrograms();
const TEST_MS = 240_000;

describe.skipIf(programs === null)('a backup with the scripts (needs the package postgresql)', () => {
  let folder: string;
  let server: DebianPostgres;
  let temporal: TemporalDevServer;
  let slipway: Slipway;
  let operator: Operator;
  let key: string;
  let wire: Wire;
  let fleet: Fleet;
  let task: Task;
  let backup: string;
  let archive: string;
  let base = '';
  let dump = '';

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'slipway-backup-')));
    server = new DebianPostgres(programs!, folder);
    // Scripts run as the server's user, who need not be able to read the repository.
    for (const name of ['backup.sh', 'restore.sh']) copyFileSync(join(deployment, name), join(folder, name));
    backup = server.makeFolder('backup');
    archive = server.makeFolder('backup/wal');
    await server.init(join(folder, 'data'));
    await server.start(join(folder, 'data'), archive);
    const sql = postgres(server.url('postgres', 'postgres'), { max: 1 });
    await sql.unsafe(`create role slipway login password 'ours'`);
    await sql.unsafe('create database slipway owner slipway');
    await sql.end();
    temporal = await startTemporal();
    slipway = await Slipway.start(settings());
    ({ operator, key } = await firstOperator(slipway));
    wire = await Wire.open(slipway.terminalPort);
    fleet = await new Fleet(wire, 4, '6134441371', 10).start(operator);
  }, 180_000);

  afterAll(async () => {
    await fleet?.stop();
    await wire?.close();
    await slipway?.kill();
    await temporal?.stop();
    await server?.kill();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }, 60_000);

  const startTemporal = () =>
    startTemporalDevServer({
      cliPath: provided('temporalCliPath'),
      dataDir: folder,
      port: 0,
      namespace: 'default',
      searchAttributes,
      log,
      inMemory: true,
    });

  const settings = () => ({
    ...testSettings(join(folder, 'slipway')),
    DATABASE_URL: server.url('slipway'),
    TEMPORAL_ADDRESS: temporal.address,
  });

  const script = (name: string, args: readonly string[]) =>
    server.run('/bin/sh', [join(folder, name), ...args], server.superuser);

  test(
    'is made while devices take files, and says what it has made',
    async () => {
      fleet.hold(11);
      task = await fleet.order(operator);
      await fleet.untilHeld(11);
      const { code, out } = await script('backup.sh', [backup]);
      expect(code, out).toBe(0);
      [base = '', dump = ''] = out.trim().split('\n');
      expect(existsSync(join(base, 'backup_manifest'))).toBe(true);
      expect(existsSync(dump)).toBe(true);
      expect(readdirSync(join(backup, 'base'))).toHaveLength(1);
    },
    TEST_MS,
  );

  test('is refused where something lies, and by what is no backup', async () => {
    expect(await script('restore.sh', ['base', base, join(folder, 'data')])).toMatchObject({
      code: 1,
      out: expect.stringContaining('is not empty') as string,
    });
    expect((await script('restore.sh', ['base', folder, join(folder, 'new')])).code).toBe(1);
    expect(await script('restore.sh', ['dump', dump, server.url('slipway')])).toMatchObject({
      code: 1,
      out: expect.stringContaining('restore into an empty one') as string,
    });
    expect((await script('restore.sh', [])).code).toBe(2);
  }, 60_000);

  test('of Slipway’s database alone gives back every row, and the logs stay append-only', async () => {
    const sql = postgres(server.url('postgres', 'postgres'), { max: 1 });
    await sql.unsafe('create database again owner slipway');
    await sql.end();
    const again = server.url('again', 'slipway');
    expect(await script('restore.sh', ['dump', dump, again])).toMatchObject({ code: 0 });
    const restored = postgres(again, { max: 1, onnotice: () => {} });
    try {
      const [rows] = await restored`
        select (select count(*)::int from devices) as devices, (select count(*)::int from device_upgrades) as upgrades,
          (select count(*)::int from upgrade_log) > 4 as logged, (select count(*)::int from firmware_contents) as files`;
      expect(rows).toEqual({ devices: 4, upgrades: 4, logged: true, files: 2 });
      await expect(restored`delete from upgrade_log`).rejects.toThrow('append-only');
    } finally {
      await restored.end();
    }
  }, 60_000);

  test(
    'put back without Temporal lets the task end, and nothing is sent to devices that had finished since',
    async () => {
      // Two go on to the end, two stand still in the middle of the second file.
      wire.release();
      fleet.hold(12, 2);
      const finished = () => fleet.terminals.slice(2).every(({ softwareVersion }) => softwareVersion === 12);
      await waitFor(finished, { deadlineMs: 100_000, message: 'the two that were not held did not finish' });
      await waitFor(
        async () => (await task.rows(operator)).filter(({ status }) => status === 'succeeded').length === 2,
        {
          deadlineMs: 60_000,
          message: 'their success was not written',
        },
      );
      // Everything is gone: the program, Temporal with all it knew, the database.
      wire.target = null;
      await slipway.kill();
      await temporal.stop();
      await server.kill();
      rmSync(join(folder, 'data'), { recursive: true });

      const data = join(folder, 'restored');
      const restored = await script('restore.sh', ['base', base, data, 'base']);
      expect(restored.code, restored.out).toBe(0);
      await server.start(data, archive);
      temporal = await startTemporal();
      wire.clear();
      const sql = postgres(server.url('slipway'), { max: 1 });
      const [row] = await sql`select count(*)::int as n from device_upgrades where status = 'succeeded'`;
      expect(row, 'the backup is from before their end').toEqual({ n: 0 });
      // As if the backup was of an hour ago.
      await sql`update device_upgrades set updated_at = updated_at - interval '2 minutes' where finished_at is null`;
      await sql`
        update device_messages set first_request_at = first_request_at - interval '1 hour',
          last_request_at = last_request_at - interval '1 hour'`;
      await sql`update upgrade_tasks set started_at = started_at - interval '2 minutes' where finished_at is null`;
      await sql.end();

      slipway = await Slipway.start(settings());
      operator = operatorOf(slipway, key);
      wire.release();
      wire.target = slipway.terminalPort;
      await waitFor(async () => (await task.rows(operator)).every(({ finishedAt }) => finishedAt !== null), {
        deadlineMs: 200_000,
        message: 'the task did not end after the restore',
      });
      const rows = await task.rows(operator);
      expect(rows.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'succeeded'));
      // Each success has a proof of every file, by a report of the device.
      expect(rows.map(({ proofs }) => proofs.map(({ version }) => version))).toEqual([
        ['11', '12'],
        ['11', '12'],
        ['12', '12'],
        ['12', '12'],
      ]);
      expect(fleet.version).toBe(12);
      for (const sn of fleet.sns.slice(2)) {
        expect(
          wire.events(sn).filter(({ kind }) => kind === 'offer' || kind === 'request'),
          sn,
        ).toEqual([]);
      }
      const causes = await operator.call<{ items: { event: string }[] }>('GET', `/device-upgrades/${rows[0]!.id}/log`);
      expect(causes.items.map(({ event }) => event)).toContain('taken_up');
    },
    TEST_MS + 120_000,
  );

  test('that is too old is removed, with the log that only it needed; the newest never', async () => {
    const old = new Date(Date.now() - 30 * 86_400_000);
    for (const path of [base, dump]) utimesSync(path, old, old);
    const { code, out } = await script('backup.sh', [backup]);
    expect(code, out).toBe(0);
    expect(existsSync(base)).toBe(false);
    expect(existsSync(dump)).toBe(false);
    expect(readdirSync(join(backup, 'base'))).toHaveLength(1);
  }, 120_000);
});

describe('the data folder of one machine', () => {
  test(
    'copied while the program is stopped, is a backup that goes on where it was',
    async () => {
      const folder = new DataFolder();
      const copy = new DataFolder();
      let slipway = await Slipway.start(testSettings(folder.path));
      const { operator, key } = await firstOperator(slipway);
      const wire = await Wire.open(slipway.terminalPort);
      const fleet = await new Fleet(wire, 2, '6134441381', 10).start(operator);
      try {
        fleet.hold(11);
        const task = await fleet.order(operator, { files: 1 });
        await fleet.untilHeld(11);
        wire.target = null;
        await slipway.kill('SIGTERM');
        rmSync(copy.path, { recursive: true });
        execFileSync('cp', ['-a', folder.path, copy.path]);
        await folder.remove();

        slipway = await Slipway.start(testSettings(copy.path));
        wire.release();
        wire.target = slipway.terminalPort;
        const again = operatorOf(slipway, key);
        await waitFor(async () => (await task.rows(again)).every(({ status }) => status === 'succeeded'), {
          deadlineMs: 150_000,
          message: 'the task did not end after the restore',
        });
        expect(fleet.version).toBe(11);
      } finally {
        await fleet.stop();
        await wire.close();
        await slipway.kill();
        await copy.remove();
      }
    },
    TEST_MS,
  );
});
