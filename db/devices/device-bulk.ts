/**
 * Changing and deleting many devices in one transaction. For each it is told what came of it, with the device as it was.
 */
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { DeviceRow } from './devices.ts';
import type { Db } from '../index.ts';
import { deviceUpgrades, devices } from '../schema.ts';

/** What many devices can be changed to at once. */
export type BulkChange = Partial<Pick<DeviceRow, 'model' | 'powerKw' | 'orderNo' | 'remark'>>;

/** What a person would want to see of a device that is gone. */
export type DeviceFields = Pick<
  DeviceRow,
  'id' | 'protocol' | 'imei' | 'model' | 'powerKw' | 'orderNo' | 'remark' | 'productionDate' | 'shipDate'
>;

const FIELDS = {
  id: devices.id,
  protocol: devices.protocol,
  imei: devices.imei,
  model: devices.model,
  powerKw: devices.powerKw,
  orderNo: devices.orderNo,
  remark: devices.remark,
  productionDate: devices.productionDate,
  shipDate: devices.shipDate,
};

/** A department's devices among `ids`, kept as they are until the end of the transaction; in the order of ids, so that two such requests do not wait for each other for ever. */
export async function lockDevices(tx: Db, departmentId: number, ids: readonly string[]): Promise<DeviceFields[]> {
  return tx
    .select(FIELDS)
    .from(devices)
    .where(and(eq(devices.departmentId, departmentId), inArray(devices.id, [...ids])))
    .orderBy(asc(devices.id))
    .for('update');
}

/** Writes the same fields of locked devices. */
export async function updateDevices(tx: Db, ids: readonly string[], change: BulkChange): Promise<void> {
  if (ids.length === 0) return;
  await tx
    .update(devices)
    .set({ ...change, revision: sql`revision + 1`, updatedAt: sql`now()` })
    .where(inArray(devices.id, [...ids]));
}

/** Which of the devices were in a task; these cannot be deleted. */
export async function findWithUpgrades(tx: Db, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx
    .selectDistinct({ deviceId: deviceUpgrades.deviceId })
    .from(deviceUpgrades)
    .where(inArray(deviceUpgrades.deviceId, [...ids]));
  return new Set(rows.map(({ deviceId }) => deviceId));
}

/** Deletes locked devices that were in no task, with everything they reported. */
export async function deleteDevices(tx: Db, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.delete(devices).where(inArray(devices.id, [...ids]));
}
