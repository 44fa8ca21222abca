/**
 * PCP devices and charging piles in the registry and among the files: what each must have, and what is refused.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { firmwareBytes, TestApi, uploadForm, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;
let serial = 0;
const DEVICES = '/api/v1/devices';
const FIRMWARE = '/api/v1/firmware';

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(async () => {
  jimi = await api.department(`jimi ${++serial}`);
});

const imei = (n = 1) => `8681201${String(serial * 1_000 + n).padStart(8, '0')}`;
const pileNumber = (n = 1) => `5503${String(serial * 1_000 + n).padStart(10, '0')}`;
const get = async (path: string) => (await api.send('GET', path, { key: jimi.key })).body;
const register = async (rows: object[]) =>
  (await api.send('POST', DEVICES, { key: jimi.key, body: rows })).body.results as Record<string, string>[];
const bulk = async (set: object, deviceIds: string[]) =>
  (await api.send('POST', `${DEVICES}/bulk`, { key: jimi.key, body: { action: 'update', deviceIds, set } })).body;

describe('a PCP device', () => {
  it('is named by its IMEI, which it then has', async () => {
    expect(await register([{ protocol: 'pcp', identity: imei(), model: 'NB1' }])).toEqual([
      { row: 1, status: 'created', deviceId: `pcp-${imei()}`, code: null, message: null },
    ]);
    const device = await get(`${DEVICES}/pcp-${imei()}`);
    expect(device).toMatchObject({ protocol: 'pcp', identity: imei(), imei: imei(), model: 'NB1', powerKw: null });
    expect((await get(`${DEVICES}?protocol=pcp`)).items).toHaveLength(1);
    const change = { key: jimi.key, body: { imei: imei(2) } };
    expect((await api.send('PATCH', `${DEVICES}/pcp-${imei()}`, change)).body.errors).toMatchObject([
      { path: 'body.imei' },
    ]);
  });

  it.each([
    ['an IMEI of 14 digits', { identity: '86812014523360' }, 'identity_wrong'],
    ['an IMEI beside it that is another one', { imei: '868120145233609' }, 'imei_wrong'],
    ['a power', { powerKw: 7 }, 'power_not_for_protocol'],
  ])('is refused with %s', async (_kind, fields, code) => {
    const [row] = await register([{ protocol: 'pcp', identity: imei(), ...fields }]);
    expect(row).toMatchObject({ status: 'refused', code });
  });

  it('cannot have the IMEI of a tracker', async () => {
    await register([{ protocol: 'ams', identity: imei() }]);
    expect(await register([{ protocol: 'pcp', identity: imei() }])).toMatchObject([
      { code: 'imei_taken', message: expect.stringContaining(`ams-${imei()}`) },
    ]);
  });
});

describe('a charging pile', () => {
  const pile = (n = 1, fields: object = {}) => ({
    protocol: 'pile',
    identity: pileNumber(n),
    model: 'DC',
    powerKw: 120,
    ...fields,
  });

  it('is registered with model and power, and found by both', async () => {
    const rows = [pile(1), pile(2, { model: 'ac', powerKw: '7' }), pile(3, { powerKw: 65_535 })];
    expect((await register(rows)).map(({ status }) => status)).toEqual(['created', 'created', 'created']);
    expect((await get(`${DEVICES}/pile-${pileNumber(2)}`)) as object).toMatchObject({
      protocol: 'pile',
      identity: pileNumber(2),
      imei: null,
      model: 'AC',
      powerKw: 7,
    });
    const found = async (query: string) =>
      (await get(`${DEVICES}?${query}`)).items.map(({ identity }: { identity: string }) => identity);
    expect(await found('protocol=pile&model=DC')).toEqual([pileNumber(1), pileNumber(3)]);
    expect(await found('powerKw=7')).toEqual([pileNumber(2)]);
    expect((await get(`${DEVICES}/count?powerKw=120`)).devices).toBe(1);
    // What is not said again stays, and saying it again changes nothing.
    expect(
      await register([{ protocol: 'pile', identity: pileNumber(1), remark: 'yard' }, pile(2, rows[1])]),
    ).toMatchObject([{ status: 'updated' }, { status: 'unchanged' }]);
    expect(await get(`${DEVICES}/pile-${pileNumber(1)}`)).toMatchObject({ model: 'DC', powerKw: 120, remark: 'yard' });
  });

  it.each([
    ['no model', { model: null }, 'pile_incomplete', 'DC or AC'],
    ['no power', { powerKw: null }, 'pile_incomplete', 'power'],
    ['a model that is none', { model: 'GV2' }, 'model_wrong', 'write DC or AC'],
    ['a power of 0', { powerKw: 0 }, 'power_wrong', '1 to 65535'],
    ['a power of 65536', { powerKw: '65536' }, 'power_wrong', '1 to 65535'],
    ['half a kilowatt', { powerKw: 3.5 }, 'power_wrong', 'whole kW'],
    ['a number of 13 digits', { identity: '5503141278230' }, 'identity_wrong', '14 digits'],
    ['a number with a letter', { identity: '5503141278230A' }, 'identity_wrong', '14 digits'],
  ])('is refused with %s', async (_kind, fields, code, words) => {
    expect(await register([pile(1, fields), pile(2)])).toMatchObject([
      { status: 'refused', code, message: expect.stringContaining(words) },
      { status: 'created' },
    ]);
  });

  it('comes in by CSV, row by row, and goes out by CSV', async () => {
    const csv = [
      'protocol,identity,model,PowerKW',
      `pile,${pileNumber(1)},DC,60`,
      `pile,${pileNumber(2)},DC,`,
      `terminal,${'A'.repeat(6)}${String(serial).padStart(4, '0')},GV2,60`,
      `pcp,${imei(9)},,`,
    ].join('\n');
    const { body } = await api.send('POST', `${DEVICES}/import`, {
      key: jimi.key,
      body: csv,
      headers: { 'content-type': 'text/csv' },
    });
    expect(body.results).toMatchObject([
      { row: 1, status: 'created' },
      { row: 2, status: 'refused', code: 'pile_incomplete' },
      { row: 3, status: 'refused', code: 'power_not_for_protocol' },
      { row: 4, status: 'created' },
    ]);
    const exported = await api.send('GET', DEVICES, { key: jimi.key, headers: { accept: 'text/csv' } });
    const [header, ...rows] = exported.body.toString().trim().split(/\r?\n/) as [string, ...string[]];
    const column = header.split(',').indexOf('powerKw');
    expect(rows.map((row) => row.split(',')[column])).toEqual(['', '60']);
  });

  it('changes its power, but never loses it, and other devices get none', async () => {
    const terminal = `terminal-${'B'.repeat(6)}${String(serial).padStart(4, '0')}`;
    await register([
      pile(1),
      pile(2, { model: 'AC', powerKw: 7 }),
      { protocol: 'terminal', identity: terminal.slice(9) },
    ]);
    const patch = (id: string, body: object) => api.send('PATCH', `${DEVICES}/${id}`, { key: jimi.key, body });
    expect((await patch(`pile-${pileNumber()}`, { powerKw: 180 })).body.powerKw).toBe(180);
    expect((await patch(`pile-${pileNumber()}`, { powerKw: null })).status).toBe(400);
    for (const [id, body, path] of [
      [`pile-${pileNumber()}`, { model: '' }, 'body.model'],
      [terminal, { powerKw: 7 }, 'body.powerKw'],
    ] as const) {
      expect((await patch(id, body)).body).toMatchObject({ code: 'validation_failed', errors: [{ path }] });
    }
    const ids = [`pile-${pileNumber(1)}`, `pile-${pileNumber(2)}`, terminal];
    expect(await bulk({ powerKw: 22 }, ids)).toMatchObject({
      updated: 2,
      refused: 1,
      results: [{}, {}, { status: 'refused', code: 'power_not_for_protocol' }],
    });
    expect(await bulk({ model: 'GV2' }, ids)).toMatchObject({
      updated: 1,
      results: [{ code: 'model_wrong' }, { code: 'model_wrong' }, { status: 'updated' }],
    });
    const audit = await get(`/api/v1/audit?limit=100`);
    expect(JSON.stringify(audit.items)).toContain('"powerKw":180');
  });
});

describe('a file', () => {
  const pcp = (changes: object = {}) => ({
    protocol: 'pcp',
    targetVersion: 'V2.0',
    compatibleVersion: 'V1.0',
    currentVersions: 'V1.0',
    ...changes,
  });
  const pile = (changes: object = {}) => ({ ...pcp(), protocol: 'pile', model: 'DC', powerKw: '120', ...changes });
  const upload = (fields: object, sizeBytes = 3_000, name = 'app_V2.0.bin') =>
    api.send('POST', FIRMWARE, {
      key: jimi.key,
      body: uploadForm({ ...fields }, firmwareBytes(sizeBytes, `${serial}`), name),
    });

  it('for PCP devices is stored with the size of its slices', async () => {
    const { status, body } = await upload(pcp({ sliceSize: '32', model: 'NB1' }));
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(Number),
      protocol: 'pcp',
      component: 'T1',
      targetVersion: 'V2.0',
      compatibleVersion: 'V1.0',
      currentVersions: ['V1.0'],
      model: 'NB1',
      powerKw: null,
      fileName: 'app_V2.0.bin',
      sizeBytes: 3_000,
      md5: createHash('md5')
        .update(firmwareBytes(3_000, `${serial}`))
        .digest('hex'),
      sha256: expect.any(String),
      pinfo: null,
      packetSize: 32,
      remark: '',
      overrideReason: null,
      uploadedBy: jimi.operator,
      uploadedAt: expect.any(String),
      links: expect.any(Object),
    });
    expect(await get(body.links.checkInfo)).toMatchObject({ packetSize: 32, packets: 94, packetChecks: [] });
    // In other slices it is another file; in the same ones it is there already.
    const usual = await upload(pcp());
    expect(usual).toMatchObject({ status: 201, body: { packetSize: 500 } });
    expect((await upload(pcp({ sliceSize: '500' }))).body).toMatchObject({
      code: 'firmware_exists',
      firmwareId: usual.body.id,
    });
  });

  it('for piles is stored with model and power, once for each kind of pile', async () => {
    const { status, body } = await upload(pile({ model: 'dc' }));
    expect(status).toBe(201);
    expect(body).toMatchObject({ protocol: 'pile', model: 'DC', powerKw: 120, packetSize: null, pinfo: null });
    expect((await upload(pile())).body).toMatchObject({ code: 'firmware_exists', firmwareId: body.id });
    expect((await upload(pile({ powerKw: '60' }))).status).toBe(201);
    const ac = await upload(pile({ model: 'AC' }));
    expect(ac.status).toBe(201);
    expect((await upload(pile({ model: 'AC' }))).body).toMatchObject({ firmwareId: ac.body.id });
    expect((await get(`${FIRMWARE}?protocol=pile&model=DC&powerKw=120`)).items).toEqual([body]);
  });

  const sixteen = 'V2.0-0123456789A';
  it.each([
    ['slices of 31 bytes', pcp({ sliceSize: '31' }), ['sliceSize slice_size_wrong']],
    ['slices of 501 bytes', pcp({ sliceSize: '501' }), ['sliceSize slice_size_wrong']],
    ['slices of half a byte', pcp({ sliceSize: '99.5' }), ['sliceSize slice_size_wrong']],
    ['a target of 17 characters', pcp({ targetVersion: `${sixteen}B` }), ['targetVersion target_version_wrong']],
    ['a target with a blank', pcp({ targetVersion: 'V2 0' }), ['targetVersion target_version_wrong']],
    ['a target that is not ASCII', pcp({ targetVersion: 'V２' }), ['targetVersion target_version_wrong']],
    [
      'versions that no PCP device can report',
      pcp({ compatibleVersion: `${sixteen}B`, currentVersions: `V1.0\n${sixteen}C` }),
      ['compatibleVersion version_never_reported', 'currentVersions version_never_reported'],
    ],
    ['a package name', pcp({ pinfo: '1110d100' }), ['pinfo not_for_protocol']],
    ['a power that is not for it', pcp({ powerKw: '7' }), ['powerKw not_for_protocol']],
    ['another component', pcp({ component: 'T2' }), ['component component_wrong']],
    [
      'a target of 9 characters for piles',
      pile({ targetVersion: 'V2.012345' }),
      ['targetVersion target_version_wrong'],
    ],
    ['a pile of no kind', pile({ model: undefined, powerKw: undefined }), ['model model_wrong', 'powerKw power_wrong']],
    ['a pile of a third kind', pile({ model: 'GV2', powerKw: '65536' }), ['model model_wrong', 'powerKw power_wrong']],
    ['slices for a pile', pile({ sliceSize: '500' }), ['sliceSize not_for_protocol']],
    [
      'slices and power for a terminal',
      { powerKw: '7', sliceSize: '500', pinfo: '1110d100' },
      ['sliceSize not_for_protocol', 'powerKw not_for_protocol'],
    ],
  ])('is refused with %s', async (_kind, fields, expected) => {
    const version = (fields as { targetVersion?: string }).targetVersion ?? ('protocol' in fields ? 'V2.0' : '11');
    const { status, body } = await upload(fields, 12_000, `app_${version}.bin`);
    expect(status).toBe(422);
    expect(body.errors.map(({ path, code }: Record<string, string>) => `${path!.slice(5)} ${code}`)).toEqual(expected);
  });

  it('has as many slices as can be counted, and not one more', async () => {
    expect((await upload(pcp({ sliceSize: '32' }), 65_535 * 32)).status).toBe(201);
    const { body } = await upload(pcp({ sliceSize: '32' }), 65_535 * 32 + 1);
    expect(body.errors).toMatchObject([{ path: 'body.sliceSize', code: 'too_many_slices' }]);
    expect(body.errors[0].message).toContain('at least 33 bytes');
  });

  it('takes the longest versions that a frame holds', async () => {
    const longest = pcp({ targetVersion: sixteen, compatibleVersion: 'V1.0-0123456789A' });
    expect((await upload(longest, 3_000, `${sixteen}.bin`)).status).toBe(201);
    expect((await upload(pile({ targetVersion: 'V2.01234' }), 3_000, 'V2.01234.bin')).status).toBe(201);
  });
});
