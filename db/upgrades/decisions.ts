/**
 * What people decide about a device's upgrade where no workflow holds it: leave it out before it begins, confirm it or
 * give it up after it has ended. A retry goes through the workflow of the task (`RETRY_UPDATE`).
 */
import { sql } from 'drizzle-orm';
import { BAD_ENDS } from '../devices/device-events.ts';
import type { Db } from '../index.ts';
import type { Decision, FileProof } from '../schema.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';
import { needsOperatorConfirmation, type Component } from '../../workflows/rules/versions.ts';

/** Who decides, and why. */
export interface Author {
  author: string;
  cause: string;
}

/** Ends an upgrade that no workflow has taken up; false when one has, or it has ended. */
export async function endUpgradeUndispatched(
  db: Db,
  upgradeId: number,
  end: Author & { status: 'skipped' | 'cancelled' },
): Promise<boolean> {
  const rows = await db.execute(sql`
    with ended as (
      update device_upgrades set status = ${end.status}, reason = ${`${end.status}_by_operator`},
        finished_at = clock_timestamp(), updated_at = clock_timestamp()
      where id = ${upgradeId} and dispatched_at is null and finished_at is null
      returning id
    )
    insert into upgrade_log (upgrade_id, author, event, status, cause)
    select id, ${end.author}, ${end.status}, ${end.status}, ${end.cause} from ended returning id`);
  return rows.length > 0;
}

/**
 * A person confirms an upgrade that ended `unproven` at its last file, a baseband file whose version was reported
 * after its offer and still is. Returns why not, if it cannot be confirmed.
 */
export async function confirmUnproven(
  db: Db,
  upgradeId: number,
  by: Author,
): Promise<'confirmed' | 'not_unproven' | 'decided' | 'not_last_file' | 'not_baseband' | 'not_reported'> {
  return db.transaction(async (tx) => {
    // A report that takes the version back comes before this or after it; before the upgrade, as reports lock them.
    await tx.execute(sql`
      select from device_versions where device_id = (select device_id from device_upgrades where id = ${upgradeId})
      order by component for no key update`);
    const [row] = await tx.execute<{
      status: UpgradeStatus;
      decided: boolean;
      last: boolean;
      fileIndex: number;
      component: Component;
      target: string;
      reported: boolean;
    }>(sql`
      select u.status, u.decided_at is not null as decided, u.file_index = cardinality(u.firmware_ids) - 1 as last,
        u.file_index as "fileIndex", f.component, f.target_version as target, ${reportedAfterOffer()} as reported
      from device_upgrades u
      join firmware f on f.id = u.firmware_ids[u.file_index + 1]
      where u.id = ${upgradeId} for update of u`);
    if (row === undefined || row.status !== 'unproven') return 'not_unproven';
    if (row.decided) return 'decided';
    if (!needsOperatorConfirmation(row.component)) return 'not_baseband';
    if (!row.last) return 'not_last_file';
    if (!row.reported) return 'not_reported';
    const proof: FileProof = {
      fileIndex: row.fileIndex,
      component: row.component,
      fromVersion: null,
      version: row.target,
      provenAt: new Date().toISOString(),
      note: 'confirmed_by_operator',
    };
    await tx.execute(sql`
      with confirmed as (
        update device_upgrades set status = 'succeeded', reason = 'confirmed_by_operator', updated_at = clock_timestamp(),
          decision = 'confirm', decided_at = clock_timestamp(), decided_by = ${by.author},
          proofs = case when exists (select 1 from jsonb_array_elements(proofs) p where (p->>'fileIndex')::int = file_index)
            then proofs else proofs || ${JSON.stringify([proof])}::jsonb end
        where id = ${upgradeId} returning id, file_index, attempt
      )
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
      select id, ${by.author}, 'confirmed', 'succeeded', file_index, attempt, ${by.cause} from confirmed`);
    return 'confirmed';
  });
}

/** Part of a query on upgrades `u` and their current file `f`: its target was reported after an offer of it, and is now. */
export function reportedAfterOffer() {
  return sql`exists (
    select 1 from device_versions v join device_messages m on m.device_id = v.device_id
    where v.device_id = u.device_id and v.component = f.component and v.version = f.target_version
      and m.upgrade_id = u.id and m.file_index = u.file_index and v.report_seq > m.offer_seq)`;
}

/**
 * Gives upgrades up that ended badly: they stay what they are, and need nobody any more. Returns those it was true of;
 * one that another person has decided about, or that has begun again, is not among them.
 */
export async function giveUp(db: Db, upgradeIds: readonly number[], by: Author): Promise<number[]> {
  const rows = await db.execute<{ id: number }>(sql`
    with open as materialized (
      select id from device_upgrades
      where id in (select jsonb_array_elements_text(${JSON.stringify(upgradeIds)}::jsonb)::bigint)
        and finished_at is not null and decided_at is null
        and status in (${statusNames([...BAD_ENDS, 'reverted'])})
      order by id for no key update
    ), marked as (
      update device_upgrades u set decision = 'give_up', decided_at = clock_timestamp(), decided_by = ${by.author}
      from open where u.id = open.id returning u.id, u.status, u.file_index, u.attempt
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
      select id, ${by.author}, 'given_up', status, file_index, attempt, ${by.cause} from marked order by id
    )
    select id::int as id from marked`);
  return rows.map(({ id }) => id);
}

/**
 * Notes what a person has told the workflow of an upgrade that awaits confirmation, so that nobody else decides about it
 * once more; what comes of it the workflow writes. False when somebody has.
 */
export async function noteTold(
  db: Db,
  upgradeId: number,
  decision: Exclude<Decision, 'retry'>,
  by: Author,
): Promise<boolean> {
  const rows = await db.execute(sql`
    with told as (
      update device_upgrades set decision = ${decision}, decided_at = clock_timestamp(), decided_by = ${by.author}
      where id = ${upgradeId} and decided_at is null
        and (reason = 'awaiting_operator' or status = ${decision === 'confirm' ? 'succeeded' : 'unproven'})
      returning id, status, file_index, attempt
    )
    insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
    select id, ${by.author}, ${decision === 'confirm' ? 'confirming' : 'given_up'}, status, file_index, attempt, ${by.cause}
    from told returning id`);
  return rows.length > 0;
}

const statusNames = (statuses: readonly UpgradeStatus[]) => sql.raw(statuses.map((status) => `'${status}'`).join(', '));
