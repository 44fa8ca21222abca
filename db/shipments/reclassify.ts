/**
 * Classifies devices anew that were shipped before, by the rules of now: for where a rule was missing or wrong, or MES
 * has corrected a name. The total shipment record stays as it is; what is decided here is a record of its own, and the
 * matched list follows it.
 */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { readRules } from './classification.ts';
import type { Db } from '../index.ts';
import { retryDevices, undecided, type DecideAbout, type Decided } from './platform-shipments.ts';
import { reclassifications } from '../schema.ts';
import { classify, ruleWords, type FiredRule } from '../../workflows/rules/customers.ts';

export type ReclassificationRow = typeof reclassifications.$inferSelect;

/** What became of a device. */
export interface Reclassified {
  imei: string;
  company: string;
  customerBefore: string | null;
  customer: string | null;
  rule: FiredRule | null;
}

/** Which devices of a department: by IMEI, or all of a primary shipment. */
export type ReclassifyAbout = { imeis: readonly string[] } | { shipmentId: number };

interface KnownRow extends Record<string, unknown> {
  imei: string;
  shipmentId: number | null;
  deviceId: string | null;
  company: string | null;
  customerBefore: string | null;
}

/**
 * Classifies devices anew. Those that the department has neither shipped nor in its matched list are left out.
 *
 * The name is the one of the order; where the order had none, what MES says now.
 */
export async function reclassify(
  tx: Db,
  departmentId: number,
  about: ReclassifyAbout,
  by: { author: string; note: string; platformShipmentOf?: ReadonlyMap<string, number> },
): Promise<{ rulesRevision: number; devices: Reclassified[] }> {
  const { rules, revision } = await readRules(tx);
  const known = await readKnown(tx, departmentId, about);
  const done = known.map((row) => {
    const rule = classify(row.company, rules);
    const fired = rule && { number: rule.number, words: rule.words, customer: rule.customer, revision };
    return {
      ...row,
      company: row.company ?? '',
      customer: fired?.customer ?? null,
      rule: fired,
      words: fired && ruleWords(fired),
      platformShipmentId: by.platformShipmentOf?.get(row.imei) ?? null,
    };
  });
  await tx.execute(sql`
    with input as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(done)}::jsonb) as x(imei text, "shipmentId" bigint, "deviceId" text,
        company text, "customerBefore" text, customer text, rule jsonb, words text, "platformShipmentId" int)
    ), recorded as (
      insert into reclassifications (department_id, imei, shipment_id, platform_shipment_id, company, customer_before,
        customer, rule, rules_revision, author, note)
      select ${departmentId}, imei, "shipmentId", "platformShipmentId", company, "customerBefore", customer,
        nullif(rule, 'null'::jsonb), ${revision}, ${by.author}, ${by.note} from input
    ), gone as (
      delete from matched_devices m using input
      where m.imei = input.imei and m.department_id = ${departmentId} and input.customer is null
    )
    insert into matched_devices (imei, department_id, customer, rule, device_id, shipment_id)
    select imei, ${departmentId}, customer, words, "deviceId", "shipmentId" from input where customer is not null
    on conflict (imei) do update set customer = excluded.customer, rule = excluded.rule
      where matched_devices.department_id = excluded.department_id`);
  const devices = done.map(({ imei, company, customerBefore, customer, rule }) => ({
    imei,
    company,
    customerBefore,
    customer,
    rule,
  }));
  return { rulesRevision: revision, devices };
}

