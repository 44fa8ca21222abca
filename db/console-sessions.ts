/**
 * Sessions of the console: begun with a key, found by the hash of their token, ended by their owner, by the clock or
 * with their key.
 */
import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { Db } from './index.ts';
import type { KeyHolder } from './people.ts';
import { apiKeys, consoleSessions, departments } from './schema.ts';

/** How long a session lives, in all and without being used, in seconds. */
export interface SessionLife {
  idleSeconds: number;
  totalSeconds: number;
}

/** A session and whose it is. */
export interface SessionHolder extends KeyHolder {
  sessionId: number;
}

const FORGOTTEN_AT_ONCE = 100;

/** Begins a session, and forgets some that are over. */
export async function createSession(
  db: Db,
  session: { keyId: number; tokenHash: string },
  life: SessionLife,
): Promise<number> {
  const over = db
    .select({ id: consoleSessions.id })
    .from(consoleSessions)
    .where(sql`not ${lives(life)}`);
  await db
    .delete(consoleSessions)
    .where(inArray(consoleSessions.id, over.limit(FORGOTTEN_AT_ONCE).for('update', { skipLocked: true })));
  const [row] = await db.insert(consoleSessions).values(session).returning({ id: consoleSessions.id });
  return row!.id;
}

/** Whose session a token names, and notes the use (at most once a minute); null when it is over, or its key revoked. */
export async function findSession(db: Db, tokenHash: string, life: SessionLife): Promise<SessionHolder | null> {
  const [holder] = await db
    .select({
      sessionId: consoleSessions.id,
      keyId: apiKeys.id,
      name: apiKeys.name,
      departmentId: apiKeys.departmentId,
      department: departments.name,
      permissions: apiKeys.permissions,
    })
    .from(consoleSessions)
    .innerJoin(apiKeys, eq(apiKeys.id, consoleSessions.keyId))
    .innerJoin(departments, eq(departments.id, apiKeys.departmentId))
    .where(and(eq(consoleSessions.tokenHash, tokenHash), isNull(apiKeys.revokedAt), lives(life)));
  if (holder === undefined) return null;
  await db
    .update(consoleSessions)
    .set({ lastSeenAt: sql`now()` })
    .where(and(eq(consoleSessions.id, holder.sessionId), sql`last_seen_at < now() - interval '1 minute'`));
  return holder;
}

/** Ends a session; null when it is over already. */
export async function endSession(db: Db, tokenHash: string): Promise<number | null> {
  const [row] = await db
    .delete(consoleSessions)
    .where(eq(consoleSessions.tokenHash, tokenHash))
    .returning({ id: consoleSessions.id });
  return row?.id ?? null;
}

function lives({ idleSeconds, totalSeconds }: SessionLife) {
  return sql`(${consoleSessions.lastSeenAt} > now() - make_interval(secs => ${idleSeconds})
    and ${consoleSessions.createdAt} > now() - make_interval(secs => ${totalSeconds}))`;
}
