import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTimeline, storeStatusChange } from '../../db/factory/equipment-status.ts';
import { raiseAlarm } from '../../db/factory/equipment-alarms.ts';
import { findEquipment } from '../../db/factory/equipment.ts';
import { writeSigns } from '../../db/factory/equipment-sessions.ts';
import { TestApi } from './harness.ts';

let api: TestApi;
let factory: Caller;
let other: Caller;
let made = 0;
beforeAll(async () => {
  api = await TestApi.start();
  factory = await caller('factory');
  other = await caller('other');
});
afterAll(() => api.stop());

/** A department whose key may do everything. */
async function caller(name: string) {
  const { id, key } = await api.department(name);
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    api.send(method, path, { key, headers, ...(body !== undefined && { body }) });
  return {
    id,
    get: (path: string) => send('GET', path),
    post: (path: string, body: unknown) => send('POST', path, body),
    postText: (path: string, body: string, type: string) => send('POST', path, body, { 'content-type': type }),
    patch: (path: string, body: unknown, headers = {}) => send('PATCH', path, body, headers),
    delete: (path: string) => send('DELETE', path),
  };
}
type Caller = Awaited<ReturnType<typeof caller>>;

const newCode = () => `EQ${String((made += 1)).padStart(4, '0')}`;
async function equipment(over: object = {}): Promise<string> {
  const code = newCode();
  const { status } = await factory.post('/api/v1/equipment', { code, ...over });
  expect(status).toBe(201);
  return code;
}
const idOf = async (code: string) => (await findEquipment(api.db, factory.id, code))!.id;
/** As if it had beaten. */
async function alive(code: string): Promise<void> {
  const sign = { equipmentId: await idOf(code), ageMs: 0, isHeartbeat: true, address: '10.0.0.7', skewMs: 1_240 };
  await writeSigns(api.db, [sign], { skewLimitMs: 60_000 });
}
const withoutTimes = (item: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name, /At$|Since$/.test(name) && value !== null ? 'time' : value]),
  );

