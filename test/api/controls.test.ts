import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ServiceError } from '@temporalio/client';
import { ControlRefused } from '../../api/executions/executions.ts';
import { registerTerminals, report, TestApi, uploadFile, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;
let serial = 0;
const UPGRADES = '/api/v1/device-upgrades';

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(async () => {
  jimi = await api.department(`jimi ${++serial}`);
  Object.assign(api.executions, { failure: null, running: true, deviceView: null });
});

const sn = (n = 0) => (serial * 1_000 + n).toString().padStart(10, '0');
const post = (path: string, body?: object) => api.send('POST', path, { key: jimi.key, body });

/** A task of one device, with the id of the device's upgrade. */
async function oneDevice() {
  const fileId = await uploadFile(api, jimi.key, '10', '11');
  const [deviceId] = (await registerTerminals(api, jimi, [sn()])) as [string];
  const { body: task } = await post('/api/v1/upgrade-tasks', { firmwareIds: [fileId], deviceIds: [deviceId] });
  const { body } = await api.send('GET', task.links.devices, { key: jimi.key });
  return { task, deviceId, fileId, upgradeId: body.items[0].id as number };
}

/** Puts an upgrade into a state as its workflow would. */
async function put(upgradeId: number, state: { status: string; reason?: string | null; ended?: boolean }) {
  await api.sql`update device_upgrades set status = ${state.status}, reason = ${state.reason ?? null},
    dispatched_at = now(), finished_at = case when ${state.ended === true} then now() end where id = ${upgradeId}`;
}

const unavailable = () => {
  const cause = Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: 'no connection', metadata: {} });
  return new ServiceError('Failed to update workflow', { cause });
};

