/**
 * KeyFlags: what equipment is to do with its next heartbeats, each until its follow-up call arrives.
 */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { announceEquipment } from './equipment.ts';
import type { Db } from '../index.ts';
import { equipmentFlags, equipmentFollowUps } from '../schema.ts';
import type { FlagAction } from '../../workflows/rules/equipment.ts';

export type FlagRow = typeof equipmentFlags.$inferSelect;

/** Raises a flag; one that is pending stays, and is answered with `isNew` false. */
export async function raiseFlag(
  db: Db,
  { equipmentId, action, author, cause }: { equipmentId: number; action: FlagAction; author: string; cause: string },
): Promise<{ flag: FlagRow; isNew: boolean }> {
  for (;;) {
    const [made] = await db
      .insert(equipmentFlags)
      .values({ equipmentId, action, raisedBy: author, cause })
      .onConflictDoNothing()
      .returning();
    if (made !== undefined) {
      await announceEquipment(db, equipmentId);
      return { flag: made, isNew: true };
    }
    const [pending] = await db
      .select()
      .from(equipmentFlags)
      .where(
        and(
          eq(equipmentFlags.equipmentId, equipmentId),
          eq(equipmentFlags.action, action),
          eq(equipmentFlags.status, 'pending'),
        ),
      );
    // it may have ended in this very moment
    if (pending !== undefined) return { flag: pending, isNew: false };
  }
}

/** Ends the pending flag of an action; null: none is. */
export async function endFlag(
  db: Db,
  {
    equipmentId,
    action,
    status,
    author,
  }: { equipmentId: number; action: FlagAction; status: 'followed' | 'cancelled'; author: string },
): Promise<number | null> {
  const [ended] = await db
    .update(equipmentFlags)
    .set({ status, endedAt: sql`clock_timestamp()`, endedBy: author })
    .where(
      and(
        eq(equipmentFlags.equipmentId, equipmentId),
        eq(equipmentFlags.action, action),
        eq(equipmentFlags.status, 'pending'),
      ),
    )
    .returning({ id: equipmentFlags.id });
  if (ended === undefined) return null;
  await announceEquipment(db, equipmentId);
  return ended.id;
}

/** Adds to the heartbeats that were answered with these flags. */
export async function countServes(db: Db, serves: readonly { flagId: number; serves: number }[]): Promise<void> {
  await db.execute(sql`
    update equipment_flags f set serves = f.serves + x.serves, served_at = coalesce(f.served_at, clock_timestamp())
    from jsonb_to_recordset(${JSON.stringify(serves)}::jsonb) as x("flagId" bigint, serves int) where f.id = x."flagId"`);
}

/** Flags of one equipment, newest first. */
export async function listFlags(
  db: Db,
  equipmentId: number,
  { status, before, limit }: { status?: FlagRow['status'] | undefined; before?: number | undefined; limit: number },
): Promise<FlagRow[]> {
  return db
    .select()
    .from(equipmentFlags)
    .where(
      and(
        eq(equipmentFlags.equipmentId, equipmentId),
        status === undefined ? undefined : eq(equipmentFlags.status, status),
        before === undefined ? undefined : lt(equipmentFlags.id, before),
      ),
    )
    .orderBy(desc(equipmentFlags.id))
    .limit(limit);
}

/** Keeps what came with a follow-up call. */
export async function storeFollowUp(
  tx: Db,
  followUp: {
    equipmentId: number;
    flagId: number | null;
    name: string;
    employeeNo: string;
    data: Record<string, unknown>;
  },
): Promise<void> {
  await tx.insert(equipmentFollowUps).values(followUp);
}

/** What an equipment sent with its follow-up calls, newest first. */
export async function listFollowUps(
  db: Db,
  equipmentId: number,
  { before, limit }: { before: number | undefined; limit: number },
) {
  return db
    .select()
    .from(equipmentFollowUps)
    .where(
      and(
        eq(equipmentFollowUps.equipmentId, equipmentId),
        before === undefined ? undefined : lt(equipmentFollowUps.id, before),
      ),
    )
    .orderBy(desc(equipmentFollowUps.id))
    .limit(limit);
}
