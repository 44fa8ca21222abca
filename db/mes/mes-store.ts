/**
 * Rows of MES into their copies: what is new, what has changed and in what, what is as it was. Everything of one batch
 * is one transaction: the rows, the differences, the counts, and how far reading has come. So a reader that dies leaves
 * nothing behind that the next one would do twice.
 *
 * One batch of a table is written at a time: the row of its cursor is locked. A reader that was taken for dead and
 * wakes up finds the cursor somewhere else, and its batch is refused.
 */
import type postgres from 'postgres';
import { InvariantError, type Db } from '../index.ts';
import { copyField, copyIn, driverOf } from './mes-copy.ts';
import type { MesDifference, MesLane, MesPosition, MesTable } from '../schema.ts';

/** A row as it goes into the copy; values in the order of `columns`, `null` for nothing. */
export interface MesStoredRow {
  key: string;
  imei: string;
  testTime: string | null;
  values: readonly (string | null)[];
  hash: string;
}

/** A row that is not taken. */
export interface MesRefusedRow {
  key: string;
  reason: string;
  words: string;
  row: Record<string, string | null>;
}

export interface MesBatch {
  table: MesTable;
  /** Columns of the copy, in the order of the values. */
  columns: readonly string[];
  /** Columns whose values are not written into the log of differences. */
  secret: readonly string[];
  /** No key twice. */
  rows: readonly MesStoredRow[];
  rejected: readonly MesRefusedRow[];
  /** How a row is refused that another row with the same key stands in the way of. */
  refuseOlder: (row: MesStoredRow) => MesRefusedRow;
}

/** Where a lane was, and where it is when the batch is written. */
export interface MesCursorMove {
  lane: MesLane;
  from: MesPosition | null;
  to: MesPosition;
  /** The furthest place of the lane that is to be believed; of a review, what it was. */
  high: MesPosition | null;
}

export type MesRowStatus = 'new' | 'changed' | 'unchanged' | 'rejected';

/** What came of each row, in order, and the rows that were refused on the way. */
export interface MesBatchResult {
  statuses: MesRowStatus[];
  refused: Map<string, MesRefusedRow>;
}

/** Somebody else has read on from here. */
export class CursorMovedError extends InvariantError {}

/** The copies by table, and their keys. */
const COPIES = {
  carton: { name: 'mes_cartons', key: 'id', keyType: 'bigint' },
  sheet: { name: 'mes_sheets', key: 'imei1', keyType: 'text' },
} as const;

/** Refused rows of one batch that are kept for people to look at; all are counted. */
const MOST_KEPT = 100;
/** Times are Beijing's. */
const ZONE = '+08:00';

/**
 * Writes one batch.
 *
 * @throws CursorMovedError when the lane is not where the batch was read from
 */
export async function storeMesBatch(
  db: Db,
  cycleId: number,
  batch: MesBatch,
  move?: MesCursorMove,
): Promise<MesBatchResult> {
  return driverOf(db).begin(async (tx) => {
    await tx.unsafe(`select set_config('slipway.mes_sync', 'on', true), set_config('work_mem', '64MB', true)`);
    await lockTable(tx, batch.table, move);
    const result = await sortAndWrite(tx, cycleId, batch);
    const refused = [...batch.rejected, ...result.refused.values()];
    await keepRefused(tx, cycleId, batch, refused);
    await count(tx, cycleId, batch, result, refused);
    if (move !== undefined) await moveCursor(tx, batch.table, move);
    return result;
  });
}

async function lockTable(tx: postgres.TransactionSql, table: MesTable, move?: MesCursorMove): Promise<void> {
  // both lanes in one order, so that writers of one table wait for each other
  const rows = await tx.unsafe(`select lane, position from mes_cursors where mes_table = $1 order by lane for update`, [
    table,
  ]);
  if (move === undefined) return;
  const { position } = rows.find(({ lane }) => lane === move.lane) as unknown as { position: MesPosition | null };
  if (JSON.stringify(position) === JSON.stringify(move.from)) return;
  throw new CursorMovedError(`another reader of ${table} rows has come past ${JSON.stringify(move.from)}`);
}

