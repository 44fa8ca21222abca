/**
 * Calls of equipment: the lock under which one is handled, replies for their repetitions, the records people read, and
 * callers that were not let in.
 */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { equipmentCalls } from '../schema.ts';
import type { EquipmentStatus, FlagAction, SessionState } from '../../workflows/rules/equipment.ts';

/** Calls kept of one equipment; older ones go. */
export const CALLS_KEPT = 1_000;

/** An equipment whose calls are handled one at a time until the transaction ends. */
export interface LockedEquipment extends Record<string, unknown> {
  id: number;
  code: string;
  departmentId: number;
  department: string;
  isHoldListed: boolean;
  state: SessionState;
  status: EquipmentStatus | null;
  statusSinceMs: number | null;
  statusChangeId: number | null;
  parametersVersion: number;
  fetchedVersion: number;
  /** Nothing was heard of it since it fetched its parameters: they may not have arrived. */
  isFetchUncertain: boolean;
  pendingFlags: FlagAction[];
  /** What the same call was answered before; null: it is the first, as far as can be seen (see `keepReply`). */
  reply: Record<string, unknown> | null;
}

/** What makes two calls the same. */
export interface CallKey {
  equipmentId: number;
  name: string;
  sessionId: string;
  fingerprint: string;
}

/** Locks the session of an equipment; null: it is gone or retired. */
export async function lockEquipment(tx: Db, key: CallKey): Promise<LockedEquipment | null> {
  const { equipmentId, name, sessionId, fingerprint } = key;
  const [row] = await tx.execute<LockedEquipment>(sql`
    select e.id, e.code, e.department_id as "departmentId", d.name as department, e.is_hold_listed as "isHoldListed",
      s.state, s.status, extract(epoch from s.status_since)::float8 * 1000 as "statusSinceMs",
      s.status_change_id::float8 as "statusChangeId",
      s.parameters_version as "parametersVersion", s.fetched_version as "fetchedVersion",
      coalesce(s.last_seen_at <= s.fetched_at, false) as "isFetchUncertain",
      (select coalesce(jsonb_agg(f.action), '[]') from equipment_flags f
        where f.equipment_id = e.id and f.status = 'pending') as "pendingFlags",
      (select r.reply from equipment_replies r where r.equipment_id = e.id and r.name = ${name}
        and r.session_id = ${sessionId} and r.fingerprint = ${fingerprint}) as reply
    from equipment_sessions s join equipment e on e.id = s.equipment_id join departments d on d.id = e.department_id
    where s.equipment_id = ${equipmentId} and e.is_active for update of s`);
  return row ?? null;
}

/** Keeps the reply of a call; false: the same call was answered while this one waited for the lock. */
export async function keepReply(tx: Db, key: CallKey, reply: object): Promise<boolean> {
  const { equipmentId, name, sessionId, fingerprint } = key;
  const kept = await tx.execute(sql`
    insert into equipment_replies (equipment_id, name, session_id, fingerprint, reply)
    values (${equipmentId}, ${name}, ${sessionId}, ${fingerprint}, ${JSON.stringify(reply)}::jsonb)
    on conflict do nothing returning 1`);
  return kept.length > 0;
}

/** Forgets replies that nobody asks for any more; says how many. */
export async function pruneReplies(db: Db, { olderMs, limit }: { olderMs: number; limit: number }): Promise<number> {
  const gone = await db.execute(sql`
    delete from equipment_replies where ctid = any (array(
      select ctid from equipment_replies
      where at < clock_timestamp() - make_interval(secs => ${olderMs / 1000}::float8) limit ${limit}))
    returning 1`);
  return gone.length;
}

/** A call as it is kept. */
export type CallRecord = Omit<typeof equipmentCalls.$inferInsert, 'id' | 'receivedAt'> & { receivedAtMs: number };

