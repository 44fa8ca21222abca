/**
 * Webhooks of a department: where its events are sent. The deliveries are in `webhook-deliveries.ts`.
 */
import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { webhooks } from '../schema.ts';

export type WebhookRow = typeof webhooks.$inferSelect;

/** A webhook and how many events wait for it or are under way to it. */
export type WebhookWithLoad = WebhookRow & { waiting: number };

/** Webhooks of one department; more are of use to nobody, and each costs work for every event. */
export const WEBHOOKS_PER_DEPARTMENT = 20;

/** The last event there is: one that begins now hears of those behind it. */
const LAST_EVENT = sql<number>`coalesce(pg_sequence_last_value(pg_get_serial_sequence('events', 'id')::regclass), 0)`;

const WAITING = sql<number>`(select count(*)::int from webhook_deliveries d
  where d.webhook_id = ${webhooks}.id and d.finished_at is null)`;

const mine = (departmentId: number) => and(eq(webhooks.departmentId, departmentId), isNull(webhooks.deletedAt));

/** All webhooks of a department; there are few. */
export async function listWebhooks(
  db: Db,
  departmentId: number,
  page: { after: number; limit: number },
): Promise<WebhookWithLoad[]> {
  const rows = await db
    .select({ webhook: webhooks, waiting: WAITING })
    .from(webhooks)
    .where(and(mine(departmentId), sql`${webhooks.id} > ${page.after}`))
    .orderBy(asc(webhooks.id))
    .limit(page.limit);
  return rows.map(({ webhook, waiting }) => ({ ...webhook, waiting }));
}

/** One webhook, or null; `lock` keeps others from changing it until the transaction ends. */
export async function findWebhook(
  db: Db,
  departmentId: number,
  webhookId: number,
  { lock = false } = {},
): Promise<WebhookWithLoad | null> {
  const query = db
    .select({ webhook: webhooks, waiting: WAITING })
    .from(webhooks)
    .where(and(mine(departmentId), eq(webhooks.id, webhookId)));
  const [row] = await (lock ? query.for('update') : query);
  return row === undefined ? null : { ...row.webhook, waiting: row.waiting };
}

/** Makes a webhook that hears of events from now on; null when the department has as many as it may. */
export async function createWebhook(
  tx: Db,
  webhook: { departmentId: number; url: string; secret: string; kinds: string[]; remark: string; createdBy: string },
): Promise<WebhookRow | null> {
  // Two at once must not both find room for the last one.
  await tx.execute(sql`select 1 from departments where id = ${webhook.departmentId} for update`);
  if ((await tx.$count(webhooks, mine(webhook.departmentId))) >= WEBHOOKS_PER_DEPARTMENT) return null;
  const [row] = await tx
    .insert(webhooks)
    .values({ ...webhook, lastEventId: LAST_EVENT })
    .returning();
  return row!;
}

/** What can be changed. */
export interface WebhookChange {
  url?: string;
  kinds?: string[];
  isActive?: boolean;
  remark?: string;
  /** Forget what happened while it was off, and what waits. */
  skipMissed?: boolean;
}

/** Changes a webhook and counts the change. Switched on again it is as good as new: why it was off is forgotten. */
export async function updateWebhook(tx: Db, webhookId: number, change: WebhookChange): Promise<WebhookRow> {
  const { skipMissed = false, ...fields } = change;
  if (skipMissed) await endWaiting(tx, webhookId, 'skipped when the webhook was changed');
  const [row] = await tx
    .update(webhooks)
    .set({
      ...fields,
      revision: sql`revision + 1`,
      ...(skipMissed ? { lastEventId: LAST_EVENT } : {}),
      ...(fields.isActive === true || fields.url !== undefined ? { failingSince: null, offReason: null } : {}),
    })
    .where(eq(webhooks.id, webhookId))
    .returning();
  return row!;
}

/** Gives a webhook another key; the one before still signs, too, for a while. */
export async function rotateSecret(
  tx: Db,
  webhookId: number,
  { secret, overlapMs }: { secret: string; overlapMs: number },
): Promise<WebhookRow> {
  const [row] = await tx
    .update(webhooks)
    .set({
      previousSecret: sql`secret`,
      previousSecretUntil: sql`clock_timestamp() + make_interval(secs => ${overlapMs / 1000}::float8)`,
      secret,
      revision: sql`revision + 1`,
    })
    .where(eq(webhooks.id, webhookId))
    .returning();
  return row!;
}

/** Deletes a webhook; what was under way to it ends as failed. */
export async function deleteWebhook(tx: Db, webhookId: number): Promise<void> {
  await tx
    .update(webhooks)
    .set({ deletedAt: sql`clock_timestamp()`, isActive: false, secret: '', previousSecret: null })
    .where(eq(webhooks.id, webhookId));
  await endWaiting(tx, webhookId, 'the webhook was deleted');
}

async function endWaiting(tx: Db, webhookId: number, why: string): Promise<void> {
  await tx.execute(sql`
    update webhook_deliveries set status = 'failed', finished_at = clock_timestamp(), last_error = ${why}
    where webhook_id = ${webhookId} and finished_at is null`);
}
