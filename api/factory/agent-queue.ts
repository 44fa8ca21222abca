/**
 * What every route has in common that gives an agent a call: the agent is locked, the call is kept, and answered 202.
 */
import { AgentCall, EquipmentCode, showCall } from './agent-views.ts';
import { audit } from '../audit.ts';
import { notFound, problem } from '../problems.ts';
import { Answer, type Actor, type Services } from '../route.ts';
import { closed } from '../schemas.ts';
import * as calls from '../../db/factory/agent-calls.ts';
import { findAgent, type AgentRow } from '../../db/factory/agents.ts';
import type { AgentCallName } from '../../workflows/rules/agents.ts';

export const One = closed({ code: EquipmentCode });

/** A call to keep. */
type Requests = { name: AgentCallName; request: Record<string, unknown>; expiresMs?: number };

/** Of every route that gives an agent a call. */
export const queueing = {
  method: 'post',
  tag: 'equipment',
  permission: 'mom:write',
  params: One,
  status: 202,
  response: AgentCall,
  problems: ['agent_queue_full'],
  atomic: true,
  idempotent: true,
} as const;

/** The agent of a path, locked until the transaction ends. */
export async function lockAgent({ caller }: Actor, { db }: Services, code: string): Promise<AgentRow> {
  const row = await findAgent(db, caller.departmentId, code, { lock: true });
  if (row === null) throw notFound('agent', code);
  return row;
}

/** A call of a locked agent, if it is in one of these statuses. */
export async function lockCall({ db }: Services, { agent }: AgentRow, callId: number, fit: readonly string[]) {
  const call = await calls.findCall(db, agent.id, callId, { lock: true });
  if (call === null) throw notFound(`call of the agent ${agent.code}`, callId);
  if (!fit.includes(call.status)) {
    throw problem(
      'control_refused',
      `The call ${callId} is ${call.status}; this is for calls that are ${fit.join(' or ')}.`,
    );
  }
  return call;
}

/** Keeps a call, to be sent behind those that wait, and that somebody gave it. */
export async function queue(actor: Actor, { db }: Services, { agent }: AgentRow, order: Requests, redriveOf?: number) {
  const callId = await calls.queueCall(db, agent.id, {
    ...order,
    createdBy: actor.caller.name,
    ...(redriveOf !== undefined && { redriveOf }),
  });
  if (callId === null) {
    throw problem(
      'agent_queue_full',
      `${calls.MOST_QUEUED} calls of the agent ${agent.code} wait for the MOM at ${agent.url}. Bring the MOM back, or write some off.`,
    );
  }
  const { name, request } = order;
  const after = { equipmentCode: agent.code, name, request, ...(redriveOf !== undefined && { redriveOf }) };
  // questions, too: they take their place before what comes after them
  await audit(db, actor, { kind: 'agent-call', id: callId, after });
  const call = showCall((await calls.findCall(db, agent.id, callId))!);
  const Location = `/api/v1/agents/${encodeURIComponent(agent.code)}/calls/${callId}`;
  return new Answer(call, { status: 202, headers: { Location } });
}
