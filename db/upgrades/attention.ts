/**
 * Device upgrades that need a person: what ended badly and nobody has decided about, and baseband upgrades that wait to
 * be confirmed. Across the tasks of a department.
 */
import { sql, type SQL } from 'drizzle-orm';
import { reportedAfterOffer } from './decisions.ts';
import type { Db } from '../index.ts';
import type { Decision } from '../schema.ts';
import { fallenBack } from './upgrades.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';
import type { Component } from '../../workflows/rules/versions.ts';

/** Why a person is needed. */
export const ATTENTION_KINDS = [
  'reverted',
  'unproven',
  'failed',
  'partial',
  'expired',
  'awaiting_confirmation',
] as const;
export type AttentionKind = (typeof ATTENTION_KINDS)[number];

/** What a list may be narrowed by; all given must fit. */
export interface AttentionFilter {
  kind?: AttentionKind;
  taskId?: number;
  model?: string;
  /** Needs a person since then or later. */
  sinceMs?: number;
}

/** Where a page ends: by time, then by id. */
export interface AttentionKey {
  /** Microseconds since 1970, exactly as stored. */
  sinceUs: number;
  id: number;
}

/** An upgrade with what its person must know. */
export interface AttentionRow extends AttentionKey {
  /** Null: nobody is needed. */
  kind: AttentionKind | null;
  taskId: number;
  taskName: string;
  deviceId: string;
  model: string;
  status: UpgradeStatus;
  reason: string | null;
  ended: boolean;
  dispatched: boolean;
  fileIndex: number;
  fileCount: number;
  component: Component;
  targetVersion: string;
  /** What the device reports of that component. */
  runningVersion: string | null;
  lastSeenMs: number | null;
  /** The target of the current file was reported after it was offered, and is now. */
  reportedAfterOffer: boolean;
  /** What the device reports instead of what was proven. */
  fallenBack: string | null;
  decision: Decision | null;
  decidedBy: string | null;
  decidedMs: number | null;
}

/** As the index `device_upgrades_needs_person` says it, less those that a person has just told what to do. */
const NEEDS_PERSON = sql`((u.finished_at is not null and u.decided_at is null
    and u.status in ('failed', 'unproven', 'partial', 'reverted', 'expired')) or u.reason = 'awaiting_operator')
  and u.decided_at is null`;
const KIND = sql`case when u.finished_at is null then 'awaiting_confirmation' else u.status end`;
/** Whatever changes the status sets it; nothing else does once a person is needed. */
const SINCE_US = sql`(extract(epoch from u.updated_at) * 1000000)::float8`;

/** A page, those of the latest hour first or those that have waited longest. */
export async function listAttention(
  db: Db,
  departmentId: number,
  filter: AttentionFilter,
  page: { order: 'newest' | 'oldest'; after: AttentionKey | null; limit: number },
): Promise<AttentionRow[]> {
  const { after, limit } = page;
  const [compare, direction] = page.order === 'newest' ? [sql`<`, sql`desc`] : [sql`>`, sql`asc`];
  const beyond =
    after === null ? sql`` : sql`and (${SINCE_US}, u.id) ${compare} (${after.sinceUs}::float8, ${after.id}::bigint)`;
  return readRows(
    db,
    sql`select u.* from device_upgrades u where ${chosen(departmentId, filter)} ${beyond}
      order by u.updated_at ${direction}, u.id ${direction} limit ${limit}`,
    sql`order by u.updated_at ${direction}, u.id ${direction}`,
  );
}

/** How many of each kind there are; the filter's own kind does not narrow it. */
export async function countAttention(
  db: Db,
  departmentId: number,
  { kind: _kind, ...filter }: AttentionFilter,
): Promise<Record<AttentionKind, number>> {
  const rows = await db.execute<{ kind: AttentionKind; n: number }>(sql`
    select ${KIND} as kind, count(*)::int as n from device_upgrades u where ${chosen(departmentId, filter)} group by 1`);
  const none = Object.fromEntries(ATTENTION_KINDS.map((kind) => [kind, 0])) as Record<AttentionKind, number>;
  return { ...none, ...Object.fromEntries(rows.map(({ kind, n }) => [kind, n])) };
}

/** These upgrades, whether they need a person or not; those of other departments are left out. */
export async function findAttention(
  db: Db,
  departmentId: number,
  upgradeIds: readonly number[],
): Promise<AttentionRow[]> {
  return readRows(
    db,
    sql`select u.* from device_upgrades u where u.department_id = ${departmentId}
      and u.id in (select jsonb_array_elements_text(${JSON.stringify(upgradeIds)}::jsonb)::bigint)`,
    sql`order by u.id`,
  );
}

function chosen(departmentId: number, { kind, taskId, model, sinceMs }: AttentionFilter): SQL {
  const conditions = [sql`u.department_id = ${departmentId}`, NEEDS_PERSON];
  if (kind !== undefined) conditions.push(sql`${KIND} = ${kind}`);
  if (taskId !== undefined) conditions.push(sql`u.task_id = ${taskId}`);
  if (model !== undefined)
    conditions.push(sql`exists (select 1 from devices d where d.id = u.device_id and d.model = ${model})`);
  if (sinceMs !== undefined) conditions.push(sql`u.updated_at >= to_timestamp(${sinceMs / 1_000}::float8)`);
  return sql.join(conditions, sql` and `);
}

async function readRows(db: Db, upgrades: SQL, order: SQL): Promise<AttentionRow[]> {
  const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);
  const rows = await db.execute<AttentionRow & Record<string, unknown>>(sql`
    with u as materialized (${upgrades})
    select u.id::float8 as id, ${SINCE_US} as "sinceUs",
      case when ${NEEDS_PERSON} then ${KIND} end as kind,
      u.task_id as "taskId", t.name as "taskName", u.device_id as "deviceId", d.model, u.status, u.reason,
      u.finished_at is not null as ended, u.dispatched_at is not null as dispatched,
      u.file_index as "fileIndex", cardinality(u.firmware_ids) as "fileCount", f.component,
      f.target_version as "targetVersion", running.version as "runningVersion", ${ms('c.last_seen_at')} as "lastSeenMs",
      ${reportedAfterOffer()} as "reportedAfterOffer",
      case when u.reason = 'awaiting_operator' then ${fallenBack()} end as "fallenBack",
      u.decision, u.decided_by as "decidedBy", ${ms('u.decided_at')} as "decidedMs"
    from u
    join upgrade_tasks t on t.id = u.task_id
    join devices d on d.id = u.device_id
    join firmware f on f.id = u.firmware_ids[u.file_index + 1]
    left join device_versions running on running.device_id = u.device_id and running.component = f.component
    left join device_contacts c on c.device_id = u.device_id
    ${order}`);
  return [...rows];
}
