/** Reads from the database what the promises are judged by. */
import type { Sql } from 'postgres';
import type { TaskRecord, UpgradeRecord } from './upgrades.ts';

/** All device upgrades of these tasks, with their logs and offers. */
export async function readUpgrades(sql: Sql, taskIds: readonly number[]): Promise<UpgradeRecord[]> {
  return sql<UpgradeRecord[]>`
    select u.id::int as id, u.task_id as "taskId", u.device_id as "deviceId", u.status, u.reason, u.attempt,
      cardinality(u.firmware_ids) as files, u.proofs,
      (extract(epoch from u.dispatched_at) * 1000)::float8 as "dispatchedAtMs",
      (extract(epoch from u.finished_at) * 1000)::float8 as "finishedAtMs",
      coalesce((select jsonb_agg(jsonb_build_object('id', l.id, 'atMs', (extract(epoch from l.at) * 1000)::float8,
          'author', l.author, 'event', l.event, 'status', l.status, 'fileIndex', l.file_index, 'attempt', l.attempt,
          'cause', l.cause) order by l.id)
        from upgrade_log l where l.upgrade_id = u.id), '[]') as log,
      coalesce((select jsonb_agg(jsonb_build_object('id', m.id, 'fileIndex', m.file_index, 'attempt', m.attempt,
          'targetVersion', m.payload->>'targetVersion', 'reactionMs', (m.payload->>'reactionMs')::float8,
          'createdAtMs', (extract(epoch from m.created_at) * 1000)::float8, 'sends', m.sends,
          'closedAtMs', (extract(epoch from m.closed_at) * 1000)::float8, 'offerSeq', m.offer_seq) order by m.id)
        from device_messages m where m.upgrade_id = u.id and m.kind = 'offer'), '[]') as offers
    from device_upgrades u where u.task_id = any(${taskIds as number[]}) order by u.id`;
}

/** These tasks, with their logs. */
export async function readTasks(sql: Sql, taskIds: readonly number[]): Promise<TaskRecord[]> {
  return sql<TaskRecord[]>`
    select t.id, t.status, t.device_count as "deviceCount",
      (extract(epoch from t.finished_at) * 1000)::float8 as "finishedAtMs",
      (select count(*)::int from device_upgrades u where u.task_id = t.id) as devices,
      (select count(*)::int from device_upgrades u where u.task_id = t.id and u.finished_at is null) as "openDevices",
      coalesce((select jsonb_agg(jsonb_build_object('atMs', (extract(epoch from l.at) * 1000)::float8, 'author', l.author,
          'event', l.event, 'cause', l.cause) order by l.id)
        from task_log l where l.task_id = t.id), '[]') as log
    from upgrade_tasks t where t.id = any(${taskIds as number[]}) order by t.id`;
}
