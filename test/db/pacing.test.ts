import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Candidates } from '../../db/upgrades/candidates.ts';
import { countTask, mayProceed, startNext, type Memory, type Step } from '../../db/upgrades/pacing.ts';
import { recordTaskStatus } from '../../db/upgrades/task-changes.ts';
import { DEVICE_MESSAGE_CHANNEL } from '../../db/schema.ts';
import { finishUpgrade } from '../../db/upgrades/upgrades.ts';
import { atMost, type KeyLimit, type Pacing } from '../../workflows/rules/pacing.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';
import { waitFor } from '../support/wait.ts';
import { Records, type TaskSeed, type Upgrade } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

const fresh = (): Memory => ({ position: 0, candidates: null, finished: 0, succeeded: 0 });

/** A task for so many new devices, none started. */
async function task(devices: number, pacing: Partial<Pacing> = {}, seed: TaskSeed = {}) {
  const ids = await Promise.all(Array.from({ length: devices }, () => records.device()));
  return records.task(ids, { ...seed, options: { pacing: { ...atMost(1_000), ...pacing }, ...seed.options } });
}

/** Gives devices what they have in common with others. */
async function keep(upgrades: readonly Upgrade[], keys: { model?: string; order?: string; gateway?: string }) {
  const ids = upgrades.map(({ deviceId }) => deviceId);
  if (keys.model !== undefined) await records.sql`update devices set model = ${keys.model} where id = any(${ids})`;
  if (keys.order !== undefined) await records.sql`update devices set order_no = ${keys.order} where id = any(${ids})`;
  if (keys.gateway !== undefined) {
    await records.sql`
      insert into device_contacts (device_id, last_seen_at, address, gateway)
      select id, now(), '', ${keys.gateway} from unnest(${ids}::text[]) as id
      on conflict (device_id) do update set gateway = excluded.gateway, last_seen_at = now()`;
  }
}

const started = (step: Step) => step.started.map(({ input }) => input.upgradeId);
const ids = (upgrades: readonly Upgrade[]) => upgrades.map(({ upgradeId }) => upgradeId);

/** One step of a dispatcher that has just read what it may start. */
async function step(taskId: number, limits: readonly KeyLimit[] = [], memory = fresh()): Promise<Step> {
  if (limits.length > 0) memory.candidates = await Candidates.read(records.db, taskId, limits);
  return startNext(records.db, taskId, memory);
}

const finish = ({ upgradeId }: { upgradeId: number }, status: UpgradeStatus) =>
  finishUpgrade(records.db, { upgradeId, status, reason: null, entry: { author: 'system', event: status } });

/** Under way in the eyes of every limit. */
const show = async ({ upgradeId }: { upgradeId: number }, status: UpgradeStatus, reason: string | null = null) =>
  records.force({ upgradeId }, status, reason);

const recentStarts = async (taskId: number) =>
  (await records.sql`select recent_starts as recent from upgrade_tasks where id = ${taskId}`)[0]!['recent'] as [
    number,
    number,
  ][];

