/**
 * Agents: made, found, listed, changed; and what people see of their sessions.
 */
import { and, asc, eq, gt, ilike, or, sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { agents, agentSessions, type FlagPlans } from '../schema.ts';
import type { FlagAction, SessionState } from '../../workflows/rules/equipment.ts';
import type { AgentFlagStatus, DataFlag } from '../../workflows/rules/agents.ts';

/** What people say of an agent. */
export interface AgentFields {
  name: string;
  url: string;
  token: string | null;
  software: string;
  employeeNo: string;
  password: string | null;
  periodMs: number;
  keyFlags: Record<string, FlagAction | 'none'> | null;
  flagPlans: FlagPlans;
  isActive: boolean;
  remark: string;
}

/** Makes an agent with its session; null: there is one for this equipment, in whatever department. */
export async function createAgent(
  tx: Db,
  fields: AgentFields & { code: string; departmentId: number; createdBy: string },
): Promise<number | null> {
  const [made] = await tx.insert(agents).values(fields).onConflictDoNothing().returning({ id: agents.id });
  if (made === undefined) return null;
  await tx.insert(agentSessions).values({ agentId: made.id });
  return made.id;
}

const count = (status: 'queued' | 'quarantined') =>
  sql<number>`(select count(*) from agent_calls c where c.agent_id = ${agents.id} and c.status = ${sql.raw(`'${status}'`)})::int`;

function select(db: Db) {
  return db
    .select({
      agent: agents,
      session: agentSessions,
      queued: count('queued'),
      quarantined: count('quarantined'),
      oldestQueuedAt: sql<
        string | null
      >`(select to_char(min(c.created_at) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from agent_calls c where c.agent_id = ${agents.id} and c.status = 'queued')`,
      silentMs: sql<number | null>`extract(epoch from clock_timestamp() - ${agentSessions.goodAt})::float8 * 1000`,
      flags: sql<
        { action: DataFlag; status: AgentFlagStatus; raisedAt: string }[]
      >`coalesce((select jsonb_agg(jsonb_build_object('action', f.action, 'status', f.status, 'raisedAt', to_char(f.raised_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by f.id) from agent_flags f where f.agent_id = ${agents.id} and f.ended_at is null), '[]')`,
    })
    .from(agents)
    .innerJoin(agentSessions, eq(agentSessions.agentId, agents.id));
}

export type AgentRow = Awaited<ReturnType<typeof select>>[number];

export interface AgentFilter {
  state?: SessionState | undefined;
  active?: boolean | undefined;
  /** Part of code or name. */
  search?: string | undefined;
  /** With calls that the MOM refused. */
  quarantined?: boolean | undefined;
}

/** Agents of a department by code. */
export async function listAgents(
  db: Db,
  departmentId: number,
  { state, active, search, quarantined }: AgentFilter,
  { after, limit }: { after: string; limit: number },
): Promise<AgentRow[]> {
  const conditions: (SQL | undefined)[] = [eq(agents.departmentId, departmentId), gt(agents.code, after)];
  if (state !== undefined) conditions.push(eq(agentSessions.state, state));
  if (active !== undefined) conditions.push(eq(agents.isActive, active));
  if (search !== undefined) {
    const part = `%${search.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
    conditions.push(or(ilike(agents.code, part), ilike(agents.name, part)));
  }
  if (quarantined !== undefined) {
    const some = sql`exists (select 1 from agent_calls c where c.agent_id = ${agents.id} and c.status = 'quarantined')`;
    conditions.push(quarantined ? some : sql`not ${some}`);
  }
  return select(db)
    .where(and(...conditions))
    .orderBy(asc(agents.code))
    .limit(limit);
}

/** One agent of a department, or null. */
export async function findAgent(
  db: Db,
  departmentId: number,
  code: string,
  { lock = false }: { lock?: boolean } = {},
): Promise<AgentRow | null> {
  if (lock) {
    await db.execute(sql`
      select 1 from agents where department_id = ${departmentId} and code = ${code} for update`);
  }
  const [row] = await select(db).where(and(eq(agents.departmentId, departmentId), eq(agents.code, code)));
  return row ?? null;
}

/** Changes an agent; what is missing stays. */
export async function changeAgent(tx: Db, agentId: number, change: Partial<AgentFields>): Promise<void> {
  await tx
    .update(agents)
    .set({ ...change, revision: sql`${agents.revision} + 1`, updatedAt: sql`clock_timestamp()` })
    .where(eq(agents.id, agentId));
}

/** Deletes an agent that never did anything; false: it has a history, and can only be switched off. */
export async function deleteAgent(tx: Db, agentId: number): Promise<boolean> {
  const gone = await tx.execute(sql`
    delete from agents where id = ${agentId}
      and not exists (select 1 from agent_calls where agent_id = ${agentId})
      and not exists (select 1 from agent_edges where agent_id = ${agentId})
      and not exists (select 1 from agent_flags where agent_id = ${agentId}) returning 1`);
  return gone.length > 0;
}

/** What an agent's workflow is started with. */
export interface AgentStart extends Record<string, unknown> {
  agentId: number;
  code: string;
  department: string;
}

/** Agents whose workflows must run, some at a time, by id. */
export async function listActiveAgents(
  db: Db,
  { after, limit }: { after: number; limit: number },
): Promise<AgentStart[]> {
  return db.execute<AgentStart>(sql`
    select a.id as "agentId", a.code, d.name as department from agents a join departments d on d.id = a.department_id
    where a.is_active and a.id > ${after} order by a.id limit ${limit}`);
}

/** An edge of a session. */
export interface AgentEdgeRow extends Record<string, unknown> {
  id: number;
  at: string;
  edge: string;
  from: SessionState;
  to: SessionState;
  cause: string;
}

/** What happened to the session of an agent, newest first. */
export async function listAgentEdges(
  db: Db,
  agentId: number,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<AgentEdgeRow[]> {
  return db.execute<AgentEdgeRow>(sql`
    select id::float8 as id, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, edge,
      from_state as "from", to_state as "to", cause
    from agent_edges where agent_id = ${agentId} ${before === undefined ? sql`` : sql`and id < ${before}`}
    order by id desc limit ${limit}`);
}
