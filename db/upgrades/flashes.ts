/**
 * Offers whose flash begins when we say so: the device has the file and waits for the word.
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { findOffer, isInTime, type OpenOfferRow } from './messages.ts';

/**
 * Claims the right to let a device flash the file it has, before the frame that says so leaves. Refused for an offer
 * that is closed, overtaken, refused or expired, when the permitted hours would be over before it has flashed, and as
 * long as its task is paused or being cancelled. The first time it is written that the device has everything, and from
 * then on the proof is awaited. To say it once more needs the same right: the word before may have been lost, and then
 * this one starts the flash.
 */
export async function claimFlash(db: Db, offerId: number, attempt: number): Promise<boolean> {
  const rows = await db.execute(sql`
    with locked as materialized (
      select u.id, m.finished_at is null as is_first, m.first_request_at is null as is_resumed
      from device_upgrades u join device_messages m on m.upgrade_id = u.id join upgrade_tasks t on t.id = u.task_id
      where m.id = ${offerId} and u.attempt = m.attempt and t.status not in ('paused', 'cancelling')
      for no key update of u, m
    ), claimed as (
      update device_messages m
      set finished_at = coalesce(finished_at, clock_timestamp()),
          finished_seq = coalesce(finished_seq, nextval('device_event_seq')),
          first_request_at = coalesce(first_request_at, clock_timestamp()), last_request_at = clock_timestamp(),
          bytes_sent = (payload->>'sizeBytes')::int, awaits_contact = false
      from locked
      where m.id = ${offerId} and m.attempt = ${attempt} and m.closed_at is null and m.failure_code is null
        and m.expires_at > clock_timestamp() and ${isInTime('installMs')}
      returning m.upgrade_id, m.file_index, m.attempt, (m.payload->>'sizeBytes')::int as size, locked.is_first,
        locked.is_resumed
    ), shown as (
      update device_upgrades u set status = 'confirming', reason = null, bytes_sent = c.size, updated_at = clock_timestamp()
      from claimed c where c.is_first and u.id = c.upgrade_id and u.status in ('offered', 'transferring', 'confirming')
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause, details)
      select c.upgrade_id, 'device', 'transfer_finished', 'confirming', c.file_index, c.attempt,
        case when c.is_resumed then 'the device has the whole file, from before' else 'the device has the whole file' end
          || ', it is told to install it',
        jsonb_build_object('bytes', c.size, 'of', c.size)
      from claimed c where c.is_first
    )
    select 1 from claimed`);
  return rows.length > 0;
}

/** An open offer by its number; null when it is closed, refused or expired. */
export async function findOfferById(db: Db, offerId: number): Promise<OpenOfferRow | null> {
  return findOffer(db, sql`id = ${offerId}`);
}
