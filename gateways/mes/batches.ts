/**
 * Some rows of MES as one batch for the copy: read, those that cannot be taken named, and each key once.
 */
import { readMesRow, rejectedDouble, type MesRow, type RejectedRow } from './rows.ts';
import { MES_SHAPES, type MesTableName } from './tables.ts';

export interface Batch {
  table: MesTableName;
  columns: readonly string[];
  secret: readonly string[];
  rows: MesRow[];
  rejected: RejectedRow[];
  refuseOlder: (row: MesRow) => RejectedRow;
  /** What became of each raw row, in order. */
  reads: ({ row: MesRow } | { rejected: RejectedRow })[];
}

const COLUMNS = {
  carton: MES_SHAPES.carton.columns.map(({ copy }) => copy),
  sheet: MES_SHAPES.sheet.columns.map(({ copy }) => copy),
};

/** Reads raw rows. Of rows with the same key the latest counts, at the same time the last one. */
export function batchOf(table: MesTableName, raws: readonly (readonly unknown[])[]): Batch {
  const reads: Batch['reads'] = [];
  /** Where the row that counts is, by key. */
  const places = new Map<string, number>();
  for (const raw of raws) {
    const read = readMesRow(table, raw);
    const at = reads.push(read) - 1;
    if (!('row' in read)) continue;
    const before = places.get(read.row.key);
    if (before === undefined) {
      places.set(read.row.key, at);
      continue;
    }
    const other = (reads[before] as { row: MesRow }).row;
    const isOlder = (read.row.testTime ?? '') < (other.testTime ?? '');
    const [kept, left] = isOlder ? [before, at] : [at, before];
    const { row } = reads[left] as { row: MesRow };
    reads[left] = {
      rejected: rejectedDouble(table, row, `another row has the same ${keyName(table)}; the later one counts`),
    };
    places.set(row.key, kept);
  }
  const rows: MesRow[] = [];
  const rejected: RejectedRow[] = [];
  for (const read of reads) {
    if ('row' in read) rows.push(read.row);
    else rejected.push(read.rejected);
  }
  const refuseOlder = (row: MesRow) =>
    rejectedDouble(table, row, `the copy has a later row with the same ${keyName(table)}`);
  return { table, columns: COLUMNS[table], secret: MES_SHAPES[table].secret, rows, rejected, refuseOlder, reads };
}

function keyName(table: MesTableName): string {
  const { columns, at } = MES_SHAPES[table];
  return columns[at.key]!.mes;
}
