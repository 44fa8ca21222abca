import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { text as read } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, type TestDepartment } from './harness.ts';
import { waitFor } from '../support/wait.ts';

let api: TestApi;
let jimi: TestDepartment;
let serial = 0;

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(async () => {
  jimi = await api.department(`jimi ${++serial}`);
});

const sn = (n: number) => (serial * 100_000 + n).toString().padStart(10, '0');
const register = (rows: unknown, key = jimi.key) => api.send('POST', '/api/v1/devices', { key, body: rows });
const csv = (body: string | Buffer, key = jimi.key) =>
  api.send('POST', '/api/v1/devices/import', { key, body, headers: { 'content-type': 'text/csv' } });
const refused = (row: number, code: string, message: string, deviceId: string | null = null) => ({
  row,
  status: 'refused',
  deviceId,
  code,
  message: expect.stringContaining(message),
});
const done = (row: number, status: string, deviceId: string) => ({ row, status, deviceId, code: null, message: null });

describe('registering rows', () => {
  it('answers row by row and closes its sums', async () => {
    const first = await register([
      {
        protocol: 'terminal',
        identity: 'abcdef0123',
        model: 'GV2',
        productionDate: '2025-03-01',
        shipDate: '2025-03-02',
      },
      { protocol: 'terminal', identity: sn(2), imei: null, remark: ' spare ' },
      { protocol: 'ams', identity: '868120145233604' },
    ]);
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      rows: 3,
      created: 3,
      updated: 0,
      unchanged: 0,
      refused: 0,
      resultsLeftOut: 0,
      results: [
        done(1, 'created', 'terminal-ABCDEF0123'),
        done(2, 'created', `terminal-${sn(2)}`),
        done(3, 'created', 'ams-868120145233604'),
      ],
    });
    const again = await register([
      { protocol: 'TERMINAL', identity: 'ABCDEF0123' },
      { protocol: 'terminal', identity: sn(2), model: 'GV3' },
      { protocol: 'ams', identity: '868120145233604', imei: '868120145233604' },
    ]);
    expect(again.body).toEqual({
      rows: 3,
      created: 0,
      updated: 1,
      unchanged: 2,
      refused: 0,
      resultsLeftOut: 0,
      results: [
        done(1, 'unchanged', 'terminal-ABCDEF0123'),
        done(2, 'updated', `terminal-${sn(2)}`),
        done(3, 'unchanged', 'ams-868120145233604'),
      ],
    });
    const kept = await api.send('GET', `/api/v1/devices/terminal-${sn(2)}`, { key: jimi.key });
    expect(kept.body).toMatchObject({ model: 'GV3', remark: 'spare' });
    await api.sql`delete from devices where id in ('terminal-ABCDEF0123', 'ams-868120145233604')`;
  });

  it('refuses each bad row with what to do, and takes the others', async () => {
    const { body } = await register([
      'terminal',
      { protocol: 'pigeon', identity: '1' },
      { identity: sn(3) },
      { protocol: 'terminal', identity: '123' },
      { protocol: 'terminal', identity: 6134441313 },
      { protocol: 'ams', identity: '12345' },
      { protocol: 'terminal', identity: sn(7), imei: '123' },
      { protocol: 'ams', identity: '868120145233605', imei: '868120145233606' },
      { protocol: 'terminal', identity: sn(9), productionDate: '2025-02-30' },
      { protocol: 'terminal', identity: sn(10), productionDate: '2025-03-01', shipDate: '2025-03-01' },
      { protocol: 'terminal', identity: sn(11), colour: 'red' },
      { protocol: 'terminal', identity: sn(12), model: 'x'.repeat(101) },
      { protocol: 'terminal', identity: sn(13), remark: 'a\u0000b' },
      { protocol: 'terminal', identity: sn(14) },
      { protocol: 'terminal', identity: sn(14), model: 'again' },
      { protocol: 'terminal', identity: '1', imei: '1', shipDate: 'soon' },
    ]);
    expect(body.results).toEqual([
      refused(1, 'not_an_object', 'not an object'),
      refused(2, 'protocol_unknown', 'write one of terminal, ams'),
      refused(3, 'protocol_unknown', 'protocol is missing'),
      refused(4, 'identity_wrong', '10, 12 or 16 digits'),
      refused(5, 'not_text', 'text in quotes'),
      refused(6, 'identity_wrong', '15 digits'),
      refused(7, 'imei_wrong', '15 digits'),
      refused(8, 'imei_wrong', 'leave imei empty'),
      refused(9, 'date_wrong', 'YYYY-MM-DD'),
      refused(10, 'dates_wrong', 'later than productionDate'),
      refused(11, 'unknown_field', '"colour"'),
      refused(12, 'too_long', '100 characters'),
      refused(13, 'control_character', 'remove it'),
      done(14, 'created', `terminal-${sn(14)}`),
      refused(15, 'duplicate_row', 'row 14', `terminal-${sn(14)}`),
      refused(16, 'identity_wrong', 'YYYY-MM-DD'),
    ]);
    expect(body).toMatchObject({ rows: 16, created: 1, refused: 15 });
  });

  it('keeps the wall: a device of another department is refused and nothing of it told', async () => {
    const other = await api.department(`other ${serial}`);
    await register([{ protocol: 'terminal', identity: sn(1), imei: `55${sn(1)}123`, model: 'SECRET' }], other.key);
    const { body } = await register([
      { protocol: 'terminal', identity: sn(1), model: 'GV2' },
      { protocol: 'terminal', identity: sn(2), imei: `55${sn(1)}123` },
    ]);
    expect(body.results).toEqual([
      refused(1, 'other_department', 'another department', `terminal-${sn(1)}`),
      refused(2, 'imei_taken', 'another device', `terminal-${sn(2)}`),
    ]);
    expect(JSON.stringify(body)).not.toMatch(/SECRET|other \d/);
    const theirs = await api.send('GET', `/api/v1/devices/terminal-${sn(1)}`, { key: other.key });
    expect(theirs.body.model).toBe('SECRET');
  });

  it('names the own device that has the IMEI already', async () => {
    const imei = `44${sn(1)}123`;
    await register([{ protocol: 'terminal', identity: sn(1), imei }]);
    const { body } = await register([
      { protocol: 'ams', identity: imei },
      { protocol: 'terminal', identity: sn(3), imei },
    ]);
    expect(body.results).toEqual([
      refused(1, 'imei_taken', `terminal-${sn(1)}`, `ams-${imei}`),
      refused(2, 'duplicate_row', 'row 1', `terminal-${sn(3)}`),
    ]);
  });

  it('compares new dates with stored ones', async () => {
    await register([{ protocol: 'terminal', identity: sn(1), productionDate: '2025-03-10' }]);
    const { body } = await register([{ protocol: 'terminal', identity: sn(1), shipDate: '2025-03-10' }]);
    expect(body.results).toEqual([refused(1, 'dates_wrong', 'later', `terminal-${sn(1)}`)]);
  });

  it('registers each device once when several people send the same rows together', async () => {
    const rows = Array.from({ length: 1_500 }, (_, n) => ({ protocol: 'terminal', identity: sn(n) }));
    const answers = await Promise.all([register(rows), register(rows.toReversed()), register(rows)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers.reduce((sum, { body }) => sum + body.created, 0)).toBe(1_500);
    expect(answers.reduce((sum, { body }) => sum + body.unchanged, 0)).toBe(3_000);
  });

  it('takes 1 to 10 000 rows', async () => {
    expect((await register([])).body.code).toBe('validation_failed');
    expect((await register({})).body.code).toBe('validation_failed');
    expect((await register(Array.from({ length: 10_001 }, () => ({})))).body.code).toBe('validation_failed');
  });
});

