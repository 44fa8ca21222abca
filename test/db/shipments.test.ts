/** Orders of primary shipment on a real database: who goes, who does not, what is written, and that sums close. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readRules, replaceRules, setModelProtocol } from '../../db/shipments/classification.ts';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import { createDepartment } from '../../db/people.ts';
import { listShipmentDevices, listShipmentRecords } from '../../db/shipments/shipment-lists.ts';
import { insertShipment, readNamed, type ShipmentDevices } from '../../db/shipments/shipment-orders.ts';
import { planShipment } from '../../db/shipments/shipment-plan.ts';
import { reconcileShipment } from '../../db/shipments/shipment-sums.ts';
import { finishShipment, shipChunk, stopShipment } from '../../db/shipments/shipments.ts';
import { DEFAULT_CUSTOMER_RULES } from '../../workflows/rules/customers.ts';
import { createTestDatabase } from '../support/database.ts';
import { imeiOf, pack, tracesOf, work } from '../support/shipment-records.ts';

const HEMI = '深圳途骏信息科技有限公司';
const GUOMAO = '深圳市几米物联有限公司（国际部）';

let database: Database;
let drop: () => Promise<void>;
let [own, other] = [0, 0];
/** Every test has devices, orders and cartons of its own. */
let base = 0;
const imei = (number: number) => imeiOf(base + number);
const order = () => `ZD-${base}`;
const row = (number: number, more: object = {}) => ({
  id: base + number,
  imei: imei(number),
  order: order(),
  carton: `BOX-${base}`,
  ...more,
});

beforeAll(async () => {
  const made = await createTestDatabase(migrate);
  drop = () => made.drop();
  database = connectDatabase(made.url, { poolSize: 6 });
  own = (await createDepartment(database.db, 'own'))!.id;
  other = (await createDepartment(database.db, 'other'))!.id;
});
afterAll(async () => {
  await database.close();
  await drop();
});
beforeEach(() => {
  base += 10_000;
});

async function make(
  devices: ShipmentDevices,
  more: { departmentId?: number; company?: string; shipDate?: string } = {},
) {
  const { departmentId = own, company = '', shipDate = '2026-03-02' } = more;
  return insertShipment(database.db, { departmentId, company, shipDate, remark: 'r', createdBy: 'li', devices });
}
const devicesOf = (id: number) => listShipmentDevices(database.db, id, {}, { after: 0, limit: 1_000 });
const recordOf = async (number: number) =>
  (await listShipmentRecords(database.db, own, { imei: imei(number) }, { after: null, limit: 1 }))[0];

test('the rules of the business are there from the beginning', async () => {
  expect(await readRules(database.db)).toMatchObject({ revision: 1, rules: DEFAULT_CUSTOMER_RULES });
});

