import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startUnstartedTasks } from '../../api/app.ts';
import { registerTerminals, report, TestApi, uploadFile, type TestDepartment } from './harness.ts';
import { atMost } from '../../workflows/rules/pacing.ts';

let api: TestApi;
let jimi: TestDepartment;
let serial = 0;
const TASKS = '/api/v1/upgrade-tasks';

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(async () => {
  jimi = await api.department(`jimi ${++serial}`);
  api.executions.failure = null;
  api.executions.view = null;
});

const sn = (n = 0) => (serial * 1_000 + n).toString().padStart(10, '0');

const create = (body: object, headers: Record<string, string> = {}, key = jimi.key) =>
  api.send('POST', TASKS, { key, body, headers });
const minutesBetween = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / 60_000);

describe('making a task', () => {
  it('stores everything, starts the workflow and answers with its address', async () => {
    const first = await uploadFile(api, jimi.key, '10', '11');
    const second = await uploadFile(api, jimi.key, '11', '12');
    const ids = await registerTerminals(api, jimi, [sn(1), sn(2)]);
    await report(api, [ids[1]!], '08');
    const options = {
      dispatchDelayMinutes: 0.5,
      window: { from: '22:00', to: '21:00', zone: 'Europe/Berlin' },
      maxConcurrent: 7,
      attemptsPerFile: 2,
      notEligible: 'skip',
      limits: {
        waitOnlineHours: 0.01,
        transferMinutes: 1,
        proofMinutes: 0.5,
        silenceMinutes: 0.25,
        reactionSeconds: 2.5,
        settleSeconds: 1,
      },
    };
    const { status, headers, body } = await create({
      name: 'two steps',
      firmwareIds: [first, second],
      deviceIds: ids,
      options: { ...options, deadlineHours: 48 },
    });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`${TASKS}/${body.id}`);
    expect(body).toEqual({
      id: expect.any(Number),
      name: 'two steps',
      status: 'scheduled',
      firmwareIds: [first, second],
      options: {
        ...options,
        ratePerMinute: null,
        growth: null,
        keyLimits: [],
        abort: [],
        approval: null,
        joins: false,
        pile: { control: 'when_idle', downloadTimeoutMinutes: 30 },
      },
      joinFilter: null,
      approval: null,
      revision: 1,
      deviceCount: 2,
      createdBy: jimi.operator,
      createdAt: expect.any(String),
      dispatchAt: expect.any(String),
      deadlineAt: expect.any(String),
      startedAt: null,
      finishedAt: null,
      links: {
        self: `${TASKS}/${body.id}`,
        devices: `${TASKS}/${body.id}/devices`,
        log: `${TASKS}/${body.id}/log`,
        execution: `http://temporal.test/namespaces/default/workflows/task%2F${body.id}`,
      },
      counts: { asked: 2, goes: 1, waits: 0, skipped: 1, refused: 0 },
      reasons: [{ outcome: 'skipped', reason: 'version_mismatch', reasonText: expect.any(String), devices: 1 }],
      nights: 1,
      expectedEndAt: expect.any(String),
      latestEndAt: expect.any(String),
      warnings: [],
      refused: [],
    });
    expect(minutesBetween(body.createdAt, body.deadlineAt)).toBe(48 * 60);
    expect(api.executions.started.at(-1)).toEqual({ taskId: body.id, name: 'two steps', department: jimi.name });

    const [stored] = await api.sql`
      select options, status, started_at, created_by_key = k.id as "byKey"
      from upgrade_tasks t join api_keys k on k.name = t.created_by where t.id = ${body.id}`;
    expect(stored).toEqual({
      options: {
        pacing: atMost(7),
        abort: [],
        approval: null,
        joins: null,
        window: options.window,
        attemptsPerFile: 2,
        notEligible: 'skip',
        dispatchDelayMs: 30_000,
        lifeMs: 2 * 24 * 3_600_000,
        limits: {
          waitOnlineMs: 36_000,
          transferMs: 60_000,
          proofMs: 30_000,
          silenceMs: 15_000,
          reactionMs: 2_500,
          settleMs: 1_000,
        },
        pile: { control: 'when_idle', downloadTimeoutMinutes: 30 },
      },
      status: 'scheduled',
      started_at: null,
      byKey: true,
    });
    const [audited] = await api.sql`
      select author, action, target_kind as kind, after->>'deviceCount' as devices from audit_log where target_id = ${String(body.id)} and target_kind = 'task'`;
    expect(audited).toEqual({ author: jimi.operator, action: 'createUpgradeTask', kind: 'task', devices: '2' });
    const rows =
      await api.sql`select u.id, device_id, u.status, reason, position, bytes_total, finished_at is null as open, l.author, l.event, l.cause
      from device_upgrades u join upgrade_log l on l.upgrade_id = u.id where task_id = ${body.id} order by position`;
    expect(rows.map(({ id: _id, ...row }) => row)).toEqual([
      {
        device_id: ids[0],
        status: 'scheduled',
        reason: null,
        position: 0,
        bytes_total: 12_000,
        open: true,
        author: jimi.operator,
        event: 'scheduled',
        cause: 'eligible',
      },
      {
        device_id: ids[1],
        status: 'skipped',
        reason: 'version_mismatch',
        position: 1,
        bytes_total: 12_000,
        open: false,
        author: jimi.operator,
        event: 'skipped',
        cause: 'the device runs 08, the file replaces only 10',
      },
    ]);
  });

  it('has a name and ten minutes of delay unless told otherwise', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn()]);
    const { body } = await create({ firmwareIds: [fileId], deviceIds: ids });
    expect(body).toMatchObject({
      name: 'Upgrade to 11',
      options: { dispatchDelayMinutes: 10, window: null, maxConcurrent: 50, attemptsPerFile: 3, notEligible: 'wait' },
    });
    expect(minutesBetween(body.createdAt, body.dispatchAt)).toBe(10);
  });

  it('survives Temporal being away: the task is stored, answered, and started later', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn()]);
    api.executions.failure = new Error('away');
    const { status, body } = await create({ firmwareIds: [fileId], deviceIds: ids });
    expect(status).toBe(202);
    api.executions.failure = null;
    const startsOf = () => api.executions.started.filter(({ taskId }) => taskId === body.id);
    await api.sql`update upgrade_tasks set started_at = now() where id <> ${body.id}`;
    expect(await startUnstartedTasks(api.db, api.executions)).toBe(0);
    await api.sql`update upgrade_tasks set created_at = now() - interval '6 seconds' where id = ${body.id}`;
    expect(await startUnstartedTasks(api.db, api.executions)).toBe(1);
    expect(startsOf()).toEqual([{ taskId: body.id, name: 'Upgrade to 11', department: jimi.name }]);
    await api.sql`update upgrade_tasks set started_at = now() where id = ${body.id}`;
    expect(await startUnstartedTasks(api.db, api.executions)).toBe(0);
  });

  it('happens once for one idempotency key', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn(1), sn(2)]);
    const key = { 'idempotency-key': 'order 4711' };
    const order = {
      firmwareIds: [fileId],
      deviceIds: [ids[0], 'terminal-FFFFFFFFFF'],
      options: { night: true, maxConcurrent: 3 },
    };
    const answers = await Promise.all([create(order, key), create(order, key), create(order, key)]);
    const [first] = answers;
    for (const answer of answers) {
      expect(answer.status).toBe(202);
      expect(answer.body).toEqual(first.body);
    }
    expect(api.executions.started.filter(({ taskId }) => taskId === first.body.id)).toHaveLength(1);
    await report(api, ids, '11');
    const reordered = { options: { maxConcurrent: 3, night: true }, deviceIds: order.deviceIds, firmwareIds: [fileId] };
    const later = await create(reordered, key);
    expect(later.body).toEqual(first.body);
    expect(later.headers.get('location')).toBe(first.headers.get('location'));
    expect(await create({ ...order, name: 'other' }, key)).toMatchObject({
      status: 409,
      body: { code: 'idempotency_key_reused' },
    });
    const other = await api.department(`other ${serial}`);
    expect((await create(order, key, other.key)).body.code).toBe('order_refused');
    expect(await api.sql`select 1 from upgrade_tasks where department_id = ${jimi.id}`).toHaveLength(1);
  });
});

