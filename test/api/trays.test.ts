/** Cells and trays: imported over the API, asked for and moved by equipment, two at a time, across departments. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  handleTrayCall,
  type CallingEquipment,
  type TrayCall,
  type TrayCallName,
} from '../../api/factory/mom-trays.ts';
import type { MomRequests } from '../../gateways/mom/contract.ts';
import { REQUESTS } from '../support/mom-requests.ts';
import { TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let department: TestDepartment;
let other: TestDepartment;
let equipment: CallingEquipment;
beforeAll(async () => {
  api = await TestApi.start();
  [department, other] = [await api.department('battery'), await api.department('other')];
  equipment = await equip('EQ1', department);
}, 120_000);
afterAll(() => api.stop());

async function equip(code: string, { id }: TestDepartment, isHoldListed = false): Promise<CallingEquipment> {
  const [row] = await api.sql`
    insert into equipment (code, department_id, created_by) values (${code}, ${id}, 'test') returning id`;
  return { id: row!['id'] as number, code, departmentId: id, isHoldListed };
}

let made = 0;
const fresh = (word: string) => `${word} ${(made += 1)}`;

/** A call as the server hands it over, in a transaction of its own. */
function call<Name extends TrayCallName>(name: Name, change: Partial<MomRequests[Name]>, by = equipment) {
  const request = { ...REQUESTS[name], ...change };
  const whole = { name, calledAs: name, request, address: '', receivedAtMs: 0, warnings: [], fingerprint: '' };
  return api.db.transaction((tx) => handleTrayCall(tx, whole as never as TrayCall, by));
}

const send = (method: string, path: string, body?: unknown, key = department.key) =>
  api.send(method, `/api/v1${path}`, { key, body });

/** Cells nobody else uses. */
async function stock(count: number, change: object = {}): Promise<string[]> {
  const serials = Array.from({ length: count }, () => fresh('C'));
  const rows = serials.map((serialNo) => ({ serialNo, bindCode: 'M1/WO1', ...change }));
  const reply = await send('POST', '/cells', rows);
  expect(reply.body).toMatchObject({ created: count });
  return serials;
}

const bind = (trayBarcode: string, serials: readonly string[], by = equipment) =>
  call('TrayBind', { trayBarcode, cells: serials.map((serialNo, index) => ({ serialNo, positionNo: index + 1 })) }, by);

describe('an import of cells', () => {
  it('says of each row what came of it; the same file again changes nothing', async () => {
    const [a, b] = [fresh('S'), fresh('S')];
    const csv = `serialNo,status,bindCode,filledAt\n${a},ok,M1/WO1,2024-04-10 14:16:31\n${b},3,M1/WO1,\n,1,M1,\nx,9,M1,\n${a},1,M1,\nnew,1,,\n`;
    const load = () =>
      api.send('POST', '/api/v1/cells/import', {
        key: department.key,
        body: csv,
        headers: { 'content-type': 'text/csv' },
      });
    const first = await load();
    expect(first.body).toMatchObject({ rows: 6, created: 2, updated: 0, unchanged: 0, refused: 4 });
    expect(first.body.results.map(({ status, code }: Record<string, string>) => code ?? status)).toEqual([
      'created',
      'created',
      'serial_missing',
      'status_unknown',
      'duplicate_row',
      'cell_incomplete',
    ]);
    expect(first.body.results[1].message).toContain('counts as NG');
    expect((await load()).body).toMatchObject({ created: 0, unchanged: 2 });
    const { body } = await send('GET', `/cells/${encodeURIComponent(a)}`);
    expect(body).toMatchObject({ status: 1, filledAt: '2024-04-10T06:16:31.000Z', statusBy: department.operator });
  });

  it('is refused as a whole when its columns are not known', async () => {
    const headers = { 'content-type': 'text/csv' };
    const reply = await api.send('POST', '/api/v1/cells/import', { key: department.key, body: 'serial\n1\n', headers });
    expect(reply.body).toMatchObject({ status: 400, code: 'csv_unreadable' });
  });
});

