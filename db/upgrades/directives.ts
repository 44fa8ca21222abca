/**
 * Offers to devices that fetch their file: told as often as the device asks, and found by the token in the address of
 * the file. The first telling is a sending like any other (`messages.ts`).
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { isInTime } from './messages.ts';

/**
 * May the device be told of this offer once more? The same is refused as with `claimSend`, except that a transfer
 * which has begun may be told of until it is finished: the device may have forgotten the address. Nothing is counted.
 * The device is evidently not away, and not shown so any more.
 */
export async function repeatSend(db: Db, offerId: number, attempt: number): Promise<boolean> {
  const rows = await db.execute(sql`
    with open as (
      select m.upgrade_id, m.first_request_at is null as is_unused from device_messages m
      where m.id = ${offerId} and m.attempt = ${attempt} and m.sends > 0
        and m.closed_at is null and m.failure_code is null and m.finished_at is null
        and m.expires_at > clock_timestamp()
        and m.payload->>'fromVersion' = (select v.version from device_versions v
                                         where v.device_id = m.device_id and v.component = m.payload->>'component')
        and (m.first_request_at is not null or ${isInTime('startMs')})
        and (m.first_request_at is not null
          or not exists (select 1 from device_upgrades u join upgrade_tasks t on t.id = u.task_id
                         where u.id = m.upgrade_id and t.status in ('paused', 'cancelling')))
    ), shown as (
      update device_upgrades u set reason = null from open
      where u.id = open.upgrade_id and open.is_unused and u.status = 'offered' and u.reason = 'offline'
    )
    select 1 from open`);
  return rows.length > 0;
}

/** The device for which the offer with this number and token was made, open or not; null when there is none. */
export async function findOfferOwner(db: Db, offerId: number, token: string): Promise<string | null> {
  const [row] = await db.execute<{ deviceId: string }>(sql`
    select device_id as "deviceId" from device_messages where id = ${offerId} and token = ${token}::uuid`);
  return row?.deviceId ?? null;
}
