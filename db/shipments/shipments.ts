/**
 * The work on an order of primary shipment: some devices at a time, each chunk one transaction that holds everything
 * about its devices, and the end with its sums.
 *
 * A device is open or it has ended, and all that belongs to its end is written with it: registration, total shipment
 * record, matched list, the mark for the MES list. So a process that dies leaves nothing that the next one would do
 * twice, and two that work on one order wait for each other and find nothing left.
 */
import { sql } from 'drizzle-orm';
import { readRules } from './classification.ts';
import { lockRegistry } from '../devices/devices.ts';
import { InvariantError, type Db } from '../index.ts';
import { registerDevices, type RefusalCode, type Registration } from '../devices/registration.ts';
import { judgeDevice, readDeviceFacts, type DeviceFacts, type Judgement } from './shipment-facts.ts';
import { reconcileShipment, type ShipmentSums } from './shipment-sums.ts';
import { ruleWords } from '../../workflows/rules/customers.ts';
import type { ShipmentReason, ShipmentStatus } from '../../workflows/rules/shipments.ts';

/** What a chunk came to. */
export interface ShippedChunk {
  shipped: number;
  refused: number;
}

interface Taken {
  place: number;
  facts: DeviceFacts;
  judgement: Judgement;
}

interface OrderRow {
  departmentId: number;
  company: string;
  shipDate: string;
  remark: string;
  createdBy: string;
}

/** What the registry calls a refusal. */
const REFUSALS: Record<RefusalCode, ShipmentReason> = {
  other_department: 'other_department',
  imei_taken: 'imei_taken',
  dates_wrong: 'not_after_production',
  pile_incomplete: 'imei_taken',
};

/** Ships the next devices of an order, at most so many. Nothing shipped and nothing refused: none is open. */
export async function shipChunk(db: Db, shipmentId: number, most: number): Promise<ShippedChunk> {
  return db.transaction(async (tx) => {
    const order = await takeOrder(tx, shipmentId);
    const open = await tx.execute<{ place: number; imei: string }>(sql`
      select place, imei from shipment_devices where shipment_id = ${shipmentId} and status = 'open' order by place limit ${most}`);
    if (open.length === 0) return { shipped: 0, refused: 0 };
    // From here on nobody else registers or ships; what is read now holds until the end.
    await lockRegistry(tx);
    const list = await readRules(tx);
    const known = await readDeviceFacts(
      tx,
      open.map(({ imei }) => imei),
    );
    const taken = open.map(({ place, imei }): Taken => {
      const facts = known.get(imei)!;
      return { place, facts, judgement: judgeDevice(facts, order, list) };
    });
    await register(tx, order, taken);
    const shipped = taken.filter(({ judgement }) => judgement.reason === null);
    await writeShipped(tx, { shipmentId, order, revision: list.revision }, shipped);
    await writeEnds(tx, shipmentId, taken);
    return { shipped: shipped.length, refused: taken.length - shipped.length };
  });
}

async function takeOrder(tx: Db, shipmentId: number): Promise<OrderRow> {
  const [row] = await tx.execute<OrderRow & Record<string, unknown>>(sql`
    select department_id as "departmentId", company, ship_date::text as "shipDate", remark, created_by as "createdBy"
    from shipments where id = ${shipmentId} for update`);
  if (row === undefined) throw new InvariantError(`shipment ${shipmentId} does not exist`);
  return row;
}

/** Registers those that go; whom the registry refuses nevertheless, does not go. */
async function register(tx: Db, { departmentId, shipDate, remark, createdBy }: OrderRow, taken: readonly Taken[]) {
  const going = taken.filter(({ judgement }) => judgement.reason === null);
  const results = await registerDevices(
    tx,
    departmentId,
    createdBy,
    going.map(({ facts }): Registration => ({
      id: facts.deviceId,
      protocol: facts.protocol,
      identity: facts.identity,
      imei: facts.imei,
      model: facts.model,
      powerKw: null,
      productionDate: facts.productionDate,
      shipDate,
      orderNo: facts.orderNo,
      remark: remark === '' ? null : remark,
    })),
  );
  for (const [index, result] of results.entries()) {
    if (result.status === 'refused') going[index]!.judgement.reason = REFUSALS[result.code];
  }
}

