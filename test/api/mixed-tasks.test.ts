/**
 * Tasks for devices of several kinds: each device gets the files that are for it, and only those.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginJoins, joinDevices } from '../../db/upgrades/joins.ts';
import { report, TestApi, uploadFile, type TestDepartment } from './harness.ts';

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
});

const post = (path: string, body: object) => api.send('POST', path, { key: jimi.key, body });
const plan = (body: object, query = '') => post(`${TASKS}/plan${query}`, body);
const create = (body: object) => post(TASKS, body);
const get = async (path: string) => (await api.send('GET', path, { key: jimi.key })).body;
const digits = (n: number, length: number) => String(serial * 1_000 + n).padStart(length, '0');
const upload = (from: string, to: string, changes: Record<string, string> = {}) =>
  uploadFile(api, jimi.key, from, to, changes);
const pileFile = (from: string, to: string, model: string, powerKw: number) =>
  upload(from, to, { protocol: 'pile', model, powerKw: String(powerKw) });

/** Registers a device that has reported a version, and returns its id. */
async function device(protocol: string, n: number, version: string | null, fields: object = {}): Promise<string> {
  const identity = digits(n, { terminal: 10, ams: 15, pcp: 15, pile: 14 }[protocol]!);
  const { body } = await post('/api/v1/devices', [{ protocol, identity, ...fields }]);
  expect(body.results).toMatchObject([{ status: 'created' }]);
  if (version !== null) await report(api, [`${protocol}-${identity}`], version);
  return `${protocol}-${identity}`;
}

const dc = { model: 'DC', powerKw: 120 };
const ac = { model: 'AC', powerKw: 7 };

/** Seven files for four kinds of devices, and devices of five. */
async function fleet() {
  const files = {
    terminal: [await upload('10', '11'), await upload('11', '12')],
    pcp: [
      await upload('V1', 'V2', { protocol: 'pcp', sliceSize: '256' }),
      await upload('V2', 'V3', { protocol: 'pcp' }),
    ],
    dc: [await pileFile('P1', 'P2', 'DC', 120), await pileFile('P2', 'P3', 'DC', 120)],
    ac: [await pileFile('P1', 'Q2', 'AC', 7)],
  };
  const devices = {
    terminal: await device('terminal', 1, '10'),
    second: await device('terminal', 2, '11'),
    pcp: await device('pcp', 3, 'V1'),
    dc: await device('pile', 4, 'P1', dc),
    ac: await device('pile', 5, 'P1', ac),
    // Its model is right and its power is not.
    large: await device('pile', 6, 'P1', { model: 'DC', powerKw: 240 }),
    done: await device('pcp', 7, 'V3'),
    tracker: await device('ams', 8, 'V1'),
  };
  // Interleaved: only the order among those of one kind matters.
  const firmwareIds = [
    files.dc[0]!,
    files.terminal[0]!,
    files.pcp[0]!,
    files.ac[0]!,
    files.terminal[1]!,
    files.pcp[1]!,
    files.dc[1]!,
  ];
  return { files, devices, firmwareIds, deviceIds: Object.values(devices) };
}

