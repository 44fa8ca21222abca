/**
 * The platforms that a clerk may choose, and the connections to them: whether one is left alone for now, and the token
 * that all processes share.
 */
import { asc, eq, gt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { platformConnectors, platforms, type Connector } from '../schema.ts';
import type { AskedField } from '../../workflows/rules/platforms.ts';

export type PlatformRow = typeof platforms.$inferSelect;
export type ConnectorRow = Omit<typeof platformConnectors.$inferSelect, 'token' | 'tokenGoodUntil'> & {
  isPaused: boolean;
};

/** What may be changed of a platform. */
export interface PlatformChange {
  name?: string;
  reading?: string;
  fields?: AskedField[];
  isActive?: boolean;
  remark?: string;
}

/** A page of platforms, in the order in which they were made. */
export async function listPlatforms(db: Db, page: { after: number; limit: number }): Promise<PlatformRow[]> {
  return db.select().from(platforms).where(gt(platforms.id, page.after)).orderBy(asc(platforms.id)).limit(page.limit);
}

/** One platform, or null; `lock` holds it for a change. */
export async function findPlatform(db: Db, id: number, { lock = false } = {}): Promise<PlatformRow | null> {
  const query = db.select().from(platforms).where(eq(platforms.id, id));
  const [row] = await (lock ? query.for('update') : query);
  return row ?? null;
}

/** Makes a platform that is not connected; null when the name is taken. */
export async function createPlatform(
  db: Db,
  { name, reading, fields, remark }: Required<Omit<PlatformChange, 'isActive'>>,
): Promise<PlatformRow | null> {
  const [row] = await db.insert(platforms).values({ name, reading, fields, remark }).onConflictDoNothing().returning();
  return row ?? null;
}

/** Changes a platform that is locked; null when the new name is taken. */
export async function changePlatform(db: Db, id: number, change: PlatformChange): Promise<PlatformRow | null> {
  if (change.name !== undefined) {
    const taken = await db.execute(sql`select 1 from platforms where name = ${change.name} and id <> ${id}`);
    if (taken.length > 0) return null;
  }
  const [row] = await db
    .update(platforms)
    .set({ ...change, revision: sql`revision + 1` })
    .where(eq(platforms.id, id))
    .returning();
  return row ?? null;
}

// ---------------------------------------------------------------- connectors

const CONNECTOR = {
  name: platformConnectors.name,
  pauseReason: platformConnectors.pauseReason,
  pausedBy: platformConnectors.pausedBy,
  pausedAt: platformConnectors.pausedAt,
  isPaused: sql<boolean>`coalesce(paused_until > clock_timestamp(), false)`,
  // A person's pause has no end.
  pausedUntil: sql<Date | null>`nullif(paused_until, 'infinity')`.mapWith(platformConnectors.pausedUntil),
};

/** Every connection. */
export async function listConnectors(db: Db): Promise<ConnectorRow[]> {
  return db.select(CONNECTOR).from(platformConnectors).orderBy(asc(platformConnectors.name));
}

/** Leaves a platform alone for so long, or, with null, until a person resumes it. A person's pause is not shortened. */
export async function pauseConnector(
  db: Db,
  name: Connector,
  { forMs, reason, by }: { forMs: number | null; reason: string; by: string },
): Promise<void> {
  const until =
    forMs === null ? sql`'infinity'` : sql`clock_timestamp() + make_interval(secs => ${forMs / 1_000}::float8)`;
  await db.execute(sql`
    update platform_connectors set paused_until = ${until}, pause_reason = ${reason}, paused_by = ${by},
      paused_at = clock_timestamp()
    where name = ${name} and paused_until is distinct from 'infinity'`);
}

/** Goes on; false when it was not paused. */
export async function resumeConnector(db: Db, name: Connector): Promise<boolean> {
  const rows = await db.execute(sql`
    update platform_connectors set paused_until = null, pause_reason = '', paused_by = '', paused_at = null
    where name = ${name} and paused_until > clock_timestamp() returning 1`);
  return rows.length > 0;
}

/** A token as it is kept: sealed. */
export interface SealedToken {
  token: string;
  goodUntilMs: number;
}

/** Works with the token of a connection while nobody else does; what `work` answers is kept. */
export async function withConnectorToken<Result>(
  db: Db,
  name: Connector,
  work: (kept: SealedToken | null) => Promise<{ result: Result; keep: SealedToken | null }>,
): Promise<Result> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtext(${`platform token/${name}`}))`);
    const [row] = await tx.execute<{ token: string | null; goodUntilMs: number }>(sql`
      select token, (extract(epoch from token_good_until) * 1000)::float8 as "goodUntilMs"
      from platform_connectors where name = ${name}`);
    const kept = row === undefined || row.token === null ? null : { token: row.token, goodUntilMs: row.goodUntilMs };
    const { result, keep } = await work(kept);
    if (keep !== null) {
      await tx.execute(sql`
        update platform_connectors set token = ${keep.token}, token_good_until = to_timestamp(${keep.goodUntilMs / 1_000}::float8)
        where name = ${name}`);
    }
    return result;
  });
}
