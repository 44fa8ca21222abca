/**
 * What equipment called, with what was repaired and refused, and who called without being let in.
 */
import { Type } from 'typebox';
import { OneEquipment, ownEquipment } from '../factory/mom-views.ts';
import { route } from '../route.ts';
import { AfterLargeId, closed, Limit, Moment, moment, nullable, page, readPage } from '../schemas.ts';
import { CALLS_KEPT, listCalls, listStrangers } from '../../db/factory/equipment-calls.ts';

/** As in `gateways/mom/contract.ts`; what else may be stored is null. */
const NAMES = [
  'EqptRun',
  'EqptAlive',
  'EqptStatus',
  'EqptAlert',
  'TrayBind',
  'TrayUnbind',
  'CellState',
  'TrayCellsStatus',
  'AgingInput',
  'MaterialUpLoad',
  'MaterialDownLoad',
  'WaterContent',
] as const;
const CallName = Type.Enum(NAMES, { type: 'string' });

export const equipmentCallRoutes = [
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/calls',
    id: 'listEquipmentCalls',
    tag: 'equipment',
    summary: 'Calls of an equipment, newest first',
    description: `The newest ${CALLS_KEPT} are kept. Heartbeats are listed only when something is odd about their form.`,
    permission: 'device:read',
    params: OneEquipment,
    query: closed({
      name: Type.Optional(CallName),
      odd: Type.Optional(Type.Boolean({ description: 'true: only those that failed or needed a repair' })),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          name: nullable(Type.String({ description: 'null: there is no such call' })),
          calledAs: Type.String({ description: 'name in the path' }),
          address: Type.String(),
          sessionId: nullable(Type.String()),
          receivedAt: Moment,
          tookMs: Type.Integer(),
          resultFlag: Type.Boolean({ description: 'it was received properly' }),
          success: Type.Boolean({ description: 'it was executed' }),
          failure: nullable(Type.String({ description: 'code of the refusal' })),
          message: Type.String({ description: 'what the equipment was told' }),
          isRepeated: Type.Boolean({ description: 'the same call had come before, and got the same reply' }),
          warnings: Type.Array(Type.String(), { description: 'what was repaired' }),
          raw: nullable(
            Type.String({ description: 'what was sent, when it failed or was repaired; without passwords' }),
          ),
        },
        { title: 'EquipmentCall' },
      ),
      'EquipmentCallPage',
    ),
    handle: async ({ params, query: { limit, after, ...filter }, caller }, { db }) => {
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      return readPage(
        limit,
        (limit) => listCalls(db, id, filter, { before: after, limit }),
        ({ equipmentId: _equipmentId, receivedAt, ...row }) => ({ ...row, receivedAt: moment(receivedAt) }),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment-strangers',
    id: 'listEquipmentStrangers',
    tag: 'equipment',
    summary: 'Who called the MOM and was not let in, or said nothing that could be read; last seen first',
    permission: 'mom:write',
    query: closed({
      limit: Limit,
      after: Type.Optional(Type.String({ format: 'date-time', description: '`next` of the page before' })),
    }),
    status: 200,
    response: page(
      closed(
        {
          address: Type.String(),
          code: Type.String({ description: 'EquipmentCode; empty: it could not be read' }),
          failure: Type.String({ description: 'code of the refusal' }),
          calls: Type.Integer(),
          lastName: Type.String({ description: 'what was called last' }),
          firstAt: Moment,
          lastAt: Moment,
        },
        { title: 'EquipmentStranger' },
      ),
      'EquipmentStrangerPage',
    ),
    handle: ({ query: { limit, after }, caller }, { db }) =>
      readPage(
        limit,
        (limit) => listStrangers(db, caller.departmentId, { before: after, limit }),
        (row) => row,
        ({ lastAt }) => lastAt,
      ),
  }),
];