describe('a task for several kinds of devices', () => {
  it('says of each device which files are for it, and why not', async () => {
    const { files, devices, firmwareIds, deviceIds } = await fleet();
    const { status, body } = await plan({ firmwareIds, deviceIds });
    expect(status).toBe(200);
    expect(body.counts).toEqual({ asked: 8, goes: 5, waits: 1, skipped: 0, refused: 2 });
    expect(
      body.devices.map(({ deviceId, outcome, reason, firmwareIds: own }: Record<string, unknown>) => [
        Object.keys(devices)[deviceIds.indexOf(deviceId as string)],
        outcome,
        reason,
        own,
      ]),
    ).toEqual([
      ['terminal', 'goes', null, files.terminal],
      ['second', 'goes', null, files.terminal],
      ['pcp', 'goes', null, files.pcp],
      ['dc', 'goes', null, files.dc],
      ['ac', 'goes', null, files.ac],
      ['large', 'waits', 'model_mismatch', files.dc],
      ['done', 'refused', 'already_current', files.pcp],
      ['tracker', 'refused', 'protocol_mismatch', []],
    ]);
    expect(body.devices[5].explanation).toBe('the file is for a DC pile of 120 kW, the device is a DC pile of 240 kW');
    expect(body.devices[7].explanation).toBe('the files are for protocols pile, terminal, pcp, the device has ams');
    expect(body.files.map(({ firmwareId }: { firmwareId: number }) => firmwareId)).toEqual(firmwareIds);
    expect(body.files[0]).toMatchObject({ protocol: 'pile', model: 'DC', powerKw: 120 });
    expect(body.warnings).toEqual([]);
    // 12 000 bytes: at 250 bytes a second and with the flash 108 s each, at 512 bytes 84 s.
    const seconds = ({ expectedStartAt: from, expectedEndAt: to }: Record<string, string>) =>
      Math.round((Date.parse(to!) - Date.parse(from!)) / 1_000);
    expect([0, 1, 2, 4].map((place) => seconds(body.devices[place]))).toEqual([167, 83, 216, 61]);
  });

  it('is made as it was planned, each device with its own files', async () => {
    const { files, devices, firmwareIds, deviceIds } = await fleet();
    const planned = await plan({ firmwareIds, deviceIds });
    const { status, body: task } = await create({ firmwareIds, deviceIds });
    expect(status).toBe(202);
    expect(task).toMatchObject({
      name: 'Upgrade to P2, then P3 (pile DC 120 kW), 11, then 12 (terminal), V2, then V3 (pcp), Q2 (pile AC 7 kW)',
      firmwareIds,
      counts: planned.body.counts,
      reasons: planned.body.reasons,
    });
    const { items } = await get(task.links.devices);
    const stored = new Map(items.map((item: { deviceId: string }) => [item.deviceId, item] as const)) as Map<
      string,
      { firmwareIds: number[]; bytesTotal: number }
    >;
    expect(stored.size).toBe(6);
    expect(stored.get(devices.second)?.firmwareIds).toEqual(files.terminal);
    expect(stored.get(devices.pcp)).toMatchObject({ firmwareIds: files.pcp, bytesTotal: 12_000 });
    expect(stored.get(devices.dc)?.firmwareIds).toEqual(files.dc);
    expect(stored.get(devices.ac)?.firmwareIds).toEqual(files.ac);
    expect(stored.get(devices.large)?.firmwareIds).toEqual(files.dc);
    const shown = await get(task.links.self);
    expect(shown.files.map(({ protocol }: { protocol: string }) => protocol)).toEqual([
      'pile',
      'terminal',
      'pcp',
      'pile',
      'terminal',
      'pcp',
      'pile',
    ]);
    // Its files stay.
    for (const id of [files.ac[0], files.pcp[1]]) {
      const { body } = await api.send('DELETE', `/api/v1/firmware/${id}`, { key: jimi.key });
      expect(body.code).toBe('firmware_in_use');
    }
    const { planned: next } = await get(`/api/v1/devices/${devices.ac}/lineage`);
    expect(next[0].files.map(({ targetVersion }: { targetVersion: string }) => targetVersion)).toEqual(['Q2']);
  });

  it('chooses piles by their power', async () => {
    const { files, devices } = await fleet();
    const { body } = await plan({ firmwareIds: files.dc, filter: { protocol: 'pile', model: 'DC', powerKw: 120 } });
    expect(body.devices.map(({ deviceId }: { deviceId: string }) => deviceId)).toEqual([devices.dc]);
  });

  it('is refused when a device would have three files, when a file is there twice, and with nine files', async () => {
    const { files, firmwareIds, deviceIds } = await fleet();
    const third = await upload('V3', 'V4', { protocol: 'pcp' });
    const refusals = async (ids: number[]) => {
      const { status, body } = await plan({ firmwareIds: ids, deviceIds });
      expect(status).toBe(422);
      expect((await create({ firmwareIds: ids, deviceIds })).body.errors).toEqual(body.errors);
      return body.errors.map(({ code, message }: Record<string, string>) => [code, message]);
    };
    expect(await refusals([...firmwareIds, third])).toEqual([
      ['too_many_files', expect.stringContaining(`3 are for protocol pcp (${[...files.pcp, third].join(', ')})`)],
    ]);
    const dcThird = await pileFile('P3', 'P4', 'DC', 120);
    expect(await refusals([...files.dc, dcThird])).toEqual([
      ['too_many_files', expect.stringContaining('DC piles of 120 kW')],
    ]);
    expect(await refusals([...firmwareIds, files.ac[0]!])).toEqual([
      ['same_file_twice', expect.stringContaining(`file ${files.ac[0]} is given twice`)],
    ]);
    expect(await refusals([...firmwareIds, 1, 2])).toEqual([['too_many_files', expect.stringContaining('at most 8')]]);
    // In each kind the second file must follow on the first.
    expect(await refusals([files.terminal[0]!, files.pcp[1]!, files.pcp[0]!])).toEqual([
      ['second_file_unreachable', expect.stringContaining(`file ${files.pcp[0]}`)],
    ]);
  });

  it('warns of what a device of one version could never report, of each kind', async () => {
    const pcp = await upload('V1', 'V2', { protocol: 'pcp', compatibleVersion: 'HW7' });
    const pile = await pileFile('P1', 'P2', 'DC', 120);
    const deviceIds = [await device('pcp', 1, 'V1'), await device('pile', 2, 'P1', dc)];
    const { body } = await plan({ firmwareIds: [pile, pcp], deviceIds });
    expect(body.warnings).toEqual([
      { code: 'compatible_version_unreachable', message: expect.stringContaining('a PCP device') },
    ]);
  });

  it('takes devices of each kind in that come later, with their own files', async () => {
    const { files, firmwareIds } = await fleet();
    const order = { firmwareIds, filter: { model: 'later' }, options: { joins: true } };
    const { body: task } = await create(order);
    expect(task.deviceCount).toBe(0);
    await api.sql`update upgrade_tasks set status = 'running' where id = ${task.id}`;
    await beginJoins(api.db, task.id);
    const pcp = await device('pcp', 21, 'V1', { model: 'later' });
    const terminal = await device('terminal', 22, '10', { model: 'later' });
    await device('ams', 23, 'V1', { model: 'later' });
    expect(await joinDevices(api.db, task.id)).toMatchObject({ devices: 2 });
    const { items } = await get(task.links.devices);
    expect(
      items.map(({ deviceId, firmwareIds: own, bytesTotal }: Record<string, unknown>) => [deviceId, own, bytesTotal]),
    ).toEqual([
      [pcp, files.pcp, 12_000],
      [terminal, files.terminal, 12_000],
    ]);
  });
});

