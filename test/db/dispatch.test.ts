import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  announceOffers,
  countStatuses,
  endLost,
  endUndispatched,
  findInFlight,
  findSilent,
  takeUpLost,
  findUnheardClaims,
  releaseBusy,
  resetFailed,
} from '../../db/upgrades/dispatch.ts';
import { InvariantError } from '../../db/index.ts';
import { countTask, readTask, startNext } from '../../db/upgrades/pacing.ts';
import { loadTask, recordStartNow, recordTaskStatus } from '../../db/upgrades/task-changes.ts';
import { openOffer } from '../../db/upgrades/offers.ts';
import { DEVICE_MESSAGE_CHANNEL } from '../../db/schema.ts';
import { finishUpgrade } from '../../db/upgrades/upgrades.ts';
import {
  RETRYABLE_UPGRADE_STATUSES,
  UPGRADE_STATUSES,
  isEnd,
  type UpgradeStatus,
} from '../../workflows/rules/statuses.ts';
import { waitFor } from '../support/wait.ts';
import { HOUR, LIMITS, MINUTE, Records, type TaskSeed, type Upgrade } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

const BY = { author: 'li', cause: 'complaints' };

/** A task for so many new devices, none started. */
async function task(devices: number, seed: TaskSeed = {}) {
  return records.task(await Promise.all(Array.from({ length: devices }, () => records.device())), seed);
}

/** What the dispatcher takes in one step of a task that allows so many at one time. */
async function claimUpgrades(taskId: number, limit = 100) {
  await records.sql`
    update upgrade_tasks set options = jsonb_set(options, '{pacing,maxConcurrent}', to_jsonb(${limit}::int + (
      select count(*) from device_upgrades where task_id = ${taskId} and dispatched_at is not null and finished_at is null
        and status <> 'waiting' and coalesce(reason, '') not in ('offline', 'paced')))) where id = ${taskId}`;
  return next(taskId);
}

const next = async (taskId: number) =>
  (await startNext(records.db, taskId, { position: 0, candidates: null, finished: 0, succeeded: 0 })).started;

async function claim(taskId: number, limit = 100): Promise<number[]> {
  return (await claimUpgrades(taskId, limit)).map(({ input }) => input.upgradeId);
}

const ids = (upgrades: readonly Upgrade[]) => upgrades.map(({ upgradeId }) => upgradeId);

const finish = ({ upgradeId }: Upgrade, status: UpgradeStatus) =>
  finishUpgrade(records.db, { upgradeId, status, reason: null, entry: { author: 'system', event: status } });

const later = ({ upgradeId }: Upgrade, seconds: number) => records.sql`
  update device_upgrades set dispatched_at = dispatched_at - make_interval(secs => ${seconds}),
    updated_at = updated_at - make_interval(secs => ${seconds}) where id = ${upgradeId}`;

async function taskRow(taskId: number) {
  const [row] = await records.sql`
    select status, finished_at is not null as ended, started_at is not null as started,
      (extract(epoch from deadline_at - now()) * 1000)::float8 as "leftMs" from upgrade_tasks where id = ${taskId}`;
  return row!;
}

