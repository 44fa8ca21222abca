/**
 * How fast the devices of MES are found among many: pages of the list and counts, asked as the API asks, beside the
 * smallest question there is.
 */
import type { Bench } from './area.ts';
import { shareOf } from './processes.ts';
import type { Database } from '../db/index.ts';
import { countMesDevices, listMesDevices, type MesFilter } from '../db/mes/mes.ts';
import { COMPANIES, imeiOf } from '../test/support/mes-rows.ts';

const LIST_GOAL_MS = 10;
const AT_ONCE = 1_000_000;
const COPIES = ['mes_cartons', 'mes_sheets', 'mes_shipped'];
/** All but the newest were shipped. */
const SHIPPED_SHARE = 0.99;
const DAYS = 'YYYY-MM-DD'.length;

/** Fills the copies with so many devices and has them found. */
export async function measureList(bench: Bench, database: Database, rows: number, queries: number): Promise<void> {
  await fill(bench, database, rows);
  const any = () => Math.floor(Math.random() * rows);
  const order = () => `CPX${String(Math.floor(any() / 1_000)).padStart(6, '0')}A3`;
  const company = () => COMPANIES[any() % COMPANIES.length];
  const day = () => new Date(Date.UTC(2019, 0, 1) + any() * 10_000).toISOString().slice(0, DAYS);
  const asked: Record<string, () => MesFilter> = {
    IMEI: () => ({ imei: imeiOf(any()) }),
    order: () => ({ order: order() }),
    'order, not shipped': () => ({ order: order(), shipped: false }),
    carton: () => ({ carton: `CPX${String(Math.floor(any() / 1_000)).padStart(6, '0')}-${any() % 50}` }),
    company: () => ({ company: company() }),
    'company, one day': () => {
      const from = day();
      return { company: company(), from, to: from };
    },
    'company, not shipped': () => ({ company: company(), shipped: false }),
    'company, shipped': () => ({ company: company(), shipped: true }),
    model: () => ({ model: 'GV2' }),
    'company and model': () => ({ company: company(), model: 'GV2' }),
    'company that has none of the model': () => ({ company: COMPANIES[0]!, model: 'GV9' }),
    'company that is not there': () => ({ company: '没有' }),
    SN: () => ({ sn: `SN${any()}` }),
    ICCID: () => ({ iccid: String(8_986_000_000_000_000 + any()) }),
    everything: () => ({}),
    'everything, shipped': () => ({ shipped: true }),
    'everything, not shipped': () => ({ shipped: false }),
  };
  const { db } = database;
  bench.progress(`pages and counts among ${rows} devices`);
  const least = await times(queries, () => database.sql`select 1`);
  const give = (name: string, took: Times, hasGoal: boolean) => {
    for (const share of ['p50', 'p99'] as const) {
      bench.figure({
        name: `${name}, ${share}`,
        unit: 'ms',
        better: 'less',
        value: took[share],
        baseline: { name: 'select 1', value: least[share] },
        ...(hasGoal && share === 'p99' ? { goal: { of: 'value', atMost: LIST_GOAL_MS } } : {}),
      });
    }
  };
  for (const [name, filter] of Object.entries(asked)) {
    const took = await times(queries, () => listMesDevices(db, filter(), { after: null, limit: 101 }));
    give(`page by ${name}`, took, name === 'IMEI' || name === 'order');
  }
  const counted: string[] = [];
  const fewer = Math.max(1, Math.round(queries / 10));
  for (const [name, filter] of Object.entries(asked)) {
    const took = await times(fewer, () => countMesDevices(db, filter()));
    const { count, isExact } = await countMesDevices(db, filter());
    const text = `p50 ${took.p50.toFixed(1)} ms, p99 ${took.p99.toFixed(1)} ms (e.g. ${isExact ? '' : 'about '}${count})`;
    counted.push(`${name} ${text}`);
  }
  bench.note(`counts, ${fewer} of each kind: ${counted.join('; ')}`);
}