/** What was decided before: the matched list is held, so that two who decide at once come one after the other. */
async function readKnown(tx: Db, departmentId: number, about: ReclassifyAbout): Promise<KnownRow[]> {
  const named =
    'imeis' in about
      ? sql`select distinct imei from jsonb_array_elements_text(${JSON.stringify(about.imeis)}::jsonb) as imei`
      : sql`select imei from shipment_records where shipment_id = ${about.shipmentId} and department_id = ${departmentId}`;
  await tx.execute(sql`
    select 1 from matched_devices where department_id = ${departmentId} and imei in (${named}) order by imei for update`);
  const rows = await tx.execute<KnownRow>(sql`
    with named as materialized (${named})
    select n.imei, coalesce(r.shipment_id, m.shipment_id)::float8 as "shipmentId",
      coalesce(r.device_id, m.device_id) as "deviceId", m.customer as "customerBefore",
      case when r.company_by = 'shipment' then r.company else coalesce(c.company_name, r.company) end as company
    from named n
    left join lateral (select * from shipment_records r
      where r.imei = n.imei and r.kind = 'primary' and r.department_id = ${departmentId} limit 1) r on true
    left join lateral (select * from matched_devices m
      where m.imei = n.imei and m.department_id = ${departmentId} limit 1) m on true
    left join lateral (select c.company_name from mes_cartons c where c.imei = n.imei order by c.id + 0 desc limit 1) c on true
    where r.imei is not null or m.imei is not null
    order by n.imei`);
  return [...rows];
}

/** Devices that were decided about, and what became of them. */
export interface ReclassifyDecision {
  /** Tried again: they have a customer. */
  retried: Decided[];
  /** Not tried again: no rule fits any more. They go on needing a person. */
  unmatched: Decided[];
}

/** Classifies devices of secondary shipments anew that need a person, and has those tried again that have a customer. */
export async function reclassifyDevices(
  tx: Db,
  departmentId: number,
  about: DecideAbout,
  by: { author: string; note: string },
): Promise<ReclassifyDecision> {
  const rows = await tx.execute<Decided & Record<string, unknown>>(sql`
    select id::float8 as id, imei, shipment_id as "shipmentId" from platform_shipment_devices
    where ${undecided(departmentId, about)} order by id for update`);
  const chosen = [...rows];
  const platformShipmentOf = new Map(chosen.map(({ imei, shipmentId }) => [imei, shipmentId]));
  const imeis = chosen.map(({ imei }) => imei);
  const { devices } = await reclassify(tx, departmentId, { imeis }, { ...by, platformShipmentOf });
  const customers = new Map(devices.map(({ imei, customer }) => [imei, customer]));
  await tx.execute(sql`
    with given as (select * from jsonb_to_recordset(${JSON.stringify(
      chosen.map(({ id, imei }) => ({ id, customer: customers.get(imei) ?? null })),
    )}::jsonb) as x(id bigint, customer text)),
    decided as (
      update platform_shipment_devices d set customer = given.customer, decision = 'reclassify', decided_by = ${by.author},
        decided_at = clock_timestamp(), note = ${by.note}
      from given where d.id = given.id returning d.shipment_id, d.customer
    )
    insert into platform_shipment_log (shipment_id, author, event, cause, details)
    select shipment_id, ${by.author}, 'reclassified', ${by.note},
      jsonb_build_object('devices', count(*), 'withCustomer', count(customer))
    from decided group by shipment_id`);
  const fits = ({ imei }: Decided) => (customers.get(imei) ?? null) !== null;
  const ids = chosen.filter(fits).map(({ id }) => id);
  const retried = ids.length === 0 ? [] : await retryDevices(tx, departmentId, { ids }, { ...by, as: 'reclassify' });
  return { retried, unmatched: chosen.filter((each) => !fits(each)) };
}

/** What was classified anew, newest first. */
export async function listReclassifications(
  db: Db,
  departmentId: number,
  { imei, before, limit }: { imei?: string | undefined; before?: number | undefined; limit: number },
): Promise<ReclassificationRow[]> {
  const r = reclassifications;
  return db
    .select()
    .from(r)
    .where(
      and(
        eq(r.departmentId, departmentId),
        imei === undefined ? undefined : eq(r.imei, imei),
        before === undefined ? undefined : lt(r.id, before),
      ),
    )
    .orderBy(desc(r.id))
    .limit(limit);
}
