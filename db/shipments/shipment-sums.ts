/**
 * Do the sums of an order close? What was asked is counted when it is made; what became of it is counted from its
 * devices, and once more from what was written elsewhere: the total shipment record, the matched list, the MES list.
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { ShipmentReason } from '../../workflows/rules/shipments.ts';

/** The sums of an order. */
export interface ShipmentSums {
  asked: number;
  shipped: number;
  refused: number;
  open: number;
  /** Of those shipped: a customer was found. */
  classified: number;
  unmatched: number;
  refusedBy: { reason: ShipmentReason; devices: number }[];
  customers: { customer: string; rule: string; devices: number }[];
  closes: boolean;
  /** What does not fit, for people; empty: nothing. */
  wrong: string[];
}

/** Counts an order. */
export async function reconcileShipment(db: Db, shipmentId: number): Promise<ShipmentSums> {
  const [row] = await db.execute<
    Record<'asked' | 'counted' | 'shipped' | 'refused' | 'open' | 'classified' | 'unmatched', number> &
      Record<'records' | 'recordsClassified' | 'listed' | 'marked', number>
  >(sql`
    select s.asked, d.*, r.*,
      (select count(*) from matched_devices m where m.shipment_id = s.id)::int as listed,
      (select count(*) from shipment_devices x join mes_shipped h on h.imei = x.imei collate "C" and h.shipment_id = s.id
        where x.shipment_id = s.id and x.status = 'shipped')::int as marked
    from shipments s,
      lateral (select count(*)::int as counted, count(*) filter (where status = 'shipped')::int as shipped,
        count(*) filter (where status = 'refused')::int as refused, count(*) filter (where status = 'open')::int as open,
        count(*) filter (where status = 'shipped' and customer is not null)::int as classified,
        count(*) filter (where status = 'shipped' and customer is null)::int as unmatched
        from shipment_devices where shipment_id = s.id) d,
      lateral (select count(*)::int as records, count(customer)::int as "recordsClassified"
        from shipment_records where shipment_id = s.id) r
    where s.id = ${shipmentId}`);
  const refusedBy = await db.execute<ShipmentSums['refusedBy'][number] & Record<string, unknown>>(sql`
    select reason, count(*)::int as devices from shipment_devices where shipment_id = ${shipmentId} and status = 'refused'
    group by reason order by devices desc, reason`);
  const customers = await db.execute<ShipmentSums['customers'][number] & Record<string, unknown>>(sql`
    select customer, rule, count(*)::int as devices from shipment_devices
    where shipment_id = ${shipmentId} and customer is not null group by customer, rule order by devices desc, rule`);
  const { asked, counted, shipped, refused, open, classified, unmatched, ...elsewhere } = row!;
  const { records, recordsClassified, listed, marked } = elsewhere;
  const wrong = [
    asked === counted ? '' : `${asked} devices were asked for and ${counted} are there`,
    counted === shipped + refused + open ? '' : `of ${counted} devices ${shipped + refused + open} are accounted for`,
    shipped === classified + unmatched ? '' : `${shipped} are shipped, ${classified} classified, ${unmatched} not`,
    shipped === records ? '' : `${shipped} are shipped and ${records} have a total shipment record`,
    classified === recordsClassified ? '' : `${classified} have a customer and ${recordsClassified} records name one`,
    classified === listed ? '' : `${classified} have a customer and ${listed} are in the matched list`,
    shipped === marked ? '' : `${shipped} are shipped and ${marked} are marked so in the MES list`,
  ].filter((words) => words !== '');
  const sums = { asked, shipped, refused, open, classified, unmatched };
  return { ...sums, refusedBy: [...refusedBy], customers: [...customers], closes: wrong.length === 0, wrong };
}
