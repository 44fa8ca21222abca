/**
 * Agents: Slipway in the place of an equipment's own MOM software. What an agent is, how its session stands, the calls
 * that wait for the MOM or were refused by it, and the flags the MOM raised.
 *
 * `agent_sessions` changes with every heartbeat and is kept apart for that; nothing of it is indexed.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { at, id, oneOf } from './columns.ts';
import type { StoredParameter } from './equipment.ts';
import { departments } from './people.ts';
import {
  AGENT_CALL_STATUSES,
  AGENT_CALLS,
  AGENT_FLAG_STATUSES,
  DATA_FLAGS,
  QUARANTINE_REASONS,
  type AgentCallName,
  type AgentCallStatus,
  type AgentFlagStatus,
  type DataFlag,
  type FlagResponse,
  type QuarantineReason,
} from '../../workflows/rules/agents.ts';
import { SESSION_STATES, type FlagAction, type SessionState } from '../../workflows/rules/equipment.ts';

const now = sql`clock_timestamp()`;
const agentId = () =>
  integer('agent_id')
    .notNull()
    .references(() => agents.id);

/** What an agent does when a flag is raised; `data`: what is sent. */
export type FlagPlan = { response: FlagResponse; data?: Record<string, unknown> };
export type FlagPlans = Partial<Record<DataFlag, FlagPlan>>;

export const agents = pgTable(
  'agents',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    /** EquipmentCode, as the MOM knows it; one agent in the whole installation. */
    code: text('code').notNull(),
    name: text('name').notNull().default(''),
    /** Where the MOM is. */
    url: text('url').notNull(),
    /** What its token header carries; null: none. Never shown. */
    token: text('token'),
    /** Software, as the calls say. */
    software: text('software').notNull(),
    employeeNo: text('employee_no').notNull().default(''),
    /** Of the employee, for manual operations. Never shown. */
    password: text('password'),
    periodMs: integer('period_ms').notNull().default(30_000),
    /** KeyFlags that this MOM numbers in its own way; null: as the document does. */
    keyFlags: jsonb('key_flags').$type<Record<string, FlagAction | 'none'> | null>(),
    flagPlans: jsonb('flag_plans').$type<FlagPlans>().notNull().default({}),
    isActive: boolean('is_active').notNull().default(true),
    remark: text('remark').notNull().default(''),
    revision: integer('revision').notNull().default(1),
    createdAt: at('created_at').notNull().default(now),
    createdBy: text('created_by').notNull(),
    updatedAt: at('updated_at').notNull().default(now),
  },
  (table) => [
    uniqueIndex('agents_code').on(table.code),
    index('agents_department').on(table.departmentId, table.code),
    check('agents_period_sensible', sql`period_ms between 200 and 3600000`),
  ],
);

/** How the session of an agent stands. */
export const agentSessions = pgTable(
  'agent_sessions',
  {
    agentId: integer('agent_id')
      .primaryKey()
      .references(() => agents.id, { onDelete: 'cascade' }),
    /** Counts who holds the line: a step of whoever held it before changes nothing. */
    line: integer('line').notNull().default(0),
    state: text('state').$type<SessionState>().notNull().default('never'),
    stateSince: at('state_since').notNull().default(now),
    onlineAt: at('online_at'),
    /** The last heartbeat that was answered, and the last good round trip of any call. */
    beatAt: at('beat_at'),
    goodAt: at('good_at'),
    /** What the last failed call met; empty: the last one was good. */
    trouble: text('trouble').notNull().default(''),
    /** The MOM's clock minus ours. */
    offsetMs: doublePrecision('offset_ms').notNull().default(0),
    /** What the MOM sent with the last online call that brought something. */
    paramVersion: text('param_version'),
    parameters: jsonb('parameters').$type<readonly StoredParameter[]>().notNull().default([]),
    product: jsonb('product').$type<Record<string, string | null>>().notNull().default({}),
    parametersAt: at('parameters_at'),
  },
  () => [check('agent_sessions_state_known', oneOf('state', SESSION_STATES))],
);