describe('importing CSV', () => {
  it('takes what spreadsheets write: byte order mark, CR LF, quotes, any order and case of columns', async () => {
    const file = `\ufeffIdentity,PROTOCOL,remark,productionDate\r\n${sn(1)},terminal,"a ""spare"", kept",2025-03-01\r\n\r\n ${sn(2)} ,terminal,,\r\n`;
    const { status, body } = await csv(file);
    expect(status).toBe(200);
    expect(body).toEqual({
      rows: 2,
      created: 2,
      updated: 0,
      unchanged: 0,
      refused: 0,
      resultsLeftOut: 0,
      results: [done(1, 'created', `terminal-${sn(1)}`), done(2, 'created', `terminal-${sn(2)}`)],
    });
    const device = await api.send('GET', `/api/v1/devices/terminal-${sn(1)}`, { key: jimi.key });
    expect(device.body).toMatchObject({ remark: 'a "spare", kept', productionDate: '2025-03-01' });
  });

  it.each([
    ['without a header', () => `terminal,${sn(1)}\n`, 'the column protocol and identity is missing'],
    ['with an unknown column', () => `protocol,identity,colour\nterminal,${sn(1)},red\n`, '"colour" is unknown'],
    [
      'with a column twice',
      () => `protocol,identity,identity\nterminal,${sn(1)},${sn(1)}\n`,
      'identity is there twice',
    ],
    ['with semicolons', () => `protocol;identity\nterminal;${sn(1)}\n`, 'separated by commas'],
    ['with a stray quote', () => `protocol,id"entity\nterminal,${sn(1)}\n`, 'Invalid Opening Quote'],
    ['that is empty', () => '', 'empty'],
    ['that is a spreadsheet', () => Buffer.from([0x50, 0x4b, 3, 4, 0xff, 0xfe, 0, 1]), 'not UTF-8'],
  ])('refuses a file %s and says how it must be', async (_kind, file, words) => {
    const { status, body } = await csv(file());
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'csv_unreadable', detail: expect.stringContaining(words) });
    expect((await api.send('GET', '/api/v1/devices', { key: jimi.key })).body.items).toEqual([]);
  });

  it('goes on after a row with too few or too many fields', async () => {
    const { body } = await csv(
      `protocol,identity\nterminal,${sn(1)}\nterminal\nterminal,${sn(3)},x\nterminal,${sn(4)}\n`,
    );
    expect(body.results).toEqual([
      done(1, 'created', `terminal-${sn(1)}`),
      refused(2, 'wrong_number_of_fields', '1 fields and the header 2'),
      refused(3, 'wrong_number_of_fields', '3 fields'),
      done(4, 'created', `terminal-${sn(4)}`),
    ]);
  });

  it('says where it stopped when a file breaks off inside, and keeps what came before', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`protocol,identity\nterminal,${sn(1)}\nterminal,"${sn(2)}\n`),
      Buffer.from(`terminal,${sn(3)}\n`),
    ]);
    const { status, body } = await csv(bytes);
    expect(status).toBe(200);
    expect(body.results).toEqual([
      done(1, 'created', `terminal-${sn(1)}`),
      refused(2, 'csv_unreadable', 'rows after this were not imported'),
    ]);
  });

  it('says where it stopped at a stray quote', async () => {
    const { status, body } = await csv(`protocol,identity,remark\nterminal,${sn(1)},\nterminal,${sn(2)},6" wide\n`);
    expect(status).toBe(200);
    expect(body.results).toEqual([
      done(1, 'created', `terminal-${sn(1)}`),
      refused(2, 'csv_unreadable', 'rows after this were not imported'),
    ]);
  });

  it('says where it stopped when the file is not UTF-8 further down', async () => {
    const rows = Array.from({ length: 5_000 }, (_, n) => `terminal,${sn(n)},${'x'.repeat(50)}`);
    const { status, body } = await csv(
      Buffer.concat([Buffer.from(['protocol,identity,remark', ...rows, ''].join('\n')), Buffer.from([0xc4, 0xe3])]),
    );
    expect(status).toBe(200);
    expect(body.created).toBeGreaterThan(1_000);
    expect(body.results.at(-1)).toEqual(refused(body.rows, 'csv_unreadable', 'not UTF-8'));
  });

  it('takes many rows in chunks, and naming a device twice anywhere in the file is seen', async () => {
    const rows = Array.from({ length: 2_500 }, (_, n) => `terminal,${sn(n)},GV2`);
    const { body } = await csv(['protocol,identity,model', ...rows, `terminal,${sn(0)},GV3`].join('\n'));
    expect(body).toMatchObject({ rows: 2_501, created: 2_500, refused: 1 });
    expect(body.results.at(-1)).toEqual(refused(2_501, 'duplicate_row', 'row 1', `terminal-${sn(0)}`));
  });

  it('needs its media type and the permission', async () => {
    const path = '/api/v1/devices/import';
    const file = `protocol,identity\nterminal,${sn(1)}\n`;
    expect(
      (await api.send('POST', path, { key: jimi.key, body: file, headers: { 'content-type': 'text/plain' } })).status,
    ).toBe(415);
    const reader = await api.key(jimi.id, 'reader', ['device:read']);
    expect((await csv(file, reader)).status).toBe(403);
  });
});

