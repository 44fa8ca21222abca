/**
 * Reading MES: how it stands, when it happens, what came of it.
 */
import { Type } from 'typebox';
import { audit, differences } from '../audit.ts';
import { within } from '../http/deadlines.ts';
import { problem } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterLargeId, closed, Limit, Moment, moment, nullable, page, readPage } from '../schemas.ts';
import * as cycles from '../../db/mes/mes-cycles.ts';
import { MES_CYCLE_STATUSES, MES_LANES, MES_SOURCES, MES_TABLES } from '../../db/schema.ts';

const ANSWER_MS = 10_000;
const COUNT = Type.Integer({ minimum: 0 });
const TableName = Type.Enum(MES_TABLES, {
  type: 'string',
  description: '`carton`: Gps_CartonBoxTwenty_Result; `sheet`: DataRelativeSheet',
});

const MesCycle = closed(
  {
    id: Type.Integer(),
    source: Type.Enum(MES_SOURCES, { type: 'string' }),
    author: Type.String(),
    status: Type.Enum(MES_CYCLE_STATUSES, {
      type: 'string',
      description:
        '`done`; `empty`: MES answered and has no rows; `unreachable`; `refused`: MES may not or cannot be read like this; `mismatch`: the sums do not close, look at it; `abandoned`: ended from outside',
    }),
    words: Type.String({ description: 'what a person should know' }),
    startedAt: Moment,
    finishedAt: nullable(Moment),
    tables: Type.Array(
      closed({
        table: TableName,
        seen: COUNT,
        new: COUNT,
        changed: COUNT,
        unchanged: COUNT,
        rejected: COUNT,
        rejectedBy: Type.Record(Type.String(), COUNT, { description: 'by reason' }),
      }),
      { description: 'seen = new + changed + unchanged + rejected' },
    ),
    links: closed({ temporal: nullable(Type.String()) }),
  },
  { title: 'MesCycle' },
);

const MesSync = closed(
  {
    isConfigured: Type.Boolean({ description: 'false: no process was told where MES is (MES_DATABASE_URL)' }),
    intervalSeconds: Type.Integer(),
    isPaused: Type.Boolean(),
    isRunning: Type.Boolean(),
    nextRunAt: nullable(Moment),
    revision: Type.Integer({ description: 'counts changes; see `If-Match`' }),
    changedAt: Moment,
    changedBy: Type.String(),
    lastCycle: nullable(MesCycle),
    lanes: Type.Array(
      closed({
        table: TableName,
        lane: Type.Enum(MES_LANES, {
          type: 'string',
          description: '`new`: what has come; `review`: the whole table, over and over',
        }),
        position: nullable(Type.String({ description: 'the last row that was read' })),
        passes: Type.Integer({ description: 'how often it reached the end' }),
        updatedAt: Moment,
      }),
    ),
  },
  { title: 'MesSync' },
);