/** Calls on their way to the MOM, in the order of their ids; and what came of them. */
export const agentCalls = pgTable(
  'agent_calls',
  {
    id: id(),
    agentId: agentId(),
    name: text('name').$type<AgentCallName>().notNull(),
    /** Fixed here: however often the call is sent, it is the same call. */
    sessionId: text('session_id').notNull(),
    /** The request but for its envelope. */
    request: jsonb('request').$type<Record<string, unknown>>().notNull(),
    status: text('status').$type<AgentCallStatus>().notNull().default('queued'),
    createdAt: at('created_at').notNull().default(now),
    createdBy: text('created_by').notNull(),
    /** A question is not asked any more after this. */
    expiresAt: at('expires_at'),
    attempts: integer('attempts').notNull().default(0),
    triedAt: at('tried_at'),
    /** Why the last attempt reached nobody; empty: it did, or there was none. */
    trouble: text('trouble').notNull().default(''),
    answeredAt: at('answered_at'),
    /** Besides the envelope. */
    answer: jsonb('answer').$type<Record<string, unknown> | null>(),
    /** MOMMessage. */
    message: text('message').notNull().default(''),
    reason: text('reason').$type<QuarantineReason | null>(),
    /** The call that this one repeats after a refusal. */
    redriveOf: bigint('redrive_of', { mode: 'number' }),
    decidedAt: at('decided_at'),
    decidedBy: text('decided_by'),
    cause: text('cause').notNull().default(''),
  },
  (table) => [
    index('agent_calls_agent').on(table.agentId, table.id),
    index('agent_calls_queued')
      .on(table.agentId, table.id)
      .where(sql`status = 'queued'`),
    index('agent_calls_quarantined')
      .on(table.agentId, table.id)
      .where(sql`status = 'quarantined'`),
    uniqueIndex('agent_calls_session').on(table.agentId, table.sessionId),
    uniqueIndex('agent_calls_redriven_once').on(table.redriveOf),
    check('agent_calls_name_known', oneOf('name', AGENT_CALLS)),
    check('agent_calls_status_known', oneOf('status', AGENT_CALL_STATUSES)),
    check('agent_calls_reason_known', sql`reason is null or ${oneOf('reason', QUARANTINE_REASONS)}`),
  ],
);

/** What the MOM asked an agent for. */
export const agentFlags = pgTable(
  'agent_flags',
  {
    id: id(),
    agentId: agentId(),
    action: text('action').$type<DataFlag>().notNull(),
    status: text('status').$type<AgentFlagStatus>().notNull().default('new'),
    raisedAt: at('raised_at').notNull().default(now),
    callId: bigint('call_id', { mode: 'number' }).references(() => agentCalls.id),
    endedAt: at('ended_at'),
  },
  (table) => [
    uniqueIndex('agent_flags_open')
      .on(table.agentId, table.action)
      .where(sql`ended_at is null`),
    index('agent_flags_agent').on(table.agentId, table.id),
    check('agent_flags_action_known', oneOf('action', DATA_FLAGS)),
    check('agent_flags_status_known', oneOf('status', AGENT_FLAG_STATUSES)),
  ],
);

/** What happened to the session of an agent; append-only. */
export const agentEdges = pgTable(
  'agent_edges',
  {
    id: id(),
    agentId: agentId(),
    at: at('at').notNull().default(now),
    /** The new state, `back` where it was offline before. */
    edge: text('edge').notNull(),
    from: text('from_state').$type<SessionState>().notNull(),
    to: text('to_state').$type<SessionState>().notNull(),
    cause: text('cause').notNull().default(''),
  },
  (table) => [
    index('agent_edges_agent').on(table.agentId, table.id),
    check('agent_edges_from_known', oneOf('from_state', SESSION_STATES)),
    check('agent_edges_to_known', oneOf('to_state', SESSION_STATES)),
  ],
);
