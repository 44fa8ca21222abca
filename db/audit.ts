/**
 * The audit log: every change that somebody made through the API, written with the change and never touched again.
 */
import { and, desc, eq, gte, lt, sql } from 'drizzle-orm';
import type { Db } from './index.ts';
import { auditLog } from './schema.ts';

export type AuditRow = typeof auditLog.$inferSelect;
export type NewAuditRow = Omit<AuditRow, 'id' | 'at'>;

/** What the log may be narrowed by; all given must fit. */
export interface AuditFilter {
  author?: string;
  action?: string;
  targetKind?: string;
  targetId?: string;
  /** From this moment on. */
  from?: Date | undefined;
  /** Before this moment. */
  to?: Date | undefined;
}

/** Rows of one statement: parameters are limited, and one statement per change would be slow. */
const MOST_AT_ONCE = 1_000;

/** Writes lines, in the transaction of what they tell. */
export async function insertAuditRows(tx: Db, rows: readonly NewAuditRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += MOST_AT_ONCE) {
    await tx.insert(auditLog).values(rows.slice(from, from + MOST_AT_ONCE));
  }
}

/** A department's lines, newest first; `before` is the last id of the page before. */
export async function listAudit(
  db: Db,
  departmentId: number,
  filter: AuditFilter,
  page: { before?: number | undefined; limit: number },
): Promise<AuditRow[]> {
  const { author, action, targetKind, targetId, from, to } = filter;
  return db
    .select()
    .from(auditLog)
    .where(
      and(
        eq(auditLog.departmentId, departmentId),
        author === undefined ? undefined : eq(auditLog.author, author),
        action === undefined ? undefined : eq(auditLog.action, action),
        targetKind === undefined ? undefined : eq(auditLog.targetKind, targetKind),
        targetId === undefined ? undefined : eq(auditLog.targetId, targetId),
        from === undefined ? undefined : gte(auditLog.at, from),
        to === undefined ? undefined : lt(auditLog.at, to),
        page.before === undefined ? undefined : lt(auditLog.id, page.before),
      ),
    )
    .orderBy(desc(auditLog.id))
    .limit(page.limit);
}

/** Who changed a thing last, and when; null when the log knows nothing of it. */
export async function findLastChange(
  db: Db,
  departmentId: number,
  targetKind: string,
  targetId: string,
): Promise<{ author: string; at: Date } | null> {
  const [row] = await db
    .select({ author: auditLog.author, at: auditLog.at })
    .from(auditLog)
    .where(
      and(
        eq(auditLog.departmentId, departmentId),
        eq(auditLog.targetKind, targetKind),
        eq(auditLog.targetId, targetId),
        sql`after is not null`,
      ),
    )
    .orderBy(desc(auditLog.id))
    .limit(1);
  return row ?? null;
}
