/**
 * Calls of an agent on their way to the MOM: queued, taken strictly in order, answered; those it refused, and what
 * people decide about them.
 *
 * Whoever queues a call locks the agent, so that ids are in the order of commits and a later call never overtakes one
 * that was not visible yet.
 */
import { randomUUID } from 'node:crypto';
import { sql, type SQL } from 'drizzle-orm';
import type { LineKey } from './agent-line.ts';
import type { Db } from '../index.ts';
import {
  FLAG_CALLS,
  flagOf,
  type AgentCallName,
  type AgentCallStatus,
  type DataFlag,
  type FlagResponse,
  type QuarantineReason,
} from '../../workflows/rules/agents.ts';

/** Calls that may wait for one MOM. */
export const MOST_QUEUED = 50_000;

/** A call to queue. */
export interface NewCall {
  name: AgentCallName;
  /** The request but for its envelope. */
  request: Record<string, unknown>;
  createdBy: string;
  /** A question is not asked any more after this time. */
  expiresMs?: number;
  redriveOf?: number;
}

/** Queues a call; null: too many wait already. The agent is locked until the transaction ends. */
export async function queueCall(tx: Db, agentId: number, call: NewCall): Promise<number | null> {
  const { name, request, createdBy, expiresMs, redriveOf = null } = call;
  await tx.execute(sql`select 1 from agents where id = ${agentId} for update`);
  const expiresAt =
    expiresMs === undefined ? sql`null` : sql`clock_timestamp() + make_interval(secs => ${expiresMs / 1000}::float8)`;
  const [made] = await tx.execute<{ id: number }>(sql`
    insert into agent_calls (agent_id, name, session_id, request, created_by, expires_at, redrive_of)
    select ${agentId}, ${name}, ${randomUUID()}, ${JSON.stringify(request)}::jsonb, ${createdBy}, ${expiresAt}, ${redriveOf}
    where not exists (select 1 from agent_calls where agent_id = ${agentId} and status = 'queued'
      offset ${MOST_QUEUED - 1} limit 1)
    returning id::float8 as id`);
  if (made === undefined) return null;
  const flag = flagOf(name);
  if (flag !== null) {
    await tx.execute(sql`
      update agent_flags set status = 'sending', call_id = ${made.id}
      where agent_id = ${agentId} and action = ${flag} and ended_at is null`);
  }
  return made.id;
}

/** Does what is planned for a flag, once. */
export async function followFlag(
  db: Db,
  flagId: number,
): Promise<{ action: DataFlag; response: FlagResponse; isQueued: boolean } | null> {
  return db.transaction(async (tx) => {
    const [flag] = await tx.execute<{
      agentId: number;
      action: DataFlag;
      plan: { response: FlagResponse; data?: Record<string, unknown> } | null;
    }>(sql`
      select a.id as "agentId", f.action, a.flag_plans -> f.action as plan
      from agent_flags f join agents a on a.id = f.agent_id
      where f.id = ${flagId} and f.status = 'new' and f.ended_at is null for update of a, f`);
    if (flag === undefined) return null;
    const { agentId, action } = flag;
    const { response, data = {} } = flag.plan ?? { response: 'ask' as const };
    if (response === 'send') {
      const call = { name: FLAG_CALLS[action], request: { data }, createdBy: 'flag' };
      const isQueued = (await queueCall(tx, agentId, call)) !== null;
      if (isQueued) return { action, response, isQueued };
    }
    const status = response === 'ignore' ? 'ignored' : 'waiting';
    await tx.execute(sql`update agent_flags set status = ${status} where id = ${flagId}`);
    if (status === 'waiting') {
      await tx.execute(sql`
        insert into events (department_id, kind, data)
        select department_id, 'agent.data_needed',
          jsonb_build_object('equipmentCode', code, 'name', name, 'action', ${action}::text) from agents where id = ${agentId}`);
    }
    return { action, response, isQueued: false };
  });
}

/** A call as it is sent. */
export interface NextCall extends Record<string, unknown> {
  id: number;
  name: AgentCallName;
  sessionId: string;
  request: Record<string, unknown>;
}

/** The oldest call that waits, for the one who holds the line; null: none, or the line is somebody else's. */
export async function takeCall(db: Db, { agentId, line }: LineKey): Promise<NextCall | null> {
  await db.execute(sql`
    update agent_calls set status = 'expired', answered_at = clock_timestamp()
    where agent_id = ${agentId} and status = 'queued' and expires_at < clock_timestamp()`);
  const [call] = await db.execute<NextCall>(sql`
    update agent_calls set attempts = attempts + 1, tried_at = clock_timestamp()
    where id = (select id from agent_calls where agent_id = ${agentId} and status = 'queued' order by id limit 1)
      and status = 'queued' and exists (select 1 from agent_sessions where agent_id = ${agentId} and line = ${line})
    returning id::float8 as id, name, session_id as "sessionId", request`);
  return call ?? null;
}

/** Keeps why a call reached nobody; it stays where it is. */
export async function keepTrouble(db: Db, callId: number, trouble: string): Promise<void> {
  await db.execute(
    sql`update agent_calls set trouble = ${trouble.slice(0, 500)} where id = ${callId} and status = 'queued'`,
  );
}

/** What the MOM said to a call. */
export type CallEnd =
  | { kind: 'delivered'; answer: Record<string, unknown>; message: string }
  | { kind: 'quarantined'; reason: QuarantineReason; message: string };

