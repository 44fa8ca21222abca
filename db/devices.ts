/**
 * The registry: finding, listing and registering devices. Every function is given the department it may see.
 */
import { and, asc, desc, eq, gt, lt, sql, type SQL } from 'drizzle-orm';
import type { Db } from './index.ts';
import {
  deviceContacts,
  deviceVersions,
  deviceUpgrades,
  devices,
  unknownDevices,
  versionUploads,
  PROTOCOLS,
  type Protocol,
} from './schema.ts';

/** One registration at a time: then no two of them can claim one identity or one IMEI. */
const REGISTRY_LOCK = 7_231_949;

/** What a list or a task may be narrowed by; all given must fit. */
export interface DeviceFilter {
  protocol?: Protocol;
  model?: string;
  /** Beginning of an id, an identity or an IMEI. */
  q?: string;
}

export type DeviceRow = typeof devices.$inferSelect;
export type DeviceListRow = DeviceRow & { lastSeenAt: Date | null; versions: Record<string, string> };

/** What registration needs of a device; null means: not given, keep what is stored. */
export interface Registration {
  id: string;
  protocol: Protocol;
  identity: string;
  imei: string | null;
  model: string | null;
  productionDate: string | null;
  shipDate: string | null;
  remark: string | null;
}

export type RegistrationResult =
  | { status: 'created' | 'unchanged' | 'updated' }
  | { status: 'refused'; code: 'other_department' | 'imei_taken' | 'dates_wrong'; holder?: string };

type Stored = Omit<Registration, 'protocol' | 'identity'> & { departmentId: number };

/** The condition for a department's devices that fit a filter. Works with the keys, also for `q`. */
export function deviceCondition(departmentId: number, filter: DeviceFilter): SQL {
  const conditions = [eq(devices.departmentId, departmentId)];
  if (filter.protocol !== undefined) conditions.push(eq(devices.protocol, filter.protocol));
  if (filter.model !== undefined) conditions.push(eq(devices.model, filter.model));
  if (filter.q !== undefined && filter.q !== '') conditions.push(startsLike(filter.q));
  return and(...conditions)!;
}

/** Devices by id, with what the list shows of each. */
export async function listDevices(
  db: Db,
  departmentId: number,
  filter: DeviceFilter,
  page: { after: string; limit: number },
): Promise<DeviceListRow[]> {
  const rows = await db
    .select({
      device: devices,
      lastSeenAt: deviceContacts.lastSeenAt,
      versions: sql<Record<string, string>>`coalesce((select jsonb_object_agg(v.component, v.version)
        from ${deviceVersions} v where v.device_id = ${devices.id}), '{}')`,
    })
    .from(devices)
    .leftJoin(deviceContacts, eq(deviceContacts.deviceId, devices.id))
    .where(and(deviceCondition(departmentId, filter), gt(devices.id, page.after)))
    .orderBy(asc(devices.id))
    .limit(page.limit);
  return rows.map(({ device, ...more }) => ({ ...device, ...more }));
}

/** One device with everything known of it; null when the department has no such device. */
export async function findDevice(db: Db, departmentId: number, deviceId: string) {
  const [device] = await db
    .select()
    .from(devices)
    .where(and(eq(devices.id, deviceId), eq(devices.departmentId, departmentId)));
  if (device === undefined) return null;
  const [versions, [contact], [running]] = await Promise.all([
    db
      .select()
      .from(deviceVersions)
      .where(eq(deviceVersions.deviceId, deviceId))
      .orderBy(asc(deviceVersions.component)),
    db.select().from(deviceContacts).where(eq(deviceContacts.deviceId, deviceId)),
    db
      .select()
      .from(deviceUpgrades)
      .where(and(eq(deviceUpgrades.deviceId, deviceId), sql`dispatched_at is not null and finished_at is null`))
      .limit(1),
  ]);
  return { device, versions, contact: contact ?? null, running: running ?? null };
}

/** True when the department has this device. */
export async function hasDevice(db: Db, departmentId: number, deviceId: string): Promise<boolean> {
  return (await db.$count(devices, and(eq(devices.id, deviceId), eq(devices.departmentId, departmentId)))) > 0;
}

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
    await tx.execute(sql`select pg_advisory_xact_lock(${REGISTRY_LOCK})`);
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