describe('equipment', () => {
  it('hears of cells in the order it asks; of one nobody knows, and of those of another department: 0', async () => {
    const [a] = await stock(1, { status: 'rework' });
    const foreign = fresh('C');
    await send('POST', '/cells', [{ serialNo: foreign, bindCode: 'M9' }], other.key);
    const reply = await call('CellState', { cells: [{ serialNo: foreign }, { serialNo: a! }, { serialNo: foreign }] });
    const nobody = { serialNo: foreign, serialNoStatus: 0, bindCode: '' };
    expect(reply).toMatchObject({
      ok: true,
      answer: { cells: [nobody, { serialNo: a, serialNoStatus: 4, bindCode: 'M1/WO1' }, nobody] },
    });
  });

  it('fills a tray, asks what is in it, empties it; the journal knows', async () => {
    const tray = fresh('T');
    const serials = await stock(2);
    expect(await bind(tray, serials)).toMatchObject({ ok: true });
    expect(await call('TrayCellsStatus', { trayBarcode: tray })).toMatchObject({
      answer: {
        trayBarcode: tray,
        cells: serials.map((serialNo, index) => ({ serialNo, positionNo: index + 1, serialNoStatus: 1 })),
      },
    });
    expect(await call('TrayUnbind', { trayBarcode: tray })).toMatchObject({ ok: true });
    expect(await call('TrayUnbind', { trayBarcode: tray })).toMatchObject({ ok: false, failure: 'tray_empty' });
    expect(await call('TrayUnbind', { trayBarcode: 'nobody' })).toMatchObject({ ok: false, failure: 'tray_unknown' });
    const { body } = await send('GET', `/trays/${encodeURIComponent(tray)}/log`);
    expect(body.items).toMatchObject([
      { operation: 'unbound', equipment: 'EQ1', author: 'E0001', cells: [{ positionNo: 1 }, { positionNo: 2 }] },
      { operation: 'bound', equipment: 'EQ1', author: 'E0001' },
    ]);
    const ofCell = await send('GET', `/cells/${encodeURIComponent(serials[0]!)}/log`);
    expect(ofCell.body.items).toHaveLength(2);
  });

  it('that is refused changes nothing, and a barcode that was misread is no tray', async () => {
    const tray = fresh('T');
    const [good] = await stock(1);
    const [bad] = await stock(1, { status: 'ng' });
    expect(await bind(tray, [good!, bad!])).toMatchObject({ ok: false, failure: 'cell_ng' });
    expect((await send('GET', `/trays/${encodeURIComponent(tray)}`)).status).toBe(404);
    expect((await send('GET', `/cells/${encodeURIComponent(good!)}`)).body.tray).toBeNull();
  });

  it('is told when aging began: with the latest filling, within what was set', async () => {
    const tray = fresh('T');
    const early = await stock(1, { filledAt: '2024-04-10 10:00:00' });
    const late = await stock(1, { filledAt: '2024-04-10 12:00:00' });
    await bind(tray, [...early, ...late]);
    expect(await call('AgingInput', { trayBarcode: tray })).toMatchObject({ ok: false, failure: 'no_aging_limits' });
    const contradiction = await send('POST', '/aging-limits', { bindCode: 'M1', lowerMinutes: 90, upperMinutes: 60 });
    expect(contradiction.body).toMatchObject({ status: 422, code: 'fields_refused' });
    await send('POST', '/aging-limits', { bindCode: 'M1', lowerMinutes: 60, upperMinutes: 90 });
    expect(await call('AgingInput', { trayBarcode: tray })).toMatchObject({
      answer: {
        agingStartAtMs: Date.UTC(2024, 3, 10, 4),
        agingTimeLowerLimitMinutes: 60,
        agingTimeUpperLimitMinutes: 90,
        trayBarcodeProperty: null,
      },
    });
  });

  it('two that want the same cells at once, for different trays: one gets all of them, one nothing', async () => {
    const second = await equip('EQ2', department);
    for (let round = 0; round < 8; round++) {
      const serials = await stock(4);
      const trays = [fresh('T'), fresh('T')];
      const replies = await Promise.all([bind(trays[0]!, serials), bind(trays[1]!, serials.toReversed(), second)]);
      expect(replies.filter(({ ok }) => ok)).toHaveLength(1);
      const [row] = await api.sql`
        select count(distinct tray_id)::int as trays, count(tray_id)::int as cells from cells where serial_no in ${api.sql(serials)}`;
      expect(row).toEqual({ trays: 1, cells: 4 });
    }
  });

  it('two that fill the same tray at once, with different bind codes or the same position: one of them', async () => {
    const second = await equip('EQ3', department);
    for (let round = 0; round < 8; round++) {
      const tray = fresh('T');
      const [mine, theirs] = [await stock(2), await stock(2, { bindCode: round % 2 === 0 ? 'M2' : 'M1/WO1' })];
      const replies = await Promise.all([bind(tray, mine), bind(tray, theirs, second)]);
      expect(replies.filter(({ ok }) => ok)).toHaveLength(1);
      expect((await send('GET', `/trays/${encodeURIComponent(tray)}`)).body).toMatchObject({ cells: 2 });
    }
  });
});