describe('the registry of equipment', () => {
  it('registers, shows, changes with If-Match, retires', async () => {
    const code = newCode();
    const given = { code, name: '焊接机 1', model: 'WELD', location: 'A1', allowedAddresses: ['10.0.0.0/8'] };
    const created = await factory.post('/api/v1/equipment', given);
    expect([created.status, created.headers.get('location')]).toEqual([201, `/api/v1/equipment/${code}`]);
    const shown = await factory.get(`/api/v1/equipment/${code}`);
    expect(shown.body).toEqual(created.body);
    expect(withoutTimes(shown.body)).toEqual({
      ...given,
      periodSeconds: 30,
      isHoldListed: false,
      isActive: true,
      remark: '',
      state: 'never',
      stateSince: 'time',
      status: null,
      statusSince: null,
      lastSeenAt: null,
      onlineAt: null,
      lastAddress: '',
      software: '',
      employeeNo: '',
      operatingMode: null,
      skewSeconds: null,
      isSkewed: false,
      openAlarms: 0,
      unacknowledgedAlarms: 0,
      pendingFlags: [],
      parametersVersion: 0,
      fetchedVersion: 0,
      fetchedAt: null,
      revision: 1,
      createdAt: 'time',
      createdBy: created.body.createdBy,
      updatedAt: 'time',
      links: { execution: null },
    });
    await alive(code);
    const retired = await factory.patch(`/api/v1/equipment/${code}`, { isActive: false }, { 'if-match': '"1"' });
    expect([retired.status, retired.body.isActive, retired.body.state]).toEqual([200, false, 'alive']);
    expect(retired.body.links.execution).toContain(encodeURIComponent(`equipment/${code}`));
    expect(retired.body.skewSeconds).toBe(1.2);
    expect(api.executions.wokenEquipment).toContainEqual({ code, edge: 'settings' });
    expect((await factory.patch(`/api/v1/equipment/${code}`, { name: 'x' }, { 'if-match': '"1"' })).body.code).toBe(
      'edit_conflict',
    );
  });

  it('knows a code once, whoever asks, and keeps departments apart', async () => {
    const code = await equipment();
    expect((await other.post('/api/v1/equipment', { code })).body.code).toBe('name_taken');
    for (const path of [
      '',
      '/parameters',
      '/flags',
      '/calls',
      '/session-log',
      '/status-changes',
      '/availability',
      '/alarm-log',
      '/follow-ups',
      '/timeline',
      '/parameter-versions',
      '/parameter-fetches',
    ]) {
      expect([path, (await other.get(`/api/v1/equipment/${code}${path}`)).status]).toEqual([path, 404]);
    }
    expect((await other.post(`/api/v1/equipment/${code}/flags`, { action: 'material_up' })).status).toBe(404);
    expect((await other.post(`/api/v1/equipment/${code}/parameters`, { parameters: [] })).status).toBe(404);
    expect((await other.get('/api/v1/equipment')).body.items).toEqual([]);
    expect((await other.patch(`/api/v1/equipment/${code}`, { name: 'x' })).status).toBe(404);
  });

  it('refuses what cannot be', async () => {
    for (const [wrong, refusal = 'fields_refused'] of [
      [{ code: 'board' }],
      [{ code: 'a/b' }, 'validation_failed'],
      [{ code: ' a' }, 'validation_failed'],
      [{ code: 'ab ' }],
      [{ code: 'ok', allowedAddresses: ['10.0.0.0/33'] }],
      [{ code: 'ok', periodSeconds: 0 }, 'validation_failed'],
    ] as const) {
      expect([wrong, (await factory.post('/api/v1/equipment', wrong)).body.code]).toEqual([wrong, refusal]);
    }
  });

  it('deletes only what has no history', async () => {
    const [used, unused] = [await equipment(), await equipment()];
    await alive(used);
    expect((await factory.delete(`/api/v1/equipment/${used}`)).body.code).toBe('equipment_has_history');
    expect((await factory.delete(`/api/v1/equipment/${unused}`)).status).toBe(204);
    expect((await factory.get(`/api/v1/equipment/${unused}`)).status).toBe(404);
  });

  it('imports CSV row by row, and the same file again changes nothing', async () => {
    const [one, two] = [newCode(), newCode()];
    const csv = `Code,name,periodSeconds,allowedAddresses\n${one},焊接机,15,10.0.0.1;10.1.0.0/16\n${two},x,0,\nbad/code,y,,\n${two},x,,\n`;
    const send = () => factory.postText('/api/v1/equipment/import', csv, 'text/csv');
    expect((await send()).body).toMatchObject({ rows: 4, created: 2, updated: 0, unchanged: 0, refused: 2 });
    expect((await send()).body).toMatchObject({ created: 0, updated: 0, unchanged: 2, refused: 2 });
    expect((await factory.get(`/api/v1/equipment/${one}`)).body).toMatchObject({
      periodSeconds: 15,
      allowedAddresses: ['10.0.0.1', '10.1.0.0/16'],
    });
    expect((await factory.postText('/api/v1/equipment/import', 'name\nx\n', 'text/csv')).body.code).toBe(
      'csv_unreadable',
    );
  });

  it('counts the board and lists by state', async () => {
    const mine = await caller('board');
    const code = newCode();
    await mine.post('/api/v1/equipment', { code });
    await mine.post('/api/v1/equipment', { code: newCode() });
    const { id } = (await findEquipment(api.db, mine.id, code))!;
    await writeSigns(api.db, [{ equipmentId: id, ageMs: 0, isHeartbeat: true, address: '', skewMs: null }], {
      skewLimitMs: 1,
    });
    await raiseAlarm(api.db, id, { alertCode: 'A', description: null, level: null, partCode: null, productType: null });
    expect((await mine.get('/api/v1/equipment/board')).body).toEqual({
      total: 2,
      states: { never: 1, online: 0, alive: 1, suspect: 0, offline: 0 },
      statuses: { Running: 0, Waiting: 0, Down: 0, Maintenance: 0, Alerting: 0, unknown: 1 },
      withAlarms: 1,
    });
    const listed = await mine.get('/api/v1/equipment?state=alive&alarms=true&limit=1');
    expect(listed.body.items.map((each: { code: string }) => each.code)).toEqual([code]);
  });
});

