/** Shipments over the API: planned, ordered, looked into; the rules; triggers that fire on what MES brings. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fireTriggers, startUnstartedOrders } from '../../api/shipments/shipment-orders.ts';
import { beginFiring, endFiring } from '../../db/shipments/trigger-firings.ts';
import { imeiOf, pack, tracesOf, work } from '../support/shipment-records.ts';
import { TestApi, type Reply, type RequestOptions, type TestDepartment } from './harness.ts';

const HEMI = '深圳途骏信息科技有限公司';
let api: TestApi;
let own: TestDepartment;
let other: TestDepartment;
let base = 0;
const imei = (number: number) => imeiOf(base + number);
const row = (number: number, more: object = {}) => ({
  id: base + number,
  imei: imei(number),
  order: `ZD-${base}`,
  model: `M-${base}`,
  ...more,
});

beforeAll(async () => {
  api = await TestApi.start();
  own = await api.department('own');
  other = await api.department('other');
});
afterAll(() => api.stop());
beforeEach(() => {
  base += 10_000;
});

const send = (method: string, path: string, body?: unknown, more: RequestOptions = {}): Promise<Reply> =>
  api.send(method, `/api/v1${path}`, { key: own.key, ...(body === undefined ? {} : { body }), ...more });

describe('an order', () => {
  test('is planned, ordered once, and shown with its sums; what was planned is what happens', async () => {
    await pack(api.db, [row(1, { company: HEMI }), row(2), row(3, { at: '2026-03-05 00:00:01' })]);
    const body = { order: `ZD-${base}`, shipDate: '2026-03-02', remark: 'spring' };
    const plan = await send('POST', '/shipments/plan', body);
    expect(plan.status).toBe(200);
    expect(plan.body).toMatchObject({ asked: 3, shipped: 2, refused: 1, classified: 1, unmatched: 1 });
    expect(await tracesOf(api.sql, imei(1))).toEqual({ records: 0, devices: 0, matched: 0, marked: 0 });

    const headers = { 'idempotency-key': `order-${base}` };
    const made = await send('POST', '/shipments', body, { headers });
    const again = await send('POST', '/shipments', body, { headers });
    expect(made.status).toBe(202);
    expect(again.body).toEqual(made.body);
    const path = `/shipments/${made.body.id}`;
    expect(made.headers.get('location')).toBe(`/api/v1${path}`);
    expect(made.body).toMatchObject({ status: 'running', asked: 3, open: 3, createdBy: own.operator });
    const started = api.executions.startedShipments.filter(({ shipmentId }) => shipmentId === made.body.id);
    expect(started).toEqual([{ shipmentId: made.body.id, what: `ZD-${base}`, devices: 3 }]);

    await work(api.db, made.body.id);
    const detail = await send('GET', path);
    const { refusedDevices: _refused, shippedDevices: _shipped, rulesRevision: _revision, ...sums } = plan.body;
    expect(detail.body).toMatchObject({ status: 'finished', sums: { ...sums, open: 0, closes: true, wrong: [] } });
    const refused = await send('GET', `${path}/devices?status=refused`);
    expect(refused.body.items).toMatchObject([
      { imei: imei(3), reason: 'not_after_production', reasonText: expect.stringContaining('2026-03-05') },
    ]);
    const csv = await send('GET', `${path}/devices?format=csv`);
    expect(csv.body.toString().trim().split('\r\n')).toHaveLength(4);
    const records = await send('GET', `/shipment-records?order=ZD-${base}&limit=1`);
    expect(records.body.items).toMatchObject([{ imei: imei(2), remark: 'spring', shippedBy: own.operator }]);
    const rest = await send('GET', `/shipment-records?order=ZD-${base}&limit=1&after=${records.body.next}`);
    expect(rest.body).toMatchObject({ items: [{ imei: imei(1), ruleText: `1: ${HEMI}` }], next: null });
    for (const filter of [`customer=hemi&imei=${imei(1)}`, `shipmentId=${made.body.id}&classified=true`]) {
      const found = await send('GET', `/shipment-records?${filter}&from=2026-03-02&to=2026-03-02`);
      expect(found.body.items.map((each: { imei: string }) => each.imei)).toEqual([imei(1)]);
    }
    const { body: life } = await send('GET', `/devices/ams-${imei(1)}/lineage`);
    expect(life.shipment).toMatchObject({
      orderNo: `ZD-${base}`,
      shipDate: '2026-03-02',
      record: { shipmentId: made.body.id, carton: 'BOX-1', customer: 'hemi', rule: `1: ${HEMI}` },
      platforms: [],
    });
    expect((await send('GET', `/shipments?imei=${imei(3)}`)).body.items).toHaveLength(1);
    expect((await send('GET', `/mes/devices?imei=${imei(1)}`)).body.items[0].shipment.id).toBe(made.body.id);
  });

  test.each([
    [{}, 'order_refused'],
    [{ order: 'x', carton: 'y' }, 'order_refused'],
    [{ order: 'nobody packed this' }, 'order_refused'],
    [{ imeis: ['1'], shipDate: '2026-02-30' }, 'validation_failed'],
  ])('%j is refused', async (body, code) => {
    for (const path of ['/shipments', '/shipments/plan']) {
      expect((await send('POST', path, { shipDate: '2026-03-02', ...body })).body.code).toBe(code);
    }
  });

  test('of another department is not there, and needs the permission to ship', async () => {
    await pack(api.db, [row(1)]);
    const body = { imeis: [imei(1)], shipDate: '2026-03-02' };
    const reader = await api.key(own.id, `reader-${base}`, ['device:read']);
    expect((await send('POST', '/shipments', body, { key: reader })).status).toBe(403);
    const { id } = (await send('POST', '/shipments', body)).body;
    await work(api.db, id);
    const { key } = other;
    for (const path of [`/shipments/${id}`, `/shipments/${id}/devices`]) {
      expect((await send('GET', path, undefined, { key })).status).toBe(404);
    }
    expect((await send('POST', `/shipments/${id}/stop`, {}, { key })).status).toBe(404);
    expect((await send('GET', `/shipment-records?imei=${imei(1)}`, undefined, { key })).body.items).toEqual([]);
    expect((await send('GET', '/shipments', undefined, { key })).body.items).toEqual([]);
    const planned = await send('POST', '/shipments/plan', body, { key });
    expect(planned.body.refusedDevices).toMatchObject([{ reason: 'other_department' }]);
  });

  test('is stopped, and ends', async () => {
    await pack(api.db, [row(1)]);
    const { id } = (await send('POST', '/shipments', { imeis: [imei(1)], shipDate: '2026-03-02' })).body;
    expect((await send('POST', `/shipments/${id}/stop`, { cause: 'wrong' })).body.stoppedBy).toBe(own.operator);
    expect((await work(api.db, id)).sums).toMatchObject({ shipped: 0, refused: 1, closes: true });
    expect((await send('POST', `/shipments/${id}/stop`, {})).body.code).toBe('control_refused');
  });

  test('is stored when Temporal is away, and started later', async () => {
    await pack(api.db, [row(1)]);
    api.executions.failure = new Error('away');
    const made = await send('POST', '/shipments', { imeis: [imei(1)], shipDate: '2026-03-02' });
    api.executions.failure = null;
    expect(made.status).toBe(202);
    await api.sql`update shipments set created_at = now() - interval '1 minute' where id = ${made.body.id}`;
    await startUnstartedOrders(api.db, api.executions);
    expect(api.executions.startedShipments.map(({ shipmentId }) => shipmentId)).toContain(made.body.id);
  });
});

describe('the rules', () => {
  test('are shown, tried, and changed by whoever saw them last', async () => {
    const shown = await send('GET', '/classification');
    const { revision, rules } = shown.body;
    const tried = await send('POST', '/classification/try', { name: `${HEMI} 国贸部` });
    expect(tried.body).toMatchObject({ customer: 'hemi', rule: `1: ${HEMI}`, revision });
    expect(tried.body.verdicts.map(({ explanation }: { explanation: string }) => explanation)).toEqual([
      'all its words are in the name, and no rule before it fits',
      'not in the name: 营销事业三部',
      'not in the name: 深圳市几米软件有限公司, 国际部',
      'not in the name: 深圳市几米物联有限公司, 国际部',
    ]);
    const more = [...rules, { number: 5, words: ['ACME'], customer: 'acme', active: true }];
    const headers = { 'if-match': `"${revision}"` };
    const changed = await send('PATCH', '/classification', { rules: more }, { headers });
    expect(changed.body).toMatchObject({ revision: revision + 1, changedBy: own.operator });
    expect((await send('PATCH', '/classification', { rules }, { headers })).body.code).toBe('edit_conflict');
    expect((await send('POST', '/classification/try', { name: '（ａｃｍｅ）' })).body.customer).toBe('acme');
    const bad = await send('PATCH', '/classification', { rules: [{ ...more[4], words: [' '] }] });
    expect(bad.body).toMatchObject({ code: 'order_refused', errors: [{ path: 'body.rules[0].words' }] });
    const writer = await api.key(own.id, `writer-${base}`, ['shipment:write', 'device:read']);
    expect((await send('PATCH', '/classification', { rules }, { key: writer })).status).toBe(403);
    expect((await send('PATCH', '/classification', { rules })).body.revision).toBe(revision + 2);
    const lists = (await send('GET', '/classification/revisions?limit=2')).body.items;
    expect(lists.map((each: { revision: number }) => each.revision)).toEqual([revision + 2, revision + 1]);
    const [line] = await api.sql`select author from audit_log where target_kind = 'classification' order by id desc`;
    expect(line).toEqual({ author: own.operator });
  });

  test('say what a model speaks', async () => {
    const set = await send('PATCH', `/model-protocols/M-${base}`, { protocol: 'pcp' });
    expect(set.body).toMatchObject({ model: `M-${base}`, protocol: 'pcp', changedBy: own.operator });
    expect((await send('GET', '/model-protocols')).body.items).toContainEqual(set.body);
  });
});

describe('a trigger', () => {
  const make = async (more: object = {}) => {
    const match = { model: `M-${base}`, companyWords: ['途骏'] };
    const { body } = await send('POST', '/triggers', { name: `t-${base}`, match, ...more });
    return body as { id: number; revision: number };
  };
  /** Lets the workflows of all firings run. */
  const fire = async (triggerId: number) => {
    api.executions.startedFirings.length = 0;
    await fireTriggers(api.db, api.executions);
    const firings = api.executions.startedFirings.filter((each) => each.triggerId === triggerId);
    for (const { cycleId } of firings) {
      const begun = await beginFiring(api.db, { triggerId, cycleId });
      expect(await beginFiring(api.db, { triggerId, cycleId }), 'repeated').toMatchObject({
        shipmentId: begun!.shipmentId,
      });
      if (begun!.shipmentId !== null) await work(api.db, begun!.shipmentId);
      const end = await endFiring(api.db, { triggerId, cycleId });
      expect(await endFiring(api.db, { triggerId, cycleId }), 'repeated').toMatchObject({ status: end.status });
    }
    return firings.length;
  };
  const firingsOf = async (id: number) => (await send('GET', `/triggers/${id}/firings`)).body.items;

  test('ships new rows that fit, from when it is on, each once', async () => {
    const { id } = await make();
    await pack(api.db, [row(1, { company: HEMI })]);
    expect(await fire(id), 'it is off').toBe(0);
    expect((await send('POST', `/triggers/${id}/dry-run`)).body).toMatchObject({
      asked: 1,
      shipped: 1,
      customers: [{ customer: 'hemi' }],
      isWhole: true,
    });
    expect((await send('POST', `/triggers/${id}/on`, {})).body.isOn).toBe(true);
    expect(await fire(id), 'what came while it was off').toBe(0);

    await pack(api.db, [row(2, { company: HEMI }), row(3), row(4, { company: HEMI, model: 'other' })]);
    await pack(api.db, [row(5)]);
    expect(await fire(id)).toBe(1);
    expect(await fire(id), 'the next sweep').toBe(0);
    await pack(api.db, [row(2, { company: HEMI }), { ...row(2, { company: HEMI }), id: base + 90 }]);
    expect(await fire(id), 'packed again: a new row').toBe(1);
    const [again, first] = await firingsOf(id);
    expect(first).toMatchObject({ status: 'done', devices: 1, differences: 0, words: '' });
    expect(again).toMatchObject({ status: 'attention', words: '1 of 1 devices were refused' });
    expect(await tracesOf(api.sql, imei(2))).toEqual({ records: 1, devices: 1, matched: 1, marked: 1 });
    expect(await tracesOf(api.sql, imei(3))).toEqual({ records: 0, devices: 0, matched: 0, marked: 0 });
    const { body: shipment } = await send('GET', `/shipments/${first.shipmentId}`);
    expect(shipment).toMatchObject({ createdBy: `trigger t-${base}`, selection: { by: 'trigger', trigger: id } });

    await send('POST', `/triggers/${id}/off`, {});
    await pack(api.db, [row(6, { company: HEMI })]);
    await send('POST', `/triggers/${id}/on`, {});
    expect(await fire(id)).toBe(0);
  });

  test('ships nothing for a change, and names the difference', async () => {
    const { id } = await make();
    await send('POST', `/triggers/${id}/on`, {});
    await pack(api.db, [row(1, { company: HEMI }), row(2, { company: HEMI }), row(3), row(4)]);
    await fire(id);
    await pack(api.db, [
      row(1, { company: HEMI, carton: 'moved' }),
      row(2, { company: 'somebody else' }),
      row(3, { company: HEMI }),
      row(4, { carton: 'moved' }),
    ]);
    await fire(id);
    const { items } = (await send('GET', `/triggers/${id}/differences`)).body;
    expect(items.map((each: { imei: string; kind: string }) => [each.imei, each.kind])).toEqual(
      expect.arrayContaining([
        [imei(1), 'shipped_changed'],
        [imei(2), 'fits_no_more'],
        [imei(3), 'fits_now'],
      ]),
    );
    expect(items).toHaveLength(3);
    expect(items[0].differences[0]).toHaveProperty('column');
    expect((await firingsOf(id))[0]).toMatchObject({
      status: 'attention',
      devices: 0,
      differences: 3,
      shipmentId: null,
    });
    expect((await tracesOf(api.sql, imei(3))).records).toBe(0);
  });

  test('sends on to a platform what has a customer', async () => {
    const info = { account: 'a', customerName: 'c', model: 'm' };
    const { id } = await make({ match: { model: `M-${base}` }, platform: { platformId: 2, info } });
    await send('POST', `/triggers/${id}/on`, {});
    await pack(api.db, [row(1, { company: HEMI }), row(2)]);
    await fire(id);
    const [firing] = await firingsOf(id);
    const sent = await send('GET', `/platform-shipments/${firing.platformShipmentId}`);
    expect(sent.body).toMatchObject({ asked: 1, createdBy: `trigger t-${base}` });
    const wrong = await send('POST', '/triggers', {
      name: 'x',
      match: { order: '1' },
      platform: { platformId: 2, info: {} },
    });
    expect(wrong.body.code).toBe('order_refused');
  });

  test('is changed by whoever saw it last, has a name of its own, and is nobody else’s', async () => {
    const { id, revision } = await make();
    const headers = { 'if-match': `"${revision}"` };
    expect((await send('PATCH', `/triggers/${id}`, { shipInDays: 3 }, { headers })).body.shipInDays).toBe(3);
    expect((await send('PATCH', `/triggers/${id}`, { shipInDays: 4 }, { headers })).body.code).toBe('edit_conflict');
    expect((await send('POST', '/triggers', { name: `t-${base}`, match: { order: '1' } })).body.code).toBe(
      'name_taken',
    );
    expect((await send('POST', '/triggers', { name: 'all', match: {} })).status).toBe(400);
    expect((await send('GET', `/triggers/${id}`, undefined, { key: other.key })).status).toBe(404);
    await send('DELETE', `/triggers/${id}`);
    expect((await send('GET', `/triggers/${id}`)).status).toBe(404);
  });
});
