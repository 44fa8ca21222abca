/**
 * Registering devices, many at once: what is new, what changes, what is refused.
 */
import { sql } from 'drizzle-orm';
import { lockRegistry } from './devices.ts';
import type { Db } from '../index.ts';
import type { Protocol } from '../schema.ts';

/** What registration needs of a device; null means: not given, keep what is stored. */
export interface Registration {
  id: string;
  protocol: Protocol;
  identity: string;
  imei: string | null;
  model: string | null;
  /** Of a pile. */
  powerKw: number | null;
  productionDate: string | null;
  shipDate: string | null;
  orderNo: string | null;
  remark: string | null;
}

/** `pile_incomplete`: a pile without model or power would be one that no file fits. */
export type RefusalCode = 'other_department' | 'imei_taken' | 'dates_wrong' | 'pile_incomplete';

export type RegistrationResult =
  | { status: 'created' | 'unchanged' }
  /** The fields that can change, as they were and as they are. */
  | { status: 'updated'; before: RegisteredFields; after: RegisteredFields }
  | { status: 'refused'; code: RefusalCode; holder?: string };

const FIELDS = ['imei', 'model', 'powerKw', 'productionDate', 'shipDate', 'orderNo', 'remark'] as const;
export type RegisteredFields = Pick<Registration, (typeof FIELDS)[number]>;

type Stored = Omit<Registration, 'protocol' | 'identity'> & { departmentId: number };

/**
 * Registers some devices in one transaction and says for each what came of it, in order. No device and no IMEI may
 * occur twice in `rows`.
 */
export async function registerDevices(
  db: Db,
  departmentId: number,
  author: string,
  rows: readonly Registration[],
): Promise<RegistrationResult[]> {
  if (rows.length === 0) return [];
  return db.transaction(async (tx) => {
    await lockRegistry(tx);
    const stored = await findStored(tx, rows);
    const byId = new Map(stored.map((row) => [row.id, row]));
    const byImei = new Map(stored.map((row) => [row.imei, row]));
    const results: RegistrationResult[] = [];
    const write: Write[] = [];
    for (const row of rows) {
      const { result, merged } = judge(
        row,
        byId.get(row.id),
        row.imei === null ? undefined : byImei.get(row.imei),
        departmentId,
      );
      results.push(result);
      if (merged !== null) write.push(merged);
    }
    await writeRegistrations(tx, departmentId, author, write);
    return results;
  });
}

async function findStored(tx: Db, rows: readonly Registration[]): Promise<Stored[]> {
  const ids = JSON.stringify(rows.map((row) => row.id));
  const imeis = JSON.stringify(rows.map((row) => row.imei).filter((imei) => imei !== null));
  const columns = sql`id, imei, department_id as "departmentId", model, power_kw as "powerKw", order_no as "orderNo", remark,
    production_date::text as "productionDate", ship_date::text as "shipDate"`;
  return tx.execute<Stored & Record<string, unknown>>(sql`
    select ${columns} from devices where id in (select jsonb_array_elements_text(${ids}::jsonb))
    union
    select ${columns} from devices where imei in (select jsonb_array_elements_text(${imeis}::jsonb))`);
}

/** Decides on one row by what is stored under its id and under its IMEI. */
function judge(
  row: Registration,
  same: Stored | undefined,
  sameImei: Stored | undefined,
  departmentId: number,
): { result: RegistrationResult; merged: Write | null } {
  const refused = (code: RefusalCode, holder?: string) => ({
    result: { status: 'refused' as const, code, ...(holder === undefined ? {} : { holder }) },
    merged: null,
  });
  if (same !== undefined && same.departmentId !== departmentId) return refused('other_department');
  if (sameImei !== undefined && sameImei.id !== row.id) {
    return refused('imei_taken', sameImei.departmentId === departmentId ? sameImei.id : undefined);
  }
  const merged = {
    ...row,
    isNew: same === undefined,
    imei: row.imei ?? same?.imei ?? null,
    model: row.model ?? same?.model ?? '',
    powerKw: row.powerKw ?? same?.powerKw ?? null,
    orderNo: row.orderNo ?? same?.orderNo ?? '',
    remark: row.remark ?? same?.remark ?? '',
    productionDate: row.productionDate ?? same?.productionDate ?? null,
    shipDate: row.shipDate ?? same?.shipDate ?? null,
  };
  if (merged.productionDate !== null && merged.shipDate !== null && merged.shipDate <= merged.productionDate) {
    return refused('dates_wrong');
  }
  if (row.protocol === 'pile' && (merged.model === '' || merged.powerKw === null)) return refused('pile_incomplete');
  if (same === undefined) return { result: { status: 'created' }, merged };
  if (FIELDS.every((field) => merged[field] === same[field])) return { result: { status: 'unchanged' }, merged: null };
  return { result: { status: 'updated', before: fieldsOf(same), after: fieldsOf(merged) }, merged };
}

function fieldsOf(row: RegisteredFields): RegisteredFields {
  const { imei, model, powerKw, productionDate, shipDate, orderNo, remark } = row;
  return { imei, model, powerKw, productionDate, shipDate, orderNo, remark };
}

type Write = Registration & { isNew: boolean };

async function writeRegistrations(tx: Db, departmentId: number, author: string, rows: readonly Write[]): Promise<void> {
  const columns = sql`as x(id text, protocol text, identity text, imei text, model text, "powerKw" int, "productionDate" date, "shipDate" date, "orderNo" text, remark text)`;
  const input = (some: readonly Write[]) => sql`jsonb_to_recordset(${JSON.stringify(some)}::jsonb) ${columns}`;
  const [created, changed] = [rows.filter(({ isNew }) => isNew), rows.filter(({ isNew }) => !isNew)];
  if (created.length > 0) {
    await tx.execute(sql`
      with input as (select * from ${input(created)}), known as (
        delete from unknown_devices u using input x where u.protocol = x.protocol and u.identity = x.identity
      )
      insert into devices (id, protocol, identity, imei, department_id, model, power_kw, production_date, ship_date, order_no, remark, created_by)
      select id, protocol, identity, imei, ${departmentId}::int, model, "powerKw", "productionDate", "shipDate", "orderNo", remark, ${author} from input`);
  }
  if (changed.length > 0) {
    await tx.execute(sql`
      update devices d set imei = x.imei, model = x.model, power_kw = x."powerKw", production_date = x."productionDate", ship_date = x."shipDate",
        order_no = x."orderNo", remark = x.remark, revision = d.revision + 1, updated_at = now()
      from ${input(changed)} where d.id = x.id and d.department_id = ${departmentId}`);
  }
}
