import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { registerTerminals, TestApi, uploadFile, type TestDepartment } from './harness.ts';
import { ends, proves, reports, storeTask } from './stored-tasks.ts';

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

const get = (path: string, key = jimi.key) => api.send('GET', path, { key });
const lineage = async (deviceId: string) => (await get(`/api/v1/devices/${deviceId}/lineage`)).body;

async function device(version: string | null = '10'): Promise<string> {
  const [deviceId] = await registerTerminals(api, jimi, [`${serial}`.padStart(10, '0')], null);
  if (version !== null) await reports(api, deviceId!, version);
  return deviceId!;
}

const file = (from: string, to: string) => uploadFile(api, jimi.key, from, to, { pinfo: `${to}10d100` });

describe('the life of a device', () => {
  it('that was only registered has a beginning and nothing else', async () => {
    const deviceId = await device(null);
    const self = `/api/v1/devices/${deviceId}`;
    expect(await lineage(deviceId)).toEqual({
      why: {
        code: 'no_task',
        answer: 'it is in no task; make one to upgrade it',
        until: null,
        upgradeId: null,
        taskId: null,
        links: { upgrade: null, log: null, task: null },
      },
      registration: {
        deviceId,
        protocol: 'terminal',
        identity: deviceId.replace('terminal-', ''),
        imei: null,
        model: 'GV2',
        remark: '',
        registeredAt: expect.any(String),
        registeredBy: jimi.operator,
        updatedAt: expect.any(String),
      },
      shipment: { orderNo: '', productionDate: null, shipDate: null, record: null, platforms: [] },
      registrationChanges: expect.any(Array),
      contact: null,
      versions: [],
      running: null,
      planned: [],
      upgrades: [],
      decisions: [],
      links: {
        self: `${self}/lineage`,
        device: self,
        upgrades: `${self}/upgrades`,
        versionUploads: `${self}/version-uploads`,
        why: `${self}/why`,
        execution: expect.stringContaining(deviceId),
      },
    });
  });

  it('tells what it ran, what was done to it, by whom, what runs and what is planned', async () => {
    const deviceId = await device();
    const [first, second] = [await file('10', '11'), await file('11', '12')];
    const done = await storeTask(api, jimi, [first], [deviceId], { name: 'spring' });
    await proves(api, done.upgrades[0]!);
    const failed = await storeTask(api, jimi, [second], [deviceId], { name: 'summer' });
    await ends(api, failed.upgrades[0]!.upgradeId, 'failed', 'terminal_801');
    await api.send('POST', `/api/v1/device-upgrades/${failed.upgrades[0]!.upgradeId}/decide`, {
      key: jimi.key,
      body: { decision: 'give_up', cause: 'too old' },
    });
    const running = await storeTask(api, jimi, [second], [deviceId], { name: 'autumn' });
    const night = { from: '00:00', to: '06:00', zone: 'Asia/Shanghai' };
    const seed = { name: 'winter', dispatched: false, dispatchInMs: 3_600_000, options: { window: night } };
    const planned = await storeTask(api, jimi, [second], [deviceId], seed);
    await api.sql`
      insert into device_contacts (device_id, last_seen_at, address, gateway, bytes_per_second)
      values (${deviceId}, '2026-01-01T00:00:00Z', '10.0.0.1:9', 'gw-1', 700)`;
    await api.sql`update devices set order_no = 'PO-9', ship_date = '2026-01-02' where id = ${deviceId}`;

    const life = await lineage(deviceId);
    expect(life.why).toMatchObject({ code: 'starting', taskId: running.taskId });
    expect(life.shipment).toMatchObject({ orderNo: 'PO-9', productionDate: null, shipDate: '2026-01-02' });
    expect(life.contact).toMatchObject({
      gateway: 'gw-1',
      bytesPerSecond: 700,
      lastSeenAt: '2026-01-01T00:00:00.000Z',
    });
    expect(
      life.versions.map(({ version, current }: { version: string; current: boolean }) => [version, current]),
    ).toEqual([
      ['11', true],
      ['10', false],
    ]);
    expect(life.running).toMatchObject({
      id: running.upgrades[0]!.upgradeId,
      task: { id: running.taskId, name: 'autumn', status: 'running', createdBy: jimi.operator },
      files: [{ firmwareId: second, targetVersion: '12' }],
      links: { self: `/api/v1/device-upgrades/${running.upgrades[0]!.upgradeId}` },
    });
    expect(life.planned).toMatchObject([
      { upgradeId: planned.upgrades[0]!.upgradeId, task: { name: 'winter' }, window: night },
    ]);
    const startMs = Date.parse(life.planned[0].earliestStartAt);
    expect(startMs).toBeGreaterThanOrEqual(Date.parse(life.planned[0].dispatchAt));
    expect(new Date(startMs + 8 * 3_600_000).getUTCHours()).toBeLessThan(6);
    expect(life.upgrades.map((upgrade: { task: { name: string } }) => upgrade.task.name)).toEqual([
      'autumn',
      'summer',
      'spring',
    ]);
    expect(life.upgrades[1]).toMatchObject({
      status: 'failed',
      reasonText: expect.stringContaining('programming the flash failed'),
      decision: { decision: 'give_up', by: jimi.operator },
    });
    expect(life.upgrades[2]).toMatchObject({ status: 'succeeded', proofs: [{ fromVersion: '10', version: '11' }] });
    expect(life.decisions).toEqual([
      {
        upgradeId: failed.upgrades[0]!.upgradeId,
        taskId: failed.taskId,
        at: expect.any(String),
        author: jimi.operator,
        event: 'given_up',
        cause: 'too old',
      },
    ]);
  });

  it('tells of a version once for as long as it stayed, and again when it came back', async () => {
    const deviceId = await device(null);
    for (const version of ['10', '11', '10']) await reports(api, deviceId, version);
    await api.sql`
      insert into version_uploads (device_id, received_at, source, raw, versions, warnings)
      values (${deviceId}, now() + interval '1 hour', 'ams', '', '[{"component": "T1", "version": "10"}]', '{}')`;
    await reports(api, deviceId, 'a', 'T4');
    const { versions } = await lineage(deviceId);
    const spans = versions.map(({ component, version, current }: Record<string, unknown>) => [
      component,
      version,
      current,
    ]);
    expect(spans).toEqual([
      ['T1', '10', true],
      ['T4', 'a', true],
      ['T1', '11', false],
      ['T1', '10', false],
    ]);
    const [now] = versions;
    expect(Date.parse(now.lastReportedAt) - Date.parse(now.firstReportedAt)).toBeGreaterThan(3_000_000);
  });

  it('says who changed the registration', async () => {
    const deviceId = await device();
    await api.sql`
      insert into audit_log (department_id, author, key_id, action, target_kind, target_id, before, after, request_id)
      values (${jimi.id}, 'li', 1, 'updateDevice', 'device', ${deviceId}, '{"model": "GV1"}', '{"model": "GV2"}', 'r')`;
    const { registrationChanges } = await lineage(deviceId);
    expect(registrationChanges[0]).toMatchObject({
      author: 'li',
      action: 'updateDevice',
      before: { model: 'GV1' },
      after: { model: 'GV2' },
    });
  });

  it('stays small and fast at a device with a thousand uploads and hundreds of upgrades', async () => {
    const deviceId = await device();
    await api.sql`
      insert into version_uploads (device_id, received_at, source, raw, versions, warnings)
      select ${deviceId}, now() - interval '1 day' + make_interval(secs => n), 'ams', '',
        jsonb_build_array(jsonb_build_object('component', 'T1', 'version', (n / 3)::text), jsonb_build_object('component', 'T4', 'version', 'x')), '{}'
      from generate_series(1, 1000) n`;
    const fileId = await file('10', '11');
    await storeTask(api, jimi, [fileId], [deviceId]);
    await api.sql`
      with tasks as (
        insert into upgrade_tasks (department_id, name, firmware_ids, options, device_count, created_by, dispatch_at, deadline_at)
        select department_id, name, firmware_ids, options, 1, created_by, dispatch_at, deadline_at
        from upgrade_tasks, generate_series(1, 300) where department_id = ${jimi.id} returning id
      )
      insert into device_upgrades (task_id, device_id, department_id, position, status, finished_at)
      select id, ${deviceId}, ${jimi.id}, 0, 'cancelled', now() from tasks`;
    await lineage(deviceId);
    const startedMs = performance.now();
    const life = await lineage(deviceId);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(life.upgrades).toHaveLength(100);
    expect(life.versions).toHaveLength(100);
  });
});

