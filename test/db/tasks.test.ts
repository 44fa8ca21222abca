import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import { deleteFirmware, insertFirmware } from '../../db/upgrades/firmware.ts';
import { createDepartment } from '../../db/people.ts';
import { MAX_TASK_DEVICES, planUpgrade } from '../../db/upgrades/plans.ts';
import { insertTask, listTaskUpgrades, type NewTask } from '../../db/upgrades/tasks.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { atMost } from '../../workflows/rules/pacing.ts';

let test: TestDatabase;
let database: Database;
let departmentId: number;

beforeAll(async () => {
  test = await createTestDatabase(migrate);
  database = connectDatabase(test.url);
  departmentId = (await createDepartment(database.db, 'jimi'))!.id;
  await database.sql`
    insert into devices (id, protocol, identity, department_id, model, created_by)
    select 'terminal-' || sn, 'terminal', sn, ${departmentId}, case when n <= ${MAX_TASK_DEVICES} then 'GV2' else 'GV3' end, 'test'
    from generate_series(1, ${MAX_TASK_DEVICES + 1}) n, lateral (select lpad(upper(to_hex(n)), 10, '0') as sn) x`;
  await database.sql`
    insert into device_versions (device_id, component, version, reported_at, report_seq)
    select id, 'T1', case when identity like '%0' then '09' else '10' end, now(), 1 from devices`;
  await database.sql`analyze`;
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

let files = 0;
async function storeFile(): Promise<number> {
  const stored = await insertFirmware(
    database.db,
    {
      departmentId,
      protocol: 'terminal',
      component: 'T1',
      targetVersion: '11',
      compatibleVersion: '10',
      currentVersions: ['10'],
      model: null,
      fileName: '1110d100.bin',
      sizeBytes: 12_000,
      md5: '',
      sha256: `hash ${++files}`,
      packetSize: 1_024,
      uploadedBy: 'test',
    },
    Buffer.from('x'),
  );
  return 'created' in stored ? stored.created.id : 0;
}

const newTask = (): NewTask => ({
  departmentId,
  name: 'large',
  createdBy: 'test',
  dispatchAt: new Date(),
  deadlineAt: new Date(),
  options: {
    pacing: atMost(50),
    abort: [],
    approval: null,
    joins: null,
    window: null,
    attemptsPerFile: 3,
    notEligible: 'skip',
    dispatchDelayMs: 0,
    lifeMs: 7 * 24 * 3_600_000,
    limits: { waitOnlineMs: 1, transferMs: 1, proofMs: 1, silenceMs: 1, reactionMs: 1, settleMs: 1 },
  },
});

describe('a task of 100 000 devices', () => {
  it('is planned and written, every device with its line in the log', async () => {
    const firmwareIds = [await storeFile()];
    const request = { departmentId, firmwareIds, chosen: { filter: { model: 'GV2' } }, notEligible: 'skip' as const };
    const task = await database.db.transaction(async (tx) => insertTask(tx, newTask(), await planUpgrade(tx, request)));
    expect(task.deviceCount).toBe(MAX_TASK_DEVICES);
    const [sums] = await database.sql`
      select count(*)::int as devices, count(*) filter (where u.status = 'skipped')::int as skipped, max(position) as "lastPosition",
        count(distinct position)::int as positions, count(l.id)::int as lines
      from device_upgrades u join upgrade_log l on l.upgrade_id = u.id where task_id = ${task.id}`;
    const skipped = MAX_TASK_DEVICES / 16;
    expect(sums).toEqual({
      devices: MAX_TASK_DEVICES,
      skipped,
      lastPosition: MAX_TASK_DEVICES - 1,
      positions: MAX_TASK_DEVICES,
      lines: MAX_TASK_DEVICES,
    });
    const page = await listTaskUpgrades(
      database.db,
      task.id,
      { status: ['skipped'], reason: 'version_mismatch' },
      { after: 0, limit: 3 },
    );
    expect(page.map(({ deviceId }) => deviceId)).toEqual([
      'terminal-0000000010',
      'terminal-0000000020',
      'terminal-0000000030',
    ]);
  }, 120_000);

  it('is the largest: one more is seen', async () => {
    const firmwareIds = [await storeFile()];
    const plan = await planUpgrade(database.db, {
      departmentId,
      firmwareIds,
      chosen: { filter: { protocol: 'terminal' } },
      notEligible: 'wait',
    });
    expect(plan.tooMany).toBe(true);
    expect(plan.devices).toHaveLength(MAX_TASK_DEVICES);
  }, 60_000);
});

describe('a file', () => {
  it('is never deleted under a task that is being made', async () => {
    const firmwareId = await storeFile();
    const deviceIds = ['terminal-0000000001'];
    let deleting: Promise<unknown> | undefined;
    await database.db.transaction(async (tx) => {
      const plan = await planUpgrade(tx, {
        departmentId,
        firmwareIds: [firmwareId],
        chosen: { deviceIds },
        notEligible: 'wait',
      });
      deleting = deleteFirmware(database.db, departmentId, firmwareId);
      await insertTask(tx, newTask(), plan);
    });
    expect(await deleting).toBe('in_use');
  });
});
