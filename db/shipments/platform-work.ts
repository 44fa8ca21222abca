/**
 * A secondary shipment as its steps see it: which devices are due, what is about to be sent, what came of it, the end.
 *
 * What is about to be sent is written before it is sent. Whoever writes must find the device as he read it (`attempts`
 * is its version) and must be the latest to have taken the shipment (`fence`); so two processes never send the same.
 */
import { sql, type SQL } from 'drizzle-orm';
import { InvariantError, type Db } from '../index.ts';
import type { Connector } from '../schema.ts';
import { reconcile, type Reconciliation } from './platform-sums.ts';
import type {
  PlatformAnswer,
  PlatformDeviceStatus,
  PlatformInfo,
  PlatformReason,
  PlatformShipmentStatus,
  PlatformStep,
  SeenOnPlatform,
} from '../../workflows/rules/platforms.ts';

const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);

/** A shipment that was taken up. */
export interface TakenShipment {
  status: PlatformShipmentStatus;
  fence: number;
  connector: Connector | null;
  info: PlatformInfo;
  lifetime: boolean;
  brand: string;
  wantedExpiration: string | null;
  isOver: boolean;
  /** The connection is left alone for so long; null: it is not. */
  pausedForMs: number | null;
  pauseReason: string;
}

/**
 * Takes a shipment: whoever had it before writes nothing any more. What a lifetime is, is decided when the shipment is
 * taken first, and stays so.
 */
export async function takeShipment(db: Db, shipmentId: number, lifetimeUntil: string | null): Promise<TakenShipment> {
  const [row] = await db.execute<TakenShipment & Record<string, unknown>>(sql`
    with taken as (
      update platform_shipments set fence = fence + 1, started_at = coalesce(started_at, clock_timestamp()),
        wanted_expiration = case when lifetime then coalesce(wanted_expiration, ${lifetimeUntil}) else wanted_expiration end
      where id = ${shipmentId} returning *
    )
    select s.status, s.fence, s.connector, s.info, s.lifetime, s.brand, s.wanted_expiration as "wantedExpiration",
      s.deadline_at <= clock_timestamp() as "isOver", c.pause_reason as "pauseReason",
      case when c.paused_until = 'infinity' then 86400000::float8
           when c.paused_until > clock_timestamp() then ${ms('c.paused_until - clock_timestamp()')} end as "pausedForMs"
    from taken s left join platform_connectors c on c.name = s.connector`);
  if (row === undefined) throw new InvariantError(`secondary shipment ${shipmentId} does not exist`);
  return row;
}

/** A device that is due. */
export interface DueDevice {
  id: number;
  imei: string;
  step: PlatformStep;
  answer: PlatformAnswer;
  lastStep: PlatformStep | null;
  attempts: number;
  imports: number;
  moves: number;
  expires: number;
  looks: number;
  failures: number;
  seen: SeenOnPlatform | null;
}

/** Devices that something can be done for now, by id: a page, or those of these that are due. */
export async function findDue(
  db: Db,
  shipmentId: number,
  which: { after: number; limit: number } | { ids: readonly number[] },
): Promise<DueDevice[]> {
  const chosen = 'ids' in which ? sql`and id = any (${list(which.ids)}::bigint[])` : sql`and id > ${which.after}`;
  const rows = await db.execute<DueDevice & Record<string, unknown>>(sql`
    select id::float8 as id, imei, step, answer, last_step as "lastStep", attempts, imports, moves, expires, looks,
      failures, seen
    from platform_shipment_devices
    where shipment_id = ${shipmentId} and status = 'open' and not_before <= clock_timestamp() ${chosen}
    order by id ${'limit' in which ? sql`limit ${which.limit}` : sql``}`);
  return [...rows];
}

/**
 * Writes that something is about to be sent for devices. From now on it may have been done, whatever happens: they are
 * looked at before anything else, not before `settleMs` have passed.
 *
 * @returns those for which it may be sent: as they were read, in a shipment that nobody else has taken
 */
export async function markSending(
  db: Db,
  { shipmentId, fence }: { shipmentId: number; fence: number },
  devices: readonly DueDevice[],
  step: Exclude<PlatformStep, 'look'>,
  settleMs: number,
): Promise<DueDevice[]> {
  const counter = { import: 'imports', move: 'moves', expire: 'expires' }[step];
  const rows = await db.execute<{ id: number }>(sql`
    update platform_shipment_devices d set step = 'look', answer = 'doubt', last_step = ${step}, attempts = d.attempts + 1,
      ${sql.raw(`${counter} = d.${counter} + 1`)}, looks = 0, reason = null, code = null, words = '',
      first_sent_at = coalesce(d.first_sent_at, clock_timestamp()), not_before = clock_timestamp() + ${interval(settleMs)}
    from platform_shipments s, jsonb_to_recordset(${JSON.stringify(devices.map(({ id, attempts }) => ({ id, attempts })))}::jsonb)
      as given(id bigint, attempts int)
    where d.id = given.id and d.attempts = given.attempts and d.status = 'open' and d.step = ${step}
      and s.id = d.shipment_id and s.id = ${shipmentId} and s.fence = ${fence} and s.status = 'running'
    returning d.id::float8 as id`);
  const marked = new Set(rows.map(({ id }) => id));
  return devices.filter(({ id }) => marked.has(id)).map((each) => ({ ...each, attempts: each.attempts + 1 }));
}

/** What came of a call or a look, for one device. */
export interface DeviceResult {
  id: number;
  /** As it was when the call was made. */
  attempts: number;
  /** Its end, if it has come. */
  status?: Exclude<PlatformDeviceStatus, 'open' | 'recorded'>;
  step: PlatformStep;
  answer?: PlatformAnswer;
  /** Nothing happens before so long. */
  waitMs?: number;
  reason?: PlatformReason;
  code?: number;
  words?: string;
  /** It was looked at: there it is (or not, null). */
  seen?: SeenOnPlatform | null;
  /** Nothing was done: the try does not count. */
  undone?: Exclude<PlatformStep, 'look'>;
  failed?: boolean;
}

