/**
 * The line between an agent and its MOM: who holds it, how the session stands, and what was heard. Whoever takes the
 * line gets a number; steps with an older number change nothing, so a worker that was believed dead does no harm.
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { FlagPlans } from '../schema.ts';
import type { StoredParameter } from '../schema/equipment.ts';
import { stateAfterSilence, type DataFlag } from '../../workflows/rules/agents.ts';
import { nextState, type FlagAction, type SessionState } from '../../workflows/rules/equipment.ts';

/** Everything that is needed to speak for an equipment. */
export interface AgentOrder extends Record<string, unknown> {
  agentId: number;
  line: number;
  code: string;
  url: string;
  token: string | null;
  software: string;
  employeeNo: string;
  password: string | null;
  periodMs: number;
  keyFlags: Record<string, FlagAction | 'none'> | null;
  flagPlans: FlagPlans;
  isActive: boolean;
  revision: number;
  state: SessionState;
  offsetMs: number;
  /** Since the last heartbeat that was answered, and the last good round trip; null: there was none. */
  sinceBeatMs: number | null;
  sinceGoodMs: number | null;
}

const since = (column: string) => sql`extract(epoch from clock_timestamp() - ${sql.raw(column)})::float8 * 1000`;

/** Takes the line of an agent from whoever holds it; null: there is no such agent. */
export async function takeLine(db: Db, agentId: number): Promise<AgentOrder | null> {
  const [order] = await db.execute<AgentOrder>(sql`
    update agent_sessions s set line = s.line + 1 from agents a
    where s.agent_id = ${agentId} and a.id = s.agent_id
    returning a.id as "agentId", s.line, a.code, a.url, a.token, a.software, a.employee_no as "employeeNo", a.password,
      a.period_ms as "periodMs", a.key_flags as "keyFlags", a.flag_plans as "flagPlans", a.is_active as "isActive",
      a.revision, s.state, s.offset_ms as "offsetMs", ${since('s.beat_at')} as "sinceBeatMs", ${since('s.good_at')} as "sinceGoodMs"`);
  return order ?? null;
}

/** Which line of which agent. */
export type LineKey = Pick<AgentOrder, 'agentId' | 'line'>;

/** How an agent's line stands for the one who holds it. */
export interface LineNews extends Record<string, unknown> {
  agentId: number;
  line: number;
  revision: number;
  isActive: boolean;
  isQueued: boolean;
}

/** News of many lines at once; an agent that is missing was deleted. */
export async function readLines(db: Db, agentIds: readonly number[]): Promise<LineNews[]> {
  return db.execute<LineNews>(sql`
    select a.id as "agentId", s.line, a.revision, a.is_active as "isActive",
      exists (select 1 from agent_calls c where c.agent_id = a.id and c.status = 'queued') as "isQueued"
    from agents a join agent_sessions s on s.agent_id = a.id
    where a.id in (select jsonb_array_elements_text(${JSON.stringify(agentIds)}::jsonb)::int)`);
}

/** What a good round trip brought. */
export interface GoodTrip {
  kind: 'online' | 'beat' | 'call';
  /** The MOM's clock minus ours; absent: the answer did not say. */
  offsetMs?: number | undefined;
  /** With an online call that brought some. */
  parameters?: {
    version: string | null;
    list: readonly StoredParameter[];
    product: Record<string, string | null>;
  };
}

