/**
 * Sessions of equipment: signs of life, collected and written for all together; silence, looked for; and what the
 * workflow of a session reads. Every change of state is one statement with its edge, its event and the mark that says
 * that the workflow has not read it.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import {
  OFFLINE_PERIODS,
  SUSPECT_PERIODS,
  type EquipmentStatus,
  type FlagAction,
  type SessionEdge,
  type SessionState,
} from '../../workflows/rules/equipment.ts';

/** What was heard of one equipment since it was last written. */
export interface SignOfLife {
  equipmentId: number;
  /** Milliseconds ago. */
  ageMs: number;
  /** A heartbeat was among it, which was answered. */
  isHeartbeat: boolean;
  address: string;
  /** Its clock minus ours; null: not known. */
  skewMs: number | null;
}

/** An equipment whose session changed, with what its workflow is started with. */
export interface ChangedSession {
  equipmentId: number;
  code: string;
  department: string;
  edge: SessionEdge;
}

/** Edges and events of sessions whose state changes; `changes` has id, was, will, cause. */
function transitions(changes: SQL): SQL {
  return sql`
    edges as (
      insert into equipment_edges (equipment_id, edge, from_state, to_state, cause)
      select id, case when was = 'offline' then 'back' else will end, was, will, cause
      from ${changes} c where will <> was order by id
    ), told as (
      insert into events (department_id, kind, data)
      select e.department_id, case when c.will = 'offline' then 'equipment.offline' else 'equipment.back' end,
        jsonb_build_object('equipmentCode', e.code, 'name', e.name, 'location', e.location, 'state', c.will, 'cause', c.cause)
      from ${changes} c join equipment e using (id)
      where c.will <> c.was and (c.will = 'offline' or c.was = 'offline') order by e.id
    )`;
}

/** Whose sessions changed, to wake their workflows. */
function changedSessions(changes: SQL): SQL {
  return sql`
    select c.id as "equipmentId", e.code, d.name as department,
      case when c.was = 'offline' then 'back' else c.will end as edge
    from ${changes} c join equipment e using (id) join departments d on d.id = e.department_id
    where c.will <> c.was`;
}

/** What a sign of life makes of a state (`nextState`), in SQL. */
const AFTER_SIGN = sql`case when h.is_heartbeat then 'alive' when s.state = 'suspect' then 'alive' else s.state end`;

/** Writes signs of life; says whose session changed by it. In steady state nothing changes and one statement does all. */
export async function writeSigns(
  db: Db,
  signs: readonly SignOfLife[],
  { skewLimitMs }: { skewLimitMs: number },
): Promise<ChangedSession[]> {
  return db.execute<ChangedSession & Record<string, unknown>>(sql`
    with before as materialized (
      select s.equipment_id as id, s.state as was, ${AFTER_SIGN} as will, s.is_skewed as was_skewed,
        case when h.skew_ms is null then s.is_skewed
             when abs(h.skew_ms) > ${skewLimitMs}::float8 then true
             when abs(h.skew_ms) < ${skewLimitMs / 2}::float8 then false
             else s.is_skewed end as will_skewed,
        h.skew_ms, h.address, clock_timestamp() - make_interval(secs => h.age_ms / 1000) as heard_at,
        case when h.is_heartbeat then 'heartbeat' else 'call' end as cause
      from jsonb_to_recordset(${JSON.stringify(
        signs.map(({ equipmentId, ageMs, isHeartbeat, address, skewMs }) => ({
          id: equipmentId,
          age_ms: ageMs,
          is_heartbeat: isHeartbeat,
          address,
          skew_ms: skewMs,
        })),
      )}::jsonb) as h(id int, age_ms float8, is_heartbeat boolean, address text, skew_ms float8)
      join equipment_sessions s on s.equipment_id = h.id
      order by s.equipment_id for update of s
    ), written as (
      update equipment_sessions s set
        last_seen_at = greatest(s.last_seen_at, b.heard_at),
        last_address = b.address,
        skew_ms = coalesce(b.skew_ms, s.skew_ms),
        skew_at = case when b.skew_ms is null then s.skew_at else b.heard_at end,
        is_skewed = b.will_skewed,
        state = b.will,
        state_since = case when b.will = b.was then s.state_since else clock_timestamp() end,
        edge_at = case when b.will = b.was then s.edge_at else coalesce(s.edge_at, clock_timestamp()) end
      from before b where s.equipment_id = b.id
    ), skews as (
      insert into events (department_id, kind, data)
      select e.department_id, 'equipment.clock_skew',
        jsonb_build_object('equipmentCode', e.code, 'name', e.name, 'skewSeconds', round(b.skew_ms / 1000), 'isSkewed', b.will_skewed)
      from before b join equipment e using (id) where b.was_skewed <> b.will_skewed order by e.id
    ), ${transitions(sql`before`)}
    ${changedSessions(sql`before`)}`);
}