describe('starting devices', () => {
  it('fills the places that are free, in the order of the task', async () => {
    const { taskId, upgrades } = await task(6, { maxConcurrent: 4 });
    const memory = fresh();
    expect(started(await startNext(records.db, taskId, memory))).toEqual(ids(upgrades.slice(0, 4)));
    expect(started(await startNext(records.db, taskId, memory))).toEqual([]);
    await show(upgrades[0]!, 'waiting', 'version_mismatch');
    await show(upgrades[1]!, 'offered', 'offline');
    expect(started(await startNext(records.db, taskId, memory))).toEqual(ids(upgrades.slice(4)));
  });

  it('takes up devices that were put back before the place it had come to', async () => {
    const { taskId, upgrades } = await task(3);
    const memory = fresh();
    await startNext(records.db, taskId, memory);
    await records.sql`update device_upgrades set dispatched_at = null where id = ${upgrades[0]!.upgradeId}`;
    const next = await startNext(records.db, taskId, memory);
    expect(started(next)).toEqual([upgrades[0]!.upgradeId]);
  });

  it('says whether anything is left or under way', async () => {
    const { taskId, upgrades } = await task(2, { maxConcurrent: 1 });
    expect(await step(taskId)).toMatchObject({ isLeft: true, isFlying: true });
    await finish(upgrades[0]!, 'failed');
    expect(await step(taskId)).toMatchObject({ isLeft: true, isFlying: true });
    expect(await step(taskId)).toMatchObject({ isLeft: false, isFlying: true });
    await show(upgrades[1]!, 'waiting', 'version_mismatch');
    expect(await step(taskId)).toMatchObject({ isLeft: false, isFlying: true });
    await finish(upgrades[1]!, 'cancelled');
    expect(await step(taskId)).toMatchObject({ isLeft: false, isFlying: false });
  });

  it('starts none outside the permitted hours', async () => {
    const hour = (offset: number) => `${String((new Date().getUTCHours() + offset + 24) % 24).padStart(2, '0')}:00`;
    const window = { from: hour(6), to: hour(8), zone: 'UTC' };
    const { taskId } = await task(2, {}, { options: { window } });
    expect(started(await step(taskId))).toEqual([]);
  });

  it('of two dispatchers at one time exceed nothing together', async () => {
    const { taskId } = await task(60, { maxConcurrent: 25, ratePerMinute: 480 });
    const steps = await Promise.all(Array.from({ length: 10 }, () => step(taskId)));
    expect(steps.flatMap(started)).toHaveLength(25);
    const rated = await task(60, { ratePerMinute: 96 });
    const more = await Promise.all(Array.from({ length: 10 }, () => step(rated.taskId)));
    const all = more.flatMap(started);
    // In five seconds a twelfth of the rate; a slow machine may have come into the next one.
    expect(all.length).toBeGreaterThanOrEqual(8);
    expect(all.length).toBeLessThanOrEqual(12);
    expect((await recentStarts(rated.taskId)).reduce((sum, [, n]) => sum + n, 0)).toBe(all.length);
  });
});

describe('a rate', () => {
  it('is kept by whoever goes on, because the starts are in the row of the task', async () => {
    const { taskId } = await task(20, { ratePerMinute: 6 });
    expect(started(await step(taskId))).toHaveLength(1);
    expect(started(await step(taskId))).toEqual([]);
    const now = Math.floor(Date.now() / 1_000);
    await records.sql`update upgrade_tasks set recent_starts = ${records.sql.json([[now - 30, 6]])} where id = ${taskId}`;
    expect(started(await step(taskId))).toEqual([]);
    await records.sql`update upgrade_tasks set recent_starts = ${records.sql.json([[now - 70, 6]])} where id = ${taskId}`;
    expect(started(await step(taskId))).toHaveLength(1);
  });

  it('grows with the devices that have got through', async () => {
    const growth = { basePerMinute: 12, factor: 2, everyDevices: 10, by: 'succeeded' } as const;
    const slow = await task(20, { growth });
    expect(started(await step(slow.taskId))).toHaveLength(1);
    const fast = await task(20, { growth });
    expect(started(await step(fast.taskId, [], { ...fresh(), finished: 30, succeeded: 30 }))).toHaveLength(8);
  });
});