/** Keeps a good round trip; false: somebody else holds the line. */
export async function recordGood(db: Db, key: LineKey, trip: GoodTrip): Promise<boolean> {
  return db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (session === null) return false;
    const sign = trip.kind === 'beat' ? 'heartbeat' : trip.kind;
    const sets = [sql`good_at = clock_timestamp()`, sql`trouble = ''`];
    if (trip.kind === 'beat') sets.push(sql`beat_at = clock_timestamp()`);
    if (trip.kind === 'online') sets.push(sql`online_at = clock_timestamp()`);
    if (trip.offsetMs !== undefined) sets.push(sql`offset_ms = ${trip.offsetMs}::float8`);
    if (trip.parameters !== undefined) {
      const { version, list, product } = trip.parameters;
      sets.push(
        sql`param_version = ${version}`,
        sql`parameters = ${JSON.stringify(list)}::jsonb`,
        sql`product = ${JSON.stringify(product)}::jsonb`,
        sql`parameters_at = clock_timestamp()`,
      );
    }
    await tx.execute(sql`update agent_sessions set ${sql.join(sets, sql`, `)} where agent_id = ${key.agentId}`);
    await move(tx, key.agentId, session.state, nextState(session.state, sign), trip.kind);
    return true;
  });
}

/** Keeps that a call did not get through; the state that follows from the silence, or null: somebody else holds the line. */
export async function recordTrouble(
  db: Db,
  key: LineKey,
  { trouble, periodMs }: { trouble: string; periodMs: number },
): Promise<SessionState | null> {
  return db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (session === null) return null;
    const state = stateAfterSilence(session.state, session.sinceGoodMs ?? 0, periodMs);
    await tx.execute(sql`
      update agent_sessions set trouble = ${trouble.slice(0, 500)} where agent_id = ${key.agentId}`);
    await move(tx, key.agentId, session.state, state, trouble);
    return state;
  });
}

async function lockSession(tx: Db, { agentId, line }: LineKey) {
  const [session] = await tx.execute<{ state: SessionState; sinceGoodMs: number | null }>(sql`
    select state, ${since('good_at')} as "sinceGoodMs" from agent_sessions
    where agent_id = ${agentId} and line = ${line} for update`);
  return session ?? null;
}

async function move(tx: Db, agentId: number, was: SessionState, will: SessionState, cause: string): Promise<void> {
  if (was === will) return;
  const words = cause.slice(0, 500);
  const edge = was === 'offline' ? 'back' : will;
  await tx.execute(sql`
    update agent_sessions set state = ${will}, state_since = clock_timestamp() where agent_id = ${agentId}`);
  await tx.execute(sql`
    insert into agent_edges (agent_id, edge, from_state, to_state, cause)
    values (${agentId}, ${edge}, ${was}, ${will}, ${words})`);
  if (was !== 'offline' && will !== 'offline') return;
  await tx.execute(sql`
    insert into events (department_id, kind, data)
    select department_id, ${will === 'offline' ? 'agent.offline' : 'agent.back'},
      jsonb_build_object('equipmentCode', code, 'name', name, 'state', ${will}::text, 'cause', ${words}::text)
    from agents where id = ${agentId}`);
}

/**
 * Keeps that the MOM raised a flag; the flag when something is to be done about it. An answer that was on its way while
 * the flag was being followed tells nothing new.
 */
export async function noteFlag(db: Db, agentId: number, action: DataFlag, tookMs: number): Promise<number | null> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select 1 from agents where id = ${agentId} for update`);
    const [known] = await tx.execute<{ id: number; status: string; isOpen: boolean; isStale: boolean }>(sql`
      select id::float8 as id, status, ended_at is null as "isOpen",
        coalesce(ended_at > clock_timestamp() - make_interval(secs => ${tookMs / 1000}::float8), false) as "isStale"
      from agent_flags where agent_id = ${agentId} and action = ${action} order by id desc limit 1`);
    if (known?.isOpen === true) return known.status === 'new' ? known.id : null;
    if (known?.isStale === true) return null;
    const [made] = await tx.execute<{ id: number }>(sql`
      insert into agent_flags (agent_id, action) values (${agentId}, ${action}) returning id::float8 as id`);
    return made!.id;
  });
}

/** The MOM asks for nothing: what it asked for and nobody follows yet is not wanted any more. */
export async function withdrawFlags(db: Db, agentId: number): Promise<void> {
  await db.execute(sql`
    update agent_flags set ended_at = clock_timestamp()
    where agent_id = ${agentId} and ended_at is null and status in ('new', 'waiting', 'ignored')`);
}
