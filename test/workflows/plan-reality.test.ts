/**
 * What was planned is what happens: the same devices, in the same order, not before they were said to start and not
 * after they were said to have ended.
 */
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTaskActivities, type Executions } from '../../activities/tasks.ts';
import { registerTerminals, report, TestApi, uploadFile, type TestDepartment } from '../api/harness.ts';
import { behaving, dispatchAll } from '../support/simulated-dispatcher.ts';
import { startTimeSkipping, withWorker } from '../support/temporal.ts';
import type { TaskOptions } from '../../db/schema.ts';
import { RUN_TASK, type TaskOutcome } from '../../workflows/contract.ts';
import { assumedBytesPerSecond, expectedDurationMs, nightsFrom } from '../../workflows/rules/windows.ts';

const TASKS = '/api/v1/upgrade-tasks';

interface PlanDevice {
  deviceId: string;
  position: number | null;
  outcome: 'goes' | 'waits' | 'skipped' | 'refused';
  night: number | null;
  earliestStartAt: string | null;
  expectedStartAt: string | null;
  expectedEndAt: string | null;
  latestEndAt: string | null;
}

let api: TestApi;
let jimi: TestDepartment;
beforeAll(async () => {
  api = await TestApi.start();
  jimi = await api.department('jimi');
});
afterAll(() => api.stop());

/** The hour of the day some hours from now: plan and task, made a moment apart, see the same nights. */
function hour(ahead: number): string {
  return new Date(Date.now() + ahead * 3_600_000).toISOString().slice(11, 13);
}

async function planAll(order: object) {
  const devices: PlanDevice[] = [];
  for (let after = -1; ;) {
    const path = `${TASKS}/plan?limit=1000${after < 0 ? '' : `&after=${after}`}`;
    const { body } = await api.send('POST', path, { key: jimi.key, body: order });
    devices.push(...(body.devices as PlanDevice[]));
    if (body.next === null) return { plan: body, devices };
    after = body.next;
  }
}

