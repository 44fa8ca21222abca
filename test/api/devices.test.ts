import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { registerTerminals, report, TestApi, uploadFile, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;
const DEVICES = '/api/v1/devices';

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
let serial = 0;
beforeEach(async () => {
  jimi = await api.department(`jimi ${++serial}`);
});

/** An SN nobody else uses. */
const sn = (n = 0) => (serial * 1_000 + n).toString().padStart(10, '0');

describe('the list of devices', () => {
  it('shows each device with its versions and links, in pages by key', async () => {
    const ids = await registerTerminals(api, jimi, [sn(1), sn(2), sn(3)]);
    const first = await api.send('GET', `${DEVICES}?limit=2`, { key: jimi.key });
    expect(first.status).toBe(200);
    expect(first.body.next).toBe(ids[1]);
    expect(first.body.items[0]).toEqual({
      id: ids[0],
      protocol: 'terminal',
      identity: sn(1),
      imei: null,
      model: 'GV2',
      powerKw: null,
      productionDate: null,
      shipDate: null,
      orderNo: '',
      remark: '',
      revision: 1,
      createdAt: expect.any(String),
      createdBy: jimi.operator,
      updatedAt: expect.any(String),
      versions: { T1: '10' },
      lastSeenAt: null,
      links: {
        self: `${DEVICES}/${ids[0]}`,
        upgrades: `${DEVICES}/${ids[0]}/upgrades`,
        versionUploads: `${DEVICES}/${ids[0]}/version-uploads`,
        execution: `http://temporal.test/namespaces/default/workflows/upgrade%2F${ids[0]}`,
      },
    });
    const second = await api.send('GET', `${DEVICES}?limit=2&after=${first.body.next}`, { key: jimi.key });
    expect(second.body.items.map(({ id }: { id: string }) => id)).toEqual([ids[2]]);
    expect(second.body.next).toBeNull();
  });

  it('is narrowed by protocol, model and the beginning of id, identity or IMEI', async () => {
    const imei = `8681201452${String(serial).padStart(5, '0')}`;
    const tracker = `8600000000${String(serial).padStart(5, '0')}`;
    await api.send('POST', DEVICES, {
      key: jimi.key,
      body: [
        { protocol: 'terminal', identity: `ABCD${sn().slice(4)}`, model: 'GV2', imei },
        { protocol: 'terminal', identity: `AB00${sn().slice(4)}`, model: 'GV3' },
        { protocol: 'ams', identity: tracker, model: 'GV3' },
      ],
    });
    const found = async (query: string) =>
      (await api.send('GET', `${DEVICES}?${query}`, { key: jimi.key })).body.items.map(
        ({ identity }: { identity: string }) => identity.slice(0, 4),
      );
    expect(await found('model=GV3')).toEqual(['8600', 'AB00']);
    expect(await found('protocol=terminal&model=GV3')).toEqual(['AB00']);
    expect(await found('q=abcd')).toEqual(['ABCD']);
    expect(await found('q=terminal-ab')).toEqual(['AB00', 'ABCD']);
    expect(await found('q=TERM')).toEqual(['AB00', 'ABCD']);
    expect(await found('q=868120')).toEqual(['ABCD']);
    expect(await found(`q=${tracker}`)).toEqual(['8600']);
    expect(await found('q=%25')).toEqual([]);
    expect(await found('q=zz')).toEqual([]);
  });
});

describe('one device', () => {
  it('is shown with versions, contact and what runs for it', async () => {
    const [id] = await registerTerminals(api, jimi, [sn()]);
    await report(api, [id!], '7', 'T3');
    await api.sql`insert into device_contacts (device_id, last_seen_at, address, details) values (${id!}, now(), '198.51.100.7:4000', '{"batLevel": 11}')`;
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    const task = await api.send('POST', '/api/v1/upgrade-tasks', {
      key: jimi.key,
      body: { firmwareIds: [fileId], deviceIds: [id] },
    });
    await api.sql`update device_upgrades set dispatched_at = now(), status = 'waiting', reason = 'window' where task_id = ${task.body.id}`;
    const { status, body } = await api.send('GET', `${DEVICES}/${id}`, { key: jimi.key });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      versions: [
        { component: 'T1', version: '10', reportedAt: expect.any(String) },
        { component: 'T3', version: '7', reportedAt: expect.any(String) },
      ],
      contact: { lastSeenAt: expect.any(String), address: '198.51.100.7:4000', details: { batLevel: 11 } },
      runningUpgrade: {
        taskId: task.body.id,
        status: 'waiting',
        reason: 'window',
        reasonText: expect.stringContaining('permitted hours'),
        link: expect.stringMatching(/^\/api\/v1\/device-upgrades\/\d+$/),
      },
    });
    const upgrades = await api.send('GET', `${DEVICES}/${id}/upgrades`, { key: jimi.key });
    expect(upgrades.body.items).toHaveLength(1);
    expect(upgrades.body.items[0]).toMatchObject({ deviceId: id, taskId: task.body.id, status: 'waiting' });
  });

  it('can be changed field by field, and null clears', async () => {
    const [id] = await registerTerminals(api, jimi, [sn()]);
    const change = (body: object) => api.send('PATCH', `${DEVICES}/${id}`, { key: jimi.key, body });
    const imei = `99${sn()}123`;
    const first = await change({ model: 'GV3', imei, productionDate: '2025-03-01', shipDate: '2025-03-02' });
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      model: 'GV3',
      imei,
      productionDate: '2025-03-01',
      shipDate: '2025-03-02',
      remark: '',
    });
    expect((await change({ imei: null, remark: 'back' })).body).toMatchObject({
      model: 'GV3',
      imei: null,
      remark: 'back',
    });
    expect((await change({})).body.code).toBe('validation_failed');
    expect((await change({ identity: '00' })).body.errors[0]).toMatchObject({ path: 'body.identity' });
    expect((await change({ shipDate: '2025-03-01' })).body).toMatchObject({
      code: 'validation_failed',
      errors: [{ path: 'body.shipDate' }],
    });
    expect((await change({ shipDate: '2025-02-30' })).status).toBe(400);
  });

  it('is not overwritten by somebody who saw an older revision', async () => {
    const [id] = await registerTerminals(api, jimi, [sn()], null);
    const path = `${DEVICES}/${id}`;
    const seen = await api.send('GET', path, { key: jimi.key });
    expect(seen.headers.get('etag')).toBe('"1"');
    const send = (method: string, ifMatch: string | null, body?: object, key = jimi.key) =>
      api.send(method, path, { key, body, headers: ifMatch === null ? {} : { 'if-match': ifMatch } });
    const colleague = await api.key(jimi.id, `colleague ${serial}`);
    const first = await send('PATCH', '"1"', { model: 'GV3' }, colleague);
    expect(first).toMatchObject({ status: 200, body: { model: 'GV3', revision: 2 } });
    expect(first.headers.get('etag')).toBe('"2"');
    const late = await send('PATCH', '"1"', { model: 'GV4' });
    expect(late).toMatchObject({
      status: 412,
      body: { code: 'edit_conflict', revision: 2, changedBy: `colleague ${serial}`, changedAt: expect.any(String) },
    });
    expect(late.body.detail).toContain(`colleague ${serial}`);
    expect(late.headers.get('etag')).toBe('"2"');
    expect((await send('DELETE', '"1"')).status).toBe(412);
    expect((await send('PATCH', 'W/"2"', { model: 'GV4' })).body).toMatchObject({ model: 'GV4', revision: 3 });
    expect((await send('PATCH', '"1", "3"', { model: 'GV5' })).body).toMatchObject({ revision: 4 });
    expect((await send('PATCH', null, { model: 'GV6' })).body).toMatchObject({ revision: 5 });
    expect((await send('PATCH', '*', { model: 'GV6' })).body).toMatchObject({ revision: 5 });
    expect((await send('DELETE', '5')).status).toBe(204);
  });

  it('lets one of two people through who edit at the same moment', async () => {
    const [id] = await registerTerminals(api, jimi, [sn()], null);
    const edits = ['A', 'B', 'C', 'D'].map((model) =>
      api.send('PATCH', `${DEVICES}/${id}`, { key: jimi.key, body: { model }, headers: { 'if-match': '"1"' } }),
    );
    const statuses = (await Promise.all(edits)).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 412, 412, 412]);
  });

  it('is always shown whole: its revision does not tell what it reported', async () => {
    const [id] = await registerTerminals(api, jimi, [sn()]);
    // not with fetch, which takes the question out of the server's hands
    const headers = { authorization: `Bearer ${jimi.key}`, 'if-none-match': '"1"' };
    const [response] = (await once(get(`${api.url}${DEVICES}/${id}`, { headers }), 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  it('does not take the IMEI of another device, nor loses the one that names it', async () => {
    const imei = `88${sn()}123`;
    const tracker = `77${sn()}123`;
    await api.send('POST', DEVICES, {
      key: jimi.key,
      body: [
        { protocol: 'terminal', identity: sn(1), imei },
        { protocol: 'terminal', identity: sn(2) },
        { protocol: 'ams', identity: tracker },
      ],
    });
    expect(await api.send('PATCH', `${DEVICES}/terminal-${sn(2)}`, { key: jimi.key, body: { imei } })).toMatchObject({
      status: 409,
      body: { code: 'imei_taken' },
    });
    expect(await api.send('PATCH', `${DEVICES}/ams-${tracker}`, { key: jimi.key, body: { imei: null } })).toMatchObject(
      {
        status: 400,
        body: { errors: [{ path: 'body.imei' }] },
      },
    );
  });

  it('is deleted only while it has no upgrades', async () => {
    const [kept, gone] = await registerTerminals(api, jimi, [sn(1), sn(2)]);
    const fileId = await uploadFile(api, jimi.key, '10', '11');
    await api.send('POST', '/api/v1/upgrade-tasks', {
      key: jimi.key,
      body: { firmwareIds: [fileId], deviceIds: [kept] },
    });
    expect(await api.send('DELETE', `${DEVICES}/${kept}`, { key: jimi.key })).toMatchObject({
      status: 409,
      body: { code: 'device_has_upgrades' },
    });
    expect((await api.send('DELETE', `${DEVICES}/${gone}`, { key: jimi.key })).status).toBe(204);
    expect((await api.send('GET', `${DEVICES}/${gone}`, { key: jimi.key })).status).toBe(404);
    expect((await api.send('DELETE', `${DEVICES}/${gone}`, { key: jimi.key })).status).toBe(404);
  });

  it('lists what it said of its versions, newest first', async () => {
    const [id] = await registerTerminals(api, jimi, [sn()], null);
    for (const raw of ['one', 'two', 'three']) {
      await api.sql`insert into version_uploads (device_id, source, raw, versions, warnings, error)
        values (${id!}, 'http', ${raw}, '[{"component":"T1","version":"1"}]', '{empty_list}', ${raw === 'two' ? 'syntax' : null})`;
    }
    const first = await api.send('GET', `${DEVICES}/${id}/version-uploads?limit=2`, { key: jimi.key });
    expect(first.body.items.map(({ raw }: { raw: string }) => raw)).toEqual(['three', 'two']);
    expect(first.body.items[1]).toEqual({
      id: expect.any(Number),
      receivedAt: expect.any(String),
      source: 'http',
      raw: 'two',
      versions: [{ component: 'T1', version: '1' }],
      warnings: ['empty_list'],
      error: 'syntax',
    });
    const second = await api.send('GET', `${DEVICES}/${id}/version-uploads?limit=2&after=${first.body.next}`, {
      key: jimi.key,
    });
    expect(second.body.items.map(({ raw }: { raw: string }) => raw)).toEqual(['one']);
    expect(second.body.next).toBeNull();
  });
});

describe('unknown devices', () => {
  it('are listed until someone registers them', async () => {
    const identities = [`EE${sn().slice(2)}`, `EF${sn().slice(2)}`];
    for (const identity of identities) {
      await api.sql`insert into unknown_devices (protocol, identity, contacts, address) values ('terminal', ${identity}, 4, '198.51.100.7')`;
    }
    const first = await api.send('GET', '/api/v1/unknown-devices?limit=1', { key: jimi.key });
    expect(first.body).toEqual({
      items: [
        {
          protocol: 'terminal',
          identity: identities[0],
          firstSeenAt: expect.any(String),
          lastSeenAt: expect.any(String),
          contacts: 4,
          address: '198.51.100.7',
        },
      ],
      next: `terminal-${identities[0]}`,
    });
    await registerTerminals(api, jimi, [identities[0]!], null);
    const rest = await api.send('GET', '/api/v1/unknown-devices', { key: jimi.key });
    expect(rest.body.items.map(({ identity }: { identity: string }) => identity)).toEqual([identities[1]]);
    await api.sql`delete from unknown_devices`;
  });
});
