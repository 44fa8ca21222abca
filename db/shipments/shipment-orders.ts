/**
 * Makes an order of primary shipment: one row for it, one for each device that it names. What belongs to an order is
 * written down when it is made; rows that MES gets later are not part of it.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { matchCondition } from './trigger-match.ts';
import { shipments, type ShipmentSelection, type TriggerMatch } from '../schema.ts';

/** Most devices of one order. */
export const MOST_SHIPPED = 500_000;

/** Which devices. */
export type ShipmentDevices =
  | { imeis: readonly string[] }
  | { order: string }
  | { carton: string }
  | { triggerId: number; cycleId: number; match: TriggerMatch };

/** An order that was checked. */
export interface ShipmentOrder {
  departmentId: number;
  company: string;
  shipDate: string;
  remark: string;
  createdBy: string;
  devices: ShipmentDevices;
}

/**
 * Makes the order. To be called in a transaction, which the caller rolls back when nothing or too much was named.
 *
 * @returns its id, and how many devices it names
 */
export async function insertShipment(tx: Db, order: ShipmentOrder): Promise<{ id: number; asked: number }> {
  const { devices, ...info } = order;
  const [row] = await tx
    .insert(shipments)
    .values({ ...info, selection: selectionOf(devices), asked: 0 })
    .returning({ id: shipments.id });
  const id = row!.id;
  const [count] = await tx.execute<{ asked: number }>(sql`
    with named as (${namedBy(devices)}), stored as (
      insert into shipment_devices (shipment_id, place, imei, status, reason, words, finished_at)
      select ${id}, place, imei, case when first is null then 'open' else 'refused' end,
        case when first is not null then 'duplicate' end,
        case when first is not null then 'it is number ' || first || ' of the order' else '' end,
        case when first is not null then clock_timestamp() end
      from named
      returning 1
    )
    select count(*)::int as asked from stored`);
  const { asked } = count!;
  await tx.execute(sql`update shipments set asked = ${asked} where id = ${id}`);
  return { id, asked };
}

/** The IMEIs that an order would name, in its sequence, and of each whether it was named before. */
export async function readNamed(db: Db, devices: ShipmentDevices): Promise<{ imei: string; first: number | null }[]> {
  const rows = await db.execute<{ imei: string; first: number | null }>(sql`
    select imei, first::float8 as first from (${namedBy(devices)}) as named order by place`);
  return [...rows];
}

/** Rows of place, IMEI, and the place at which the same IMEI was named before. */
function namedBy(devices: ShipmentDevices): SQL {
  if ('imeis' in devices) {
    return sql`select place::int, imei, case when before < place then before end as first
      from (select place, imei, min(place) over (partition by imei) as before
        from jsonb_array_elements_text(${JSON.stringify(devices.imeis)}::jsonb) with ordinality as given(imei, place)) as given`;
  }
  return sql`select (row_number() over (order by box_no, imei))::int as place, imei, null::bigint as first
    from (${packedLast(conditionOf(devices))} limit ${MOST_SHIPPED + 1}) as packed`;
}

function conditionOf(devices: Exclude<ShipmentDevices, { imeis: unknown }>): SQL {
  if ('order' in devices) return sql`c.zhidan = ${devices.order}`;
  if ('carton' in devices) return sql`c.box_no = ${devices.carton}`;
  return sql`c.cycle_id = ${devices.cycleId} and ${matchCondition(devices.match)}`;
}

/** A device that was packed again belongs to where it was packed last. */
function packedLast(condition: SQL): SQL {
  return sql`select c.imei, c.box_no from mes_cartons c
    where ${condition} and not exists (select 1 from mes_cartons l where l.imei = c.imei and l.id > c.id)`;
}

function selectionOf(devices: ShipmentDevices): ShipmentSelection {
  if ('imeis' in devices) return { by: 'imeis', imeis: devices.imeis.length };
  if ('order' in devices) return { by: 'order', order: devices.order };
  if ('carton' in devices) return { by: 'carton', carton: devices.carton };
  return { by: 'trigger', triggerId: devices.triggerId, cycleId: devices.cycleId };
}