describe('a task', () => {
  it('is loaded with what its workflow needs, and counts as started', async () => {
    const { taskId } = await task(3, { deadlineMs: 2 * HOUR });
    expect(await taskRow(taskId)).toMatchObject({ started: false });
    const plan = await loadTask(records.db, taskId);
    expect(plan).toMatchObject({
      name: 'night batch',
      status: 'running',
      department: 'test',
      deviceCount: 3,
      options: { limits: LIMITS, attemptsPerFile: 3 },
    });
    expect((plan.deadlineAtMs - plan.nowMs) / HOUR).toBeCloseTo(2, 2);
    expect(await taskRow(taskId)).toMatchObject({ started: true });
  });

  it('that does not exist is a bug of the program', async () => {
    await expect(loadTask(records.db, 9_999_999)).rejects.toBeInstanceOf(InvariantError);
    await expect(readTask(records.db, 9_999_999)).rejects.toBeInstanceOf(InvariantError);
  });

  it('changes with author and cause, once', async () => {
    const { taskId } = await task(1);
    for (const _ of [1, 2]) await recordTaskStatus(records.db, taskId, 'paused', { ...BY, event: 'paused' });
    expect(await records.taskLog(taskId)).toEqual([{ ...BY, event: 'paused', details: {} }]);
    await recordTaskStatus(records.db, taskId, 'running', { ...BY, event: 'resumed' });
    const details = { succeeded: 1 };
    await recordTaskStatus(records.db, taskId, 'finished', { author: 'system', event: 'finished', details });
    expect(await taskRow(taskId)).toMatchObject({ status: 'finished', ended: true });
    expect((await records.taskLog(taskId)).at(-1)).toEqual({ author: 'system', event: 'finished', cause: '', details });
  });

  it('remembers an early start', async () => {
    const { taskId } = await task(1);
    await records.sql`update upgrade_tasks set dispatch_at = now() + interval '1 hour' where id = ${taskId}`;
    for (const _ of [1, 2]) await recordStartNow(records.db, taskId, { ...BY, event: 'start_now' });
    const plan = await loadTask(records.db, taskId);
    expect(plan.dispatchAtMs).toBeLessThanOrEqual(plan.nowMs);
    expect((await records.taskLog(taskId)).map(({ event }) => event)).toEqual(['start_now']);
  });

  it('counts who is under way, who of them uses the radio and who is left', async () => {
    const { taskId, upgrades } = await task(6);
    expect(await countTask(records.db, taskId)).toMatchObject({
      inFlight: 0,
      active: 0,
      remaining: 6,
    });
    await claim(taskId, 4);
    const [waiting, offline, offered, ended] = upgrades as [Upgrade, Upgrade, Upgrade, Upgrade];
    await records.report(waiting.deviceId, { T1: '09' });
    await openOffer(records.db, { ...waiting, attempt: 1, fileIndex: 0 });
    await openOffer(records.db, { ...offline, attempt: 1, fileIndex: 0 });
    await records.contact(offered.deviceId);
    await openOffer(records.db, { ...offered, attempt: 1, fileIndex: 0 });
    expect(await countTask(records.db, taskId)).toMatchObject({ inFlight: 4, active: 2, remaining: 2 });
    await finish(ended, 'failed');
    expect(await countTask(records.db, taskId)).toMatchObject({ inFlight: 3, active: 1, remaining: 2 });
    expect(await countStatuses(records.db, taskId)).toEqual({ waiting: 1, offered: 2, failed: 1, scheduled: 2 });
  });
});

