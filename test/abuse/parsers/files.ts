/** Files that people send: CSV of devices and of MES, and the form with a firmware file. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Request } from 'express';
import { isCsvError, readHeader, recordsOf } from '../../../api/http/csv-rows.ts';
import { DEVICE_COLUMNS, readDeviceRow, REQUIRED_COLUMNS } from '../../../api/devices/device-rows.ts';
import { Problem } from '../../../api/problems.ts';
import { readUpload, type Upload } from '../../../api/http/uploads.ts';
import { batchOf } from '../../../gateways/mes/batches.ts';
import { MES_REJECTIONS } from '../../../gateways/mes/rows.ts';
import { MES_SHAPES } from '../../../gateways/mes/tables.ts';
import { isDeepStrictEqual } from 'node:util';
import { demand, repeated, type Parser } from '../fuzz/parser.ts';

const HEADER = 'protocol,identity,imei,model,powerKw,productionDate,shipDate,orderNo,remark\r\n';
const CSV_TOKENS = [
  ',',
  '"',
  '""',
  '\r\n',
  '\n',
  '\r',
  ';',
  '\ufeff',
  '\\N',
  'NULL',
  ' ',
  '\t',
  '\0',
  '，',
  Buffer.of(0xff),
  Buffer.of(0xc3),
];
/** Longer ones are read once: what is wanted is their time. */
const LONG_BYTES = 16_384;
const CODE = /^[a-z_]{3,40}$/;

/** The records of a file that comes in these pieces, and the code of what ended it early. */
async function readRecords(pieces: readonly Buffer[]): Promise<{ records: string[][]; code: string | null }> {
  const records: string[][] = [];
  try {
    for await (const record of recordsOf(Readable.from(pieces, { objectMode: true }))) records.push(record);
    return { records, code: null };
  } catch (error) {
    if (!isCsvError(error)) throw error;
    return { records, code: String((error as Error & { code?: unknown }).code) };
  }
}

async function sameRecords(input: Buffer): Promise<{ records: string[][]; code: string | null }> {
  const whole = await readRecords([input]);
  demand(
    whole.records.every(({ length }) => length <= 1_000),
    'a row has thousands of cells',
  );
  if (input.length > LONG_BYTES) return whole;
  for (const at of [1, input.length >> 1, input.length - 1]) {
    if (at <= 0 || at >= input.length) continue;
    const cut = await readRecords([input.subarray(0, at), input.subarray(at)]);
    demand((cut.code === null) === (whole.code === null), `cut at byte ${at} it ends in another way`);
    // How much is given out before an error depends on the pieces, but not what.
    const both = whole.code === null ? Infinity : Math.min(cut.records.length, whole.records.length);
    const isSame = isDeepStrictEqual(cut.records.slice(0, both), whole.records.slice(0, both));
    demand(isSame, `cut at byte ${at} it has other records`);
  }
  return whole;
}

const longFiles = (header: string): Parser['long'] => ({
  'many lines': (bytes) => repeated('terminal,6134441313\r\n', bytes, header),
  'many commas': (bytes) => repeated(',', bytes, header),
  'a quote without an end': (bytes) => repeated('x', bytes, `${header}"`),
  'many quotes': (bytes) => repeated('"', bytes, header),
  'many empty lines': (bytes) => repeated('\r\n', bytes, header),
  'many blanks': (bytes) => repeated(' ', bytes, header, 'x'),
  'blanks in rows': (bytes) => repeated(`${' '.repeat(4_000)}x,${' '.repeat(4_000)}\n`, bytes, header),
});

