/**
 * How fast MES is read, beside a bare `SELECT` piped to `COPY` of the same rows in the same run; and how fast its
 * devices are found. Needs MariaDB (Debian's `mariadb-server`).
 *
 * `npm run bench -- mes [--rows 200000] [--rounds 3] [--list 1000000] [--queries 300]`. `--rows 0` leaves the
 * sync out, `--list 0` the list. 18 million take half an hour and 25 GB.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureList } from './mes-list.ts';
import { createMesActivities } from '../activities/mes.ts';
import { connectDatabase, migrate, type Database } from '../db/index.ts';
import { copyField, copyIn, driverOf } from '../db/mes-copy.ts';
import { startEmbeddedPostgres } from '../embedded.ts';
import { MesConnection } from '../gateways/mes/connection.ts';
import { questionFor } from '../gateways/mes/lanes.ts';
import { createLogger } from '../log.ts';
import { mariadbMissing, TestMariadb } from '../test/support/mariadb.ts';
import { fillMes } from '../test/support/mes-rows.ts';
import { MockActivityEnvironment } from '@temporalio/testing';

const RATIO_GOAL = 0.5;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rows: { type: 'string', default: '200000' },
      rounds: { type: 'string', default: '3' },
      list: { type: 'string', default: '1000000' },
      queries: { type: 'string', default: '300' },
    },
  });
  const rows = Number(values.rows);
  if (rows > 0 && mariadbMissing !== null) throw new Error(mariadbMissing);
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const log = createLogger({ logLevel: 'warn' });
  const server = await startEmbeddedPostgres({ dataDir, port: 0, log });
  await migrate(server.url);
  const database = connectDatabase(server.url);
  try {
    if (rows > 0) await measureSync(database, rows, Number(values.rounds));
    if (Number(values.list) > 0) await measureList(database, Number(values.list), Number(values.queries));
  } finally {
    await database.close();
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function measureSync(database: Database, rows: number, rounds: number): Promise<void> {
  const mariadb = await TestMariadb.start(['--innodb-buffer-pool-size=1G']);
  try {
    await compareSync(mariadb, database, rows, rounds);
  } finally {
    await mariadb.stop();
  }
}

async function compareSync(mariadb: TestMariadb, database: Database, rows: number, rounds: number): Promise<void> {
  await fillMes(mariadb, 0, rows);
  console.log(`${rows} carton rows in MariaDB, ${rounds} rounds`);
  await database.sql.unsafe('create table bare (like mes_cartons including defaults including indexes)');
  const ratios: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const kinds = round % 2 === 0 ? (['bare', 'sync', 'again'] as const) : (['sync', 'again', 'bare'] as const);
    const perSecond = { bare: 0, sync: 0, again: 0 };
    await forget(database);
    for (const kind of kinds) {
      const startMs = performance.now();
      const read =
        kind === 'bare' ? await copyBarely(mariadb, database, rows) : await sync(mariadb, database, `${round}-${kind}`);
      perSecond[kind] = read / ((performance.now() - startMs) / 1_000);
    }
    if (round === 0) continue; // warms up
    ratios.push(perSecond.sync / perSecond.bare);
    console.log(
      `  sync ${perSecond.sync.toFixed(0)} rows/s, all of them again, unchanged: ${perSecond.again.toFixed(0)} rows/s, bare ${perSecond.bare.toFixed(0)} rows/s`,
    );
  }
  const ratio = ratios.toSorted((a, b) => a - b)[Math.floor(ratios.length / 2)]!;
  console.log(
    `sync / bare, median of the rounds: ${ratio.toFixed(2)} (goal at least ${RATIO_GOAL}: ${ratio >= RATIO_GOAL ? 'met' : 'MISSED'})`,
  );
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
