import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginJoins, hasNewcomers, joinDevices } from '../../db/upgrades/joins.ts';
import { startNext } from '../../db/upgrades/pacing.ts';
import { finishUpgrade } from '../../db/upgrades/upgrades.ts';
import { Records, type TaskSeed } from './records.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';

let records: Records;
let serial = 0;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

/** A dynamic task for one model that nobody else has, with one device. */
async function dynamic(seed: TaskSeed = {}) {
  const model = `M${++serial}`;
  const first = await records.device({ model });
  const { options, ...rest } = seed;
  const made = await records.task([first], { ...rest, options: { joins: { model }, ...options } });
  await beginJoins(records.db, made.taskId);
  return { ...made, model };
}

async function members(taskId: number) {
  const rows = await records.sql`
    select device_id as "deviceId", status, position from device_upgrades where task_id = ${taskId} order by position`;
  return rows.map(({ deviceId, status, position }) => ({ deviceId, status, position }) as Record<string, unknown>);
}

const count = async (taskId: number) =>
  (await records.sql`select device_count from upgrade_tasks where id = ${taskId}`)[0]!['device_count'] as number;

const put = async (taskId: number, status: UpgradeStatus, reason: string) => {
  await records.sql`
    with done as (
      update device_upgrades set status = ${status}, reason = ${reason}, finished_at = now() where task_id = ${taskId} returning id
    ) insert into upgrade_log (upgrade_id, author, event, status) select id, 'test', ${status}, ${status} from done`;
};

describe('a device registered after the task was made', () => {
  it('joins behind all others, once, with a line for it and one for all', async () => {
    const { taskId, model, upgrades } = await dynamic();
    expect(await hasNewcomers(records.db, taskId)).toBe(false);
    const [second, third] = [await records.device({ model }), await records.device({ model })];
    await records.device({ model: 'other' });
    expect(await hasNewcomers(records.db, taskId)).toBe(true);
    expect(await joinDevices(records.db, taskId)).toEqual({ devices: 2, hasMore: false });
    expect(await members(taskId)).toEqual([
      { deviceId: upgrades[0]!.deviceId, status: 'scheduled', position: 0 },
      { deviceId: second, status: 'scheduled', position: 1 },
      { deviceId: third, status: 'scheduled', position: 2 },
    ]);
    expect(await count(taskId)).toBe(3);
    expect(await hasNewcomers(records.db, taskId)).toBe(false);
    expect(await joinDevices(records.db, taskId)).toEqual({ devices: 0, hasMore: false });
    const causes = await records.sql`
      select l.author, l.event, l.cause from upgrade_log l join device_upgrades u on u.id = l.upgrade_id
      where u.device_id = ${second}`;
    expect([...causes]).toEqual([{ author: 'system', event: 'joined', cause: expect.stringContaining('eligible') }]);
    expect(await records.taskLog(taskId)).toEqual([
      expect.objectContaining({ author: 'system', event: 'joined', details: { devices: 2, reentered: 0 } }),
    ]);
    const step = await startNext(records.db, taskId, { position: 1, candidates: null, finished: 0, succeeded: 0 });
    expect(step.started.map(({ input }) => input.deviceId)).toEqual([second, third]);
  });

  it('waits like the others when its gate is closed, or stays out where the task skips those', async () => {
    const waits = await dynamic();
    await records.device({ model: waits.model, versions: {} });
    expect(await joinDevices(records.db, waits.taskId)).toMatchObject({ devices: 1 });
    const skips = await dynamic({ options: { notEligible: 'skip' } });
    await records.device({ model: skips.model, versions: {} });
    expect(await joinDevices(records.db, skips.taskId)).toMatchObject({ devices: 0 });
    expect(await count(skips.taskId)).toBe(1);
  });

  it('whose registration was committed late is found all the same', async () => {
    const { taskId, model } = await dynamic();
    const late = await records.device({ model });
    await records.sql`update devices set created_at = now() - interval '5 minutes' where id = ${late}`;
    await records.device({ model });
    expect(await joinDevices(records.db, taskId)).toMatchObject({ devices: 2 });
  });

  it('by an import of thousands joins page by page', async () => {
    const { taskId, model } = await dynamic();
    const ids = await Promise.all(Array.from({ length: 30 }, () => records.device({ model })));
    await records.sql`update devices set created_at = now() + interval '1 second' where id = any(${ids})`;
    expect(await joinDevices(records.db, taskId)).toEqual({ devices: 30, hasMore: false });
    expect((await members(taskId)).map(({ position }) => position)).toEqual(Array.from({ length: 31 }, (_, n) => n));
  });
});