/**
 * Says that a gateway is listening, and finds those who have fallen silent while one was. Silence from before is our
 * own: after an outage of ours everybody gets three periods anew.
 */
export async function sweepSilence(db: Db, { goneMs, limit }: { goneMs: number; limit: number }) {
  await db.execute(sql`
    insert into equipment_listening as l (id, since, until) values (1, clock_timestamp(), clock_timestamp())
    on conflict (id) do update set
      since = case when l.until < clock_timestamp() - make_interval(secs => ${goneMs / 1000}::float8)
        then clock_timestamp() else l.since end,
      until = clock_timestamp()`);
  return db.execute<ChangedSession & Record<string, unknown>>(sql`
    with quiet as materialized (
      select s.equipment_id as id, s.state as was, e.period_s,
        extract(epoch from clock_timestamp() - greatest(s.last_seen_at, l.since))::float8 as silent_s
      from equipment_sessions s join equipment e on e.id = s.equipment_id, equipment_listening l
      where s.state in ('online', 'alive', 'suspect')
        and clock_timestamp() - greatest(s.last_seen_at, l.since) > make_interval(secs =>
          e.period_s * case when s.state = 'suspect' then ${OFFLINE_PERIODS}::float8 else ${SUSPECT_PERIODS}::float8 end)
      order by s.equipment_id limit ${limit} for update of s skip locked
    ), changes as (
      select id, was, case when was = 'suspect' then 'offline' else 'suspect' end as will,
        'nothing heard for ' || round(silent_s::numeric, 1) || ' s, its period is ' || period_s || ' s' as cause
      from quiet
    ), written as (
      update equipment_sessions s set state = c.will, state_since = clock_timestamp(),
        edge_at = coalesce(s.edge_at, clock_timestamp())
      from changes c where s.equipment_id = c.id
    ), ${transitions(sql`changes`)}
    ${changedSessions(sql`changes`)}`);
}

/** Sessions with something that was written and not read for so long. */
export async function findUnreadSessions(db: Db, unreadMs: number, limit: number): Promise<ChangedSession[]> {
  return db.execute<ChangedSession & Record<string, unknown>>(sql`
    select e.id as "equipmentId", e.code, d.name as department, 'unread' as edge
    from equipment_sessions s join equipment e on e.id = s.equipment_id join departments d on d.id = e.department_id
    where s.edge_at < clock_timestamp() - make_interval(secs => ${unreadMs / 1000}::float8)
    order by s.edge_at limit ${limit}`);
}

/** Leaves a mark for the workflow; false: one is there already, and whoever left it wakes. */
export async function markEdge(db: Db, equipmentId: number): Promise<boolean> {
  const rows = await db.execute(sql`
    update equipment_sessions set edge_at = clock_timestamp() where equipment_id = ${equipmentId} and edge_at is null
    returning 1`);
  return rows.length > 0;
}

/** What a session's workflow knows of its equipment. */
export interface SessionFacts {
  /** False: the equipment was deleted or retired. */
  isActive: boolean;
  state: SessionState;
  sinceMs: number;
  status: EquipmentStatus | null;
  pendingFlags: FlagAction[];
  openAlarms: string[];
  parametersVersion: number;
  fetchedVersion: number;
  /** Edges behind the one asked for, oldest first; when there are many, the newest. */
  edges: { id: number; atMs: number; edge: string; cause: string }[];
}