test('an order ships what was packed under it: registered, recorded, classified, listed, marked', async () => {
  const { db, sql } = database;
  await pack(db, [row(1, { company: HEMI }), row(2, { company: GUOMAO }), row(3), row(4, { company: null })]);
  await sql.begin(async (tx) => {
    await tx`select set_config('slipway.mes_sync', 'on', true)`;
    await tx`insert into mes_sheets (imei1, sn, imei3, imei4, row_hash, cycle_id)
      values (${imei(1)}, 'SN1', 'SIM1', 'ICC1', gen_random_uuid(), 1)`;
  });
  const { id, asked } = await make({ order: order() });
  const end = await work(db, id);

  expect(asked).toBe(4);
  expect(end).toEqual({
    status: 'finished',
    sums: {
      asked: 4,
      shipped: 4,
      refused: 0,
      open: 0,
      classified: 2,
      unmatched: 2,
      refusedBy: [],
      customers: [
        { customer: 'hemi', rule: `1: ${HEMI}`, devices: 1 },
        { customer: 'guomao', rule: '4: 深圳市几米物联有限公司 + 国际部', devices: 1 },
      ],
      closes: true,
      wrong: [],
    },
  });
  expect(await recordOf(1)).toMatchObject({
    shipmentId: id,
    deviceId: `ams-${imei(1)}`,
    orderNo: order(),
    carton: `BOX-${base}`,
    model: 'GV2',
    rid: 'RID',
    sn: 'SN1',
    sim: 'SIM1',
    iccid: 'ICC1',
    company: HEMI,
    companyBy: 'mes',
    mesCompany: HEMI,
    productionDate: '2026-03-01',
    shipDate: '2026-03-02',
    customer: 'hemi',
    rule: { number: 1, words: [HEMI], customer: 'hemi', revision: 1 },
    shippedBy: 'li',
  });
  expect(await recordOf(4)).toMatchObject({ company: '', customer: null, rule: null, rulesRevision: 1 });
  const [device] =
    await sql`select protocol, identity, imei, model, order_no, ship_date::text, production_date::text, department_id, remark
    from devices where id = ${`ams-${imei(1)}`}`;
  expect(device).toEqual({
    protocol: 'ams',
    identity: imei(1),
    imei: imei(1),
    model: 'GV2',
    order_no: order(),
    ship_date: '2026-03-02',
    production_date: '2026-03-01',
    department_id: own,
    remark: 'r',
  });
  const [matched] = await sql`select * from matched_devices where imei = ${imei(2)}`;
  expect(matched).toMatchObject({ customer: 'guomao', department_id: own, device_id: `ams-${imei(2)}` });
  expect(Number(matched!['shipment_id'])).toBe(id);
  expect(await tracesOf(sql, imei(3))).toEqual({ records: 1, devices: 1, matched: 0, marked: 1 });
});

test('the company of the order decides before that of MES', async () => {
  const { db } = database;
  await pack(db, [row(1, { company: GUOMAO })]);
  const { id } = await make({ imeis: [imei(1)] }, { company: HEMI });
  await work(db, id);
  expect(await recordOf(1)).toMatchObject({
    company: HEMI,
    companyBy: 'shipment',
    mesCompany: GUOMAO,
    customer: 'hemi',
  });
});

test('who cannot go is refused by name, and the others go', async () => {
  const { db, sql } = database;
  await pack(db, [
    row(1),
    row(2),
    row(3, { at: '2026-03-02 00:00:00' }),
    row(4, { at: '2026-03-01 23:59:59' }),
    row(5),
    row(6),
    row(7),
  ]);
  await work(db, (await make({ imeis: [imei(2)] })).id);
  await work(db, (await make({ imeis: [imei(5)] }, { departmentId: other })).id);
  await sql`insert into devices (id, protocol, identity, imei, department_id, created_by)
    values (${`ams-${imei(6)}`}, 'ams', ${imei(6)}, ${imei(6)}, ${other}, 't')`;
  await sql`insert into devices (id, protocol, identity, imei, department_id, created_by)
    values (${`ams-${imei(7)}`}, 'ams', ${imei(7)}, ${imei(8)}, ${own}, 't')`;
  const imeis = [imei(1), imei(2), imei(3), imei(4), imei(5), imei(6), imei(7), imei(99), 'X1', imei(1)];
  const devices = { imeis };
  const info = { departmentId: own, company: '', shipDate: '2026-03-02' };
  const plan = await planShipment(db, info, await readNamed(db, devices), 100);
  const { id, asked } = await make(devices);
  const { sums } = await work(db, id);

  expect(asked).toBe(10);
  expect((await devicesOf(id)).map(({ status, reason }) => reason ?? status)).toEqual([
    'shipped',
    'already_shipped',
    'not_after_production',
    'shipped',
    'other_department',
    'other_department',
    'imei_taken',
    'unknown',
    'bad_imei',
    'duplicate',
  ]);
  const [, shipped, late, , foreign] = await devicesOf(id);
  expect(shipped!.words).toMatch(/^it is in shipment \d+$/);
  expect(late!.words).toBe('it was produced on 2026-03-02');
  expect(foreign!.words, 'nothing of another department is told').toBe('');
  expect(sums).toMatchObject({ shipped: 2, refused: 8, closes: true });
  const { open: _open, closes: _closes, wrong: _wrong, ...told } = sums;
  expect(plan, 'the plan said so').toMatchObject(told);
  expect(plan.refusedDevices.map(({ reason, words }) => [reason, words])).toEqual(
    (await devicesOf(id)).filter(({ reason }) => reason !== null).map(({ reason, words }) => [reason, words]),
  );
  expect(await tracesOf(sql, imei(7))).toEqual({ records: 0, devices: 0, matched: 0, marked: 0 });
});