describe('a device that reports later what the first file may replace', () => {
  it('joins; one that reports something else does not', async () => {
    const model = `M${++serial}`;
    const [current, old] = [
      await records.device({ model, versions: { T1: '11' } }),
      await records.device({ model, versions: { T1: '09' } }),
    ];
    const { taskId } = await records.task([await records.device({ model })], { options: { joins: { model } } });
    await records.sql`update devices set created_at = created_at - interval '1 day' where id = any(${[current, old]})`;
    await beginJoins(records.db, taskId);
    await records.report(old, { T1: '08' });
    await records.report(current, { T1: '10' });
    expect(await hasNewcomers(records.db, taskId)).toBe(true);
    expect(await joinDevices(records.db, taskId)).toMatchObject({ devices: 1 });
    expect((await members(taskId)).map(({ deviceId }) => deviceId)).toContain(current);
    expect(await joinDevices(records.db, taskId)).toMatchObject({ devices: 0 });
  });

  it('and had been left out by a rule comes back in; one that a person left out does not', async () => {
    const { taskId, upgrades } = await dynamic();
    await put(taskId, 'skipped', 'version_mismatch');
    await records.report(upgrades[0]!.deviceId, { T1: '09' });
    await records.report(upgrades[0]!.deviceId, { T1: '10' });
    expect(await joinDevices(records.db, taskId)).toMatchObject({ devices: 1 });
    expect(await records.row(upgrades[0]!)).toMatchObject({ status: 'scheduled', reason: null, ended: false });
    expect(await count(taskId)).toBe(1);
    expect((await records.taskLog(taskId)).at(-1)).toMatchObject({ details: { devices: 0, reentered: 1 } });

    const other = await dynamic();
    await finishUpgrade(records.db, {
      upgradeId: other.upgrades[0]!.upgradeId,
      status: 'skipped',
      reason: 'skipped_by_operator',
      entry: { author: 'li', event: 'skipped' },
    });
    await records.report(other.upgrades[0]!.deviceId, { T1: '09' });
    await records.report(other.upgrades[0]!.deviceId, { T1: '10' });
    expect(await joinDevices(records.db, other.taskId)).toMatchObject({ devices: 0 });
  });
});

describe('nobody joins', () => {
  it.each(['paused', 'cancelling', 'finished', 'awaiting_approval'] as const)('a task that is %s', async (status) => {
    const { taskId, model } = await dynamic({ status });
    await records.device({ model });
    expect(await joinDevices(records.db, taskId)).toEqual({ devices: 0, hasMore: false });
  });

  it('a task that takes none', async () => {
    const { taskId } = await records.task([await records.device()]);
    await records.device();
    expect(await joinDevices(records.db, taskId)).toEqual({ devices: 0, hasMore: false });
  });

  it('beyond what a task may have; this is said once', async () => {
    const { taskId, model } = await dynamic();
    await records.sql`update upgrade_tasks set device_count = 99999 where id = ${taskId}`;
    await records.device({ model });
    await records.device({ model });
    expect(await joinDevices(records.db, taskId)).toMatchObject({ devices: 1 });
    await records.device({ model });
    expect(await joinDevices(records.db, taskId)).toMatchObject({ devices: 0 });
    expect((await records.taskLog(taskId)).map(({ event }) => event).filter((event) => event === 'full')).toHaveLength(
      1,
    );
    expect(await count(taskId)).toBe(100_000);
  });

  it('twice, when two dispatchers look at the same moment', async () => {
    const { taskId, model } = await dynamic();
    await Promise.all(Array.from({ length: 5 }, () => records.device({ model })));
    const looks = await Promise.all(Array.from({ length: 4 }, () => joinDevices(records.db, taskId)));
    expect(looks.reduce((sum, { devices }) => sum + devices, 0)).toBe(5);
    expect(await count(taskId)).toBe(6);
  });
});
