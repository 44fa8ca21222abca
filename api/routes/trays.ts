/**
 * Trays: what is in them, what happened to them, and how long their cells rest. Equipment fills and empties them
 * (`mom-trays.ts`); a person can empty one, or take single cells out.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { notFound, problem } from '../problems.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterLargeId, AfterText, Cause, closed, Limit, Moment, nullable, page, readPage, text } from '../schemas.ts';
import { Barcode, Tray, TRAY_FIELDS, TrayLogEntry } from '../factory/tray-views.ts';
import * as trays from '../../db/factory/trays.ts';
import { refusalWords, type Refusal } from '../../workflows/rules/trays.ts';

const One = closed({ barcode: Barcode });
const TrayDetail = closed(
  {
    ...TRAY_FIELDS,
    contents: Type.Array(
      closed({
        serialNo: Type.String(),
        positionNo: Type.Integer(),
        status: Type.Integer(),
        bindCode: Type.String(),
        filledAt: nullable(Moment),
      }),
      { description: 'by position' },
    ),
  },
  { title: 'TrayDetail' },
);
const BindCode = text(128, {
  description: 'a whole bind code, or the material before its `/`; empty: everything else',
});
const Minutes = Type.Integer({ minimum: 0, maximum: 525_600 });
const AgingLimit = closed(
  { bindCode: BindCode, lowerMinutes: Minutes, upperMinutes: Minutes, setBy: Type.String(), setAt: Moment },
  { title: 'AgingLimit' },
);

export const trayRoutes = [
  route({
    method: 'get',
    path: '/api/v1/trays',
    id: 'listTrays',
    tag: 'equipment',
    summary: 'List trays',
    permission: 'device:read',
    query: closed({
      search: Type.Optional(text(100, { minLength: 1, description: 'part of the barcode' })),
      empty: Type.Optional(Type.Boolean()),
      bindCode: Type.Optional(text(128)),
      limit: Limit,
      after: AfterText,
    }),
    status: 200,
    response: page(Tray, 'TrayPage'),
    handle: ({ query: { limit, after = '', ...filter }, caller }, { db }) =>
      readPage(
        limit,
        (limit) => trays.listTrays(db, caller.departmentId, filter, { after, limit }),
        show,
        ({ barcode }) => barcode,
      ),
  }),
  route({
    method: 'get',
    path: '/api/v1/trays/{barcode}',
    id: 'getTray',
    tag: 'equipment',
    summary: 'One tray with its cells',
    permission: 'device:read',
    params: One,
    status: 200,
    response: TrayDetail,
    handle: ({ params, caller }, services) => answer(services, caller.departmentId, params.barcode),
  }),
  route({
    method: 'get',
    path: '/api/v1/trays/{barcode}/log',
    id: 'listTrayLog',
    tag: 'equipment',
    summary: 'What happened to a tray, newest first',
    permission: 'device:read',
    params: One,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(TrayLogEntry, 'TrayLogPage'),
    handle: async ({ params: { barcode }, query: { limit, after }, caller }, { db }) => {
      const tray = await trays.findTray(db, caller.departmentId, barcode);
      if (tray === null) throw notFound('tray', barcode);
      return readPage(
        limit,
        (limit) => trays.listTrayLog(db, tray.id, { before: after, limit }),
        (row) => row,
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/trays/{barcode}',
    id: 'updateTray',
    tag: 'equipment',
    summary: 'Change what equipment is told of a tray',
    permission: 'mom:write',
    params: One,
    body: closed({ property: nullable(text(128)) }, { title: 'TrayChange', examples: [{ property: 'A' }] }),
    status: 200,
    response: TrayDetail,
    atomic: true,
    handle: async (input, services) => {
      const { db } = services;
      const { params, body, caller } = input;
      const before = await trays.findTray(db, caller.departmentId, params.barcode);
      if (before === null) throw notFound('tray', params.barcode);
      if (before.property !== body.property) {
        await trays.changeTray(db, caller.departmentId, params.barcode, body.property);
        await audit(db, input, {
          kind: 'tray',
          id: params.barcode,
          before: { property: before.property },
          after: body,
        });
      }
      return answer(services, caller.departmentId, params.barcode);
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/trays/{barcode}/unbind',
    id: 'unbindTray',
    tag: 'equipment',
    summary: 'Take everything, or single cells, out of a tray',
    permission: 'mom:write',
    params: One,
    body: closed(
      {
        serialNos: Type.Optional(
          Type.Array(text(128, { minLength: 1 }), { minItems: 1, maxItems: 2_000, description: 'else all of them' }),
        ),
        cause: Cause,
      },
      { title: 'TrayUnbinding', examples: [{ cause: 'the tray broke' }] },
    ),
    status: 200,
    response: TrayDetail,
    problems: ['tray_refused'],
    atomic: true,
    idempotent: true,
    handle: async (input, services) => {
      const { db } = services;
      const { params, body, caller } = input;
      const { barcode } = params;
      const { serialNos, cause = '' } = body;
      const { departmentId, name: author } = caller;
      if ((await trays.findTray(db, departmentId, barcode)) === null) throw notFound('tray', barcode);
      const actor = { departmentId, equipmentId: null, author, cause, isHoldListed: false };
      const done =
        serialNos === undefined
          ? await trays.unbindTray(db, actor, barcode)
          : await trays.takeCellsOut(db, actor, barcode, [...new Set(serialNos)]);
      if (!done.ok) throw refused(done.refusals);
      await audit(db, input, { kind: 'tray', id: barcode, before: { cells: done.unbound }, after: { cause } });
      return answer(services, departmentId, barcode);
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/aging-limits',
    id: 'listAgingLimits',
    tag: 'equipment',
    summary: 'How long cells must and may rest, by bind code or material',
    permission: 'device:read',
    status: 200,
    response: page(AgingLimit, 'AgingLimitPage'),
    handle: async ({ caller }, { db }) => ({ items: await trays.listAgingLimits(db, caller.departmentId), next: null }),
  }),
  route({
    method: 'post',
    path: '/api/v1/aging-limits',
    id: 'setAgingLimits',
    tag: 'equipment',
    summary: 'Set how long cells of a bind code, of a material, or all others rest',
    permission: 'mom:write',
    body: closed(
      { bindCode: BindCode, lowerMinutes: Minutes, upperMinutes: Minutes },
      { title: 'NewAgingLimit', examples: [{ bindCode: '', lowerMinutes: 720, upperMinutes: 2_880 }] },
    ),
    status: 200,
    response: AgingLimit,
    problems: ['fields_refused'],
    atomic: true,
    handle: async (input, { db }) => {
      const { body, caller } = input;
      if (body.upperMinutes < body.lowerMinutes) {
        const errors = [{ path: 'body.upperMinutes', message: 'must not be less than lowerMinutes' }];
        throw problem('fields_refused', 'The limits cannot be used.', { errors });
      }
      const find = async () =>
        (await trays.listAgingLimits(db, caller.departmentId)).find(({ bindCode }) => bindCode === body.bindCode);
      const before = await find();
      await trays.setAgingLimits(db, caller.departmentId, body, caller.name);
      await audit(db, input, { kind: 'aging-limits', id: body.bindCode, before: before ?? null, after: body });
      return (await find())!;
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/aging-limits',
    id: 'removeAgingLimits',
    tag: 'equipment',
    summary: 'Remove the limits of a bind code',
    permission: 'mom:write',
    query: closed({ bindCode: BindCode }),
    status: 204,
    response: Type.Null(),
    atomic: true,
    handle: async (input, { db }) => {
      const { bindCode } = input.query;
      if (!(await trays.removeAgingLimits(db, input.caller.departmentId, bindCode))) {
        throw notFound('aging limit for', JSON.stringify(bindCode));
      }
      await audit(db, input, { kind: 'aging-limits', id: bindCode, before: { bindCode } });
      return null;
    },
  }),
];

function show({ barcode, property, createdAt, usedAt, cells, notOk, bindCode }: trays.TrayRow) {
  return { barcode, property, createdAt, usedAt, cells, notOk, bindCode };
}

async function answer({ db }: Services, departmentId: number, barcode: string) {
  const row = await trays.findTray(db, departmentId, barcode);
  if (row === null) throw notFound('tray', barcode);
  const contents = (await trays.readTray(db, departmentId, barcode)) ?? [];
  return new Answer({
    ...show(row),
    contents: contents.map(({ serialNo, positionNo, status, bindCode, filledAtMs }) => ({
      serialNo,
      positionNo: positionNo ?? 0,
      status,
      bindCode,
      filledAt: filledAtMs === null ? null : new Date(filledAtMs).toISOString(),
    })),
  });
}

function refused(refusals: readonly Refusal<string>[]) {
  const errors = refusals.slice(0, 100).map(({ code, message }) => ({ path: 'body', code, message }));
  return problem('tray_refused', `Nothing was changed: ${refusalWords(refusals)}.`, { errors });
}