async function sortAndWrite(tx: postgres.TransactionSql, cycleId: number, batch: MesBatch): Promise<MesBatchResult> {
  const { table, rows } = batch;
  const known = await knownHashes(tx, table, rows);
  const fresh: MesStoredRow[] = [];
  const different: MesStoredRow[] = [];
  for (const row of rows) {
    const hash = known.get(row.key);
    if (hash === undefined) fresh.push(row);
    else if (hash !== row.hash) different.push(row);
  }
  if (fresh.length > 0) await copyRows(tx, cycleId, batch, fresh);
  const { changed, refused } =
    different.length > 0
      ? await changeRows(tx, cycleId, batch, different)
      : { changed: new Set<string>(), refused: new Map<string, MesRefusedRow>() };
  const statuses = rows.map(({ key }): MesRowStatus => {
    if (!known.has(key)) return 'new';
    if (refused.has(key)) return 'rejected';
    return changed.has(key) ? 'changed' : 'unchanged';
  });
  return { statuses, refused };
}

/** Hashes of the rows that the copy has. */
async function knownHashes(tx: postgres.TransactionSql, table: MesTable, rows: readonly MesStoredRow[]) {
  if (rows.length === 0) return new Map<string, string>();
  const { name, key, keyType } = COPIES[table];
  const found = await tx
    .unsafe(`select ${key}::text, replace(row_hash::text, '-', '') from ${name} where ${key} = any($1::${keyType}[])`, [
      rows.map((row) => row.key),
    ])
    .values();
  return new Map(found as unknown as [string, string][]);
}

async function copyRows(
  tx: postgres.TransactionSql,
  cycleId: number,
  { table, columns }: MesBatch,
  rows: readonly MesStoredRow[],
): Promise<void> {
  const time = columns.indexOf('test_time');
  let text = '';
  for (const { values, hash } of rows) {
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      text += index === time && value !== null ? `${value}${ZONE}\t` : `${copyField(value)}\t`;
    }
    text += `${hash}\t${cycleId}\n`;
  }
  await copyIn(tx, `${COPIES[table].name} (${columns.join(', ')}, row_hash, cycle_id)`, text);
}

/** Finds what differs, writes it into the log, and takes the rows over. */
async function changeRows(
  tx: postgres.TransactionSql,
  cycleId: number,
  batch: MesBatch,
  rows: readonly MesStoredRow[],
) {
  const { table, columns, secret, refuseOlder } = batch;
  const { name, key, keyType } = COPIES[table];
  const selected = columns.map((column) =>
    column === 'test_time'
      ? `rtrim(rtrim(to_char(test_time at time zone 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS.US'), '0'), '.')`
      : `${column}::text`,
  );
  const stored = await tx
    .unsafe(`select ${selected.join(', ')} from ${name} where ${key} = any($1::${keyType}[])`, [
      rows.map((row) => row.key),
    ])
    .values();
  const before = new Map((stored as unknown as (string | null)[][]).map((values) => [values[0]!, values]));
  const [imeiAt, timeAt, snAt] = [
    columns.indexOf(table === 'carton' ? 'imei' : 'imei1'),
    columns.indexOf('test_time'),
    columns.indexOf('sn'),
  ];
  const changes: object[] = [];
  const changed = new Set<string>();
  const refused = new Map<string, MesRefusedRow>();
  const taken: MesStoredRow[] = [];
  for (const row of rows) {
    const old = before.get(row.key)!;
    // Two sheets of one IMEI: the later one counts, whichever comes first.
    const isOther = snAt >= 0 && old[snAt] !== row.values[snAt];
    if (isOther && row.testTime !== null && old[timeAt] != null && row.testTime < old[timeAt]) {
      refused.set(row.key, refuseOlder(row));
      continue;
    }
    taken.push(row);
    const differences = columns.flatMap((column, index): MesDifference[] => {
      if (old[index] === row.values[index]) return [];
      const shown = (value: string | null) => (value !== null && secret.includes(column) ? '(hidden)' : value);
      return [{ column, old: shown(old[index]!), new: shown(row.values[index]!) }];
    });
    // A hash made in another way is no change of the row.
    if (differences.length === 0) continue;
    changed.add(row.key);
    changes.push({ row_key: row.key, imei: old[imeiAt], differences });
  }
  await tx.unsafe(
    `insert into mes_changes (cycle_id, mes_table, row_key, imei, differences)
     select $1, $2, row_key, imei, differences from jsonb_to_recordset($3::text::jsonb) as n (row_key text, imei text, differences jsonb)`,
    [cycleId, table, JSON.stringify(changes)],
  );
  const others = columns.filter((column) => column !== key);
  const records = taken.map(({ values, hash }) => ({
    ...Object.fromEntries(
      columns.map((column, index) => [
        column,
        column === 'test_time' && values[index] != null ? `${values[index]}${ZONE}` : values[index],
      ]),
    ),
    row_hash: hash,
  }));
  const typed = columns.map(
    (column) => `${column} ${column === 'test_time' ? 'timestamptz' : column === key ? keyType : 'text'}`,
  );
  await tx.unsafe(
    `update ${name} as t set ${[...others, 'row_hash'].map((column) => `${column} = n.${column}`).join(', ')}
     from jsonb_to_recordset($1::text::jsonb) as n (${typed.join(', ')}, row_hash uuid) where t.${key} = n.${key}`,
    [JSON.stringify(records)],
  );
  return { changed, refused };
}

