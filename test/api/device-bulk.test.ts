import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { registerTerminals, TestApi, uploadFile, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;
let serial = 0;
const DEVICES = '/api/v1/devices';

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(async () => {
  jimi = await api.department(`jimi ${++serial}`);
});

const sn = (n: number) => (serial * 100_000 + n).toString().padStart(10, '0');
const bulk = (body: unknown, headers: Record<string, string> = {}) =>
  api.send('POST', `${DEVICES}/bulk`, { key: jimi.key, body, headers });
const show = async (id: string) => (await api.send('GET', `${DEVICES}/${id}`, { key: jimi.key })).body;

describe('changing many devices', () => {
  it('does what can be done and says of each device what came of it', async () => {
    const [one, two] = (await registerTerminals(api, jimi, [sn(1), sn(2)], null)) as [string, string];
    await api.send('PATCH', `${DEVICES}/${two}`, { key: jimi.key, body: { orderNo: 'SO-1' } });
    const other = await api.department(`other ${serial}`);
    const [theirs] = (await registerTerminals(api, other, [sn(3)], null)) as [string];
    const { status, body } = await bulk({
      action: 'update',
      deviceIds: [one, two, theirs, one],
      set: { orderNo: 'SO-1' },
    });
    expect(status).toBe(200);
    const words = { code: null, message: null };
    expect(body).toEqual({
      rows: 4,
      updated: 1,
      deleted: 0,
      unchanged: 1,
      refused: 2,
      results: [
        { row: 1, deviceId: one, status: 'updated', ...words },
        { row: 2, deviceId: two, status: 'unchanged', ...words },
        { row: 3, deviceId: theirs, status: 'refused', code: 'not_found', message: expect.stringContaining(theirs) },
        { row: 4, deviceId: one, status: 'refused', code: 'duplicate_row', message: expect.stringContaining('row 1') },
      ],
    });
    expect(await show(one)).toMatchObject({ orderNo: 'SO-1', model: 'GV2', revision: 2 });
    expect(await show(two)).toMatchObject({ orderNo: 'SO-1', revision: 2 });
    expect((await api.send('GET', `${DEVICES}/${theirs}`, { key: other.key })).body).toMatchObject({ orderNo: '' });
    const lines =
      await api.sql`select target_id, before, after from audit_log where action = 'changeDevices' and department_id = ${jimi.id}`;
    expect([...lines]).toEqual([{ target_id: one, before: { orderNo: '' }, after: { orderNo: 'SO-1' } }]);
  });

  it('deletes those that never were in a task', async () => {
    const [kept, gone] = (await registerTerminals(api, jimi, [sn(1), sn(2)])) as [string, string];
    const firmwareIds = [await uploadFile(api, jimi.key, '10', '11')];
    await api.send('POST', '/api/v1/upgrade-tasks', { key: jimi.key, body: { firmwareIds, deviceIds: [kept] } });
    const { body } = await bulk({ action: 'delete', deviceIds: [kept, gone] });
    expect(body).toMatchObject({
      deleted: 1,
      refused: 1,
      results: [{ status: 'refused', code: 'device_has_upgrades' }, { status: 'deleted' }],
    });
    expect((await show(gone)).code).toBe('not_found');
    expect((await show(kept)).id).toBe(kept);
    const lines =
      await api.sql`select target_id, before, after from audit_log where action = 'changeDevices' and department_id = ${jimi.id}`;
    expect([...lines]).toMatchObject([{ target_id: gone, before: { model: 'GV2' }, after: null }]);
  });

  it('takes 5 000 devices, and repeating with the key of the request changes nothing', async () => {
    const identities = Array.from({ length: 5_000 }, (_, n) => sn(n));
    const deviceIds = await registerTerminals(api, jimi, identities, null);
    const body = { action: 'update', deviceIds, set: { remark: 'batch' } };
    expect((await bulk(body, { 'idempotency-key': 'x' })).body).toMatchObject({ updated: 5_000, refused: 0 });
    expect((await bulk(body, { 'idempotency-key': 'x' })).body).toMatchObject({ updated: 5_000, refused: 0 });
    expect((await bulk(body)).body).toMatchObject({ updated: 0, unchanged: 5_000 });
    expect((await show(deviceIds[4_999]!)).revision).toBe(2);
    expect((await bulk({ ...body, deviceIds: [...deviceIds, 'terminal-1'] })).status).toBe(400);
  });

  it('that cross each other all come through', async () => {
    const deviceIds = await registerTerminals(
      api,
      jimi,
      Array.from({ length: 200 }, (_, n) => sn(n)),
      null,
    );
    const orders = Array.from({ length: 6 }, (_, n) => ({
      action: 'update',
      deviceIds: n % 2 === 0 ? deviceIds : deviceIds.toReversed(),
      set: { remark: `r${n}` },
    }));
    const replies = await Promise.all(orders.map((order) => bulk(order)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect((await show(deviceIds[0]!)).revision).toBe(7);
  });

  it('is refused as a whole when the order itself is wrong', async () => {
    for (const body of [
      {},
      { action: 'explode', deviceIds: ['x'] },
      { action: 'update', deviceIds: [sn(1)] },
      { action: 'update', deviceIds: [sn(1)], set: {} },
      { action: 'update', deviceIds: [sn(1)], set: { imei: '1' } },
      { action: 'delete', deviceIds: [sn(1)], set: { model: 'x' } },
      { action: 'delete', deviceIds: [] },
    ]) {
      expect((await bulk(body)).body.code, JSON.stringify(body)).toBe('validation_failed');
    }
  });
});