describe('taking devices', () => {
  it('goes in the order of the task and takes each once', async () => {
    const { taskId, upgrades } = await task(7);
    expect(await claim(taskId, 0)).toEqual([]);
    expect(await claim(taskId, 3)).toEqual(ids(upgrades.slice(0, 3)));
    expect(await claim(taskId, 3)).toEqual(ids(upgrades.slice(3, 6)));
    expect(await claim(taskId, 3)).toEqual(ids(upgrades.slice(6)));
    expect(await claim(taskId, 3)).toEqual([]);
  });

  it('gives their workflows everything', async () => {
    const { taskId, upgrades } = await task(1, { files: [{}, { from: ['11'], to: '12' }], deadlineMs: HOUR });
    await records.sql`update device_upgrades set attempt = 4 where task_id = ${taskId}`;
    const [startable] = await claimUpgrades(taskId, 1);
    expect(startable).toEqual({
      department: 'test',
      protocol: 'terminal',
      position: 0,
      input: {
        upgradeId: upgrades[0]!.upgradeId,
        deviceId: upgrades[0]!.deviceId,
        taskId,
        firstAttempt: 5,
        limits: LIMITS,
        attemptsPerFile: 3,
        deadlineAtMs: expect.closeTo(Date.now() + HOUR, -5),
        files: [
          { firmwareId: expect.any(Number), fileName: '1110d100.bin', component: 'T1', targetVersion: '11' },
          { firmwareId: expect.any(Number), fileName: '1210d100.bin', component: 'T1', targetVersion: '12' },
        ],
      },
    });
  });

  it('passes over devices that must wait, have ended, or belong to another task', async () => {
    const { taskId, upgrades } = await task(4);
    await task(2);
    const [wait, past, ended, free] = upgrades as [Upgrade, Upgrade, Upgrade, Upgrade];
    await records.sql`update device_upgrades set not_before = now() + interval '1 minute' where id = ${wait.upgradeId}`;
    await records.sql`update device_upgrades set not_before = now() - interval '1 minute' where id = ${past.upgradeId}`;
    await finish(ended, 'skipped');
    expect(await claim(taskId)).toEqual(ids([past, free]));
  });

  it('of several workers takes each device once', async () => {
    const { taskId, upgrades } = await task(120);
    const claimed = (await Promise.all(Array.from({ length: 15 }, () => claim(taskId, 10)))).flat();
    expect(new Set(claimed).size).toBe(claimed.length);
    const rest = await claim(taskId, 120);
    expect([...claimed, ...rest].sort((a, b) => a - b)).toEqual(ids(upgrades));
  });

  it.each(['scheduled', 'paused', 'cancelling', 'finished', 'cancelled'] as const)(
    'does not happen while the task is %s',
    async (status) => {
      const { taskId } = await task(2, { status });
      expect(await claim(taskId)).toEqual([]);
    },
  );

  it.each(['paused', 'cancelling'] as const)('never happens once it is written that the task is %s', async (status) => {
    let left = 0;
    for (let round = 0; round < 5; round++) {
      const { taskId } = await task(200);
      const count = () => countTask(records.db, taskId);
      const stop = new AbortController();
      const claimer = async () => {
        while (!stop.signal.aborted) await claim(taskId, 2);
      };
      const claimers = Array.from({ length: 8 }, claimer);
      await waitFor(async () => (await count()).inFlight > 10);
      await recordTaskStatus(records.db, taskId, status, { ...BY, event: status });
      const written = await count();
      await Promise.all([claim(taskId, 10), claim(taskId, 10)]);
      stop.abort();
      await Promise.all(claimers);
      expect(await count()).toMatchObject({ inFlight: written.inFlight, remaining: written.remaining });
      left += written.remaining;
    }
    // There was something to take, or this would prove nothing.
    expect(left).toBeGreaterThan(0);
  });

  it('waits for a pause that is just being written, and then takes none', async () => {
    const { taskId } = await task(5);
    let claiming: ReturnType<typeof next> | undefined;
    await records.sql.begin(async (tx) => {
      await tx`insert into task_log (task_id, author, event) values (${taskId}, 'li', 'paused')`;
      await tx`update upgrade_tasks set status = 'paused' where id = ${taskId}`;
      claiming = next(taskId);
      await waitFor(async () => (await records.blocked()) > 0);
    });
    expect(await claiming).toEqual([]);
  });
});

