/**
 * Messages to devices as the gateways see them: find the open offer, claim the right to send it, write down how far
 * the device has come. Each function is one statement, because these run once per offer or once per second and device.
 *
 * Whoever writes locks the rows of the upgrades first, by number, and those of the messages second: so nobody waits in
 * a circle. No stronger than an update does, or lines of the log would have to wait.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { OfferPayload } from '../schema.ts';
import { OFFER_SENDS } from '../../workflows/rules/offers.ts';

/** An open offer with what the gateway has to know to send and serve it. */
export interface OpenOfferRow extends OfferPayload {
  id: number;
  deviceId: string;
  attempt: number;
  /** Names the offer in the address of its file. */
  token: string;
  expiresAtMs: number;
  sends: number;
  lastSentAtMs: number | null;
  firstRequestAtMs: number | null;
  lastRequestAtMs: number | null;
  finishedAtMs: number | null;
  resumable: boolean;
}

/** How far a transfer is, collected by a gateway since it last wrote. */
export interface ProgressEntry {
  offerId: number;
  deviceId: string;
  /** Bytes the device has. */
  bytes: number;
  finished: boolean;
}

const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);

/** The condition that what is begun now ends within the permitted hours, as a part of queries over `device_messages`. */
export function isInTime(what: 'startMs' | 'installMs'): SQL {
  return sql.raw(
    `coalesce(extract(epoch from clock_timestamp()) * 1000 <= (payload->'latest'->>'${what}')::float8, true)`,
  );
}

/** The open offer of a device, or null. */
export async function findOpenOffer(db: Db, deviceId: string): Promise<OpenOfferRow | null> {
  return findOffer(db, sql`device_id = ${deviceId}`);
}

/** An open offer, or null; `named` says which. */
export async function findOffer(db: Db, named: SQL): Promise<OpenOfferRow | null> {
  const [row] = await db.execute<{ payload: OfferPayload } & Record<string, unknown>>(sql`
    select id::int as "id", device_id as "deviceId", attempt, token, sends, resumable, payload,
           ${ms('expires_at')} as "expiresAtMs", ${ms('last_sent_at')} as "lastSentAtMs",
           ${ms('first_request_at')} as "firstRequestAtMs", ${ms('last_request_at')} as "lastRequestAtMs",
           ${ms('finished_at')} as "finishedAtMs"
    from device_messages
    where ${named} and kind = 'offer' and closed_at is null and failure_code is null
      and expires_at > clock_timestamp()`);
  if (row === undefined) return null;
  const { payload, ...offer } = row;
  return { ...offer, ...payload } as unknown as OpenOfferRow;
}

/**
 * Claims the right to send an offer, before its frame leaves. This is the one place where a stale attempt, an offer
 * that is closed, refused, expired or already being served, one sent often enough, one for which too little is left of the
 * permitted hours, one whose device has changed its version since the gate was asked, one of a task that is paused or being cancelled, and one of a device that was away
 * and whose turn has not come are refused.
 *
 * `edge`: the workflow sleeps until this contact and must be woken.
 */
