/**
 * Triggers at work. Each reading of MES that has ended is put to each trigger that is on, once: that is the row of the
 * firing, and why no row of MES is shipped twice. A trigger takes one reading after another.
 */
import { sql, type SQL } from 'drizzle-orm';
import { InvariantError, type Db } from '../index.ts';
import { insertPlatformShipment } from './platform-orders.ts';
import { findPlatform } from './platforms.ts';
import type { FiringStatus, TriggerMatch, TriggerPlatform } from '../schema.ts';
import { insertShipment, MOST_SHIPPED } from './shipment-orders.ts';
import { matchCondition } from './trigger-match.ts';
import { checkPlatformInfo } from '../../workflows/rules/platforms.ts';
import type { ShipmentStatus } from '../../workflows/rules/shipments.ts';

/** A trigger that may have something to do about a reading. */
export interface DueCycle {
  triggerId: number;
  cycleId: number;
}

/** A firing whose workflow runs, or should. */
export interface OpenFiring extends DueCycle {
  name: string;
  department: string;
}

/** Most devices that go on to a platform at once. */
const MOST_TO_PLATFORM = 100_000;
/** An import that is so old has lost its process. */
const HAS_ENDED = sql.raw(
  `(c.status <> 'running' or (c.source = 'import' and c.started_at < clock_timestamp() - interval '1 day'))`,
);

/** Readings that have ended and were not put to a trigger yet; of each trigger one, and none while it fires. */
export async function findDueCycles(db: Db, limit: number): Promise<DueCycle[]> {
  const rows = await db.execute<{ triggerId: number; cycleId: number }>(sql`
    select t.id as "triggerId", c.id::float8 as "cycleId" from shipment_triggers t
    cross join lateral (
      select c.id from mes_cycles c where c.id > t.after_cycle_id and ${HAS_ENDED}
        and not exists (select 1 from trigger_firings f where f.trigger_id = t.id and f.cycle_id = c.id)
      order by c.id limit 1
    ) c
    where t.is_on and t.deleted_at is null
      and not exists (select 1 from trigger_firings f where f.trigger_id = t.id and f.status = 'firing')
    order by c.id, t.id limit ${limit}`);
  return [...rows];
}

/** Puts a reading to a trigger: it fires, or the reading is passed over. Harmless when somebody else did it. */
export async function considerCycle(db: Db, { triggerId, cycleId }: DueCycle): Promise<FiringStatus | null> {
  return db.transaction(async (tx) => {
    const trigger = await takeTrigger(tx, triggerId);
    if (!trigger.isOn) return null;
    const [cycle] = await tx.execute<{ isNews: boolean }>(sql`
      select coalesce(sum(new + changed), 0) > 0 as "isNews" from mes_cycle_counts where cycle_id = ${cycleId}`);
    const [found] = cycle!.isNews
      ? await tx.execute(sql`
          select 1 where exists (${fitting(cycleId, trigger.match)}) or exists (${differing(triggerId, cycleId, trigger.match)})`)
      : [];
    const status = found === undefined ? 'passed' : 'firing';
    const made = await tx.execute(sql`
      insert into trigger_firings (trigger_id, cycle_id, status, finished_at)
      values (${triggerId}, ${cycleId}, ${status}, ${status === 'passed' ? sql`clock_timestamp()` : null})
      on conflict do nothing returning 1`);
    if (made.length === 0) return null;
    if (status === 'passed') await moveOn(tx, triggerId);
    return status;
  });
}

/** Readings up to the first that is not done need not be remembered one by one. */
async function moveOn(tx: Db, triggerId: number): Promise<void> {
  await tx.execute(sql`
    with done as (
      update shipment_triggers t set after_cycle_id = greatest(t.after_cycle_id, coalesce(
        (select min(c.id) - 1 from mes_cycles c where c.id > t.after_cycle_id
          and (c.status = 'running' or not exists (
            select 1 from trigger_firings f where f.trigger_id = t.id and f.cycle_id = c.id and f.status <> 'firing'))),
        (select max(id) from mes_cycles), 0))
      where t.id = ${triggerId} returning t.after_cycle_id as upto
    )
    delete from trigger_firings f using done where f.trigger_id = ${triggerId} and f.cycle_id <= done.upto and f.status = 'passed'`);
}

/** Firings that have not ended. */
export async function findOpenFirings(db: Db, limit: number): Promise<OpenFiring[]> {
  const rows = await db.execute<OpenFiring & Record<string, unknown>>(sql`
    select f.trigger_id as "triggerId", f.cycle_id::float8 as "cycleId", t.name, d.name as department
    from trigger_firings f join shipment_triggers t on t.id = f.trigger_id join departments d on d.id = t.department_id
    where f.status = 'firing' order by f.cycle_id limit ${limit}`);
  return [...rows];
}

