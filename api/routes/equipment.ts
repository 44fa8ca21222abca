/**
 * Equipment that calls the MOM: registered, found, changed, deleted, and all of it at a glance.
 */
import { Type } from 'typebox';
import { audit, differences } from '../audit.ts';
import { within } from '../http/deadlines.ts';
import { EquipmentImport, importEquipment } from '../factory/mom-import.ts';
import {
  codeFault,
  Equipment,
  EQUIPMENT_DEFAULTS,
  EquipmentChange,
  fieldsOf,
  NewEquipment,
  OneEquipment,
  ownEquipment,
  showEquipment,
  StateName,
  StatusName,
} from '../factory/mom-views.ts';
import { loggable, problem } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterLargeId, AfterText, closed, Limit, Moment, moment, page, readPage, text } from '../schemas.ts';
import * as registry from '../../db/factory/equipment.ts';
import { listEdges, markEdge } from '../../db/factory/equipment-sessions.ts';
import { EQUIPMENT_STATUSES, SESSION_STATES, type SessionEdge } from '../../workflows/rules/equipment.ts';

const WAKE_MS = 2_000;
const FILTER = {
  state: Type.Optional(StateName),
  status: Type.Optional(StatusName),
  model: Type.Optional(text(100, { description: 'whole' })),
  location: Type.Optional(text(100, { description: 'whole' })),
  search: Type.Optional(text(100, { description: 'part of the code or the name' })),
  active: Type.Optional(Type.Boolean()),
  alarms: Type.Optional(Type.Boolean({ description: 'true: with open alarms; false: without' })),
};
const COUNT = Type.Integer({ minimum: 0 });

