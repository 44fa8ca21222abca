/**
 * What equipment is to do with its next heartbeats, and what it sent when it did.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { FlagActionName, OneEquipment, ownEquipment } from '../factory/mom-views.ts';
import { problem } from '../problems.ts';
import { Answer, route } from '../route.ts';
import { wakeSession } from './equipment.ts';
import {
  AfterLargeId,
  Cause,
  closed,
  ControlBody,
  Limit,
  Moment,
  moment,
  nullable,
  page,
  readPage,
} from '../schemas.ts';
import * as flags from '../../db/factory/equipment-flags.ts';
import { markEdge } from '../../db/factory/equipment-sessions.ts';
import { FLAG_STATUSES } from '../../workflows/rules/equipment.ts';

const FlagStatusName = Type.Enum(FLAG_STATUSES, {
  type: 'string',
  description: 'pending: served until the follow-up call arrives; followed: it has; cancelled: by a person',
});
const Flag = closed(
  {
    id: Type.Integer(),
    action: FlagActionName,
    status: FlagStatusName,
    raisedAt: Moment,
    raisedBy: Type.String(),
    cause: Type.String(),
    serves: Type.Integer({ description: 'heartbeats that were answered with it' }),
    servedAt: nullable(Type.String({ format: 'date-time', description: 'the first of them' })),
    endedAt: nullable(Moment),
    endedBy: nullable(Type.String({ description: '`equipment`, or the name of the key of whoever took it back' })),
  },
  { title: 'EquipmentFlag' },
);

function show({ equipmentId: _equipmentId, raisedAt, servedAt, endedAt, ...row }: flags.FlagRow) {
  return { ...row, raisedAt: moment(raisedAt), servedAt: moment(servedAt), endedAt: moment(endedAt) };
}

export const equipmentFlagRoutes = [
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/flags',
    id: 'listEquipmentFlags',
    tag: 'equipment',
    summary: 'KeyFlags of an equipment, newest first',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({ status: Type.Optional(FlagStatusName), limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(Flag, 'EquipmentFlagPage'),
    handle: async ({ params, query: { limit, after, status }, caller }, { db }) => {
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      return readPage(
        limit,
        (limit) => flags.listFlags(db, id, { status, before: after, limit }),
        show,
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/equipment/{code}/flags',
    id: 'raiseEquipmentFlag',
    tag: 'equipment',
    summary: 'Have an equipment told something with its next heartbeat',
    description:
      'Pending flags are served oldest first, one per heartbeat, each until the follow-up call of the equipment arrives. One that is pending already stays, and is answered with 200.',
    permission: 'mom:write',
    params: OneEquipment,
    body: closed(
      { action: FlagActionName, cause: Cause },
      { title: 'NewEquipmentFlag', examples: [{ action: 'material_up', cause: 'roll 17 was loaded' }] },
    ),
    status: 201,
    alsoAnswers: { 200: 'It is pending already' },
    response: Flag,
    atomic: true,
    idempotent: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db } = services;
      const { departmentId, department, name: author } = caller;
      const { id: equipmentId, code, state } = await ownEquipment(db, departmentId, params.code, { lock: true });
      const { action, cause = '' } = body;
      const { flag, isNew } = await flags.raiseFlag(db, { equipmentId, action, author, cause });
      if (!isNew) return new Answer(show(flag), { status: 200 });
      await audit(db, input, { kind: 'equipmentFlag', id: flag.id, after: { equipmentCode: code, action, cause } });
      if (state !== 'never') {
        await markEdge(db, equipmentId);
        services.afterCommit(() => wakeSession(services, { equipmentId, code, department }, 'flags'));
      }
      return show(flag);
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/equipment/{code}/flags/{action}/cancel',
    id: 'cancelEquipmentFlag',
    tag: 'equipment',
    summary: 'Take a pending KeyFlag back',
    description: 'For equipment that does not know how to follow it: nothing behind it is served before.',
    permission: 'mom:write',
    params: closed({ ...OneEquipment.properties, action: FlagActionName }),
    body: ControlBody,
    status: 200,
    response: Flag,
    problems: ['control_refused'],
    atomic: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db } = services;
      const { departmentId, department, name: author } = caller;
      const { id: equipmentId, code, state } = await ownEquipment(db, departmentId, params.code, { lock: true });
      const { action } = params;
      const ended = await flags.endFlag(db, { equipmentId, action, status: 'cancelled', author });
      if (ended === null) throw problem('control_refused', `No flag ${action} of ${code} is pending.`);
      const after = { equipmentCode: code, action, status: 'cancelled', cause: body.cause ?? '' };
      await audit(db, input, { kind: 'equipmentFlag', id: ended, after });
      if (state !== 'never') {
        await markEdge(db, equipmentId);
        services.afterCommit(() => wakeSession(services, { equipmentId, code, department }, 'flags'));
      }
      const [row] = await flags.listFlags(db, equipmentId, { before: ended + 1, limit: 1 });
      return show(row!);
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/follow-ups',
    id: 'listEquipmentFollowUps',
    tag: 'equipment',
    summary: 'What an equipment sent about material and water content, newest first',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          name: Type.Enum(['MaterialUpLoad', 'MaterialDownLoad', 'WaterContent'], { type: 'string' }),
          flagId: nullable(Type.Integer({ description: 'null: nobody had asked' })),
          employeeNo: Type.String(),
          receivedAt: Moment,
          data: Type.Record(Type.String(), Type.Unknown(), {
            description: 'everything beside the envelope, as it came',
          }),
        },
        { title: 'EquipmentFollowUp' },
      ),
      'EquipmentFollowUpPage',
    ),
    handle: async ({ params, query: { limit, after }, caller }, { db }) => {
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      return readPage(
        limit,
        (limit) => flags.listFollowUps(db, id, { before: after, limit }),
        ({ equipmentId: _equipmentId, name, receivedAt, ...row }) => ({
          ...row,
          name: name as 'WaterContent',
          receivedAt: moment(receivedAt),
        }),
        ({ id }) => id,
      );
    },
  }),
];