describe('parameters', () => {
  const parameter = {
    parameterCode: 'P1',
    targetValue: '12.50',
    lowerControlLimit: '12',
    upperControlLimit: '13',
    lowerSpecificationsLimit: '11',
    upperSpecificationsLimit: '14',
  };

  it('are versions: order kept, codes twice, told with a flag', async () => {
    const code = await equipment();
    expect((await factory.get(`/api/v1/equipment/${code}/parameters`)).status).toBe(404);
    const parameters = [
      { ...parameter, description: 'power' },
      { ...parameter, description: 'speed', isAvailable: false },
    ];
    const first = await factory.post(`/api/v1/equipment/${code}/parameters`, { parameters, basedOn: 0 });
    expect([first.status, first.body.version, first.body.label]).toEqual([201, 1, 'V1']);
    expect(first.body.parameters.map((each: { description: string }) => each.description)).toEqual(['power', 'speed']);
    expect(first.body.parameters[1].isAvailable).toBe(false);
    const second = await factory.post(`/api/v1/equipment/${code}/parameters`, {
      parameters: [],
      label: 'empty',
      cause: 'test',
    });
    expect(second.body).toMatchObject({ version: 2, label: 'empty', parameters: [] });
    expect((await factory.post(`/api/v1/equipment/${code}/parameters`, { parameters: [], basedOn: 1 })).body.code).toBe(
      'changed_meanwhile',
    );
    expect((await factory.get(`/api/v1/equipment/${code}/parameters?version=1`)).body).toEqual(first.body);
    const versions = await factory.get(`/api/v1/equipment/${code}/parameter-versions`);
    expect(
      versions.body.items.map((each: { version: number; count: number; fetchedAt: null }) => [
        each.version,
        each.count,
        each.fetchedAt,
      ]),
    ).toEqual([
      [2, 0, null],
      [1, 2, null],
    ]);
    expect((await factory.get(`/api/v1/equipment/${code}`)).body).toMatchObject({
      parametersVersion: 2,
      fetchedVersion: 0,
      pendingFlags: ['parameters'],
    });
  });

  it('whose limits contradict each other are refused, each named, and nothing is set', async () => {
    const code = await equipment();
    const parameters = [
      parameter,
      { ...parameter, targetValue: '13.01' },
      { ...parameter, upperControlLimit: '15' },
      { ...parameter, lowerLimit: 'low' },
    ];
    const { status, body } = await factory.post(`/api/v1/equipment/${code}/parameters`, { parameters });
    expect([status, body.code]).toEqual([422, 'parameters_refused']);
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual([
      'body.parameters.1.targetValue',
      'body.parameters.2.upperControlLimit',
      'body.parameters.3.lowerLimit',
    ]);
    expect((await factory.get(`/api/v1/equipment/${code}`)).body.parametersVersion).toBe(0);
  });
});

