/**
 * Rows of MES from files, where MES cannot be reached.
 */
import { Type } from 'typebox';
import { within } from '../http/deadlines.ts';
import { importMesCsv, MesImportedRow, type MesImportProgress } from '../shipments/mes-import.ts';
import { problem, problemBody } from '../problems.ts';
import { route, StreamAnswer } from '../route.ts';
import { closed } from '../schemas.ts';
import { MES_TABLES } from '../../db/schema.ts';

const ANSWER_MS = 10_000;
const NDJSON = 'application/x-ndjson';
const COUNT = Type.Integer({ minimum: 0 });
const TableName = Type.Enum(MES_TABLES, {
  type: 'string',
  description: '`carton`: Gps_CartonBoxTwenty_Result; `sheet`: DataRelativeSheet',
});

const ImportResult = closed(
  {
    cycle: Type.Integer(),
    rows: COUNT,
    new: COUNT,
    changed: COUNT,
    unchanged: COUNT,
    rejected: COUNT,
    words: Type.String({ description: 'empty, or what was wrong with the file' }),
    results: Type.Array(MesImportedRow, { description: 'the first 10 000 rejected rows and the first 10 000 others' }),
    resultsLeftOut: COUNT,
  },
  { title: 'MesImportResult' },
);
const MOST_RESULTS = 10_000;

export const mesImportRoutes = [
  route({
    method: 'post',
    path: '/api/v1/mes/import/{table}',
    id: 'importMes',
    tag: 'mes',
    summary: 'Take rows of MES from a CSV file',
    description:
      `An export of one of the two tables: UTF-8, comma-separated, the first line names MES's columns; others are passed over, missing ones are empty, \`\\N\` and \`NULL\` are nothing. ` +
      `Sending the same file again is harmless. Refused while MES itself is read: then its rows come from there. With \`Accept: ${NDJSON}\` each row is answered as it is stored.`,
    permission: 'shipment:write',
    params: closed({ table: TableName }),
    consumes: 'text/csv',
    body: Type.String({
      examples: [
        'Id,BoxNo,IMEI,ZhiDan,SoftModel,CompanyName,TestTime\n1,B-001,860000000000001,CPX01904013A3,GV2,某某公司,2024-05-06 07:08:09\n',
      ],
    }),
    status: 200,
    response: ImportResult,
    alsoProduces: {
      [NDJSON]: Type.Unsafe<string>({
        type: 'string',
        description: 'one `MesImportedRow` a line, then `{"summary": …}`, or `{"problem": …}` if it could not go on',
      }),
    },
    problems: ['csv_unreadable', 'mes_is_read'],
    handle: async (input, { db, mes }) => {
      const { request, operation, params } = input;
      const state = mes === null ? null : await within(ANSWER_MS, mes.state());
      if (state !== null && !state.isPaused) {
        throw problem(
          'mes_is_read',
          'Rows come from MES itself, and a file would be overwritten by it. Pause the sync first if the file must be taken.',
        );
      }
      const progress = importMesCsv(db, input, params.table, request);
      if (request.accepts(['application/json', NDJSON]) !== NDJSON) return collect(progress);
      return new StreamAnswer(linesOf(progress), {
        type: NDJSON,
        lastWords: (error) => `${JSON.stringify({ problem: problemBody(error, operation.requestId) })}\n`,
      });
    },
  }),
];

async function collect(progress: AsyncIterable<MesImportProgress>) {
  const results: MesImportedRow[] = [];
  let [rejected, others] = [0, 0];
  for await (const part of progress) {
    if ('end' in part) {
      const { cycleId: cycle, seen: rows, new: fresh, changed, words } = part.end;
      const unchanged = rows - fresh - changed - part.end.rejected;
      return {
        cycle,
        rows,
        new: fresh,
        changed,
        unchanged,
        rejected: part.end.rejected,
        words,
        results,
        resultsLeftOut: rows - results.length,
      };
    }
    for (const result of part.results) {
      if ((result.status === 'rejected' ? rejected++ : others++) < MOST_RESULTS) results.push(result);
    }
  }
  throw new Error('an import has no end');
}

async function* linesOf(progress: AsyncIterable<MesImportProgress>): AsyncGenerator<string> {
  for await (const part of progress) {
    if ('end' in part) yield `${JSON.stringify({ summary: part.end })}\n`;
    else yield part.results.map((result) => `${JSON.stringify(result)}\n`).join('');
  }
}
