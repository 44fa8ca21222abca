/**
 * Answers by idempotency key, for a day.
 */
import { and, eq, sql } from 'drizzle-orm';
import type { Db } from './index.ts';
import { idempotencyKeys } from './schema.ts';

/** What a key was used for: the same word may stand for different things in different routes. */
export interface KeyName {
  departmentId: number;
  /** Operation id of the route. */
  action: string;
  key: string;
}

export interface KeptAnswer {
  requestHash: string;
  status: number;
  headers: Record<string, string>;
  /** As it was written or sealed: text, so that it comes back letter by letter. */
  body: string;
}

/** How the body lies in its column. */
interface Kept {
  written: string;
}

const LIFE = sql.raw(`interval '24 hours'`);

/** Makes every other request with this key wait for the end of the transaction. */
export async function lockKey(tx: Db, name: KeyName): Promise<void> {
  const words = JSON.stringify(['idempotency', name.departmentId, name.action, name.key]);
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${words}, 0))`);
}

/** The answer that was given with this key; null when there is none, or it is older than a day. */
export async function findAnswer(tx: Db, name: KeyName): Promise<KeptAnswer | null> {
  const [row] = await tx
    .select()
    .from(idempotencyKeys)
    .where(and(named(name), sql`created_at > now() - ${LIFE}`));
  if (row === undefined) return null;
  const { requestHash, status, headers, body } = row;
  return { requestHash, status, headers, body: (body as Kept).written };
}

/** Keeps an answer, in the transaction of what it tells. */
export async function storeAnswer(tx: Db, name: KeyName, answer: KeptAnswer): Promise<void> {
  const row = { ...answer, body: { written: answer.body } satisfies Kept };
  await tx
    .insert(idempotencyKeys)
    .values({ ...name, ...row })
    .onConflictDoUpdate({
      target: [idempotencyKeys.departmentId, idempotencyKeys.action, idempotencyKeys.key],
      set: { ...row, createdAt: sql`now()` },
    });
}

/** Forgets answers that are older than a day. To be called every few minutes. */
export async function forgetAnswers(db: Db): Promise<number> {
  const gone = await db.execute(sql`
    delete from idempotency_keys where (department_id, action, key) in (
      select department_id, action, key from idempotency_keys where created_at <= now() - ${LIFE}
      order by created_at limit 10000 for update skip locked)
    returning 1`);
  return gone.length;
}

function named({ departmentId, action, key }: KeyName) {
  return and(
    eq(idempotencyKeys.departmentId, departmentId),
    eq(idempotencyKeys.action, action),
    eq(idempotencyKeys.key, key),
  );
}