describe('a task', () => {
  it.each([
    ['pause', 'pause'],
    ['resume', 'resume'],
    ['cancel', 'cancel'],
    ['start-now', 'startNow'],
  ])('can be told to %s, with author and cause', async (action, update) => {
    const { task } = await oneDevice();
    const { status, body } = await post(`${task.links.self}/${action}`, { cause: 'rain' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: task.id, status: 'scheduled' });
    expect(api.executions.updates.at(-1)).toEqual({
      taskId: task.id,
      update,
      arg: { author: jimi.operator, cause: 'rain' },
    });
    expect((await post(`${task.links.self}/${action}`)).status).toBe(200);
    expect(api.executions.updates.at(-1)).toEqual({ taskId: task.id, update, arg: { author: jimi.operator } });
  });

  it('can be told to retry what failed, and to change its pacing', async () => {
    const { task } = await oneDevice();
    const retried = await post(`${task.links.self}/retry-failed`, { cause: 'new antenna' });
    expect(retried).toMatchObject({ status: 200, body: { devices: 3, task: { id: task.id } } });
    expect(api.executions.updates.at(-1)).toEqual({
      taskId: task.id,
      update: 'retryFailed',
      arg: { author: jimi.operator, cause: 'new antenna' },
    });
    await post(`${task.links.self}/retry-failed`, { upgradeIds: [4_711] });
    expect(api.executions.updates.at(-1)?.arg).toEqual({ author: jimi.operator, upgradeIds: [4_711] });
    expect((await post(`${task.links.self}/retry-failed`, { upgradeIds: [] })).body.code).toBe('validation_failed');
  });

  describe('whose pacing is changed', () => {
    const change = (task: { links: { self: string } }, body: object, headers: Record<string, string> = {}) =>
      api.send('PATCH', `${task.links.self}/pacing`, { key: jimi.key, body, headers });
    const growth = { basePerMinute: 10, factor: 2, everyDevices: 50, by: 'succeeded' };

    it.each<[string, object, object]>([
      ['one field', { maxConcurrent: 9 }, { maxConcurrent: 9 }],
      ['rate and growth', { ratePerMinute: 30, growth }, { ratePerMinute: 30, growth }],
      ['what null clears', { growth: null, keyLimits: null, abort: null }, { growth: null, limits: [], abort: [] }],
      ['limits by key', { keyLimits: [{ key: 'order', max: 5 }] }, { limits: [{ key: 'order', max: 5 }] }],
      [
        'rules, with their defaults',
        { abort: [{ percent: 5, afterFinished: 20, effect: 'pause' }] },
        { abort: [{ failures: 'any', percent: 5, afterFinished: 20, effect: 'pause' }] },
      ],
    ])('keeps the rest: %s', async (_, body, fields) => {
      const { task } = await oneDevice();
      const { status, headers } = await change(task, { ...body, cause: 'rain' });
      expect(status).toBe(200);
      expect(headers.get('etag')).toBe('"1"');
      expect(api.executions.updates.at(-1)).toEqual({
        taskId: task.id,
        update: 'changePacing',
        arg: { author: jimi.operator, cause: 'rain', fields },
      });
    });

    it.each<[object, Record<string, string>, number]>([
      [{ revision: 3 }, {}, 3],
      [{}, { 'If-Match': '"4"' }, 4],
      [{}, { 'If-Match': 'W/"5"' }, 5],
      [{}, { 'If-Match': 'nonsense' }, 0],
    ])('passes on which revision was seen: %j %j', async (body, headers, revision) => {
      const { task } = await oneDevice();
      expect((await change(task, { maxConcurrent: 9, ...body }, headers)).status).toBe(200);
      expect(api.executions.updates.at(-1)?.arg).toMatchObject({ revision });
    });

    it('tells who was faster', async () => {
      const { task } = await oneDevice();
      await change(task, { maxConcurrent: 9 });
      api.executions.answer = { kind: 'conflict', revision: 2 };
      const { status, body } = await change(task, { maxConcurrent: 8, revision: 1 });
      api.executions.answer = undefined;
      expect(status).toBe(412);
      expect(body).toMatchObject({ code: 'edit_conflict', revision: 2, changedBy: jimi.operator });
    });

    it.each<[object, string]>([
      [{ maxConcurrent: 2_001 }, 'body.maxConcurrent'],
      [{ ratePerMinute: 0 }, 'body.ratePerMinute'],
      [{ growth: { ...growth, factor: 1 } }, 'body.growth'],
      [{ keyLimits: [{ key: 'colour', max: 1 }] }, 'body.keyLimits'],
      [{ abort: [{ percent: 0, afterFinished: 1, effect: 'pause' }] }, 'body.abort'],
      [{ cause: 'nothing' }, 'body'],
      [{}, 'body'],
    ])('refuses %j', async (body, path) => {
      const { task } = await oneDevice();
      const reply = await change(task, body);
      expect(reply.status).toBe(400);
      expect(reply.body.errors[0].path).toContain(path);
    });
  });

  it.each(['approve', 'reject'])('can be told to %s, with the key that decides', async (action) => {
    const { task } = await oneDevice();
    const [key] = await api.sql`select id from api_keys where name = ${jimi.operator}`;
    expect((await post(`${task.links.self}/${action}`, { cause: 'looked at it' })).status).toBe(200);
    expect(api.executions.updates.at(-1)).toEqual({
      taskId: task.id,
      update: action,
      arg: { author: jimi.operator, cause: 'looked at it', keyId: key!['id'] },
    });
    const [line] = await api.sql`select action, author from audit_log order by id desc limit 1`;
    expect(line).toEqual({ action: `${action}UpgradeTask`, author: jimi.operator });
  });

  it('tells why it refuses', async () => {
    const { task } = await oneDevice();
    api.executions.failure = new ControlRefused('the task has ended');
    const { status, body } = await post(`${task.links.self}/pause`);
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'control_refused', detail: expect.stringContaining('the task has ended') });
  });

  it('says 503 and when to come back while Temporal is away', async () => {
    const { task } = await oneDevice();
    api.executions.failure = unavailable();
    const { status, body, headers } = await post(`${task.links.self}/pause`);
    expect(status).toBe(503);
    expect(body.code).toBe('temporal_unavailable');
    expect(headers.get('retry-after')).toBe('5');
  });

  it('refuses fields nobody knows', async () => {
    const { task } = await oneDevice();
    expect((await post(`${task.links.self}/pause`, { reason: 'rain' })).body.errors[0].path).toBe('body.reason');
  });
});

