/**
 * Alarms of equipment: what is open, what was, and who has seen it.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { OneEquipment, ownEquipment } from '../factory/mom-views.ts';
import { notFound, problem } from '../problems.ts';
import { route } from '../route.ts';
import { wakeSession } from './equipment.ts';
import { AfterLargeId, closed, ControlBody, Limit, Moment, nullable, page, readPage, text } from '../schemas.ts';
import * as alarms from '../../db/factory/equipment-alarms.ts';
import { markEdge } from '../../db/factory/equipment-sessions.ts';
import { ALARM_EVENTS } from '../../workflows/rules/equipment.ts';

const Alarm = closed(
  {
    id: Type.Integer(),
    equipmentCode: Type.String(),
    alertCode: Type.String(),
    description: Type.String(),
    level: Type.String(),
    partCode: Type.String(),
    productType: Type.String(),
    raisedAt: Moment,
    raises: Type.Integer({ description: 'times it was raised before it was cleared' }),
    lastRaisedAt: Moment,
    clearedAt: nullable(Type.String({ format: 'date-time', description: 'null: it is open' })),
    acknowledgedAt: nullable(Moment),
    acknowledgedBy: nullable(Type.String()),
  },
  { title: 'EquipmentAlarm' },
);
const show = ({ equipmentId: _equipmentId, ...row }: alarms.AlarmRow) => row;

export const equipmentAlarmRoutes = [
  route({
    method: 'get',
    path: '/api/v1/equipment-alarms',
    id: 'listEquipmentAlarms',
    tag: 'equipment',
    summary: 'Alarms of all equipment, newest first',
    permission: 'device:read',
    query: closed({
      equipmentCode: Type.Optional(text(128)),
      alertCode: Type.Optional(text(128)),
      open: Type.Optional(Type.Boolean()),
      acknowledged: Type.Optional(Type.Boolean()),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(Alarm, 'EquipmentAlarmPage'),
    handle: ({ query: { limit, after, ...filter }, caller }, { db }) =>
      readPage(
        limit,
        (limit) => alarms.listAlarms(db, caller.departmentId, filter, { before: after, limit }),
        show,
        ({ id }) => id,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/equipment-alarms/{alarmId}/acknowledge',
    id: 'acknowledgeEquipmentAlarm',
    tag: 'equipment',
    summary: 'Say that you have seen an alarm',
    description: 'Open or cleared. It stays open until the equipment clears it.',
    permission: 'mom:write',
    params: closed({ alarmId: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
    body: ControlBody,
    status: 200,
    response: Alarm,
    problems: ['control_refused'],
    atomic: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db } = services;
      const { departmentId, department, name: author } = caller;
      const find = async () => (await alarms.listAlarms(db, departmentId, {}, { id: params.alarmId, limit: 1 }))[0];
      const before = await find();
      if (before === undefined) throw notFound('alarm', params.alarmId);
      const cause = body.cause ?? '';
      if (!(await alarms.acknowledgeAlarm(db, before.id, { author, cause }))) {
        const now = await find();
        throw problem(
          'control_refused',
          `${now?.acknowledgedBy ?? 'Somebody'} has acknowledged alarm ${before.id} already.`,
        );
      }
      await audit(db, input, { kind: 'equipmentAlarm', id: before.id, after: { acknowledgedBy: author, cause } });
      await markEdge(db, before.equipmentId);
      const session = { equipmentId: before.equipmentId, code: before.equipmentCode, department };
      services.afterCommit(() => wakeSession(services, session, 'alarms'));
      return show((await find())!);
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/alarm-log',
    id: 'listEquipmentAlarmLog',
    tag: 'equipment',
    summary: 'The journal of the alarms of an equipment, newest first',
    description:
      'Repeated raises are counted in the alarm. `clear_unknown`: the equipment cleared what was not raised.',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({
      alarmId: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          at: Moment,
          alarmId: nullable(Type.Integer()),
          alertCode: Type.String(),
          event: Type.Enum(ALARM_EVENTS, { type: 'string' }),
          author: Type.String({ description: '`equipment`, or the name of the key of whoever did it' }),
          cause: Type.String(),
        },
        { title: 'EquipmentAlarmLine' },
      ),
      'EquipmentAlarmLog',
    ),
    handle: async ({ params, query: { limit, after, alarmId }, caller }, { db }) => {
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      return readPage(
        limit,
        (limit) => alarms.listAlarmLog(db, id, { before: after, limit, alarmId }),
        (line) => line,
        ({ id }) => id,
      );
    },
  }),
];