export async function claimSend(
  db: Db,
  offerId: number,
  attempt: number,
): Promise<{ claimed: boolean; edge: boolean }> {
  const rows = await db.execute<{ edge: boolean }>(sql`
    with locked as materialized (
      select u.id as upgrade_id, m.awaits_contact from device_upgrades u join device_messages m on m.upgrade_id = u.id
      where m.id = ${offerId} for no key update of u, m
    ), turn as materialized (
      -- A device that was away has lost its place among those that may be under way.
      select case when awaits_contact then upgrade_may_proceed(upgrade_id) else true end as has_come from locked
    ), claimed as (
      update device_messages m
      set sends = sends + 1, last_sent_at = clock_timestamp(), first_sent_at = coalesce(first_sent_at, clock_timestamp()),
          awaits_contact = false
      from locked, turn
      where turn.has_come and m.id = ${offerId} and attempt = ${attempt} and closed_at is null and failure_code is null
        and first_request_at is null and finished_at is null
        and expires_at > clock_timestamp() and ${isInTime('startMs')} and sends < ${OFFER_SENDS}
        and payload->>'fromVersion' = (select v.version from device_versions v
                                       where v.device_id = m.device_id and v.component = m.payload->>'component')
        and not exists (select 1 from device_upgrades u join upgrade_tasks t on t.id = u.task_id
                        where u.id = locked.upgrade_id and t.status in ('paused', 'cancelling'))
      returning m.upgrade_id, m.file_index, m.attempt, m.sends, locked.awaits_contact as edge
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, file_index, attempt, cause)
      select upgrade_id, 'system', 'offer_sent', file_index, attempt, 'sending ' || sends || ' of ' || ${OFFER_SENDS}::int
      from claimed
    ), edged as (
      update device_upgrades u set edge_at = clock_timestamp(), reason = null
      from claimed c where c.edge and u.id = c.upgrade_id
    ), held as (
      update device_upgrades u set reason = 'paced', updated_at = clock_timestamp()
      from locked, turn
      where not turn.has_come and u.id = locked.upgrade_id and u.status = 'offered' and u.reason is distinct from 'paced'
      returning u.id, u.file_index, u.attempt
    ), told as (
      insert into upgrade_log (upgrade_id, author, event, file_index, attempt, cause)
      select id, 'system', 'paced', file_index, attempt, 'back, but as many devices as the pacing allows are under way'
      from held
    )
    select edge from claimed`);
  return { claimed: rows.length > 0, edge: rows[0]?.edge ?? false };
}

/**
 * Writes progress of many transfers at once and moves the shown status along. A tenth of the file, the first request
 * and the last byte each leave a line in the log. Returns the devices whose offer is not open any more: nothing of it
 * may be served; and those whose workflow waits for their first contact.
 */
export async function writeProgress(
  db: Db,
  entries: readonly ProgressEntry[],
): Promise<{ closedDevices: string[]; contacted: string[] }> {
  const rows = await db.execute<{ open: boolean; edge: boolean; deviceId: string }>(sql`
    with input as (
      select * from jsonb_to_recordset(${JSON.stringify(entries)}::jsonb) as x("offerId" bigint, "deviceId" text, bytes int, finished boolean)
    ), locked as materialized (
      select u.id from device_upgrades u join device_messages m on m.upgrade_id = u.id join input i on i."offerId" = m.id
      where m.closed_at is null order by u.id for no key update of u
    ), before as materialized (
      select m.id, m.bytes_sent, m.first_request_at, m.finished_at, i.bytes, i.finished,
             -- Whoever has said that it will begin is awaited without a look in between.
             m.awaits_contact or (m.accepted_at is not null and m.first_request_at is null) as awaits_contact
      from device_messages m join input i on i."offerId" = m.id
      where m.upgrade_id = any (array(select id from locked)) for no key update of m
    ), moved as (
      update device_messages m
      set first_request_at = coalesce(m.first_request_at, clock_timestamp()), last_request_at = clock_timestamp(),
          bytes_sent = b.bytes, awaits_contact = false,
          finished_at = case when b.finished then coalesce(m.finished_at, clock_timestamp()) else m.finished_at end,
          finished_seq = case when b.finished then coalesce(m.finished_seq, nextval('device_event_seq')) else m.finished_seq end
      from before b
      where m.id = b.id and m.closed_at is null and m.failure_code is null
      returning m.id, m.upgrade_id, m.file_index, m.attempt, (m.payload->>'sizeBytes')::int as size, m.finished_at is not null as has_all,
                b.bytes, b.bytes_sent as bytes_before, b.first_request_at is null as is_first,
                b.finished and b.finished_at is null as is_last, b.awaits_contact as edge, m.resumable,
                m.first_request_at as started_at
    ), measured as (
      -- Whole transfers only; what is written once a second cannot be told from less than a second.
      select u.device_id, moved.size / greatest(extract(epoch from clock_timestamp() - moved.started_at), 1)::float8 as speed
      from moved join device_upgrades u on u.id = moved.upgrade_id where moved.is_last and not moved.resumable
    ), paced as (
      update device_contacts c set bytes_per_second = coalesce((c.bytes_per_second + measured.speed) / 2, measured.speed)
      from measured where c.device_id = measured.device_id
    ), shown as (
      update device_upgrades u
      set status = case when moved.has_all then 'confirming' else 'transferring' end,
          reason = null, bytes_sent = moved.bytes, updated_at = clock_timestamp(),
          edge_at = case when moved.edge then clock_timestamp() else u.edge_at end
      from moved
      where u.id = moved.upgrade_id and u.attempt = moved.attempt and u.status in ('offered', 'transferring', 'confirming')
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause, details)
      select moved.upgrade_id, 'device', line.event,
             case when line.event = 'transfer_finished' then 'confirming' else 'transferring' end,
             moved.file_index, moved.attempt, line.cause, jsonb_build_object('bytes', moved.bytes, 'of', moved.size)
      from moved
      cross join lateral (values
        (1, 'transfer_started', 'first request', moved.is_first),
        (2, 'transferred', (moved.bytes * 10::bigint / moved.size) * 10 || ' %',
            not moved.has_all and moved.bytes * 10::bigint / moved.size > moved.bytes_before * 10::bigint / moved.size),
        (3, 'transfer_finished', 'the device has the whole file', moved.is_last)
      ) as line(place, event, cause, due)
      where line.due order by moved.id, line.place
    )
    select i."deviceId", moved.id is not null as open, coalesce(moved.edge, false) as edge
    from input i left join moved on moved.id = i."offerId"`);
  return {
    closedDevices: rows.filter((row) => !row.open).map((row) => row.deviceId),
    contacted: rows.filter((row) => row.edge).map((row) => row.deviceId),
  };
}

