/**
 * What an agent tells its MOM: status, alarms, trays, data that the MOM asks for. All of it is kept and sent in order,
 * each call once; what the MOM refuses waits for a person.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Type } from 'typebox';
import { lockAgent, lockCall, One, queue, queueing } from '../factory/agent-queue.ts';
import { AgentCall, CallName, CallStatusName, EquipmentCode, showCall } from '../factory/agent-views.ts';
import { audit } from '../audit.ts';
import { notFound } from '../problems.ts';
import { route } from '../route.ts';
import {
  AfterLargeId,
  closed,
  ControlBody,
  Limit,
  Moment,
  momentIn,
  nullable,
  page,
  readPage,
  text,
} from '../schemas.ts';
import { demandStorable } from '../http/validation.ts';
import * as calls from '../../db/factory/agent-calls.ts';
import { findAgent } from '../../db/factory/agents.ts';
import { DATA_FLAGS, FLAG_CALLS, PLANNED_REASONS } from '../../workflows/rules/agents.ts';
import { EQUIPMENT_STATUSES } from '../../workflows/rules/equipment.ts';

const OneCall = closed({
  code: EquipmentCode,
  callId: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});
const Barcode = text(128, { minLength: 1, description: 'blanks inside are real' });
const Serial = text(128, { minLength: 1 });
const STAFF = {
  employeeNo: Type.Optional(text(128, { description: 'instead of the one of the agent' })),
  isManual: Type.Optional(Type.Boolean({ description: 'OpFlag 1: with the password of the agent' })),
};
/** Questions are not asked any more when whoever asked has gone. */
const QUESTION_MS = 60_000;

const staffed = ({ employeeNo, isManual = false }: { employeeNo?: string; isManual?: boolean }) => ({
  ...(employeeNo !== undefined && { employeeNo }),
  opFlag: isManual ? 1 : 0,
});

