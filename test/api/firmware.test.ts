import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PERMISSIONS } from '../../api/auth.ts';
import { firmwareBytes, registerTerminals, TestApi, uploadForm, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;
let serial = 0;
const FIRMWARE = '/api/v1/firmware';

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(async () => {
  jimi = await api.department(`jimi ${++serial}`);
});

const upload = (form: FormData, key = jimi.key) => api.send('POST', FIRMWARE, { key, body: form });
const hash = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex');

describe('a good upload', () => {
  it('is stored whole and can be listed, read and downloaded', async () => {
    const bytes = firmwareBytes(35_912, `good ${serial}`);
    const form = uploadForm(
      {
        currentVersions: ' 10 \r\n9\n\n10\n',
        md5: hash('md5', bytes).toUpperCase(),
        model: 'GV2',
        remark: 'from 惠州',
      },
      bytes,
      '终端_1110d100.BIN',
    );
    const { status, body, headers } = await upload(form);
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`${FIRMWARE}/${body.id}`);
    expect(body).toEqual({
      id: expect.any(Number),
      protocol: 'terminal',
      component: 'T1',
      targetVersion: '11',
      compatibleVersion: '10',
      currentVersions: ['10', '9'],
      model: 'GV2',
      powerKw: null,
      fileName: '终端_1110d100.BIN',
      sizeBytes: 35_912,
      md5: hash('md5', bytes),
      sha256: hash('sha256', bytes),
      pinfo: '1110d100',
      packetSize: 1_024,
      remark: 'from 惠州',
      overrideReason: null,
      uploadedBy: jimi.operator,
      uploadedAt: expect.any(String),
      links: {
        self: `${FIRMWARE}/${body.id}`,
        content: `${FIRMWARE}/${body.id}/content`,
        checkInfo: `${FIRMWARE}/${body.id}/check-info`,
      },
    });
    expect((await api.send('GET', body.links.self, { key: jimi.key })).body).toEqual(body);
    expect(
      (await api.send('GET', `${FIRMWARE}?protocol=terminal&targetVersion=11&model=GV2`, { key: jimi.key })).body,
    ).toEqual({ items: [body], next: null });
    expect((await api.send('GET', `${FIRMWARE}?targetVersion=12`, { key: jimi.key })).body.items).toEqual([]);

    const content = await api.send('GET', body.links.content, { key: jimi.key });
    expect(content.body.equals(bytes)).toBe(true);
    expect(content.headers.get('content-disposition')).toContain(
      `filename*=UTF-8''${encodeURIComponent('终端_1110d100.BIN')}`,
    );
    expect(content.headers.get('content-type')).toBe('application/octet-stream');

    const info = await api.send('GET', body.links.checkInfo, { key: jimi.key });
    expect(info.body).toEqual({
      fileName: '终端_1110d100.BIN',
      sizeBytes: 35_912,
      md5: hash('md5', bytes).toUpperCase(),
      sha256: hash('sha256', bytes),
      packetSize: 1_024,
      packets: 36,
      packetChecks: expect.any(Array),
    });
    const lastPacket = bytes.subarray(35 * 1_024);
    expect(info.body.packetChecks).toHaveLength(36);
    expect(Number.parseInt(info.body.packetChecks[35], 16)).toBe(lastPacket.reduce((xor, byte) => xor ^ byte, 0));
  });

  it('takes the file and its fields in any order', async () => {
    const bytes = firmwareBytes(10_240, `order ${serial}`);
    const form = new FormData();
    form.set('file', new File([new Uint8Array(bytes)], 'x_1110d100.bin'));
    for (const [name, value] of uploadForm({}, bytes)) if (name !== 'file') form.set(name, value);
    expect((await upload(form)).status).toBe(201);
  });

  it('happens once: the same file again names the first, in another department it is a file of its own', async () => {
    const bytes = firmwareBytes(12_000, `twice ${serial}`);
    const first = await upload(uploadForm({}, bytes));
    const [again, atOnce] = await Promise.all([upload(uploadForm({}, bytes)), upload(uploadForm({}, bytes))]);
    for (const reply of [again, atOnce]) {
      expect(reply).toMatchObject({ status: 409, body: { code: 'firmware_exists', firmwareId: first.body.id } });
    }
    const other = await api.department(`other ${serial}`);
    expect((await upload(uploadForm({}, bytes), other.key)).status).toBe(201);
    const [{ n }] =
      (await api.sql`select count(*)::int as n from firmware_contents where sha256 = ${hash('sha256', bytes)}`) as [
        { n: number },
      ];
    expect(n).toBe(1);
  });
});

