/** The steps of a cycle on a real MariaDB and a real PostgreSQL. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMesActivities, type MesReading } from '../../activities/mes.ts';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import * as cycles from '../../db/mes/mes-cycles.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { TestMariadb, mariadbMissing } from '../support/mariadb.ts';
import { fillMes, imeiOf, insertMes, mesDevice } from '../support/mes-rows.ts';

const PARTS = [
  ['carton', 'new'],
  ['sheet', 'new'],
  ['sheet', 'review'],
  ['carton', 'review'],
] as const;

describe.skipIf(mariadbMissing !== null)('a cycle', () => {
  let mariadb: TestMariadb;
  let test: TestDatabase;
  let database: Database;
  let made = 0;

  beforeAll(async () => {
    mariadb = await TestMariadb.start();
  }, 120_000);
  afterAll(() => mariadb?.stop());
  beforeEach(async () => {
    await database?.close();
    await test?.drop();
    test = await createTestDatabase(migrate);
    database = connectDatabase(test.url);
    await mariadb.query('truncate Gps_CartonBoxTwenty_Result');
    await mariadb.query('truncate DataRelativeSheet');
  });
  afterAll(async () => {
    await database?.close();
    await test?.drop();
  });

  async function run(address = mariadb.address(), allowWriter = false) {
    const activities = createMesActivities({
      db: database.db,
      mes: { address, allowWriter },
      stopping: new AbortController().signal,
    });
    const environment = new MockActivityEnvironment();
    const step = <Result>(work: () => Promise<Result>) => environment.run(work) as Promise<Result>;
    const cycleId = await step(() => activities.openMesCycle(`mes-sync-${++made}`, 'schedule'));
    const readings: MesReading[] = [];
    for (const [table, lane] of PARTS) {
      for (;;) {
        const reading = await step(() => activities.readMes(cycleId, table, lane));
        readings.push(reading);
        if (reading.state !== 'more') break;
      }
    }
    const bad = readings.find(({ state }) => state !== 'end');
    const report = await step(() =>
      activities.closeMesCycle(cycleId, { status: (bad?.state as 'refused') ?? 'done', words: bad?.words ?? '' }),
    );
    return { report, readings, counts: await cycles.readMesCounts(database.db, [cycleId]) };
  }

  it('takes all rows of both tables over, as they are', async () => {
    await fillMes(mariadb, 0, 250);
    const { report, counts } = await run();
    expect(report).toMatchObject({ status: 'done', words: '', new: 500, changed: 0, rejected: 0 });
    expect(counts.map(({ mesTable, new: fresh, rejected }) => [mesTable, fresh, rejected])).toEqual([
      ['carton', 250, {}],
      ['sheet', 250, {}],
    ]);
    const [carton] = await database.sql`select * from mes_cartons where imei = ${imeiOf(7)}`;
    const { carton: wanted } = mesDevice(7);
    expect(carton).toMatchObject({
      id: '8',
      box_no: wanted.BoxNo,
      imei: wanted.IMEI,
      company_name: wanted.CompanyName,
      qty: '20',
      color: '黑',
      remark1: null,
      remark2: wanted.Remark2,
    });
    // Beijing is eight hours ahead
    expect(new Date(carton!['test_time'] as string).toISOString()).toBe('2023-12-31T16:00:07.000Z');
    const [sheet] = await database.sql`select * from mes_sheets where imei1 = ${imeiOf(7)}`;
    expect(sheet).toMatchObject({ sn: 'SN0000000007', imei4: mesDevice(7).sheet.IMEI4, imei5: 'pw1234', imei12: null });
  });

  it('finds what came, what changed and in what, and what is as it was', async () => {
    await fillMes(mariadb, 0, 100);
    await run();
    await fillMes(mariadb, 100, 103);
    await mariadb.query(
      `update Gps_CartonBoxTwenty_Result set CompanyName = '新公司', Remark1 = 'a\\tb\\\\c' where IMEI = '${imeiOf(5)}'`,
    );
    await mariadb.query(`update DataRelativeSheet set IMEI5 = 'pw9', IMEI4 = null where IMEI1 = '${imeiOf(6)}'`);
    const { report, counts } = await run();
    expect(report).toMatchObject({ status: 'done', words: '', new: 6, changed: 2, rejected: 0 });
    expect(counts[0]).toMatchObject({ seen: 103, new: 3, changed: 1, unchanged: 99 });
    const changes = await database.sql`select mes_table, row_key, imei, differences from mes_changes order by id`;
    expect([...changes]).toEqual([
      {
        mes_table: 'carton',
        row_key: '6',
        imei: imeiOf(5),
        differences: [
          { column: 'company_name', old: mesDevice(5).carton.CompanyName, new: '新公司' },
          { column: 'remark1', old: null, new: 'a\tb\\c' },
        ],
      },
      {
        mes_table: 'sheet',
        row_key: imeiOf(6),
        imei: imeiOf(6),
        differences: [
          { column: 'imei4', old: mesDevice(6).sheet.IMEI4, new: null },
          { column: 'imei5', old: '(hidden)', new: '(hidden)' },
        ],
      },
    ]);
    const third = await run();
    expect(third.report).toMatchObject({ new: 0, changed: 0, rejected: 0 });
  });

  it('finds a change far behind the overlap when the review comes by', async () => {
    await fillMes(mariadb, 0, 12_000);
    await run();
    await mariadb.query(`update Gps_CartonBoxTwenty_Result set Color = '白' where IMEI = '${imeiOf(5)}'`);
    await mariadb.query(`update DataRelativeSheet set SN = 'other' where IMEI1 = '${imeiOf(5)}'`);
    const { report } = await run();
    expect(report).toMatchObject({ status: 'done', new: 0, changed: 2 });
  });

  it('names rows that it cannot take, and forgets them when they are right', async () => {
    await insertMes(mariadb, 'Gps_CartonBoxTwenty_Result', [
      { ...mesDevice(1).carton },
      { ...mesDevice(2).carton, IMEI: ' ' },
      { ...mesDevice(3).carton, TestTime: null },
    ]);
    await insertMes(mariadb, 'DataRelativeSheet', [
      { ...mesDevice(1).sheet, SN: 'older', TestTime: '2023-01-01 00:00:00' },
      { ...mesDevice(1).sheet, SN: 'later' },
      { ...mesDevice(2).sheet, IMEI1: '' },
    ]);
    const { report, counts } = await run();
    expect(report.status).toBe('done');
    expect(counts[0]).toMatchObject({ seen: 3, new: 2, rejected: { imei_missing: 1 } });
    expect(counts[1]!.rejected).toMatchObject({ double: 1, key_missing: 1 });
    const [sheet] = await database.sql`select sn from mes_sheets`;
    expect(sheet).toEqual({ sn: 'later' });
    const rejected = await database.sql`select mes_table, row_key, reason from mes_rejected order by 1, 2`;
    expect(rejected).toContainEqual({ mes_table: 'carton', row_key: '2', reason: 'imei_missing' });
    await mariadb.query(`update Gps_CartonBoxTwenty_Result set IMEI = '${imeiOf(2)}' where Id = 2`);
    await run();
    expect(await database.sql`select 1 from mes_rejected where mes_table = 'carton'`).toHaveLength(0);
  });

  it('says that MES is empty, does not answer, or may not be read', async () => {
    expect((await run()).report).toMatchObject({ status: 'empty', words: 'MES answered and has no rows' });
    const away = await run('mysql://reader:topsecret@127.0.0.1:1/mes');
    expect(away.report.status).toBe('unreachable');
    expect(away.report.words).toContain('ECONNREFUSED');
    const wrong = await run(mariadb.address().replace('geheim-lesen', 'topsecret'));
    expect(wrong.report.status).toBe('refused');
    expect(wrong.report.words).toContain('correct MES_DATABASE_URL');
    for (const { report } of [away, wrong]) expect(report.words).not.toContain('topsecret');
  });

  it('leaves rows alone that MES deletes', async () => {
    await fillMes(mariadb, 0, 10);
    await run();
    await mariadb.query('delete from Gps_CartonBoxTwenty_Result where Id < 9');
    expect((await run()).report).toMatchObject({ status: 'done', changed: 0 });
    expect(await database.sql`select 1 from mes_cartons`).toHaveLength(10);
  });

  it('is red when its sums do not close', async () => {
    await fillMes(mariadb, 0, 10);
    const activities = createMesActivities({
      db: database.db,
      mes: { address: mariadb.address(), allowWriter: false },
      stopping: new AbortController().signal,
    });
    const environment = new MockActivityEnvironment();
    const cycleId = await activities.openMesCycle('red', 'schedule');
    await environment.run(() => activities.readMes(cycleId, 'carton', 'new'));
    await database.sql.begin(async (tx) => {
      await tx`set local slipway.mes_sync = 'on'`;
      await tx`delete from mes_cartons where id = 3`;
    });
    const report = await activities.closeMesCycle(cycleId, { status: 'done', words: '' });
    expect(report).toMatchObject({ status: 'mismatch', words: '10 carton rows were counted as new and 9 are there' });
  });

  describe('reads only as somebody who cannot write', () => {
    it.each([
      ['writer', 'INSERT on `mes`.*'],
      ['root', 'ALL PRIVILEGES on *.*'],
    ] as const)('not as %s', async (user, what) => {
      await fillMes(mariadb, 0, 3);
      const { report } = await run(mariadb.address(user));
      expect(report.status).toBe('refused');
      expect(report.words).toContain(what);
      expect(await database.sql`select 1 from mes_cartons`).toHaveLength(0);
      expect((await run(mariadb.address(user), true)).report.status).toBe('done');
    });

    it('not by a role, also not by a role of a role', async () => {
      await mariadb.query('create role packer');
      await mariadb.query('create role foreman');
      await mariadb.query('grant update on mes.* to packer');
      await mariadb.query('grant packer to foreman');
      await mariadb.query("create user climber@'%' identified by 'x'");
      await mariadb.query('grant select on mes.* to climber');
      await mariadb.query('grant foreman to climber');
      const { report } = await run(mariadb.address('root').replace('root:', 'climber:x'));
      expect(report.status).toBe('refused');
      expect(report.words).toContain('UPDATE on `mes`.*');
    });
  });
});
