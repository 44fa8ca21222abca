/**
 * One device's upgrade as its workflow drives it: what is proven, what it waits for, how it ends; its offers are in
 * `offers.ts`. Every function is one transaction that locks the upgrade's row, so the row, its offer and its log change
 * together or not at all; every function may be repeated.
 */
import { sql, type SQL } from 'drizzle-orm';
import { BAD_ENDS, deviceEvents, UNDECIDED } from '../devices/device-events.ts';
import { InvariantError, type Db } from '../index.ts';
import { DEVICE_MESSAGE_CHANNEL, type FileProof } from '../schema.ts';
import { isEnd, mayFollow, type UpgradeStatus, type WaitingReason } from '../../workflows/rules/statuses.ts';
import type { Component } from '../../workflows/rules/versions.ts';

/** Names one attempt of one upgrade: what every step is idempotent by. */
export interface AttemptKey {
  upgradeId: number;
  /** Fencing number of the offer. */
  attempt: number;
}

/** Names an upgrade and, for steps that belong to no offer, the execution that takes them. */
export interface RunKey {
  upgradeId: number;
  /**
   * Number of the attempt the execution is at, offered or next. Executions of one upgrade never share numbers, because
   * a retry leaves a gap; so one that was taken for dead and woke can change nothing. Null or missing: whoever it is.
   */
  attempt?: number | null;
}

/** What an ended or passing step writes into the log. */
export interface Entry {
  author: string;
  event: string;
  cause?: string;
  details?: Record<string, unknown>;
}

/** An upgrade whose row this transaction has locked. */
export interface UpgradeRow extends Record<string, unknown> {
  id: number;
  deviceId: string;
  status: UpgradeStatus;
  reason: string | null;
  fileIndex: number;
  attempt: number;
  proofs: FileProof[];
  ended: boolean;
  nowMs: number;
}

/**
 * Writes a file down as proven, if the newest report of its component really is newer than the offer and equals the
 * target. With `last` the upgrade has succeeded. One statement, because every device comes through here.
 */
export async function recordProof(
  db: Db,
  key: AttemptKey & { fileIndex: number; last: boolean },
): Promise<{ proven: boolean; ended: boolean }> {
  const { upgradeId, attempt, fileIndex, last } = key;
  const [row] = await db.execute<{ ended: boolean; done: boolean; proven: boolean }>(sql`
    with said as materialized (
      -- Locked, before the upgrade as reports do it: one that takes the version back is seen here, or it sees the proof.
      select * from device_versions where device_id = (select device_id from device_upgrades where id = ${upgradeId})
      order by component for share
    ), locked as materialized (
      select id, status, attempt, finished_at is not null as ended,
        exists (select 1 from jsonb_array_elements(proofs) p where (p->>'fileIndex')::int = ${fileIndex}::int) as done
      from device_upgrades where id = ${upgradeId} and (select count(*) from said) >= 0 for no key update
    ), offer as (
      update device_messages m set closed_at = clock_timestamp()
      from locked, said v
      where m.upgrade_id = locked.id and not locked.ended and not locked.done
        and m.attempt = ${attempt} and m.closed_at is null
        and v.device_id = m.device_id and v.component = m.payload->>'component'
        and v.version = m.payload->>'targetVersion' and v.report_seq > m.offer_seq
      returning v.component, v.version, m.payload->>'fromVersion' as from_version,
        case when m.first_request_at is null then 'reported_without_transfer' end as note
    ), shown as (
      -- What is not proven leaves the edge: the next look at the offer has to see it.
      update device_upgrades u set edge_at = null, file_index = ${fileIndex}, updated_at = clock_timestamp(),
        proofs = u.proofs || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('note', offer.note))
          || jsonb_build_object('fileIndex', ${fileIndex}::int, 'component', offer.component, 'version', offer.version,
               'fromVersion', offer.from_version,
               'provenAt', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
        ${last ? sql`, status = 'succeeded', reason = offer.note, finished_at = clock_timestamp()` : sql``}
      from offer where u.id = ${upgradeId}
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
      select locked.id, 'device', 'proven', ${last ? sql`'succeeded'` : sql`locked.status`}, ${fileIndex}, locked.attempt,
        'a report newer than the offer says ' || offer.component || ' ' || offer.version
          || case when offer.note is null then '' else ', although no transfer is on record' end
      from locked, offer
    )
    select ended, done, exists (select 1 from offer) as proven from locked`);
  if (row === undefined) throw new InvariantError(`upgrade ${upgradeId} does not exist`);
  return { proven: row.proven || row.done, ended: row.ended || (row.proven && last) };
}