export const equipmentRoutes = [
  route({
    method: 'get',
    path: '/api/v1/equipment',
    id: 'listEquipment',
    tag: 'equipment',
    summary: 'List equipment with its sessions, by code',
    permission: 'device:read',
    query: closed({ ...FILTER, limit: Limit, after: AfterText }),
    status: 200,
    response: page(Equipment, 'EquipmentPage'),
    handle: ({ query: { limit, after = '', ...filter }, caller }, { db, executions }) =>
      readPage(
        limit,
        (limit) => registry.listEquipment(db, caller.departmentId, filter, { after, limit }),
        (row) => showEquipment(row, executions),
        ({ code }) => code,
      ),
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment/board',
    id: 'getEquipmentBoard',
    tag: 'equipment',
    summary: 'All equipment in use at a glance: how many are in which state, and have which status',
    description: 'Status counts only those that are online, alive or suspect: of the others nobody knows.',
    permission: 'device:read',
    status: 200,
    response: closed(
      {
        total: COUNT,
        states: closed(Object.fromEntries(SESSION_STATES.map((state) => [state, COUNT]))),
        statuses: closed({
          ...Object.fromEntries(EQUIPMENT_STATUSES.map((status) => [status, COUNT])),
          unknown: COUNT,
        }),
        withAlarms: Type.Integer({ minimum: 0, description: 'with at least one open alarm' }),
      },
      { title: 'EquipmentBoard' },
    ),
    handle: async ({ caller }, { db }) => {
      const rows = await registry.countEquipment(db, caller.departmentId);
      const sum = (fits: (row: (typeof rows)[number]) => boolean) =>
        rows.filter(fits).reduce((total, { count }) => total + count, 0);
      const isHere = (row: (typeof rows)[number]) => row.state !== 'never' && row.state !== 'offline';
      const status = (name: string | null) => sum((row) => isHere(row) && row.status === name);
      return {
        total: sum(() => true),
        states: Object.fromEntries(SESSION_STATES.map((state) => [state, sum((row) => row.state === state)])),
        statuses: {
          ...Object.fromEntries(EQUIPMENT_STATUSES.map((name) => [name, status(name)])),
          unknown: status(null),
        },
        withAlarms: rows.reduce((total, { alarmed }) => total + alarmed, 0),
      };
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/equipment',
    id: 'createEquipment',
    tag: 'equipment',
    summary: 'Register an equipment',
    permission: 'mom:write',
    body: NewEquipment,
    status: 201,
    response: Equipment,
    problems: ['name_taken', 'fields_refused'],
    atomic: true,
    idempotent: true,
    handle: async (input, { db, executions }) => {
      const { body, caller } = input;
      const { code, ...settings } = body;
      const fault = codeFault(code);
      if (fault !== null) {
        throw problem('fields_refused', `The code ${fault}.`, { errors: [{ path: 'body.code', message: fault }] });
      }
      const { departmentId, name: createdBy } = caller;
      const fields = { ...EQUIPMENT_DEFAULTS, ...fieldsOf(settings) };
      const id = await registry.createEquipment(db, { ...fields, code, departmentId, createdBy });
      if (id === null) {
        throw problem('name_taken', `There is an equipment ${code} already, in your department or in another one.`);
      }
      await audit(db, input, { kind: 'equipment', id: code, after: { code, ...fields } });
      const row = await ownEquipment(db, departmentId, code);
      const location = `/api/v1/equipment/${encodeURIComponent(code)}`;
      return new Answer(showEquipment(row, executions), { headers: { ...etagOf(row.revision), Location: location } });
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/equipment/import',
    id: 'importEquipment',
    tag: 'equipment',
    summary: 'Register equipment from a CSV file',
    description:
      'UTF-8, comma-separated, at most 20 000 rows; the first line names the columns. Answers row by row; a bad row never stops the rest. Blank fields keep what is stored. Several addresses are separated by semicolons.',
    permission: 'mom:write',
    consumes: 'text/csv',
    body: Type.String({
      examples: [
        'code,name,model,location,periodSeconds,allowedAddresses,isHoldListed,remark\nEQ00001,焊接机 1,WELD,A1,30,10.20.0.0/16,false,\n',
      ],
    }),
    status: 200,
    response: EquipmentImport,
    problems: ['csv_unreadable'],
    handle: (input, { db }) => importEquipment(db, input, input.request),
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}',
    id: 'getEquipment',
    tag: 'equipment',
    summary: 'Show an equipment with its session',
    permission: 'device:read',
    params: OneEquipment,
    status: 200,
    response: Equipment,
    handle: async ({ params: { code }, caller }, { db, executions }) => {
      const row = await ownEquipment(db, caller.departmentId, code);
      return new Answer(showEquipment(row, executions), { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/equipment/{code}',
    id: 'updateEquipment',
    tag: 'equipment',
    summary: 'Change an equipment, or retire it',
    description: 'The code stays: it is what the equipment calls itself. `isActive: false` retires it.',
    permission: 'mom:write',
    params: OneEquipment,
    headers: IfMatch,
    body: EquipmentChange,
    status: 200,
    response: Equipment,
    problems: ['edit_conflict', 'fields_refused'],
    atomic: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db, executions } = services;
      const { departmentId } = caller;
      const before = await ownEquipment(db, departmentId, params.code, { lock: true });
      await assertRevision(db, input, { kind: 'equipment', id: before.code, revision: before.revision });
      const fields = fieldsOf(body);
      const changed = differences<registry.EquipmentFields>(before, fields);
      if (changed === null) return new Answer(showEquipment(before, executions), { headers: etagOf(before.revision) });
      await registry.changeEquipment(db, before.id, fields);
      await audit(db, input, { kind: 'equipment', id: before.code, ...changed });
      // A session that nobody has begun has nothing to read.
      if (before.state !== 'never') {
        const { id: equipmentId, code } = before;
        await markEdge(db, equipmentId);
        services.afterCommit(() =>
          wakeSession(services, { equipmentId, code, department: caller.department }, 'settings'),
        );
      }
      const row = await ownEquipment(db, departmentId, before.code);
      return new Answer(showEquipment(row, executions), { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/equipment/{code}',
    id: 'deleteEquipment',
    tag: 'equipment',
    summary: 'Delete an equipment that has no history',
    description: 'For one registered by mistake. Any other is retired: `isActive: false`.',
    permission: 'mom:write',
    params: OneEquipment,
    headers: IfMatch,
    status: 204,
    response: Type.Null(),
    problems: ['equipment_has_history', 'edit_conflict'],
    atomic: true,
    handle: async (input, { db }) => {
      const { params, caller } = input;
      const before = await ownEquipment(db, caller.departmentId, params.code, { lock: true });
      await assertRevision(db, input, { kind: 'equipment', id: before.code, revision: before.revision });
      if (!(await registry.deleteEquipment(db, before.id))) {
        const detail = `${before.code} has called, or was given something to do, and its history is kept. Retire it instead: PATCH with isActive false.`;
        throw problem('equipment_has_history', detail);
      }
      const { name, model, location } = before;
      await audit(db, input, { kind: 'equipment', id: before.code, before: { name, model, location } });
      return null;
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/session-log',
    id: 'listEquipmentSessionLog',
    tag: 'equipment',
    summary: 'What happened to the session of an equipment, newest first',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          at: Moment,
          event: Type.Enum(['online', 'alive', 'suspect', 'offline', 'back'], { type: 'string' }),
          from: StateName,
          to: StateName,
          cause: Type.String(),
        },
        { title: 'EquipmentSessionLine' },
      ),
      'EquipmentSessionLog',
    ),
    handle: async ({ params, query: { limit, after }, caller }, { db }) => {
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      return readPage(
        limit,
        (limit) => listEdges(db, id, { before: after, limit }),
        ({ id, at, edge, from, to, cause }) => ({ id, at: moment(at), event: edge as 'online', from, to, cause }),
        ({ id }) => id,
      );
    },
  }),
];

/** Tells the session's workflow that something was written; what fails is repeated by the gateways' sweep. */
export async function wakeSession(
  { executions, log }: Services,
  session: { equipmentId: number; code: string; department: string },
  edge: SessionEdge,
): Promise<void> {
  try {
    await within(WAKE_MS, executions.wakeEquipment(session, edge));
  } catch (error) {
    log.warn({ err: loggable(error), equipmentCode: session.code }, 'a session will be told later of what was changed');
  }
}
