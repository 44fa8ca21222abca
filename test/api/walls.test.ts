/**
 * Departments are walls: for every route with an id in its address, what belongs to another department is answered
 * word for word like what does not exist. A new route is tested here without anybody thinking of it. What is sent
 * without an id in its address, and keys that lack a permission, are in `walls-walk.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../api/routes/index.ts';
import { registerTerminals, TestApi, uploadFile, type TestDepartment } from './harness.ts';

let api: TestApi;
let mine: TestDepartment;
let theirs: TestDepartment;
let ids: Record<string, string>;

/** Ids that name nothing at all. */
const MISSING: Record<string, string> = {
  deviceId: 'terminal-FFFFFFFFFF',
  firmwareId: '999999',
  taskId: '999999',
  upgradeId: '999999',
  webhookId: '999999',
  deliveryId: '999999',
  commandId: '999999',
  shipmentId: '999999',
  triggerId: '999999',
  code: 'EQ99999',
  callId: '999999',
  alarmId: '999999',
  serialNo: 'nobody',
  barcode: 'no-tray',
  number: 'E9999',
  action: 'material_up',
};
/** Bodies that get past the checks of form. */
const BODIES: Record<string, object> = {
  updateDevice: { model: 'GV3' },
  changeUpgradeTaskPacing: { maxConcurrent: 3 },
  decideDeviceUpgrade: { decision: 'retry' },
  sendDeviceCommand: { kind: 'read_sleep' },
};
/** What belongs to the whole installation and to no department: keys, MES, platforms and the connections to them. */
const INSTALLATION = [
  'revokeApiKey',
  'importMes',
  'setModelProtocol',
  'getPlatform',
  'updatePlatform',
  'pausePlatformConnector',
  'resumePlatformConnector',
];

beforeAll(async () => {
  api = await TestApi.start({ authFailuresPerMinute: 1_000 });
  mine = await api.department('mine');
  theirs = await api.department('theirs');
  const firmwareId = await uploadFile(api, theirs.key, '10', '11');
  const [deviceId] = await registerTerminals(api, theirs, ['0000000001']);
  const task = await api.send('POST', '/api/v1/upgrade-tasks', {
    key: theirs.key,
    body: { firmwareIds: [firmwareId], deviceIds: [deviceId] },
  });
  const webhook = await api.send('POST', '/api/v1/webhooks', { key: theirs.key, body: { url: 'https://example.com' } });
  const command = await api.send('POST', `/api/v1/devices/${deviceId}/commands`, {
    key: theirs.key,
    body: { kind: 'set_sleep', minutes: 600 },
  });
  const devices = await api.send('GET', task.body.links.devices, { key: theirs.key });
  const make = async (path: string, body: unknown) => {
    const reply = await api.send('POST', `/api/v1/${path}`, { key: theirs.key, body: body as object });
    expect(reply.status, `${path}: ${JSON.stringify(reply.body)}`).toBeLessThan(300);
    return reply.body;
  };
  const code = 'EQ00001';
  await make('equipment', { code });
  await make('equipment-employees', { number: 'E0001' });
  await make('agents', { code, url: 'http://127.0.0.1:9' });
  await make('cells', [{ serialNo: 'cell-1', bindCode: 'M1' }]);
  await api.sql`insert into trays (barcode, department_id) values ('tray-1', ${theirs.id})`;
  const call = await make(`agents/${code}/status`, { status: 'Running' });
  const shipment = await make('shipments', { imeis: ['868120145233604'], shipDate: '2026-03-02' });
  await api.sql`
    insert into matched_devices (imei, department_id, customer, rule)
    values ('868120145233604', ${theirs.id}, 'hemi', 'rule 1')`;
  await make('platform-shipments', {
    platformId: 2,
    imeis: ['868120145233604'],
    info: { account: 'hemi', customerName: '禾米', model: 'GV2' },
  });
  const trigger = await make('triggers', { name: 'GV2', match: { model: 'GV2' } });
  ids = {
    deviceId: deviceId!,
    firmwareId: `${firmwareId}`,
    taskId: `${task.body.id}`,
    upgradeId: `${devices.body.items[0].id}`,
    webhookId: `${webhook.body.id}`,
    deliveryId: '1',
    commandId: `${command.body.id}`,
    shipmentId: `${shipment.id}`,
    triggerId: `${trigger.id}`,
    code,
    callId: `${call.id}`,
    alarmId: '1',
    serialNo: 'cell-1',
    barcode: 'tray-1',
    number: 'E0001',
    action: 'material_up',
  };
});
afterAll(() => api.stop());

