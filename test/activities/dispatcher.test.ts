import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTaskActivities, type Executions, type LatestUpgrade } from '../../activities/tasks.ts';
import type { DispatchReport } from '../../activities/dispatcher.ts';
import { beginJoins } from '../../db/upgrades/joins.ts';
import { countTask } from '../../db/upgrades/pacing.ts';
import { changePacing, recordTaskStatus } from '../../db/upgrades/task-changes.ts';
import { finishUpgrade } from '../../db/upgrades/upgrades.ts';
import { atMost, type Pacing } from '../../workflows/rules/pacing.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';
import { Records, type TaskSeed } from '../db/records.ts';
import { waitFor } from '../support/wait.ts';

let records: Records;
let serial = 0;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

const LI = { author: 'li', cause: 'complaints' };

/** The running workflows of devices: started ones end by themselves, if a test says how. */
class Fleet implements Executions {
  readonly started: number[] = [];
  readonly told: string[] = [];
  endsAs: UpgradeStatus | null = null;

  startUpgrade: Executions['startUpgrade'] = async ({ upgradeId }) => {
    if (this.started.includes(upgradeId)) return 'already_ours';
    this.started.push(upgradeId);
    if (this.endsAs !== null) await finish(upgradeId, this.endsAs);
    return 'started';
  };
  signalEdge: Executions['signalEdge'] = async (deviceId) => this.told.push(deviceId) > 0;
  controlUpgrade: Executions['controlUpgrade'] = async () => true;
  /** What Temporal knows of the last upgrade of each device. */
  readonly known = new Map<string, LatestUpgrade>();
  latestUpgrade: Executions['latestUpgrade'] = async (deviceId) => this.known.get(deviceId) ?? null;
}

const finish = (upgradeId: number, status: UpgradeStatus) =>
  finishUpgrade(records.db, { upgradeId, status, reason: null, entry: { author: 'system', event: status } });

async function task(devices: number, pacing: Partial<Pacing> = {}, seed: TaskSeed = {}) {
  const model = `dispatched ${++serial}`;
  const ids = await Promise.all(Array.from({ length: devices }, () => records.device({ model })));
  const options = { pacing: { ...atMost(100), ...pacing }, ...seed.options };
  return { model, ...(await records.task(ids, { ...seed, options })) };
}

/** One slice, as a worker would run it; stopped with the test's own signal. */
function dispatch(taskId: number, fleet: Fleet): { report: Promise<DispatchReport>; stop: () => void } {
  const stopping = new AbortController();
  const { dispatchUpgrades } = createTaskActivities({ db: records.db, executions: fleet, stopping: stopping.signal });
  const report = new MockActivityEnvironment().run(dispatchUpgrades, taskId) as Promise<DispatchReport>;
  return { report, stop: () => stopping.abort() };
}