async function writeShipped(
  tx: Db,
  { shipmentId, order, revision }: { shipmentId: number; order: OrderRow; revision: number },
  shipped: readonly Taken[],
): Promise<void> {
  if (shipped.length === 0) return;
  const rows = shipped.map(({ facts, judgement: { company, companyBy, fired } }) => ({
    ...facts,
    company,
    companyBy,
    fired,
    customer: fired?.customer ?? null,
    rule: fired && ruleWords(fired),
  }));
  await tx.execute(sql`
    with input as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as x(imei text, "mesId" bigint, "orderNo" text,
        carton text, model text, version text, "mesCompany" text, rid text, sn text, sim text, iccid text,
        "productionDate" date, "deviceId" text, company text, "companyBy" text, fired jsonb, customer text, rule text)
    ), recorded as (
      insert into shipment_records (imei, shipment_id, department_id, device_id, mes_id, order_no, carton, model, version,
        sn, sim, iccid, rid, company, company_by, mes_company, production_date, ship_date, remark, customer, rule,
        rules_revision, shipped_by)
      select imei, ${shipmentId}, ${order.departmentId}, "deviceId", "mesId", coalesce("orderNo", ''), coalesce(carton, ''),
        coalesce(model, ''), coalesce(version, ''), coalesce(sn, ''), coalesce(sim, ''), coalesce(iccid, ''),
        coalesce(rid, ''), coalesce(company, ''), "companyBy", coalesce("mesCompany", ''), "productionDate",
        ${order.shipDate}::date, ${order.remark}, customer, nullif(fired, 'null'::jsonb), ${revision}, ${order.createdBy}
      from input
    ), marked as (
      insert into mes_shipped (imei, shipment_id, department_id) select imei, ${shipmentId}, ${order.departmentId} from input
    )
    insert into matched_devices (imei, department_id, customer, rule, device_id, shipment_id)
    select imei, ${order.departmentId}, customer, rule, "deviceId", ${shipmentId} from input where customer is not null
    on conflict (imei) do update set department_id = excluded.department_id, customer = excluded.customer,
      rule = excluded.rule, device_id = excluded.device_id, shipment_id = excluded.shipment_id`);
}

async function writeEnds(tx: Db, shipmentId: number, taken: readonly Taken[]): Promise<void> {
  const rows = taken.map(({ place, facts, judgement: { reason, words, fired } }) => ({
    place,
    reason,
    words,
    deviceId: reason === null ? facts.deviceId : null,
    customer: reason === null ? (fired?.customer ?? null) : null,
    rule: reason === null && fired !== null ? ruleWords(fired) : null,
  }));
  await tx.execute(sql`
    update shipment_devices d set status = case when x.reason is null then 'shipped' else 'refused' end, reason = x.reason,
      words = x.words, device_id = x."deviceId", customer = x.customer, rule = x.rule, finished_at = clock_timestamp()
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as x(place int, reason text, words text, "deviceId" text, customer text, rule text)
    where d.shipment_id = ${shipmentId} and d.place = x.place and d.status = 'open'`);
}

/** Refuses what is open of an order; what was shipped stays shipped. Returns how many. */
export async function stopShipment(db: Db, shipmentId: number, author: string): Promise<number> {
  return db.transaction(async (tx) => {
    await takeOrder(tx, shipmentId);
    const rows = await tx.execute(sql`
      update shipment_devices set status = 'refused', reason = 'stopped', finished_at = clock_timestamp()
      where shipment_id = ${shipmentId} and status = 'open' returning 1`);
    await tx.execute(sql`
      update shipments set stopped_by = coalesce(stopped_by, ${author}) where id = ${shipmentId} and status = 'running'`);
    return rows.length;
  });
}

/** How an order ended. */
export interface ShipmentEnd {
  status: ShipmentStatus;
  sums: ShipmentSums;
}

/**
 * Ends an order of which every device has ended: with its sums and an event. Null: devices are open. Repeating it
 * changes nothing.
 */
export async function finishShipment(db: Db, shipmentId: number): Promise<ShipmentEnd | null> {
  return db.transaction(async (tx) => {
    const [row] = await tx.execute<{ status: ShipmentStatus; departmentId: number }>(sql`
      select status, department_id as "departmentId" from shipments where id = ${shipmentId} for update`);
    if (row === undefined) throw new InvariantError(`shipment ${shipmentId} does not exist`);
    const sums = await reconcileShipment(tx, shipmentId);
    if (row.status !== 'running') return { status: row.status, sums };
    if (sums.open > 0) return null;
    const status = sums.closes ? 'finished' : 'red';
    const data = JSON.stringify({ shipmentId, status, ...sums });
    await tx.execute(sql`
      with ended as (
        update shipments set status = ${status}, finished_at = clock_timestamp(), result = ${JSON.stringify(sums)}::jsonb
        where id = ${shipmentId} returning id
      )
      insert into events (department_id, kind, data)
      select ${row.departmentId}, 'shipment.finished', ${data}::jsonb from ended`);
    return { status, sums };
  });
}

/** Orders that are not finished: their workflows run, or should. Those of a trigger that fires belong to it. */
export async function findRunningOrders(db: Db, limit: number) {
  const rows = await db.execute<{ id: number; department: string; devices: number; what: string }>(sql`
    select s.id::float8 as id, d.name as department, s.asked as devices,
      coalesce(s.selection->>'order', s.selection->>'carton', 'devices by IMEI') as what
    from shipments s join departments d on d.id = s.department_id
    where s.status = 'running' and s.created_at < clock_timestamp() - interval '5 seconds'
      and not exists (select 1 from trigger_firings f where f.shipment_id = s.id and f.status = 'firing')
    order by s.id limit ${limit}`);
  return [...rows];
}
