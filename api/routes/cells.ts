/**
 * Cells: registered, imported, listed, changed. Equipment asks about them and puts them into trays (`trays.ts`).
 */
import { Type } from 'typebox';
import { audit, differences } from '../audit.ts';
import { importCellCsv, importCellRows, ImportedCell, type CellProgress } from '../factory/cell-import.ts';
import { notFound, problem, problemBody } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { Answer, route, StreamAnswer, type Services } from '../route.ts';
import { AfterText, Cause, closed, Limit, Moment, momentIn, nullable, page, readPage, text } from '../schemas.ts';
import { Barcode, TrayLogEntry } from '../factory/tray-views.ts';
import { AfterLargeId } from '../schemas.ts';
import * as cells from '../../db/factory/cells.ts';
import { listCellLog } from '../../db/factory/trays.ts';

const Serial = text(128, { minLength: 1 });
const One = closed({ serialNo: Serial });
const Status = Type.Integer({
  minimum: 1,
  maximum: 5,
  description: '1 OK, 2 NG, 4 rework, 5 hold; 3 is not defined and counts as NG',
});
const Cell = closed(
  {
    serialNo: Type.String(),
    status: Status,
    statusBy: Type.String(),
    statusAt: Moment,
    bindCode: Type.String({ description: 'material code / work order' }),
    filledAt: nullable(Moment),
    remark: Type.String(),
    tray: nullable(Type.String()),
    positionNo: nullable(Type.Integer()),
    boundAt: nullable(Moment),
    revision: Type.Integer(),
    createdAt: Moment,
    createdBy: Type.String(),
    updatedAt: Moment,
  },
  { title: 'Cell' },
);
const COUNT = Type.Integer({ minimum: 0 });
const MOST_LISTED = 10_000;
const CellImportResult = closed(
  {
    rows: COUNT,
    created: COUNT,
    updated: COUNT,
    unchanged: COUNT,
    refused: COUNT,
    results: Type.Array(ImportedCell, {
      description: `the first ${MOST_LISTED} refused rows and the first ${MOST_LISTED} others`,
    }),
    resultsLeftOut: COUNT,
  },
  { title: 'CellImportResult' },
);
const NDJSON = 'application/x-ndjson';
const WORDS =
  'Answers row by row: created, updated, unchanged or refused. A bad row never stops the rest, and sending the same rows again is harmless. A field that is absent or blank keeps what is stored. A new cell needs a bindCode, and is OK where no status is given; filledAt without an offset is Beijing time.';