/** Writes results; those of devices that have gone on meanwhile are dropped. */
export async function writeResults(db: Db, shipmentId: number, results: readonly DeviceResult[]): Promise<void> {
  if (results.length === 0) return;
  const rows = results.map(({ seen, waitMs = 0, ...rest }) => ({
    ...rest,
    wait: waitMs / 1_000,
    looked: seen !== undefined,
    seen: seen ?? null,
  }));
  await db.execute(sql`
    update platform_shipment_devices d set
      status = coalesce(r.status, d.status), step = r.step, answer = coalesce(r.answer, d.answer),
      not_before = clock_timestamp() + make_interval(secs => r.wait),
      reason = case when r.status = 'confirmed' then null else coalesce(r.reason, d.reason) end,
      code = case when r.status = 'confirmed' then null else coalesce(r.code, d.code) end,
      words = case when r.status = 'confirmed' then '' else coalesce(r.words, d.words) end,
      seen = case when r.looked then nullif(r.seen, 'null') else d.seen end,
      seen_at = case when r.looked then clock_timestamp() else d.seen_at end,
      looks = d.looks + r.looked::int,
      imports = d.imports - coalesce(r.undone = 'import', false)::int,
      moves = d.moves - coalesce(r.undone = 'move', false)::int,
      expires = d.expires - coalesce(r.undone = 'expire', false)::int,
      failures = case when r.failed then least(d.failures + 1, 1000) else 0 end,
      finished_at = case when r.status is not null then clock_timestamp() end
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(id bigint, attempts int, status text, step text,
      answer text, wait float8, reason text, code int, words text, seen jsonb, looked boolean, undone text, failed boolean)
    where d.id = r.id and d.attempts = r.attempts and d.status = 'open' and d.shipment_id = ${shipmentId}`);
}

/** How much is left, and how long until the next device is due; null: none is. */
export async function countOpen(db: Db, shipmentId: number): Promise<{ open: number; dueInMs: number | null }> {
  const [row] = await db.execute<{ open: number; dueInMs: number | null }>(sql`
    select count(*)::int as open, greatest(0, ${ms('min(not_before) - clock_timestamp()')}) as "dueInMs"
    from platform_shipment_devices where shipment_id = ${shipmentId} and status = 'open'`);
  return row!;
}

/** Ends whatever is open: what was never sent as not sent, the rest as unknown. Returns how many. */
export async function endOpen(
  db: Db,
  shipmentId: number,
  reason: PlatformReason,
  { onlyUnsent = false, release = false } = {},
): Promise<number> {
  const rows = await db.execute(sql`
    update platform_shipment_devices set status = case when first_sent_at is null then 'not_sent' else 'unknown' end,
      reason = ${reason}, finished_at = clock_timestamp(),
      released_at = case when ${release} and first_sent_at is null then clock_timestamp() end
    where shipment_id = ${shipmentId} and status = 'open' ${onlyUnsent ? sql`and first_sent_at is null` : sql``}
    returning 1`);
  return rows.length;
}

/** Adds a line to the log of a shipment. */
export async function logShipment(
  db: Db,
  shipmentId: number,
  { author, event, cause = '', details = {} }: ShipmentEntry,
): Promise<void> {
  await db.execute(sql`
    insert into platform_shipment_log (shipment_id, author, event, cause, details)
    values (${shipmentId}, ${author}, ${event}, ${cause}, ${JSON.stringify(details)}::jsonb)`);
}

export interface ShipmentEntry {
  author: string;
  event: string;
  cause?: string;
  details?: Record<string, unknown>;
}

/**
 * Ends a shipment of which every device has ended: with its sums, a line in its log and an event. Null when devices are
 * open, because somebody has them tried again meanwhile. Repeating it changes nothing.
 */
export async function finishShipment(
  db: Db,
  shipmentId: number,
): Promise<{ status: PlatformShipmentStatus; sums: Reconciliation } | null> {
  return db.transaction(async (tx) => {
    const [row] = await tx.execute<{ status: PlatformShipmentStatus; departmentId: number; platform: string }>(sql`
      select status, department_id as "departmentId", platform_name as platform
      from platform_shipments where id = ${shipmentId} for update`);
    if (row === undefined) throw new InvariantError(`secondary shipment ${shipmentId} does not exist`);
    const sums = await reconcile(tx, shipmentId);
    if (row.status !== 'running') return { status: row.status, sums };
    if (sums.open > 0) return null;
    const status = sums.closes ? 'finished' : 'red';
    const details = JSON.stringify(sums);
    const data = JSON.stringify({ platformShipmentId: shipmentId, platform: row.platform, status, ...sums });
    await tx.execute(sql`
      with ended as (
        update platform_shipments set status = ${status}, finished_at = clock_timestamp(), result = ${details}::jsonb
        where id = ${shipmentId} returning id
      ), logged as (
        insert into platform_shipment_log (shipment_id, author, event, cause, details)
        select id, 'system', ${status}, ${sums.closes ? '' : 'the sums do not close'}, ${details}::jsonb from ended
      )
      insert into events (department_id, kind, data)
      select ${row.departmentId}, 'platform_shipment.finished', ${data}::jsonb from ended`);
    return { status, sums };
  });
}

function interval(forMs: number): SQL {
  return sql`make_interval(secs => ${forMs / 1_000}::float8)`;
}

function list(ids: readonly number[]): string {
  return `{${ids.join(',')}}`;
}
