/**
 * Orders of primary shipment and the total shipment record as people see them. Always of one department.
 */
import { and, asc, desc, eq, gt, gte, lt, lte, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { shipmentDevices, shipmentRecords, shipments } from '../schema.ts';
import type { ShipmentDeviceStatus, ShipmentReason, ShipmentStatus } from '../../workflows/rules/shipments.ts';

export type ShipmentRow = typeof shipments.$inferSelect;
export type ShipmentDeviceRow = typeof shipmentDevices.$inferSelect;
export type ShipmentRecordRow = typeof shipmentRecords.$inferSelect;

/** What a list of orders may be narrowed by; all given must fit. */
export interface ShipmentFilter {
  status?: ShipmentStatus;
  createdBy?: string;
  imei?: string;
  order?: string;
  carton?: string;
}

/** A page of orders, newest first. */
export async function listShipments(
  db: Db,
  departmentId: number,
  { status, createdBy, imei, order, carton }: ShipmentFilter,
  page: { before?: number | undefined; limit: number },
): Promise<ShipmentRow[]> {
  const s = shipments;
  return db
    .select()
    .from(s)
    .where(
      and(
        eq(s.departmentId, departmentId),
        status === undefined ? undefined : eq(s.status, status),
        createdBy === undefined ? undefined : eq(s.createdBy, createdBy),
        order === undefined ? undefined : sql`${s.selection}->>'order' = ${order}`,
        carton === undefined ? undefined : sql`${s.selection}->>'carton' = ${carton}`,
        imei === undefined
          ? undefined
          : sql`${s.id} = any(array(select shipment_id from shipment_devices where imei = ${imei}))`,
        page.before === undefined ? undefined : lt(s.id, page.before),
      ),
    )
    .orderBy(desc(s.id))
    .limit(page.limit);
}

/** One order of the department, or null. */
export async function findShipment(
  db: Db,
  departmentId: number,
  id: number,
  { lock = false } = {},
): Promise<ShipmentRow | null> {
  const query = db
    .select()
    .from(shipments)
    .where(and(eq(shipments.departmentId, departmentId), eq(shipments.id, id)));
  const [row] = await (lock ? query.for('update') : query);
  return row ?? null;
}

/** A page of the devices of an order, in the sequence in which they were named. */
export async function listShipmentDevices(
  db: Db,
  shipmentId: number,
  filter: { status?: ShipmentDeviceStatus; reason?: ShipmentReason; imei?: string; customer?: string },
  page: { after: number; limit: number },
): Promise<ShipmentDeviceRow[]> {
  const d = shipmentDevices;
  const { status, reason, imei, customer } = filter;
  return db
    .select()
    .from(d)
    .where(
      and(
        eq(d.shipmentId, shipmentId),
        status === undefined ? undefined : eq(d.status, status),
        reason === undefined ? undefined : and(eq(d.status, 'refused'), eq(d.reason, reason)),
        imei === undefined ? undefined : eq(d.imei, imei),
        customer === undefined ? undefined : eq(d.customer, customer),
        gt(d.place, page.after),
      ),
    )
    .orderBy(asc(d.place))
    .limit(page.limit);
}

/** What the total shipment record may be searched by; all given must fit, whole and exactly. */
export interface RecordFilter {
  imei?: string;
  order?: string;
  carton?: string;
  model?: string;
  company?: string;
  customer?: string;
  /** False: those without a customer. */
  classified?: boolean;
  shipmentId?: number;
  /** Ship dates, both included. */
  from?: string;
  to?: string;
}

/** Behind the last row of a page. */
export interface RecordPlace {
  shipDate: string;
  id: number;
}

/** What `recordPlaceOf` writes: days since 1970 and id; all that looks so is a place. */
export const RECORD_PLACE = String.raw`^(-\d{1,5}|\d{1,7})_\d{1,15}$`;
const DAY_MS = 86_400_000;
/** 9999-12-31 */
const LAST_DAY = 2_932_896;

export function recordPlaceOf({ shipDate, id }: ShipmentRecordRow): string {
  return `${Date.parse(shipDate) / DAY_MS}_${id}`;
}

/** Reads what `recordPlaceOf` wrote. */
export function readRecordPlace(text: string): RecordPlace {
  const [days, id] = text.split('_').map(Number) as [number, number];
  return { shipDate: new Date(Math.min(days, LAST_DAY) * DAY_MS).toISOString().slice(0, 10), id };
}

/** A page of the total shipment record, latest ship date first. */
export async function listShipmentRecords(
  db: Db,
  departmentId: number,
  filter: RecordFilter,
  { after, limit }: { after: RecordPlace | null; limit: number },
): Promise<ShipmentRecordRow[]> {
  const r = shipmentRecords;
  const { imei, order, carton, model, company, customer, classified, shipmentId, from, to } = filter;
  return db
    .select()
    .from(r)
    .where(
      and(
        eq(r.departmentId, departmentId),
        imei === undefined ? undefined : eq(r.imei, imei),
        order === undefined ? undefined : eq(r.orderNo, order),
        carton === undefined ? undefined : eq(r.carton, carton),
        model === undefined ? undefined : eq(r.model, model),
        company === undefined ? undefined : eq(r.company, company),
        customer === undefined ? undefined : eq(r.customer, customer),
        classified === undefined ? undefined : sql`(${r.customer} is not null) = ${classified}`,
        shipmentId === undefined ? undefined : eq(r.shipmentId, shipmentId),
        from === undefined ? undefined : gte(r.shipDate, from),
        to === undefined ? undefined : lte(r.shipDate, to),
        after === null ? undefined : sql`(${r.shipDate}, ${r.id}) < (${after.shipDate}::date, ${after.id})`,
      ),
    )
    .orderBy(desc(r.shipDate), desc(r.id))
    .limit(limit);
}