test('a device that was registered by hand is shipped as what it is', async () => {
  const { db, sql } = database;
  await pack(db, [row(1)]);
  await sql`insert into devices (id, protocol, identity, imei, department_id, remark, created_by)
    values (${`terminal-AB${base}`}, 'terminal', ${`AB${base}`}, ${imei(1)}, ${own}, 'mine', 't')`;
  await work(db, (await make({ imeis: [imei(1)] })).id);
  expect(await recordOf(1)).toMatchObject({ deviceId: `terminal-AB${base}` });
  const found = await sql`select id, ship_date::text from devices where imei = ${imei(1)}`;
  expect([...found]).toEqual([{ id: `terminal-AB${base}`, ship_date: '2026-03-02' }]);
});

test('a model may speak something else', async () => {
  const { db } = database;
  await pack(db, [row(1, { model: `PCP-${base}` })]);
  await setModelProtocol(db, { model: `PCP-${base}`, protocol: 'pcp', changedBy: 't' });
  await work(db, (await make({ imeis: [imei(1)] })).id);
  expect(await recordOf(1)).toMatchObject({ deviceId: `pcp-${imei(1)}` });
});

test('a device that was packed again belongs to where it was packed last', async () => {
  const { db } = database;
  await pack(db, [row(1, { carton: `A-${base}` }), row(2, { carton: `A-${base}` })]);
  await pack(db, [{ ...row(1, { carton: `B-${base}` }), id: base + 50 }]);
  expect((await readNamed(db, { carton: `A-${base}` })).map(({ imei }) => imei)).toEqual([imei(2)]);
  await work(db, (await make({ carton: `B-${base}` })).id);
  expect(await recordOf(1)).toMatchObject({ carton: `B-${base}`, mesId: base + 50 });
});

test('two processes work on one order, another order names the same devices, and each goes once', async () => {
  const { db, sql } = database;
  const numbers = Array.from({ length: 300 }, (_, index) => index + 1);
  await pack(
    db,
    numbers.map((number) => row(number, { company: number % 3 === 0 ? HEMI : null })),
  );
  const one = await make({ order: order() });
  const two = await make({ imeis: numbers.map(imei) });
  const ends = await Promise.all([
    work(db, one.id, 17),
    work(db, one.id, 23),
    work(db, two.id, 31),
    work(db, two.id, 11),
  ]);
  for (const { status, sums } of ends)
    expect({ status, closes: sums.closes }).toEqual({ status: 'finished', closes: true });
  const [first, , second] = ends;
  expect(first!.sums.shipped + second!.sums.shipped).toBe(300);
  const [counts] =
    await sql`select count(*)::int as rows, count(distinct imei)::int as devices, count(customer)::int as matched
    from shipment_records where order_no = ${order()}`;
  expect(counts).toEqual({ rows: 300, devices: 300, matched: 100 });
  const [events] =
    await sql`select count(*)::int as n from events where kind = 'shipment.finished' and data->>'shipmentId' in (${String(one.id)}, ${String(two.id)})`;
  expect(events).toEqual({ n: 2 });
});