describe('the options of an order', () => {
  const OPTIONS = {
    maxConcurrent: 20,
    ratePerMinute: 60,
    growth: { basePerMinute: 5, factor: 1.5, everyDevices: 10, by: 'finished' },
    keyLimits: [{ key: 'gateway', max: 7 }],
    abort: [{ failures: 'failed', percent: 2.5, afterFinished: 40, effect: 'cancel_waiting' }],
  };

  async function order(options: object, more: object = {}) {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const [deviceId] = (await registerTerminals(api, jimi, [sn()])) as [string];
    return post('/api/v1/upgrade-tasks', { firmwareIds: [fileId], deviceIds: [deviceId], options, ...more });
  }

  it('are stored and shown as they were given', async () => {
    const { status, body } = await order(OPTIONS);
    expect(status).toBe(202);
    expect(body.options).toMatchObject({ ...OPTIONS, approval: null, joins: false });
    expect(body).toMatchObject({ status: 'scheduled', approval: null, joinFilter: null, revision: 1 });
    const [row] = await api.sql`select options from upgrade_tasks where id = ${body.id}`;
    const { keyLimits: limits, abort, ...pacing } = OPTIONS;
    expect(row!['options']).toMatchObject({ pacing: { ...pacing, limits }, abort });
  });

  it('can ask for an approval, with a time for it and the maker written down', async () => {
    const { body } = await order({ approval: { required: true, withinHours: 8 }, deadlineHours: 4 });
    expect(body.options.approval).toEqual({ required: true, withinHours: 8, onExpiry: 'cancel', fourEyes: true });
    expect(body).toMatchObject({ status: 'awaiting_approval', approval: { approvedAt: null, approvedBy: null } });
    expect((Date.parse(body.approval.deadlineAt) - Date.parse(body.createdAt)) / 3_600_000).toBeCloseTo(8, 3);
    const [row] = await api.sql`
      select k.name from upgrade_tasks t join api_keys k on k.id = t.created_by_key where t.id = ${body.id}`;
    expect(row).toEqual({ name: jimi.operator });
  });

  it('can let devices join that fit the filter later', async () => {
    await registerTerminals(api, jimi, [sn(1)]);
    const filter = { protocol: 'terminal', model: 'GV2' };
    const { status, body } = await order({ joins: true }, { deviceIds: undefined, filter });
    expect(status).toBe(202);
    expect(body).toMatchObject({ options: { joins: true }, joinFilter: filter });
    const [row] = await api.sql`select joined_until = created_at as begun from upgrade_tasks where id = ${body.id}`;
    expect(row).toEqual({ begun: true });
  });

  it('refuse to let devices join a list', async () => {
    const { status, body } = await order({ joins: true });
    expect(status).toBe(422);
    expect(body.errors[0]).toMatchObject({ path: 'body.options.joins', code: 'joins_without_filter' });
  });

  it.each<[string, object]>([
    ['an approval that is not required', { approval: { required: false } }],
    ['a growth that shrinks', { growth: { ...OPTIONS.growth, factor: 0.5 } }],
    ['too many rules', { abort: Array.from({ length: 6 }, () => OPTIONS.abort[0]) }],
    ['too many limits', { keyLimits: Array.from({ length: 11 }, () => OPTIONS.keyLimits[0]) }],
    ['more than all failures', { abort: [{ percent: 101, afterFinished: 1, effect: 'pause' }] }],
  ])('refuse %s', async (_, options) => {
    expect((await order(options)).body.code).toBe('validation_failed');
  });
});

