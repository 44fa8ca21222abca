import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { registerTerminals, report, TestApi, uploadFile, type TestDepartment } from './harness.ts';

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
const plan = (body: object, query = '', key = jimi.key) => api.send('POST', `${TASKS}/plan${query}`, { key, body });
const create = (body: object, headers: Record<string, string> = {}, key = jimi.key) =>
  api.send('POST', TASKS, { key, body, headers });
const minutesBetween = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / 60_000);

/** Devices in every situation a plan knows, and a file from 10 to 11. */
async function fleet() {
  const fileId = await uploadFile(api, jimi.key, '10', '11', { model: 'GV2', compatibleVersion: '10' });
  const [goes, silent, old, current, busy, wrongModel] = (await registerTerminals(
    api,
    jimi,
    [1, 2, 3, 4, 5, 6].map(sn),
    null,
  )) as [string, string, string, string, string, string];
  await report(api, [goes, busy, wrongModel], '10');
  await report(api, [old], '09');
  await report(api, [current], '11');
  await api.sql`update devices set model = 'GV9' where id = ${wrongModel}`;
  const tracker = `86812014${String(serial).padStart(7, '0')}`;
  await api.send('POST', '/api/v1/devices', { key: jimi.key, body: [{ protocol: 'ams', identity: tracker }] });
  const other = await api.department(`other ${serial}`);
  const [theirs] = await registerTerminals(api, other, [sn(7)]);
  const blocker = await create({ firmwareIds: [fileId], deviceIds: [busy] });
  await api.sql`update device_upgrades set dispatched_at = now(), status = 'offered' where task_id = ${blocker.body.id}`;
  const deviceIds = [goes, silent, old, current, busy, wrongModel, `ams-${tracker}`, theirs!, 'terminal-FFFFFFFFFF'];
  return { fileId, deviceIds };
}