describe('devices that were taken and of which nothing was heard', () => {
  it('are started again after a while, in their order', async () => {
    const { taskId, upgrades } = await task(5);
    await claim(taskId);
    const [lost, busy, offered, ended, fresh] = upgrades as [Upgrade, Upgrade, Upgrade, Upgrade, Upgrade];
    await openOffer(records.db, { ...offered, attempt: 1, fileIndex: 0 });
    await finish(ended, 'failed');
    await records.force(busy, 'waiting', 'busy');
    for (const upgrade of [lost, busy, offered, ended]) await later(upgrade, 30);
    const found = await findUnheardClaims(records.db, taskId, 20_000);
    expect(found.map(({ input }) => input.upgradeId)).toEqual(ids([lost, busy]));
    expect(found[0]!.input).toMatchObject({ deviceId: lost.deviceId, firstAttempt: 1 });
    await later(fresh, 30);
    expect(await findUnheardClaims(records.db, taskId, 20_000)).toHaveLength(3);
  });

  it('are looked after when they stay silent', async () => {
    const look = { silentForMs: 10 * MINUTE, longMs: 20 * MINUTE, sample: 5 };
    const { taskId, upgrades } = await task(30);
    await claim(taskId, 20);
    expect(await findSilent(records.db, taskId, look)).toEqual([]);
    for (const upgrade of upgrades.slice(0, 12)) await later(upgrade, 700);
    const samples = await Promise.all(Array.from({ length: 12 }, () => findSilent(records.db, taskId, look)));
    for (const sample of samples) expect(sample).toHaveLength(5);
    const seen = new Set(samples.flat().map(({ id }) => id));
    // Not always the same ones.
    expect(seen.size).toBeGreaterThan(5);
    expect([...seen].every((id) => ids(upgrades.slice(0, 12)).includes(id))).toBe(true);
    expect(samples.flat().every(({ isLong }) => !isLong)).toBe(true);
    const lately = await findSilent(records.db, taskId, { ...look, longMs: 11 * MINUTE });
    expect(lately.every(({ isLong }) => isLong)).toBe(true);
  });

  it('that Temporal does not know go on with the offer that is open, at the same number', async () => {
    const offered = await records.offered();
    expect((await takeUpLost(records.db, offered.upgradeId))?.input).toMatchObject({
      upgradeId: offered.upgradeId,
      firstAttempt: 1,
    });
    expect(await openOffer(records.db, { ...offered, attempt: 1, fileIndex: 0 })).toMatchObject({ kind: 'offered' });
    expect(await records.message(offered.upgradeId)).toMatchObject({ open: true });
    expect(await records.log(offered)).toMatchObject([{ event: 'offered' }, { author: 'system', event: 'taken_up' }]);
  });

  it('that Temporal does not know leave a gap of numbers when no offer of the first file is open', async () => {
    const waiting = await records.upgrade();
    expect((await takeUpLost(records.db, waiting.upgradeId))?.input.firstAttempt).toBe(2);
    const second = await records.offered();
    await records.sql`update device_upgrades set file_index = 1 where id = ${second.upgradeId}`;
    expect((await takeUpLost(records.db, second.upgradeId))?.input.firstAttempt).toBe(3);
    // The database is older than what the device runs by now: the gate has to be asked again.
    const overtaken = await records.offered();
    await records.report(overtaken.deviceId, { T1: '77' });
    expect((await takeUpLost(records.db, overtaken.upgradeId))?.input.firstAttempt).toBe(3);
    // A transfer of long ago: the database was restored.
    const stale = await records.offered();
    await records.sql`
      update device_messages set first_request_at = now() - interval '1 hour', last_request_at = now() - interval '1 hour'
      where id = ${stale.offerId}`;
    expect((await takeUpLost(records.db, stale.upgradeId))?.input.firstAttempt).toBe(3);
    await finish(second, 'cancelled');
    expect(await takeUpLost(records.db, second.upgradeId)).toBeNull();
  });

  it('end when their workflow does not exist any more, and what they were offered ends too', async () => {
    const offered = await records.offered();
    const announced = await records.announced(DEVICE_MESSAGE_CHANNEL);
    for (const _ of [1, 2]) await endLost(records.db, offered.upgradeId);
    expect(await records.row(offered)).toMatchObject({ status: 'failed', reason: 'execution_lost', ended: true });
    expect(await records.message(offered.upgradeId)).toMatchObject({ open: false });
    expect(await records.log(offered)).toMatchObject([
      { event: 'offered' },
      { author: 'system', event: 'failed', status: 'failed', attempt: 1 },
    ]);
    await waitFor(() => announced.devices.includes(offered.deviceId));
    await announced.stop();
  });

  it('do not end when they have ended otherwise', async () => {
    const offered = await records.offered();
    await finish(offered, 'cancelled');
    await endLost(records.db, offered.upgradeId);
    expect(await records.row(offered)).toMatchObject({ status: 'cancelled' });
  });
});

describe('a device that another upgrade holds', () => {
  it('is given back, waits, and is taken again later', async () => {
    const { taskId, upgrades } = await task(2);
    const [busy, other] = upgrades as [Upgrade, Upgrade];
    await claim(taskId);
    await releaseBusy(records.db, [busy.upgradeId], MINUTE);
    const row = await records.row(busy);
    expect(row).toMatchObject({ status: 'waiting', reason: 'busy', dispatched: false, ended: false });
    expect((row.notBefore!.getTime() - Date.now()) / MINUTE).toBeCloseTo(1, 0);
    expect(await records.row(other)).toMatchObject({ status: 'scheduled', dispatched: true });
    expect(await claim(taskId)).toEqual([]);

    await records.sql`update device_upgrades set not_before = now() where id = ${busy.upgradeId}`;
    expect(await claim(taskId)).toEqual([busy.upgradeId]);
    await releaseBusy(records.db, [busy.upgradeId], MINUTE);
    // The reason is new only once.
    expect(await records.log(busy)).toMatchObject([{ author: 'system', event: 'waiting', status: 'waiting' }]);
  });

  it('stays as it is when it has ended meanwhile', async () => {
    const { taskId, upgrades } = await task(1);
    await claim(taskId);
    await finish(upgrades[0]!, 'succeeded');
    await releaseBusy(records.db, ids(upgrades), MINUTE);
    expect(await records.row(upgrades[0]!)).toMatchObject({ status: 'succeeded', dispatched: true });
    await releaseBusy(records.db, [], MINUTE);
  });
});

