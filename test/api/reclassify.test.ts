/** Customers found anew after devices were shipped. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imeiOf, pack, work } from '../support/shipment-records.ts';
import { TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let own: TestDepartment;
let other: TestDepartment;
beforeAll(async () => {
  api = await TestApi.start();
  own = await api.department('康凯斯');
  other = await api.department('几米物联');
});
afterAll(() => api.stop());

const send = (method: string, path: string, body?: unknown, key = own.key) =>
  api.send(method, `/api/v1/${path}`, { key, ...(body === undefined ? {} : { body }) });
const matchedCustomers = async (imeis: readonly string[]) =>
  (await api.sql`select customer from matched_devices where imei = any(${imeis as string[]}) order by imei`).map(
    ({ customer }) => customer as string,
  );

/** Ships devices of a company that no rule knows. */
async function shipped(from: number, company: string | null, orderCompany?: string) {
  const imeis = [from, from + 1].map(imeiOf);
  await pack(
    api.db,
    imeis.map((imei, n) => ({ id: from + n, imei, company })),
  );
  const body = { imeis, shipDate: '2026-03-02', ...(orderCompany === undefined ? {} : { company: orderCompany }) };
  const { body: made } = await send('POST', 'shipments', body);
  await work(api.db, made.id);
  return { id: made.id as number, imeis };
}

describe('devices that were shipped', () => {
  it('get the customer that a new rule gives them, and can go on to a platform then; what was shipped stays', async () => {
    const { id, imeis } = await shipped(100, 'ACME Logistics');
    expect(await matchedCustomers(imeis)).toEqual([]);
    const { body: before } = await send('GET', 'classification');
    const rule = { number: 50, words: ['acme'], customer: 'acme', active: true };
    const { revision } = (await send('PATCH', 'classification', { rules: [...before.rules, rule] })).body;
    const note = 'rule 50 is there now';
    const { body } = await send('POST', 'classification/reclassify', { shipmentId: id, note });
    expect(body).toMatchObject({ devices: 2, changed: 2, matched: 2, leftOut: null, rulesRevision: revision });
    expect(body.items[0]).toEqual({
      imei: imeis[0],
      company: 'ACME Logistics',
      customerBefore: null,
      customer: 'acme',
      rule: { number: 50, words: ['acme'], customer: 'acme', revision },
      ruleText: '50: acme',
    });
    expect(await matchedCustomers(imeis)).toEqual(['acme', 'acme']);
    const { body: records } = await send('GET', `shipment-records?imei=${imeis[0]}`);
    expect(records.items[0]).toMatchObject({ customer: null, rule: null });
    const order = { platformId: 5, matched: { shipmentId: id }, info: {} };
    expect((await send('POST', 'platform-shipments', order)).body).toMatchObject({ taken: 2 });
    // A second time nothing is different, and it is written down all the same.
    const again = await send('POST', 'classification/reclassify', { shipmentId: id, note });
    expect(again.body).toMatchObject({ devices: 2, changed: 0, matched: 2 });
    const { body: history } = await send('GET', `classification/reclassifications?imei=${imeis[0]}`);
    expect(history.items.map((each: { customerBefore: unknown }) => each.customerBefore)).toEqual(['acme', null]);
    const [line] = await api.sql`select action, author from audit_log order by id desc limit 1`;
    expect(line).toEqual({ action: 'reclassifyDevices', author: own.operator });
    await expect(api.sql`update reclassifications set note = ''`).rejects.toThrow();
  });

  it('leave the matched list when no rule fits any more', async () => {
    const { imeis } = await shipped(200, '深圳途骏信息科技有限公司');
    expect(await matchedCustomers(imeis)).toEqual(['hemi', 'hemi']);
    await pack(api.db, [{ id: 200, imei: imeis[0]!, company: 'nobody' }]);
    const { body } = await send('POST', 'classification/reclassify', { imeis, note: 'MES was corrected' });
    expect(body).toMatchObject({ devices: 2, changed: 1, matched: 1, leftOut: 0 });
    expect(await matchedCustomers(imeis)).toEqual(['hemi']);
  });

  it('are classified by the name of the order where it had one, whatever MES says', async () => {
    const { imeis } = await shipped(300, 'nobody', '深圳途骏信息科技有限公司');
    const { body } = await send('POST', 'classification/reclassify', { imeis, note: 'again' });
    expect(body.items[0]).toMatchObject({ company: '深圳途骏信息科技有限公司', customer: 'hemi' });
  });

  it('are those of the own department; others are left out, whether they exist or not', async () => {
    const { id, imeis } = await shipped(400, '深圳途骏信息科技有限公司');
    const wrong = { imeis: [...imeis, imeiOf(499)], note: 'not mine' };
    expect((await send('POST', 'classification/reclassify', wrong, other.key)).body).toMatchObject({
      devices: 0,
      leftOut: 3,
      items: [],
    });
    expect(
      (await send('POST', 'classification/reclassify', { shipmentId: id, note: 'x' }, other.key)).body,
    ).toMatchObject({ code: 'not_found' });
    expect((await send('GET', 'classification/reclassifications', undefined, other.key)).body.items).toEqual([]);
    expect(await matchedCustomers(imeis)).toEqual(['hemi', 'hemi']);
  });

  it('are named in one way, with a note, by whoever may ship', async () => {
    const both = { imeis: [imeiOf(1)], shipmentId: 1, note: 'x' };
    expect((await send('POST', 'classification/reclassify', both)).body.code).toBe('order_refused');
    expect((await send('POST', 'classification/reclassify', { shipmentId: 1, note: ' ' })).status).toBe(400);
    const reader = await api.key(own.id, 'reader', ['device:read']);
    expect((await send('POST', 'classification/reclassify', { shipmentId: 1, note: 'x' }, reader)).status).toBe(403);
  });
});
