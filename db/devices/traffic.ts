/**
 * What devices send beside reports: their own business, kept for a while, and frames nobody could read, counted.
 */
import { and, desc, eq, gt, lt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { businessMessages, deviceFrameErrors } from '../schema.ts';

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
  // Numbered: they get their ids in the order in which they came, and the oldest are the first to go.
  const rows = messages.map(({ payload, ...rest }, place) => ({ ...rest, place, hex: payload.toString('hex') }));
  await db.transaction(async (tx) => {
    await tx.execute(sql`
      insert into business_messages (device_id, received_at, reason, payload)
      select "deviceId", to_timestamp("atMs" / 1000), reason, decode(hex, 'hex')
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as x("deviceId" text, "atMs" float8, reason text, hex text, place int)
      where exists (select 1 from devices where id = x."deviceId")
      order by place`);
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

/** A stored message, as it is shown. */
export interface BusinessMessageRow {
  id: number;
  receivedAt: Date;
  reason: string;
  payload: Buffer;
}

/** Messages of one device, newest first. */
export async function listBusinessMessages(
  db: Db,
  deviceId: string,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<BusinessMessageRow[]> {
  const { id, receivedAt, reason, payload } = businessMessages;
  return db
    .select({ id, receivedAt, reason, payload })
    .from(businessMessages)
    .where(and(eq(businessMessages.deviceId, deviceId), before === undefined ? undefined : lt(id, before)))
    .orderBy(desc(id))
    .limit(limit);
}

/** Counts of unreadable frames of one device, by kind. */
export async function listFrameErrors(
  db: Db,
  deviceId: string,
  { after, limit }: { after: string; limit: number },
): Promise<{ kind: string; count: number; lastAt: Date; lastExcerpt: string }[]> {
  const { kind, count, lastAt, lastExcerpt } = deviceFrameErrors;
  return db
    .select({ kind, count, lastAt, lastExcerpt })
    .from(deviceFrameErrors)
    .where(and(eq(deviceFrameErrors.deviceId, deviceId), gt(kind, after)))
    .orderBy(kind)
    .limit(limit);
}