describe('a person', () => {
  it('changes the status of a cell, with the name and the reason kept; not the bind code of one in a tray', async () => {
    const tray = fresh('T');
    const [serial] = await stock(1);
    await bind(tray, [serial!]);
    const path = `/cells/${encodeURIComponent(serial!)}`;
    expect((await send('PATCH', path, { bindCode: 'M5' })).body.code).toBe('cell_in_tray');
    expect((await send('DELETE', path)).body.code).toBe('cell_in_tray');
    const changed = await send('PATCH', path, { status: 2, cause: 'leak' });
    expect(changed.body).toMatchObject({ status: 2, statusBy: department.operator, revision: 3 });
    const log = await send('GET', `/audit?targetKind=cell&targetId=${encodeURIComponent(serial!)}`);
    expect(log.body.items[0]).toMatchObject({ before: { status: 1 }, after: { status: 2, cause: 'leak' } });
  });

  it('takes cells out of a tray, and is told what is wrong when that cannot be', async () => {
    const tray = fresh('T');
    const serials = await stock(3);
    await bind(tray, serials);
    const path = `/trays/${encodeURIComponent(tray)}/unbind`;
    expect((await send('POST', path, { serialNos: ['nobody'] })).body).toMatchObject({
      status: 422,
      code: 'tray_refused',
    });
    expect((await send('POST', path, { serialNos: [serials[1]], cause: 'damaged' })).body.contents).toMatchObject([
      { serialNo: serials[0], positionNo: 1 },
      { serialNo: serials[2], positionNo: 3 },
    ]);
    expect((await send('POST', path, {})).body).toMatchObject({ cells: 0, bindCode: null });
    expect((await send('POST', path, {})).body.code).toBe('tray_refused');
  });

  it('of another department sees none of it', async () => {
    const tray = fresh('T');
    const [serial] = await stock(1);
    await bind(tray, [serial!]);
    for (const path of [`/trays/${encodeURIComponent(tray)}`, `/cells/${encodeURIComponent(serial!)}`]) {
      expect((await send('GET', path, undefined, other.key)).status).toBe(404);
    }
    const list = await send('GET', `/cells?search=${encodeURIComponent(serial!)}`, undefined, other.key);
    expect(list.body.items).toEqual([]);
  });

  it('gets lists as CSV', async () => {
    const [serial] = await stock(1);
    const { body, headers } = await send('GET', `/cells?format=csv&search=${encodeURIComponent(serial!)}`);
    expect(headers.get('content-type')).toContain('text/csv');
    expect(String(body)).toContain(serial!);
  });
});