/** Ends a call, whoever holds the line: what the MOM said remains true. The second time changes nothing. */
export async function endCall(db: Db, callId: number, end: CallEnd): Promise<void> {
  await db.transaction(async (tx) => {
    const answer = end.kind === 'delivered' ? JSON.stringify(end.answer) : null;
    const [call] = await tx.execute<{ agentId: number; name: AgentCallName }>(sql`
      update agent_calls set status = ${end.kind}, answered_at = clock_timestamp(), trouble = '', answer = ${answer}::jsonb,
        message = ${end.message.slice(0, 2_000)}, reason = ${end.kind === 'quarantined' ? end.reason : null}
      where id = ${callId} and status = 'queued' returning agent_id as "agentId", name`);
    if (call === undefined) return;
    const flag = flagOf(call.name);
    if (flag !== null) {
      const ended =
        end.kind === 'delivered' ? sql`status = 'followed', ended_at = clock_timestamp()` : sql`status = 'waiting'`;
      await tx.execute(sql`
        update agent_flags set ${ended} where agent_id = ${call.agentId} and action = ${flag} and ended_at is null`);
    }
    if (end.kind !== 'quarantined') return;
    await tx.execute(sql`
      insert into events (department_id, kind, data)
      select department_id, 'agent.quarantined', jsonb_build_object('equipmentCode', code, 'name', name,
        'callId', ${callId}::bigint, 'call', ${call.name}::text, 'reason', ${end.reason}::text, 'message', ${end.message.slice(0, 500)}::text)
      from agents where id = ${call.agentId}`);
  });
}

// ---------------------------------------------------------------- people

/** A call as people see it. */
export interface CallRow extends Record<string, unknown> {
  id: number;
  name: AgentCallName;
  sessionId: string;
  request: Record<string, unknown>;
  status: AgentCallStatus;
  createdAt: string;
  createdBy: string;
  attempts: number;
  triedAt: string | null;
  trouble: string;
  answeredAt: string | null;
  answer: Record<string, unknown> | null;
  message: string;
  reason: QuarantineReason | null;
  redriveOf: number | null;
  redrivenAs: number | null;
  decidedAt: string | null;
  decidedBy: string | null;
  cause: string;
}

const iso = (column: SQL) => sql`to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const COLUMNS = sql`c.id::float8 as id, c.name, c.session_id as "sessionId", c.request, c.status, ${iso(sql`c.created_at`)} as "createdAt",
  c.created_by as "createdBy", c.attempts, ${iso(sql`c.tried_at`)} as "triedAt", c.trouble, ${iso(sql`c.answered_at`)} as "answeredAt",
  c.answer, c.message, c.reason, c.redrive_of::float8 as "redriveOf",
  (select r.id::float8 from agent_calls r where r.redrive_of = c.id) as "redrivenAs",
  ${iso(sql`c.decided_at`)} as "decidedAt", c.decided_by as "decidedBy", c.cause`;

/** Calls of one agent: those that wait from the oldest on, others from the newest. */
export async function listCalls(
  db: Db,
  agentId: number,
  { status, name }: { status?: AgentCallStatus | undefined; name?: AgentCallName | undefined },
  { after, limit }: { after: number | undefined; limit: number },
): Promise<CallRow[]> {
  const conditions = [sql`c.agent_id = ${agentId}`];
  if (status !== undefined) conditions.push(sql`c.status = ${status}`);
  if (name !== undefined) conditions.push(sql`c.name = ${name}`);
  const isForward = status === 'queued';
  if (after !== undefined) conditions.push(isForward ? sql`c.id > ${after}` : sql`c.id < ${after}`);
  return db.execute<CallRow>(sql`
    select ${COLUMNS} from agent_calls c where ${sql.join(conditions, sql` and `)}
    order by c.id ${isForward ? sql`asc` : sql`desc`} limit ${limit}`);
}

/** One call, or null. */
export async function findCall(
  db: Db,
  agentId: number,
  callId: number,
  { lock = false }: { lock?: boolean } = {},
): Promise<CallRow | null> {
  const [row] = await db.execute<CallRow>(sql`
    select ${COLUMNS} from agent_calls c where c.agent_id = ${agentId} and c.id = ${callId} ${lock ? sql`for update` : sql``}`);
  return row ?? null;
}

/** Keeps what a person decided about a locked call. */
export async function decideCall(
  tx: Db,
  callId: number,
  { status, author, cause }: { status: 'redriven' | 'written_off'; author: string; cause: string },
): Promise<void> {
  await tx.execute(sql`
    update agent_calls set status = ${status}, decided_at = clock_timestamp(), decided_by = ${author}, cause = ${cause}
    where id = ${callId}`);
}

/** Forgets calls that ended long ago; quarantined ones stay. Says how many. */
export async function pruneCalls(db: Db, { olderThanDays, limit }: { olderThanDays: number; limit: number }) {
  const rows = await db.execute(sql`
    delete from agent_calls where id in (
      select c.id from agent_calls c where c.status not in ('queued', 'quarantined')
        and c.created_at < clock_timestamp() - make_interval(days => ${olderThanDays}::int)
        and not exists (select 1 from agent_flags f where f.call_id = c.id) limit ${limit})
    returning 1`);
  return rows.length;
}
