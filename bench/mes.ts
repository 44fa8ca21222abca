/**
 * How fast MES is read, beside a bare `SELECT` piped to `COPY` of the same rows in the same run; and how fast its
 * devices are found. Needs MariaDB (Debian's `mariadb-server`).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Bench } from './area.ts';
import { measureList } from './mes-list.ts';
import { median, spread } from './processes.ts';
import { createMesActivities } from '../activities/mes.ts';
import { connectDatabase, migrate, type Database } from '../db/index.ts';
import { copyField, copyIn, driverOf } from '../db/mes/mes-copy.ts';
import { startEmbeddedPostgres } from '../embedded.ts';
import { MesConnection } from '../gateways/mes/connection.ts';
import { questionFor } from '../gateways/mes/lanes.ts';
import { createLogger } from '../log.ts';
import { mariadbMissing, TestMariadb } from '../test/support/mariadb.ts';
import { fillMes } from '../test/support/mes-rows.ts';
import { MockActivityEnvironment } from '@temporalio/testing';

const RATIO_GOAL = 0.5;

/** The area. */
export const mes: Area = {
  name: 'mes',
  title: 'reading the MES, and finding its devices',
  uses: ['postgres'],
  settings: {
    rows: { means: 'carton rows to read; 0 leaves it out', full: '100000', quick: '20000', kind: 'count' },
    rounds: { means: 'rounds of reading them', full: '3', quick: '1', kind: 'count', least: 1 },
    list: {
      means: 'devices to find some among; 0 leaves it out; 18000000 take half an hour and 25 GB',
      full: '300000',
      quick: '50000',
      kind: 'count',
    },
    queries: { means: 'questions of each kind', full: '200', quick: '50', kind: 'count', least: 1 },
  },
  async measure(bench, settings) {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
    bench.atEnd(() => rmSync(dataDir, { recursive: true, force: true }));
    const server = await startEmbeddedPostgres({ dataDir, port: 0, log: createLogger({ logLevel: 'warn' }) });
    bench.atEnd(() => server.stop());
    await migrate(server.url);
    const database = connectDatabase(server.url);
    bench.atEnd(() => database.close());
    const [rows, list] = [settings.number('rows'), settings.number('list')];
    if (rows > 0) {
      if (mariadbMissing === null) await measureSync(bench, database, rows, settings.number('rounds'));
      else bench.missing('reading the MES', 'MariaDB is not installed (apt-get install mariadb-server)');
    }
    if (list > 0) await measureList(bench, database, list, settings.number('queries'));
  },
};

async function measureSync(bench: Bench, database: Database, rows: number, rounds: number): Promise<void> {
  bench.progress(`${rows} carton rows in MariaDB`);
  const mariadb = await TestMariadb.start(['--innodb-buffer-pool-size=1G']);
  bench.atEnd(() => mariadb.stop());
  await fillMes(mariadb, 0, rows);
  await database.sql.unsafe('create table bare (like mes_cartons including defaults including indexes)');
  const speeds = { bare: [] as number[], sync: [] as number[], again: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    bench.progress(`reading them, round ${round} of ${rounds}`);
    const kinds = round % 2 === 0 ? (['bare', 'sync', 'again'] as const) : (['sync', 'again', 'bare'] as const);
    await forget(database);
    for (const kind of kinds) {
      const startMs = performance.now();
      const read =
        kind === 'bare' ? await copyBarely(mariadb, database, rows) : await sync(mariadb, database, `${round}-${kind}`);
      // the first round warms up
      if (round > 0) speeds[kind].push(read / ((performance.now() - startMs) / 1_000));
    }
  }
  const figure = (name: string, all: readonly number[]) => ({
    name,
    unit: 'rows/s',
    better: 'more' as const,
    ...spread(all),
    baseline: { name: 'SELECT into COPY', ...spread(speeds.bare) },
    ratio: median(all.map((perSecond, round) => perSecond / speeds.bare[round]!)),
  });
  bench.figure({ ...figure('reading new rows', speeds.sync), goal: { of: 'ratio', atLeast: RATIO_GOAL } });
  bench.figure(figure('reading all of them again, unchanged', speeds.again));
}

/** The copies are empty again, and the lanes at their beginning. */
async function forget({ sql }: Database): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe(`set local slipway.mes_sync = 'on'`);
    await tx.unsafe('truncate mes_cartons, bare');
  });
  await rewind(sql);
}

const rewind = (sql: Database['sql']) => sql.unsafe('update mes_cursors set position = null, high = null, passes = 0');

/** Reads the lane of carton rows from its beginning as a worker would. */
async function sync(mariadb: TestMariadb, database: Database, name: string): Promise<number> {
  await rewind(database.sql);
  const mes = { address: mariadb.address(), allowWriter: false };
  const activities = createMesActivities({ db: database.db, mes, stopping: new AbortController().signal });
  const environment = new MockActivityEnvironment();
  const cycleId = await activities.openMesCycle(name, 'bench');
  let rows = 0;
  for (;;) {
    const reading = (await environment.run(() => activities.readMes(cycleId, 'carton', 'new'))) as {
      state: string;
      rows: number;
    };
    rows += reading.rows;
    if (reading.state === 'end') return rows;
    if (reading.state !== 'more') throw new Error(JSON.stringify(reading));
  }
}

/** The least that can be done: the same rows into a table with the same indexes, nothing looked at. */
async function copyBarely(mariadb: TestMariadb, database: Database, rows: number): Promise<number> {
  const connection = await MesConnection.open(mariadb.address());
  const question = questionFor('carton', 'new', { behind: null, limit: rows });
  let read = 0;
  for await (const piece of connection.pieces(question, 5_000)) {
    const text = piece
      .map(
        (row) =>
          `${(row as (string | number | null)[]).map((value) => copyField(value === null ? null : String(value))).join('\t')}\t00000000-0000-0000-0000-000000000000\t0\n`,
      )
      .join('');
    await driverOf(database.db).begin((tx) => copyIn(tx, 'bare', text));
    read += piece.length;
  }
  connection.close();
  return read;
}