export const devicesCsv: Parser = {
  name: 'csv-devices',
  maxBytes: 1_500,
  tokens: [
    ...CSV_TOKENS,
    'protocol,identity',
    'terminal',
    'ams',
    'pcp',
    'pile',
    '6134441313',
    '863412345678901',
    'DC',
    '2025-03-31',
    '2025-02-30',
    '=1+1',
  ],
  seeds: () =>
    [
      `${HEADER}terminal,6134441313,,GV2,,2025-01-01,2025-01-02,SO-1,"a, b"\r\nams,863412345678901,,GT06,,,,,\r\n`,
      `\ufeffIdentity,Protocol\n55031412782305,pile\n`,
      `${HEADER}pile,55031412782305,,dc,15,,,,\n\npcp,863412345678901,863412345678901,NB1,,2025-01-02,2025-01-01,,\n`,
      'protocol,identity\n"terminal,6134441313\n',
    ].map((text) => Buffer.from(text)),
  async read(input) {
    const file = await sameRecords(input);
    const [first, ...rows] = file.records;
    let names: string[] = [];
    try {
      names = first === undefined ? [] : readHeader(first, { known: DEVICE_COLUMNS, needed: REQUIRED_COLUMNS });
    } catch (error) {
      demand(error instanceof Problem && error.code === 'csv_unreadable', `a header ends in ${String(error)}`);
      return { file, refused: error.message };
    }
    const read = rows.map((cells) => {
      const row = readDeviceRow(Object.fromEntries(names.map((name, index) => [name, cells[index] ?? null])));
      if ('refusals' in row)
        demand(
          row.refusals.length > 0 && row.refusals.every(({ code }) => CODE.test(code)),
          'a refusal without a name',
        );
      // PostgreSQL keeps no NUL and no half characters
      else demand(!/\0|\p{Surrogate}/u.test(JSON.stringify(row.registration)), 'a row holds what a database refuses');
      return row;
    });
    return { file, read };
  },
  long: longFiles(HEADER),
};

const CARTON = MES_SHAPES.carton.columns.map(({ mes }) => mes).join(',');

export const mesCsv: Parser = {
  name: 'csv-mes',
  maxBytes: 1_500,
  tokens: [
    ...CSV_TOKENS,
    '863412345678901',
    '2024-01-01 10:00:00',
    '2024/1/1 1:02',
    '0000-00-00 00:00:00',
    '1',
    '007',
    'Id',
  ],
  seeds: () =>
    [
      `${CARTON}\r\n1,B1,863412345678901,SO-1,GT06,V1,P,black,20,1.5,2024-01-01,T,C,7,2024-01-01 10:00:00,,,,,,PC1\r\n`,
      `x\n863412345678901,SN1,,,,,,,,,,,SO-1,2024-01-01 10:00:00\n863412345678901,SN2,,,,,,,,,,,SO-1,2023-01-01 10:00:00\n`,
      `x\n\\N,NULL\n2,B,863412345678902\n2,B,863412345678902\n`,
    ].map((text) => Buffer.from(text)),
  async read(input) {
    const file = await sameRecords(input);
    const batches = (['carton', 'sheet'] as const).map((table) => {
      const raws = file.records.slice(1);
      const batch = batchOf(table, raws);
      demand(
        batch.reads.length === raws.length && batch.rows.length + batch.rejected.length === raws.length,
        'rows get lost',
      );
      demand(
        batch.rejected.every(({ reason }) => MES_REJECTIONS.includes(reason)),
        'a rejection without a name',
      );
      demand(new Set(batch.rows.map(({ key }) => key)).size === batch.rows.length, 'a key is there twice');
      demand(!/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(batch.rows)), 'a row holds what a database refuses');
      return { rows: batch.rows, rejected: batch.rejected };
    });
    return { file, batches };
  },
  long: longFiles(`${CARTON}\n`),
};