/** Keeps some of the rows that were refused for people to look at, and forgets those that were taken now. */
async function keepRefused(
  tx: postgres.TransactionSql,
  cycleId: number,
  { table, rows }: MesBatch,
  refused: readonly MesRefusedRow[],
): Promise<void> {
  const again = new Set(refused.map(({ key }) => key));
  const taken = rows.filter(({ key }) => !again.has(key)).map(({ key }) => key);
  // as a rule there is nothing to forget, and asking that is cheap
  await tx.unsafe(
    `delete from mes_rejected where mes_table = $1 and exists (select 1 from mes_rejected where mes_table = $1) and row_key = any($2)`,
    [table, taken],
  );
  if (refused.length === 0) return;
  const kept = [...new Map(refused.map((each) => [each.key, each])).values()].slice(0, MOST_KEPT);
  await tx.unsafe(
    `insert into mes_rejected (mes_table, row_key, reason, words, row, first_cycle_id, last_cycle_id)
     select $1, key, reason, words, "row", $2, $2
     from jsonb_to_recordset($3::text::jsonb) as n (key text, reason text, words text, "row" jsonb)
     on conflict (mes_table, row_key) do update set reason = excluded.reason, words = excluded.words, row = excluded.row,
       last_cycle_id = excluded.last_cycle_id, last_at = now()`,
    [table, cycleId, JSON.stringify(kept)],
  );
}

async function count(
  tx: postgres.TransactionSql,
  cycleId: number,
  { table, rows, rejected }: MesBatch,
  { statuses }: MesBatchResult,
  refused: readonly MesRefusedRow[],
): Promise<void> {
  const of = (wanted: MesRowStatus) => statuses.filter((status) => status === wanted).length;
  const reasons: Record<string, number> = {};
  for (const { reason } of refused) reasons[reason] = (reasons[reason] ?? 0) + 1;
  await tx.unsafe(
    `insert into mes_cycle_counts as c (cycle_id, mes_table, seen, new, changed, unchanged, rejected)
     values ($1, $2, $3, $4, $5, $6, $7::text::jsonb)
     on conflict (cycle_id, mes_table) do update set seen = c.seen + excluded.seen, new = c.new + excluded.new,
       changed = c.changed + excluded.changed, unchanged = c.unchanged + excluded.unchanged,
       rejected = (select coalesce(jsonb_object_agg(reason, number), '{}') from (
         select key as reason, sum(value::bigint) as number
         from (select * from jsonb_each_text(c.rejected) union all select * from jsonb_each_text(excluded.rejected)) as counts
         group by key) as summed)`,
    [cycleId, table, rows.length + rejected.length, of('new'), of('changed'), of('unchanged'), JSON.stringify(reasons)],
  );
}

async function moveCursor(tx: postgres.TransactionSql, table: MesTable, { lane, to, high }: MesCursorMove) {
  await tx.unsafe(
    `update mes_cursors set position = $3::text::jsonb, high = $4::text::jsonb, updated_at = now()
     where mes_table = $1 and lane = $2`,
    [table, lane, JSON.stringify(to), high === null ? null : JSON.stringify(high)],
  );
}
