/**
 * The offers of one device's upgrade as its workflow drives it: made when the gate, the task and the window agree, read
 * when the workflow wants to know how far it is, closed when it came to nothing. What becomes of the upgrade itself is
 * in `upgrades.ts`.
 */
import { sql } from 'drizzle-orm';
import { InvariantError, type Db } from '../index.ts';
import { IS_ONLINE, mayProceed, ONLINE_S } from './pacing.ts';
import { DEVICE_MESSAGE_CHANNEL, USUAL_PILE_OPTIONS, type OfferPayload, type TaskOptions } from '../schema.ts';
import {
  assertMayFollow,
  changeStatus,
  closeOpenOffers,
  lockUpgrade,
  type AttemptKey,
  type UpgradeRow,
} from './upgrades.ts';
import { gate } from '../../workflows/rules/eligibility.ts';
import { limitsFor } from '../../workflows/rules/limits.ts';
import { OFFER_SENDS, pileTimes, type OfferFacts } from '../../workflows/rules/offers.ts';
import { failureMeaning, type FailureCode } from '../../workflows/rules/retry.ts';
import type { TaskStatus, UpgradeStatus, WaitingReason } from '../../workflows/rules/statuses.ts';
import type { Component } from '../../workflows/rules/versions.ts';
import {
  NEVER_MS,
  assumedBytesPerSecond,
  earliestStart,
  expectedDurationMs,
  windowAt,
} from '../../workflows/rules/windows.ts';

/** A device that waits for its turn is told when there is room; if that should be missed, it asks again after this time. */
const PACED_MS = 10 * 60_000;

/** What came of trying to offer a file. */
export type OpenOfferResult =
  /** `leftMs`: until the offer expires, with the window or the task. */
  | { kind: 'offered'; online: boolean; leftMs: number }
  /** The device runs this file's target, or that of a later file of the task. */
  | { kind: 'already_current'; version: string }
  | { kind: 'waiting'; reason: WaitingReason; waitMs: number }
  | { kind: 'not_eligible'; reason: WaitingReason }
  | { kind: 'deadline' }
  | { kind: 'ended'; status: UpgradeStatus; reason: string | null };

/**
 * Asks the gate, the task's state and the window, and if all agree writes the offer and tells the gateways. Otherwise
 * writes down what the device waits for. Repeating it for the same attempt finds the offer it wrote.
 */
export async function openOffer(db: Db, key: AttemptKey & { fileIndex: number }): Promise<OpenOfferResult> {
  return db.transaction(async (tx) => {
    // Sent together, run one after the other: what is read is what is so once the row is locked.
    const [upgrade, order] = await Promise.all([
      lockUpgrade(tx, key.upgradeId),
      readOrder(tx, key.upgradeId, key.fileIndex),
    ]);
    if (upgrade.ended) return { kind: 'ended', status: upgrade.status, reason: upgrade.reason };
    if (upgrade.attempt > key.attempt) return { kind: 'ended', status: 'failed', reason: 'overtaken' };
    const made = upgrade.attempt === key.attempt ? await findMade(tx, key) : null;
    if (made !== null) return made;
    if (upgrade.nowMs >= order.deadlineMs) return { kind: 'deadline' };

    const running = order.versions[order.file.component];
    if (running !== undefined && order.laterTargets.includes(running))
      return { kind: 'already_current', version: running };
    const verdict = gate(order.file, order);
    if (verdict.kind === 'already_current') return { kind: 'already_current', version: order.file.targetVersion };
    if (verdict.kind === 'closed') {
      const neverTried = key.fileIndex === 0 && upgrade.attempt === 0;
      if (order.options.notEligible === 'skip' && neverTried) return { kind: 'not_eligible', reason: verdict.reason };
      await toWaiting(tx, upgrade, key.fileIndex, verdict.reason, verdict.explanation);
      return { kind: 'waiting', reason: verdict.reason, waitMs: order.deadlineMs - upgrade.nowMs };
    }
    if (order.taskStatus === 'paused' || order.taskStatus === 'cancelling') {
      // Of a cancel the device is told in a moment; until then nothing new begins.
      await toWaiting(tx, upgrade, key.fileIndex, 'task_paused', `the task is ${order.taskStatus}`);
      return { kind: 'waiting', reason: 'task_paused', waitMs: order.deadlineMs - upgrade.nowMs };
    }
    const speed = assumedBytesPerSecond(order.protocol, order.bytesPerSecond);
    const durationMs = expectedDurationMs(order.file.sizeBytes, speed);
    const startMs = earliestStart(order.options.window, upgrade.nowMs, durationMs, order.deadlineMs);
    if (startMs > upgrade.nowMs) {
      const cause =
        startMs === NEVER_MS
          ? `at ${Math.round(speed)} bytes a second the file fits into no night before the deadline`
          : `not before ${new Date(startMs).toISOString()}`;
      await toWaiting(tx, upgrade, key.fileIndex, 'window', cause);
      return { kind: 'waiting', reason: 'window', waitMs: Math.min(startMs, order.deadlineMs) - upgrade.nowMs };
    }
    // Started devices have their place. One that waited, or comes back, has to ask for one; while it is away it needs none.
    if (order.online && upgrade.status === 'waiting' && !(await mayProceed(tx, upgrade.id))) {
      await toWaiting(tx, upgrade, key.fileIndex, 'paced', 'as many devices as the pacing allows are under way');
      return { kind: 'waiting', reason: 'paced', waitMs: Math.min(PACED_MS, order.deadlineMs - upgrade.nowMs) };
    }
    const expiresAtMs = await writeOffer(tx, upgrade, order, { ...key, durationMs });
    return { kind: 'offered', online: order.online, leftMs: expiresAtMs - upgrade.nowMs };
  });
}

