/**
 * Events on their way to webhooks: from events to deliveries, from deliveries to workflows, and what each attempt came
 * to. Every function may be repeated, and any number of processes may call them at once.
 */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { webhookDeliveries, events, type DELIVERY_STATUSES, type EventKind } from '../schema.ts';
import { IN_FLIGHT_PER_WEBHOOK, SWITCH_OFF_AFTER_MS } from '../../workflows/rules/deliveries.ts';

export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Events looked at for one webhook in one step. */
const EVENTS_PER_STEP = 2_000;

// ---------------------------------------------------------------- events → deliveries → workflows

/** True when there is a webhook that wants events. */
export async function hasActiveWebhooks(db: Db): Promise<boolean> {
  const rows = await db.execute(sql`select 1 from webhooks where is_active and deleted_at is null limit 1`);
  return rows.length > 0;
}

/**
 * Makes the deliveries of all webhooks for events up to `settled`, behind which rows may still appear out of order.
 * Webhooks that another process works on are left to it. Returns how many were made.
 */
export async function makeDeliveries(db: Db, settled: number): Promise<number> {
  const [row] = await db.execute<{ made: number }>(sql`
    with hook as materialized (
      select id, department_id, kinds, last_event_id from webhooks
      where is_active and deleted_at is null and last_event_id < ${settled}
      for no key update skip locked
    ), page as materialized (
      select hook.id as webhook_id, hook.kinds, e.id, e.kind
      from hook cross join lateral (
        select id, kind from events
        where department_id = hook.department_id and id > hook.last_event_id and id <= ${settled}
        order by id limit ${EVENTS_PER_STEP}) e
    ), made as (
      insert into webhook_deliveries (webhook_id, event_id)
      select webhook_id, id from page where kinds = '{}' or kind = any (kinds) order by id
      on conflict do nothing returning 1
    ), moved as (
      update webhooks set last_event_id = reached.id
      from (select hook.id as webhook_id, case when count(page.id) < ${EVENTS_PER_STEP} then ${settled}::bigint else max(page.id) end as id
            from hook left join page on page.webhook_id = hook.id group by hook.id) reached
      where webhooks.id = reached.webhook_id
    )
    select count(*)::int as made from made`);
  return row!.made;
}

/** What a workflow is started with. */
export interface StartableDelivery extends Record<string, unknown> {
  deliveryId: number;
  webhookId: number;
  department: string;
  kind: EventKind;
  taskId: number | null;
  deviceId: string | null;
}

const STARTABLE = sql`d.id::float8 as "deliveryId", d.webhook_id as "webhookId", p.name as department, e.kind,
  e.task_id as "taskId", e.device_id as "deviceId"`;

/** Takes the next deliveries of each webhook, in the order of their events, as many as may be under way to it. */
export async function claimDeliveries(db: Db): Promise<StartableDelivery[]> {
  return db.transaction(async (tx) => {
    // Two statements: the second must see what whoever held the lock before has taken.
    const hooks = await tx.execute<{ id: number }>(sql`
      select id from webhooks w
      where is_active and deleted_at is null and exists (
        select 1 from webhook_deliveries d where d.webhook_id = w.id and started_at is null and finished_at is null)
      order by id for no key update skip locked`);
    if (hooks.length === 0) return [];
    const rows = await tx.execute<StartableDelivery>(sql`
      with chosen as (
        select next.id from unnest(${`{${hooks.map(({ id }) => id).join(',')}}`}::int[]) as hook(id)
        cross join lateral (
          select count(*)::int as count from webhook_deliveries d
          where d.webhook_id = hook.id and started_at is not null and finished_at is null) flying
        cross join lateral (
          select d.id from webhook_deliveries d
          where d.webhook_id = hook.id and started_at is null and finished_at is null
          order by d.id limit greatest(0, ${IN_FLIGHT_PER_WEBHOOK} - flying.count)) next
      )
      update webhook_deliveries d set started_at = clock_timestamp()
      from chosen, events e, departments p
      where d.id = chosen.id and d.started_at is null and d.finished_at is null
        and e.id = d.event_id and p.id = e.department_id
      returning ${STARTABLE}`);
    return rows.toSorted((a, b) => a.deliveryId - b.deliveryId);
  });
}

/**
 * Deliveries that were taken and whose workflow is not heard of: it was never started because a process died, or was
 * ended by hand. Starting one that runs does no harm.
 */
