/**
 * What others hear of a device: the events that are written in the statement that makes them happen, so that neither
 * exists without the other. Parts of statements, not statements.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { EventKind } from '../schema.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';

/** Ends after which a person must look, unless one has decided. */
export const BAD_ENDS: readonly UpgradeStatus[] = ['failed', 'unproven', 'expired', 'partial'];

/** Resets what a person decided about an earlier end; only who gave up has decided about this one too. */
export const UNDECIDED = sql`
  decision = case when decision = 'give_up' then decision end,
  decided_at = case when decision = 'give_up' then decided_at end,
  decided_by = case when decision = 'give_up' then decided_by end`;

/**
 * An `insert into events` of all rows of `source`, a query or CTE with `id`, `task_id`, `device_id`, `department_id`,
 * `status` and `reason` of upgrades; `words` says what happened, as a text or as a column of the source. Versions that
 * the same statement stores must be given as `newer`: it does not see what it writes itself.
 */
export function deviceEvents(kind: EventKind, source: SQL, words: SQL, newer: SQL = sql`'{}'::jsonb`): SQL {
  return sql`
    insert into events (department_id, kind, task_id, upgrade_id, device_id, data)
    select e.department_id, ${kind}, e.task_id, e.id, e.device_id, jsonb_build_object(
      'status', e.status, 'reason', e.reason, 'reasonText', ${words}, 'taskName', t.name,
      'versions', coalesce((select jsonb_object_agg(v.component, v.version) from device_versions v where v.device_id = e.device_id), '{}') || ${newer})
    from ${source} e join upgrade_tasks t on t.id = e.task_id`;
}