/**
 * What is known of an attempt's offer; null when it is closed: the upgrade has ended or another attempt has taken over.
 * A device that is away is shown as offline, and its next contact will wake the workflow.
 */
export async function readOffer(db: Db, key: AttemptKey): Promise<OfferFacts | null> {
  return db.transaction(async (tx) => {
    // The lock keeps a gateway from sending between the look and the wish to be woken by the sending.
    const upgrade = await lockUpgrade(tx, key.upgradeId);
    const facts = (await findFacts(tx, key)) ?? (upgrade.ended ? null : await findOwnEnd(tx, upgrade, key));
    if (facts === null || facts.failure !== null || !isAway(facts)) return facts;
    await tx.execute(sql`
      with parked as (
        update device_messages set awaits_contact = true where upgrade_id = ${upgrade.id} and attempt = ${key.attempt}
      )
      update device_upgrades set reason = 'offline' where id = ${upgrade.id} and status = 'offered'`);
    return { ...facts, awaitsContact: true };
  });
}

/** A device that is connected is sent an offer at once, and again when it does not react, until it was sent often enough. */
function isAway({ nowMs, sends, lastSentAtMs, firstRequestAtMs, acceptedAtMs }: OfferFacts): boolean {
  if (firstRequestAtMs !== null || acceptedAtMs != null || sends >= OFFER_SENDS) return false;
  return lastSentAtMs === null || nowMs - lastSentAtMs >= ONLINE_S * 1_000;
}

/** Closes an attempt's offer: nothing of it is sent or served any more. The upgrade waits, with the reason shown. */
export async function closeOffer(
  db: Db,
  key: AttemptKey & { reason: WaitingReason | null; code: string; retry: string },
): Promise<void> {
  await db.transaction(async (tx) => {
    const upgrade = await lockUpgrade(tx, key.upgradeId);
    const closed = await closeOpenOffers(tx, upgrade.deviceId, key);
    if (upgrade.ended || !closed) return;
    const meaning = failureMeaning(key.code);
    await changeStatus(tx, upgrade, 'waiting', key.reason ?? key.code, {
      author: 'system',
      event: 'attempt_ended',
      cause: `${key.code}: ${meaning.words}; ${key.retry}`,
      details: { code: key.code, advice: meaning.advice },
    });
  });
}

// ---------------------------------------------------------------- inside a transaction

interface Order {
  taskStatus: TaskStatus;
  options: TaskOptions;
  deadlineMs: number;
  /** Heard of so lately that it is most likely connected. */
  online: boolean;
  protocol: string;
  /** Measured at earlier transfers; null: never. */
  bytesPerSecond: number | null;
  model: string;
  powerKw: number | null;
  versions: Partial<Record<Component, string>>;
  /** An offer that was left open; only one may be. */
  hasOpenOffer: boolean;
  /** Targets of the files behind this one, of the same component. */
  laterTargets: string[];
  file: {
    firmwareId: number;
    component: Component;
    targetVersion: string;
    compatibleVersion: string;
    currentVersions: string[];
    model: string | null;
    powerKw: number | null;
    sizeBytes: number;
    sha256: string;
    packetSize: number;
    pinfo: string | null;
  };
}