export async function findUnheardDeliveries(
  db: Db,
  { claimedMs, silentMs, limit }: { claimedMs: number; silentMs: number; limit: number },
): Promise<StartableDelivery[]> {
  const ago = (ms: number) => sql`clock_timestamp() - make_interval(secs => ${ms / 1000}::float8)`;
  return db.execute<StartableDelivery>(sql`
    select ${STARTABLE} from webhook_deliveries d
    join events e on e.id = d.event_id join departments p on p.id = e.department_id
    where d.started_at is not null and d.finished_at is null
      and (d.started_at < ${ago(silentMs)} and coalesce(d.last_attempt_at, d.started_at) < ${ago(silentMs)}
        or d.started_at < ${ago(claimedMs)} and (d.last_attempt_at is null or d.last_attempt_at < d.started_at))
    order by d.id limit ${limit}`);
}

/** Removes deliveries that ended long ago, some at a time; returns how many. */
export async function forgetDeliveries(db: Db, { olderThanDays, limit }: { olderThanDays: number; limit: number }) {
  const rows = await db.execute(sql`
    delete from webhook_deliveries
    where id in (select id from webhook_deliveries order by id limit ${limit})
      and finished_at < clock_timestamp() - make_interval(days => ${olderThanDays}::int)
    returning 1`);
  return rows.length;
}

// ---------------------------------------------------------------- attempts

/** Everything an attempt needs. */
export interface DeliveryOrder {
  webhookId: number;
  url: string;
  /** The present key, and the one before while it still signs. */
  secrets: string[];
  isActive: boolean;
  status: DeliveryStatus;
  event: {
    id: number;
    kind: EventKind;
    at: string;
    departmentId: number;
    taskId: number | null;
    upgradeId: number | null;
    deviceId: string | null;
    data: Record<string, unknown>;
  };
}

/** A delivery with its webhook and event; null when it was removed. */
export async function loadDelivery(db: Db, deliveryId: number): Promise<DeliveryOrder | null> {
  const [row] = await db.execute<
    Omit<DeliveryOrder, 'event'> & { event: DeliveryOrder['event']; atMs: number } & Record<string, unknown>
  >(sql`
    select d.webhook_id as "webhookId", w.url, w.is_active as "isActive", d.status,
           ${SECRETS} as secrets, (extract(epoch from e.at) * 1000)::float8 as "atMs",
           jsonb_build_object('id', e.id, 'kind', e.kind, 'departmentId', e.department_id, 'taskId', e.task_id,
             'upgradeId', e.upgrade_id, 'deviceId', e.device_id, 'data', e.data) as event
    from webhook_deliveries d join webhooks w on w.id = d.webhook_id join events e on e.id = d.event_id
    where d.id = ${deliveryId}`);
  if (row === undefined) return null;
  const { atMs, event, ...order } = row;
  return { ...order, event: { ...event, at: new Date(atMs).toISOString() } };
}

/** Where a test message goes; null when the webhook was deleted. */
export async function loadTarget(
  db: Db,
  webhookId: number,
): Promise<{ url: string; secrets: string[]; departmentId: number } | null> {
  const [row] = await db.execute<{ url: string; secrets: string[]; departmentId: number }>(sql`
    select url, ${SECRETS} as secrets, department_id as "departmentId" from webhooks w
    where id = ${webhookId} and deleted_at is null`);
  return row ?? null;
}

const SECRETS = sql`case when w.previous_secret_until > clock_timestamp() then array[w.secret, w.previous_secret] else array[w.secret] end`;

/** What an attempt came to. */
export interface AttemptResult {
  status: number | null;
  error: string | null;
  /** No attempt follows. */
  isLast: boolean;
  /** The receiver says that there never will be anybody. */
  isGone: boolean;
}

/**
 * Writes an attempt down. A failure starts, or goes on with, the time in which the webhook takes nothing; when that is
 * over, or the receiver is gone for good, the webhook is switched off, with a line in the audit log.
 */