/** Edges that one reading hands to the workflow. */
const EDGES_READ = 10;

/** Reads everything for the workflow, after taking away the mark. Null: there is no such equipment any more. */
export async function readSession(db: Db, equipmentId: number, afterEdge: number): Promise<SessionFacts | null> {
  // What is written after this leaves a mark of its own; the facts are read in a statement that begins later.
  await db.execute(sql`update equipment_sessions set edge_at = null where equipment_id = ${equipmentId}`);
  const [facts] = await db.execute<SessionFacts & Record<string, unknown>>(sql`
    select e.is_active as "isActive", s.state, floor(extract(epoch from s.state_since) * 1000)::float8 as "sinceMs", s.status,
      s.parameters_version as "parametersVersion", s.fetched_version as "fetchedVersion",
      coalesce((select jsonb_agg(f.action order by f.id) from equipment_flags f
        where f.equipment_id = e.id and f.status = 'pending'), '[]') as "pendingFlags",
      coalesce((select jsonb_agg(a.alert_code order by a.id) from (select id, alert_code from equipment_alarms
        where equipment_id = e.id and cleared_at is null order by id limit 20) a), '[]') as "openAlarms",
      coalesce((select jsonb_agg(jsonb_build_object('id', g.id, 'atMs', floor(extract(epoch from g.at) * 1000),
          'edge', g.edge, 'cause', g.cause) order by g.id)
        from (select * from equipment_edges where equipment_id = e.id and id > ${afterEdge}
          order by id desc limit ${EDGES_READ}) g), '[]') as edges
    from equipment e join equipment_sessions s on s.equipment_id = e.id where e.id = ${equipmentId}`);
  return facts ?? null;
}

/** An edge of a session as people see it. */
export interface EdgeRow extends Record<string, unknown> {
  id: number;
  at: Date;
  edge: string;
  from: SessionState;
  to: SessionState;
  cause: string;
}

/** What happened to a session, newest first. */
export async function listEdges(
  db: Db,
  equipmentId: number,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<EdgeRow[]> {
  const rows = await db.execute<Omit<EdgeRow, 'at'> & { atMs: number }>(sql`
    select id::float8 as id, extract(epoch from at)::float8 * 1000 as "atMs", edge, from_state as "from", to_state as "to", cause
    from equipment_edges where equipment_id = ${equipmentId} ${before === undefined ? sql`` : sql`and id < ${before}`}
    order by id desc limit ${limit}`);
  return rows.map(({ atMs, ...row }) => ({ ...row, at: new Date(atMs) }) as EdgeRow);
}

/** What an online call says of an equipment. */
export interface OnlineCall {
  equipmentId: number;
  address: string;
  software: string;
  employeeNo: string;
  operatingMode: number;
  skewMs: number | null;
}

/** The equipment has called in; to be called with it locked. Returns the edge. */
export async function storeOnline(tx: Db, call: OnlineCall): Promise<SessionEdge> {
  const { equipmentId, address, software, employeeNo, operatingMode, skewMs } = call;
  const [row] = await tx.execute<{ edge: SessionEdge }>(sql`
    with changes as materialized (
      select s.equipment_id as id, s.state as was, 'online' as will, 'called in' as cause
      from equipment_sessions s where s.equipment_id = ${equipmentId}
    ), written as (
      update equipment_sessions s set state = 'online', online_at = clock_timestamp(), last_seen_at = clock_timestamp(),
        state_since = case when s.state = 'online' then s.state_since else clock_timestamp() end,
        last_address = ${address}, software = ${software}, employee_no = ${employeeNo}, operating_mode = ${operatingMode},
        skew_ms = coalesce(${skewMs}::float8, s.skew_ms), skew_at = case when ${skewMs}::float8 is null then s.skew_at else clock_timestamp() end,
        edge_at = coalesce(s.edge_at, clock_timestamp())
      where s.equipment_id = ${equipmentId}
    ), ${transitions(sql`changes`)}
    select case when was = 'offline' then 'back' else 'online' end as edge from changes`);
  return row!.edge;
}
