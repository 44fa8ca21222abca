/**
 * One device's upgrade as its workflow drives it: what is proven, what it waits for, how it ends; its offers are in
 * `offers.ts`. Every function is one transaction that locks the upgrade's row, so the row, its offer and its log change
 * together or not at all; every function may be repeated.
 */
import { sql } from 'drizzle-orm';
import { InvariantError, type Db } from './index.ts';
import { DEVICE_MESSAGE_CHANNEL, type FileProof, type OfferPayload } from './schema.ts';
import { isEnd, mayFollow, type UpgradeStatus, type WaitingReason } from '../workflows/rules/statuses.ts';
import type { Component } from '../workflows/rules/versions.ts';

/** Names one attempt of one upgrade: what every step is idempotent by. */
export interface AttemptKey {
  upgradeId: number;
  /** Fencing number of the offer. */
  attempt: number;
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
 * target. With `last` the upgrade has succeeded.
 */
export async function recordProof(
  db: Db,
  key: AttemptKey & { fileIndex: number; last: boolean },
): Promise<{ proven: boolean; ended: boolean }> {
  return db.transaction(async (tx) => {
    const upgrade = await lockUpgrade(tx, key.upgradeId);
    const done = upgrade.proofs.some((proof) => proof.fileIndex === key.fileIndex);
    if (upgrade.ended || done) return { proven: done, ended: upgrade.ended };
    const [offer] = await tx.execute<{ payload: OfferPayload; transferred: boolean }>(sql`
      update device_messages m set closed_at = clock_timestamp()
      from device_versions v
      where m.upgrade_id = ${key.upgradeId} and m.attempt = ${key.attempt} and m.closed_at is null
        and v.device_id = m.device_id and v.component = m.payload->>'component'
        and v.version = m.payload->>'targetVersion' and v.report_seq > m.offer_seq
      returning m.payload, m.first_request_at is not null as transferred`);
    if (offer === undefined) return { proven: false, ended: false };
    const { component, targetVersion, fromVersion } = offer.payload;
    const proof: FileProof = {
      fileIndex: key.fileIndex,
      component,
      fromVersion,
      version: targetVersion,
      provenAt: new Date(upgrade.nowMs).toISOString(),
      ...(offer.transferred ? {} : { note: 'reported_without_transfer' }),
    };
    const cause = offer.transferred
      ? `a report newer than the offer says ${component} ${targetVersion}`
      : `a report newer than the offer says ${component} ${targetVersion}, although nothing was transferred`;
    await appendProof(tx, upgrade, proof, { author: 'device', event: 'proven', cause }, key.last);
    return { proven: true, ended: key.last };
  });
}

/** Writes down that the device already runs a file's target: nothing was sent, the file counts as proven. */
export async function recordAlreadyCurrent(
  db: Db,
  key: { upgradeId: number; fileIndex: number; component: Component; version: string; last: boolean },
): Promise<{ ended: boolean }> {
  return db.transaction(async (tx) => {
    const upgrade = await lockUpgrade(tx, key.upgradeId);
    if (upgrade.ended || upgrade.proofs.some((proof) => proof.fileIndex === key.fileIndex))
      return { ended: upgrade.ended };
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
    return { ended: key.last };
  });
}

/** Shows what an upgrade waits for when that is not the gate's doing. */
export async function recordWaiting(
  db: Db,
  key: { upgradeId: number; fileIndex: number; status: 'waiting' | 'confirming'; reason: WaitingReason; cause: string },
): Promise<void> {
  await db.transaction(async (tx) => {
    const upgrade = await lockUpgrade(tx, key.upgradeId);
    if (upgrade.ended || (upgrade.status === key.status && upgrade.reason === key.reason)) return;
    await changeStatus(tx, upgrade, key.status, key.reason, { author: 'system', event: key.status, cause: key.cause });
  });
}

/** Ends an upgrade and closes its offer if one is open. Repeating it changes nothing. */
export async function finishUpgrade(
  db: Db,
  end: { upgradeId: number; status: UpgradeStatus; reason: string | null; entry: Entry },
): Promise<void> {
  await db.transaction(async (tx) => {
    const upgrade = await lockUpgrade(tx, end.upgradeId);
    if (upgrade.ended) return;
    if (!isEnd(end.status)) throw new InvariantError(`upgrade ${upgrade.id} cannot end as ${end.status}`);
    await closeOpenOffers(tx, upgrade.deviceId, { upgradeId: upgrade.id });
    await changeStatus(tx, upgrade, end.status, end.reason, end.entry);
  });
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

/** The one way a status changes: checked against the rules, with its line in the log. */
export async function changeStatus(
  tx: Db,
  upgrade: UpgradeRow,
  status: UpgradeStatus,
  reason: string | null,
  entry: Entry,
) {
  assertMayFollow(upgrade, status);
  await tx.execute(sql`
    with shown as (
      update device_upgrades set status = ${status}, reason = ${reason}, file_index = ${upgrade.fileIndex},
        updated_at = clock_timestamp() ${isEnd(status) ? sql`, finished_at = clock_timestamp()` : sql``}
      where id = ${upgrade.id}
    )
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