/** Makes the rows inside PostgreSQL; the indexes are those of production, made again afterwards. */
async function fill(bench: Bench, { sql }: Database, rows: number): Promise<void> {
  const startMs = performance.now();
  const seconds = () => `${((performance.now() - startMs) / 1_000).toFixed(0)} s`;
  bench.progress(`making ${rows} devices for the list`);
  await sql.begin(async (tx) => {
    // Triggers and foreign keys are left out, as a restored backup leaves them out.
    await tx
      .unsafe(
        `set local session_replication_role = replica; set local statement_timeout = 0; set local maintenance_work_mem = '1GB'`,
      )
      .simple();
    await tx.unsafe(`truncate ${COPIES.join(', ')}`);
    const indexes = await tx.unsafe<{ name: string; definition: string }[]>(`
      select indexname as name, indexdef as definition from pg_indexes
      where tablename in (${COPIES.map((name) => `'${name}'`).join(', ')}) and indexname not like '%_pkey'`);
    for (const { name } of indexes) await tx.unsafe(`drop index ${name}`);
    for (let from = 0; from < rows; from += AT_ONCE) {
      for (const statement of rowsOf(from, Math.min(rows, from + AT_ONCE), rows)) await tx.unsafe(statement);
    }
    bench.progress(`rows after ${seconds()}`);
    for (const { definition } of indexes) await tx.unsafe(definition);
    bench.progress(`${indexes.length} indexes after ${seconds()}`);
  });
  for (const table of COPIES) {
    await sql.unsafe('set statement_timeout = 0').simple();
    await sql.unsafe(`vacuum analyze ${table}`);
  }
  const sizes = await sql.unsafe<{ name: string; rows: string; indexes: string }[]>(`
    select relname as name, pg_size_pretty(pg_table_size(oid)) as rows, pg_size_pretty(pg_indexes_size(oid)) as indexes
    from pg_class where relname in (${COPIES.map((name) => `'${name}'`).join(', ')}) order by relname`);
  const texts = sizes.map(({ name, rows, indexes }) => `${name} ${rows} and ${indexes} of indexes`);
  bench.note(`the copies of ${rows} devices: ${texts.join('; ')}`);
}

/** Orders of 1000, cartons of 20, ten seconds apart; one order in 20 is of a model that one company never bought. */
function rowsOf(from: number, to: number, all: number): string[] {
  const companies = `(array[${COMPANIES.map((name) => `'${name}'`).join(', ')}])`;
  const series = (last: number) => `from generate_series(${from}, ${last - 1}) as n`;
  const shippedTo = Math.min(to, Math.floor(all * SHIPPED_SHARE));
  return [
    `insert into mes_cartons (id, box_no, imei, zhidan, soft_model, version, color, qty, company_name, test_time, remark2, row_hash, cycle_id)
      select n + 1, 'CPX' || lpad((n / 1000)::text, 6, '0') || '-' || n % 1000 / 20, (860000000000000 + n)::text,
        'CPX' || lpad((n / 1000)::text, 6, '0') || 'A3',
        case when n / 1000 % 20 = 7 then 'GV9' else (array['GV2', 'NT33', 'JM66'])[n / 1000 % 3 + 1] end,
        'NT33_20_A1D_D23_R0_V18', '黑', '20', ${companies}[n / 1000 % ${COMPANIES.length} + 1],
        timestamptz '2019-01-01' + n * interval '10 seconds', md5(n::text), md5(n::text)::uuid, n / 5000 + 1
      ${series(to)}`,
    `insert into mes_sheets (imei1, sn, imei2, imei4, zhidan, row_hash, cycle_id)
      select (860000000000000 + n)::text, 'SN' || n, 'SN' || n, (8986000000000000 + n)::text, 'x', md5(n::text)::uuid, n / 5000 + 1
      ${series(to)}`,
    `insert into mes_shipped (imei, shipment_id, department_id)
      select (860000000000000 + n)::text, n / 1000 + 1, 1 ${series(shippedTo)}`,
  ];
}

interface Times {
  p50: number;
  p99: number;
}

async function times(queries: number, query: () => Promise<unknown>): Promise<Times> {
  const took: number[] = [];
  const warmUp = Math.min(10, queries);
  for (let turn = 0; turn < queries + warmUp; turn++) {
    const startMs = performance.now();
    await query();
    if (turn >= warmUp) took.push(performance.now() - startMs);
  }
  return { p50: shareOf(took, 0.5), p99: shareOf(took, 0.99) };
}
