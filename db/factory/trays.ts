/**
 * Trays and what is in them: binding, unbinding, aging, and what was done. The rules are `workflows/rules/trays.ts`;
 * here are the locks that keep what they are judged by true until it is written. Everybody locks the tray first and then
 * cells by their serial numbers, so nobody waits in a circle.
 */
import { and, eq, sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { trayLog, trays, type PlacedCell } from '../schema.ts';
import {
  judgeAging,
  judgeBinding,
  type Aging,
  type AgingFault,
  type AgingLimits,
  type BindingFault,
  type KnownCell,
  type Placement,
  type Refusal,
  type TrayOperation,
} from '../../workflows/rules/trays.ts';

/** Who does something to a tray. */
export interface TrayActor {
  departmentId: number;
  /** Null: a person over the API. */
  equipmentId: number | null;
  author: string;
  cause?: string;
  sessionId?: string | null;
  isHoldListed: boolean;
}

/** What became of an operation. */
export type TrayResult<Done, Fault extends string> =
  ({ ok: true } & Done) | { ok: false; refusals: readonly Refusal<Fault>[] };

/** A cell in a tray, or about to be. */
export interface TrayCell extends KnownCell, Record<string, unknown> {
  id: number;
  filledAtMs: number | null;
}

const CELL_COLUMNS = sql`c.id::float8 as id, c.serial_no as "serialNo", c.status, c.bind_code as "bindCode", t.barcode as tray,
  c.position_no as "positionNo", extract(epoch from c.filled_at)::float8 * 1000 as "filledAtMs"`;

/** Puts cells into a tray, all or none; a tray nobody has used yet begins to exist. */
export async function bindTray(
  tx: Db,
  actor: TrayActor,
  barcode: string,
  placements: readonly Placement[],
): Promise<TrayResult<{ bound: number }, BindingFault>> {
  const { departmentId, isHoldListed } = actor;
  const trayId = await makeTray(tx, departmentId, barcode);
  const serials = [...new Set(placements.map(({ serialNo }) => serialNo))];
  await tx.execute(sql`
    select 1 from cells where department_id = ${departmentId} and serial_no = any (${list(serials)})
    order by serial_no for update`);
  // Another statement, so that it sees what those wrote who had the locks before.
  const known = await tx.execute<TrayCell>(sql`
    select ${CELL_COLUMNS} from cells c left join trays t on t.id = c.tray_id
    where c.department_id = ${departmentId} and c.serial_no = any (${list(serials)})`);
  const contents = await readTrayCells(tx, trayId);
  const judged = judgeBinding({ tray: barcode, placements, known, contents, isHoldListed });
  if (!judged.ok) {
    // A barcode that was misread must not stay as a tray.
    await tx.execute(sql`
      delete from trays where id = ${trayId} and not exists (select 1 from tray_log where tray_id = ${trayId})`);
    return judged;
  }
  if (judged.placements.length > 0) {
    await tx.execute(sql`
      update cells c set tray_id = ${trayId}, position_no = p."positionNo", bound_at = clock_timestamp(),
        updated_at = clock_timestamp(), revision = c.revision + 1
      from jsonb_to_recordset(${json(judged.placements)}::jsonb) as p("serialNo" text, "positionNo" int)
      where c.department_id = ${departmentId} and c.serial_no = p."serialNo"`);
    await tell(tx, actor, trayId, 'bound', judged.placements);
  }
  return { ok: true, bound: judged.placements.length };
}

/** Takes everything out of a tray. */
export async function unbindTray(
  tx: Db,
  actor: TrayActor,
  barcode: string,
): Promise<TrayResult<{ unbound: PlacedCell[] }, 'tray_unknown' | 'tray_empty'>> {
  const trayId = await lockTray(tx, actor.departmentId, barcode);
  if (trayId === null) return refusal('tray_unknown', `tray ${barcode} is unknown`);
  const unbound = await takeOut(tx, trayId, null);
  if (unbound.length === 0) return refusal('tray_empty', `tray ${barcode} is empty`);
  await tell(tx, actor, trayId, 'unbound', unbound);
  return { ok: true, unbound };
}

/** Takes single cells out of a tray, all or none. */
export async function takeCellsOut(
  tx: Db,
  actor: TrayActor,
  barcode: string,
  serials: readonly string[],
): Promise<TrayResult<{ unbound: PlacedCell[] }, 'tray_unknown' | 'cell_elsewhere'>> {
  const trayId = await lockTray(tx, actor.departmentId, barcode);
  if (trayId === null) return refusal('tray_unknown', `tray ${barcode} is unknown`);
  const inside = new Set((await readTrayCells(tx, trayId)).map(({ serialNo }) => serialNo));
  const missing = serials.filter((serialNo) => !inside.has(serialNo));
  if (missing.length > 0) return refusal('cell_elsewhere', `not in tray ${barcode}: ${missing.slice(0, 5).join(', ')}`);
  const unbound = await takeOut(tx, trayId, serials);
  await tell(tx, actor, trayId, 'taken_out', unbound);
  return { ok: true, unbound };
}

/** Judges the entry of a tray into aging, and keeps a good one in the journal. */
export async function startAging(
  tx: Db,
  actor: TrayActor,
  barcode: string,
): Promise<TrayResult<Extract<Aging, { ok: true }> & { property: string | null }, AgingFault | 'tray_unknown'>> {
  const trayId = await lockTray(tx, actor.departmentId, barcode);
  if (trayId === null) return refusal('tray_unknown', `tray ${barcode} is unknown`);
  const contents = await readTrayCells(tx, trayId);
  const aging = judgeAging(contents, await listAgingLimits(tx, actor.departmentId), actor.isHoldListed);
  if (!aging.ok) return aging;
  const { startMs, lowerMinutes, upperMinutes } = aging;
  const details = { agingStartAt: new Date(startMs).toISOString(), lowerMinutes, upperMinutes };
  await tell(tx, actor, trayId, 'aging', contents.map(placed), details);
  const [row] = await tx.select({ property: trays.property }).from(trays).where(eq(trays.id, trayId));
  return { ...aging, property: row?.property ?? null };
}

/** Cells of a tray by position; null: there is no such tray. */
export async function readTray(db: Db, departmentId: number, barcode: string): Promise<TrayCell[] | null> {
  const tray = await findTray(db, departmentId, barcode);
  return tray === null ? null : readTrayCells(db, tray.id);
}

/** A tray with how much is in it. */
export interface TrayRow extends Record<string, unknown> {
  id: number;
  barcode: string;
  property: string | null;
  createdAt: string;
  usedAt: string;
  cells: number;
  notOk: number;
  bindCode: string | null;
}

export interface TrayFilter {
  /** Part of the barcode. */
  search?: string | undefined;
  empty?: boolean | undefined;
  bindCode?: string | undefined;
}

/** Trays of a department by barcode. */
export async function listTrays(
  db: Db,
  departmentId: number,
  { search, empty, bindCode }: TrayFilter,
  { after, limit }: { after: string; limit: number },
): Promise<TrayRow[]> {
  const part = search === undefined ? sql`` : sql`and t.barcode ilike ${`%${escaped(search)}%`}`;
  const inside = sql`exists (select 1 from cells c where c.tray_id = t.id)`;
  const filled = empty === undefined ? sql`` : empty ? sql`and not ${inside}` : sql`and ${inside}`;
  const code =
    bindCode === undefined
      ? sql``
      : sql`and exists (select 1 from cells c where c.tray_id = t.id and c.bind_code = ${bindCode})`;
  return rowsOf(
    db,
    sql`t.department_id = ${departmentId} and t.barcode > ${after} ${part} ${filled} ${code} order by t.barcode limit ${limit}`,
  );
}

/** One tray, or null. */
export async function findTray(db: Db, departmentId: number, barcode: string): Promise<TrayRow | null> {
  const [row] = await rowsOf(db, sql`t.department_id = ${departmentId} and t.barcode = ${barcode}`);
  return row ?? null;
}

/** Changes what equipment is told of a tray; false: there is none. */
export async function changeTray(db: Db, departmentId: number, barcode: string, property: string | null) {
  const rows = await db
    .update(trays)
    .set({ property })
    .where(and(eq(trays.departmentId, departmentId), eq(trays.barcode, barcode)))
    .returning({ id: trays.id });
  return rows.length > 0;
}

/** What happened to a tray, newest first. */
export async function listTrayLog(
  db: Db,
  trayId: number,
  { before, limit }: { before: number | undefined; limit: number },
) {
  return logRows(
    db,
    sql`l.tray_id = ${trayId} ${before === undefined ? sql`` : sql`and l.id < ${before}`}
      order by l.id desc limit ${limit}`,
  );
}

/** In which trays a cell was, newest first. */
export async function listCellLog(
  db: Db,
  departmentId: number,
  serialNo: string,
  { before, limit }: { before: number | undefined; limit: number },
) {
  return logRows(
    db,
    sql`l.department_id = ${departmentId} and l.cells @> ${json([{ serialNo }])}::jsonb
      ${before === undefined ? sql`` : sql`and l.id < ${before}`} order by l.id desc limit ${limit}`,
  );
}

/** A line of the journal of a tray. */
export interface TrayLogRow extends Record<string, unknown> {
  id: number;
  at: string;
  operation: TrayOperation;
  tray: string;
  equipment: string | null;
  author: string;
  cause: string;
  sessionId: string | null;
  cells: PlacedCell[];
  details: Record<string, unknown>;
}

function logRows(db: Db, condition: SQL): Promise<TrayLogRow[]> {
  return db.execute<TrayLogRow>(sql`
    select l.id::float8 as id, ${iso(sql`l.at`)} as at, l.operation, t.barcode as tray, e.code as equipment, l.author, l.cause,
      l.session_id as "sessionId", l.cells, l.details
    from tray_log l join trays t on t.id = l.tray_id left join equipment e on e.id = l.equipment_id
    where ${condition}`);
}

function rowsOf(db: Db, condition: SQL): Promise<TrayRow[]> {
  return db.execute<TrayRow>(sql`
    select t.id::float8 as id, t.barcode, t.property, ${iso(sql`t.created_at`)} as "createdAt", ${iso(sql`t.used_at`)} as "usedAt",
      f.cells, f.not_ok as "notOk", f.bind_code as "bindCode"
    from trays t cross join lateral (
      select count(*)::int as cells, count(*) filter (where status <> 1)::int as not_ok, min(bind_code) as bind_code
      from cells where tray_id = t.id) f
    where ${condition}`);
}

// ---------------------------------------------------------------- how long cells rest

/** What is set for a department. */
export async function listAgingLimits(db: Db, departmentId: number) {
  return db.execute<AgingLimits & { setBy: string; setAt: string } & Record<string, unknown>>(sql`
    select bind_code as "bindCode", lower_minutes as "lowerMinutes", upper_minutes as "upperMinutes", set_by as "setBy",
      ${iso(sql`set_at`)} as "setAt"
    from aging_limits where department_id = ${departmentId} order by bind_code`);
}

/** Sets the limits of a bind code. */
export async function setAgingLimits(db: Db, departmentId: number, limits: AgingLimits, setBy: string): Promise<void> {
  const { bindCode, lowerMinutes, upperMinutes } = limits;
  await db.execute(sql`
    insert into aging_limits (department_id, bind_code, lower_minutes, upper_minutes, set_by)
    values (${departmentId}, ${bindCode}, ${lowerMinutes}, ${upperMinutes}, ${setBy})
    on conflict (department_id, bind_code) do update set lower_minutes = excluded.lower_minutes,
      upper_minutes = excluded.upper_minutes, set_by = excluded.set_by, set_at = clock_timestamp()`);
}

/** Removes the limits of a bind code; false: there were none. */
export async function removeAgingLimits(db: Db, departmentId: number, bindCode: string): Promise<boolean> {
  const rows = await db.execute(sql`
    delete from aging_limits where department_id = ${departmentId} and bind_code = ${bindCode} returning 1`);
  return rows.length > 0;
}

// ---------------------------------------------------------------- steps

/** Locks a tray; null: there is none. */
async function lockTray(tx: Db, departmentId: number, barcode: string): Promise<number | null> {
  const [row] = await tx.execute<{ id: number }>(sql`
    select id::float8 as id from trays where department_id = ${departmentId} and barcode = ${barcode} for update`);
  return row?.id ?? null;
}

/** Locks a tray that exists from now on. One that somebody else takes back meanwhile is made again. */
async function makeTray(tx: Db, departmentId: number, barcode: string): Promise<number> {
  for (;;) {
    await tx.execute(sql`
      insert into trays (department_id, barcode) values (${departmentId}, ${barcode}) on conflict do nothing`);
    const trayId = await lockTray(tx, departmentId, barcode);
    if (trayId !== null) return trayId;
  }
}

function readTrayCells(db: Db, trayId: number): Promise<TrayCell[]> {
  return db.execute<TrayCell>(sql`
    select ${CELL_COLUMNS} from cells c join trays t on t.id = c.tray_id where c.tray_id = ${trayId}
    order by c.position_no`);
}

/** Takes cells out of a locked tray; null: all of them. */
async function takeOut(tx: Db, trayId: number, serials: readonly string[] | null): Promise<PlacedCell[]> {
  const rows = await tx.execute<{ serialNo: string; positionNo: number }>(sql`
    with inside as (
      select id, serial_no, position_no from cells
      where tray_id = ${trayId} ${serials === null ? sql`` : sql`and serial_no = any (${list(serials)})`}
      order by serial_no for update
    )
    update cells c set tray_id = null, position_no = null, bound_at = null, updated_at = clock_timestamp(),
      revision = c.revision + 1
    from inside where c.id = inside.id returning inside.serial_no as "serialNo", inside.position_no as "positionNo"`);
  return rows.map(placed).toSorted((a, b) => a.positionNo - b.positionNo);
}

async function tell(
  tx: Db,
  { departmentId, equipmentId, author, cause = '', sessionId = null }: TrayActor,
  trayId: number,
  operation: TrayOperation,
  cells: readonly PlacedCell[],
  details: Record<string, unknown> = {},
): Promise<void> {
  await tx
    .insert(trayLog)
    .values({ departmentId, trayId, operation, equipmentId, author, cause, sessionId, cells, details });
  await tx
    .update(trays)
    .set({ usedAt: sql`clock_timestamp()` })
    .where(eq(trays.id, trayId));
}

const placed = ({ serialNo, positionNo }: { serialNo: string; positionNo: number | null }): PlacedCell => ({
  serialNo,
  positionNo: positionNo ?? 0,
});

function refusal<Code extends string>(code: Code, message: string): { ok: false; refusals: Refusal<Code>[] } {
  return { ok: false, refusals: [{ code, message }] };
}

const json = (value: unknown) => JSON.stringify(value);
/** Texts as one parameter: an array of the database is written in JSON here, which knows every character. */
const list = (texts: readonly string[]) => sql`array(select jsonb_array_elements_text(${json(texts)}::jsonb))`;
/** A moment as the API says it. */
const iso = (column: SQL) => sql`to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

function escaped(text: string): string {
  return text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`);
}
