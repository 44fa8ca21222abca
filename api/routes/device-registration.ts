/**
 * Registering devices: rows as JSON or a CSV file, answered row by row.
 */
import { Type } from 'typebox';
import { ImportResult, importCsv, importRows } from '../device-import.ts';
import { ProtocolName } from '../device-views.ts';
import { route } from '../route.ts';
import { closed, Day, nullable } from '../schemas.ts';

const DeviceRow = closed(
  {
    protocol: ProtocolName,
    identity: Type.String({ description: 'terminal: SN of 10, 12 or 16 hex digits; ams: IMEI of 15 digits' }),
    imei: Type.Optional(nullable(Type.String({ description: '15 digits' }))),
    model: Type.Optional(nullable(Type.String({ maxLength: 100 }))),
    productionDate: Type.Optional(nullable(Day)),
    shipDate: Type.Optional(nullable(Type.String({ format: 'date', description: 'later than productionDate' }))),
    remark: Type.Optional(nullable(Type.String({ maxLength: 1_000 }))),
  },
  { title: 'DeviceRow' },
);

const IMPORT_WORDS =
  'Answers row by row: created, updated, unchanged or refused, with what to do. A bad row never stops the rest, and sending the same rows again is harmless. ' +
  'A field that is absent or blank keeps what is stored; PATCH clears. Trackers (ams) are named by their IMEI.';

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
          },
        ],
      ],
    }),
    bodyLimit: 8 * 1024 * 1024,
    status: 200,
    response: ImportResult,
    handle: ({ body, caller }, { db }) => importRows(db, caller, body),
  }),
  route({
    method: 'post',
    path: '/api/v1/devices/import',
    id: 'importDevices',
    tag: 'devices',
    summary: 'Register devices from a CSV file',
    description: `UTF-8, comma-separated, at most 200 000 rows; the first line names the columns. ${IMPORT_WORDS}`,
    permission: 'device:write',
    consumes: 'text/csv',
    body: Type.String({
      examples: [
        'protocol,identity,imei,model,productionDate,shipDate,remark\nterminal,6134441313,,GV2,2025-03-01,2025-03-15,\n',
      ],
    }),
    status: 200,
    response: ImportResult,
    problems: ['csv_unreadable'],
    handle: ({ request, caller }, { db }) => importCsv(db, caller, request),
  }),
];