describe('a refused upload', () => {
  const codes = async (form: FormData, key = jimi.key) => {
    const { status, body } = await upload(form, key);
    expect(status).toBe(422);
    expect(body.code).toBe('firmware_refused');
    return body.errors.map(({ path, code }: { path: string; code: string }) => `${path.replace('body.', '')} ${code}`);
  };

  it('names every rule it breaks at once and leaves nothing behind', async () => {
    const bytes = Buffer.from('tiny');
    const form = uploadForm(
      { targetVersion: '110', compatibleVersion: '', currentVersions: '110', md5: '0'.repeat(32), component: 'T2' },
      bytes,
      'notes.txt',
    );
    expect(await codes(form)).toEqual([
      'file not_bin',
      'compatibleVersion missing',
      'currentVersions holds_target',
      'md5 md5_mismatch',
      'targetVersion version_not_in_file_name',
      'component component_wrong',
      'file size_wrong',
      'targetVersion target_version_wrong',
      'pinfo missing',
    ]);
    expect((await api.send('GET', FIRMWARE, { key: jimi.key })).body.items).toEqual([]);
    expect(await api.sql`select 1 from firmware_contents where sha256 = ${hash('sha256', bytes)}`).toHaveLength(0);
  });

  it.each([
    ['no file', {}, null, 'x', ['file missing', 'pinfo missing']],
    [
      'an empty form',
      { targetVersion: undefined, compatibleVersion: undefined, currentVersions: undefined, md5: undefined },
      12_000,
      'a.bin',
      ['targetVersion missing', 'compatibleVersion missing', 'currentVersions missing', 'md5 missing', 'pinfo missing'],
    ],
    ['a malformed MD5', { md5: 'abc' }, 12_000, '1110d100.bin', ['md5 md5_wrong']],
    ['an unknown field', { colour: 'red' }, 12_000, '1110d100.bin', ['colour unknown_field']],
    [
      'a field named like a property of every object',
      { constructor: 'x' },
      12_000,
      '1110d100.bin',
      ['constructor unknown_field'],
    ],
    ['a field without a name', { '': 'x' }, 12_000, '1110d100.bin', [' unknown_field']],
    ['one byte too few', {}, 10_239, '1110d100.bin', ['file size_wrong']],
    ['one byte too many', {}, 102_401, '1110d100.bin', ['file size_wrong']],
    ['no package name', {}, 12_000, 'v11.bin', ['pinfo missing']],
    ['two fitting package names', {}, 12_000, '1110d100-1120d100.bin', ['pinfo missing']],
    [
      'a package name of another version',
      { pinfo: '1210d100' },
      12_000,
      '1110d100.bin',
      ['pinfo pinfo_version_mismatch'],
    ],
    ['a package name that is none', { pinfo: '1110d1' }, 12_000, '1110d100.bin', ['pinfo pinfo_wrong']],
    [
      'a hex version in the package name',
      { pinfo: 'A110d100' },
      12_000,
      '1110d100.bin',
      ['pinfo pinfo_version_mismatch'],
    ],
    ['an unknown protocol', { protocol: 'pigeon' }, 12_000, '1110d100.bin', ['protocol protocol_unknown']],
    ['no protocol', { protocol: undefined }, 12_000, '1110d100.bin', ['protocol protocol_unknown']],
    ['U+0000 in a field', { remark: 'a\u0000b' }, 12_000, '1110d100.bin', ['remark control_character']],
  ] as const)('says so for %s', async (_kind, changes, sizeBytes, name, expected) => {
    const form = uploadForm({ ...changes }, firmwareBytes(sizeBytes ?? 1, `${name} ${serial}`), name);
    if (sizeBytes === null) form.delete('file');
    expect((await codes(form)).filter((code: string) => sizeBytes !== null || !code.startsWith('md5'))).toEqual(
      expected,
    );
  });

  it('takes a package name that only one candidate fits, or the given one in the case of the file name', async () => {
    const dated = await upload(uploadForm({}, firmwareBytes(12_000, `dated ${serial}`), 'GV2_20250111_1110d1aF.bin'));
    expect(dated.body.pinfo).toBe('1110d1aF');
    const given = await upload(
      uploadForm({ pinfo: '1110D1AF' }, firmwareBytes(12_000, `given ${serial}`), 'GV2_1110d1aF.bin'),
    );
    expect(given.body.pinfo).toBe('1110d1aF');
    const alone = await upload(
      uploadForm({ pinfo: '1110D1AF' }, firmwareBytes(12_000, `alone ${serial}`), 'GV2_v11.bin'),
    );
    expect(alone.body.pinfo).toBe('1110D1AF');
  });

  it('can be overridden for the file name only, with permission and reason', async () => {
    const form = (changes: object) =>
      uploadForm({ pinfo: '1110d100', ...changes }, firmwareBytes(12_000, `override ${serial}`), 'GV2.bin');
    expect(await codes(form({}))).toEqual(['targetVersion version_not_in_file_name']);
    const weak = await api.key(
      jimi.id,
      'weak',
      PERMISSIONS.filter((permission) => permission !== 'firmware:override'),
    );
    expect(await codes(form({ overrideReason: 'asked 惠州' }), weak)).toEqual([
      'targetVersion version_not_in_file_name',
    ]);
    const { status, body } = await upload(form({ overrideReason: 'asked 惠州' }));
    expect(status).toBe(201);
    expect(body).toMatchObject({ overrideReason: 'asked 惠州', uploadedBy: jimi.operator });
  });

  it('stops reading what no device could take', async () => {
    const { status, body } = await upload(uploadForm({}, Buffer.alloc(17 * 1024 * 1024)));
    expect(status).toBe(413);
    expect(body).toMatchObject({ code: 'body_too_large', detail: expect.stringContaining('16777216 bytes') });
  });

  it('is no form at all', async () => {
    const send = (body: string, type: string) =>
      api.send('POST', FIRMWARE, { key: jimi.key, body, headers: { 'content-type': type } });
    expect((await send('{}', 'application/json')).body.code).toBe('media_type_not_supported');
    expect((await send('{}', 'multipart/form-data')).body.code).toBe('media_type_not_supported');
    expect(
      (await send('--x\r\ncontent-disposition: form-data; name="md5"\r\n\r\nab', 'multipart/form-data; boundary=x'))
        .body.code,
    ).toBe('body_unreadable');
  });
});

