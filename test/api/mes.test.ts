/** The list of MES devices, files of MES rows, and what the API says of the sync. No MySQL is needed. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MesScheduleState, MesScheduling } from '../../api/executions/mes-schedule.ts';
import { COMPANIES, imeiOf, mesDevice } from '../support/mes-rows.ts';
import { TestApi, type TestDepartment } from './harness.ts';

class FakeSchedule implements MesScheduling {
  now: MesScheduleState | null = null;
  started = 0;
  state = async () => this.now;
  apply = async (wish: { intervalS: number; isPaused: boolean }) => {
    if (this.now === null) return false;
    Object.assign(this.now, wish);
    return true;
  };
  runNow = async () => {
    if (this.now === null) return 'missing' as const;
    if (this.now.runningWorkflowId !== null) return 'running' as const;
    this.started += 1;
    return 'started' as const;
  };
}

let api: TestApi;
let schedule: FakeSchedule;
let clerk: TestDepartment;
let other: TestDepartment;

beforeAll(async () => {
  schedule = new FakeSchedule();
  api = await TestApi.start({ mes: schedule });
  clerk = await api.department('clerks');
  other = await api.department('others');
});
afterAll(() => api.stop());
beforeEach(() => {
  schedule.now = null;
});

type Row = Record<string, string | number | null>;
const csvOf = (rows: readonly Row[]) => {
  const names = Object.keys(rows[0]!);
  return [names, ...rows.map((row) => names.map((name) => row[name] ?? '\\N'))]
    .map((cells) => cells.join(','))
    .join('\n');
};
const upload = (table: string, body: string, headers: Record<string, string> = {}) =>
  api.send('POST', `/api/v1/mes/import/${table}`, {
    key: clerk.key,
    body,
    headers: { 'content-type': 'text/csv', ...headers },
  });
const get = (path: string, key = clerk.key) => api.send('GET', `/api/v1/mes/${path}`, { key });
const imeis = async (query: string) =>
  (await get(`devices?${query}`)).body.items.map(({ imei }: { imei: string }) => imei);

async function fill(from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  await upload('carton', csvOf(numbers.map((n) => ({ Id: n + 1, ...mesDevice(n).carton }))));
  await upload('sheet', csvOf(numbers.map((n) => mesDevice(n).sheet)));
}

describe('a file of MES rows', () => {
  it('is answered row by row, has a report, and may be sent again', async () => {
    const rows = [1, 2, 3].map((n) => ({ Id: n + 900_000, ...mesDevice(n).carton, ZhiDan: 'FILE' }));
    const first = await upload(
      'carton',
      csvOf([...rows, { ...rows[0]!, Id: 900_009, IMEI: null }, { ...rows[0]!, Id: 900_010, TestTime: 'noon' }]),
    );
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      rows: 5,
      new: 3,
      changed: 0,
      unchanged: 0,
      rejected: 2,
      resultsLeftOut: 0,
      words: '',
    });
    expect(first.body.results.map(({ status, code }: Row) => [status, code])).toEqual([
      ['new', null],
      ['new', null],
      ['new', null],
      ['rejected', 'imei_missing'],
      ['rejected', 'time_unreadable'],
    ]);
    const second = await upload('carton', csvOf([rows[0]!, { ...rows[1]!, Color: 'red' }]));
    expect(second.body).toMatchObject({ rows: 2, new: 0, changed: 1, unchanged: 1, rejected: 0 });
    const { body } = await get('sync/cycles?limit=2');
    expect(body.items[0]).toMatchObject({
      id: second.body.cycle,
      source: 'import',
      status: 'done',
      author: clerk.operator,
    });
    expect(body.items[1].tables[0]).toMatchObject({
      seen: 5,
      new: 3,
      rejected: 2,
      rejectedBy: { imei_missing: 1, time_unreadable: 1 },
    });
    const changes = await get(`changes?imei=${imeiOf(2)}`);
    expect(changes.body.items).toMatchObject([
      { table: 'carton', differences: [{ column: 'color', old: '黑', new: 'red' }] },
    ]);
    expect((await get('rejected')).body.items).toContainEqual(
      expect.objectContaining({ table: 'carton', key: '900010', reason: 'time_unreadable' }),
    );
  });

  it('can be followed line by line', async () => {
    const response = await fetch(`${api.url}/api/v1/mes/import/sheet`, {
      method: 'POST',
      headers: { authorization: `Bearer ${clerk.key}`, 'content-type': 'text/csv', accept: 'application/x-ndjson' },
      body: csvOf([mesDevice(50).sheet]),
    });
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toMatchObject([{ row: 1, status: 'new', key: imeiOf(50) }, { summary: { status: 'done', new: 1 } }]);
  });

  it('is refused as a whole when its columns are not MES’s, and as far as it cannot be read', async () => {
    expect((await upload('carton', 'a,b\n1,2\n')).body).toMatchObject({ code: 'csv_unreadable' });
    expect((await upload('carton', '')).body).toMatchObject({ code: 'csv_unreadable' });
    const cut = await upload('carton', `Id,IMEI\n900100,1\n900101\n900102,"2`);
    expect(cut.body).toMatchObject({ new: 1, rejected: 1 });
    expect(cut.body.results[1]).toMatchObject({ code: 'wrong_number_of_fields' });
    expect(cut.body.words).toContain('cannot be read from row 3 on');
  });

  it('is refused while MES itself is read', async () => {
    schedule.now = { intervalS: 300, isPaused: false, nextRunAt: null, runningWorkflowId: null };
    expect((await upload('carton', 'Id,IMEI\n1,1\n')).body).toMatchObject({ code: 'mes_is_read' });
    schedule.now.isPaused = true;
    expect((await upload('carton', 'Id,IMEI\n900200,1\n')).status).toBe(200);
  });

  it('cannot be written around: the copies refuse everybody else', async () => {
    await fill(60, 61);
    for (const table of ['mes_cartons', 'mes_sheets']) {
      for (const change of [`update ${table} set zhidan = 'x'`, `delete from ${table}`, `truncate ${table}`]) {
        await expect(api.sql.unsafe(change)).rejects.toThrow('belongs to MES and is read-only');
      }
    }
    await expect(api.sql.unsafe(`delete from mes_changes`)).rejects.toThrow('append-only');
  });
});

describe('the list', () => {
  beforeAll(() => fill(1_000, 1_060));

  it('finds a device by everything a clerk may have in hand', async () => {
    const { carton, sheet } = mesDevice(1_025);
    for (const query of [`imei=${carton.IMEI}`, `sn=${sheet.SN}`, `iccid=${sheet.IMEI4}`])
      expect(await imeis(query)).toEqual([carton.IMEI]);
    expect(await imeis(`carton=${carton.BoxNo}`)).toHaveLength(20);
    expect(await imeis(`order=${carton.ZhiDan}`)).toHaveLength(60);
    expect(await imeis(`company=${encodeURIComponent(COMPANIES[1]!)}&model=${carton.SoftModel}`)).toHaveLength(60);
    expect(await imeis('imei=nobody')).toEqual([]);
    const { body } = await get(`devices?imei=${carton.IMEI}`);
    expect(body.items[0]).toMatchObject({
      order: carton.ZhiDan,
      sn: sheet.SN,
      iccid: sheet.IMEI4,
      sim: sheet.IMEI3,
      isShipped: false,
      hasSheet: true,
      testTime: '2023-12-31T16:17:05Z',
    });
    expect(JSON.stringify(body)).not.toContain('pw1234');
  });

  it('takes days as Beijing’s', async () => {
    const order = mesDevice(1_025).carton.ZhiDan;
    expect(await imeis(`order=${order}&from=2024-01-01&to=2024-01-01`)).toHaveLength(60);
    expect(await imeis(`order=${order}&to=2023-12-31`)).toHaveLength(0);
  });

  it('comes in pages without a gap or a double, devices without a time last', async () => {
    await upload(
      'carton',
      csvOf(
        [5, 6, 7].map((n) => ({
          Id: 800_000 + n,
          IMEI: `notime${n}`,
          ZhiDan: mesDevice(1_000).carton.ZhiDan,
          TestTime: null,
        })),
      ),
    );
    const seen: string[] = [];
    let after = '';
    for (;;) {
      const { body } = await get(`devices?order=${mesDevice(1_000).carton.ZhiDan}&limit=7${after}`);
      seen.push(...body.items.map(({ imei }: { imei: string }) => imei));
      if (body.next === null) break;
      after = `&after=${encodeURIComponent(body.next)}`;
    }
    const newestFirst = Array.from({ length: 60 }, (_, index) => imeiOf(1_059 - index));
    expect(seen).toEqual([...newestFirst, 'notime7', 'notime6', 'notime5']);
    expect((await get('devices?after=nonsense')).body).toMatchObject({ code: 'validation_failed' });
    const csv = await get(`devices?order=${mesDevice(1_000).carton.ZhiDan}&format=csv`);
    expect(csv.body.toString().trim().split('\r\n')).toHaveLength(64);
  });

  it('knows what was shipped, and tells only the department that shipped it by which shipment', async () => {
    const imei = imeiOf(1_003);
    await api.sql`insert into mes_shipped (imei, department_id, shipment_id) values (${imei}, ${clerk.id}, 77)`;
    const order = mesDevice(1_003).carton.ZhiDan;
    expect(await imeis(`order=${order}&shipped=true`)).toEqual([imei]);
    expect(await imeis(`order=${order}&shipped=false&from=2024-01-01`)).toHaveLength(59);
    expect((await get(`devices?imei=${imei}`)).body.items[0]).toMatchObject({ isShipped: true, shipment: { id: 77 } });
    expect((await get(`devices?imei=${imei}`, other.key)).body.items[0]).toMatchObject({
      isShipped: true,
      shipment: null,
    });
  });

  it('is counted', async () => {
    expect((await get(`devices/count?imei=${imeiOf(1_003)}`)).body).toEqual({ count: 1, isExact: true });
    expect((await get('devices/count?shipped=true')).body).toEqual({ count: 1, isExact: true });
    const rows = Array.from({ length: 10_005 }, (_, n) => ({ Id: 700_000 + n, IMEI: `many${n}`, ZhiDan: 'MANY' }));
    await upload('carton', csvOf(rows.slice(0, 10_000 - 1)));
    expect((await get('devices/count?order=MANY')).body).toEqual({ count: 9_999, isExact: true });
    await upload('carton', csvOf(rows));
    await api.sql`analyze mes_cartons`;
    const { body } = await get('devices/count?order=MANY');
    expect(body).toMatchObject({ isExact: false });
    expect(body.count).toBeGreaterThan(9_000);
    expect(body.count).toBeLessThan(11_000);
  });

  it('is for those who may ship', async () => {
    const key = await api.key(clerk.id, 'reader', ['device:read']);
    expect((await get('devices', key)).body).toMatchObject({ code: 'permission_missing' });
  });
});

describe('the sync', () => {
  it('says that nobody told it where MES is', async () => {
    expect((await get('sync')).body).toMatchObject({
      isConfigured: false,
      intervalSeconds: 300,
      isPaused: false,
      nextRunAt: null,
    });
    expect((await api.send('POST', '/api/v1/mes/sync/now', { key: clerk.key })).body).toMatchObject({
      code: 'mes_not_configured',
    });
  });

  it('is changed, and the schedule follows', async () => {
    schedule.now = { intervalS: 300, isPaused: false, nextRunAt: null, runningWorkflowId: null };
    const change = (body: object, headers = {}) =>
      api.send('PATCH', '/api/v1/mes/sync', { key: clerk.key, body, headers });
    const { body, headers } = await change({ intervalSeconds: 600, isPaused: true });
    expect(body).toMatchObject({ isConfigured: true, intervalSeconds: 600, isPaused: true, changedBy: clerk.operator });
    expect(schedule.now).toMatchObject({ intervalS: 600, isPaused: true });
    await change({ isPaused: false });
    expect((await change({ isPaused: true }, { 'if-match': headers.get('etag')! })).body).toMatchObject({
      code: 'edit_conflict',
    });
    const lines = await api.sql`select before, after from audit_log where target_kind = 'mes-sync' order by id`;
    expect(lines[0]).toMatchObject({
      before: { intervalS: 300, isPaused: false },
      after: { intervalS: 600, isPaused: true },
    });
  });

  it('begins now, unless it runs', async () => {
    schedule.now = { intervalS: 300, isPaused: true, nextRunAt: null, runningWorkflowId: null };
    const now = () => api.send('POST', '/api/v1/mes/sync/now', { key: clerk.key });
    expect(await now()).toMatchObject({ status: 202, body: { started: true } });
    schedule.now.runningWorkflowId = 'mes-sync-2024';
    expect(await now()).toMatchObject({ status: 202, body: { started: false } });
    expect(schedule.started).toBe(1);
  });
});
