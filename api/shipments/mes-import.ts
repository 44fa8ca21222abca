/**
 * Rows of MES from a CSV export of one of its tables, for where MES cannot be reached. The same rows, judged and stored
 * in the same way as those that are read from the database, with a report of their own.
 */
import type { Readable } from 'node:stream';
import { Type, type Static } from 'typebox';
import { audit } from '../audit.ts';
import { isCsvError, recordsOf, unreadable } from '../http/csv-rows.ts';
import type { Actor } from '../route.ts';
import { closed, nullable } from '../schemas.ts';
import type { Db } from '../../db/index.ts';
import { closeMesCycle, openMesImport, type MesCycleEnd } from '../../db/mes/mes-cycles.ts';
import { storeMesBatch } from '../../db/mes/mes-store.ts';
import type { MesTable } from '../../db/schema.ts';
import { batchOf } from '../../gateways/mes/batches.ts';
import { MES_SHAPES } from '../../gateways/mes/tables.ts';

const CHUNK_ROWS = 2_000;

export const MesImportedRow = closed(
  {
    row: Type.Integer({ description: 'counted from 1; the header is not counted' }),
    status: Type.Enum(['new', 'changed', 'unchanged', 'rejected'], { type: 'string' }),
    key: nullable(Type.String({ description: '`Id` or `IMEI1`' })),
    code: nullable(Type.String({ description: 'why it is rejected' })),
    message: nullable(Type.String()),
  },
  { title: 'MesImportedRow' },
);
export type MesImportedRow = Static<typeof MesImportedRow>;

export type MesImportProgress = { results: readonly MesImportedRow[] } | { end: MesCycleEnd & { cycleId: number } };

/**
 * Stores the rows of a file while it arrives. What was stored before the end of a broken file stays.
 *
 * @throws Problem `csv_unreadable` when nothing of it could be read: no or a wrong header
 */
export async function* importMesCsv(
  db: Db,
  actor: Actor,
  table: MesTable,
  file: Readable,
): AsyncGenerator<MesImportProgress> {
  const records = recordsOf(file);
  const { requestId } = actor.operation;
  let order: (number | undefined)[] | null = null;
  let cycleId = 0;
  let broken = '';
  let isWhole = false;
  try {
    const header = await firstRecord(records);
    order = readMesHeader(table, header);
    cycleId = await openMesImport(db, `import/${requestId}/${Date.now()}`, actor.caller.name);
    let read = 0;
    let lines: (string[] | null)[] = [];
    const write = async (): Promise<MesImportProgress> => {
      const chunk = lines;
      lines = [];
      const from = read - chunk.length;
      const raws = chunk.map((line) => arranged(line, order!));
      const results = await store(db, cycleId, table, raws, from);
      return { results: results.map((result, index) => (chunk[index] === null ? wrongLength(result) : result)) };
    };
    try {
      for await (const record of records) {
        read++;
        // a row of another length cannot be read, and is rejected for what it lacks
        lines.push(record.length === header.length ? record : null);
        if (lines.length >= CHUNK_ROWS) yield await write();
      }
    } catch (error) {
      if (!isCsvError(error)) throw error;
      broken = `the file cannot be read from row ${read + 1} on, and the rows after it were not taken: ${error.message}`;
    }
    if (lines.length > 0) yield await write();
    const end = { cycleId, ...(await closeMesCycle(db, cycleId, { status: 'done', words: broken })) };
    isWhole = true;
    await audit(db, actor, { kind: 'mes-import', id: cycleId, after: { table, ...end } });
    yield { end };
  } finally {
    // whatever was not read must not keep the connection from carrying the answer
    file.resume();
    // What went wrong is on its way to the caller, and must not be hidden by what goes wrong here.
    if (cycleId !== 0 && !isWhole) {
      await closeMesCycle(db, cycleId, { status: 'cancelled', words: 'the import was cut off' }).catch(() => {});
    }
  }
}

async function firstRecord(records: AsyncGenerator<string[]>): Promise<string[]> {
  try {
    const { value, done } = await records.next();
    if (done === true) throw unreadable('The file is empty.');
    return value;
  } catch (error) {
    if (isCsvError(error)) throw unreadable(`The file cannot be read as CSV: ${error.message}`, error);
    throw error;
  }
}

/** Where each column of the table stands in the file; columns the file does not have are empty, others are passed over. */
function readMesHeader(table: MesTable, header: readonly string[]): (number | undefined)[] {
  const { columns, at, name } = MES_SHAPES[table];
  const names = header.map((cell) => cell.toLowerCase());
  const doubled = names.filter((each, index) => names.indexOf(each) < index);
  const order = columns.map(({ mes }) => {
    const place = names.indexOf(mes.toLowerCase());
    return place < 0 ? undefined : place;
  });
  const needed = [...new Set([at.key, at.imei])];
  const missing = needed.filter((index) => order[index] === undefined).map((index) => columns[index]!.mes);
  const wrong = [
    ...(missing.length > 0 ? [`the column ${missing.join(' and ')} is missing`] : []),
    ...(doubled.length > 0 ? [`the column ${doubled.join(', ')} is there twice`] : []),
  ];
  if (wrong.length === 0) return order;
  throw unreadable(
    `The first line must name the columns of ${name}, separated by commas: ${wrong.join('; ')}. Known are ${columns.map(({ mes }) => mes).join(', ')}.`,
  );
}

function arranged(line: readonly string[] | null, order: readonly (number | undefined)[]): (string | null)[] {
  // MySQL's own exports write \N or NULL for nothing
  const valueAt = (place: number | undefined) => {
    const value = place === undefined || line === null ? null : (line[place] ?? null);
    return value === '\\N' || value === 'NULL' ? null : value;
  };
  return order.map(valueAt);
}

function wrongLength(result: MesImportedRow): MesImportedRow {
  const message = 'the row has another number of fields than the header; put text with commas in double quotes';
  return { ...result, code: 'wrong_number_of_fields', message };
}

async function store(
  db: Db,
  cycleId: number,
  table: MesTable,
  raws: readonly (readonly (string | null)[])[],
  from: number,
): Promise<MesImportedRow[]> {
  const batch = batchOf(table, raws);
  const { statuses, refused } = await storeMesBatch(db, cycleId, batch);
  let next = 0;
  return batch.reads.map((read, index): MesImportedRow => {
    const row = from + index + 1;
    const status = 'row' in read ? statuses[next++]! : 'rejected';
    const why = 'row' in read ? refused.get(read.row.key) : read.rejected;
    const key = 'row' in read ? read.row.key : read.rejected.key.startsWith('row ') ? null : read.rejected.key;
    return { row, status, key, code: why?.reason ?? null, message: why?.words ?? null };
  });
}
