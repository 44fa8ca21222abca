/**
 * Do the sums of a secondary shipment close? What was asked is counted when the order is made; what became of it is
 * counted from the devices; what was seen is compared once more with what was wanted, in the database, without the rules
 * that decided at the time.
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { PlatformReason } from '../../workflows/rules/platforms.ts';

/** The reconciliation of a shipment. */
export interface Reconciliation {
  asked: number;
  /** Something was sent that names the device. */
  sent: number;
  /** Seen on the platform, as wanted. */
  confirmed: number;
  refused: number;
  unknown: number;
  notSent: number;
  /** For a platform that is not connected. */
  recorded: number;
  open: number;
  /** Of what ended otherwise: how many why. */
  why: { status: string; reason: PlatformReason | null; code: number | null; words: string; devices: number }[];
  closes: boolean;
}

/** Counts a shipment. */
export async function reconcile(db: Db, shipmentId: number): Promise<Reconciliation> {
  const [row] = await db.execute<
    Omit<Reconciliation, 'why' | 'closes'> & { counted: number; proven: number; sentEnded: number } & Record<
        string,
        unknown
      >
  >(sql`
    select s.asked, count(d.id)::int as counted,
      count(*) filter (where d.first_sent_at is not null)::int as sent,
      count(*) filter (where d.status = 'confirmed')::int as confirmed,
      count(*) filter (where d.status = 'refused')::int as refused,
      count(*) filter (where d.status = 'unknown')::int as unknown,
      count(*) filter (where d.status = 'not_sent')::int as "notSent",
      count(*) filter (where d.status = 'recorded')::int as recorded,
      count(*) filter (where d.status = 'open')::int as open,
      count(*) filter (where d.first_sent_at is not null and d.status in ('confirmed', 'refused', 'unknown', 'open'))::int as "sentEnded",
      count(*) filter (where d.status = 'confirmed' and d.seen_at >= d.first_sent_at
        and d.seen->>'account' = s.info->>'account'
        and (s.wanted_expiration is null
          or coalesce(d.seen->'expirations'->>(s.info->>'account'), d.seen->>'expiration') = s.wanted_expiration))::int as proven
    from platform_shipments s left join platform_shipment_devices d on d.shipment_id = s.id
    where s.id = ${shipmentId} group by s.id`);
  const { counted, proven, sentEnded, ...sums } = row!;
  const why = await db.execute<Reconciliation['why'][number] & Record<string, unknown>>(sql`
    select status, reason, code, min(words) as words, count(*)::int as devices
    from platform_shipment_devices where shipment_id = ${shipmentId} and status in ('refused', 'unknown', 'not_sent')
    group by status, reason, code order by devices desc, status, reason, code`);
  const { asked, sent, confirmed, refused, unknown, notSent, recorded, open } = sums;
  const closes =
    asked === counted &&
    asked === confirmed + refused + unknown + notSent + recorded + open &&
    sent === sentEnded &&
    confirmed === proven;
  return { ...sums, why: [...why], closes };
}