export const mesSyncRoutes = [
  route({
    method: 'get',
    path: '/api/v1/mes/sync',
    id: 'getMesSync',
    tag: 'mes',
    summary: 'How reading MES stands',
    permission: 'shipment:write',
    status: 200,
    response: MesSync,
    problems: ['temporal_unavailable'],
    handle: async (_input, services) => answer(services),
  }),
  route({
    method: 'patch',
    path: '/api/v1/mes/sync',
    id: 'updateMesSync',
    tag: 'mes',
    summary: 'Change how often MES is read, pause or go on',
    description: 'Paused, a cycle that runs is finished and no other begins by itself; `now` still works.',
    permission: 'admin',
    headers: IfMatch,
    body: closed(
      {
        intervalSeconds: Type.Optional(Type.Integer({ minimum: 10, maximum: 86_400 })),
        isPaused: Type.Optional(Type.Boolean()),
      },
      { title: 'MesSyncChange', minProperties: 1, examples: [{ intervalSeconds: 600 }] },
    ),
    status: 200,
    response: MesSync,
    problems: ['edit_conflict', 'temporal_unavailable'],
    handle: async (input, services) => {
      const { intervalSeconds: intervalS, isPaused } = input.body;
      const settings = await services.db.transaction(async (tx) => {
        const before = await cycles.readMesSettings(tx, { lock: true });
        await assertRevision(tx, input, { kind: 'mes-sync', id: 'mes', revision: before.revision });
        const wish = { ...(intervalS !== undefined && { intervalS }), ...(isPaused !== undefined && { isPaused }) };
        const change = differences<{ intervalS: number; isPaused: boolean }>(before, wish);
        if (change === null) return before;
        await audit(tx, input, { kind: 'mes-sync', id: 'mes', ...change });
        return cycles.changeMesSettings(tx, wish, input.caller.name);
      });
      // Stored is stored: a Schedule that cannot be told now is put right within a minute.
      if (services.mes !== null) await within(ANSWER_MS, services.mes.apply(settings));
      return answer(services);
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/mes/sync/now',
    id: 'syncMesNow',
    tag: 'mes',
    summary: 'Read MES now',
    description: 'Begins a cycle, also while the sync is paused. While one runs, nothing else is begun.',
    permission: 'shipment:write',
    status: 202,
    response: closed(
      { started: Type.Boolean({ description: 'false: a cycle is running already' }) },
      { title: 'MesSyncNow' },
    ),
    problems: ['mes_not_configured', 'temporal_unavailable'],
    handle: async (input, { mes, db }) => {
      const outcome = mes === null ? 'missing' : await within(ANSWER_MS, mes.runNow());
      if (outcome === 'missing') {
        throw problem(
          'mes_not_configured',
          'No process was told where MES is. Set MES_DATABASE_URL, or import a CSV export of the tables.',
        );
      }
      await audit(db, input, { kind: 'mes-sync', id: 'mes', after: { now: outcome } });
      return new Answer({ started: outcome === 'started' }, { headers: { Location: '/api/v1/mes/sync' } });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/mes/sync/cycles',
    id: 'listMesCycles',
    tag: 'mes',
    summary: 'Cycles and imports with their sums, newest first',
    permission: 'shipment:write',
    query: closed({
      status: Type.Optional(Type.Enum(MES_CYCLE_STATUSES, { type: 'string' })),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(MesCycle, 'MesCyclePage'),
    handle: async ({ query: { status, limit = 100, after } }, services) => {
      const rows = await cycles.listMesCycles(services.db, { before: after, limit: limit + 1, status });
      const shown = await show(rows, services);
      return readPage(
        limit,
        async () => shown,
        (cycle) => cycle,
        ({ id }) => id,
      );
    },
  }),
];

async function answer(services: Services) {
  const { db, mes } = services;
  const [settings, [last], lanes, state] = await Promise.all([
    cycles.readMesSettings(db),
    cycles.listMesCycles(db, { limit: 1 }).then((rows) => show(rows, services)),
    cycles.listMesCursors(db),
    mes === null ? null : within(ANSWER_MS, mes.state()),
  ]);
  const { intervalS, isPaused, revision, changedAt, changedBy } = settings;
  const body = {
    isConfigured: state !== null,
    intervalSeconds: intervalS,
    isPaused,
    isRunning: state?.runningWorkflowId != null,
    nextRunAt: moment(state?.nextRunAt ?? null),
    revision,
    changedAt: moment(changedAt),
    changedBy,
    lastCycle: last ?? null,
    lanes: lanes.map(({ mesTable, lane, position, passes, updatedAt }) => ({
      table: mesTable,
      lane,
      position: position?.join(' ') ?? null,
      passes,
      updatedAt: moment(updatedAt),
    })),
  };
  return new Answer(body, { headers: etagOf(revision) });
}

async function show(rows: readonly cycles.MesCycleRow[], { db, executions }: Services) {
  const counts = await cycles.readMesCounts(
    db,
    rows.map(({ id }) => id),
  );
  return rows.map(({ id, source, author, status, words, startedAt, finishedAt, workflowId }) => ({
    id,
    source,
    author,
    status,
    words,
    startedAt: moment(startedAt),
    finishedAt: moment(finishedAt),
    tables: counts
      .filter(({ cycleId }) => cycleId === id)
      .map(({ mesTable, seen, new: fresh, changed, unchanged, rejected }) => ({
        table: mesTable,
        seen,
        new: fresh,
        changed,
        unchanged,
        rejected: cycles.sumOf(rejected),
        rejectedBy: rejected,
      })),
    links: { temporal: source === 'sync' ? executions.executionUrl(workflowId) : null },
  }));
}