export const agentCallRoutes = [
  route({
    ...queueing,
    path: '/api/v1/agents/{code}/status',
    id: 'tellAgentStatus',
    summary: 'Tell the MOM that the status changed',
    body: closed(
      {
        status: Type.Enum(EQUIPMENT_STATUSES, { type: 'string' }),
        reasonCode: Type.Optional(text(128, { minLength: 1, description: 'else the planned reason of the status' })),
        description: Type.Optional(nullable(text(1_000))),
        locationId: Type.Optional(text(128)),
        changedAt: Type.Optional({ ...Moment, description: 'else now' }),
      },
      { title: 'AgentStatus', examples: [{ status: 'Running' }] },
    ),
    handle: async (input, services) => {
      const agent = await lockAgent(input, services, input.params.code);
      const { status, reasonCode, description = null, locationId = 'NA', changedAt } = input.body;
      const request = {
        locationId,
        statusCode: status,
        reasonCode: reasonCode ?? PLANNED_REASONS[status],
        description,
        // fixed here, in the MOM's time: a repetition must say the same
        changedAtMs: Math.round((momentIn(changedAt) ?? new Date()).getTime() + agent.session.offsetMs),
      };
      return queue(input, services, agent, { name: 'EqptStatus', request });
    },
  }),
  route({
    ...queueing,
    path: '/api/v1/agents/{code}/alarms',
    id: 'tellAgentAlarms',
    summary: 'Tell the MOM of alarms that were raised or cleared',
    body: closed(
      {
        alarms: Type.Array(
          closed({
            alertCode: text(128, { minLength: 1 }),
            isRaised: Type.Boolean({ description: 'false: cleared' }),
            description: Type.Optional(nullable(text(1_000))),
            level: Type.Optional(nullable(text(128))),
            partCode: Type.Optional(nullable(text(128))),
            productType: Type.Optional(nullable(text(128))),
          }),
          { minItems: 1, maxItems: 100 },
        ),
      },
      { title: 'AgentAlarms', examples: [{ alarms: [{ alertCode: 'A01', isRaised: true, description: '气压低' }] }] },
    ),
    handle: async (input, services) => {
      const agent = await lockAgent(input, services, input.params.code);
      const blank = { description: null, level: null, partCode: null, productType: null };
      const alerts = input.body.alarms.map((alarm) => ({ ...blank, ...alarm }));
      return queue(input, services, agent, { name: 'EqptAlert', request: { alerts } });
    },
  }),
  route({
    ...queueing,
    path: '/api/v1/agents/{code}/trays/bind',
    id: 'bindAgentTray',
    summary: 'Tell the MOM which cells were put into a tray',
    description: 'What the MOM says to it is in the call: ask for it with `waitSeconds`.',
    body: closed(
      {
        trayBarcode: Barcode,
        cells: Type.Array(closed({ serialNo: Serial, positionNo: Type.Integer({ minimum: 0, maximum: 100_000 }) }), {
          minItems: 1,
          maxItems: 2_000,
        }),
        ...STAFF,
      },
      {
        title: 'AgentTrayBinding',
        examples: [{ trayBarcode: 'ZN180 104JZ000130', cells: [{ serialNo: 'YF-KH-A-000001', positionNo: 1 }] }],
      },
    ),
    handle: async (input, services) => {
      const agent = await lockAgent(input, services, input.params.code);
      const { trayBarcode, cells, ...staff } = input.body;
      return queue(input, services, agent, { name: 'TrayBind', request: { trayBarcode, cells, ...staffed(staff) } });
    },
  }),
  ...(
    [
      ['unbind', 'unbindAgentTray', 'TrayUnbind', 'Tell the MOM that a tray was emptied'],
      ['aging', 'ageAgentTray', 'AgingInput', 'Tell the MOM that a tray enters aging; its answer has the times'],
    ] as const
  ).map(([word, id, name, summary]) =>
    route({
      ...queueing,
      path: `/api/v1/agents/{code}/trays/${word}`,
      id,
      summary,
      body: closed({ trayBarcode: Barcode, ...STAFF }, { examples: [{ trayBarcode: 'ZN180 104JZ000130' }] }),
      handle: async (input, services) => {
        const agent = await lockAgent(input, services, input.params.code);
        const { trayBarcode, ...staff } = input.body;
        return queue(input, services, agent, { name, request: { trayBarcode, ...staffed(staff) } });
      },
    }),
  ),
  route({
    ...queueing,
    path: '/api/v1/agents/{code}/trays/cells',
    id: 'askAgentTray',
    summary: 'Ask the MOM what is in a tray',
    description: 'After a minute it is not asked any more.',
    body: closed({ trayBarcode: Barcode }, { examples: [{ trayBarcode: 'ZN180 104JZ000130' }] }),
    handle: async (input, services) => {
      const agent = await lockAgent(input, services, input.params.code);
      return queue(input, services, agent, { name: 'TrayCellsStatus', request: input.body, expiresMs: QUESTION_MS });
    },
  }),
  route({
    ...queueing,
    path: '/api/v1/agents/{code}/cells',
    id: 'askAgentCells',
    summary: 'Ask the MOM for the states of cells',
    description: 'After a minute it is not asked any more.',
    body: closed(
      { serialNos: Type.Array(Serial, { minItems: 1, maxItems: 2_000 }) },
      { examples: [{ serialNos: ['YF-KH-A-000001'] }] },
    ),
    handle: async (input, services) => {
      const agent = await lockAgent(input, services, input.params.code);
      const request = { cells: input.body.serialNos.map((serialNo) => ({ serialNo })) };
      return queue(input, services, agent, { name: 'CellState', request, expiresMs: QUESTION_MS });
    },
  }),
  route({
    ...queueing,
    path: '/api/v1/agents/{code}/follow-ups',
    id: 'followAgentFlag',
    summary: 'Give the data that the MOM asks for',
    description: 'Whether the MOM has asked or not; a flag that waits for it has ended when the MOM has it.',
    body: closed(
      {
        action: Type.Enum(DATA_FLAGS, { type: 'string' }),
        data: Type.Record(Type.String(), Type.Unknown(), { description: 'sent beside the envelope, as it is' }),
      },
      { title: 'AgentFollowUp', examples: [{ action: 'water_content', data: { Ppm: '12.5' } }] },
    ),
    problems: [...queueing.problems, 'fields_refused'],
    handle: async (input, services) => {
      demandStorable(input.body.data, 'body.data');
      const agent = await lockAgent(input, services, input.params.code);
      return queue(input, services, agent, { name: FLAG_CALLS[input.body.action], request: { data: input.body.data } });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/agents/{code}/calls',
    id: 'listAgentCalls',
    tag: 'equipment',
    summary: 'Calls of an agent, newest first; with `status=queued` in the order in which they are sent',
    description: '`status=quarantined` are those that the MOM refused and nobody has decided about.',
    permission: 'device:read',
    params: One,
    query: closed({
      status: Type.Optional(CallStatusName),
      name: Type.Optional(CallName),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(AgentCall, 'AgentCallPage'),
    handle: async ({ params: { code }, query: { limit, after, ...filter }, caller }, { db }) => {
      const row = await findAgent(db, caller.departmentId, code);
      if (row === null) throw notFound('agent', code);
      return readPage(
        limit,
        (limit) => calls.listCalls(db, row.agent.id, filter, { after, limit }),
        showCall,
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/agents/{code}/calls/{callId}',
    id: 'getAgentCall',
    tag: 'equipment',
    summary: 'One call of an agent, if wanted as soon as the MOM has answered it',
    permission: 'device:read',
    params: OneCall,
    query: closed({
      waitSeconds: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 20, description: 'wait so long while it is queued' }),
      ),
    }),
    status: 200,
    response: AgentCall,
    handle: async ({ params: { code, callId }, query: { waitSeconds = 0 }, caller, request }, { db }) => {
      const row = await findAgent(db, caller.departmentId, code);
      if (row === null) throw notFound('agent', code);
      const untilMs = performance.now() + waitSeconds * 1_000;
      for (;;) {
        const call = await calls.findCall(db, row.agent.id, callId);
        if (call === null) throw notFound(`call of the agent ${code}`, callId);
        if (call.status !== 'queued' || performance.now() >= untilMs || request.destroyed) return showCall(call);
        await delay(200);
      }
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/agents/{code}/calls/{callId}/redrive',
    id: 'redriveAgentCall',
    tag: 'equipment',
    summary: 'Send a refused call again, as a new one behind those that wait',
    description: 'With a SessionId of its own: the MOM would repeat its refusal to the old one.',
    permission: 'mom:write',
    params: OneCall,
    body: ControlBody,
    status: 202,
    response: AgentCall,
    problems: ['control_refused', 'agent_queue_full'],
    atomic: true,
    idempotent: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const agent = await lockAgent(input, services, params.code);
      const call = await lockCall(services, agent, params.callId, ['quarantined']);
      const cause = body.cause ?? '';
      await calls.decideCall(services.db, call.id, { status: 'redriven', author: caller.name, cause });
      await audit(services.db, input, { kind: 'agent-call', id: call.id, after: { status: 'redriven', cause } });
      return queue(input, services, agent, { name: call.name, request: call.request }, call.id);
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/agents/{code}/calls/{callId}/write-off',
    id: 'writeOffAgentCall',
    tag: 'equipment',
    summary: 'Give up a call that was refused, or one that waits and keeps others waiting',
    description: 'Whether a waiting one that was sent before has arrived nobody knows: look into the MOM.',
    permission: 'mom:write',
    params: OneCall,
    body: ControlBody,
    status: 200,
    response: AgentCall,
    problems: ['control_refused'],
    atomic: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db } = services;
      const agent = await lockAgent(input, services, params.code);
      const call = await lockCall(services, agent, params.callId, ['quarantined', 'queued']);
      const cause = body.cause ?? '';
      await calls.decideCall(db, call.id, { status: 'written_off', author: caller.name, cause });
      await audit(db, input, {
        kind: 'agent-call',
        id: call.id,
        before: { status: call.status },
        after: { status: 'written_off', cause },
      });
      return showCall((await calls.findCall(db, agent.agent.id, call.id))!);
    },
  }),
];
