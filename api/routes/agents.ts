/**
 * Agents: Slipway as the client of a MOM, for an equipment without software of its own. What an agent is, how its
 * session stands, what happened to it; its calls are in `agent-calls.ts`.
 */
import { Type } from 'typebox';
import {
  Agent,
  AgentStateName,
  EquipmentCode,
  FlagPlansShape,
  KeyFlagTable,
  showAgent,
} from '../factory/agent-views.ts';
import { audit, differences } from '../audit.ts';
import { notFound, problem } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { demandStorable } from '../http/validation.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterLargeId, AfterText, closed, Limit, Moment, nullable, page, readPage, text } from '../schemas.ts';
import * as agents from '../../db/factory/agents.ts';
import type { FlagPlans } from '../../db/schema.ts';
import { agentWorkflowId } from '../../workflows/contract.ts';
import { SESSION_STATES } from '../../workflows/rules/equipment.ts';

const One = closed({ code: EquipmentCode });
const Url = text(500, {
  pattern: '^https?://[^\\s\\u0000]+$',
  description: 'where the MOM is, for example `http://10.0.0.9:8080`',
});
const Secret = nullable(text(500, { minLength: 1, description: 'never shown again; null: none' }));
const FIELDS = {
  name: Type.Optional(text(200)),
  token: Type.Optional(Secret),
  employeeNo: Type.Optional(text(128)),
  password: Type.Optional(Secret),
  periodSeconds: Type.Optional(Type.Number({ minimum: 0.2, maximum: 3_600, description: 'between heartbeats' })),
  keyFlags: Type.Optional(nullable(KeyFlagTable)),
  flagPlans: Type.Optional(FlagPlansShape),
  isActive: Type.Optional(Type.Boolean()),
  remark: Type.Optional(text(1_000)),
};

const Parameter = closed({
  parameterCode: Type.String(),
  parameterType: Type.String(),
  targetValue: Type.String(),
  ...Object.fromEntries(
    [
      'uomCode',
      'upperControlLimit',
      'lowerControlLimit',
      'upperSpecificationsLimit',
      'lowerSpecificationsLimit',
      'upperLimit',
      'lowerLimit',
      'description',
      'equipmentAvailabilityFlag',
    ].map((name) => [name, nullable(Type.String())]),
  ),
});
const AgentParameters = closed(
  {
    paramVersion: nullable(Type.String()),
    takenAt: nullable(Moment),
    product: Type.Record(Type.String(), nullable(Type.String())),
    parameters: Type.Array(Parameter, { description: 'in order; the same code may be there twice' }),
  },
  { title: 'AgentParameters' },
);
const AgentEdge = closed(
  {
    id: Type.Integer(),
    at: Moment,
    edge: Type.String({ description: 'the new state; `back` where it was offline before' }),
    from: Type.Enum(SESSION_STATES, { type: 'string' }),
    to: Type.Enum(SESSION_STATES, { type: 'string' }),
    cause: Type.String(),
  },
  { title: 'AgentEdge' },
);