/** What a firing has to do. */
export interface BegunFiring {
  name: string;
  /** Null: no new row fits, or the trigger was switched off meanwhile. */
  shipmentId: number | null;
  devices: number;
  differences: number;
}

/**
 * Begins a firing: writes down what MES changed later, and makes the order of the new rows that fit. Repeated, it
 * answers what it did. Null: it has ended.
 */
export async function beginFiring(db: Db, { triggerId, cycleId }: DueCycle): Promise<BegunFiring | null> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('statement_timeout', '600000', true)`);
    const trigger = await takeTrigger(tx, triggerId);
    const { name, match, departmentId, company, remark, isOn } = trigger;
    const firing = await takeFiring(tx, { triggerId, cycleId });
    if (firing.status !== 'firing') return null;
    const { shipmentId, devices, differences } = firing;
    if (shipmentId !== null) return { name, shipmentId, devices, differences };
    if (!isOn) return { name, shipmentId: null, devices: 0, differences: 0 };
    const written = await tx.execute(sql`
      insert into trigger_differences (trigger_id, change_id, cycle_id, kind, imei, shipment_id)
      select ${triggerId}, id, ${cycleId}, kind, imei, shipment_id from (${differing(triggerId, cycleId, match)}) as found
      on conflict do nothing returning 1`);
    const made = await insertShipment(tx, {
      departmentId,
      company,
      shipDate: trigger.shipDate,
      remark,
      createdBy: `trigger ${name}`,
      devices: { triggerId, cycleId, match },
    });
    const isOrder = made.asked > 0 && made.asked <= MOST_SHIPPED;
    if (!isOrder) {
      await tx.execute(sql`delete from shipment_devices where shipment_id = ${made.id}`);
      await tx.execute(sql`delete from shipments where id = ${made.id}`);
    }
    const begun = { name, shipmentId: isOrder ? made.id : null, devices: made.asked, differences: written.length };
    await tx.execute(sql`
      update trigger_firings set shipment_id = ${begun.shipmentId}, devices = ${begun.devices},
        differences = differences + ${begun.differences}
      where trigger_id = ${triggerId} and cycle_id = ${cycleId}`);
    return begun;
  });
}

/** How a firing ended. */
export interface EndedFiring {
  status: FiringStatus;
  words: string;
  shipmentId: number | null;
  platformShipmentId: number | null;
  /** The platform is connected: the secondary shipment has a workflow. */
  isSent: boolean;
}

/** Ends a firing whose shipment has ended: sends what was matched on to the platform, if it is to. Harmless to repeat. */
export async function endFiring(db: Db, { triggerId, cycleId }: DueCycle): Promise<EndedFiring> {
  return db.transaction(async (tx) => {
    const trigger = await takeTrigger(tx, triggerId);
    const firing = await takeFiring(tx, { triggerId, cycleId });
    const { shipmentId, devices, differences } = firing;
    if (firing.status !== 'firing') {
      const { status, words, platformShipmentId } = firing;
      return { status, words, shipmentId, platformShipmentId, isSent: platformShipmentId !== null };
    }
    const words: string[] = [];
    if (shipmentId === null && devices > MOST_SHIPPED) {
      words.push(`more than ${MOST_SHIPPED} new rows fit: nothing was shipped, ship them by order`);
    }
    if (differences > 0) words.push(`${differences} rows were changed in MES later: look at the differences`);
    const shipped = shipmentId === null ? null : await readShipped(tx, shipmentId);
    if (shipped !== null && shipped.status === 'running') words.push('its shipment was ended from outside');
    if (shipped !== null && shipped.status === 'red') words.push('the sums of its shipment do not close');
    if (shipped !== null && shipped.refused > 0) words.push(`${shipped.refused} of ${devices} devices were refused`);
    const sent =
      shipmentId === null || trigger.platform === null
        ? null
        : await sendOn(tx, { ...trigger, platform: trigger.platform, shipmentId });
    if (sent !== null && sent.words !== '') words.push(sent.words);
    const status = words.length > 0 ? 'attention' : 'done';
    await tx.execute(sql`
      update trigger_firings set status = ${status}, words = ${words.join('; ')}, platform_shipment_id = ${sent?.id ?? null},
        finished_at = clock_timestamp() where trigger_id = ${triggerId} and cycle_id = ${cycleId}`);
    await moveOn(tx, triggerId);
    const platformShipmentId = sent?.id ?? null;
    return { status, words: words.join('; '), shipmentId, platformShipmentId, isSent: sent?.isSent ?? false };
  });
}

type SendOn = TriggerTaken & { platform: TriggerPlatform; shipmentId: number };

async function sendOn(tx: Db, { departmentId, name, platform: { platformId, info }, shipmentId, today }: SendOn) {
  const platform = await findPlatform(tx, platformId);
  const not = (why: string) => ({ id: null, words: `nothing was sent to the platform: ${why}`, isSent: false });
  if (platform === null || !platform.isActive) return not('it cannot be chosen any more');
  const [wrong] = checkPlatformInfo(platform.fields, info, today);
  if (wrong !== undefined) return not(`${wrong.field} ${wrong.message}`);
  const [matched] = await tx.execute(sql`select 1 from matched_devices where shipment_id = ${shipmentId} limit 1`);
  if (matched === undefined) return { id: null, words: '', isSent: false };
  const { id } = await insertPlatformShipment(tx, {
    departmentId,
    platform,
    info,
    wantedExpiration: info.expiresOn === undefined ? null : `${info.expiresOn} 23:59:59`,
    createdBy: `trigger ${name}`,
    devices: { primaryShipmentId: shipmentId, most: MOST_TO_PLATFORM },
  });
  return { id, words: '', isSent: platform.connector !== null };
}

// ---------------------------------------------------------------- rows

interface TriggerTaken {
  name: string;
  departmentId: number;
  match: TriggerMatch;
  company: string;
  remark: string;
  platform: TriggerPlatform | null;
  isOn: boolean;
  /** In Beijing. */
  today: string;
  shipDate: string;
}

async function takeTrigger(tx: Db, triggerId: number): Promise<TriggerTaken> {
  const [row] = await tx.execute<TriggerTaken & Record<string, unknown>>(sql`
    select name, department_id as "departmentId", match, company, remark, platform, is_on and deleted_at is null as "isOn",
      (now() at time zone 'Asia/Shanghai')::date::text as today,
      ((now() at time zone 'Asia/Shanghai')::date + ship_in_days)::text as "shipDate"
    from shipment_triggers where id = ${triggerId} for update`);
  if (row === undefined) throw new InvariantError(`trigger ${triggerId} does not exist`);
  return row;
}

interface FiringTaken {
  status: FiringStatus;
  words: string;
  devices: number;
  differences: number;
  shipmentId: number | null;
  platformShipmentId: number | null;
}

async function takeFiring(tx: Db, { triggerId, cycleId }: DueCycle): Promise<FiringTaken> {
  const [row] = await tx.execute<FiringTaken & Record<string, unknown>>(sql`
    select status, words, devices, differences, shipment_id::float8 as "shipmentId",
      platform_shipment_id as "platformShipmentId"
    from trigger_firings where trigger_id = ${triggerId} and cycle_id = ${cycleId} for update`);
  if (row === undefined) throw new InvariantError(`trigger ${triggerId} did not fire on reading ${cycleId}`);
  return row;
}

async function readShipped(tx: Db, shipmentId: number): Promise<{ status: ShipmentStatus; refused: number }> {
  const [row] = await tx.execute<{ status: ShipmentStatus; refused: number }>(sql`
    select status, (select count(*)::int from shipment_devices where shipment_id = s.id and status = 'refused') as refused
    from shipments s where id = ${shipmentId}`);
  return row!;
}

/** New rows of a reading that fit. */
function fitting(cycleId: number, match: TriggerMatch): SQL {
  return sql`select 1 from mes_cartons c where c.cycle_id = ${cycleId} and ${matchCondition(match)}`;
}

/** Changes of a reading that concern what the trigger did, or would have done. */
function differing(triggerId: number, cycleId: number, match: TriggerMatch): SQL {
  const before = (column: string) =>
    sql`case when old ? ${column}::text then old->>${column}::text else ${sql.raw(`c.${column}`)} end`;
  return sql`
    select * from (
      select m.id, m.imei, shipped.shipment_id, case
        when shipped.shipment_id is not null and m.mes_table = 'carton' and now.fits is not true then 'fits_no_more'
        when shipped.shipment_id is not null then 'shipped_changed'
        when now.fits and was.fits is not true and m.mes_table = 'carton'
          and not exists (select 1 from shipment_records r where r.imei = now.imei and r.kind = 'primary') then 'fits_now'
        end as kind
      from mes_changes m
      cross join lateral (select coalesce(jsonb_object_agg(d->>'column', d->'old'), '{}') as old
        from jsonb_array_elements(m.differences) d) as o
      left join lateral (select d.shipment_id from shipment_devices d join trigger_firings f on f.shipment_id = d.shipment_id
        where d.imei = m.imei collate "default" and d.status <> 'refused' and f.trigger_id = ${triggerId}
        order by d.shipment_id desc limit 1) as shipped on true
      left join lateral (select c.imei collate "default" as imei, ${matchCondition(match)} as fits
        from mes_cartons c where m.mes_table = 'carton' and c.id = m.row_key::bigint) as now on true
      left join lateral (select ${matchCondition(match)} as fits from (
        select ${before('zhidan')} as zhidan, ${before('soft_model')} as soft_model, ${before('company_name')} as company_name
        from mes_cartons c where m.mes_table = 'carton' and c.id = m.row_key::bigint) as c) as was on true
      where m.cycle_id = ${cycleId}
    ) as judged where kind is not null`;
}