/**
 * Writes down that the device already runs a file's target: nothing was sent, the file counts as proven. `stale`: it has
 * reported another version since it was asked, and nothing was written.
 */
export async function recordAlreadyCurrent(
  db: Db,
  key: RunKey & { fileIndex: number; component: Component; version: string; last: boolean },
): Promise<{ ended: boolean; stale: boolean }> {
  return db.transaction(async (tx) => {
    // Held, so that a report of another version comes before this or finds it written.
    const [running] = await tx.execute<{ version: string }>(sql`
      select v.version from device_versions v join device_upgrades u on u.device_id = v.device_id
      where u.id = ${key.upgradeId} and v.component = ${key.component} for share of v`);
    const upgrade = await lockUpgrade(tx, key.upgradeId);
    if (isOvertaken(upgrade, key)) return { ended: true, stale: false };
    if (upgrade.ended || upgrade.proofs.some((proof) => proof.fileIndex === key.fileIndex))
      return { ended: upgrade.ended, stale: false };
    if (running?.version !== key.version) return { ended: false, stale: true };
    const proof: FileProof = {
      fileIndex: key.fileIndex,
      component: key.component,
      fromVersion: null,
      version: key.version,
      provenAt: new Date(upgrade.nowMs).toISOString(),
      note: 'already_current',
    };
    const cause = `the device runs ${key.version} already, nothing was sent`;
    await appendProof(tx, upgrade, proof, { author: 'system', event: 'already_current', cause }, key.last);
    return { ended: key.last, stale: false };
  });
}

/** Shows what an upgrade waits for when that is not the gate's doing. */
export async function recordWaiting(
  db: Db,
  key: RunKey & { fileIndex: number; status: 'waiting' | 'confirming'; reason: WaitingReason; cause: string },
): Promise<void> {
  await db.transaction(async (tx) => {
    const upgrade = await lockUpgrade(tx, key.upgradeId);
    if (upgrade.ended || isOvertaken(upgrade, key)) return;
    if (upgrade.status === key.status && upgrade.reason === key.reason) return;
    await changeStatus(tx, upgrade, key.status, key.reason, { author: 'system', event: key.status, cause: key.cause });
  });
}

/**
 * Ends an upgrade and closes its offer if one is open. Returns how it has ended, which is otherwise when a person
 * confirms what the device has taken back meanwhile. Repeating it changes nothing.
 */
export async function finishUpgrade(
  db: Db,
  end: RunKey & { status: UpgradeStatus; reason: string | null; entry: Entry },
): Promise<{ status: UpgradeStatus; reason: string | null }> {
  return db.transaction(async (tx) => {
    const upgrade = await lockUpgrade(tx, end.upgradeId);
    if (isOvertaken(upgrade, end)) return { status: 'failed', reason: 'overtaken' };
    if (upgrade.ended) return { status: upgrade.status, reason: upgrade.reason };
    if (!isEnd(end.status)) throw new InvariantError(`upgrade ${upgrade.id} cannot end as ${end.status}`);
    await closeOpenOffers(tx, upgrade.deviceId, { upgradeId: upgrade.id });
    const fallen = end.status === 'succeeded' ? await findFallenBack(tx, upgrade.id) : null;
    if (fallen === null) {
      await changeStatus(tx, upgrade, end.status, end.reason, end.entry);
      return { status: end.status, reason: end.reason };
    }
    const cause = `confirmed by ${end.entry.author}, but the device reports ${fallen} by now`;
    const entry = { author: 'system', event: 'unproven', cause };
    await changeStatus(tx, upgrade, 'unproven', 'confirmed_too_late', entry);
    return { status: 'unproven', reason: 'confirmed_too_late' };
  });
}

/** What the device of an upgrade reports instead of what was proven, in words; null when it reports all of that. */
export async function findFallenBack(tx: Db, upgradeId: number): Promise<string | null> {
  const [row] = await tx.execute<{ versions: string | null }>(
    sql`select ${fallenBack()} as versions from device_upgrades u where u.id = ${upgradeId}`,
  );
  return row?.versions ?? null;
}

