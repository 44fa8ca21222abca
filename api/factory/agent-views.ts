/**
 * Agents and their calls as the API shows them. Tokens and passwords are never shown, only whether there is one.
 */
import { Type } from 'typebox';
import { closed, Moment, moment, nullable, text } from '../schemas.ts';
import type { CallRow } from '../../db/factory/agent-calls.ts';
import type { AgentRow } from '../../db/factory/agents.ts';
import {
  AGENT_CALL_STATUSES,
  AGENT_CALLS,
  DATA_FLAGS,
  FLAG_RESPONSES,
  QUARANTINE_REASONS,
  stateAfterSilence,
} from '../../workflows/rules/agents.ts';
import { FLAG_ACTIONS, SESSION_STATES } from '../../workflows/rules/equipment.ts';

export const EquipmentCode = text(128, { minLength: 1, description: 'EquipmentCode, as the MOM knows it' });
export const AgentStateName = Type.Enum(SESSION_STATES, {
  type: 'string',
  description:
    '`never` online yet; `online`; `alive`: heartbeats are answered; `suspect`: nothing was for 1.5 periods; `offline`: nothing for 3, calls are kept',
});
export const CallStatusName = Type.Enum(AGENT_CALL_STATUSES, {
  type: 'string',
  description:
    '`queued`; `delivered`; `quarantined`: the MOM refused it; `redriven`: sent again as another call; `written_off`; `expired`: a question nobody waits for any more',
});
export const CallName = Type.Enum(AGENT_CALLS, { type: 'string' });
export const FlagPlansShape = Type.Partial(
  closed(
    Object.fromEntries(
      DATA_FLAGS.map((flag) => [
        flag,
        closed({
          response: Type.Enum(FLAG_RESPONSES, {
            type: 'string',
            description: '`ask`: wait until data is given over the API; `send`: these data; `ignore`',
          }),
          data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        }),
      ]),
    ),
  ),
  { additionalProperties: false, description: 'what is done when the MOM raises a flag; `ask` where nothing is said' },
);
export const KeyFlagTable = Type.Record(
  Type.String({ maxLength: 20 }),
  Type.Enum([...FLAG_ACTIONS, 'none'], { type: 'string' }),
  {
    description: 'KeyFlags of this MOM, if it numbers them in its own way',
    examples: [{ '0': 'material_up' }],
    maxProperties: 50,
  },
);

export const Agent = closed(
  {
    code: Type.String(),
    name: Type.String(),
    url: Type.String(),
    hasToken: Type.Boolean(),
    software: Type.String(),
    employeeNo: Type.String(),
    hasPassword: Type.Boolean(),
    periodSeconds: Type.Number(),
    keyFlags: nullable(KeyFlagTable),
    flagPlans: FlagPlansShape,
    isActive: Type.Boolean(),
    remark: Type.String(),
    revision: Type.Integer(),
    createdAt: Moment,
    createdBy: Type.String(),
    session: closed({
      state: AgentStateName,
      since: Moment,
      onlineAt: nullable(Moment),
      lastHeartbeatAt: nullable(Moment),
      lastAnswerAt: nullable(Moment),
      trouble: Type.String({ description: 'what the last call met; empty: it was good' }),
      clockOffsetSeconds: Type.Number({ description: "the MOM's clock minus ours" }),
      paramVersion: nullable(Type.String()),
      parametersAt: nullable(Moment),
    }),
    queued: Type.Integer({ minimum: 0 }),
    oldestQueuedAt: nullable(Moment),
    quarantined: Type.Integer({ minimum: 0 }),
    flags: Type.Array(
      closed({ action: Type.Enum(DATA_FLAGS, { type: 'string' }), status: Type.String(), raisedAt: Moment }),
      { description: 'what the MOM asks for; `waiting`: for data' },
    ),
    links: closed({ temporal: nullable(Type.String()) }),
  },
  { title: 'Agent' },
);

/** An agent as people see it; while nobody runs it, its state follows from the silence. */
export function showAgent({ agent, session, silentMs, flags, ...counts }: AgentRow, temporal: string | null) {
  const { code, name, url, token, software, employeeNo, password, periodMs, keyFlags, flagPlans } = agent;
  const state = agent.isActive ? stateAfterSilence(session.state, silentMs ?? 0, periodMs) : 'offline';
  return {
    code,
    name,
    url,
    hasToken: token !== null,
    software,
    employeeNo,
    hasPassword: password !== null,
    periodSeconds: periodMs / 1_000,
    keyFlags,
    flagPlans,
    isActive: agent.isActive,
    remark: agent.remark,
    revision: agent.revision,
    createdAt: moment(agent.createdAt),
    createdBy: agent.createdBy,
    session: {
      state: session.state === 'never' ? ('never' as const) : state,
      since: moment(session.stateSince),
      onlineAt: moment(session.onlineAt),
      lastHeartbeatAt: moment(session.beatAt),
      lastAnswerAt: moment(session.goodAt),
      trouble: session.trouble,
      clockOffsetSeconds: session.offsetMs / 1_000,
      paramVersion: session.paramVersion,
      parametersAt: moment(session.parametersAt),
    },
    queued: counts.queued,
    oldestQueuedAt: counts.oldestQueuedAt,
    quarantined: counts.quarantined,
    flags,
    links: { temporal },
  };
}

export const AgentCall = closed(
  {
    id: Type.Integer(),
    name: CallName,
    sessionId: Type.String({ description: 'the same however often it is sent' }),
    request: Type.Record(Type.String(), Type.Unknown()),
    status: CallStatusName,
    createdAt: Moment,
    createdBy: Type.String(),
    attempts: Type.Integer({ minimum: 0 }),
    triedAt: nullable(Moment),
    trouble: Type.String({ description: 'why the last attempt reached nobody' }),
    answeredAt: nullable(Moment),
    answer: nullable(Type.Record(Type.String(), Type.Unknown())),
    message: Type.String({ description: 'MOMMessage' }),
    reason: nullable(
      Type.Enum(QUARANTINE_REASONS, {
        type: 'string',
        description:
          '`refused`: understood and not done; `rejected`: not received properly; `unsendable`: too long for the protocol',
      }),
    ),
    redriveOf: nullable(Type.Integer()),
    redrivenAs: nullable(Type.Integer()),
    decidedAt: nullable(Moment),
    decidedBy: nullable(Type.String()),
    cause: Type.String(),
  },
  { title: 'AgentCall' },
);

/** A call as people see it. */
export function showCall(row: CallRow) {
  return { ...row };
}