test('a chunk that fails in the middle leaves nothing, and the next one does it', async () => {
  const { db, sql } = database;
  await pack(db, [row(1), row(2)]);
  const { id } = await make({ order: order() });
  // the last of what a chunk writes is refused
  await sql.unsafe(`create function break_ends() returns trigger language plpgsql as $$ begin raise 'broken'; end $$`);
  await sql.unsafe(
    `create trigger break_ends before update on shipment_devices for each row execute function break_ends()`,
  );
  await expect(shipChunk(db, id, 500)).rejects.toThrow();
  await sql.unsafe(`drop function break_ends cascade`);
  expect(await tracesOf(sql, imei(1))).toEqual({ records: 0, devices: 0, matched: 0, marked: 0 });
  expect((await work(db, id)).sums).toMatchObject({ shipped: 2, closes: true });
});

test('what is open of a stopped order is refused, what was shipped stays, and it ends', async () => {
  const { db } = database;
  await pack(db, [row(1), row(2), row(3)]);
  const { id } = await make({ order: order() });
  await shipChunk(db, id, 1);
  expect(await finishShipment(db, id), 'devices are open').toBeNull();
  expect(await stopShipment(db, id, 'wang')).toBe(2);
  expect((await work(db, id)).sums).toMatchObject({ shipped: 1, refused: 2, closes: true });
  expect((await work(db, (await make({ order: order() })).id)).sums).toMatchObject({ shipped: 2, refused: 1 });
});

test('sums that do not close are red, and say what does not fit', async () => {
  const { db, sql } = database;
  await pack(db, [row(1, { company: HEMI }), row(2)]);
  const { id } = await make({ order: order() });
  await shipChunk(db, id, 500);
  await sql`delete from matched_devices where imei = ${imei(1)}`;
  await sql`delete from mes_shipped where imei = ${imei(2)}`;
  const end = await finishShipment(db, id);
  expect(end).toMatchObject({
    status: 'red',
    sums: {
      closes: false,
      wrong: ['1 have a customer and 0 are in the matched list', '2 are shipped and 1 are marked so in the MES list'],
    },
  });
  expect(await finishShipment(db, id), 'again').toMatchObject({ status: 'red' });
});

test('changing the rules changes no history', async () => {
  const { db } = database;
  await pack(db, [row(1, { company: HEMI }), row(2, { company: HEMI })]);
  await work(db, (await make({ imeis: [imei(1)] })).id);
  const { revision, rules } = await readRules(db);
  const changed = [{ number: 9, words: ['途骏'], customer: 'someone', active: true }];
  await replaceRules(db, { revision: revision + 1, rules: changed, changedBy: 'wang' });
  try {
    await work(db, (await make({ imeis: [imei(2)] })).id);
    expect(await recordOf(1)).toMatchObject({ customer: 'hemi', rule: { number: 1, words: [HEMI], revision } });
    expect(await recordOf(2)).toMatchObject({ customer: 'someone', rule: { number: 9, revision: revision + 1 } });
  } finally {
    await replaceRules(db, { revision: revision + 2, rules, changedBy: 'wang' });
  }
});

describe('nobody changes', () => {
  test.each([
    'update shipment_records set remark = $$x$$',
    'delete from shipment_records',
    'truncate shipment_records',
  ])('the total shipment record: %s', async (statement) => {
    const { db, sql } = database;
    await pack(db, [row(1)]);
    await work(db, (await make({ order: order() })).id);
    await expect(sql.unsafe(statement)).rejects.toThrow();
    expect(await recordOf(1)).toMatchObject({ remark: 'r' });
  });
});

test('reconciling counts while it runs', async () => {
  const { db } = database;
  await pack(db, [row(1), row(2)]);
  const { id } = await make({ order: order() });
  await shipChunk(db, id, 1);
  expect(await reconcileShipment(db, id)).toMatchObject({ asked: 2, shipped: 1, open: 1, closes: true });
});