/** The same as part of a query that reads upgrades as `u`. */
export function fallenBack(): SQL {
  return sql`(
    select string_agg(v.component || ' ' || v.version, ', ' order by v.component)
    from (
      select distinct on (p->>'component') p->>'component' as component, p->>'version' as version
      from jsonb_array_elements(u.proofs) p order by p->>'component', (p->>'fileIndex')::int desc
    ) proven
    join device_versions v on v.device_id = u.device_id and v.component = proven.component
    where v.version <> proven.version)`;
}

/** Another execution drives this upgrade, or will once it is started: a retry has taken it from whoever asks. */
function isOvertaken(upgrade: UpgradeRow, { attempt }: RunKey): boolean {
  return attempt != null && upgrade.attempt > attempt;
}

async function appendProof(tx: Db, upgrade: UpgradeRow, proof: FileProof, entry: Entry, last: boolean): Promise<void> {
  if (last) assertMayFollow(upgrade, 'succeeded');
  await tx.execute(sql`
    with shown as (
      update device_upgrades set proofs = proofs || ${JSON.stringify([proof])}::jsonb, file_index = ${proof.fileIndex},
        updated_at = clock_timestamp()
        ${last ? sql`, status = 'succeeded', reason = ${proof.note ?? null}, finished_at = clock_timestamp()` : sql``}
      where id = ${upgrade.id}
    )
    insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause)
    values (${upgrade.id}, ${entry.author}, ${entry.event}, ${last ? 'succeeded' : upgrade.status}, ${proof.fileIndex},
      ${upgrade.attempt}, ${entry.cause ?? ''})`);
}

// ---------------------------------------------------------------- inside a transaction

/** Locks an upgrade's row; also clears its edge, because what follows reads everything there is. */
export async function lockUpgrade(tx: Db, upgradeId: number): Promise<UpgradeRow> {
  const [row] = await tx.execute<UpgradeRow>(sql`
    update device_upgrades set edge_at = null where id = ${upgradeId}
    returning id::int as id, device_id as "deviceId", status, reason, file_index as "fileIndex", attempt, proofs,
              finished_at is not null as ended, (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs"`);
  if (row === undefined) throw new InvariantError(`upgrade ${upgradeId} does not exist`);
  return row;
}

/** Closes the open offer of a device and tells the gateways; only that of one upgrade or attempt, if given. */
export async function closeOpenOffers(
  tx: Db,
  deviceId: string,
  only: { upgradeId: number; attempt?: number } | null,
): Promise<boolean> {
  const rows = await tx.execute(sql`
    with closed as (
      update device_messages set closed_at = clock_timestamp()
      where device_id = ${deviceId} and kind = 'offer' and closed_at is null
        ${only === null ? sql`` : sql`and upgrade_id = ${only.upgradeId}`}
        ${only?.attempt === undefined ? sql`` : sql`and attempt = ${only.attempt}`}
      returning id
    )
    select pg_notify(${DEVICE_MESSAGE_CHANNEL}, ${deviceId}) from closed`);
  return rows.length > 0;
}

/** The one way a status changes: checked against the rules, with its line in the log, and an event when others care. */
export async function changeStatus(
  tx: Db,
  upgrade: UpgradeRow,
  status: UpgradeStatus,
  reason: string | null,
  entry: Entry,
) {
  assertMayFollow(upgrade, status);
  const isBad = BAD_ENDS.includes(status);
  const told = isBad ? 'device.failed' : reason === 'awaiting_operator' ? 'device.needs_person' : null;
  await tx.execute(sql`
    with shown as (
      update device_upgrades set status = ${status}, reason = ${reason}, file_index = ${upgrade.fileIndex},
        updated_at = clock_timestamp() ${isEnd(status) ? sql`, finished_at = clock_timestamp()` : sql``}
        ${isBad ? sql`, ${UNDECIDED}` : sql``}
      where id = ${upgrade.id} returning id, task_id, device_id, department_id, status, reason
    ) ${told === null ? sql`` : sql`, told as (${deviceEvents(told, sql`shown`, sql`${entry.cause ?? ''}::text`)})`}
    insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause, details)
    values (${upgrade.id}, ${entry.author}, ${entry.event}, ${status}, ${upgrade.fileIndex}, ${upgrade.attempt},
      ${entry.cause ?? ''}, ${JSON.stringify(entry.details ?? {})}::jsonb)`);
}

/** Refuses what the rules do not allow. */
export function assertMayFollow(upgrade: UpgradeRow, status: UpgradeStatus): void {
  if (!mayFollow(upgrade.status, status)) {
    throw new InvariantError(`upgrade ${upgrade.id} cannot go from ${upgrade.status} to ${status}`);
  }
}
