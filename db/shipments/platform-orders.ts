/**
 * Makes a secondary shipment: one row for the order, one for each device that was named, also for those that are
 * refused at once. Everything is one transaction of the caller's.
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { platformShipments, type Connector } from '../schema.ts';
import { PLATFORM_LIFE_MS, type PlatformInfo } from '../../workflows/rules/platforms.ts';

/** An order that was checked. */
export interface PlatformOrder {
  departmentId: number;
  platform: { id: number; name: string; connector: Connector | null; lifetime: boolean; brand: string };
  info: PlatformInfo;
  /** As the platform writes times; null: whatever it gives. */
  wantedExpiration: string | null;
  createdBy: string;
  devices: PlatformOrderDevices;
}

/** Named one by one, or all in the matched list that have no open secondary shipment and fit. */
export type PlatformOrderDevices =
  { imeis: readonly string[] } | { customer?: string; primaryShipmentId?: number; most: number };

/** What became of an order. */
export interface MadeShipment {
  id: number;
  asked: number;
  taken: number;
}

/** Makes the shipment. Devices that somebody else takes at the same moment break the transaction, as unique indexes do. */
export async function insertPlatformShipment(tx: Db, order: PlatformOrder): Promise<MadeShipment> {
  const { departmentId, platform, info, wantedExpiration, createdBy, devices } = order;
  const [shipment] = await tx
    .insert(platformShipments)
    .values({
      departmentId,
      platformId: platform.id,
      platformName: platform.name,
      connector: platform.connector,
      lifetime: platform.lifetime,
      brand: platform.brand,
      info,
      wantedExpiration,
      createdBy,
      asked: 0,
      status: platform.connector === null ? 'recorded' : 'running',
      deadlineAt: sql`clock_timestamp() + make_interval(secs => ${PLATFORM_LIFE_MS / 1_000}::float8)`,
    })
    .returning({ id: platformShipments.id });
  const id = shipment!.id;
  const good = platform.connector === null ? 'recorded' : 'open';
  const [count] = await tx.execute<{ asked: number; taken: number }>(sql`
    with named as (${'imeis' in devices ? named(devices.imeis) : matched(departmentId, devices)}),
    judged as (
      select n.imei, n.place, m.customer, m.device_id, h.shipment_id as held_by, h.department_id as held_in,
        case when n.imei !~ '^\\d{15}$' then 'bad_imei'
             when m.imei is null then 'not_matched'
             when h.imei is not null then 'already_shipped' end as reason
      from named n
      left join matched_devices m on m.imei = n.imei and m.department_id = ${departmentId}
      left join platform_shipment_devices h on h.imei = n.imei and h.released_at is null
    ),
    stored as (
      insert into platform_shipment_devices (shipment_id, department_id, imei, customer, device_id, status, reason, words,
        finished_at, released_at)
      select ${id}, ${departmentId}, imei, customer, device_id,
        case when reason is null then ${good} else 'refused' end, reason,
        case when reason = 'already_shipped' and held_in = ${departmentId} then 'it is in secondary shipment ' || held_by else '' end,
        case when reason is not null or ${good} = 'recorded' then clock_timestamp() end,
        case when reason is not null then clock_timestamp() end
      from judged order by place
      returning reason
    )
    select count(*)::int as asked, count(*) filter (where reason is null)::int as taken from stored`);
  const { asked, taken } = count!;
  const ended = platform.connector === null ? sql`clock_timestamp()` : sql`null`;
  await tx.execute(sql`update platform_shipments set asked = ${asked}, finished_at = ${ended} where id = ${id}`);
  await tx.execute(sql`
    insert into platform_shipment_log (shipment_id, author, event, cause, details)
    values (${id}, ${createdBy}, 'ordered', '', ${JSON.stringify({ asked, taken })}::jsonb)`);
  return { id, asked, taken };
}

function named(imeis: readonly string[]) {
  return sql`select imei, min(place) as place
    from jsonb_array_elements_text(${JSON.stringify(imeis)}::jsonb) with ordinality as given(imei, place) group by imei`;
}

function matched(departmentId: number, by: { customer?: string; primaryShipmentId?: number; most: number }) {
  const { customer, primaryShipmentId, most } = by;
  return sql`select m.imei, row_number() over (order by m.imei) as place from matched_devices m
    where m.department_id = ${departmentId}
      ${customer === undefined ? sql`` : sql`and m.customer = ${customer}`}
      ${primaryShipmentId === undefined ? sql`` : sql`and m.shipment_id = ${primaryShipmentId}`}
      and not exists (select 1 from platform_shipment_devices d where d.imei = m.imei and d.released_at is null)
    order by m.imei limit ${most}`;
}

/** Shipments that nobody works on, because Temporal did not answer or a process died before it was asked. */
export async function findRunningShipments(
  db: Db,
  limit: number,
): Promise<{ id: number; department: string; platform: string; devices: number }[]> {
  const rows = await db.execute<{ id: number; department: string; platform: string; devices: number }>(sql`
    select s.id, d.name as department, s.platform_name as platform, s.asked as devices
    from platform_shipments s join departments d on d.id = s.department_id
    where s.status = 'running' and s.created_at < clock_timestamp() - interval '5 seconds' order by s.id limit ${limit}`);
  return [...rows];
}