export const cellRoutes = [
  route({
    method: 'get',
    path: '/api/v1/cells',
    id: 'listCells',
    tag: 'equipment',
    summary: 'List cells',
    permission: 'device:read',
    query: closed({
      status: Type.Optional(Status),
      bindCode: Type.Optional(text(128)),
      tray: Type.Optional(Barcode),
      inTray: Type.Optional(Type.Boolean()),
      search: Type.Optional(text(100, { minLength: 1, description: 'part of the serial number' })),
      limit: Limit,
      after: AfterText,
    }),
    status: 200,
    response: page(Cell, 'CellPage'),
    handle: ({ query: { limit, after = '', ...filter }, caller }, { db }) =>
      readPage(
        limit,
        (limit) => cells.listCells(db, caller.departmentId, filter, { after, limit }),
        (row) => row,
        ({ serialNo }) => serialNo,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/cells',
    id: 'registerCells',
    tag: 'equipment',
    summary: 'Register or change cells',
    description: WORDS,
    permission: 'mom:write',
    body: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 10_000 }),
    documentedBody: Type.Array(
      closed({
        serialNo: Serial,
        status: Type.Optional(Type.Union([Status, Type.Enum(['ok', 'ng', 'rework', 'hold'], { type: 'string' })])),
        bindCode: Type.Optional(text(128)),
        filledAt: Type.Optional(Type.String()),
        remark: Type.Optional(text(1_000)),
      }),
      {
        minItems: 1,
        maxItems: 10_000,
        examples: [[{ serialNo: 'YF-KH-A-000001', status: 1, bindCode: 'M1/WO1', filledAt: '2024-04-10 14:16:31' }]],
      },
    ),
    bodyLimit: 8 * 1024 * 1024,
    status: 200,
    response: CellImportResult,
    idempotent: true,
    handle: (input, { db }) => collect(importCellRows(db, input, input.body)),
  }),
  route({
    method: 'post',
    path: '/api/v1/cells/import',
    id: 'importCells',
    tag: 'equipment',
    summary: 'Register or change cells from a CSV file',
    description: `UTF-8, comma-separated; the first line names the columns serialNo, status, bindCode, filledAt, remark. ${WORDS} With \`Accept: ${NDJSON}\` each row is answered as it is written.`,
    permission: 'mom:write',
    consumes: 'text/csv',
    body: Type.String({
      examples: ['serialNo,status,bindCode,filledAt\nYF-KH-A-000001,ok,M1/WO1,2024-04-10 14:16:31\n'],
    }),
    status: 200,
    response: CellImportResult,
    alsoProduces: {
      [NDJSON]: Type.Unsafe<string>({
        type: 'string',
        description: 'one `ImportedCell` a line, then `{"summary": …}`, or `{"problem": …}` if it could not go on',
      }),
    },
    problems: ['csv_unreadable'],
    handle: (input, { db }) => {
      const { request, operation } = input;
      const progress = importCellCsv(db, input, request);
      if (request.accepts(['application/json', NDJSON]) !== NDJSON) return collect(progress);
      return new StreamAnswer(linesOf(progress), {
        type: NDJSON,
        lastWords: (error) => `${JSON.stringify({ problem: problemBody(error, operation.requestId) })}\n`,
      });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/cells/{serialNo}',
    id: 'getCell',
    tag: 'equipment',
    summary: 'One cell',
    permission: 'device:read',
    params: One,
    status: 200,
    response: Cell,
    handle: ({ params, caller }, services) => answer(services, caller.departmentId, params.serialNo),
  }),
  route({
    method: 'get',
    path: '/api/v1/cells/{serialNo}/log',
    id: 'listCellLog',
    tag: 'equipment',
    summary: 'In which trays a cell was, newest first',
    permission: 'device:read',
    params: One,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(TrayLogEntry, 'CellLogPage'),
    handle: async ({ params: { serialNo }, query: { limit, after }, caller }, { db }) => {
      if ((await cells.findCell(db, caller.departmentId, serialNo)) === null) throw notFound('cell', serialNo);
      return readPage(
        limit,
        (limit) => listCellLog(db, caller.departmentId, serialNo, { before: after, limit }),
        (row) => ({ ...row, cells: row.cells.filter((cell) => cell.serialNo === serialNo) }),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/cells/{serialNo}',
    id: 'updateCell',
    tag: 'equipment',
    summary: 'Change a cell',
    description: 'The bind code of a cell in a tray stays: take the cell out first.',
    permission: 'mom:write',
    params: One,
    headers: IfMatch,
    body: closed(
      {
        status: Type.Optional(Status),
        bindCode: Type.Optional(text(128, { minLength: 1 })),
        filledAt: Type.Optional(nullable(Moment)),
        remark: Type.Optional(text(1_000)),
        cause: Cause,
      },
      { title: 'CellChange', minProperties: 1, examples: [{ status: 2, cause: 'leak found by hand' }] },
    ),
    status: 200,
    response: Cell,
    problems: ['edit_conflict', 'cell_in_tray'],
    atomic: true,
    handle: async (input, services) => {
      const { db } = services;
      const { caller, params } = input;
      const { cause, filledAt, ...rest } = input.body;
      const before = await cells.findCell(db, caller.departmentId, params.serialNo, { lock: true });
      if (before === null) throw notFound('cell', params.serialNo);
      await assertRevision(db, input, { kind: 'cell', id: before.serialNo, revision: before.revision });
      const wish: cells.CellChange = {
        ...rest,
        ...(filledAt !== undefined && { filledAt: filledAt === null ? null : momentIn(filledAt).toISOString() }),
      };
      const change = differences<Required<cells.CellChange>>(before, wish);
      if (change !== null && wish.bindCode !== undefined && wish.bindCode !== before.bindCode && before.tray !== null) {
        throw inTray(before, 'its bind code cannot change');
      }
      if (change !== null) {
        await cells.changeCell(db, caller.departmentId, before.serialNo, wish, caller.name);
        await audit(db, input, {
          kind: 'cell',
          id: before.serialNo,
          before: change.before,
          after: { ...change.after, ...(cause !== undefined && { cause }) },
        });
      }
      return answer(services, caller.departmentId, before.serialNo);
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/cells/{serialNo}',
    id: 'deleteCell',
    tag: 'equipment',
    summary: 'Delete a cell that is in no tray',
    permission: 'mom:write',
    params: One,
    headers: IfMatch,
    status: 204,
    response: Type.Null(),
    problems: ['edit_conflict', 'cell_in_tray'],
    atomic: true,
    handle: async (input, { db }) => {
      const { caller, params } = input;
      const before = await cells.findCell(db, caller.departmentId, params.serialNo, { lock: true });
      if (before === null) throw notFound('cell', params.serialNo);
      await assertRevision(db, input, { kind: 'cell', id: before.serialNo, revision: before.revision });
      if (!(await cells.deleteCell(db, caller.departmentId, before.serialNo)))
        throw inTray(before, 'it cannot be deleted');
      await audit(db, input, { kind: 'cell', id: before.serialNo, before });
      return null;
    },
  }),
];

async function answer({ db }: Services, departmentId: number, serialNo: string) {
  const row = await cells.findCell(db, departmentId, serialNo);
  if (row === null) throw notFound('cell', serialNo);
  return new Answer(row, { headers: etagOf(row.revision) });
}

function inTray({ serialNo, tray, positionNo }: cells.CellRow, what: string) {
  return problem(
    'cell_in_tray',
    `The cell ${serialNo} is in tray ${tray}, position ${positionNo}: ${what} before it is taken out.`,
  );
}

async function collect(progress: AsyncIterable<CellProgress>) {
  const results: ImportedCell[] = [];
  let counts = { rows: 0, created: 0, updated: 0, unchanged: 0, refused: 0 };
  let [refused, others] = [0, 0];
  for await (const part of progress) {
    for (const result of part.results) {
      if ((result.status === 'refused' ? refused++ : others++) < MOST_LISTED) results.push(result);
    }
    ({ counts } = part);
  }
  return { ...counts, results, resultsLeftOut: counts.rows - results.length };
}

async function* linesOf(progress: AsyncIterable<CellProgress>): AsyncGenerator<string> {
  let summary: CellProgress['counts'] | null = null;
  for await (const { results, counts } of progress) {
    summary = counts;
    yield results.map((result) => `${JSON.stringify(result)}\n`).join('');
  }
  yield `${JSON.stringify({ summary })}\n`;
}