describe('looking at tasks', () => {
  it('lists them newest first, by status', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn()]);
    const made: number[] = [];
    for (let i = 0; i < 3; i++) made.push((await create({ firmwareIds: [fileId], deviceIds: ids })).body.id);
    await api.sql`update upgrade_tasks set status = 'running' where id = ${made[0]!}`;
    const idsOf = (reply: { body: { items: { id: number }[] } }) => reply.body.items.map(({ id }) => id);
    const first = await api.send('GET', `${TASKS}?limit=2`, { key: jimi.key });
    expect(idsOf(first)).toEqual([made[2], made[1]]);
    expect(idsOf(await api.send('GET', `${TASKS}?limit=2&after=${first.body.next}`, { key: jimi.key }))).toEqual([
      made[0],
    ]);
    expect(idsOf(await api.send('GET', `${TASKS}?status=running`, { key: jimi.key }))).toEqual([made[0]]);
  });

  it('finds them by several statuses, maker, name and date', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn()]);
    const colleague = await api.key(jimi.id, `colleague ${serial}`);
    const order = (name: string, key = jimi.key) => create({ name, firmwareIds: [fileId], deviceIds: ids }, {}, key);
    const [north, south, east] = [
      (await order('Night batch NORTH')).body.id,
      (await order('night batch south')).body.id,
      (await order('100% east_side', colleague)).body.id,
    ];
    await api.sql`update upgrade_tasks set status = 'running' where id = ${south}`;
    await api.sql`update upgrade_tasks set status = 'finished', created_at = '2026-01-10T12:00:00Z' where id = ${north}`;
    const found = async (query: string) =>
      (await api.send('GET', `${TASKS}?${query}`, { key: jimi.key })).body.items.map(({ id }: { id: number }) => id);
    expect(await found('status=running,finished')).toEqual([south, north]);
    expect(await found(`createdBy=${encodeURIComponent(`colleague ${serial}`)}`)).toEqual([east]);
    expect(await found('q=night%20batch')).toEqual([south, north]);
    // Signs that mean something to a database are letters like others.
    expect(await found('q=%25')).toEqual([east]);
    expect(await found('q=t_s')).toEqual([east]);
    expect(await found('from=2026-01-10T12:00:00Z&to=2026-01-10T12:00:01Z')).toEqual([north]);
    expect(await found('to=2026-01-10T12:00:00Z')).toEqual([]);
    expect(await found('status=finished&q=south')).toEqual([]);
    const { status, body } = await api.send('GET', `${TASKS}?status=running,sleeping`, { key: jimi.key });
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'validation_failed' });
  });

  it('shows how fast one may go by now, and who must approve it', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [1, 2, 3, 4].map(sn));
    const growth = { basePerMinute: 10, factor: 2, everyDevices: 2, by: 'finished' };
    const approval = { required: true, withinHours: 2 };
    const { body: task } = await create({ firmwareIds: [fileId], deviceIds: ids, options: { growth, approval } });
    expect(task.status).toBe('awaiting_approval');
    expect(minutesBetween(task.createdAt, task.approval.deadlineAt)).toBe(120);
    const show = async () => (await api.send('GET', task.links.self, { key: jimi.key })).body;
    expect(await show()).toMatchObject({
      pace: { startsPerMinute: 10, startedInLastMinute: 0, wave: 1 },
      approvalNeededFrom: `somebody other than ${jimi.operator}`,
      revision: 1,
    });
    const now = Math.floor(Date.now() / 1_000);
    const recent = [
      [now - 300, 5],
      [now - 20, 3],
    ];
    await api.sql`
      update upgrade_tasks set status = 'running', recent_starts = ${JSON.stringify(recent)}::text::jsonb, revision = 4 where id = ${task.id}`;
    await api.sql`
      update device_upgrades set status = 'failed', finished_at = now() where task_id = ${task.id} and position in (0, 1)`;
    await api.sql`
      update device_upgrades set status = 'skipped', finished_at = now() where task_id = ${task.id} and position = 2`;
    expect(await show()).toMatchObject({
      pace: { startsPerMinute: 20, startedInLastMinute: 3, wave: 2 },
      approvalNeededFrom: null,
      revision: 4,
    });
  });

  it('shows one with counts, files and what its workflow does', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn(1), sn(2), sn(3)]);
    const { body: task } = await create({ firmwareIds: [fileId], deviceIds: ids });
    await api.sql`update device_upgrades set status = 'failed', reason = 'terminal_803', finished_at = now() where task_id = ${task.id} and device_id = ${ids[0]!}`;
    const wakesAtMs = Date.parse('2030-01-02T03:04:05Z');
    api.executions.view = {
      phase: 'delayed',
      wakesAtMs,
      pacing: atMost(50),
    } as never;
    const { body } = await api.send('GET', task.links.self, { key: jimi.key });
    expect(body).toMatchObject({
      id: task.id,
      counts: { scheduled: 2, failed: 1 },
      files: [{ firmwareId: fileId, targetVersion: '11' }],
      live: { phase: 'delayed', wakesAt: '2030-01-02T03:04:05.000Z', maxConcurrent: 50 },
    });
    api.executions.failure = new Error('away');
    const blind = await api.send('GET', task.links.self, { key: jimi.key });
    expect(blind).toMatchObject({ status: 200, body: { live: null, counts: { scheduled: 2, failed: 1 } } });
  });

  it('lists its devices by status and reason, each with words and links', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn(1), sn(2), sn(3)]);
    const { body: task } = await create({ firmwareIds: [fileId], deviceIds: ids });
    await api.sql`update device_upgrades set status = 'failed', reason = 'terminal_803', finished_at = now() where task_id = ${task.id} and device_id = ${ids[1]!}`;
    const { body } = await api.send('GET', `${task.links.devices}?status=failed&reason=terminal_803`, {
      key: jimi.key,
    });
    expect(body.next).toBeNull();
    const [row] = body.items;
    expect(row).toEqual({
      id: expect.any(Number),
      taskId: task.id,
      deviceId: ids[1],
      firmwareIds: task.firmwareIds,
      status: 'failed',
      reason: 'terminal_803',
      reasonText: 'a packet arrived corrupt six times in a row; the radio is bad; it is tried again',
      fileIndex: 0,
      attempt: 0,
      decision: null,
      bytesSent: 0,
      bytesTotal: 12_000,
      proofs: [],
      dispatchedAt: null,
      finishedAt: expect.any(String),
      updatedAt: expect.any(String),
      links: {
        self: `/api/v1/device-upgrades/${row.id}`,
        log: `/api/v1/device-upgrades/${row.id}/log`,
        task: `${TASKS}/${task.id}`,
        device: `/api/v1/devices/${ids[1]}`,
        execution: `http://temporal.test/namespaces/default/workflows/upgrade%2F${ids[1]}`,
      },
    });
    const idsBy = async (query: string) =>
      (await api.send('GET', `${task.links.devices}?${query}`, { key: jimi.key })).body.items.map(
        ({ deviceId }: { deviceId: string }) => deviceId,
      );
    expect(await idsBy('status=failed,scheduled')).toEqual(ids);
    expect(await idsBy('status=succeeded')).toEqual([]);
    expect(await idsBy(`deviceId=${ids[2]}`)).toEqual([ids[2]]);
    expect(await idsBy('deviceId=terminal-')).toEqual(ids);
    expect(await idsBy('deviceId=terminal_')).toEqual([]);
    const first = await api.send('GET', `${task.links.devices}?limit=2`, { key: jimi.key });
    const second = await api.send('GET', `${task.links.devices}?limit=2&after=${first.body.next}`, { key: jimi.key });
    expect([...first.body.items, ...second.body.items].map(({ deviceId }: { deviceId: string }) => deviceId)).toEqual(
      ids,
    );
  });

  it('logs who made it', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn()]);
    const { body: task } = await create({ firmwareIds: [fileId], deviceIds: ids });
    const { body } = await api.send('GET', task.links.log, { key: jimi.key });
    expect(body).toEqual({
      items: [
        {
          id: expect.any(Number),
          at: expect.any(String),
          author: jimi.operator,
          event: 'created',
          cause: '',
          details: { counts: task.counts },
        },
      ],
      next: null,
    });
  });
});
