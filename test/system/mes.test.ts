/**
 * MES is read by the real program from a real MariaDB while its processes and servers die without a warning. In the end
 * every row is there once, and the sums of all cycles close.
 *
 * `MES_SYSTEM_ROWS=100000 MES_SYSTEM_KILLS=12` for the large run.
 */
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { firstOperator, Slipway, TestServers, type Settings } from '../support/program.ts';
import { mariadbMissing, TestMariadb } from '../support/mariadb.ts';
import { fillMes } from '../support/mes-rows.ts';
import { waitFor } from '../support/wait.ts';

const ROWS = Number(process.env['MES_SYSTEM_ROWS'] ?? 20_000);
const KILLS = Number(process.env['MES_SYSTEM_KILLS'] ?? 3);
const VICTIMS = ['worker', 'postgres', 'mariadb', 'worker'] as const;
const PATIENCE_MS = 180_000;
const TEST_MS = 180_000 + KILLS * 60_000;

describe.skipIf(mariadbMissing !== null)('reading MES', () => {
  let mariadb: TestMariadb;
  let servers: TestServers;
  let api: Slipway;
  let worker: Slipway;
  let key: string;
  let sql: postgres.Sql;

  const settings = (role: 'api' | 'worker'): Settings => ({
    ...servers.settings(role),
    MES_DATABASE_URL: mariadb.address(),
  });

  beforeAll(async () => {
    [mariadb, servers] = await Promise.all([TestMariadb.start(), TestServers.start()]);
    [api, worker] = await Promise.all([Slipway.start(settings('api')), Slipway.start(settings('worker'))]);
    ({ key } = await firstOperator(api));
    sql = postgres(servers.settings('api')['DATABASE_URL']!, { max: 2, backoff: () => 0.2 });
  }, 180_000);

  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    process.stderr.write(`--- api:\n${api.tail(15)}\n--- worker:\n${worker.tail(15)}\n`);
    const cycles =
      await sql`select id, status, words, started_at, finished_at from mes_cycles order by id desc limit 8`;
    const theirs = await mariadb.query(
      'select (select count(*) from Gps_CartonBoxTwenty_Result) as cartons, (select count(*) from DataRelativeSheet) as sheets',
    );
    process.stderr.write(`--- MES has ${JSON.stringify(theirs)}, stored are ${await stored()}\n`);
    process.stderr.write(`--- cycles:\n${cycles.map((row) => JSON.stringify(row)).join('\n')}\n`);
  });

  afterAll(async () => {
    await sql?.end({ timeout: 5 });
    await Promise.all([api, worker].map((part) => part?.kill()));
    await Promise.all([servers?.stop(), mariadb?.stop()]);
  }, 60_000);

  async function ask(method: string, path: string, body?: object) {
    const response = await fetch(`${api.ready.apiUrl}/api/v1/mes/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    // oxlint-disable-next-line typescript/no-explicit-any -- looked into by the test
    const answer = (await response.json()) as any;
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer;
  }

  const stored = async () => {
    const [row] =
      await sql`select (select count(*) from mes_cartons)::int + (select count(*) from mes_sheets)::int as n`;
    return row!['n'] as number;
  };

  const blows: Record<(typeof VICTIMS)[number], () => Promise<void>> = {
    worker: async () => {
      await worker.kill();
      worker = await Slipway.start(settings('worker'));
    },
    mariadb: async () => {
      await mariadb.kill();
      await mariadb.run();
    },
    postgres: async () => {
      await servers.killPostgres();
      await servers.startPostgres();
    },
  };

  test(
    'takes every row over once, whatever dies',
    async () => {
      await ask('PATCH', 'sync', { intervalSeconds: 10 });
      for (let round = 0; round < KILLS; round++) {
        const before = await stored();
        const from = Math.floor((ROWS * round) / KILLS);
        await fillMes(mariadb, from, Math.floor((ROWS * (round + 1)) / KILLS));
        // begins by itself too, every ten seconds
        await ask('POST', 'sync/now').catch(() => {});
        // at the first rows, in the middle, at the last
        const share = [0, 0.5, 0.9][round % 3]! * ((ROWS * 2) / KILLS);
        await waitFor(async () => (await stored()) > before + share, {
          deadlineMs: PATIENCE_MS,
          message: 'nothing is read',
        });
        await blows[VICTIMS[round % VICTIMS.length]!]();
      }
      await waitFor(async () => (await stored()) === ROWS * 2, {
        deadlineMs: PATIENCE_MS,
        message: 'rows are missing',
      });
      const [last] = await sql`select max(id)::int as id from mes_cycles`;
      const cycles = await waitFor(
        async () => {
          const { items } = await ask('GET', 'sync/cycles?limit=500');
          return (
            items.some(({ id, status }: { id: number; status: string }) => id > last!['id'] && status === 'done') &&
            items
          );
        },
        { deadlineMs: PATIENCE_MS, message: 'no cycle ends well any more' },
      );

      const theirs = await mariadb.query<{ id: number }>(
        'select Id as id, IMEI as imei, ZhiDan as zhidan, CompanyName as company from Gps_CartonBoxTwenty_Result order by Id',
      );
      const ours = await sql`select id::int as id, imei, zhidan, company_name as company from mes_cartons order by id`;
      expect(ours).toHaveLength(ROWS);
      expect([...ours]).toEqual(theirs.map((row) => ({ ...row })));
      expect(await mariadb.query('select IMEI1 as k, SN as sn from DataRelativeSheet order by IMEI1')).toEqual([
        ...(await sql`select imei1 as k, sn from mes_sheets order by imei1`),
      ]);

      let fresh = 0;
      for (const { status, tables } of cycles) {
        expect(['done', 'unreachable', 'running', 'empty']).toContain(status);
        for (const { seen, new: added, changed, unchanged, rejected } of tables) {
          expect(added + changed + unchanged + rejected).toBe(seen);
          expect(changed + rejected).toBe(0);
          fresh += added;
        }
      }
      expect(fresh).toBe(ROWS * 2);
    },
    TEST_MS,
  );

  test(
    'is paused and goes on again, and is not begun twice',
    async () => {
      expect(await ask('PATCH', 'sync', { isPaused: true })).toMatchObject({
        isPaused: true,
        isConfigured: true,
        nextRunAt: null,
      });
      await waitFor(async () => !(await ask('GET', 'sync')).isRunning, { deadlineMs: PATIENCE_MS });
      const { lastCycle } = await ask('GET', 'sync');
      await fillMes(mariadb, ROWS, ROWS + 5);
      await ask('POST', 'sync/now');
      const next = await waitFor(
        async () => {
          const now = await ask('GET', 'sync');
          return now.lastCycle.id > lastCycle.id && now.lastCycle.status === 'done' && now;
        },
        { deadlineMs: PATIENCE_MS, message: 'now does nothing' },
      );
      expect(next.lastCycle.tables.map((table: { new: number }) => table.new)).toEqual([5, 5]);
      expect(await ask('PATCH', 'sync', { isPaused: false, intervalSeconds: 300 })).toMatchObject({
        intervalSeconds: 300,
        isPaused: false,
      });
      expect(await waitFor(async () => (await ask('GET', 'sync')).nextRunAt)).toBeTruthy();
    },
    TEST_MS,
  );
});