describe('devices that were never started', () => {
  it.each(['expired', 'cancelled'] as const)('end as %s; those under way and ended ones do not', async (status) => {
    const { taskId, upgrades } = await task(5);
    const [busy, flying] = (await claim(taskId, 2)).map((upgradeId) =>
      upgrades.find((one) => one.upgradeId === upgradeId)!,
    );
    await releaseBusy(records.db, [busy!.upgradeId], MINUTE);
    await finish(upgrades[2]!, 'skipped');
    const end = { status, reason: 'task_deadline', ...BY };
    expect(await endUndispatched(records.db, taskId, end)).toBe(3);
    expect(await endUndispatched(records.db, taskId, end)).toBe(0);
    expect(await countStatuses(records.db, taskId)).toEqual({ [status]: 3, scheduled: 1, skipped: 1 });
    expect(await records.row(flying!)).toMatchObject({ status: 'scheduled', ended: false });
    expect(await records.row(busy!)).toMatchObject({ status, reason: 'task_deadline', ended: true });
    expect((await records.log(upgrades[4]!)).at(-1)).toMatchObject({ ...BY, event: status, status });
  });
});

describe('devices under way', () => {
  it('are found page by page, all or those that wait for something', async () => {
    const { taskId, upgrades } = await task(5);
    await claim(taskId, 4);
    const [paused] = upgrades;
    await records.force(paused!, 'waiting', 'task_paused');
    const page = (after: number, reason?: string) =>
      findInFlight(records.db, taskId, { after, limit: 2, ...(reason === undefined ? {} : { reason }) });
    const first = await page(0);
    expect(first).toEqual(upgrades.slice(0, 2).map(({ upgradeId, deviceId }) => ({ id: upgradeId, deviceId })));
    const second = await page(first[1]!.id);
    expect(second.map(({ id }) => id)).toEqual(ids(upgrades.slice(2, 4)));
    expect(await page(second[1]!.id)).toEqual([]);
    expect((await page(0, 'task_paused')).map(({ id }) => id)).toEqual([paused!.upgradeId]);
    expect(await page(0, 'busy')).toEqual([]);
    await records.force(upgrades[1]!, 'offered');
    const unoffered = await findInFlight(records.db, taskId, { after: 0, limit: 10, isOffered: false });
    expect(unoffered.map(({ id }) => id)).toEqual(ids([upgrades[0]!, ...upgrades.slice(2, 4)]));
  });

  it('have their offers announced when the task goes on', async () => {
    const offered = await records.offered();
    const closed = await records.offered();
    await finish(closed, 'cancelled');
    const announced = await records.announced(DEVICE_MESSAGE_CHANNEL);
    await announceOffers(records.db, offered.taskId);
    await announceOffers(records.db, closed.taskId);
    await waitFor(() => announced.devices.includes(offered.deviceId));
    expect(announced.devices).not.toContain(closed.deviceId);
    await announced.stop();
  });
});

