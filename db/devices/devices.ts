/**
 * The registry: finding, listing, changing and deleting devices. Every function is given the department it may see.
 * How they come in is in `registration.ts`, many at once in `device-bulk.ts`.
 */
import { and, asc, desc, eq, getTableColumns, gt, inArray, lt, sql } from 'drizzle-orm';
import { deviceCondition, isScattered, type DeviceFilter } from './device-filter.ts';
import { countCommands } from '../commands/commands.ts';
import type { Db } from '../index.ts';
import { deviceContacts, deviceVersions, deviceUpgrades, devices, unknownDevices, versionUploads } from '../schema.ts';

/** One registration at a time: then no two of them can claim one identity or one IMEI. */
const REGISTRY_LOCK = 7_231_949;

export { deviceCondition, type DeviceFilter } from './device-filter.ts';

const { search: _search, ...DEVICE_COLUMNS } = getTableColumns(devices);

export type DeviceRow = Omit<typeof devices.$inferSelect, 'search'>;
export type DeviceListRow = DeviceRow & { lastSeenAt: Date | null; versions: Record<string, string> };

/** Fewer devices than these are found first and put in order then. */
const FEW = 20_000;

/** Devices by id, with what the list shows of each. */
export async function listDevices(
  db: Db,
  departmentId: number,
  filter: DeviceFilter,
  page: { after: string; limit: number },
): Promise<DeviceListRow[]> {
  const few = isScattered(filter) ? await findFew(db, departmentId, filter, page) : null;
  const fitting =
    few === null
      ? and(deviceCondition(departmentId, filter), gt(devices.id, page.after))
      : and(eq(devices.departmentId, departmentId), inArray(devices.id, few));
  if (few?.length === 0) return [];
  const rows = await db
    .select({
      device: DEVICE_COLUMNS,
      // For the rows of the page alone: joined, the database may read all contacts that lie before the page.
      lastSeenAt:
        sql<Date | null>`(select c.last_seen_at from ${deviceContacts} c where c.device_id = devices.id)`.mapWith(
          deviceContacts.lastSeenAt,
        ),
      versions: sql<Record<string, string>>`coalesce((select jsonb_object_agg(v.component, v.version)
        from ${deviceVersions} v where v.device_id = devices.id), '{}')`,
    })
    .from(devices)
    .where(fitting)
    .orderBy(asc(devices.id))
    .limit(page.limit);
  return rows.map(({ device, ...more }) => ({ ...device, ...more }));
}

/**
 * The ids of a page when few devices fit; null when many do. Asked for some rows in order, the database walks along the
 * order and compares, which for one device among millions is all of them. Found without an order it takes the index
 * that leads there; and when many fit, walking finds some soon.
 */
async function findFew(
  db: Db,
  departmentId: number,
  filter: DeviceFilter,
  { after, limit }: { after: string; limit: number },
): Promise<string[] | null> {
  const rows = await db.execute<{ id: string; total: number }>(sql`
    with few as materialized (
      select id from devices where ${deviceCondition(departmentId, filter)} and id > ${after} limit ${sql.raw(String(FEW + 1))}
    )
    select id, (select count(*) from few)::int as total from few order by id limit ${limit}`);
  return (rows[0]?.total ?? 0) > FEW ? null : rows.map(({ id }) => id);
}

/** Counting further takes longer than anybody waits for a number. */
const COUNT_EXACTLY = 100_000;

/** How many devices fit: exactly up to 100 000, beyond that what the database expects. */
export async function countDevices(
  db: Db,
  departmentId: number,
  filter: DeviceFilter,
  exactly = COUNT_EXACTLY,
): Promise<{ devices: number; isEstimated: boolean }> {
  const fitting = sql`from devices where ${deviceCondition(departmentId, filter)}`;
  const [counted] = await db.execute<{ total: number }>(
    sql`select count(*)::int as total from (select 1 ${fitting} limit ${exactly + 1}) found`,
  );
  if (counted!.total <= exactly) return { devices: counted!.total, isEstimated: false };
  const [plan] = await db.execute<{ 'QUERY PLAN': unknown }>(sql`explain (format json) select 1 ${fitting}`);
  const written = plan!['QUERY PLAN'];
  const [top] = (typeof written === 'string' ? JSON.parse(written) : written) as [{ Plan: { 'Plan Rows': number } }];
  return { devices: Math.max(Math.round(top.Plan['Plan Rows']), counted!.total), isEstimated: true };
}

/** One device with everything known of it; null when the department has no such device. */
export async function findDevice(db: Db, departmentId: number, deviceId: string) {
  const [device] = await db
    .select(DEVICE_COLUMNS)
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

/** Fields of a device that people change. */
export type DeviceChange = Partial<
  Pick<DeviceRow, 'model' | 'powerKw' | 'orderNo' | 'remark' | 'imei' | 'productionDate' | 'shipDate'>
>;

/** One device, kept as it is until the end of the transaction; null when the department has no such device. */
export async function lockDevice(tx: Db, departmentId: number, deviceId: string): Promise<DeviceRow | null> {
  const [device] = await tx
    .select(DEVICE_COLUMNS)
    .from(devices)
    .where(and(eq(devices.id, deviceId), eq(devices.departmentId, departmentId)))
    .for('update');
  return device ?? null;
}

/** From here to the end of the transaction nobody else registers devices or gives out IMEIs. */
export async function lockRegistry(tx: Db): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${REGISTRY_LOCK})`);
}

/** True when a device has this IMEI, in whatever department. */
export async function isImeiTaken(tx: Db, imei: string): Promise<boolean> {
  return (await tx.$count(devices, eq(devices.imei, imei))) > 0;
}

/** Writes fields of a locked device. Null clears a field. */
export async function updateDevice(tx: Db, deviceId: string, change: DeviceChange): Promise<void> {
  await tx
    .update(devices)
    .set({ ...change, revision: sql`revision + 1`, updatedAt: sql`now()` })
    .where(eq(devices.id, deviceId));
}

/** Deletes a locked device that never was in a task, with everything it reported. */
export async function deleteDevice(tx: Db, deviceId: string): Promise<'deleted' | 'has_upgrades' | 'has_commands'> {
  if ((await tx.$count(deviceUpgrades, eq(deviceUpgrades.deviceId, deviceId))) > 0) return 'has_upgrades';
  if ((await countCommands(tx, deviceId)) > 0) return 'has_commands';
  await tx.delete(devices).where(eq(devices.id, deviceId));
  return 'deleted';
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
