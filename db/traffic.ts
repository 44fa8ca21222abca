/**
 * What devices send beside reports: their own business, kept for a while, and frames nobody could read, counted.
 */
import { sql } from 'drizzle-orm';
import type { Db } from './index.ts';

/** Messages kept of one device; older ones go. */
export const BUSINESS_KEPT = 100;

/** A payload that is not for the upgrade protocol. */
export interface BusinessMessage {
  deviceId: string;
  /** Which check of the upgrade protocol it failed. */
  reason: string;
  payload: Buffer;
  atMs: number;
}

/** Frames of one device that could not be read, of one kind. */
export interface FrameErrors {
  deviceId: string;
  kind: string;
  count: number;
  /** Beginning of the last one, hex. */
  excerpt: string;
}

/** Stores messages, and drops what is more than a device may keep. */
export async function writeBusinessMessages(db: Db, messages: readonly BusinessMessage[]): Promise<void> {
  const rows = messages.map(({ payload, ...rest }) => ({ ...rest, hex: payload.toString('hex') }));
  await db.transaction(async (tx) => {
    await tx.execute(sql`
      insert into business_messages (device_id, received_at, reason, payload)
      select "deviceId", to_timestamp("atMs" / 1000), reason, decode(hex, 'hex')
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as x("deviceId" text, "atMs" float8, reason text, hex text)
      where exists (select 1 from devices where id = x."deviceId")`);
    await tx.execute(sql`
      delete from business_messages b
      using jsonb_array_elements_text(${JSON.stringify([...new Set(rows.map(({ deviceId }) => deviceId))])}::jsonb) as d(id)
      where b.device_id = d.id and b.id <= (
        select k.id from business_messages k where k.device_id = d.id order by k.id desc offset ${BUSINESS_KEPT} limit 1)`);
  });
}

/** Adds to the counts of unreadable frames. */
export async function writeFrameErrors(db: Db, errors: readonly FrameErrors[]): Promise<void> {
  await db.execute(sql`
    insert into device_frame_errors as e (device_id, kind, count, last_at, last_excerpt)
    select "deviceId", kind, count, clock_timestamp(), excerpt
    from jsonb_to_recordset(${JSON.stringify(errors)}::jsonb)
      as x("deviceId" text, kind text, count bigint, excerpt text)
    where exists (select 1 from devices where id = x."deviceId")
    order by "deviceId", kind
    on conflict (device_id, kind) do update
      set count = e.count + excluded.count, last_at = excluded.last_at, last_excerpt = excluded.last_excerpt`);
}