describe('what piles are told', () => {
  it('is kept with the task and can be sent again', async () => {
    const firmwareIds = [await pileFile('P1', 'P2', 'DC', 120)];
    const deviceIds = [await device('pile', 1, 'P1', dc)];
    const made = async (pile?: object) => {
      const { status, body } = await create({
        firmwareIds,
        deviceIds,
        ...(pile === undefined ? {} : { options: { pile } }),
      });
      expect(status).toBe(202);
      const [stored] = await api.sql`select options->'pile' as pile from upgrade_tasks where id = ${body.id}`;
      return { shown: body.options.pile, stored: stored!['pile'], warnings: body.warnings };
    };
    expect(await made()).toEqual({
      shown: { control: 'when_idle', downloadTimeoutMinutes: 30 },
      stored: { control: 'when_idle', downloadTimeoutMinutes: 30 },
      warnings: [],
    });
    expect((await made({ downloadTimeoutMinutes: 255 })).stored).toEqual({
      control: 'when_idle',
      downloadTimeoutMinutes: 255,
    });
    const atOnce = await made({ control: 'at_once', confirm: true });
    expect(atOnce.stored).toEqual({ control: 'at_once', downloadTimeoutMinutes: 30 });
    expect(atOnce.warnings).toEqual([
      { code: 'charging_interrupted', message: expect.stringContaining('1 charging piles begin at once') },
    ]);
    expect((await made(atOnce.shown)).shown).toEqual(atOnce.shown);
  });

  it('never interrupts charging unless that was confirmed', async () => {
    const firmwareIds = [await pileFile('P1', 'P2', 'DC', 120)];
    const deviceIds = [await device('pile', 1, 'P1', dc)];
    for (const pile of [{ control: 'at_once' }, { control: 'at_once', confirm: false }]) {
      const { status, body } = await create({ firmwareIds, deviceIds, options: { pile } });
      expect(status).toBe(422);
      expect(body.errors).toEqual([
        {
          path: 'body.options.pile.confirm',
          code: 'confirm_required',
          message: expect.stringContaining('confirm: true'),
        },
      ]);
    }
    for (const pile of [{ downloadTimeoutMinutes: 0 }, { downloadTimeoutMinutes: 256 }, { control: 'now' }]) {
      expect((await create({ firmwareIds, deviceIds, options: { pile } })).body.code).toBe('validation_failed');
    }
  });
});