describe('the upgrade of one device', () => {
  it('is shown with what its workflow does', async () => {
    const { upgradeId, deviceId } = await oneDevice();
    api.executions.deviceView = {
      status: 'offered',
      reason: null,
      file: 0,
      attempt: 1,
      failures: 0,
      wakesAtMs: Date.parse('2030-01-02T03:04:05Z'),
    };
    const before = await api.send('GET', `${UPGRADES}/${upgradeId}`, { key: jimi.key });
    expect(before.body).toMatchObject({ id: upgradeId, deviceId, status: 'scheduled', live: null });
    await put(upgradeId, { status: 'offered' });
    const running = await api.send('GET', `${UPGRADES}/${upgradeId}`, { key: jimi.key });
    expect(running.body.live).toEqual({
      status: 'offered',
      reason: null,
      file: 0,
      attempt: 1,
      failures: 0,
      wakesAt: '2030-01-02T03:04:05.000Z',
    });
    api.executions.failure = new Error('away');
    expect((await api.send('GET', `${UPGRADES}/${upgradeId}`, { key: jimi.key })).body).toMatchObject({
      status: 'offered',
      live: null,
    });
  });

  it('has a log in pages', async () => {
    const { upgradeId } = await oneDevice();
    await api.sql`insert into upgrade_log (upgrade_id, author, event, status, file_index, attempt, cause, details)
      values (${upgradeId}, 'system', 'offered', 'offered', 0, 1, 'T1 10 → 11', '{"firmwareId": 1}')`;
    const first = await api.send('GET', `${UPGRADES}/${upgradeId}/log?limit=1`, { key: jimi.key });
    expect(first.body.items).toEqual([
      {
        id: expect.any(Number),
        at: expect.any(String),
        author: jimi.operator,
        event: 'scheduled',
        status: 'scheduled',
        fileIndex: null,
        attempt: null,
        cause: 'eligible',
        details: {},
      },
    ]);
    const second = await api.send('GET', `${UPGRADES}/${upgradeId}/log?after=${first.body.next}`, { key: jimi.key });
    expect(second.body).toEqual({
      items: [
        {
          id: expect.any(Number),
          at: expect.any(String),
          author: 'system',
          event: 'offered',
          status: 'offered',
          fileIndex: 0,
          attempt: 1,
          cause: 'T1 10 → 11',
          details: { firmwareId: 1 },
        },
      ],
      next: null,
    });
  });

  it.each([
    ['cancel', 'cancelled'],
    ['skip', 'skipped'],
  ])('can be told to %s before it begins: by its row, with a line in the log', async (action, status) => {
    const { upgradeId } = await oneDevice();
    const reply = await post(`${UPGRADES}/${upgradeId}/${action}`, { cause: 'sold' });
    expect(reply).toMatchObject({
      status: 200,
      body: { status, reason: `${status}_by_operator`, reasonText: expect.any(String), finishedAt: expect.any(String) },
    });
    const log = await api.send('GET', `${UPGRADES}/${upgradeId}/log`, { key: jimi.key });
    expect(log.body.items.at(-1)).toMatchObject({ author: jimi.operator, event: status, status, cause: 'sold' });
    const again = await post(`${UPGRADES}/${upgradeId}/${action}`);
    expect(again).toMatchObject({
      status: 409,
      body: { code: 'control_refused', detail: expect.stringContaining(`ended as ${status}`) },
    });
    expect(api.executions.controls).toEqual([]);
  });

  it('passes cancel and skip on to its workflow once that has it', async () => {
    const { upgradeId, deviceId } = await oneDevice();
    await put(upgradeId, { status: 'transferring' });
    const reply = await post(`${UPGRADES}/${upgradeId}/cancel`, { cause: 'sold' });
    expect(reply).toMatchObject({ status: 202, body: { status: 'transferring' } });
    expect(api.executions.controls.splice(0)).toEqual([
      { deviceId, control: { upgradeId, action: 'cancel', author: jimi.operator, cause: 'sold' } },
    ]);
    api.executions.running = false;
    expect(await post(`${UPGRADES}/${upgradeId}/skip`)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('Try again') },
    });
  });

  it('is confirmed by its workflow while that waits for a person, and not before', async () => {
    const { upgradeId } = await oneDevice();
    await put(upgradeId, { status: 'transferring' });
    expect(await post(`${UPGRADES}/${upgradeId}/confirm`)).toMatchObject({
      status: 409,
      body: { code: 'control_refused' },
    });
    await put(upgradeId, { status: 'confirming', reason: 'awaiting_operator' });
    expect((await post(`${UPGRADES}/${upgradeId}/confirm`)).status).toBe(202);
    expect(api.executions.controls.splice(0)).toMatchObject([{ control: { upgradeId, action: 'confirm' } }]);
  });

  it('that ended unproven is confirmed only for a baseband file whose version was reported after the offer', async () => {
    const { upgradeId, deviceId, fileId } = await oneDevice();
    const confirm = () => post(`${UPGRADES}/${upgradeId}/confirm`, { cause: 'seen on the bench' });
    const why = async () => (await confirm()).body.detail as string;
    await put(upgradeId, { status: 'failed', reason: 'version_unchanged', ended: true });
    expect(await why()).toContain('only unproven upgrades');
    await put(upgradeId, { status: 'unproven', ended: true });
    expect(await why()).toContain('not for the baseband');
    await api.sql`update firmware set component = 'T3' where id = ${fileId}`;
    expect(await why()).toContain('has not reported');
    await report(api, [deviceId], '11', 'T3');
    await api.sql`insert into device_messages (device_id, kind, upgrade_id, file_index, attempt, payload, expires_at, closed_at)
      values (${deviceId}, 'offer', ${upgradeId}, 0, 1, '{}', now(), now())`;
    expect(await why()).toContain('after the offer');
    await report(api, [deviceId], '11', 'T3');
    const { status, body } = await confirm();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'succeeded',
      reason: 'confirmed_by_operator',
      proofs: [
        {
          fileIndex: 0,
          component: 'T3',
          fromVersion: null,
          version: '11',
          provenAt: expect.any(String),
          note: 'confirmed_by_operator',
        },
      ],
    });
    const log = await api.send('GET', `${UPGRADES}/${upgradeId}/log`, { key: jimi.key });
    expect(log.body.items.at(-1)).toMatchObject({
      author: jimi.operator,
      event: 'confirmed',
      status: 'succeeded',
      cause: 'seen on the bench',
    });
    expect((await confirm()).status).toBe(409);
  });

  it('keeps the one proof of a baseband file that nobody confirmed in time', async () => {
    const { upgradeId, deviceId, fileId } = await oneDevice();
    await api.sql`update firmware set component = 'T3' where id = ${fileId}`;
    await api.sql`insert into device_messages (device_id, kind, upgrade_id, file_index, attempt, payload, expires_at, closed_at)
      values (${deviceId}, 'offer', ${upgradeId}, 0, 1, '{}', now(), now())`;
    await report(api, [deviceId], '11', 'T3');
    await put(upgradeId, { status: 'unproven', reason: 'baseband_not_confirmed', ended: true });
    const proof = {
      fileIndex: 0,
      component: 'T3',
      fromVersion: '10',
      version: '11',
      provenAt: '2025-01-02T03:04:05.000Z',
    };
    await api.sql`update device_upgrades set proofs = ${JSON.stringify([proof])}::text::jsonb where id = ${upgradeId}`;
    const { status, body } = await post(`${UPGRADES}/${upgradeId}/confirm`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'succeeded', reason: 'confirmed_by_operator', proofs: [proof] });
    expect(body.proofs).toHaveLength(1);
  });
});
