/**
 * Registering devices: rows as JSON or a CSV file, answered row by row.
 */
import { Type, type Static } from 'typebox';
import { ImportedRow, importCsv, importRows, type ImportProgress } from '../devices/device-import.ts';
import { MAX_POWER_KW } from '../devices/device-protocols.ts';
import { ProtocolName } from '../devices/device-views.ts';
import { problemBody } from '../problems.ts';
import { route, StreamAnswer } from '../route.ts';
import { closed, Day, nullable } from '../schemas.ts';

const DeviceRow = closed(
  {
    protocol: ProtocolName,
    identity: Type.String({
      description:
        'terminal: SN of 10, 12 or 16 hex digits; ams, pcp: IMEI of 15 digits; pile: pile number of 14 digits',
    }),
    imei: Type.Optional(nullable(Type.String({ description: '15 digits' }))),
    model: Type.Optional(nullable(Type.String({ maxLength: 100, description: 'of a pile: DC or AC, required' }))),
    powerKw: Type.Optional(
      nullable(
        Type.Integer({ minimum: 1, maximum: MAX_POWER_KW, description: 'of a pile, required; of no other device' }),
      ),
    ),
    productionDate: Type.Optional(nullable(Day)),
    shipDate: Type.Optional(nullable(Type.String({ format: 'date', description: 'later than productionDate' }))),
    orderNo: Type.Optional(nullable(Type.String({ maxLength: 100 }))),
    remark: Type.Optional(nullable(Type.String({ maxLength: 1_000 }))),
  },
  { title: 'DeviceRow' },
);

/** In one JSON answer; a stream has all. */
const MOST_REFUSED = 10_000;
const MOST_OTHERS = 10_000;

const COUNT = Type.Integer({ minimum: 0 });
const COUNTS = { rows: COUNT, created: COUNT, updated: COUNT, unchanged: COUNT, refused: COUNT };
const ImportResult = closed(
  {
    ...COUNTS,
    results: Type.Array(ImportedRow, {
      description: `the first ${MOST_REFUSED} refused rows and the first ${MOST_OTHERS} others, in order`,
    }),
    resultsLeftOut: Type.Integer({ minimum: 0, description: 'rows that are counted and not listed' }),
  },
  { title: 'ImportResult' },
);
type ImportResult = Static<typeof ImportResult>;

const NDJSON = 'application/x-ndjson';
const Lines = Type.Unsafe<string>({
  type: 'string',
  description:
    'one JSON object a line: an `ImportedRow` for each row as soon as it is written, then `{"summary": {rows, created, updated, unchanged, refused}}`, or `{"problem": …}` if it could not go on. A stream without either was cut off.',
});

const IMPORT_WORDS =
  'Answers row by row: created, updated, unchanged or refused, with what to do. A bad row never stops the rest, and sending the same rows again is harmless. ' +
  'A field that is absent or blank keeps what is stored; PATCH clears. Trackers (ams) and PCP devices (pcp) are named by their IMEI, charging piles by their number, with model and powerKw.';

export const deviceRegistrationRoutes = [
  route({
    method: 'post',
    path: '/api/v1/devices',
    id: 'registerDevices',
    tag: 'devices',
    summary: 'Register devices',
    description: IMPORT_WORDS,
    permission: 'device:write',
    body: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 10_000 }),
    documentedBody: Type.Array(DeviceRow, {
      minItems: 1,
      maxItems: 10_000,
      examples: [
        [
          {
            protocol: 'terminal',
            identity: '6134441313',
            model: 'GV2',
            productionDate: '2025-03-01',
            shipDate: '2025-03-15',
            orderNo: 'SO-2025-0017',
          },
          { protocol: 'pcp', identity: '868120145233604' },
          { protocol: 'pile', identity: '55031412782305', model: 'DC', powerKw: 120 },
        ],
      ],
    }),
    bodyLimit: 8 * 1024 * 1024,
    status: 200,
    response: ImportResult,
    idempotent: true,
    handle: (input, { db }) => collect(importRows(db, input, input.body)),
  }),
  route({
    method: 'post',
    path: '/api/v1/devices/import',
    id: 'importDevices',
    tag: 'devices',
    summary: 'Register devices from a CSV file',
    description: `UTF-8, comma-separated, at most 200 000 rows; the first line names the columns. ${IMPORT_WORDS} With \`Accept: ${NDJSON}\` each row is answered as it is written. An upload that is cut off keeps what was written before.`,
    permission: 'device:write',
    consumes: 'text/csv',
    body: Type.String({
      examples: [
        'protocol,identity,imei,model,powerKw,productionDate,shipDate,orderNo,remark\nterminal,6134441313,,GV2,,2025-03-01,2025-03-15,SO-2025-0017,\npile,55031412782305,,DC,120,,,,\n',
      ],
    }),
    status: 200,
    response: ImportResult,
    alsoProduces: { [NDJSON]: Lines },
    problems: ['csv_unreadable'],
    handle: (input, { db }) => {
      const { request, operation } = input;
      const progress = importCsv(db, input, request);
      if (request.accepts(['application/json', NDJSON]) !== NDJSON) return collect(progress);
      return new StreamAnswer(linesOf(progress), {
        type: NDJSON,
        lastWords: (error) => `${JSON.stringify({ problem: problemBody(error, operation.requestId) })}\n`,
      });
    },
  }),
];

async function collect(progress: AsyncIterable<ImportProgress>): Promise<ImportResult> {
  const results: ImportedRow[] = [];
  let counts = { rows: 0, created: 0, updated: 0, unchanged: 0, refused: 0 };
  let [refused, others] = [0, 0];
  for await (const part of progress) {
    for (const result of part.results) {
      const isListed = result.status === 'refused' ? refused++ < MOST_REFUSED : others++ < MOST_OTHERS;
      if (isListed) results.push(result);
    }
    ({ counts } = part);
  }
  return { ...counts, results, resultsLeftOut: counts.rows - results.length };
}

async function* linesOf(progress: AsyncIterable<ImportProgress>): AsyncGenerator<string> {
  let summary: ImportProgress['counts'] | null = null;
  for await (const { results, counts } of progress) {
    summary = counts;
    yield results.map((result) => `${JSON.stringify(result)}\n`).join('');
  }
  yield `${JSON.stringify({ summary })}\n`;
}