describe('importing CSV with an answer row by row', () => {
  /** Sends parts of a file one after the other, and reads the answer line by line. */
  const open = async (parts: AsyncIterable<string>, key = jimi.key) => {
    const url = new URL(`${api.url}/api/v1/devices/import`);
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'text/csv', accept: 'application/x-ndjson' };
    const client = request(url, { method: 'POST', headers });
    client.on('error', () => {});
    const sending = pipeline(Readable.from(parts), client).catch(() => {});
    const [response] = (await once(client, 'response')) as [IncomingMessage];
    const lines = createInterface({ input: response })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value as string);
    return { client, response, sending, next };
  };
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => `terminal,${sn(from + n)}\n`).join('');

  it('says of rows what came of them while the rest is still on its way', async () => {
    let goOn = () => {};
    const answered = new Promise<void>((resolve) => void (goOn = resolve));
    const { response, next, sending } = await open(
      (async function* () {
        // the reader of the file looks one record ahead
        yield `protocol,identity\n${rows(0, 999)}terminal,1\n${rows(1_000, 1_001)}`;
        await answered;
        yield rows(1_001, 1_003);
      })(),
    );
    expect(response.headers['content-type']).toBe('application/x-ndjson');
    expect(await next()).toEqual(done(1, 'created', `terminal-${sn(0)}`));
    for (let row = 2; row <= 999; row++) expect((await next()).row).toBe(row);
    expect(await next()).toEqual(refused(1_000, 'identity_wrong', '10, 12 or 16 digits'));
    const [stored] = await api.sql`select count(*)::int as n from devices where department_id = ${jimi.id}`;
    expect(stored!['n']).toBe(999);
    goOn();
    for (const row of [1_001, 1_002, 1_003]) expect(await next()).toMatchObject({ row, status: 'created' });
    expect(await next()).toEqual({ summary: { rows: 1_003, created: 1_002, updated: 0, unchanged: 0, refused: 1 } });
    await sending;
  });

  it('keeps what was written when the upload is cut off, and the audit log says how far it came', async () => {
    const { client, next, sending } = await open(
      (async function* () {
        yield `protocol,identity\n${rows(0, 1_501)}`;
        await new Promise(() => {});
      })(),
    );
    expect((await next()).row).toBe(1);
    client.destroy();
    await sending;
    const line = await waitFor(async () => {
      const [row] = await api.sql`select after from audit_log where department_id = ${jimi.id}`;
      return row;
    });
    expect(line['after']).toMatchObject({ rows: 1_500, created: 1_000, isComplete: false });
    const [stored] = await api.sql`select count(*)::int as n from devices where department_id = ${jimi.id}`;
    expect(stored!['n']).toBe(1_000);
    const again = await csv(`protocol,identity\n${rows(0, 1_500)}`);
    expect(again.body).toMatchObject({ created: 500, unchanged: 1_000 });
  });

  it('does not wait for a client that sends everything before it reads', async () => {
    // far more than fits between the two: if each waited for the other, neither would ever end
    const count = 60_000;
    const { response, sending } = await open(
      (async function* () {
        yield 'protocol,identity\n';
        for (let n = 0; n < count; n += 1_000)
          yield Array.from({ length: 1_000 }, (_, i) => `pigeon,${n + i}${'x'.repeat(400)}\n`).join('');
      })(),
    );
    response.pause();
    await sending;
    const text = await read(response);
    expect(JSON.parse(text.trimEnd().split('\n').at(-1)!)).toEqual({
      summary: { rows: count, created: 0, updated: 0, unchanged: 0, refused: count },
    });
  });

  it('answers a file without a header as a problem', async () => {
    const headers = { 'content-type': 'text/csv', accept: 'application/x-ndjson' };
    const reply = await api.send('POST', '/api/v1/devices/import', { key: jimi.key, body: 'terminal,1\n', headers });
    expect(reply).toMatchObject({ status: 400, body: { code: 'csv_unreadable' } });
  });

  it('says in its last line why it could not go on', async () => {
    const { next, sending } = await open(
      (async function* () {
        yield `protocol,identity\n${rows(0, 1_001)}`;
        await waitFor(async () => (await api.sql`select 1 from devices where department_id = ${jimi.id}`).length > 0);
        await api.sql`create or replace function refuse_insert() returns trigger language plpgsql as $$ begin raise exception 'disk full'; end $$`;
        await api.sql`create trigger full_disk before insert on devices for each statement execute function refuse_insert()`;
        yield rows(1_001, 2_001);
      })(),
    );
    try {
      for (let row = 1; row <= 1_000; row++) expect(await next()).toMatchObject({ row, status: 'created' });
      expect(await next()).toEqual({ problem: expect.objectContaining({ code: 'internal', status: 500 }) });
      await sending;
    } finally {
      await api.sql`drop trigger if exists full_disk on devices`;
    }
  });
});

describe('the JSON answer to a CSV file', () => {
  it('lists refused rows and the first others, and counts the rest', async () => {
    const file = Array.from({ length: 10_500 }, (_, n) => `terminal,${sn(n)}\n`).join('');
    const { body } = await csv(`protocol,identity\n${file}terminal,1\n`);
    expect(body).toMatchObject({ rows: 10_501, created: 10_500, refused: 1, resultsLeftOut: 500 });
    expect(body.results).toHaveLength(10_001);
    expect(body.results.at(-1)).toEqual(refused(10_501, 'identity_wrong', '10, 12 or 16 digits'));
  });
});