describe('limits by key', () => {
  it('pass over devices of a full key; others go on', async () => {
    const limits: KeyLimit[] = [{ key: 'model', max: 2 }];
    const { taskId, upgrades } = await task(8, { limits });
    await keep(upgrades.slice(0, 5), { model: 'limited A' });
    await keep(upgrades.slice(5), { model: 'limited B' });
    expect(started(await step(taskId, limits))).toEqual(ids([0, 1, 5, 6].map((n) => upgrades[n]!)));
    expect(started(await step(taskId, limits))).toEqual([]);
    await finish(upgrades[1]!, 'succeeded');
    expect(started(await step(taskId, limits))).toEqual([upgrades[2]!.upgradeId]);
  });

  it('count over all tasks of the department', async () => {
    const limits: KeyLimit[] = [{ key: 'gateway', max: 3 }];
    const other = await task(2);
    await keep(other.upgrades, { gateway: 'gw over all' });
    expect(started(await step(other.taskId))).toHaveLength(2);
    const { taskId, upgrades } = await task(4, { limits });
    await keep(upgrades, { gateway: 'gw over all' });
    expect(started(await step(taskId, limits))).toHaveLength(1);
    await show(other.upgrades[0]!, 'offered', 'offline');
    expect(started(await step(taskId, limits))).toHaveLength(1);
  });

  it('do not hold for devices that have no such key, and several hold together', async () => {
    const limits: KeyLimit[] = [
      { key: 'order', max: 2 },
      { key: 'model', max: 3 },
    ];
    const { taskId, upgrades } = await task(8, { limits });
    await keep(upgrades, { model: 'together' });
    await keep(upgrades.slice(0, 4), { order: 'PO together' });
    expect(started(await step(taskId, limits))).toEqual(ids([0, 1, 4].map((n) => upgrades[n]!)));
    const free = await task(5, { limits: [{ key: 'order', max: 1 }] });
    expect(started(await step(free.taskId, [{ key: 'order', max: 1 }]))).toHaveLength(5);
  });

  it('hold when several tasks start devices of one key at the same moment', async () => {
    const limits: KeyLimit[] = [{ key: 'order', max: 5 }];
    const tasks = await Promise.all([1, 2, 3].map(() => task(10, { limits })));
    for (const { upgrades } of tasks) await keep(upgrades, { order: 'PO rush' });
    const steps = await Promise.all(tasks.flatMap(({ taskId }) => [step(taskId, limits), step(taskId, limits)]));
    expect(steps.flatMap(started)).toHaveLength(5);
  });

  it('are read again when a device has moved since it was proposed', async () => {
    const limits: KeyLimit[] = [{ key: 'gateway', max: 1 }];
    const { taskId, upgrades } = await task(2, { limits });
    await keep(upgrades.slice(0, 1), { gateway: 'gw moved 1' });
    await keep(upgrades.slice(1), { gateway: 'gw moved 2' });
    const memory = { ...fresh(), candidates: await Candidates.read(records.db, taskId, limits) };
    await keep(upgrades, { gateway: 'gw moved 1' });
    expect(started(await startNext(records.db, taskId, memory))).toEqual([upgrades[0]!.upgradeId]);
  });

  it('set a moment ago hold from the next step on, and nothing is started before', async () => {
    const { taskId } = await task(4, { limits: [{ key: 'model', max: 1 }] });
    expect(started(await startNext(records.db, taskId, fresh()))).toEqual([]);
  });

  it('propose the first of thousands behind a full key without reading them again', async () => {
    const limits: KeyLimit[] = [{ key: 'order', max: 1 }];
    const { taskId, upgrades } = await task(40, { limits });
    await keep(upgrades.slice(0, 35), { order: 'PO first' });
    await keep(upgrades.slice(35), { order: 'PO last' });
    const memory = { ...fresh(), candidates: await Candidates.read(records.db, taskId, limits) };
    expect(started(await startNext(records.db, taskId, memory))).toEqual(ids([upgrades[0]!, upgrades[35]!]));
    await finish(upgrades[35]!, 'failed');
    expect(started(await startNext(records.db, taskId, memory))).toEqual([upgrades[36]!.upgradeId]);
  });
});

