import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences } from '../../api/audit.ts';
import { registerTerminals, TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;

beforeAll(async () => {
  api = await TestApi.start({ authFailuresPerMinute: 1_000 });
  jimi = await api.department('jimi');
});
afterAll(() => api.stop());

const list = async (query = '', key = jimi.key) =>
  (await api.send('GET', `/api/v1/audit?${query}`, { key })).body.items;
let serial = 0;
const sn = () => `A${String(++serial).padStart(9, '0')}`;

describe('the audit log', () => {
  it('tells who changed a device from what to what, in which request, and only fields that changed', async () => {
    const [id] = await registerTerminals(api, jimi, [sn()], null);
    const headers = { 'x-request-id': 'edit-1' };
    const body = { model: 'GV3', remark: '' };
    await api.send('PATCH', `/api/v1/devices/${id}`, { key: jimi.key, body, headers });
    expect(await list(`targetKind=device&targetId=${id}`)).toEqual([
      {
        id: expect.any(Number),
        at: expect.any(String),
        author: jimi.operator,
        keyId: expect.any(Number),
        action: 'updateDevice',
        targetKind: 'device',
        targetId: id,
        before: { model: 'GV2' },
        after: { model: 'GV3' },
        requestId: 'edit-1',
      },
    ]);
    await api.send('PATCH', `/api/v1/devices/${id}`, { key: jimi.key, body });
    expect(await list(`targetId=${id}`)).toHaveLength(1);
    await api.send('DELETE', `/api/v1/devices/${id}`, { key: jimi.key });
    const [gone] = await list(`targetId=${id}`);
    expect(gone).toMatchObject({ action: 'deleteDevice', before: { model: 'GV3', orderNo: '' }, after: null });
  });

  it('holds one line for an import, and one for each device that the import changed', async () => {
    const [kept, changed] = [sn(), sn()];
    await registerTerminals(api, jimi, [kept, changed], null);
    const file = `protocol,identity,model,orderNo\nterminal,${kept},GV2,\nterminal,${changed},,SO-1\nterminal,${sn()},,\nterminal,1,,\n`;
    const headers = { 'content-type': 'text/csv', 'x-request-id': 'import-1' };
    await api.send('POST', '/api/v1/devices/import', { key: jimi.key, body: file, headers });
    const lines = (await list('action=importDevices')).map(({ targetKind, targetId, before, after }: never) => ({
      targetKind,
      targetId,
      before,
      after,
    }));
    expect(lines).toEqual([
      {
        targetKind: 'device-import',
        targetId: 'import-1',
        before: null,
        after: { rows: 4, created: 1, updated: 1, unchanged: 1, refused: 1, isComplete: true },
      },
      { targetKind: 'device', targetId: `terminal-${changed}`, before: { orderNo: '' }, after: { orderNo: 'SO-1' } },
    ]);
  });

  it('holds nothing of a change that was refused', async () => {
    const [id] = await registerTerminals(api, jimi, [sn()], null);
    const body = { shipDate: '2025-01-01', productionDate: '2025-01-02' };
    expect((await api.send('PATCH', `/api/v1/devices/${id}`, { key: jimi.key, body })).status).toBe(400);
    expect(await list(`targetId=${id}`)).toEqual([]);
  });

  it('never holds a key, nor its hash', async () => {
    const made = await api.send('POST', '/api/v1/api-keys', {
      key: jimi.key,
      body: { name: 'night', departmentId: jimi.id, permissions: ['device:read'] },
    });
    await api.send('DELETE', `/api/v1/api-keys/${made.body.id}`, { key: jimi.key });
    const [revoked, created] = await list(`targetKind=api-key&targetId=${made.body.id}`);
    expect(created).toMatchObject({ before: null, after: { name: 'night', permissions: ['device:read'] } });
    expect(revoked).toMatchObject({ before: { revoked: false }, after: { revoked: true } });
    const [row] = await api.sql`select key_hash as hash from api_keys where id = ${made.body.id}`;
    const all = JSON.stringify(await api.sql`select before, after from audit_log`);
    expect(all).not.toContain(made.body.key);
    expect(all).not.toContain(row!['hash']);
  });

  it('can be narrowed by author, action and time, and read page by page, newest first', async () => {
    const [id] = await registerTerminals(api, jimi, [sn()], null);
    const colleague = await api.key(jimi.id, 'colleague');
    for (const [key, model] of [
      [jimi.key, 'A'],
      [colleague, 'B'],
      [jimi.key, 'C'],
    ] as const) {
      await api.send('PATCH', `/api/v1/devices/${id}`, { key, body: { model } });
    }
    const models = (items: { after: { model: string } }[]) => items.map(({ after }) => after.model);
    expect(models(await list(`targetId=${id}`))).toEqual(['C', 'B', 'A']);
    expect(models(await list(`targetId=${id}&author=colleague`))).toEqual(['B']);
    expect(models(await list(`targetId=${id}&action=updateDevice&limit=1`))).toEqual(['C']);
    expect(await list(`targetId=${id}&action=deleteDevice`)).toEqual([]);
    const [, middle] = await list(`targetId=${id}`);
    expect(models(await list(`targetId=${id}&after=${middle.id}`))).toEqual(['A']);
    expect(models(await list(`targetId=${id}&from=${middle.at}`))).toEqual(['C', 'B']);
    expect(models(await list(`targetId=${id}&to=${middle.at}`))).toEqual(['A']);
  });

  it('takes every moment that has the form of one', async () => {
    for (const moment of ['2016-12-31T23:59:60Z', '9999-12-31T23:59:59Z', '2025-01-01T00:00:00.123456%2B08:00']) {
      expect((await api.send('GET', `/api/v1/audit?from=${moment}`, { key: jimi.key })).status, moment).toBe(200);
    }
    const { status, body } = await api.send('GET', '/api/v1/audit?from=0000-01-01T00:00:00Z', { key: jimi.key });
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'validation_failed' });
  });

  it('is for administrators, each of their own department', async () => {
    const other = await api.department('other');
    expect(await list('', other.key)).toEqual([]);
    const operator = await api.key(jimi.id, 'operator', ['device:read', 'device:write']);
    expect((await api.send('GET', '/api/v1/audit', { key: operator })).status).toBe(403);
  });

  it('cannot be altered', async () => {
    await expect(api.sql`update audit_log set author = 'nobody'`).rejects.toThrow('append-only');
    await expect(api.sql`delete from audit_log`).rejects.toThrow('append-only');
  });
});

describe('what differs', () => {
  it('is the given fields with another value', () => {
    const before = { model: 'GV2', remark: '', shipDate: null as string | null };
    expect(differences(before, { model: 'GV2' })).toBeNull();
    expect(differences(before, { model: 'GV3', shipDate: '2025-01-01' })).toEqual({
      before: { model: 'GV2', shipDate: null },
      after: { model: 'GV3', shipDate: '2025-01-01' },
    });
  });
});
