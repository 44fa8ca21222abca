/**
 * What is known of devices before they are shipped, and what follows from it. The plan and the shipment read and judge
 * here, so what is planned is what happens.
 */
import { sql } from 'drizzle-orm';
import type { RuleList } from './classification.ts';
import type { Db } from '../index.ts';
import type { Protocol } from '../schema.ts';
import { classify, type FiredRule } from '../../workflows/rules/customers.ts';
import { companyOf, refusalOf, type ClassifiedBy, type ShipmentReason } from '../../workflows/rules/shipments.ts';

/** A device as MES, the registry and the total shipment record have it. */
export interface DeviceFacts {
  imei: string;
  mesId: number | null;
  orderNo: string | null;
  carton: string | null;
  model: string | null;
  version: string | null;
  mesCompany: string | null;
  rid: string | null;
  sn: string | null;
  sim: string | null;
  iccid: string | null;
  /** Of the carton row that came last, in Beijing; without one of the sheet, without that of the registry. */
  productionDate: string | null;
  protocol: Protocol;
  /** What it is registered as, or will be. */
  deviceId: string;
  identity: string;
  registeredIn: number | null;
  /** Its name in the registry belongs to a device with another IMEI. */
  isTaken: boolean;
  shippedTo: number | null;
  shippedIn: number | null;
}

/** Reads what is known of some devices; no IMEI twice. Found by their keys, however many there are. */
export async function readDeviceFacts(db: Db, imeis: readonly string[]): Promise<Map<string, DeviceFacts>> {
  // `id + 0`: found by IMEI and then put in order; never by walking along the ids until one fits
  const day = sql`(coalesce(c.test_time, s.test_time) at time zone 'Asia/Shanghai')::date`;
  const rows = await db.execute<DeviceFacts & Record<string, unknown>>(sql`
    with named as materialized (select jsonb_array_elements_text(${JSON.stringify(imeis)}::jsonb) as imei),
    packed as materialized (
      select n.imei, c.id, c.zhidan, c.box_no, c.soft_model, c.version, c.company_name, c.remark2,
        s.sn, s.imei2, s.imei3, s.imei4, ${day} as day, coalesce(p.protocol, 'ams') as protocol
      from named n
      left join lateral (select * from mes_cartons c where c.imei = n.imei order by c.id + 0 desc limit 1) c on true
      left join lateral (select * from mes_sheets s where s.imei1 = n.imei limit 1) s on true
      left join model_protocols p on p.model = c.soft_model collate "default"
    )
    select n.imei, n.id::float8 as "mesId", n.zhidan as "orderNo", n.box_no as carton, n.soft_model as model, n.version,
      n.company_name as "mesCompany", n.remark2 as rid, coalesce(n.sn, n.imei2) as sn, n.imei3 as sim, n.imei4 as iccid,
      coalesce(n.day, d.production_date, e.production_date)::text as "productionDate",
      coalesce(d.protocol, n.protocol) as protocol, coalesce(d.id, n.protocol || '-' || n.imei) as "deviceId",
      coalesce(d.identity, n.imei) as identity, coalesce(d.department_id, e.department_id) as "registeredIn",
      d.id is null and e.imei is not null and e.imei <> n.imei as "isTaken",
      coalesce(r.department_id, h.department_id) as "shippedTo", coalesce(r.shipment_id, h.shipment_id)::float8 as "shippedIn"
    from packed n
    left join lateral (select * from devices d where d.imei = n.imei limit 1) d on true
    left join lateral (select * from devices e where e.id = n.protocol || '-' || n.imei limit 1) e on true
    left join lateral (select * from shipment_records r where r.imei = n.imei and r.kind = 'primary' limit 1) r on true
    left join lateral (select * from mes_shipped h where h.imei = n.imei limit 1) h on true`);
  return new Map(rows.map((row) => [row.imei, row]));
}

/** The shipping information of an order. */
export interface ShippingInfo {
  departmentId: number;
  /** Empty: each device's own. */
  company: string;
  /** YYYY-MM-DD */
  shipDate: string;
}

/** What becomes of a device. */
export interface Judgement {
  reason: ShipmentReason | null;
  /** What more there is to say of a refusal. */
  words: string;
  company: string | null;
  companyBy: ClassifiedBy;
  fired: FiredRule | null;
}

/** Decides about one device and finds its customer. */
export function judgeDevice(facts: DeviceFacts, info: ShippingInfo, list: RuleList): Judgement {
  const { imei, mesId, productionDate, shippedTo, shippedIn, registeredIn, isTaken, mesCompany } = facts;
  const known = { imei, isPacked: mesId !== null, productionDate, shippedTo, registeredIn };
  const reason = refusalOf(known, info) ?? (isTaken ? 'imei_taken' : null);
  const { company, by: companyBy } = companyOf(info.company, mesCompany);
  const rule = reason === null ? classify(company, list.rules) : null;
  const fired = rule && { number: rule.number, words: rule.words, customer: rule.customer, revision: list.revision };
  const words =
    reason === 'already_shipped' && shippedIn !== null
      ? `it is in shipment ${shippedIn}`
      : reason === 'not_after_production'
        ? `it was produced on ${productionDate}`
        : '';
  return { reason, words, company, companyBy, fired };
}