async function readOrder(tx: Db, upgradeId: number, fileIndex: number): Promise<Order> {
  const [row] = await tx.execute<Order & Record<string, unknown>>(sql`
    select t.status as "taskStatus", t.options, (extract(epoch from t.deadline_at) * 1000)::float8 as "deadlineMs", d.model,
      d.power_kw as "powerKw", d.protocol,
      c.bytes_per_second as "bytesPerSecond",
      coalesce(${IS_ONLINE}, false) as online,
      coalesce((select jsonb_object_agg(v.component, v.version) from device_versions v where v.device_id = d.id), '{}') as versions,
      exists (select 1 from device_messages m where m.device_id = u.device_id and m.kind = 'offer' and m.closed_at is null)
        as "hasOpenOffer",
      (select coalesce(jsonb_agg(later.target_version), '[]')
       from unnest(u.firmware_ids) with ordinality as o(id, place) join firmware later on later.id = o.id
       where o.place > ${fileIndex + 1}::int and later.component = f.component) as "laterTargets",
      jsonb_build_object('firmwareId', f.id, 'component', f.component, 'targetVersion', f.target_version,
        'compatibleVersion', f.compatible_version, 'currentVersions', to_jsonb(f.current_versions), 'model', f.model, 'powerKw', f.power_kw,
        'sizeBytes', f.size_bytes, 'sha256', f.sha256, 'packetSize', f.packet_size, 'pinfo', f.pinfo) as file
    from device_upgrades u
    join upgrade_tasks t on t.id = u.task_id
    join devices d on d.id = u.device_id
    left join device_contacts c on c.device_id = u.device_id
    join firmware f on f.id = u.firmware_ids[${fileIndex + 1}::int]
    where u.id = ${upgradeId}`);
  if (row === undefined) throw new InvariantError(`upgrade ${upgradeId} has no file ${fileIndex}`);
  return row;
}

/** The answer of the step that made an attempt's offer; null when none was made. */
async function findMade(tx: Db, key: AttemptKey): Promise<OpenOfferResult | null> {
  const [row] = await tx.execute<{ online: boolean; leftMs: number }>(sql`
    select not awaits_contact as online,
      (extract(epoch from expires_at - clock_timestamp()) * 1000)::float8 as "leftMs"
    from device_messages where upgrade_id = ${key.upgradeId} and attempt = ${key.attempt}`);
  return row === undefined ? null : { kind: 'offered', ...row };
}

async function toWaiting(tx: Db, upgrade: UpgradeRow, fileIndex: number, reason: WaitingReason, cause: string) {
  if (upgrade.status === 'waiting' && upgrade.reason === reason && upgrade.fileIndex === fileIndex) return;
  await changeStatus(tx, { ...upgrade, fileIndex }, 'waiting', reason, { author: 'system', event: 'waiting', cause });
}

/** The offer, the status, the log line and the announcement, in one statement. Returns when the offer expires. */
async function writeOffer(
  tx: Db,
  upgrade: UpgradeRow,
  order: Order,
  key: AttemptKey & { fileIndex: number; durationMs: number },
): Promise<number> {
  assertMayFollow(upgrade, 'offered');
  if (order.hasOpenOffer) await closeOpenOffers(tx, upgrade.deviceId, null);
  const { file } = order;
  const window = windowAt(order.options.window, upgrade.nowMs);
  const expiresAtMs = Math.min(order.deadlineMs, window.open ? window.closesAtMs : upgrade.nowMs);
  const payload: OfferPayload = {
    firmwareId: file.firmwareId,
    sha256: file.sha256,
    sizeBytes: file.sizeBytes,
    packetSize: file.packetSize,
    pinfo: file.pinfo,
    component: file.component,
    targetVersion: file.targetVersion,
    fromVersion: order.versions[file.component] ?? '',
    reactionMs: limitsFor(order.protocol, order.options.limits).reactionMs,
    ...(order.options.window !== null && window.open && { latest: latestOf(window.closesAtMs, key.durationMs) }),
    ...(order.protocol === 'pile' ? { pile: pileOrder(order) } : {}),
  };
  await tx.execute(sql`
    with offer as (
      insert into device_messages (device_id, kind, upgrade_id, file_index, attempt, payload, awaits_contact, resumable, expires_at)
      values (${upgrade.deviceId}, 'offer', ${upgrade.id}, ${key.fileIndex}, ${key.attempt}, ${JSON.stringify(payload)}::jsonb,
        ${!order.online},
        exists (select 1 from device_messages where upgrade_id = ${upgrade.id} and file_index = ${key.fileIndex}
                and first_request_at is not null),
        to_timestamp(${expiresAtMs / 1000}::float8))
    ), shown as (
      update device_upgrades set status = 'offered', reason = ${order.online ? null : 'offline'}, file_index = ${key.fileIndex}, attempt = ${key.attempt},
        bytes_sent = 0, bytes_total = ${file.sizeBytes}, updated_at = clock_timestamp()
      where id = ${upgrade.id}
    ), logged as (
      insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause, details)
      values (${upgrade.id}, 'system', 'offered', 'offered', ${key.fileIndex}, ${key.attempt},
        ${`${payload.component} ${payload.fromVersion} → ${payload.targetVersion}`},
        ${JSON.stringify({ firmwareId: file.firmwareId, expiresAt: new Date(expiresAtMs).toISOString() })}::jsonb)
    )
    select pg_notify(${DEVICE_MESSAGE_CHANNEL}, ${upgrade.deviceId})`);
  return expiresAtMs;
}

