import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { is } from 'drizzle-orm';
import { connectDatabase, migrate } from '../../db/index.ts';
import * as schema from '../../db/schema.ts';
import { TASK_STATUSES, UPGRADE_STATUSES } from '../../workflows/rules/statuses.ts';
import { COMPONENTS } from '../../workflows/rules/versions.ts';
import { createTestDatabase } from '../support/database.ts';
import { Records } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

describe('the names that may be stored', () => {
  const store = (table: string, status: string, id: number) =>
    records.sql.begin(async (tx) => {
      // Whether it may follow what was there is not the question.
      await tx`set local session_replication_role = replica`;
      await tx.unsafe(`update ${table} set status = $1 where id = $2`, [status, id]);
    });

  it.each([...UPGRADE_STATUSES, 'done', '', 'Succeeded'])('of a device upgrade: %j', async (status) => {
    const { upgradeId } = await records.upgrade();
    const storing = store('device_upgrades', status, upgradeId);
    if ((UPGRADE_STATUSES as readonly string[]).includes(status)) await storing;
    else await expect(storing).rejects.toThrow('device_upgrades_status_known');
  });

  it.each([...TASK_STATUSES, 'stopped', ''])('of a task: %j', async (status) => {
    const { taskId } = await records.upgrade();
    const storing = store('upgrade_tasks', status, taskId);
    if ((TASK_STATUSES as readonly string[]).includes(status)) await storing;
    else await expect(storing).rejects.toThrow('upgrade_tasks_status_known');
  });

  it.each([...COMPONENTS, 'T6', 't1', ''])('of a component: %j', async (component) => {
    const deviceId = await records.device({ versions: {} });
    const storing = records.report(deviceId, { [component]: 'V1' });
    if ((COMPONENTS as readonly string[]).includes(component)) await storing;
    else await expect(storing).rejects.toMatchObject({ cause: { constraint_name: 'device_versions_component_known' } });
  });
});

describe('the logs', () => {
  it.each(['upgrade_log', 'task_log'])('%s can be written to, and nothing else', async (table) => {
    const { upgradeId, taskId } = await records.upgrade();
    const owner = table === 'task_log' ? ['task_id', taskId] : ['upgrade_id', upgradeId];
    await records.sql.unsafe(`insert into ${table} (${owner[0]}, author, event) values ($1, 'li', 'note')`, [
      owner[1]!,
    ]);
    for (const change of [`update ${table} set author = 'wang'`, `delete from ${table}`]) {
      await expect(records.sql.unsafe(`${change} where ${owner[0]} = $1`, [owner[1]!])).rejects.toThrow(
        `${table} is append-only`,
      );
    }
    const [line] = await records.sql.unsafe(`select author from ${table} where ${owner[0]} = $1 and event = 'note'`, [
      owner[1]!,
    ]);
    expect(line).toEqual({ author: 'li' });
  });

  it('keep the order in which things happened, also within one transaction', async () => {
    const { upgradeId } = await records.upgrade();
    await records.sql.begin(async (tx) => {
      for (const event of ['a', 'b', 'c']) {
        await tx`insert into upgrade_log (upgrade_id, author, event) values (${upgradeId}, 'li', ${event})`;
      }
    });
    const lines = await records.sql`select event, at from upgrade_log where upgrade_id = ${upgradeId} order by at, id`;
    expect(lines.map(({ event }) => event)).toEqual(['scheduled', 'a', 'b', 'c']);
  });
});

describe('what can be there only once', () => {
  it('is an open offer of a device', async () => {
    const { upgradeId, deviceId } = await records.offered();
    const insert = records.sql`
      insert into device_messages (device_id, kind, upgrade_id, attempt, payload, expires_at)
      values (${deviceId}, 'offer', ${upgradeId}, 2, '{}', now())`;
    await expect(insert).rejects.toThrow('device_messages_open_offer');
    await records.sql`update device_messages set closed_at = now() where device_id = ${deviceId}`;
    await records.offer({ upgradeId }, 2);
  });

  it('is a device in a task', async () => {
    const deviceId = await records.device();
    await expect(records.task([deviceId, deviceId])).rejects.toThrow('device_upgrades_task_device');
  });

  it('is an identity in a protocol', async () => {
    const deviceId = await records.device();
    const copy = records.sql`
      insert into devices (id, protocol, identity, department_id, created_by)
      select id || 'x', protocol, identity, department_id, created_by from devices where id = ${deviceId}`;
    await expect(copy).rejects.toThrow('devices_protocol_identity');
  });
});

describe('what cannot be', () => {
  it('is a task without files or with nine', async () => {
    await expect(records.task([], { files: [] })).rejects.toThrow('upgrade_tasks_files');
    await expect(records.task([], { files: Array.from({ length: 9 }, () => ({})) })).rejects.toThrow(
      'upgrade_tasks_files',
    );
  });

  it('is a device in a task without files or with three of its own', async () => {
    const { upgradeId } = await records.upgrade();
    const change = (files: number[]) =>
      records.sql`update device_upgrades set firmware_ids = ${files} where id = ${upgradeId}`;
    await expect(change([])).rejects.toThrow('device_upgrades_one_or_two_files');
    await expect(change([1, 2, 3])).rejects.toThrow('device_upgrades_one_or_two_files');
  });

  it('is a device that was shipped before it was made', async () => {
    const deviceId = await records.device();
    const ship = (day: string) =>
      records.sql`update devices set production_date = '2026-05-05', ship_date = ${day} where id = ${deviceId}`;
    await ship('2026-05-06');
    await expect(ship('2026-05-05')).rejects.toThrow('devices_shipped_after_production');
  });

  it('is an upgrade of a device that is not registered, or a device that goes while it has one', async () => {
    await expect(records.task(['terminal-nobody'])).rejects.toThrow('device_upgrades_device_id_devices_id_fk');
    const { deviceId } = await records.upgrade();
    await expect(records.sql`delete from devices where id = ${deviceId}`).rejects.toThrow('_fk');
  });

  it('is a file whose bytes are missing', async () => {
    const firmwareId = await records.file();
    await expect(records.sql`update firmware set sha256 = 'gone' where id = ${firmwareId}`).rejects.toThrow('sha256');
  });
});

describe('the migrations', () => {
  const tables = Object.values(schema).filter((value) => is(value, PgTable));

  it.each(tables.map((table) => getTableConfig(table)))(
    'make $name as the program knows it',
    async ({ name, columns }) => {
      const found = await records.sql<{ name: string; type: string; required: boolean }[]>`
      select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required
      from pg_attribute a where a.attrelid = ${name}::regclass and a.attnum > 0 and not a.attisdropped`;
      const expected = columns.map((column) => ({
        name: column.name,
        type: column.getSQLType(),
        required: column.notNull,
      }));
      const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
      expect([...found].sort(byName)).toEqual(expected.sort(byName));
    },
  );

  it('run once, however many programs start at the same time', async () => {
    const test = await createTestDatabase();
    const database = connectDatabase(test.url, { poolSize: 1 });
    try {
      await Promise.all(Array.from({ length: 5 }, () => migrate(test.url)));
      await migrate(test.url);
      const applied =
        await database.sql`select count(*)::int as n, count(distinct hash)::int as different from drizzle.__drizzle_migrations`;
      expect(applied[0]!['n']).toBe(applied[0]!['different']);
    } finally {
      await database.close();
      await test.drop();
    }
  });
});
