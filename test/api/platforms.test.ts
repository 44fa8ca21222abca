import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUnstartedShipments } from '../../api/app.ts';
import { pack } from '../support/shipment-records.ts';
import { imeis } from '../support/tracksolid.ts';
import { TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let hemi: TestDepartment;
let other: TestDepartment;
let made = 0;
beforeAll(async () => {
  api = await TestApi.start();
  hemi = await api.department('康凯斯');
  other = await api.department('几米物联');
});
afterAll(() => api.stop());

/** IMEIs that no other test has, in the matched list. */
async function matched(count: number, { id }: TestDepartment = hemi, customer = 'hemi'): Promise<string[]> {
  made += 1;
  const list = imeis(count, 868_000_000_000_000 + made * 1_000_000);
  await api.sql`
    insert into matched_devices (imei, department_id, customer, rule)
    select imei, ${id}, ${customer}, '1' from unnest(${list}::text[]) as imei`;
  return list;
}

const LIFETIME = 2;
const INFO = { account: 'hemi', customerName: '禾米', model: 'GV2' };
const get = (path: string, key = hemi.key) => api.send('GET', `/api/v1/${path}`, { key });
const post = (path: string, body: unknown, key = hemi.key, headers = {}) =>
  api.send('POST', `/api/v1/${path}`, { key, body, headers });
const order = (list: readonly string[], more: object = {}) =>
  post('platform-shipments', { platformId: LIFETIME, imeis: list, info: INFO, ...more });

describe('platforms', () => {
  it('are the four of Tracksolid and one that is not connected', async () => {
    const { body } = await get('platforms');
    expect(
      body.items.map((each: Record<string, unknown>) => [
        each['name'],
        each['connected'],
        each['lifetime'],
        each['brand'],
      ]),
    ).toEqual([
      ['Tracksolid导入', true, false, ''],
      ['Tracksolid导入+终身', true, true, ''],
      ['几米car-matrix导入', true, false, 'car-matrix'],
      ['几米car-matrix导入+终身', true, true, 'car-matrix'],
      ['其他平台', false, false, ''],
    ]);
  });

  it('can be added by administrators, are not connected then, and have names of their own', async () => {
    const added = await post('platforms', { name: '客户平台', fields: [{ name: 'remark', required: true }] });
    expect(added.status).toBe(201);
    expect(added.body).toMatchObject({ connected: false, connector: null, isActive: true });
    expect((await post('platforms', { name: '客户平台' })).body.code).toBe('name_taken');
    const twice = [1, 2].map(() => ({ name: 'remark', required: true }));
    expect((await post('platforms', { name: 'x', fields: twice })).body.code).toBe('order_refused');
    const clerk = await api.key(hemi.id, 'clerk', ['device:read', 'shipment:write']);
    expect((await post('platforms', { name: 'y' }, clerk)).body.code).toBe('permission_missing');
  });

  it('that are changed change no shipment that was made before; two people do not overwrite each other', async () => {
    const { body: platform } = await post('platforms', { name: '旧名' });
    const path = `/api/v1/platforms/${platform.id}`;
    const { body: shipment } = await order(await matched(1), { platformId: platform.id, info: {} });
    const patch = (body: object, headers: Record<string, string> = {}) =>
      api.send('PATCH', path, { key: hemi.key, body, headers });
    expect((await patch({ name: '新名', isActive: false }, { 'if-match': '"1"' })).body).toMatchObject({ revision: 2 });
    expect((await patch({ remark: 'x' }, { 'if-match': '"1"' })).status).toBe(412);
    expect((await patch({ name: '新名' })).body.revision).toBe(2);
    expect((await patch({ name: 'Tracksolid导入' })).body.code).toBe('name_taken');
    expect((await get(`platform-shipments/${shipment.id}`)).body.platform).toBe('旧名');
    const refused = await order(await matched(1), { platformId: platform.id, info: {} });
    expect(refused.body).toMatchObject({ code: 'order_refused', detail: expect.stringContaining('新名') });
    const withoutAccount = await api.send('PATCH', '/api/v1/platforms/1', { key: hemi.key, body: { fields: [] } });
    expect(withoutAccount.body.code).toBe('order_refused');
  });
});

describe('an order', () => {
  it('is stored, answered with its place, and its workflow is started', async () => {
    const list = await matched(3);
    const { status, headers, body } = await order(list);
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/api/v1/platform-shipments/${body.id}`);
    expect(body).toMatchObject({
      platform: 'Tracksolid导入+终身',
      status: 'running',
      asked: 3,
      taken: 3,
      refused: [],
      createdBy: hemi.operator,
      info: INFO,
      links: { temporal: expect.stringContaining(`platform-shipment%2F${body.id}`) },
    });
    expect(api.executions.shipped.at(-1)).toEqual({ shipmentId: body.id, platform: 'Tracksolid导入+终身', devices: 3 });
    const { body: detail } = await get(`platform-shipments/${body.id}`);
    expect(detail.reconciliation).toMatchObject({ asked: 3, open: 3, sent: 0, closes: true });
    const { body: page } = await get(`platform-shipments/${body.id}/devices?limit=2`);
    expect(page.items.map((each: { imei: string }) => each.imei)).toEqual(list.slice(0, 2));
    const { body: audit } = await get(`audit?targetKind=platformShipment&targetId=${body.id}`);
    expect(audit.items[0]).toMatchObject({ action: 'createPlatformShipment', after: { taken: 3, imeis: list } });
  });

  it('with the same key is the same order', async () => {
    const list = await matched(1);
    const body = { platformId: LIFETIME, imeis: list, info: INFO };
    const first = await post('platform-shipments', body, hemi.key, { 'idempotency-key': 'once' });
    const again = await post('platform-shipments', body, hemi.key, { 'idempotency-key': 'once' });
    expect([first.status, again.status, again.body.id]).toEqual([202, 202, first.body.id]);
  });

  it('names the devices that do not go, with the shipment they are in, and takes the others', async () => {
    const [first, second] = (await matched(2)) as [string, string];
    const { body: before } = await order([first]);
    const { body } = await order([first, second, '12']);
    expect(body).toMatchObject({
      asked: 3,
      taken: 1,
      refused: [
        { imei: first, reason: 'already_shipped', explanation: `it is in secondary shipment ${before.id}` },
        { imei: '12', reason: 'bad_imei' },
      ],
    });
    const { body: nothing } = await order([first]);
    expect(nothing).toMatchObject({
      code: 'order_refused',
      errors: [{ code: 'already_shipped', message: `it is in secondary shipment ${before.id}` }],
    });
    const { body: list } = await get('platform-shipments?limit=1');
    expect(list.items[0].id).toBe(body.id);
  });

  it('takes everything in the matched list that is not shipped yet', async () => {
    const list = await matched(4, hemi, 'guomao');
    await order([list[0]!]);
    const { body } = await post('platform-shipments', {
      platformId: LIFETIME,
      matched: { customer: 'guomao' },
      info: INFO,
    });
    expect(body).toMatchObject({ asked: 3, taken: 3 });
    const again = await post('platform-shipments', {
      platformId: LIFETIME,
      matched: { customer: 'guomao' },
      info: INFO,
    });
    expect(again.body.code).toBe('order_refused');
  });

  it.each([
    ['no information', {}, ['account', 'customerName', 'model']],
    ['an end for a lifetime', { ...INFO, expiresOn: '2031-01-01' }, ['expiresOn']],
    ['an account with spaces', { ...INFO, account: 'a b' }, ['account']],
  ])('with %s is refused field by field', async (_, info, fields) => {
    const { status, body } = await order(await matched(1), { info });
    expect([status, body.code]).toEqual([422, 'order_refused']);
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual(fields.map((field) => `body.info.${field}`));
  });

  it('says which devices in one way, to a platform that exists, and needs the permission', async () => {
    const list = await matched(1);
    expect((await order(list, { matched: {} })).body.code).toBe('order_refused');
    expect((await post('platform-shipments', { platformId: LIFETIME, info: INFO })).body.code).toBe('order_refused');
    expect((await order(list, { platformId: 9_999 })).status).toBe(404);
    const reader = await api.key(hemi.id, 'reader', ['device:read']);
    const body = { platformId: LIFETIME, imeis: list, info: INFO };
    expect((await post('platform-shipments', body, reader)).body.code).toBe('permission_missing');
  });

  it('for a platform that is not connected is written down, and can be taken back', async () => {
    const list = await matched(1);
    const started = api.executions.shipped.length;
    const { body } = await order(list, { platformId: 5, info: { remark: 'by hand' } });
    expect(body).toMatchObject({ status: 'recorded', connected: false, links: { temporal: null } });
    expect(api.executions.shipped).toHaveLength(started);
    expect((await order(list)).body.code).toBe('order_refused');
    const { body: devices } = await get(`platform-shipments/${body.id}/devices`);
    const { id } = devices.items[0];
    const undo = { ids: [id], decision: 'write_off', note: 'wrong platform' };
    expect((await post('platform-attention/decide', undo)).body).toMatchObject({ decided: 1, leftOut: 0 });
    expect((await order(list)).status).toBe(202);
  });

  it('is started later when Temporal does not answer', async () => {
    api.executions.failure = new Error('away');
    const { status, body } = await order(await matched(1));
    api.executions.failure = null;
    expect(status).toBe(202);
    await api.sql`update platform_shipments set created_at = now() - interval '1 minute' where id = ${body.id}`;
    await startUnstartedShipments(api.db, api.executions);
    expect(api.executions.shipped.map(({ shipmentId }) => shipmentId)).toContain(body.id);
  });

  it('and everything of it is not there for another department', async () => {
    const list = await matched(1);
    const { body } = await order(list);
    const { body: devices } = await get(`platform-shipments/${body.id}/devices`);
    for (const path of [
      `platform-shipments/${body.id}`,
      `platform-shipments/${body.id}/devices`,
      `platform-shipments/${body.id}/log`,
    ]) {
      expect((await get(path, other.key)).status).toBe(404);
    }
    expect((await get(`platform-shipments?imei=${list[0]}`, other.key)).body.items).toEqual([]);
    expect((await post(`platform-shipments/${body.id}/stop`, {}, other.key)).status).toBe(404);
    const decide = { ids: [devices.items[0].id], decision: 'retry' };
    expect((await post('platform-attention/decide', decide, other.key)).body).toMatchObject({ decided: 0, leftOut: 1 });
    const theirs = await post('platform-shipments', { platformId: LIFETIME, imeis: list, info: INFO }, other.key);
    expect(theirs.body).toMatchObject({ code: 'order_refused', errors: [{ code: 'not_matched' }] });
    expect(JSON.stringify(theirs.body)).not.toContain(`shipment ${body.id}`);
  });

  it('can be stopped: what was not sent is free again', async () => {
    const list = await matched(2);
    const { body } = await order(list);
    await api.sql`update platform_shipment_devices set first_sent_at = now(), attempts = 1, step = 'look' where imei = ${list[0]!}`;
    const stopped = await post(`platform-shipments/${body.id}/stop`, { cause: 'wrong account' });
    expect(stopped.status).toBe(200);
    expect(api.executions.wokenShipments).toContain(body.id);
    const { body: devices } = await get(`platform-shipments/${body.id}/devices`);
    expect(devices.items.map((each: { status: string }) => each.status)).toEqual(['open', 'not_sent']);
    expect((await order([list[1]!])).status).toBe(202);
    const { body: log } = await get(`platform-shipments/${body.id}/log`);
    expect(log.items.at(-1)).toMatchObject({ author: hemi.operator, event: 'stopped', cause: 'wrong account' });
  });

  it('gives its devices as a CSV file', async () => {
    const list = await matched(2);
    const { body } = await order(list);
    const csv = await get(`platform-shipments/${body.id}/devices?format=csv`);
    const [head, ...rows] = csv.body.toString().trim().split('\r\n');
    expect(head).toContain('imei');
    expect(rows).toHaveLength(2);
    expect(rows[0]).toContain(list[0]);
  });
});

describe('what needs a person', () => {
  /** A shipment with a device that was refused and one of which nobody knows. */
  async function troubled() {
    const list = await matched(3);
    const { body } = await order(list);
    await api.sql`
      update platform_shipment_devices set first_sent_at = now(), attempts = 2, finished_at = now(), step = 'look',
        imports = 2, status = case imei when ${list[0]!} then 'refused' when ${list[1]!} then 'unknown' else 'confirmed' end,
        reason = case imei when ${list[0]!} then 'refused_by_platform' when ${list[1]!} then 'no_answer' end,
        code = case imei when ${list[0]!} then 214 end where shipment_id = ${body.id}`;
    await api.sql`update platform_shipments set status = 'finished', finished_at = now() where id = ${body.id}`;
    return { id: body.id as number, list };
  }

  it('is listed across shipments with reason, payload, attempts, age and advice', async () => {
    const { id, list } = await troubled();
    const { body } = await get(`platform-attention?shipmentId=${id}`);
    expect(body.counts).toEqual({ refused: 1, unknown: 1, notSent: 0 });
    expect(body.items).toMatchObject([
      {
        imei: list[0],
        code: 214,
        attempts: 2,
        advice: expect.stringContaining('account'),
        payload: { info: INFO, lifetime: true },
        decisions: ['retry', 'reclassify', 'write_off'],
      },
      { imei: list[1], status: 'unknown', reasonText: expect.stringContaining('no answer') },
    ]);
    const { body: page } = await get(`platform-attention?shipmentId=${id}&limit=1`);
    const { body: next } = await get(`platform-attention?shipmentId=${id}&limit=1&after=${page.next}`);
    expect([page.items[0].imei, next.items[0].imei, next.counts, next.next]).toEqual([list[0], list[1], null, null]);
    expect((await get(`platform-attention?shipmentId=${id}`, other.key)).body.items).toEqual([]);
  });

  it('can be retried: its shipment runs again, and looks before it sends', async () => {
    const { id, list } = await troubled();
    const { body } = await post('platform-attention/decide', {
      shipmentId: id,
      decision: 'retry',
      note: 'made the account',
    });
    expect(body).toEqual({ decided: 2, leftOut: null, shipmentIds: [id], unmatched: null });
    expect(api.executions.shipped.at(-1)!.shipmentId).toBe(id);
    expect(api.executions.wokenShipments).toContain(id);
    const rows = await api.sql`
      select status, step, imports, attempts from platform_shipment_devices where shipment_id = ${id} and imei = ${list[0]!}`;
    expect(rows[0]).toEqual({ status: 'open', step: 'look', imports: 0, attempts: 2 });
    expect((await get(`platform-shipments/${id}`)).body).toMatchObject({ status: 'running', finishedAt: null });
    expect((await get(`platform-attention?shipmentId=${id}`)).body.items).toEqual([]);
    const again = await post('platform-attention/decide', { shipmentId: id, decision: 'retry' });
    expect(again.body.decided).toBe(0);
  });

  it('can be classified anew: what has a customer by the rules of now is tried again, the rest still needs a person', async () => {
    const { id, list } = await troubled();
    const [known, stranger] = list as [string, string];
    await pack(api.db, [{ id: 9_001, imei: known, company: '国贸部营销事业三部' }]);
    const { body } = await post('platform-attention/decide', {
      shipmentId: id,
      decision: 'reclassify',
      note: 'the name in MES was wrong',
    });
    expect(body).toEqual({ decided: 2, leftOut: null, shipmentIds: [id], unmatched: 1 });
    expect(api.executions.wokenShipments.at(-1)).toBe(id);
    const { body: devices } = await get(`platform-shipments/${id}/devices`);
    const told = { decision: 'reclassify', decidedBy: hemi.operator, note: 'the name in MES was wrong' };
    expect(devices.items.slice(0, 2)).toMatchObject([
      { imei: known, status: 'open', customer: 'guomao', ...told },
      { imei: stranger, status: 'unknown', customer: null, ...told },
    ]);
    expect((await get(`platform-attention?shipmentId=${id}`)).body.items).toMatchObject([{ imei: stranger }]);
    const inList = await api.sql`select imei, customer from matched_devices where imei = any(${list.slice(0, 2)})`;
    expect([...inList]).toEqual([{ imei: known, customer: 'guomao' }]);
    const { body: history } = await get(`classification/reclassifications?imei=${known}`);
    expect(history.items).toMatchObject([
      {
        company: '国贸部营销事业三部',
        customerBefore: 'hemi',
        customer: 'guomao',
        ruleText: '2: 国贸部 + 营销事业三部',
        platformShipmentId: id,
        author: hemi.operator,
        note: 'the name in MES was wrong',
      },
    ]);
    const { body: log } = await get(`platform-shipments/${id}/log`);
    expect(log.items.slice(-2)).toMatchObject([
      { event: 'reclassified', details: { devices: 2, withCustomer: 1 } },
      { event: 'retried', details: { devices: 1 } },
    ]);
    const { body: audit } = await get(`audit?targetKind=platformShipment&targetId=${id}`);
    expect(audit.items[0].after).toMatchObject({ decision: 'reclassify', devices: 2 });
    // Once more: there is nothing but the one that still needs a person.
    const again = await post('platform-attention/decide', { shipmentId: id, decision: 'reclassify' });
    expect(again.body).toMatchObject({ decided: 1, unmatched: 1 });
  });

  it('can be written off with a note, and only then be shipped again', async () => {
    const { id, list } = await troubled();
    expect((await order([list[0]!])).body.code).toBe('order_refused');
    const without = await post('platform-attention/decide', { shipmentId: id, decision: 'write_off', note: ' ' });
    expect(without.body).toMatchObject({ code: 'order_refused', errors: [{ path: 'body.note' }] });
    const { body } = await post('platform-attention/decide', {
      shipmentId: id,
      decision: 'write_off',
      note: 'scrapped',
    });
    expect(body.decided).toBe(2);
    expect((await get(`platform-attention?shipmentId=${id}`)).body.items).toEqual([]);
    expect((await order([list[0]!])).status).toBe(202);
    expect((await order([list[2]!])).body.code).toBe('order_refused');
    const { body: log } = await get(`platform-shipments/${id}/log`);
    expect(log.items.at(-1)).toMatchObject({ event: 'written_off', author: hemi.operator, cause: 'scrapped' });
    const { body: audit } = await get(`audit?targetKind=platformShipment&targetId=${id}`);
    expect(audit.items[0]).toMatchObject({ action: 'decidePlatformDevices', after: { decision: 'write_off' } });
    const { body: detail } = await get(`platform-shipments/${id}`);
    expect(detail.reconciliation).toMatchObject({ refused: 1, unknown: 1, confirmed: 1 });
  });

  it('is decided about in one way, by whoever may', async () => {
    expect((await post('platform-attention/decide', { decision: 'retry' })).body.code).toBe('order_refused');
    expect((await post('platform-attention/decide', { ids: [1], shipmentId: 1, decision: 'retry' })).body.code).toBe(
      'order_refused',
    );
    const reader = await api.key(hemi.id, 'reader2', ['device:read']);
    expect((await post('platform-attention/decide', { ids: [1], decision: 'retry' }, reader)).status).toBe(403);
  });
});

describe('a connection', () => {
  it('can be paused until somebody resumes it, and wakes what waits for it', async () => {
    const { body: running } = await order(await matched(1));
    await api.sql`update platform_shipments set created_at = now() - interval '1 minute' where id = ${running.id}`;
    expect((await get('platform-connectors')).body.items).toMatchObject([{ name: 'tracksolid', isPaused: false }]);
    expect((await post('platform-connectors/tracksolid/resume', {})).body.code).toBe('control_refused');
    const paused = await post('platform-connectors/tracksolid/pause', { cause: 'moving the account' });
    expect(paused.body).toMatchObject({
      isPaused: true,
      pausedUntil: null,
      pauseReason: 'moving the account',
      pausedBy: hemi.operator,
    });
    const resumed = await post('platform-connectors/tracksolid/resume', {});
    expect(resumed.body).toMatchObject({ isPaused: false, pauseReason: '' });
    expect(api.executions.wokenShipments).toContain(running.id);
    expect((await post('platform-connectors/nothing/pause', {})).status).toBe(404);
  });
});