describe('a file for trackers', () => {
  const tracker = (changes: Record<string, string | undefined> = {}, bytes = firmwareBytes(300_000, `ams ${serial}`)) =>
    uploadForm(
      {
        protocol: 'ams',
        component: 'T4',
        targetVersion: 'TBT100_BT_V02',
        compatibleVersion: 'JM66_10_A1D_B4_R0_V02',
        currentVersions: 'TBT100_BT_V01\r\nTBT100_BT_V00',
        model: 'GT06',
        ...changes,
      },
      bytes,
      'TBT100_BT_V02_20180429.bin',
    );

  it('is for one component, in any size up to 16 MiB, without package name and packets', async () => {
    const { status, body } = await upload(tracker());
    expect(status).toBe(201);
    expect(body).toMatchObject({
      protocol: 'ams',
      component: 'T4',
      targetVersion: 'TBT100_BT_V02',
      currentVersions: ['TBT100_BT_V01', 'TBT100_BT_V00'],
      model: 'GT06',
      sizeBytes: 300_000,
      pinfo: null,
      packetSize: null,
    });
    expect((await api.send('GET', body.links.checkInfo, { key: jimi.key })).body).toMatchObject({
      sizeBytes: 300_000,
      packetSize: null,
      packets: 0,
      packetChecks: [],
    });
    const largest = firmwareBytes(16 * 1024 * 1024, `largest ${serial}`);
    const stored = await upload(tracker({}, largest));
    expect(stored).toMatchObject({ status: 201, body: { sizeBytes: 16_777_216 } });
    const content = await api.send('GET', stored.body.links.content, { key: jimi.key });
    expect(content.body.equals(largest)).toBe(true);
    expect((await upload(tracker({}, Buffer.alloc(16 * 1024 * 1024 + 1)))).body.code).toBe('body_too_large');
    expect((await upload(tracker({ component: 'T1' }, Buffer.from([1])))).status).toBe(201);
  });

  it.each([
    ['no component', { component: undefined }, ['component missing']],
    ['a component that is none', { component: 'T6' }, ['component component_wrong']],
    ['a package name', { pinfo: '1110d100' }, ['pinfo not_for_protocol']],
    ['a version that is not in the name', { targetVersion: 'V3' }, ['targetVersion version_not_in_file_name']],
    ['a version in other letters', { targetVersion: 'tbt100_bt_v02' }, ['targetVersion version_not_in_file_name']],
    ['no compatible version', { compatibleVersion: ' ' }, ['compatibleVersion missing']],
    ['no current versions', { currentVersions: '\n\n' }, ['currentVersions missing']],
    ['the target among the current versions', { currentVersions: 'TBT100_BT_V02' }, ['currentVersions holds_target']],
    ['another MD5', { md5: '0'.repeat(32) }, ['md5 md5_mismatch']],
  ])('is refused with %s', async (_kind, changes, expected) => {
    const { status, body } = await upload(tracker(changes));
    expect(status).toBe(422);
    expect(body.errors.map(({ path, code }: { path: string; code: string }) => `${path.slice(5)} ${code}`)).toEqual(
      expected,
    );
  });

  it('is refused when it is empty or no BIN', async () => {
    const { body } = await upload(
      uploadForm({ protocol: 'ams', component: 'T1', md5: hash('md5', Buffer.alloc(0)) }, Buffer.alloc(0), '11.txt'),
    );
    expect(body.errors.map(({ code }: { code: string }) => code)).toEqual(['not_bin', 'empty']);
  });

  it('may go into one task with a file for terminals', async () => {
    const ids = [
      (await upload(tracker())).body.id,
      (await upload(uploadForm({}, firmwareBytes(12_000, `t ${serial}`)))).body.id,
    ];
    const [device] = await registerTerminals(api, jimi, [`7${serial}`.padStart(10, '0')]);
    const { status, body } = await api.send('POST', '/api/v1/upgrade-tasks', {
      key: jimi.key,
      body: { firmwareIds: ids, deviceIds: [device] },
    });
    expect([status, body.firmwareIds, body.deviceCount]).toEqual([202, ids, 1]);
  });
});