export async function recordAttempt(db: Db, deliveryId: number, result: AttemptResult): Promise<void> {
  const { status, error, isLast, isGone } = result;
  const ends = error === null || isLast;
  await db.transaction(async (tx) => {
    const [delivery] = await tx.execute<{ webhookId: number }>(sql`
      update webhook_deliveries set attempts = attempts + 1, last_status = ${status}, last_error = ${error},
        last_attempt_at = clock_timestamp(), status = ${error === null ? 'delivered' : isLast ? 'failed' : 'pending'},
        finished_at = ${ends ? sql`clock_timestamp()` : sql`null`}
      where id = ${deliveryId} and finished_at is null
      returning webhook_id as "webhookId"`);
    if (delivery === undefined) return;
    const { webhookId } = delivery;
    if (error === null) {
      await tx.execute(
        sql`update webhooks set failing_since = null where id = ${webhookId} and failing_since is not null`,
      );
      return;
    }
    await tx.execute(
      sql`update webhooks set failing_since = clock_timestamp() where id = ${webhookId} and failing_since is null`,
    );
    if (isGone) await switchOff(tx, webhookId, `the receiver answered ${error}`);
    else if (isLast) {
      const days = SWITCH_OFF_AFTER_MS / 86_400_000;
      await switchOff(
        tx,
        webhookId,
        `nothing was taken for ${days} days; the last answer: ${error}`,
        SWITCH_OFF_AFTER_MS,
      );
    }
  });
}

async function switchOff(tx: Db, webhookId: number, why: string, failingForMs = 0): Promise<void> {
  await tx.execute(sql`
    with off as (
      update webhooks set is_active = false, off_reason = ${why}, revision = revision + 1
      where id = ${webhookId} and is_active
        and failing_since <= clock_timestamp() - make_interval(secs => ${failingForMs / 1000}::float8)
      returning id, department_id
    )
    insert into audit_log (department_id, author, key_id, action, target_kind, target_id, before, after, request_id)
    select department_id, 'system', 0, 'switchOffWebhook', 'webhook', id::text, '{"isActive": true}',
           jsonb_build_object('isActive', false, 'reason', ${why}::text), '' from off`);
}

/** Puts a delivery back into the queue of a webhook that is switched off. */
export async function holdDelivery(db: Db, deliveryId: number): Promise<void> {
  await db.execute(
    sql`update webhook_deliveries set started_at = null where id = ${deliveryId} and finished_at is null`,
  );
}

/** Ends a delivery that nobody works on any more. */
export async function failDelivery(db: Db, deliveryId: number, why: string): Promise<void> {
  await db.execute(sql`
    update webhook_deliveries set status = 'failed', finished_at = clock_timestamp(), last_error = ${why}
    where id = ${deliveryId} and finished_at is null`);
}

// ---------------------------------------------------------------- for people

const COLUMNS = {
  id: webhookDeliveries.id,
  webhookId: webhookDeliveries.webhookId,
  eventId: webhookDeliveries.eventId,
  kind: events.kind,
  taskId: events.taskId,
  deviceId: events.deviceId,
  eventAt: events.at,
  status: webhookDeliveries.status,
  attempts: webhookDeliveries.attempts,
  lastStatus: webhookDeliveries.lastStatus,
  lastError: webhookDeliveries.lastError,
  createdAt: webhookDeliveries.createdAt,
  startedAt: webhookDeliveries.startedAt,
  lastAttemptAt: webhookDeliveries.lastAttemptAt,
  finishedAt: webhookDeliveries.finishedAt,
};

/** A page of a webhook's deliveries, newest first; `before` is the last id of the page before. */
export async function listDeliveries(
  db: Db,
  webhookId: number,
  page: { status?: DeliveryStatus | undefined; before?: number | undefined; limit: number },
) {
  return db
    .select(COLUMNS)
    .from(webhookDeliveries)
    .innerJoin(events, eq(events.id, webhookDeliveries.eventId))
    .where(
      and(
        eq(webhookDeliveries.webhookId, webhookId),
        page.status === undefined ? undefined : eq(webhookDeliveries.status, page.status),
        page.before === undefined ? undefined : lt(webhookDeliveries.id, page.before),
      ),
    )
    .orderBy(desc(webhookDeliveries.id))
    .limit(page.limit);
}

/** One delivery of a webhook, or null. */
export async function findDelivery(db: Db, webhookId: number, deliveryId: number) {
  const [row] = await db
    .select(COLUMNS)
    .from(webhookDeliveries)
    .innerJoin(events, eq(events.id, webhookDeliveries.eventId))
    .where(and(eq(webhookDeliveries.webhookId, webhookId), eq(webhookDeliveries.id, deliveryId)));
  return row ?? null;
}

export type DeliveryRow = NonNullable<Awaited<ReturnType<typeof findDelivery>>>;

/** Puts an ended delivery back into the queue, at its old place; false when it has not ended. */
export async function requeueDelivery(db: Db, deliveryId: number): Promise<boolean> {
  const rows = await db.execute(sql`
    update webhook_deliveries set status = 'pending', started_at = null, finished_at = null
    where id = ${deliveryId} and finished_at is not null returning 1`);
  return rows.length > 0;
}