describe('a device that comes back', () => {
  /** Asks and, if it may, becomes active in the same transaction. */
  const comeBack = ({ upgradeId }: Upgrade) =>
    records.db.transaction(async (tx) => {
      const may = await mayProceed(tx, upgradeId);
      if (may) await tx.execute(`update device_upgrades set reason = null where id = ${upgradeId}`);
      return may;
    });

  it('goes on while there is room, and not beyond', async () => {
    const { taskId, upgrades } = await task(4, { maxConcurrent: 2 });
    await step(taskId);
    await show(upgrades[0]!, 'offered', 'offline');
    expect(await mayProceed(records.db, upgrades[0]!.upgradeId)).toBe(true);
    await step(taskId);
    expect(await mayProceed(records.db, upgrades[0]!.upgradeId)).toBe(false);
    // One that is under way already has its place.
    expect(await mayProceed(records.db, upgrades[1]!.upgradeId)).toBe(true);
  });

  it('holds to the limits by key', async () => {
    const limits: KeyLimit[] = [{ key: 'model', max: 1 }];
    const { taskId, upgrades } = await task(3, { limits });
    await keep(upgrades, { model: 'comes back' });
    await step(taskId, limits);
    await show(upgrades[0]!, 'waiting', 'version_mismatch');
    expect(await mayProceed(records.db, upgrades[0]!.upgradeId)).toBe(true);
    await step(taskId, limits);
    expect(await mayProceed(records.db, upgrades[0]!.upgradeId)).toBe(false);
  });

  it('with many others at one moment exceeds nothing, also while devices are started', async () => {
    const limits: KeyLimit[] = [{ key: 'order', max: 6 }];
    const { taskId, upgrades } = await task(20, { maxConcurrent: 8, limits });
    await keep(upgrades, { order: 'PO all back' });
    await records.sql`update device_upgrades set dispatched_at = now() where id = any(${ids(upgrades.slice(0, 15))})`;
    for (const upgrade of upgrades.slice(0, 15)) await show(upgrade, 'offered', 'offline');
    const back = upgrades.slice(0, 15).map(comeBack);
    const [came] = await Promise.all([Promise.all(back), step(taskId, limits), step(taskId, limits)]);
    expect((await countTask(records.db, taskId)).active).toBe(6);
    expect(came.some(Boolean)).toBe(true);
  });

  it('that found no room is told when there is some, oldest first, before others are started', async () => {
    const { taskId, upgrades } = await task(5, { maxConcurrent: 2 });
    await step(taskId);
    const [away, parked, busy, ...rest] = upgrades as [Upgrade, Upgrade, Upgrade, ...Upgrade[]];
    expect(rest).toHaveLength(2);
    await show(away, 'waiting', 'paced');
    await show(parked, 'offered', 'paced');
    await records.contact(parked.deviceId);
    await records.sql`update device_upgrades set updated_at = now() - interval '1 minute' where id = ${parked.upgradeId}`;
    await records.sql`update device_upgrades set dispatched_at = now() where id = ${busy.upgradeId}`;
    const announced = await records.announced(DEVICE_MESSAGE_CHANNEL);
    expect(await step(taskId)).toMatchObject({ told: [], started: [] });
    await waitFor(() => announced.devices.includes(parked.deviceId));
    // Its place is kept for some seconds.
    expect(await step(taskId)).toMatchObject({ told: [], started: [] });
    await finish(busy, 'failed');
    expect(await step(taskId)).toMatchObject({ told: [away.deviceId], started: [] });
    await announced.stop();
  });

  it('and is not connected any more is passed over', async () => {
    const { taskId, upgrades } = await task(3, { maxConcurrent: 1 });
    await step(taskId);
    await show(upgrades[0]!, 'offered', 'paced');
    expect(started(await step(taskId))).toEqual([upgrades[1]!.upgradeId]);
  });
});

describe('the sums of a task', () => {
  it('tell how devices have ended, from the beginning and since the last resume', async () => {
    const { taskId, upgrades } = await task(6);
    await step(taskId);
    await finish(upgrades[0]!, 'failed');
    await finish(upgrades[1]!, 'succeeded');
    await finish(upgrades[2]!, 'cancelled');
    const ended = { succeeded: 1, failed: 1, unproven: 0, expired: 0, partial: 0, reverted: 0 };
    expect(await countTask(records.db, taskId)).toEqual({
      inFlight: 3,
      active: 3,
      remaining: 0,
      ended,
      sinceResume: ended,
    });
    await recordTaskStatus(records.db, taskId, 'paused', { author: 'li', event: 'paused' });
    await recordTaskStatus(records.db, taskId, 'running', { author: 'li', event: 'resumed' });
    await finish(upgrades[3]!, 'expired');
    const sums = await countTask(records.db, taskId);
    expect(sums.ended).toEqual({ ...ended, expired: 1 });
    expect(sums.sinceResume).toEqual({ succeeded: 0, failed: 0, unproven: 0, expired: 1, partial: 0, reverted: 0 });
  });
});