export const agentRoutes = [
  route({
    method: 'get',
    path: '/api/v1/agents',
    id: 'listAgents',
    tag: 'equipment',
    summary: 'List agents: equipment for which Slipway speaks with a MOM',
    permission: 'device:read',
    query: closed({
      state: Type.Optional(AgentStateName),
      active: Type.Optional(Type.Boolean()),
      quarantined: Type.Optional(Type.Boolean({ description: 'with or without calls that the MOM refused' })),
      search: Type.Optional(text(100, { minLength: 1, description: 'part of the code or the name' })),
      limit: Limit,
      after: AfterText,
    }),
    status: 200,
    response: page(Agent, 'AgentPage'),
    handle: ({ query: { limit, after = '', ...filter }, caller }, { db, executions }) =>
      readPage(
        limit,
        (limit) => agents.listAgents(db, caller.departmentId, filter, { after, limit }),
        (row) => showAgent(row, executions.executionUrl(agentWorkflowId(row.agent.code))),
        ({ agent }) => agent.code,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/agents',
    id: 'createAgent',
    tag: 'equipment',
    summary: 'Let Slipway speak with a MOM for an equipment',
    permission: 'mom:write',
    body: closed(
      { code: EquipmentCode, url: Url, software: Type.Optional(text(128, { minLength: 1 })), ...FIELDS },
      {
        title: 'NewAgent',
        examples: [{ code: 'EQ00006', url: 'http://10.0.0.9:8080', employeeNo: 'E0001', periodSeconds: 30 }],
      },
    ),
    status: 201,
    response: Agent,
    problems: ['name_taken', 'fields_refused'],
    atomic: true,
    idempotent: true,
    handle: async (input, services) => {
      demandStorable(input.body.flagPlans, 'body.flagPlans');
      const { db } = services;
      const { caller } = input;
      const { code, periodSeconds = 30, ...given } = input.body;
      assertUsable(input.body);
      const fields = {
        name: '',
        token: null,
        employeeNo: '',
        password: null,
        keyFlags: null,
        software: 'Slipway',
        isActive: true,
        remark: '',
        ...given,
        flagPlans: (given.flagPlans ?? {}) as FlagPlans,
        periodMs: Math.round(periodSeconds * 1_000),
      };
      const { departmentId, name: createdBy } = caller;
      const agentId = await agents.createAgent(db, { ...fields, code, departmentId, createdBy });
      if (agentId === null) {
        throw problem(
          'name_taken',
          `There is an agent for the equipment ${code} already, perhaps in another department.`,
        );
      }
      await audit(db, input, { kind: 'agent', id: code, after: { code, ...fields } });
      tell(services, { agentId, code, department: caller.department });
      return answer(services, caller.departmentId, code, { Location: `/api/v1/agents/${encodeURIComponent(code)}` });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/agents/{code}',
    id: 'getAgent',
    tag: 'equipment',
    summary: 'One agent, with its session, its queue and what the MOM asks it for',
    permission: 'device:read',
    params: One,
    status: 200,
    response: Agent,
    handle: ({ params: { code }, caller }, services) => answer(services, caller.departmentId, code),
  }),
  route({
    method: 'patch',
    path: '/api/v1/agents/{code}',
    id: 'updateAgent',
    tag: 'equipment',
    summary: 'Change an agent, switch it off or on',
    description: 'It goes online again with what is new. What waits for the MOM stays and goes to the new address.',
    permission: 'mom:write',
    params: One,
    headers: IfMatch,
    body: closed(
      { url: Type.Optional(Url), software: Type.Optional(text(128, { minLength: 1 })), ...FIELDS },
      { title: 'AgentChange', minProperties: 1, examples: [{ isActive: false }] },
    ),
    status: 200,
    response: Agent,
    problems: ['edit_conflict', 'fields_refused'],
    atomic: true,
    handle: async (input, services) => {
      demandStorable(input.body.flagPlans, 'body.flagPlans');
      const { db } = services;
      const { params, caller } = input;
      assertUsable(input.body);
      const row = await agents.findAgent(db, caller.departmentId, params.code, { lock: true });
      if (row === null) throw notFound('agent', params.code);
      const { agent } = row;
      await assertRevision(db, input, { kind: 'agent', id: agent.code, revision: agent.revision });
      const { periodSeconds, flagPlans, ...rest } = input.body;
      const wish: Partial<agents.AgentFields> = {
        ...rest,
        ...(flagPlans !== undefined && { flagPlans }),
        ...(periodSeconds !== undefined && { periodMs: Math.round(periodSeconds * 1_000) }),
      };
      const change = differences<agents.AgentFields>(agent, wish);
      if (change !== null) {
        await agents.changeAgent(db, agent.id, wish);
        await audit(db, input, { kind: 'agent', id: agent.code, ...change });
        tell(services, { agentId: agent.id, code: agent.code, department: caller.department });
      }
      return answer(services, caller.departmentId, agent.code);
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/agents/{code}',
    id: 'deleteAgent',
    tag: 'equipment',
    summary: 'Delete an agent that never spoke with its MOM',
    permission: 'mom:write',
    params: One,
    headers: IfMatch,
    status: 204,
    response: Type.Null(),
    problems: ['control_refused', 'edit_conflict'],
    atomic: true,
    handle: async (input, services) => {
      const { db } = services;
      const { params, caller } = input;
      const row = await agents.findAgent(db, caller.departmentId, params.code, { lock: true });
      if (row === null) throw notFound('agent', params.code);
      const { id: agentId, code, revision } = row.agent;
      await assertRevision(db, input, { kind: 'agent', id: code, revision });
      if (!(await agents.deleteAgent(db, agentId))) {
        throw problem(
          'control_refused',
          `The agent ${code} has a history. Switch it off instead: PATCH with isActive false.`,
        );
      }
      await audit(db, input, { kind: 'agent', id: code, before: row.agent });
      tell(services, { agentId, code, department: caller.department });
      return null;
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/agents/{code}/parameters',
    id: 'getAgentParameters',
    tag: 'equipment',
    summary: 'The process parameters that the MOM sent last',
    permission: 'device:read',
    params: One,
    status: 200,
    response: AgentParameters,
    handle: async ({ params: { code }, caller }, { db }) => {
      const row = await agents.findAgent(db, caller.departmentId, code);
      if (row === null) throw notFound('agent', code);
      const { paramVersion, parametersAt, product, parameters } = row.session;
      const takenAt = parametersAt?.toISOString() ?? null;
      return { paramVersion, takenAt, product, parameters: [...parameters] };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/agents/{code}/log',
    id: 'listAgentLog',
    tag: 'equipment',
    summary: 'What happened to the session of an agent, newest first',
    permission: 'device:read',
    params: One,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(AgentEdge, 'AgentEdgePage'),
    handle: async ({ params: { code }, query: { limit, after }, caller }, { db }) => {
      const row = await agents.findAgent(db, caller.departmentId, code);
      if (row === null) throw notFound('agent', code);
      return readPage(
        limit,
        (limit) => agents.listAgentEdges(db, row.agent.id, { before: after, limit }),
        (edge) => edge,
        ({ id }) => id,
      );
    },
  }),
];

async function answer(
  { db, executions }: Services,
  departmentId: number,
  code: string,
  headers: Record<string, string> = {},
) {
  const row = await agents.findAgent(db, departmentId, code);
  if (row === null) throw notFound('agent', code);
  const temporal = executions.executionUrl(agentWorkflowId(code));
  return new Answer(showAgent(row, temporal), { headers: { ...etagOf(row.agent.revision), ...headers } });
}

/** A session that cannot be told now is started or looks by itself within a minute. */
function tell(services: Services, agent: agents.AgentStart): void {
  services.afterCommit(() => services.executions.changeAgent(agent));
}

/** Refuses what no session could be held with. */
function assertUsable({ code = '', url }: { code?: string; url?: string }): void {
  const errors = [];
  if (code.trim() !== code) errors.push({ path: 'body.code', message: 'must not begin or end with a blank' });
  if (url !== undefined && !URL.canParse(url)) {
    errors.push({ path: 'body.url', message: 'must be an address such as http://10.0.0.9:8080' });
  }
  if (errors.length > 0) throw problem('fields_refused', 'The agent could never speak with its MOM.', { errors });
}
