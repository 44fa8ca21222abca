/** Reads from the database what the promises are judged by. */
import type { Sql } from 'postgres';
import type { CommandRecord } from './commands.ts';
import type { SessionRecord } from './sessions.ts';
import type { ShipmentRecord } from './shipments.ts';
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

/** Commands to a device, with their logs. */
export async function readCommands(sql: Sql, deviceId: string): Promise<CommandRecord[]> {
  return sql<CommandRecord[]>`
    select c.id::int as id, c.status, c.reason, c.sends,
      (extract(epoch from c.finished_at) * 1000)::float8 as "finishedAtMs",
      coalesce((select jsonb_agg(jsonb_build_object('id', l.id, 'author', l.author, 'event', l.event, 'status', l.status,
          'attempt', l.attempt, 'cause', l.cause, 'atMs', (extract(epoch from l.at) * 1000)::float8) order by l.id)
        from device_command_log l where l.command_id = c.id), '[]') as log
    from device_commands c where c.device_id = ${deviceId} order by c.id`;
}

/** A primary shipment; its sums are added by whoever asks the product for them. */
export async function readShipment(sql: Sql, id: number): Promise<Omit<ShipmentRecord, 'closes' | 'wrong'>> {
  const [row] = await sql<Omit<ShipmentRecord, 'closes' | 'wrong'>[]>`
    select s.id::int as id, s.status, s.asked, s.created_by as "createdBy",
      coalesce((select jsonb_agg(jsonb_build_object('imei', d.imei, 'status', d.status, 'reason', d.reason,
          'customer', d.customer, 'finishedAtMs', (extract(epoch from d.finished_at) * 1000)::float8) order by d.place)
        from shipment_devices d where d.shipment_id = s.id), '[]') as devices,
      coalesce((select jsonb_agg(jsonb_build_object('imei', r.imei, 'shipmentId', r.shipment_id, 'author', r.shipped_by,
          'atMs', (extract(epoch from r.shipped_at) * 1000)::float8))
        from shipment_records r join shipment_devices d on d.imei = r.imei where d.shipment_id = s.id), '[]') as records,
      array(select m.imei from matched_devices m join shipment_devices d using (imei) where d.shipment_id = s.id) as matched,
      array(select v.imei from devices v join shipment_devices d using (imei) where d.shipment_id = s.id) as registered,
      (select count(*)::int from events e where e.kind = 'shipment.finished' and (e.data->>'shipmentId')::int = s.id) as ends
    from shipments s where s.id = ${id}`;
  return row!;
}

/** The session of an equipment with what it told. */
export async function readSession(sql: Sql, code: string): Promise<SessionRecord> {
  const [row] = await sql<SessionRecord[]>`
    select e.code, s.state,
      coalesce((select jsonb_agg(jsonb_build_object('edge', x.edge, 'from', x.from_state, 'to', x.to_state, 'cause', x.cause,
          'atMs', (extract(epoch from x.at) * 1000)::float8) order by x.id)
        from equipment_edges x where x.equipment_id = e.id), '[]') as edges,
      array(select c.reason_code from equipment_status_changes c where c.equipment_id = e.id order by c.id) as statuses,
      array(select a.alert_code || ' ' || a.event from equipment_alarm_log a where a.equipment_id = e.id order by a.id) as alarms,
      coalesce((select jsonb_agg(jsonb_build_object('action', f.action, 'status', f.status,
          'raisedAtMs', (extract(epoch from f.raised_at) * 1000)::float8,
          'servedAtMs', (extract(epoch from f.served_at) * 1000)::float8,
          'endedAtMs', (extract(epoch from f.ended_at) * 1000)::float8) order by f.id)
        from equipment_flags f where f.equipment_id = e.id), '[]') as flags,
      -- Not an array: the driver reads a null among numbers as NaN.
      coalesce((select jsonb_agg(u.flag_id order by u.id) from equipment_follow_ups u where u.equipment_id = e.id), '[]')
        as "followUps"
    from equipment e join equipment_sessions s on s.equipment_id = e.id where e.code = ${code}`;
  return row!;
}
