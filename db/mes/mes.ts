/**
 * What MES says of devices, for people: found by what a clerk has in hand, newest first, in pages; counted exactly
 * while that is cheap.
 */
import { and, desc, eq, lt, sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { mesChanges, mesRejected, type MesTable } from '../schema.ts';

/** What the list may be narrowed by; all given must fit. */
export interface MesFilter {
  imei?: string | undefined;
  /** Work order (ZhiDan). */
  order?: string | undefined;
  /** BoxNo */
  carton?: string | undefined;
  model?: string | undefined;
  company?: string | undefined;
  sn?: string | undefined;
  iccid?: string | undefined;
  /** Days of the test time in Beijing, both included. */
  from?: string | undefined;
  to?: string | undefined;
  shipped?: boolean | undefined;
}

/** A packed device with its sheet, as it lies in the copies. */
export interface MesDeviceRow {
  id: number;
  imei: string;
  order: string | null;
  carton: string | null;
  model: string | null;
  version: string | null;
  productCode: string | null;
  color: string | null;
  qty: string | null;
  weight: string | null;
  date: string | null;
  company: string | null;
  testTime: string | null;
  remarks: (string | null)[];
  hasSheet: boolean;
  sn: string | null;
  sim: string | null;
  iccid: string | null;
  bluetoothMac: string | null;
  equipmentNo: string | null;
  shippedAt: string | null;
  shippedBy: number | null;
  shipmentId: number | null;
  /** Place in the list: microseconds since 1970 (none: empty) and id. */
  place: string;
}

/** Behind the last row of a page: its test time in microseconds since 1970 (empty: none) and its id. */
export interface MesPlace {
  testTime: string;
  id: number;
}

/** What `mesPlaceOf` writes; all that looks so is a place. */
export const MES_PLACE = String.raw`^(-\d{1,17}|\d{0,18})_\d{1,15}$`;

export function mesPlaceOf({ place }: Pick<MesDeviceRow, 'place'>): string {
  return place;
}

/** Reads what `mesPlaceOf` wrote. */
export function readMesPlace(text: string): MesPlace {
  const [testTime = '', id] = text.split('_');
  return { testTime, id: Number(id) };
}

/** Rows by test time, newest first; those without one come last. */
export async function listMesDevices(
  db: Db,
  filter: MesFilter,
  { after, limit }: { after: MesPlace | null; limit: number },
): Promise<MesDeviceRow[]> {
  const behind = (micros: string) =>
    sql`(c.test_time, c.id) < (timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond', ${after!.id})`;
  const rows: MesDeviceRow[] = [];
  if (after === null || after.testTime !== '') {
    const place = after === null ? sql`c.test_time is not null` : behind(after.testTime);
    rows.push(...(await read(db, filter, place, sql`c.test_time desc, c.id desc`, limit)));
  }
  const hasRange = filter.from !== undefined || filter.to !== undefined;
  if (rows.length < limit && !hasRange) {
    const place =
      after !== null && after.testTime === ''
        ? sql`c.test_time is null and c.id < ${after.id}`
        : sql`c.test_time is null`;
    rows.push(...(await read(db, filter, place, sql`c.id desc`, limit - rows.length)));
  }
  return rows;
}

async function read(db: Db, filter: MesFilter, place: SQL, order: SQL, limit: number): Promise<MesDeviceRow[]> {
  // The page is cut first and only its rows are joined.
  const rows = await db.execute<Record<string, never>>(sql`
    select c.id::float8 as id, c.imei, c.zhidan as "order", c.box_no as carton, c.soft_model as model, c.version,
      c.product_code as "productCode", c.color, c.qty, c.weight, c.date, c.company_name as company,
      to_char(c.test_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "testTime",
      array[c.remark1, c.remark2, c.remark3, c.remark4, c.remark5] as remarks,
      s.imei1 is not null as "hasSheet", s.sn, s.imei3 as sim, s.imei4 as iccid, s.imei6 as "bluetoothMac",
      s.imei7 as "equipmentNo", h.department_id as "shippedBy", h.shipment_id::float8 as "shipmentId",
      to_char(h.shipped_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "shippedAt",
      coalesce((extract(epoch from c.test_time) * 1000000)::bigint::text, '') || '_' || c.id as place
    from (select * from mes_cartons as c where ${and(place, conditionOf(filter))} order by ${order} limit ${limit}) as c
    left join mes_sheets as s on s.imei1 = c.imei
    left join mes_shipped as h on h.imei = c.imei
    order by ${order}`);
  return rows as unknown as MesDeviceRow[];
}

function conditionOf(filter: MesFilter): SQL | undefined {
  const { imei, order, carton, model, company, sn, iccid, from, to, shipped } = filter;
  const isShipped = sql`(select 1 from mes_shipped as h where h.imei = c.imei)`;
  return and(
    imei === undefined ? undefined : sql`c.imei = ${imei}`,
    order === undefined ? undefined : sql`c.zhidan = ${order}`,
    carton === undefined ? undefined : sql`c.box_no = ${carton}`,
    model === undefined ? undefined : sql`c.soft_model = ${model}`,
    company === undefined ? undefined : sql`c.company_name = ${company}`,
    // an array, so that the few IMEIs are found first and lead to their rows
    sn === undefined
      ? undefined
      : sql`c.imei = any(array(select imei1 from mes_sheets where sn = ${sn} union select imei1 from mes_sheets where imei2 = ${sn}))`,
    iccid === undefined ? undefined : sql`c.imei = any(array(select imei1 from mes_sheets where imei4 = ${iccid}))`,
    from === undefined ? undefined : sql`c.test_time >= ${from}::date::timestamp at time zone 'Asia/Shanghai'`,
    to === undefined ? undefined : sql`c.test_time < (${to}::date + 1)::timestamp at time zone 'Asia/Shanghai'`,
    shipped === undefined ? undefined : shipped ? sql`exists ${isShipped}` : sql`not exists ${isShipped}`,
  );
}

/** Rows up to this many are counted. */
const COUNTED = 10_000;
/** Counting that takes longer is given up for an estimate. */
const COUNT_MS = 1_000;

/** How many rows fit: exact up to 10 000, beyond that what the planner of the database expects. */
export async function countMesDevices(db: Db, filter: MesFilter): Promise<{ count: number; isExact: boolean }> {
  const condition = conditionOf(filter) ?? sql`true`;
  const counted = await db
    .transaction(async (tx) => {
      await tx.execute(sql`select set_config('statement_timeout', ${String(COUNT_MS)}, true)`);
      const [row] = await tx.execute<{ n: number }>(
        sql`select count(*)::float8 as n from (select 1 from mes_cartons as c where ${condition} limit ${COUNTED + 1}) as few`,
      );
      return row!.n;
    })
    .catch((error: unknown) => {
      const code = (error as { cause?: { code?: unknown } }).cause?.code;
      if (code !== '57014') throw error;
      return null;
    });
  if (counted !== null && counted <= COUNTED) return { count: counted, isExact: true };
  const [plan] = await db.execute(sql`explain (format json) select 1 from mes_cartons as c where ${condition}`);
  const [{ Plan }] = plan!['QUERY PLAN'] as [{ Plan: { 'Plan Rows': number } }];
  return { count: Math.max(counted ?? 0, Math.round(Plan['Plan Rows'])), isExact: false };
}

/** What changed in rows of MES after they had come, newest first. */
export async function listMesChanges(
  db: Db,
  {
    imei,
    cycleId,
    before,
    limit,
  }: { imei?: string | undefined; cycleId?: number | undefined; before?: number | undefined; limit: number },
) {
  return db
    .select()
    .from(mesChanges)
    .where(
      and(
        imei === undefined ? undefined : eq(mesChanges.imei, imei),
        cycleId === undefined ? undefined : eq(mesChanges.cycleId, cycleId),
        before === undefined ? undefined : lt(mesChanges.id, before),
      ),
    )
    .orderBy(desc(mesChanges.id))
    .limit(limit);
}

/** Rows of MES that could not be taken, by table and key. */
export async function listMesRejected(
  db: Db,
  { after, limit }: { after: readonly [table: string, key: string]; limit: number },
) {
  return db
    .select()
    .from(mesRejected)
    .where(sql`(${mesRejected.mesTable}, ${mesRejected.rowKey}) > (${after[0]}, ${after[1]})`)
    .orderBy(mesRejected.mesTable, mesRejected.rowKey)
    .limit(limit);
}

export type { MesTable };