describe('a plan', () => {
  it('says of each device whether it goes, and why not', async () => {
    const { fileId, deviceIds } = await fleet();
    const { status, body } = await plan({ firmwareIds: [fileId], deviceIds: [...deviceIds, deviceIds[0]] });
    expect(status).toBe(200);
    const said = body.devices.map(({ deviceId, outcome, reason }: Record<string, string>) => [
      deviceIds.indexOf(deviceId!),
      outcome,
      reason,
    ]);
    expect(said).toEqual([
      [0, 'goes', null],
      [1, 'waits', 'no_version_uploaded'],
      [2, 'waits', 'version_mismatch'],
      [3, 'refused', 'already_current'],
      [4, 'waits', 'busy'],
      [5, 'waits', 'model_mismatch'],
      [6, 'refused', 'protocol_mismatch'],
      [7, 'refused', 'other_department'],
      [8, 'refused', 'not_registered'],
    ]);
    expect(body.devices[2].explanation).toBe('the device runs 09, the file replaces only 10');
    expect(body.counts).toEqual({ asked: 9, goes: 1, waits: 4, skipped: 0, refused: 4 });
    expect(body.reasons).toContainEqual({
      outcome: 'refused',
      reason: 'other_department',
      reasonText: 'the device belongs to another department; only that department can upgrade it',
      devices: 1,
    });
    expect(body.files).toEqual([
      {
        firmwareId: fileId,
        fileName: 'GV2_1110d100.bin',
        protocol: 'terminal',
        model: 'GV2',
        powerKw: null,
        component: 'T1',
        targetVersion: '11',
        sizeBytes: 12_000,
        expectedMinutes: expect.any(Number),
      },
    ]);
    expect(body).toMatchObject({ nights: null, warnings: [], next: null });
    expect(minutesBetween(body.dispatchAt, body.deadlineAt)).toBe(7 * 24 * 60 - 10);
    expect(minutesBetween(body.deadlineAt, body.latestEndAt)).toBe(45);
  });

  it('skips closed gates when told to, and shows its devices in pages', async () => {
    const { fileId, deviceIds } = await fleet();
    const order = { firmwareIds: [fileId], deviceIds, options: { notEligible: 'skip' } };
    const first = await plan(order, '?limit=2');
    expect(first.body.counts).toEqual({ asked: 9, goes: 1, waits: 1, skipped: 3, refused: 4 });
    expect(first.body.devices).toHaveLength(2);
    const second = await plan(order, `?limit=1000&after=${first.body.next}`);
    const places = ({ deviceId, position }: { deviceId: string; position: number }) => [
      deviceIds.indexOf(deviceId),
      position,
    ];
    // Who is refused has no place in the order, and does not take one from others.
    expect(second.body.devices.map(places)).toEqual([
      [2, 2],
      [3, null],
      [4, 3],
      [5, 4],
      [6, null],
      [7, null],
      [8, null],
    ]);
    expect(second.body.next).toBeNull();
    const skipped = await plan(order, '?outcome=skipped');
    expect(skipped.body.devices.map(({ reason }: { reason: string }) => reason)).toEqual([
      'no_version_uploaded',
      'version_mismatch',
      'model_mismatch',
    ]);
    expect((await plan(order, '?limit=0')).body.devices).toEqual([]);
  });

  it('chooses by filter, and never across the wall', async () => {
    const { fileId } = await fleet();
    const { body } = await plan({
      firmwareIds: [fileId],
      filter: { protocol: 'terminal', model: 'GV2', q: sn(1).slice(0, 9) },
    });
    expect(body.counts).toEqual({ asked: 5, goes: 1, waits: 3, skipped: 0, refused: 1 });
    expect((await plan({ firmwareIds: [fileId], filter: {} })).body.code).toBe('validation_failed');
  });

  it('has no side effects and needs none to be the truth: the task does what was planned', async () => {
    const { fileId, deviceIds } = await fleet();
    const order = { firmwareIds: [fileId], deviceIds };
    const planned = await plan(order);
    expect(await api.sql`select 1 from upgrade_tasks where department_id = ${jimi.id}`).toHaveLength(1);
    const made = await create(order);
    expect(made.body.counts).toEqual(planned.body.counts);
    expect(made.body.reasons).toEqual(planned.body.reasons);
    const refused = planned.body.devices.filter(({ outcome }: { outcome: string }) => outcome === 'refused');
    expect(made.body.refused).toEqual(
      refused.map(({ deviceId, reason, explanation }: object & Record<string, string>) => ({
        deviceId,
        reason,
        explanation,
      })),
    );
    const rows = await api.send('GET', made.body.links.devices, { key: jimi.key });
    expect(rows.body.items.map(({ deviceId }: { deviceId: string }) => deviceId)).toEqual(
      [0, 1, 2, 4, 5].map((n) => deviceIds[n]),
    );
  });

  it('lets a device that has file one go on to file two, and leaves out what has both', async () => {
    const first = await uploadFile(api, jimi.key, '10', '11');
    const second = await uploadFile(api, jimi.key, '11', '12');
    const ids = await registerTerminals(api, jimi, [1, 2, 3].map(sn));
    await report(api, [ids[1]!], '11');
    await report(api, [ids[2]!], '12');
    const { body } = await plan({ firmwareIds: [first, second], deviceIds: ids });
    expect(body.devices.map(({ outcome, reason }: Record<string, string>) => [outcome, reason])).toEqual([
      ['goes', null],
      ['goes', null],
      ['refused', 'already_current'],
    ]);
  });

  it('counts nights and warns when the deadline comes too early', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(
      api,
      jimi,
      Array.from({ length: 10 }, (_, n) => sn(n)),
    );
    const window = { from: '01:00', to: '01:10', zone: 'Asia/Shanghai' };
    const order = (options: object) => ({
      firmwareIds: [fileId],
      deviceIds: ids,
      options: { maxConcurrent: 1, window, ...options },
    });
    // 12 000 bytes take 84 s with the flash, so 7 devices fit into ten minutes
    const roomy = await plan(order({}));
    expect(roomy.body).toMatchObject({ nights: 2, warnings: [] });
    expect(Date.parse(roomy.body.expectedEndAt)).toBeLessThan(Date.parse(roomy.body.deadlineAt));
    const tight = await plan(order({ deadlineHours: 24.5 }));
    expect(tight.body).toMatchObject({ nights: 2, expectedEndAt: null, warnings: [{ code: 'deadline_too_early' }] });
    const always = await plan({ ...order({}), options: { maxConcurrent: 5 } });
    expect(minutesBetween(always.body.dispatchAt, always.body.expectedEndAt)).toBe(3);
    expect((await plan({ ...order({}), options: { night: true } })).body).toMatchObject({
      nights: 1,
      options: { window: { from: '00:00', to: '06:00', zone: 'Asia/Shanghai' } },
    });
  });

  it('gives each device its turn: order, night, step of growth, and what is certain', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [1, 2, 3, 4, 5].map(sn));
    await report(api, [ids[1]!], '09');
    // 12 000 bytes take 84 s with the flash: three of them fit into five minutes.
    const window = { from: '01:00', to: '01:05', zone: 'Asia/Shanghai' };
    const order = { firmwareIds: [fileId], deviceIds: [...ids, 'terminal-FFFFFFFFFF'] };
    const options = {
      maxConcurrent: 1,
      window,
      growth: { basePerMinute: 60, factor: 2, everyDevices: 2, by: 'succeeded' },
    };
    const { body } = await plan({ ...order, options });
    const [first, waits, second, third, last, refused] = body.devices;
    expect(body.devices.map(({ night, wave }: { night: number; wave: number }) => [night, wave])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 2],
      [2, 2],
      [null, null],
    ]);
    expect(body.nights).toBe(2);
    expect(Date.parse(second.expectedStartAt)).toBe(Date.parse(first.expectedEndAt));
    expect(Date.parse(first.expectedEndAt) - Date.parse(first.expectedStartAt)).toBe(83_438);
    expect(first.earliestStartAt).toBe(first.expectedStartAt);
    expect(Date.parse(last.earliestStartAt)).toBeLessThan(Date.parse(last.expectedStartAt));
    expect(waits).toMatchObject({ outcome: 'waits', expectedStartAt: null, expectedEndAt: null });
    expect(waits.earliestStartAt).toEqual(expect.any(String));
    for (const { latestEndAt } of [first, waits, second, third, last]) {
      expect(minutesBetween(body.deadlineAt, latestEndAt)).toBe(40);
    }
    expect(refused).toMatchObject({ position: null, earliestStartAt: null, latestEndAt: null });
    const made = await create({ ...order, options });
    const rows =
      await api.sql`select device_id, position from device_upgrades where task_id = ${made.body.id} order by position`;
    expect(rows.map((row) => [row['device_id'], row['position']])).toEqual(
      body.devices.slice(0, 5).map(({ deviceId, position }: Record<string, unknown>) => [deviceId, position]),
    );
  });

  it('goes by the measured speed of each device; one that is too slow for every night waits, with a warning', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [1, 2, 3].map(sn));
    await api.sql`
      insert into device_contacts (device_id, last_seen_at, address, bytes_per_second)
      values (${ids[1]!}, now(), 'x', 60), (${ids[2]!}, now(), 'x', 2000)`;
    const window = { from: '01:00', to: '01:04', zone: 'Asia/Shanghai' };
    const order = { firmwareIds: [fileId], deviceIds: ids, options: { window } };
    const { body } = await plan(order);
    expect(body.devices.map(({ outcome, reason }: Record<string, string>) => [outcome, reason])).toEqual([
      ['goes', null],
      ['waits', 'window'],
      ['goes', null],
    ]);
    const took = ({ expectedStartAt, expectedEndAt }: Record<string, string>) =>
      (Date.parse(expectedEndAt!) - Date.parse(expectedStartAt!)) / 1_000;
    expect(took(body.devices[0])).toBeCloseTo(60 + 12_000 / 512, 2);
    expect(took(body.devices[2])).toBeCloseTo(60 + 12_000 / 1_600, 2);
    expect(body.devices[1]).toMatchObject({
      explanation: expect.stringContaining('at 48 bytes per second the file takes about 6 minutes'),
      earliestStartAt: null,
      night: null,
    });
    expect(body.warnings).toEqual([
      { code: 'devices_too_slow_for_window', message: expect.stringMatching(/^1 devices are so slow/) },
    ]);
    // Where all of them are, there is nothing to do.
    const slow = await plan({ ...order, deviceIds: [ids[1]] });
    expect(slow.body.errors.map(({ code }: { code: string }) => code)).toEqual(['file_longer_than_window']);
    // And where the quick ones fit, the usual speed does not matter.
    const quick = { ...order, options: { window: { ...window, to: '01:01' } } };
    expect((await plan(quick)).body.errors.map(({ code }: { code: string }) => code)).toEqual([
      'file_longer_than_window',
    ]);
    await api.sql`update device_contacts set bytes_per_second = 40000 where device_id = ${ids[2]!}`;
    expect((await plan({ ...quick, options: { window: { ...window, to: '01:02' } } })).body.counts).toMatchObject({
      goes: 2,
      waits: 1,
    });
  });

  it('needs no more than an ordinary night: one that a clock change shortens is passed over', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn()]);
    // Somewhere in the coming year Berlin leaves out an hour at two o'clock.
    const window = { from: '02:30', to: '02:33', zone: 'Europe/Berlin' };
    expect((await plan({ firmwareIds: [fileId], deviceIds: ids, options: { window } })).body).toMatchObject({
      nights: 1,
      warnings: [],
    });
  });

  it('is bound by the approval, too, when that may come after the deadline', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn()]);
    const bound = async (approval: object | null) => {
      const options = { deadlineHours: 4, dispatchDelayMinutes: 10, approval };
      const { body } = await plan({ firmwareIds: [fileId], deviceIds: ids, options });
      return minutesBetween(body.deadlineAt, body.latestEndAt);
    };
    // Proof limit, last devices, margin.
    expect(await bound(null)).toBe(45);
    expect(await bound({ required: true, withinHours: 2 })).toBe(45);
    expect(await bound({ required: true, withinHours: 6 })).toBe(45 + 120);
  });

  it('of a task that devices may join needs none to begin with', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const order = { firmwareIds: [fileId], filter: { model: 'not sold yet' }, options: { joins: true } };
    expect((await plan(order)).body).toMatchObject({ counts: { asked: 0 }, nights: null, devices: [] });
    expect((await create(order)).body).toMatchObject({ deviceCount: 0, joinFilter: { model: 'not sold yet' } });
  });

  it('warns of a compatible version that no terminal could report', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11', { compatibleVersion: '07' });
    const ids = await registerTerminals(api, jimi, [sn()]);
    expect((await plan({ firmwareIds: [fileId], deviceIds: ids })).body.warnings).toEqual([
      { code: 'compatible_version_unreachable', message: expect.stringContaining('07') },
    ]);
  });
});