describe('a task of 5 000 devices through several nights', () => {
  it('goes as planned', async () => {
    const COUNT = 5_000;
    const files = [await uploadFile(api, jimi.key, '10', '11'), await uploadFile(api, jimi.key, '11', '12')];
    // Five models, forty orders, speeds from 30 to 2 500 bytes a second, some never measured; one in twenty not eligible.
    await api.sql`
      insert into devices (id, protocol, identity, department_id, model, order_no, created_by)
      select 'terminal-' || sn, 'terminal', sn, ${jimi.id}, 'M' || n % 5, case when n % 3 = 0 then 'order ' || n % 40 else '' end, 'test'
      from generate_series(1, ${COUNT}) n, lateral (select lpad(upper(to_hex(n * 7919 % 1000003)), 10, '0') as sn) x`;
    await api.sql`
      insert into device_versions (device_id, component, version, reported_at, report_seq)
      select id, 'T1', case when n % 20 = 0 then '07' when n % 9 = 0 then '11' when n % 31 = 0 then '12' else '10' end, now(), 1
      from (select id, row_number() over (order by id) as n from devices where department_id = ${jimi.id}) d`;
    await api.sql`
      insert into device_contacts (device_id, last_seen_at, address, bytes_per_second)
      select id, now(), 'x', case when n % 4 = 0 then null else 10 + (n * 37) % 2500 end
      from (select id, row_number() over (order by id) as n from devices where department_id = ${jimi.id}) d`;
    const order = {
      firmwareIds: files,
      filter: { protocol: 'terminal' },
      options: {
        window: { from: `${hour(6)}:30`, to: `${hour(7)}:20`, zone: 'UTC' },
        maxConcurrent: 90,
        ratePerMinute: 40,
        growth: { basePerMinute: 10, factor: 1.5, everyDevices: 200, by: 'succeeded' },
        keyLimits: [
          { key: 'model', max: 25 },
          { key: 'order', max: 2 },
        ],
        deadlineHours: 24 * 14,
      },
    };
    const { plan, devices } = await planAll(order);
    const { body: task } = await api.send('POST', TASKS, { key: jimi.key, body: order });
    expect(task.counts).toEqual(plan.counts);
    expect(plan.counts.goes).toBeGreaterThan(4_000);
    expect(plan.nights).toBeGreaterThan(2);
    expect(plan.warnings).toEqual([]);

    // From here on only what is stored counts, and a clock that runs by itself.
    const stored = await api.sql`
      select u.device_id as id, u.position, d.model, d.order_no as "orderNo", c.bytes_per_second as speed, v.version
      from device_upgrades u join devices d on d.id = u.device_id join device_contacts c on c.device_id = d.id
      join device_versions v on v.device_id = d.id where u.task_id = ${task.id} order by u.position`;
    const taken = devices.filter(({ outcome }) => outcome !== 'refused');
    expect(stored.map(({ id, position }) => [id, position])).toEqual(taken.map((d) => [d.deviceId, d.position]));
    const fleet = stored.map(({ model, orderNo, speed, version }) => ({
      isReady: version === '10' || version === '11',
      durationsMs: [12_000, 12_000]
        .slice(version === '11' ? 1 : 0)
        .map((bytes) => expectedDurationMs(bytes, assumedBytesPerSecond('terminal', speed))),
      keys: { model, order: orderNo || null },
    }));
    const [row] = await api.sql`
      select options, (extract(epoch from dispatch_at) * 1000)::float8 as "dispatchAtMs",
        (extract(epoch from deadline_at) * 1000)::float8 as "deadlineAtMs" from upgrade_tasks where id = ${task.id}`;
    const { options, dispatchAtMs, deadlineAtMs } = row as unknown as { options: TaskOptions } & Record<
      'dispatchAtMs' | 'deadlineAtMs',
      number
    >;
    const times = { pacing: options.pacing, window: options.window, dispatchAtMs };
    const run = dispatchAll(fleet, times, behaving(fleet), deadlineAtMs);

    const executed = [...run.endMs.keys()].sort((a, b) => a - b);
    expect(executed).toEqual(taken.flatMap(({ outcome }, place) => (outcome === 'goes' ? [place] : [])));
    const planned = (field: 'expectedStartAt' | 'expectedEndAt' | 'earliestStartAt' | 'latestEndAt', place: number) =>
      Date.parse(taken[place]![field] ?? '');
    for (const place of executed) {
      expect(run.startMs.get(place)).toBe(planned('expectedStartAt', place));
      expect(run.endMs.get(place)).toBe(planned('expectedEndAt', place));
      expect(run.startMs.get(place)).toBeGreaterThanOrEqual(planned('earliestStartAt', place));
      expect(run.endMs.get(place)).toBeLessThanOrEqual(planned('latestEndAt', place));
    }
    expect(run.order.filter((place) => run.endMs.has(place))).toEqual(
      executed.toSorted((a, b) => planned('expectedStartAt', a) - planned('expectedStartAt', b) || a - b),
    );
    expect(nightsOf(options, dispatchAtMs, Math.max(...run.endMs.values()))).toBe(plan.nights);
  }, 240_000);
});