/** Changes given fields of a device. Null clears a field; the caller has checked that the dates fit. */
export async function updateDevice(
  db: Db,
  departmentId: number,
  deviceId: string,
  change: (device: DeviceRow) => Partial<Pick<DeviceRow, 'model' | 'remark' | 'imei' | 'productionDate' | 'shipDate'>>,
): Promise<{ kind: 'done' } | { kind: 'missing' } | { kind: 'imei_taken' }> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${REGISTRY_LOCK})`);
    const mine = and(eq(devices.id, deviceId), eq(devices.departmentId, departmentId));
    const [device] = await tx.select().from(devices).where(mine).for('update');
    if (device === undefined) return { kind: 'missing' };
    const fields = change(device);
    if (fields.imei && fields.imei !== device.imei && (await tx.$count(devices, eq(devices.imei, fields.imei))) > 0) {
      return { kind: 'imei_taken' };
    }
    await tx
      .update(devices)
      .set({ ...fields, updatedAt: sql`now()` })
      .where(mine);
    return { kind: 'done' };
  });
}

/** Deletes a device that never was in a task, with everything it reported. */
export async function deleteDevice(
  db: Db,
  departmentId: number,
  deviceId: string,
): Promise<'deleted' | 'missing' | 'has_upgrades'> {
  return db.transaction(async (tx) => {
    const mine = and(eq(devices.id, deviceId), eq(devices.departmentId, departmentId));
    const [device] = await tx.select({ id: devices.id }).from(devices).where(mine).for('update');
    if (device === undefined) return 'missing';
    if ((await tx.$count(deviceUpgrades, eq(deviceUpgrades.deviceId, deviceId))) > 0) return 'has_upgrades';
    await tx.delete(devices).where(mine);
    return 'deleted';
  });
}

/** Version uploads of a device, newest first; `before` is the last id of the page before. */
export async function listVersionUploads(
  db: Db,
  deviceId: string,
  page: { before?: number | undefined; limit: number },
) {
  const conditions = [eq(versionUploads.deviceId, deviceId)];
  if (page.before !== undefined) conditions.push(lt(versionUploads.id, page.before));
  return db
    .select()
    .from(versionUploads)
    .where(and(...conditions))
    .orderBy(desc(versionUploads.id))
    .limit(page.limit);
}

/** Upgrades of a device, newest first. */
export async function listDeviceUpgrades(
  db: Db,
  departmentId: number,
  deviceId: string,
  page: { before?: number | undefined; limit: number },
): Promise<(typeof deviceUpgrades.$inferSelect)[]> {
  const conditions = [eq(deviceUpgrades.deviceId, deviceId), eq(deviceUpgrades.departmentId, departmentId)];
  if (page.before !== undefined) conditions.push(lt(deviceUpgrades.id, page.before));
  return db
    .select()
    .from(deviceUpgrades)
    .where(and(...conditions))
    .orderBy(desc(deviceUpgrades.id))
    .limit(page.limit);
}

/** Callers nobody registered, by protocol and identity. They belong to no department yet. */
export async function listUnknownDevices(db: Db, page: { after: readonly [string, string]; limit: number }) {
  const [protocol, identity] = page.after;
  return db
    .select()
    .from(unknownDevices)
    .where(sql`(protocol, identity) > (${protocol}, ${identity})`)
    .orderBy(asc(unknownDevices.protocol), asc(unknownDevices.identity))
    .limit(page.limit);
}

// ---------------------------------------------------------------- inside

/**
 * Ids begin with the protocol, so an identity that begins with `q` is an id that begins with `<protocol>-q`. The range
 * (no id holds a `z`) lets the index serve it in any collation; `starts_with` makes it exact.
 */
function startsLike(q: string): SQL {
  const upper = q.toUpperCase();
  const [, protocol, identity] = /^([a-z]+)(-.*)?$/.exec(q.toLowerCase()) ?? [];
  const beginnings = PROTOCOLS.map((name) => `${name}-${upper}`);
  if (protocol !== undefined) beginnings.push(protocol + (identity ?? '').toUpperCase());
  const ranges = beginnings.map(
    (beginning) =>
      sql`(devices.id >= ${beginning} and devices.id <= ${`${beginning}zz`} and starts_with(devices.id, ${beginning}))`,
  );
  if (/^\d+$/.test(q)) ranges.push(sql`(imei >= ${q} and imei <= ${`${q}zz`} and starts_with(imei, ${q}))`);
  return sql`(${sql.join(ranges, sql` or `)})`;
}

async function findStored(tx: Db, rows: readonly Registration[]): Promise<Stored[]> {
  const ids = JSON.stringify(rows.map((row) => row.id));
  const imeis = JSON.stringify(rows.map((row) => row.imei).filter((imei) => imei !== null));
  const columns = sql`id, imei, department_id as "departmentId", model, remark,
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
  const refused = (code: 'other_department' | 'imei_taken' | 'dates_wrong', holder?: string) => ({
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
    remark: row.remark ?? same?.remark ?? '',
    productionDate: row.productionDate ?? same?.productionDate ?? null,
    shipDate: row.shipDate ?? same?.shipDate ?? null,
  };
  if (merged.productionDate !== null && merged.shipDate !== null && merged.shipDate <= merged.productionDate) {
    return refused('dates_wrong');
  }
  if (same === undefined) return { result: { status: 'created' }, merged };
  const fields = ['imei', 'model', 'remark', 'productionDate', 'shipDate'] as const;
  const changed = fields.some((field) => merged[field] !== same[field]);
  return changed ? { result: { status: 'updated' }, merged } : { result: { status: 'unchanged' }, merged: null };
}

type Write = Registration & { isNew: boolean };

async function writeRegistrations(tx: Db, departmentId: number, author: string, rows: readonly Write[]): Promise<void> {
  const columns = sql`as x(id text, protocol text, identity text, imei text, model text, "productionDate" date, "shipDate" date, remark text)`;
  const input = (some: readonly Write[]) => sql`jsonb_to_recordset(${JSON.stringify(some)}::jsonb) ${columns}`;
  const [created, changed] = [rows.filter(({ isNew }) => isNew), rows.filter(({ isNew }) => !isNew)];
  if (created.length > 0) {
    await tx.execute(sql`
      with input as (select * from ${input(created)}), known as (
        delete from unknown_devices u using input x where u.protocol = x.protocol and u.identity = x.identity
      )
      insert into devices (id, protocol, identity, imei, department_id, model, production_date, ship_date, remark, created_by)
      select id, protocol, identity, imei, ${departmentId}::int, model, "productionDate", "shipDate", remark, ${author} from input`);
  }
  if (changed.length > 0) {
    await tx.execute(sql`
      update devices d set imei = x.imei, model = x.model, production_date = x."productionDate", ship_date = x."shipDate",
        remark = x.remark, updated_at = now()
      from ${input(changed)} where d.id = x.id and d.department_id = ${departmentId}`);
  }
}