/** A device that was away may come when the hours are not over yet, but what is left of them is too short. */
function latestOf(closesAtMs: number, durationMs: number): NonNullable<OfferPayload['latest']> {
  return { startMs: closesAtMs - durationMs, installMs: closesAtMs - expectedDurationMs(0) };
}

/** The gate has seen that the registered pile is what the file is for. */
function pileOrder({ model, powerKw, options }: Order): NonNullable<OfferPayload['pile']> {
  if (!(model === 'DC' || model === 'AC') || powerKw === null) {
    throw new InvariantError(`a file was to be offered to a pile of model "${model}" and ${powerKw} kW`);
  }
  return { model, powerKw, ...(options.pile ?? USUAL_PILE_OPTIONS) };
}

/**
 * An attempt that this same execution has closed, whose workflow task was lost before Temporal knew of it: it asks again
 * and must come to the same end, not believe that somebody else has taken over. Its next offer may be made already;
 * whoever else takes an upgrade over leaves a gap in the numbers.
 */
async function findOwnEnd(tx: Db, upgrade: UpgradeRow, key: AttemptKey): Promise<OfferFacts | null> {
  const [ended] = await tx.execute<{ code: FailureCode }>(sql`
    select l.details->>'code' as code from upgrade_log l
    where l.upgrade_id = ${upgrade.id} and l.event = 'attempt_ended' and l.attempt = ${key.attempt}
      and (${upgrade.attempt === key.attempt} or (${upgrade.attempt === key.attempt + 1} and exists (
        select 1 from device_messages m where m.upgrade_id = l.upgrade_id and m.attempt = ${upgrade.attempt})))
    limit 1`);
  const facts = ended === undefined ? null : await findFacts(tx, key, true);
  return facts && { ...facts, failure: ended!.code, report: null };
}

async function findFacts(tx: Db, key: AttemptKey, isClosed = false): Promise<OfferFacts | null> {
  const [row] = await tx.execute<Record<string, unknown>>(sql`
    select (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
      (extract(epoch from m.created_at) * 1000)::float8 as "createdAtMs",
      (extract(epoch from m.expires_at) * 1000)::float8 as "expiresAtMs", m.sends,
      (extract(epoch from m.last_sent_at) * 1000)::float8 as "lastSentAtMs", m.awaits_contact as "awaitsContact",
      (extract(epoch from m.accepted_at) * 1000)::float8 as "acceptedAtMs", m.payload->'pile' as pile,
      (extract(epoch from m.first_request_at) * 1000)::float8 as "firstRequestAtMs",
      (extract(epoch from m.last_request_at) * 1000)::float8 as "lastRequestAtMs",
      (extract(epoch from m.finished_at) * 1000)::float8 as "finishedAtMs",
      m.failure_code as failure, m.payload->>'fromVersion' as "fromVersion",
      case when v.version is not null then jsonb_build_object('version', v.version,
        'isTarget', v.version = m.payload->>'targetVersion' and v.report_seq > m.offer_seq,
        'atMs', (extract(epoch from v.reported_at) * 1000)::float8,
        'afterFinish', m.finished_seq is not null and v.report_seq > m.finished_seq) end as report
    from device_messages m
    left join device_versions v on v.device_id = m.device_id and v.component = m.payload->>'component'
      -- A report that came while the offer was made is not newer, but the gate has not seen it.
      and (v.report_seq > m.offer_seq or v.version <> m.payload->>'fromVersion')
    where m.upgrade_id = ${key.upgradeId} and m.attempt = ${key.attempt} and (m.closed_at is null) <> ${isClosed}`);
  if (row === undefined) return null;
  const { pile, ...facts } = row as unknown as OfferFacts & Pick<OfferPayload, 'pile'>;
  return { ...facts, ownTimes: pile == null ? null : pileTimes(pile) };
}