describe('a slice of dispatching', () => {
  it('starts every device once, also when two workers do it, and ends when all have ended', async () => {
    const { taskId, upgrades } = await task(40, { maxConcurrent: 10 });
    const fleet = new Fleet();
    fleet.endsAs = 'succeeded';
    const reports = await Promise.all([dispatch(taskId, fleet).report, dispatch(taskId, fleet).report]);
    for (const report of reports) expect(report).toEqual({ isIdle: true, windowOpensInMs: null, abort: null });
    expect(fleet.started.toSorted((a, b) => a - b)).toEqual(upgrades.map(({ upgradeId }) => upgradeId));
    expect(await countTask(records.db, taskId)).toMatchObject({ inFlight: 0, remaining: 0, ended: { succeeded: 40 } });
  });

  it('ends when the task is paused, and has started nothing since', async () => {
    const { taskId } = await task(30, { ratePerMinute: 12 });
    const fleet = new Fleet();
    const { report } = dispatch(taskId, fleet);
    await waitFor(() => fleet.started.length > 0);
    await recordTaskStatus(records.db, taskId, 'paused', { ...LI, event: 'paused' });
    const started = fleet.started.length;
    expect(await report).toMatchObject({ isIdle: false, abort: null });
    expect(fleet.started).toHaveLength(started);
  });

  it('says when a rule aborts, with its numbers, and the next one starts nothing', async () => {
    const abort = [{ failures: 'failed', percent: 20, afterFinished: 5, effect: 'cancel_waiting' } as const];
    const { taskId } = await task(30, { maxConcurrent: 5 }, { options: { abort } });
    const fleet = new Fleet();
    fleet.endsAs = 'failed';
    const { abort: verdict } = await dispatch(taskId, fleet).report;
    const finished = fleet.started.length;
    expect(verdict).toEqual({
      effect: 'cancel_waiting',
      cause: `${finished} of ${finished} finished devices ended failed (100 %); the rule stops the task at 20 % after at least 5 finished`,
    });
    expect(finished).toBeLessThan(30);
    expect((await dispatch(taskId, fleet).report).abort).toEqual(verdict);
    expect(fleet.started).toHaveLength(finished);
  });

  it('holds to limits that are set while it runs', async () => {
    const { taskId, model } = await task(12, { maxConcurrent: 2 });
    const fleet = new Fleet();
    const { report, stop } = dispatch(taskId, fleet);
    await waitFor(() => fleet.started.length === 2);
    const fields = { maxConcurrent: 10, limits: [{ key: 'model', max: 4 } as const] };
    await changePacing(records.db, taskId, { fields }, { ...LI, event: 'pacing_changed' });
    await waitFor(() => fleet.started.length === 4);
    await finish(fleet.started[0]!, 'succeeded');
    await waitFor(() => fleet.started.length === 5);
    const [row] = await records.sql`
      select count(*)::int as n from device_upgrades u join devices d on d.id = u.device_id
      where d.model = ${model} and u.dispatched_at is not null and u.finished_at is null`;
    expect(row).toEqual({ n: 4 });
    stop();
    await report;
  });

  it('tells a device that came back when there is room', async () => {
    const { taskId, upgrades } = await task(2, { maxConcurrent: 1 });
    const fleet = new Fleet();
    const { report, stop } = dispatch(taskId, fleet);
    await waitFor(() => fleet.started.length === 1);
    await records.dispatched(upgrades[1]!);
    await records.force(upgrades[1]!, 'waiting', 'paced');
    expect(fleet.told).toEqual([]);
    await finish(upgrades[0]!.upgradeId, 'succeeded');
    await waitFor(() => fleet.told.includes(upgrades[1]!.deviceId));
    stop();
    await report;
  });

  it('takes up newcomers of a dynamic task, which is never idle', async () => {
    const { taskId, model } = await task(1);
    await records.sql`
      update upgrade_tasks set options = jsonb_set(options, '{joins}', ${records.sql.json({ model })}) where id = ${taskId}`;
    await beginJoins(records.db, taskId);
    const fleet = new Fleet();
    fleet.endsAs = 'succeeded';
    const { report, stop } = dispatch(taskId, fleet);
    await waitFor(() => fleet.started.length === 1);
    await records.device({ model });
    await waitFor(() => fleet.started.length === 2, { deadlineMs: 30_000 });
    stop();
    expect(await report).toMatchObject({ isIdle: false });
  });

  it('starts devices again of which nothing was heard after they were taken', async () => {
    const { taskId, upgrades } = await task(1);
    await records.sql`update device_upgrades set dispatched_at = now() - interval '1 minute' where task_id = ${taskId}`;
    const fleet = new Fleet();
    const { report, stop } = dispatch(taskId, fleet);
    await waitFor(() => fleet.started.includes(upgrades[0]!.upgradeId));
    stop();
    await report;
  });

  it('goes on with devices that Temporal does not know, and ends those whose workflow was ended by hand', async () => {
    const { taskId, upgrades } = await task(7);
    const [unknown, runs, ended, endedLately, completed, held, overtaken] = upgrades;
    for (const upgrade of upgrades) await records.force(upgrade, 'waiting', 'paced');
    await records.sql`
      update device_upgrades set dispatched_at = now() - interval '1 hour',
        updated_at = now() - case when id = ${endedLately!.upgradeId} then interval '5 minutes' else interval '1 hour' end
      where task_id = ${taskId}`;
    const fleet = new Fleet();
    const knows = (of: typeof unknown, latest: LatestUpgrade) => fleet.known.set(of!.deviceId, latest);
    knows(runs, { upgradeId: runs!.upgradeId, state: 'running' });
    knows(ended, { upgradeId: ended!.upgradeId, state: 'stopped' });
    knows(endedLately, { upgradeId: endedLately!.upgradeId, state: 'stopped' });
    knows(completed, { upgradeId: completed!.upgradeId, state: 'completed' });
    knows(held, { upgradeId: held!.upgradeId - 100, state: 'running' });
    knows(overtaken, { upgradeId: overtaken!.upgradeId + 100, state: 'running' });
    const { report, stop } = dispatch(taskId, fleet);
    await waitFor(() => fleet.started.length === 2);
    stop();
    await report;
    expect(fleet.started.toSorted((a, b) => a - b)).toEqual([unknown!.upgradeId, completed!.upgradeId]);
    expect(fleet.told).toContain(held!.deviceId);
    const rows = await Promise.all(upgrades.map((upgrade) => records.row(upgrade)));
    expect(rows.map(({ reason, ended }) => (ended ? reason : 'goes on'))).toEqual([
      'goes on',
      'goes on',
      'execution_lost',
      'goes on',
      'goes on',
      'goes on',
      'execution_lost',
    ]);
  });

  it('starts nothing again in a task that is ending', async () => {
    const { taskId, upgrades } = await task(2);
    const [silent, lately] = upgrades;
    for (const upgrade of upgrades) await records.force(upgrade, 'waiting', 'paced');
    await records.sql`
      update device_upgrades set dispatched_at = now(),
        updated_at = now() - case when id = ${lately!.upgradeId} then interval '5 minutes' else interval '1 hour' end
      where task_id = ${taskId}`;
    const fleet = new Fleet();
    const needs = { db: records.db, executions: fleet, stopping: new AbortController().signal };
    const { endLostUpgrades } = createTaskActivities(needs);
    await new MockActivityEnvironment().run(endLostUpgrades, taskId);
    expect(fleet.started).toEqual([]);
    expect(await records.row(silent!)).toMatchObject({ reason: 'execution_lost', ended: true });
    expect(await records.row(lately!)).toMatchObject({ ended: false });
  });
});
