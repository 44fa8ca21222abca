/**
 * Cells: imported, listed, changed. Where they are is changed in `trays.ts` only.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';

/** A cell as people see it. */
export interface CellRow extends Record<string, unknown> {
  serialNo: string;
  status: number;
  statusBy: string;
  statusAt: string;
  bindCode: string;
  filledAt: string | null;
  remark: string;
  tray: string | null;
  positionNo: number | null;
  boundAt: string | null;
  revision: number;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
}

export interface CellFilter {
  status?: number | undefined;
  bindCode?: string | undefined;
  tray?: string | undefined;
  /** In any tray, or in none. */
  inTray?: boolean | undefined;
  /** Part of the serial number. */
  search?: string | undefined;
}

const iso = (column: SQL) => sql`to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const COLUMNS = sql`c.serial_no as "serialNo", c.status, c.status_by as "statusBy", ${iso(sql`c.status_at`)} as "statusAt",
  c.bind_code as "bindCode", ${iso(sql`c.filled_at`)} as "filledAt", c.remark, t.barcode as tray, c.position_no as "positionNo",
  ${iso(sql`c.bound_at`)} as "boundAt", c.revision, ${iso(sql`c.created_at`)} as "createdAt", c.created_by as "createdBy",
  ${iso(sql`c.updated_at`)} as "updatedAt"`;

/** Cells of a department by serial number. */
export async function listCells(
  db: Db,
  departmentId: number,
  { status, bindCode, tray, inTray, search }: CellFilter,
  { after, limit }: { after: string; limit: number },
): Promise<CellRow[]> {
  const conditions = [sql`c.department_id = ${departmentId}`, sql`c.serial_no > ${after}`];
  if (status !== undefined) conditions.push(sql`c.status = ${status}`);
  if (bindCode !== undefined) conditions.push(sql`c.bind_code = ${bindCode}`);
  if (tray !== undefined) conditions.push(sql`t.barcode = ${tray}`);
  if (inTray !== undefined) conditions.push(inTray ? sql`c.tray_id is not null` : sql`c.tray_id is null`);
  if (search !== undefined) {
    conditions.push(sql`c.serial_no ilike ${`%${search.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`}`);
  }
  return db.execute<CellRow>(sql`
    select ${COLUMNS} from cells c left join trays t on t.id = c.tray_id
    where ${sql.join(conditions, sql` and `)} order by c.serial_no limit ${limit}`);
}

/** Cells of these serial numbers, as equipment asks for them. */
export async function findCells(db: Db, departmentId: number, serials: readonly string[]) {
  return db.execute<{ serialNo: string; status: number; bindCode: string }>(sql`
    select serial_no as "serialNo", status, bind_code as "bindCode" from cells
    where department_id = ${departmentId}
      and serial_no = any (array(select jsonb_array_elements_text(${JSON.stringify(serials)}::jsonb)))`);
}

/** One cell, or null. */
export async function findCell(
  db: Db,
  departmentId: number,
  serialNo: string,
  { lock = false }: { lock?: boolean } = {},
): Promise<CellRow | null> {
  const [row] = await db.execute<CellRow>(sql`
    select ${COLUMNS} from cells c left join trays t on t.id = c.tray_id
    where c.department_id = ${departmentId} and c.serial_no = ${serialNo} ${lock ? sql`for update of c` : sql``}`);
  return row ?? null;
}

/** What people say of a cell. */
export interface CellChange {
  status?: number;
  bindCode?: string;
  filledAt?: string | null;
  remark?: string;
}

/** Changes a locked cell. */
export async function changeCell(
  tx: Db,
  departmentId: number,
  serialNo: string,
  { status, bindCode, filledAt, remark }: CellChange,
  author: string,
): Promise<void> {
  const sets = [sql`revision = revision + 1`, sql`updated_at = clock_timestamp()`];
  if (status !== undefined) {
    sets.push(sql`status = ${status}`, sql`status_by = ${author}`, sql`status_at = clock_timestamp()`);
  }
  if (bindCode !== undefined) sets.push(sql`bind_code = ${bindCode}`);
  if (filledAt !== undefined) sets.push(sql`filled_at = ${filledAt}::timestamptz`);
  if (remark !== undefined) sets.push(sql`remark = ${remark}`);
  await tx.execute(sql`
    update cells set ${sql.join(sets, sql`, `)} where department_id = ${departmentId} and serial_no = ${serialNo}`);
}

/** Deletes a cell that is in no tray; false: it is in one, or there is none. */
export async function deleteCell(tx: Db, departmentId: number, serialNo: string): Promise<boolean> {
  const rows = await tx.execute(sql`
    delete from cells where department_id = ${departmentId} and serial_no = ${serialNo} and tray_id is null returning 1`);
  return rows.length > 0;
}

/** A row of an import; null: keep what is stored. */
export interface CellImport {
  serialNo: string;
  status: number | null;
  bindCode: string | null;
  filledAt: string | null;
  remark: string | null;
}

/** What came of a row. */
export interface CellImportResult {
  status: 'created' | 'updated' | 'unchanged' | 'refused';
  code: 'cell_incomplete' | 'cell_in_tray' | null;
  /** For the audit log, of what was changed. */
  before: { status: number; bindCode: string; filledAt: string | null; remark: string } | null;
}

/** Stores cells, each serial number once; says for each row what came of it, in order. */
export async function importCells(
  tx: Db,
  departmentId: number,
  author: string,
  rows: readonly CellImport[],
): Promise<CellImportResult[]> {
  const input = JSON.stringify(rows.map((row, place) => ({ ...row, place })));
  const incoming = sql`jsonb_to_recordset(${input}::jsonb)
    as x(place int, "serialNo" text, status int, "bindCode" text, "filledAt" timestamptz, remark text)`;
  // Cells nobody knew, first: two imports of the same ones wait for each other here.
  const made = await tx.execute<{ serialNo: string }>(sql`
    insert into cells (department_id, serial_no, status, status_by, bind_code, filled_at, remark, created_by)
    select ${departmentId}, "serialNo", coalesce(x.status, 1), ${author}, "bindCode", "filledAt", coalesce(x.remark, ''), ${author}
    from ${incoming} where "bindCode" is not null order by "serialNo"
    on conflict do nothing returning serial_no as "serialNo"`);
  const known = await tx.execute<{
    serialNo: string;
    status: number;
    bindCode: string;
    filledAt: string | null;
    remark: string;
    inTray: boolean;
  }>(sql`
    select c.serial_no as "serialNo", c.status, c.bind_code as "bindCode", ${iso(sql`c.filled_at`)} as "filledAt", c.remark,
      c.tray_id is not null as "inTray"
    from cells c join ${incoming} on c.serial_no = x."serialNo" where c.department_id = ${departmentId}
    order by c.serial_no for update of c`);
  const fresh = new Set(made.map(({ serialNo }) => serialNo));
  const before = new Map(known.map((cell) => [cell.serialNo, cell]));
  const results = rows.map((row): CellImportResult => {
    const cell = before.get(row.serialNo);
    if (cell === undefined) return { status: 'refused', code: 'cell_incomplete', before: null };
    if (fresh.has(row.serialNo)) return { status: 'created', code: null, before: null };
    const isMoved = row.bindCode !== null && row.bindCode !== cell.bindCode;
    if (isMoved && cell.inTray) return { status: 'refused', code: 'cell_in_tray', before: null };
    const isSame =
      !isMoved &&
      (row.status ?? cell.status) === cell.status &&
      (row.filledAt ?? cell.filledAt) === cell.filledAt &&
      (row.remark ?? cell.remark) === cell.remark;
    if (isSame) return { status: 'unchanged', code: null, before: null };
    const { status, bindCode, filledAt, remark } = cell;
    return { status: 'updated', code: null, before: { status, bindCode, filledAt, remark } };
  });
  const changed = rows.filter((_, place) => results[place]!.status === 'updated');
  if (changed.length > 0) {
    await tx.execute(sql`
      update cells c set
        status_by = case when coalesce(x.status, c.status) = c.status then c.status_by else ${author} end,
        status_at = case when coalesce(x.status, c.status) = c.status then c.status_at else clock_timestamp() end,
        status = coalesce(x.status, c.status), bind_code = coalesce(x."bindCode", c.bind_code),
        filled_at = coalesce(x."filledAt", c.filled_at), remark = coalesce(x.remark, c.remark),
        revision = c.revision + 1, updated_at = clock_timestamp()
      from jsonb_to_recordset(${JSON.stringify(changed)}::jsonb)
        as x("serialNo" text, status int, "bindCode" text, "filledAt" timestamptz, remark text)
      where c.department_id = ${departmentId} and c.serial_no = x."serialNo"`);
  }
  return results;
}
