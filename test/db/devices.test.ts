import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countDevices, deviceCondition, listDevices, type DeviceFilter } from '../../db/devices/devices.ts';
import { registerDevices, type Registration } from '../../db/devices/registration.ts';
import { connectDatabase, migrate, type Database, type Db } from '../../db/index.ts';
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
    insert into devices (id, protocol, identity, imei, department_id, model, order_no, ship_date, created_by)
    select 'terminal-' || sn, 'terminal', sn, (860000000000000 + n)::text, ${departmentId}, 'GV' || n % 5,
      'SO-2025-' || lpad((n / 100)::text, 4, '0'), date '2025-01-01' + n / 500, 'test'
    from generate_series(1, ${FLEET}) n, lateral (select lpad(upper(to_hex(n)), 10, '0') as sn) x`;
  await database.sql`
    insert into device_versions (device_id, component, version, reported_at, report_seq)
    select id, 'T1', 'v' || row_number() over (order by id) / 50, now(), 1 from devices`;
  await database.sql`
    insert into device_contacts (device_id, last_seen_at, address) select id, now(), '127.0.0.1' from devices`;
  await database.sql`vacuum analyze devices, device_versions, device_contacts`;
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
  powerKw: null,
  productionDate: null,
  shipDate: null,
  orderNo: null,
  remark: null,
});

describe('finding devices', () => {
  it('reads of other tables only what stands on the page, wherever the page is', async () => {
    const rowsRead = async (tx: Db) => {
      const [row] = await tx.execute<{ rows: number }>(sql`
        select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_xact_user_tables
        where relname in ('device_contacts', 'device_versions')`);
      return row!.rows;
    };
    await database.db.transaction(async (tx) => {
      const before = await rowsRead(tx);
      const page = await listDevices(tx, departmentId, {}, { after: 'terminal-000000A000', limit: 20 });
      expect(page.map(({ lastSeenAt }) => lastSeenAt)).toEqual(Array.from({ length: 20 }, () => expect.any(Date)));
      expect((await rowsRead(tx)) - before).toBe(40);
    });
  });

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

describe('looking for devices', () => {
  /** All but walking through the table, or along the order of ids until enough are found. */
  it.each<[string, DeviceFilter, number]>([
    ['the last digits of the label', { search: 'EEF' }, 12],
    ['the last digits of the IMEI', { search: '12345' }, 1],
    ['an order', { search: 'SO-2025-0042' }, 100],
    ['model and order', { search: 'gv3 0042' }, 20],
    ['days', { shippedFrom: '2025-02-01', shippedTo: '2025-02-01' }, 500],
    ['a version', { version: 'v77', component: 'T1' }, 50],
    ['an order by its whole number', { orderNo: 'SO-2025-0042' }, 100],
  ])('by %s asks an index', async (_what, filter, expected) => {
    const { sql: text, params } = database.db
      .select({ id: devices.id })
      .from(devices)
      .where(deviceCondition(departmentId, filter))
      .toSQL();
    const plan = await database.sql.unsafe(`explain (analyze, format json) ${text}`, params as string[]);
    const nodes = nodesOf((plan[0]!['QUERY PLAN'] as [{ Plan: PlanNode }])[0].Plan);
    expect(nodes.filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([]);
    // a bitmap of blocks reads what lies beside, too
    const read = Math.max(...nodes.map((node) => node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)));
    expect(read).toBeLessThan(FLEET / 10);
    const page = { after: '', limit: FLEET };
    expect(await listDevices(database.db, departmentId, filter, page)).toHaveLength(expected);
    expect(await countDevices(database.db, departmentId, filter)).toEqual({ devices: expected, isEstimated: false });
  });

  it('lists many that fit in the order of ids, page by page, each once', async () => {
    const filter = { search: 'SO' };
    const pages: string[] = [];
    for (let after = ''; ; after = pages.at(-1)!) {
      const rows = await listDevices(database.db, departmentId, filter, { after, limit: 15_000 });
      if (rows.length === 0) break;
      pages.push(...rows.map(({ id }) => id));
    }
    expect(pages).toHaveLength(FLEET);
    expect(new Set(pages).size).toBe(FLEET);
    expect(pages.every((id, index) => index === 0 || id > pages[index - 1]!)).toBe(true);
  });

  it('counts exactly up to a bound, and says when it did not', async () => {
    const count = (exactly: number) => countDevices(database.db, departmentId, { model: 'GV3' }, exactly);
    expect(await count(10_000)).toEqual({ devices: 10_000, isEstimated: false });
    const counted = await count(9_999);
    expect(counted.isEstimated).toBe(true);
    expect(counted.devices).toBeGreaterThanOrEqual(10_000);
    expect(counted.devices).toBeLessThan(15_000);
  });
});

interface PlanNode {
  'Node Type': string;
  'Actual Rows': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

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