describe('why a device did not upgrade', () => {
  const why = async (deviceId: string) => (await get(`/api/v1/devices/${deviceId}/why`)).body;

  it('follows what is under way, then what is planned, then what was last', async () => {
    const deviceId = await device();
    const fileId = await file('10', '11');
    const last = await storeTask(api, jimi, [fileId], [deviceId]);
    await ends(api, last.upgrades[0]!.upgradeId, 'expired', 'device_offline');
    expect(await why(deviceId)).toMatchObject({ code: 'expired', taskId: last.taskId });

    const later = await storeTask(api, jimi, [fileId], [deviceId], { dispatched: false, status: 'paused' });
    expect(await why(deviceId)).toMatchObject({
      code: 'paused',
      answer: `waits: task ${later.taskId} is paused; resume it to go on`,
      links: { task: `/api/v1/upgrade-tasks/${later.taskId}` },
    });
    const live = await storeTask(api, jimi, [fileId], [deviceId]);
    expect(await why(deviceId)).toMatchObject({ code: 'starting', taskId: live.taskId });
    await ends(api, live.upgrades[0]!.upgradeId, 'cancelled', 'cancelled_by_operator');
    expect(await why(deviceId)).toMatchObject({ code: 'paused' });
  });

  it('counts the devices before it', async () => {
    const ids = await registerTerminals(
      api,
      jimi,
      ['0000009001', '0000009002', '0000009003'].map((id) => `${serial}${id.slice(2)}`.slice(-10).padStart(10, '0')),
    );
    const { taskId } = await storeTask(api, jimi, [await file('10', '11')], ids, { dispatched: false });
    expect(await why(ids[2]!)).toMatchObject({
      code: 'turn',
      answer: `waits for its turn in task ${taskId}: 2 devices are before it, at most 50 go at one time`,
    });
  });
});