describe('deleting', () => {
  it('takes the bytes along when nobody else has them, and spares files of tasks', async () => {
    const bytes = firmwareBytes(12_000, `delete ${serial}`);
    const other = await api.department(`other ${serial}`);
    const mine = (await upload(uploadForm({}, bytes))).body.id;
    const theirs = (await upload(uploadForm({}, bytes), other.key)).body.id;
    expect((await api.send('DELETE', `${FIRMWARE}/${mine}`, { key: jimi.key })).status).toBe(204);
    expect((await api.send('GET', `${FIRMWARE}/${mine}`, { key: jimi.key })).status).toBe(404);
    expect((await api.send('GET', `${FIRMWARE}/${theirs}/content`, { key: other.key })).body.equals(bytes)).toBe(true);
    const [device] = await registerTerminals(api, other, [`${serial}`.padStart(10, '0')]);
    await api.send('POST', '/api/v1/upgrade-tasks', {
      key: other.key,
      body: { firmwareIds: [theirs], deviceIds: [device] },
    });
    expect(await api.send('DELETE', `${FIRMWARE}/${theirs}`, { key: other.key })).toMatchObject({
      status: 409,
      body: { code: 'firmware_in_use' },
    });
  });
});

describe('stored bytes', () => {
  it('are never handed out when their hash is not right any more', async () => {
    const { body } = await upload(uploadForm({}, firmwareBytes(12_000, `damaged ${serial}`)));
    await api.sql`update firmware_contents set content = set_byte(content, 7, 1 + get_byte(content, 7) % 255) where sha256 = ${body.sha256}`;
    for (const link of [body.links.content, body.links.checkInfo]) {
      const reply = await api.send('GET', link, { key: jimi.key });
      expect(reply).toMatchObject({
        status: 500,
        body: { code: 'firmware_damaged', detail: expect.stringContaining('Upload the file again') },
      });
    }
  });
});