const fill = (path: string, values: Record<string, string>) =>
  path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => values[name]!);
const exampleOf = (body: (typeof routes)[number]['body']) =>
  body === undefined ? undefined : ((body as { examples?: object[] }).examples?.[0] ?? {});
const walled = routes.filter((each) => each.path.includes('{') && !INSTALLATION.includes(each.id));

describe('a route that names something', () => {
  it.each(walled.map((each) => [each.id, each] as const))(
    '%s answers another department as if there were nothing',
    async (id, each) => {
      const ask = (values: Record<string, string>, key: string) =>
        api.send(each.method.toUpperCase(), fill(each.path, values), {
          key,
          body: BODIES[id] ?? exampleOf(each.body),
        });
      const across = await ask(ids, mine.key);
      const missing = await ask(MISSING, mine.key);
      expect(across.status).toBe(404);
      const without = (body: Record<string, unknown>, values: Record<string, string>) => {
        const { requestId: _id, detail, ...rest } = body;
        return {
          ...rest,
          // the longest first: a short one may be a part of it
          detail: Object.values(values)
            .toSorted((a, b) => b.length - a.length)
            .reduce((text, value) => text.replaceAll(value, '…'), String(detail)),
        };
      };
      expect(without(across.body, ids)).toEqual(without(missing.body, MISSING));
    },
  );

  it('leaves everything as it was', async () => {
    const device = await api.send('GET', `/api/v1/devices/${ids['deviceId']}`, { key: theirs.key });
    expect(device.body.model).toBe('GV2');
    expect((await api.send('GET', `/api/v1/upgrade-tasks/${ids['taskId']}`, { key: theirs.key })).body.counts).toEqual({
      scheduled: 1,
    });
    expect((await api.send('GET', `/api/v1/firmware/${ids['firmwareId']}`, { key: theirs.key })).status).toBe(200);
    expect(api.executions.updates).toEqual([]);
    expect(api.executions.controls).toEqual([]);
  });
});

describe('a list', () => {
  const lists = ['/api/v1/devices', '/api/v1/firmware', '/api/v1/upgrade-tasks', '/api/v1/devices?q=terminal-0'];
  it.each(lists)('%s holds nothing of another department', async (path) => {
    expect((await api.send('GET', path, { key: theirs.key })).body.items).toHaveLength(1);
    expect((await api.send('GET', path, { key: mine.key })).body).toEqual({ items: [], next: null });
  });
});

describe('an order', () => {
  it('cannot use files or devices of another department', async () => {
    const own = await uploadFile(api, mine.key, '10', '11');
    const order = (firmwareId: number, deviceId: string) =>
      api.send('POST', '/api/v1/upgrade-tasks', {
        key: mine.key,
        body: { firmwareIds: [firmwareId], deviceIds: [deviceId] },
      });
    expect((await order(Number(ids['firmwareId']), ids['deviceId']!)).body.errors).toEqual([
      { path: 'body.firmwareIds', code: 'firmware_not_found', message: expect.any(String) },
    ]);
    expect((await order(own, ids['deviceId']!)).body.errors[0].message).toContain('other_department');
  });
});

describe('every route', () => {
  it('but health, readiness and the session of the console asks for a key', async () => {
    for (const each of routes.filter(({ permission }) => permission !== 'public')) {
      const { status } = await api.send(each.method.toUpperCase(), fill(each.path, { ...ids, keyId: '1' }));
      expect(status, each.id).toBe(401);
    }
    expect(routes.filter(({ permission }) => permission === 'public').map(({ id }) => id)).toEqual([
      'getHealth',
      'getReadiness',
      'getSession',
      'startSession',
      'endSession',
    ]);
  });
});
