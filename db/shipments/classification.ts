/**
 * The rules by which customers are found, as lists that are never changed: a change is a new list. And what the models
 * of MES speak.
 */
import { asc, desc, eq, gt, lt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { customerRuleLists, modelProtocols, type MES_PROTOCOLS } from '../schema.ts';
import type { CustomerRule } from '../../workflows/rules/customers.ts';

export type RuleList = typeof customerRuleLists.$inferSelect;
export type ModelProtocolRow = typeof modelProtocols.$inferSelect;

/** One change of the rules at a time. */
const RULES_LOCK = 7_231_951;

/** The rules that hold now; `lock`: nobody else changes them until the transaction ends. */
export async function readRules(db: Db, { lock = false } = {}): Promise<RuleList> {
  if (lock) await db.execute(sql`select pg_advisory_xact_lock(${RULES_LOCK})`);
  const [row] = await db.select().from(customerRuleLists).orderBy(desc(customerRuleLists.revision)).limit(1);
  return row!;
}

/** Makes a new list the one that holds. To be called with the rules locked. */
export async function replaceRules(
  tx: Db,
  { revision, rules, changedBy }: { revision: number; rules: readonly CustomerRule[]; changedBy: string },
): Promise<RuleList> {
  const sorted = rules.toSorted((one, other) => one.number - other.number);
  const [row] = await tx.insert(customerRuleLists).values({ revision, rules: sorted, changedBy }).returning();
  return row!;
}

/** Every list there ever was, newest first. */
export async function listRuleLists(
  db: Db,
  { before, limit }: { before?: number | undefined; limit: number },
): Promise<RuleList[]> {
  return db
    .select()
    .from(customerRuleLists)
    .where(before === undefined ? undefined : lt(customerRuleLists.revision, before))
    .orderBy(desc(customerRuleLists.revision))
    .limit(limit);
}

export async function listModelProtocols(
  db: Db,
  { after, limit }: { after: string; limit: number },
): Promise<ModelProtocolRow[]> {
  return db
    .select()
    .from(modelProtocols)
    .where(gt(modelProtocols.model, after))
    .orderBy(asc(modelProtocols.model))
    .limit(limit);
}

export async function findModelProtocol(db: Db, model: string): Promise<ModelProtocolRow | null> {
  const [row] = await db.select().from(modelProtocols).where(eq(modelProtocols.model, model));
  return row ?? null;
}

export async function setModelProtocol(
  tx: Db,
  row: { model: string; protocol: (typeof MES_PROTOCOLS)[number]; changedBy: string },
): Promise<ModelProtocolRow> {
  const [stored] = await tx
    .insert(modelProtocols)
    .values(row)
    .onConflictDoUpdate({
      target: modelProtocols.model,
      set: { protocol: row.protocol, changedBy: row.changedBy, changedAt: sql`now()` },
    })
    .returning();
  return stored!;
}