const BOUNDARY = '----x';
const part = (head: string, body: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`;
const END = `--${BOUNDARY}--\r\n`;
const KEPT = 600;
const MOST = 1_000;

/** The first line is the content type, the rest the body. */
export const multipart: Parser = {
  name: 'multipart',
  maxBytes: 2_000,
  tokens: [
    `--${BOUNDARY}`, '--', '\r\n', '\r', '\n', 'Content-Disposition: form-data; name="', 'filename="', "filename*=utf-8''%ff", 'Content-Type: text/plain; charset=utf-16le',
    'Content-Transfer-Encoding: base64', '"', ';', ':', '=', '%', '\0', 'boundary=', 'boundary=""', 'multipart/form-data', 'a'.repeat(120), 'name="version"',
  ], // prettier-ignore
  seeds: () => {
    const type = `multipart/form-data; boundary=${BOUNDARY}\n`;
    return [
      `${type}${part('name="protocol"', 'terminal')}${part('name="file"; filename="V11.bin"\r\nContent-Type: application/octet-stream', 'bytes')}${END}`,
      `${type}${part('name="currentVersions"', '10\r\n11')}${part('name="currentVersions"', '12')}${END}`,
      `${type}${part('name="file"; filename="a"', 'x'.repeat(900))}${part('name="file"; filename="b"', 'y')}${END}`,
      `${type}${part('name="file"; filename*=utf-8\'\'%e4%b8%ad.bin', 'x'.repeat(1_200))}${END}`,
      `${type}${part('name="file"; filename="a"', 'cut').slice(0, -4)}`,
      'application/json\n{}',
      'multipart/form-data\n',
    ].map((text) => Buffer.from(text));
  },
  async read(input) {
    const end = input.indexOf(0x0a);
    // Node refuses header values with control characters before anything is read of them.
    // oxlint-disable-next-line no-control-regex -- exactly these
    const type = input.toString('latin1', 0, Math.max(end, 0)).replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f]/g, '');
    const body = input.subarray(end + 1);
    const whole = await readForm(type, [body]);
    const cut = await readForm(type, [body.subarray(0, body.length >> 1), body.subarray(body.length >> 1)]);
    demand('code' in cut === 'code' in whole, 'cut in two it ends in another way');
    if (!('code' in whole)) demand(isDeepStrictEqual(cut, whole), 'cut in two it holds something else');
    return whole;
  },
  long: {
    'one field': (bytes) =>
      repeated(
        'x',
        bytes,
        `multipart/form-data; boundary=${BOUNDARY}\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n\r\n`,
      ),
    'a head without an end': (bytes) =>
      repeated('x-y: z\r\n', bytes, `multipart/form-data; boundary=${BOUNDARY}\n--${BOUNDARY}\r\n`),
    'almost the boundary': (bytes) =>
      repeated(
        '\r\n----',
        bytes,
        `multipart/form-data; boundary=${BOUNDARY}\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n`,
      ),
    'many parts': (bytes) => repeated(part('name="a"', 'b'), bytes, `multipart/form-data; boundary=${BOUNDARY}\n`),
    'a long type': (bytes) => repeated('; a="\\', Math.min(bytes, 16_384), 'multipart/form-data', '\n'),
  },
};

async function readForm(type: string, pieces: readonly Buffer[]): Promise<Upload | { code: string }> {
  const request = Object.assign(
    Readable.from(
      pieces.filter(({ length }) => length > 0),
      { objectMode: false },
    ),
    {
      headers: { 'content-type': type },
    },
  );
  let upload: Upload;
  try {
    upload = await readUpload(request as unknown as Request, { keepBytes: () => KEPT, maxBytes: MOST });
  } catch (error) {
    demand(error instanceof Problem, `a form ends in ${String(error)}`);
    const known = ['body_too_large', 'body_unreadable', 'media_type_not_supported'];
    demand(known.includes(error.code), `a refusal of another kind: ${error.code}`);
    return { code: error.code };
  }
  const { file } = upload;
  if (file !== null) {
    demand(file.sizeBytes <= MOST, `a file of ${file.sizeBytes} bytes is taken`);
    demand((file.bytes === null) === file.sizeBytes > KEPT, 'more is kept than may be');
    const isSame = file.bytes === null || createHash('md5').update(file.bytes).digest('hex') === file.md5;
    demand(isSame, 'the hash is of something else');
  }
  demand(upload.fields.size <= 30, 'too many fields are taken');
  return upload;
}
