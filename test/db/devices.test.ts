import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviceCondition } from '../../db/devices.ts';
import { registerDevices, type Registration } from '../../db/registration.ts';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import { devices } from '../../db/schema.ts';
import { createDepartment } from '../../db/people.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let test: TestDatabase;
let database: Database;
let departmentId: number;
const FLEET = 50_000;

beforeAll(async () => {
  test = await createTestDatabase(migrate);
  database = connectDatabase(test.url);
  departmentId = (await createDepartment(database.db, 'jimi'))!.id;
  await database.sql`
    insert into devices (id, protocol, identity, imei, department_id, created_by)
    select 'terminal-' || sn, 'terminal', sn, (860000000000000 + n)::text, ${departmentId}, 'test'
    from generate_series(1, ${FLEET}) n, lateral (select lpad(upper(to_hex(n)), 10, '0') as sn) x`;
  await database.sql`analyze devices`;
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

const registration = (n: number, imei: string | null): Registration => ({
  id: `terminal-F${String(n).padStart(9, '0')}`,
  protocol: 'terminal',
  identity: `F${String(n).padStart(9, '0')}`,
  imei,
  model: null,
  productionDate: null,
  shipDate: null,
  orderNo: null,
  remark: null,
});

describe('finding devices', () => {
  it.each(['0000BEEF', 'terminal-0000BEEF', '8600000000001'])(
    'by the beginning "%s" reads an index and not the table',
    async (q) => {
      const query = database.db
        .select({ id: devices.id })
        .from(devices)
        .where(deviceCondition(departmentId, { q }))
        .limit(500)
        .toSQL();
      const plan = await database.sql.unsafe(`explain ${query.sql}`, query.params as string[]);
      const text = plan.map((row) => String(row['QUERY PLAN'])).join('\n');
      expect(text).toMatch(/Index/);
      expect(text).not.toMatch(/Seq Scan/);
    },
  );
});

describe('registering devices', () => {
  it('gives an IMEI to one device only, however many ask at the same moment', async () => {
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        registerDevices(database.db, departmentId, 'test', [registration(n, '999999999999999')]),
      ),
    );
    const statuses = results.map(([result]) => result!.status).toSorted();
    expect(statuses).toEqual(['created', ...Array.from({ length: 7 }, () => 'refused')]);
  });

  it('lets an IMEI move only after its holder gave it up', async () => {
    await registerDevices(database.db, departmentId, 'test', [
      registration(101, '777777777777771'),
      registration(102, '777777777777772'),
    ]);
    const swapped = await registerDevices(database.db, departmentId, 'test', [
      registration(101, '777777777777772'),
      registration(102, '777777777777771'),
    ]);
    expect(swapped).toEqual([
      { status: 'refused', code: 'imei_taken', holder: registration(102, null).id },
      { status: 'refused', code: 'imei_taken', holder: registration(101, null).id },
    ]);
    const moved = await registerDevices(database.db, departmentId, 'test', [registration(101, '777777777777773')]);
    expect(moved).toMatchObject([{ status: 'updated' }]);
    const taken = await registerDevices(database.db, departmentId, 'test', [registration(102, '777777777777771')]);
    expect(taken).toMatchObject([{ status: 'updated' }]);
  });
});