describe('flags, alarms, times', () => {
  it('a flag is raised once, and can be taken back', async () => {
    const code = await equipment();
    const path = `/api/v1/equipment/${code}/flags`;
    const raised = await factory.post(path, { action: 'material_up', cause: 'roll 17' });
    const again = await factory.post(path, { action: 'material_up' });
    expect([raised.status, again.status, again.body.id]).toEqual([201, 200, raised.body.id]);
    expect((await factory.post(`${path}/material_up/cancel`, {})).body).toMatchObject({
      id: raised.body.id,
      status: 'cancelled',
    });
    expect((await factory.post(`${path}/material_up/cancel`, {})).body.code).toBe('control_refused');
    expect((await factory.get(`${path}?status=pending`)).body.items).toEqual([]);
  });

  it('an alarm is acknowledged once, by its own department', async () => {
    const code = await equipment();
    await raiseAlarm(api.db, await idOf(code), {
      alertCode: 'A1',
      description: 'no air',
      level: '2',
      partCode: null,
      productType: null,
    });
    const { items } = (await factory.get(`/api/v1/equipment-alarms?equipmentCode=${code}&open=true`)).body;
    expect(items).toHaveLength(1);
    const path = `/api/v1/equipment-alarms/${items[0].id}/acknowledge`;
    expect((await other.post(path, {})).status).toBe(404);
    const done = await factory.post(path, { cause: 'on my way' });
    expect([done.status, done.body.acknowledgedBy, done.body.clearedAt]).toEqual([200, done.body.acknowledgedBy, null]);
    expect(done.body.acknowledgedBy).not.toBeNull();
    expect((await factory.post(path, {})).body.code).toBe('control_refused');
    const log = await factory.get(`/api/v1/equipment/${code}/alarm-log`);
    expect(log.body.items.map(({ event }: { event: string }) => event)).toEqual(['acknowledged', 'raised']);
  });

  it('availability sums to the day, and a late change corrects it', async () => {
    const code = await equipment();
    const equipmentId = await idOf(code);
    const day = '2024-04-10';
    const at = (clock: string) => Date.parse(`${day}T${clock}+08:00`);
    const say = (status: 'Running' | 'Down', clock: string) =>
      storeStatusChange(api.db, {
        equipmentId,
        status,
        statusCode: status,
        reasonCode: '',
        description: null,
        locationId: null,
        changedAtMs: at(clock),
      });
    await say('Running', '06:00:00');
    await say('Down', '18:00:00');
    const path = `/api/v1/equipment/${code}/availability?from=2024-04-09&to=${day}`;
    const hours = async () => {
      const { items } = (await factory.get(path)).body;
      return items.map(({ seconds }: { seconds: Record<string, number> }) =>
        ['Unknown', 'Running', 'Down'].map((state) => seconds[state]! / 3_600),
      );
    };
    expect(await hours()).toEqual([
      [24, 0, 0],
      [6, 12, 6],
    ]);
    expect(await say('Down', '12:00:00')).toBe('late');
    expect(await hours()).toEqual([
      [24, 0, 0],
      [6, 6, 12],
    ]);
    expect((await factory.get(`${path}&limit=1`)).body).toMatchObject({ next: '2024-04-09' });
    expect(
      (await factory.get(`/api/v1/equipment/${code}/timeline?from=${day}&to=${day}`)).body.stretches.map(
        ({ state }: { state: string }) => state,
      ),
    ).toEqual(['Unknown', 'Running', 'Down']);
    expect((await factory.get(`/api/v1/equipment/${code}/availability?from=2024-04-11&to=${day}`)).body.code).toBe(
      'fields_refused',
    );
    expect(
      (await readTimeline(api.db, equipmentId, { fromMs: at('19:00:00'), toMs: at('20:00:00') })).changes,
    ).toHaveLength(1);
  });

  it('an employee gets a password nobody reads', async () => {
    const number = newCode();
    const created = await factory.post('/api/v1/equipment-employees', { number, name: '李雷', password: 'geheim' });
    expect(withoutTimes(created.body)).toEqual({
      number,
      name: '李雷',
      hasPassword: true,
      isActive: true,
      createdAt: 'time',
      createdBy: created.body.createdBy,
      updatedAt: 'time',
    });
    expect((await factory.post('/api/v1/equipment-employees', { number })).body.code).toBe('name_taken');
    expect((await other.get(`/api/v1/equipment-employees/${number}`)).status).toBe(404);
    expect((await factory.patch(`/api/v1/equipment-employees/${number}`, { password: null })).body.hasPassword).toBe(
      false,
    );
    expect(JSON.stringify(await api.sql`select * from audit_log`)).not.toContain('geheim');
  });
});
