/**
 * Equipment from a CSV file: registered or changed row by row; a bad row never stops the rest, and the same file again
 * changes nothing.
 */
import type { Readable } from 'node:stream';
import { Type, type Static } from 'typebox';
import { audit, differences } from '../audit.ts';
import { codeFault, EQUIPMENT_DEFAULTS } from './mom-views.ts';
import { isCsvError, readHeader, recordsOf, unreadable } from '../http/csv-rows.ts';
import type { Actor } from '../route.ts';
import { closed, nullable } from '../schemas.ts';
import { changeEquipment, createEquipment, findEquipment, type EquipmentFields } from '../../db/factory/equipment.ts';
import type { Db } from '../../db/index.ts';
import { isNetwork } from '../../gateways/mom/networks.ts';

const COLUMNS = ['code', 'name', 'model', 'location', 'periodSeconds', 'allowedAddresses', 'isHoldListed', 'remark'];
const MOST_ROWS = 20_000;
const CHUNK_ROWS = 500;

const COUNT = Type.Integer({ minimum: 0 });
const Row = closed(
  {
    row: Type.Integer({ description: 'counted from 1; the header is not counted' }),
    code: nullable(Type.String()),
    status: Type.Enum(['created', 'updated', 'unchanged', 'refused'], { type: 'string' }),
    message: nullable(Type.String({ description: 'why it is refused, and what to do' })),
  },
  { title: 'ImportedEquipment' },
);
type Row = Static<typeof Row>;
export const EquipmentImport = closed(
  { rows: COUNT, created: COUNT, updated: COUNT, unchanged: COUNT, refused: COUNT, results: Type.Array(Row) },
  { title: 'EquipmentImport' },
);

/** Registers the rows of a file. Throws `csv_unreadable` when nothing of it could be read. */
export async function importEquipment(db: Db, actor: Actor, file: Readable): Promise<Static<typeof EquipmentImport>> {
  const records = await allRecords(file);
  const [header, ...rows] = records;
  if (header === undefined) throw unreadable('The file is empty.');
  const names = readHeader(header, { known: COLUMNS, needed: ['code'] });
  const results: Row[] = [];
  for (let from = 0; from < rows.length; from += CHUNK_ROWS) {
    await db.transaction(async (tx) => {
      for (const [index, cells] of rows.slice(from, from + CHUNK_ROWS).entries()) {
        const row = from + index + 1;
        results.push({ row, ...(await importRow(tx, actor, names, cells)) });
      }
    });
  }
  const count = (status: Row['status']) => results.filter((each) => each.status === status).length;
  return {
    rows: results.length,
    created: count('created'),
    updated: count('updated'),
    unchanged: count('unchanged'),
    refused: count('refused'),
    results,
  };
}

async function allRecords(file: Readable): Promise<string[][]> {
  const records: string[][] = [];
  try {
    for await (const record of recordsOf(file)) {
      records.push(record);
      if (records.length > MOST_ROWS + 1) throw unreadable(`A file may have ${MOST_ROWS} rows; send it in parts.`);
    }
  } catch (error) {
    if (isCsvError(error)) throw unreadable(`The file cannot be read as CSV: ${error.message}`, error);
    throw error;
  } finally {
    file.resume();
  }
  return records;
}

async function importRow(
  tx: Db,
  actor: Actor,
  names: readonly string[],
  cells: readonly string[],
): Promise<Omit<Row, 'row'>> {
  const refused = (code: string | null, message: string) => ({ code, status: 'refused' as const, message });
  if (cells.length !== names.length) {
    return refused(null, `the row has ${cells.length} fields and the header ${names.length}`);
  }
  const values = new Map(names.map((name, index) => [name, cells[index] ?? '']));
  const code = values.get('code') ?? '';
  const read = readRow(code, values);
  if (typeof read === 'string') return refused(code === '' ? null : code.slice(0, 64), read);
  const { departmentId, name: createdBy } = actor.caller;
  const id = await createEquipment(tx, { ...EQUIPMENT_DEFAULTS, ...read, code, departmentId, createdBy });
  if (id !== null) {
    await audit(tx, actor, { kind: 'equipment', id: code, after: { code, ...read } });
    return { code, status: 'created', message: null };
  }
  const before = await findEquipment(tx, departmentId, code, { lock: true });
  if (before === null) return refused(code, 'another department has an equipment of this code');
  const changed = differences<EquipmentFields>(before, read);
  if (changed === null) return { code, status: 'unchanged', message: null };
  await changeEquipment(tx, before.id, read);
  await audit(tx, actor, { kind: 'equipment', id: code, ...changed });
  return { code, status: 'updated', message: null };
}

/** The fields of a row, without the blank ones; or what is wrong with it. */
function readRow(code: string, values: ReadonlyMap<string, string>): Partial<EquipmentFields> | string {
  // oxlint-disable-next-line no-control-regex -- these may not be stored
  if (!/^[^\u0000-\u0020/\\.][^\u0000-\u001f/\\]{0,63}$/.test(code)) {
    return 'code must have 1 to 64 characters, none of them / or \\, and begin with neither a blank nor a dot';
  }
  const fault = codeFault(code);
  if (fault !== null) return `code ${fault}`;
  const fields: Partial<EquipmentFields> = {};
  for (const [name, most] of [
    ['name', 100],
    ['model', 100],
    ['location', 100],
    ['remark', 1_000],
  ] as const) {
    const value = values.get(name) ?? '';
    if (value.length > most || value.includes('\u0000')) return `${name} may have ${most} characters`;
    if (value !== '') fields[name] = value;
  }
  const period = values.get('periodSeconds') ?? '';
  if (period !== '') {
    if (!/^\d{1,4}$/.test(period) || Number(period) < 1 || Number(period) > 3_600) {
      return 'periodSeconds must be a whole number from 1 to 3600';
    }
    fields.periodS = Number(period);
  }
  const addresses = (values.get('allowedAddresses') ?? '').split(/[;\s]+/).filter((each) => each !== '');
  if (addresses.length > 50 || !addresses.every(isNetwork)) {
    return 'allowedAddresses must be at most 50 IP addresses or networks, separated by semicolons';
  }
  if (addresses.length > 0) fields.allowedAddresses = addresses;
  const hold = (values.get('isHoldListed') ?? '').toLowerCase();
  if (!['', 'true', 'false'].includes(hold)) return 'isHoldListed must be true or false';
  if (hold !== '') fields.isHoldListed = hold === 'true';
  return fields;
}
