/**
 * Whether a row of MES fits a trigger: said once, for the database, which looks through millions of them.
 */
import { and, sql, type SQL } from 'drizzle-orm';
import type { TriggerMatch } from '../schema.ts';
import { FOLD_FROM, FOLD_TO, foldName } from '../../workflows/rules/customers.ts';

/** The condition on `mes_cartons` as `c`; names of companies are compared as the rules of the customers do. */
export function matchCondition({ order, model, companyWords }: TriggerMatch): SQL {
  const parts = [
    order === undefined ? undefined : sql`c.zhidan = ${order}`,
    model === undefined ? undefined : sql`c.soft_model = ${model}`,
    ...(companyWords ?? []).map(
      (word) => sql`strpos(translate(c.company_name, ${FOLD_FROM}, ${FOLD_TO}), ${foldName(word)}) > 0`,
    ),
  ].filter((part) => part !== undefined);
  // a trigger without a condition fits nothing, not everything
  return parts.length === 0 ? sql`false` : and(...parts)!;
}