describe('a task of 1 000 devices of four kinds', () => {
  it('goes as planned, each kind with its own files at its own speed', async () => {
    const COUNT = 1_000;
    const mixed = await api.department('mixed');
    const upload = (from: string, to: string, changes: Record<string, string>) =>
      uploadFile(api, mixed.key, from, to, changes);
    const firmwareIds = [
      await upload('P1', 'P2', { protocol: 'pile', model: 'DC', powerKw: '120' }),
      await upload('10', '11', {}),
      await upload('V1', 'V2', { protocol: 'pcp' }),
      await upload('11', '12', {}),
      await upload('Q1', 'Q2', { protocol: 'pile', model: 'AC', powerKw: '7' }),
      await upload('V2', 'V3', { protocol: 'pcp', sliceSize: '128' }),
    ];
    // Of each kind a quarter, in turn by their numbers; every third was measured, one in eleven runs what no file replaces.
    await api.sql`
      insert into devices (id, protocol, identity, department_id, model, power_kw, created_by)
      select protocol || '-' || identity, protocol, identity, ${mixed.id},
        case when protocol = 'pile' then case when n % 4 = 0 then 'DC' else 'AC' end else 'M' || n % 3 end,
        case when protocol = 'pile' then case when n % 4 = 0 then 120 else 7 end end, 'test'
      from generate_series(1, ${COUNT}) n,
        lateral (select (array['pile', 'terminal', 'pcp', 'pile'])[1 + n % 4] as protocol, 'FF' || lpad(n::text, 8, '0') as identity) x`;
    await api.sql`
      insert into device_versions (device_id, component, version, reported_at, report_seq)
      select id, 'T1', case when right(identity, 4)::int % 11 = 0 then 'X' when model = 'DC' then 'P1' when model = 'AC' then 'Q1'
        when protocol = 'pcp' then case when right(identity, 4)::int % 7 = 0 then 'V2' else 'V1' end else '10' end, now(), 1
      from devices where department_id = ${mixed.id}`;
    await api.sql`
      insert into device_contacts (device_id, last_seen_at, address, bytes_per_second)
      select id, now(), 'x', case when right(identity, 4)::int % 3 = 0 then 100 + right(identity, 4)::int % 900 end
      from devices where department_id = ${mixed.id}`;
    // By number, so that the kinds take turns.
    const ids = await api.sql`select id from devices where department_id = ${mixed.id} order by identity`;
    const order = {
      firmwareIds,
      deviceIds: ids.map(({ id }) => id as string),
      options: {
        window: { from: `${hour(6)}:30`, to: `${hour(7)}:00`, zone: 'UTC' },
        maxConcurrent: 30,
        ratePerMinute: 30,
        keyLimits: [{ key: 'model', max: 12 }],
        deadlineHours: 24 * 9,
      },
    };
    const { body: plan } = await api.send('POST', `${TASKS}/plan?limit=1000`, { key: mixed.key, body: order });
    const { body: task } = await api.send('POST', TASKS, { key: mixed.key, body: order });
    expect(task.counts).toEqual(plan.counts);
    expect(plan.counts).toMatchObject({ asked: COUNT, goes: COUNT - 90, waits: 90 });
    expect(plan.nights).toBeGreaterThan(1);

    // What is stored, played by the dispatcher's rules on a clock of its own.
    const stored = await api.sql`
      select u.device_id as id, d.protocol, d.model, c.bytes_per_second as speed, v.version, u.bytes_total as bytes,
        (select jsonb_agg(jsonb_build_object('size', f.size_bytes, 'to', f.target_version, 'protocol', f.protocol) order by o.place)
         from unnest(u.firmware_ids) with ordinality as o(id, place) join firmware f on f.id = o.id) as files
      from device_upgrades u join devices d on d.id = u.device_id join device_contacts c on c.device_id = d.id
      join device_versions v on v.device_id = d.id where u.task_id = ${task.id} order by u.position`;
    const fleet = stored.map(({ protocol, model, speed, version, files }) => ({
      isReady: version !== 'X',
      durationsMs: (files as { size: number; to: string }[])
        .slice(version === 'V2' ? 1 : 0)
        .map(({ size }) => expectedDurationMs(size, assumedBytesPerSecond(protocol as string, speed as number | null))),
      keys: { model: model as string },
    }));
    expect(
      stored.every(({ protocol, files }) =>
        (files as { protocol: string }[]).every((file) => file.protocol === protocol),
      ),
    ).toBe(true);
    expect(new Set(stored.map(({ files }) => (files as { to: string }[]).map(({ to }) => to).join()))).toEqual(
      new Set(['P2', '11,12', 'V2,V3', 'Q2']),
    );
    const [row] = await api.sql`
      select options, (extract(epoch from dispatch_at) * 1000)::float8 as "dispatchAtMs",
        (extract(epoch from deadline_at) * 1000)::float8 as "deadlineAtMs" from upgrade_tasks where id = ${task.id}`;
    const { options, dispatchAtMs, deadlineAtMs } = row as unknown as { options: TaskOptions } & Record<
      'dispatchAtMs' | 'deadlineAtMs',
      number
    >;
    const times = { pacing: options.pacing, window: options.window, dispatchAtMs };
    const run = dispatchAll(fleet, times, behaving(fleet), deadlineAtMs);
    const planned = plan.devices as PlanDevice[];
    expect([...run.endMs.keys()].sort((a, b) => a - b)).toEqual(
      planned.flatMap(({ outcome }, place) => (outcome === 'goes' ? [place] : [])),
    );
    for (const [place, endMs] of run.endMs) {
      expect(run.startMs.get(place)).toBe(Date.parse(planned[place]!.expectedStartAt!));
      expect(endMs).toBe(Date.parse(planned[place]!.expectedEndAt!));
    }
    expect(nightsOf(options, dispatchAtMs, Math.max(...run.endMs.values()))).toBe(plan.nights);
  }, 240_000);
});

