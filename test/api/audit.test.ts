import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences } from '../../api/audit.ts';
import { routes } from '../../api/routes/index.ts';
import { firmwareBytes, registerTerminals, TestApi, uploadFile, uploadForm, type TestDepartment } from './harness.ts';

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

/** Requests that write and change nothing. */
const HARMLESS = ['planUpgradeTask', 'pingWebhook'];

/** A task with one terminal. */
const task = async () => {
  const [version, next] = [String(10 + (++serial % 80)), String(11 + (serial % 80))];
  const [deviceId] = await registerTerminals(api, jimi, [sn()], version);
  const firmwareId = await uploadFile(api, jimi.key, version, next, { remark: `${serial}` });
  const body = { firmwareIds: [firmwareId], deviceIds: [deviceId] };
  const made = await api.send('POST', '/api/v1/upgrade-tasks', { key: jimi.key, body });
  expect(made.status, JSON.stringify(made.body)).toBe(202);
  return made.body.links.self as string;
};
/** Its upgrade, changed as the test needs it. */
const upgrade = async (change = '') => {
  const taskId = Number((await task()).split('/').at(-1));
  if (change !== '') await api.sql.unsafe(`update device_upgrades set ${change} where task_id = ${taskId}`);
  const [row] = await api.sql`select id from device_upgrades where task_id = ${taskId}`;
  return `/api/v1/device-upgrades/${row!['id']}`;
};
const FAILED = `status = 'failed', reason = 'offline', finished_at = now(), dispatched_at = now()`;
const AWAITS_PERSON = `status = 'confirming', reason = 'awaiting_operator', dispatched_at = now()`;
const webhook = async () => {
  const body = { url: 'https://hooks.example.com/slipway', kinds: ['task.finished'] };
  const made = await api.send('POST', '/api/v1/webhooks', { key: jimi.key, body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return `/api/v1/webhooks/${made.body.id}`;
};

/** One request for each route that changes something: each must leave its line in the audit log. */
const REQUESTS: Record<string, () => Promise<{ path: string; body?: unknown; headers?: Record<string, string> }>> = {
  registerDevices: async () => ({ path: '/api/v1/devices', body: [{ protocol: 'terminal', identity: sn() }] }),
  importDevices: async () => ({
    path: '/api/v1/devices/import',
    body: `protocol,identity\nterminal,${sn()}\n`,
    headers: { 'content-type': 'text/csv' },
  }),
  changeDevices: async () => ({
    path: '/api/v1/devices/bulk',
    body: { action: 'update', deviceIds: await registerTerminals(api, jimi, [sn()]), set: { remark: 'x' } },
  }),
  updateDevice: async () => ({
    path: `/api/v1/devices/${(await registerTerminals(api, jimi, [sn()]))[0]}`,
    body: { remark: 'x' },
  }),
  deleteDevice: async () => ({ path: `/api/v1/devices/${(await registerTerminals(api, jimi, [sn()], null))[0]}` }),
  uploadFirmware: async () => {
    const bytes = firmwareBytes(12_000, `audit ${++serial}`);
    return { path: '/api/v1/firmware', body: uploadForm({}, bytes) };
  },
  deleteFirmware: async () => ({ path: `/api/v1/firmware/${await uploadFile(api, jimi.key, '98', '99')}` }),
  createUpgradeTask: async () => {
    const [deviceId] = await registerTerminals(api, jimi, [sn()], '98');
    const firmwareId = await uploadFile(api, jimi.key, '98', '99', { remark: 'task' });
    return { path: '/api/v1/upgrade-tasks', body: { firmwareIds: [firmwareId], deviceIds: [deviceId] } };
  },
  sendDeviceCommand: async () => ({
    path: `/api/v1/devices/${(await registerTerminals(api, jimi, [sn()]))[0]}/commands`,
    body: { kind: 'read_sleep' },
  }),
  cancelCommand: async () => {
    const [deviceId] = await registerTerminals(api, jimi, [sn()]);
    const body = { kind: 'read_sleep' };
    const made = await api.send('POST', `/api/v1/devices/${deviceId}/commands`, { key: jimi.key, body });
    return { path: `${made.body.links.self}/cancel`, body: {} };
  },
  pauseUpgradeTask: async () => ({ path: `${await task()}/pause`, body: {} }),
  resumeUpgradeTask: async () => ({ path: `${await task()}/resume`, body: {} }),
  cancelUpgradeTask: async () => ({ path: `${await task()}/cancel`, body: { cause: 'wrong file' } }),
  startUpgradeTaskNow: async () => ({ path: `${await task()}/start-now`, body: {} }),
  retryFailedDevices: async () => ({ path: `${await task()}/retry-failed`, body: {} }),
  changeUpgradeTaskPacing: async () => ({ path: `${await task()}/pacing`, body: { maxConcurrent: 3 } }),
  decideDeviceUpgrade: async () => ({ path: `${await upgrade(FAILED)}/decide`, body: { decision: 'give_up' } }),
  cancelDeviceUpgrade: async () => ({ path: `${await upgrade()}/cancel`, body: {} }),
  skipDeviceUpgrade: async () => ({ path: `${await upgrade()}/skip`, body: {} }),
  confirmDeviceUpgrade: async () => ({ path: `${await upgrade(AWAITS_PERSON)}/confirm`, body: {} }),
  decideManyDeviceUpgrades: async () => {
    const upgradeIds = [Number((await upgrade(FAILED)).split('/').at(-1))];
    return { path: '/api/v1/attention/decide', body: { upgradeIds, decision: 'give_up' } };
  },
  approveUpgradeTask: async () => ({ path: `${await task()}/approve`, body: {} }),
  rejectUpgradeTask: async () => ({ path: `${await task()}/reject`, body: { cause: 'not now' } }),
  createWebhook: async () => ({ path: '/api/v1/webhooks', body: { url: 'https://hooks.example.com/new' } }),
  updateWebhook: async () => ({ path: await webhook(), body: { remark: 'x' } }),
  deleteWebhook: async () => ({ path: await webhook() }),
  rotateWebhookSecret: async () => ({ path: `${await webhook()}/rotate-secret` }),
  resendWebhookDelivery: async () => {
    const path = await webhook();
    const [event] = await api.sql`
      insert into events (department_id, kind) values (${jimi.id}, 'task.finished') returning id`;
    const [delivery] = await api.sql`
      insert into webhook_deliveries (webhook_id, event_id, status, finished_at)
      values (${path.split('/').at(-1)!}, ${event!['id']}, 'failed', now()) returning id`;
    return { path: `${path}/deliveries/${delivery!['id']}/resend` };
  },
  createDepartment: async () => ({ path: '/api/v1/departments', body: { name: `d${++serial}` } }),
  createApiKey: async () => ({
    path: '/api/v1/api-keys',
    body: { name: `k${++serial}`, departmentId: jimi.id, permissions: [] },
  }),
  revokeApiKey: async () => {
    await api.key(jimi.id, `k${++serial}`, []);
    const [row] = await api.sql`select id from api_keys order by id desc limit 1`;
    return { path: `/api/v1/api-keys/${row!['id']}` };
  },
};

describe('every route that changes something', () => {
  const writing = routes.filter(({ method, id }) => method !== 'get' && !HARMLESS.includes(id));

  it.each(writing.map((each) => [each.id, each] as const))('%s leaves a line in the audit log', async (id, each) => {
    const request = REQUESTS[id];
    expect(request, `write a request for ${id} here, or list it as harmless`).toBeDefined();
    const { path, ...rest } = await request!();
    const headers = { ...rest.headers, 'x-request-id': `walk-${id}` };
    const reply = await api.send(each.method.toUpperCase(), path, { key: jimi.key, ...rest, headers });
    expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(300);
    const lines = await api.sql`select action, author, department_id from audit_log where request_id = ${`walk-${id}`}`;
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toEqual({ action: id, author: jimi.operator, department_id: jimi.id });
  });
});