/** Notes that the device has said it will take the offer, once; whether it does is seen by its first byte. */
export async function writeAcceptance(db: Db, offerId: number, attempt: number): Promise<void> {
  await db.execute(sql`
    with locked as materialized (
      select u.id from device_upgrades u join device_messages m on m.upgrade_id = u.id where m.id = ${offerId} for no key update of u
    ), accepted as (
      update device_messages m set accepted_at = clock_timestamp() from locked
      where m.id = ${offerId} and m.upgrade_id = locked.id and attempt = ${attempt}
        and closed_at is null and failure_code is null and accepted_at is null
      returning upgrade_id, file_index, attempt
    )
    insert into upgrade_log (upgrade_id, author, event, file_index, attempt, cause)
    select upgrade_id, 'device', 'accepted', file_index, attempt, 'the device will take the file' from accepted`);
}

/** Notes that the device refused an offer or gave up; false when the offer is closed already. */
export async function writeFailure(
  db: Db,
  offerId: number,
  failure: { code: string; words: string; details: Record<string, unknown> },
): Promise<boolean> {
  const rows = await db.execute(sql`
    with locked as materialized (
      select u.id from device_upgrades u join device_messages m on m.upgrade_id = u.id where m.id = ${offerId} for no key update of u
    ), failed as (
      update device_messages m set failure_code = ${failure.code} from locked
      where m.id = ${offerId} and m.upgrade_id = locked.id and closed_at is null and failure_code is null
      returning upgrade_id, file_index, attempt
    ), edged as (
      update device_upgrades u set edge_at = clock_timestamp() from failed where u.id = failed.upgrade_id
    )
    insert into upgrade_log (upgrade_id, author, event, file_index, attempt, cause, details)
    select upgrade_id, 'device', 'device_error', file_index, attempt, ${failure.words},
           ${JSON.stringify({ code: failure.code, ...failure.details })}::jsonb
    from failed returning id`);
  return rows.length > 0;
}

/** Devices whose upgrade has something decisive to read and was not woken, or not heard, for a while. */
export async function findUnreadEdges(db: Db, olderThanMs: number, limit: number): Promise<string[]> {
  const rows = await db.execute<{ deviceId: string }>(sql`
    select device_id as "deviceId" from device_upgrades
    where edge_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000}::float8)
      and dispatched_at is not null and finished_at is null
    order by edge_at limit ${limit}`);
  return rows.map((row) => row.deviceId);
}