function nightsOf({ window }: TaskOptions, fromMs: number, lastMs: number): number {
  for (const { night, closesAtMs } of nightsFrom(window!, fromMs)) if (lastMs <= closesAtMs) return night;
  return 0;
}

describe('a task on the real engine and the real database', () => {
  let env: TestWorkflowEnvironment;
  beforeAll(async () => {
    env = await startTimeSkipping();
  });
  afterAll(() => env.teardown());

  it('starts whom it planned to, in the order it planned, not before and not more at one time', async () => {
    const other = await api.department('engine');
    const fileId = await uploadFile(api, other.key, '10', '11');
    const ids = await registerTerminals(
      api,
      other,
      Array.from({ length: 60 }, (_, n) => `E${String(n).padStart(9, '0')}`),
    );
    await report(api, [ids[3]!, ids[30]!], '09');
    await report(api, [ids[7]!], '11');
    // In an order of its own.
    const deviceIds = ids.toSorted((a, b) => a.slice(-1).localeCompare(b.slice(-1)) || b.localeCompare(a));
    const body = {
      firmwareIds: [fileId],
      deviceIds,
      options: {
        // None: this server would leap over it, and the devices would start before the moment of the plan.
        dispatchDelayMinutes: 0,
        notEligible: 'skip',
        maxConcurrent: 8,
        growth: { basePerMinute: 120, factor: 2, everyDevices: 20, by: 'succeeded' },
        deadlineHours: 1,
      },
    };
    const { body: plan } = await api.send('POST', `${TASKS}/plan?limit=100`, { key: other.key, body });
    const { body: task } = await api.send('POST', TASKS, { key: other.key, body });

    const started: { deviceId: string; atMs: number }[] = [];
    let [active, mostActive] = [0, 0];
    const executions: Executions = {
      startUpgrade: async ({ upgradeId, deviceId }) => {
        started.push({ deviceId, atMs: Date.now() });
        mostActive = Math.max(mostActive, ++active);
        await api.sql`update device_upgrades set status = 'offered' where id = ${upgradeId}`;
        setTimeout(() => {
          active -= 1;
          void api.sql`update device_upgrades set status = 'succeeded', finished_at = clock_timestamp() where id = ${upgradeId}`.execute();
        }, 150);
        return 'started';
      },
      signalEdge: async () => true,
      controlUpgrade: async () => true,
      latestUpgrade: async () => null,
    };
    const activities = createTaskActivities({ db: api.db, executions, stopping: new AbortController().signal });
    const outcome = await withWorker(env.nativeConnection, activities, async (taskQueue) => {
      const handle = await env.client.workflow.start(RUN_TASK, {
        workflowId: `task/${task.id}`,
        taskQueue,
        args: [{ taskId: task.id }],
      });
      return (await handle.result()) as TaskOutcome;
    });
    const endedAtMs = Date.now();

    expect(outcome).toEqual({ status: 'finished', counts: { succeeded: 57, skipped: 2 } });
    const goes = (plan.devices as PlanDevice[]).filter((device) => device.outcome === 'goes');
    expect(started.map(({ deviceId }) => deviceId)).toEqual(goes.map(({ deviceId }) => deviceId));
    started.forEach(({ atMs }, n) => {
      expect(atMs).toBeGreaterThanOrEqual(Date.parse(goes[n]!.earliestStartAt!));
    });
    // The rate does hold somebody back here.
    expect(Date.parse(goes.at(-1)!.earliestStartAt!) - Date.parse(plan.dispatchAt)).toBeGreaterThan(5_000);
    expect(mostActive).toBeLessThanOrEqual(8);
    expect(endedAtMs).toBeLessThan(Date.parse(task.latestEndAt));
  }, 120_000);
});