/** Stores records, and drops what is more than an equipment may keep. */
export async function writeCalls(db: Db, calls: readonly CallRecord[]): Promise<void> {
  const rows = calls.map((call, place) => ({ ...call, place }));
  await db.transaction(async (tx) => {
    await tx.execute(sql`
      insert into equipment_calls (equipment_id, name, called_as, address, session_id, received_at, took_ms, result_flag,
        success, failure, message, is_repeated, warnings, raw)
      select "equipmentId", name, "calledAs", address, "sessionId", to_timestamp("receivedAtMs" / 1000), "tookMs",
        "resultFlag", success, failure, message, "isRepeated", warnings, raw
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as x("equipmentId" int, name text, "calledAs" text,
        address text, "sessionId" text, "receivedAtMs" float8, "tookMs" int, "resultFlag" boolean, success boolean,
        failure text, message text, "isRepeated" boolean, warnings text[], raw text, place int)
      order by place`);
    await tx.execute(sql`
      delete from equipment_calls c
      using jsonb_array_elements_text(${JSON.stringify([...new Set(rows.map(({ equipmentId }) => equipmentId))])}::jsonb) as d(id)
      where c.equipment_id = d.id::int and c.id <= (
        select k.id from equipment_calls k where k.equipment_id = d.id::int order by k.id desc offset ${CALLS_KEPT} limit 1)`);
  });
}

/** What a list of calls may be narrowed by. */
export interface CallFilter {
  name?: string | undefined;
  /** Only those that failed or needed a repair. */
  odd?: boolean | undefined;
}

/** Calls of one equipment, newest first. */
export async function listCalls(
  db: Db,
  equipmentId: number,
  { name, odd }: CallFilter,
  { before, limit }: { before: number | undefined; limit: number },
) {
  return db
    .select()
    .from(equipmentCalls)
    .where(
      and(
        eq(equipmentCalls.equipmentId, equipmentId),
        name === undefined ? undefined : eq(equipmentCalls.name, name),
        odd === true ? sql`(not success or cardinality(warnings) > 0)` : undefined,
        odd === false ? sql`(success and cardinality(warnings) = 0)` : undefined,
        before === undefined ? undefined : lt(equipmentCalls.id, before),
      ),
    )
    .orderBy(desc(equipmentCalls.id))
    .limit(limit);
}

/** Calls of somebody who was not let in. */
export interface StrangerCalls {
  address: string;
  code: string;
  failure: string;
  calls: number;
  lastName: string;
}

/** Adds to the counts of those who were not let in; beyond `most` nobody new is listed. */
export async function writeStrangers(db: Db, strangers: readonly StrangerCalls[], most: number): Promise<void> {
  await db.execute(sql`
    insert into equipment_strangers as s (address, code, failure, calls, last_name)
    select address, code, failure, calls, "lastName"
    from jsonb_to_recordset(${JSON.stringify(strangers)}::jsonb)
      as x(address text, code text, failure text, calls bigint, "lastName" text)
    where (select count(*) from equipment_strangers) < ${most}
      or exists (select 1 from equipment_strangers k
        where k.address = x.address and k.code = x.code and k.failure = x.failure)
    order by address, code, failure
    on conflict (address, code, failure) do update
      set calls = s.calls + excluded.calls, last_at = clock_timestamp(), last_name = excluded.last_name`);
}

/** Somebody who was not let in. */
export interface StrangerRow extends Record<string, unknown> {
  address: string;
  code: string;
  failure: string;
  calls: number;
  lastName: string;
  firstAt: string;
  lastAt: string;
}

/** Those who were not let in, last seen first; callers with the code of another department's equipment are its business. */
export async function listStrangers(
  db: Db,
  departmentId: number,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<StrangerRow[]> {
  return db.execute<StrangerRow>(sql`
    select address, code, failure, calls::float8 as calls, last_name as "lastName",
      to_char(first_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "firstAt",
      to_char(last_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "lastAt"
    from equipment_strangers s
    where not exists (select 1 from equipment e where e.code = s.code and e.department_id <> ${departmentId})
      ${before === undefined ? sql`` : sql`and last_at < ${before}::timestamptz`}
    order by last_at desc limit ${limit}`);
}