describe('retrying', () => {
  it.each(UPGRADE_STATUSES.filter(isEnd))('puts devices back that did not succeed: %s', async (status) => {
    const { taskId, upgrades } = await task(1);
    const [upgrade] = upgrades;
    await claim(taskId);
    await records.offer(upgrade!);
    await records.sql`update device_upgrades set proofs = '[{"fileIndex": 0}]', edge_at = now() where id = ${upgrade!.upgradeId}`;
    await records.force(upgrade!, status === 'reverted' ? 'succeeded' : 'offered');
    if (status === 'reverted') await records.force(upgrade!, 'reverted');
    else await finish(upgrade!, status);
    await records.sql`update device_upgrades set finished_at = now() where id = ${upgrade!.upgradeId}`;
    await recordTaskStatus(records.db, taskId, 'finished', { author: 'system', event: 'finished' });

    const back = (RETRYABLE_UPGRADE_STATUSES as readonly string[]).includes(status);
    expect(await resetFailed(records.db, taskId, BY)).toBe(back ? 1 : 0);
    if (!back) {
      expect(await records.row(upgrade!)).toMatchObject({ status, ended: true });
      expect(await taskRow(taskId)).toMatchObject({ status: 'finished', ended: true });
      expect((await records.taskLog(taskId)).map(({ event }) => event)).toEqual(['finished']);
      return;
    }
    expect(await records.row(upgrade!)).toMatchObject({
      status: 'scheduled',
      reason: null,
      dispatched: false,
      ended: false,
      edge: false,
      notBefore: null,
      fileIndex: 0,
      proofs: [],
      // Never back, and with a gap: the number fences off what was offered before, and what would have come next.
      attempt: 3,
    });
    expect((await records.log(upgrade!)).at(-1)).toMatchObject({ ...BY, event: 'retry', status: 'scheduled' });
    expect((await records.taskLog(taskId)).at(-1)).toEqual({ ...BY, event: 'retry_failed', details: { devices: 1 } });
    expect(await taskRow(taskId)).toMatchObject({ status: 'scheduled', ended: false });
    await recordTaskStatus(records.db, taskId, 'running', { author: 'system', event: 'running' });
    const [startable] = await claimUpgrades(taskId, 1);
    expect(startable!.input).toMatchObject({ upgradeId: upgrade!.upgradeId, firstAttempt: 4 });
  });

  it('moves the deadline of a task that has ended, by the life it was given', async () => {
    const { taskId, upgrades } = await task(2, { options: { lifeMs: 3 * HOUR } });
    for (const upgrade of upgrades) await finish(upgrade, 'expired');
    await recordTaskStatus(records.db, taskId, 'finished', { author: 'system', event: 'finished' });
    await records.sql`
      update upgrade_tasks set created_at = now() - interval '9 days', deadline_at = now() - interval '2 days' where id = ${taskId}`;
    expect(await resetFailed(records.db, taskId, BY)).toBe(2);
    expect((await taskRow(taskId))['leftMs'] / HOUR).toBeCloseTo(3, 2);
  });

  it('does not move the deadline of a task that runs, or one that is far', async () => {
    const running = await task(1, { deadlineMs: HOUR });
    await finish(running.upgrades[0]!, 'failed');
    expect(await resetFailed(records.db, running.taskId, BY)).toBe(1);
    expect(await taskRow(running.taskId)).toMatchObject({ status: 'running', leftMs: expect.closeTo(HOUR, -5) });

    const far = await task(1, { deadlineMs: 100 * 24 * HOUR });
    await finish(far.upgrades[0]!, 'failed');
    await recordTaskStatus(records.db, far.taskId, 'finished', { author: 'system', event: 'finished' });
    await resetFailed(records.db, far.taskId, BY);
    expect((await taskRow(far.taskId))['leftMs'] / HOUR).toBeCloseTo(2_400, 1);
  });

  it('takes only those that are named, if they did not succeed and are of this task', async () => {
    const { taskId, upgrades } = await task(4);
    const other = await task(1);
    for (const upgrade of [...upgrades.slice(0, 2), other.upgrades[0]!]) await finish(upgrade, 'failed');
    await finish(upgrades[2]!, 'succeeded');
    const named = ids([upgrades[0]!, upgrades[2]!, other.upgrades[0]!]);
    expect(await resetFailed(records.db, taskId, BY, named)).toBe(1);
    expect(await countStatuses(records.db, taskId)).toEqual({ scheduled: 2, failed: 1, succeeded: 1 });
    expect(await countStatuses(records.db, other.taskId)).toEqual({ failed: 1 });
  });

  it('counts each device once, whoever asks at the same time', async () => {
    const { taskId, upgrades } = await task(20);
    for (const upgrade of upgrades) await finish(upgrade, 'failed');
    const counts = await Promise.all(Array.from({ length: 4 }, () => resetFailed(records.db, taskId, BY)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20);
    expect((await records.events(upgrades[0]!)).filter((event) => event === 'retry')).toHaveLength(1);
  });
});