describe('an impossible order', () => {
  const refusals = async (body: object) => {
    const planned = await plan(body);
    const made = await create(body);
    expect(made.status).toBe(planned.status);
    expect(made.body.errors).toEqual(planned.body.errors);
    expect(planned).toMatchObject({ status: 422, body: { code: 'order_refused' } });
    return planned.body.errors.map(({ code }: { code: string }) => code);
  };

  it('is refused with every reason, alike by plan and creation', async () => {
    const first = await uploadFile(api, jimi.key, '10', '11');
    const second = await uploadFile(api, jimi.key, '11', '12');
    const third = await uploadFile(api, jimi.key, '12', '13');
    const deviceIds = await registerTerminals(api, jimi, [sn()]);
    const order = (more: object) => ({ firmwareIds: [first], deviceIds, ...more });
    expect(await refusals(order({ firmwareIds: [first, second, third] }))).toEqual(['too_many_files']);
    expect(await refusals(order({ firmwareIds: [first, first] }))).toEqual(['same_file_twice']);
    expect(await refusals(order({ firmwareIds: [first, third] }))).toEqual(['second_file_unreachable']);
    expect(await refusals(order({ firmwareIds: [first, 999_999] }))).toEqual(['firmware_not_found']);
    expect(await refusals({ firmwareIds: [first] })).toEqual(['devices_not_chosen']);
    expect(await refusals(order({ filter: { model: 'GV2' } }))).toEqual(['devices_not_chosen']);
    expect(await refusals(order({ deviceIds: [] }))).toEqual(['no_devices']);
    expect(await refusals(order({ deviceIds: ['terminal-FFFFFFFFFF'] }))).toEqual(['no_devices']);
    expect(await refusals({ firmwareIds: [first], filter: { model: 'none such' } })).toEqual(['no_devices']);
    const window = { from: '02:00', to: '02:01', zone: 'Asia/Shanghai' };
    expect(await refusals(order({ options: { window } }))).toEqual(['file_longer_than_window']);
    expect(await refusals(order({ options: { window, night: true } }))).toEqual(['window_and_night']);
    expect(await refusals(order({ options: { window: { ...window, zone: 'Asia/Atlantis' } } }))).toEqual([
      'zone_unknown',
    ]);
    expect(await refusals(order({ options: { dispatchDelayMinutes: 90, deadlineHours: 1 } }))).toEqual([
      'deadline_before_dispatch',
    ]);
    expect(
      await refusals(
        order({
          firmwareIds: [first, third],
          deviceIds: ['terminal-FFFFFFFFFF'],
          options: { window, dispatchDelayMinutes: 90, deadlineHours: 1 },
        }),
      ),
    ).toEqual(['second_file_unreachable', 'deadline_before_dispatch', 'file_longer_than_window', 'no_devices']);
  });

  it('does not leave anything behind', async () => {
    await create({ firmwareIds: [999_999], deviceIds: ['terminal-FFFFFFFFFF'] });
    expect(await api.sql`select 1 from upgrade_tasks where department_id = ${jimi.id}`).toHaveLength(0);
  });

  it('needs permissions for batches and for starting at once', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const ids = await registerTerminals(api, jimi, [sn(1), sn(2)]);
    const single = await api.key(jimi.id, 'single', ['upgrade:write']);
    const send = (body: object) => create({ firmwareIds: [fileId], ...body }, {}, single);
    expect((await send({ deviceIds: ids })).body).toMatchObject({
      code: 'permission_missing',
      permission: 'upgrade:batch',
    });
    expect((await send({ filter: { model: 'GV2' } })).body).toMatchObject({
      code: 'permission_missing',
      permission: 'upgrade:batch',
    });
    expect((await send({ deviceIds: [ids[0]], options: { dispatchDelayMinutes: 0 } })).body).toMatchObject({
      permission: 'upgrade:batch',
    });
    expect((await send({ deviceIds: [ids[0]] })).status).toBe(202);
    const reader = await api.key(jimi.id, 'reader', ['device:read']);
    expect((await create({ firmwareIds: [fileId], deviceIds: ids }, {}, reader)).body.permission).toBe('upgrade:write');
  });

  it('may have the shortest times there are, told as they were sent, and none so short that it would be none', async () => {
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const deviceIds = await registerTerminals(api, jimi, [sn()]);
    const times = (least: number) => ({
      approval: { required: true, withinHours: least, onExpiry: 'cancel', fourEyes: false },
      deadlineHours: 1,
      dispatchDelayMinutes: 0,
      limits: {
        waitOnlineHours: least,
        transferMinutes: least,
        proofMinutes: least,
        silenceMinutes: least,
        reactionSeconds: least,
        settleSeconds: least,
      },
    });
    const made = await create({ firmwareIds: [fileId], deviceIds, options: times(0.001) });
    expect(made.status).toBe(202);
    const { deadlineHours: _lives, ...shown } = times(0.001);
    expect(made.body.options).toMatchObject(shown);
    const refused = await create({ firmwareIds: [fileId], deviceIds, options: times(0.000_99) });
    expect(refused.status).toBe(400);
    expect(refused.body.errors).toHaveLength(7 + 1);
  });

  it('names misspelt options and impossible values', async () => {
    const { body } = await create({
      firmwareIds: [1],
      deviceIds: [],
      options: {
        maxConcurent: 5,
        attemptsPerFile: 11,
        window: { from: '24:00', to: '6', zone: 'x' },
        limits: { proofMinutes: 0 },
      },
    });
    expect(body.code).toBe('validation_failed');
    const paths = body.errors.map(({ path }: { path: string }) => path);
    for (const path of ['maxConcurent', 'attemptsPerFile', 'window.from', 'window.to', 'limits.proofMinutes'])
      expect(paths).toContain(`body.options.${path}`);
    expect(body.errors.find(({ path }: { path: string }) => path.endsWith('window.from')).message).toBe(
      'must have the form: HH:MM, inclusive',
    );
  });
});
