/**
 * A rollout as it happens: ordered by one person and approved by another, stopped by its own abort rule, slowed down,
 * paused and resumed, while the API and the worker are killed. `ROLLOUT_DEVICES` sets the size; 2000 takes minutes.
 */
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError, type Operator } from '../../bench/operator.ts';
import { firstOperator, operatorOf, Slipway, TestServers } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { expectExactTransfers, Fleet, uploadOnce, Task, type TaskDetail } from './fleet.ts';
import { Wire } from './wire.ts';

const DEVICES = Number(process.env['ROLLOUT_DEVICES'] ?? 60);
/** So many of them say that they took the file and keep the old version; they come first. */
const LIARS = Math.max(5, Math.floor(DEVICES / 40));
const AT_ONCE = 8;
const AT_ONCE_LATER = Math.max(20, Math.min(100, DEVICES / 10));
const FROM = 10;
/** A loaded machine upgrades some devices a second. */
const PATIENCE_MS = 120_000 + DEVICES * 500;

interface TaskLine {
  author: string;
  event: string;
  cause: string;
  at: string;
}

describe('a rollout with two people, an abort, a pause and two killed processes', () => {
  let servers: TestServers;
  let api: Slipway;
  let worker: Slipway;
  let gateway: Slipway;
  let wire: Wire;
  let sql: postgres.Sql;
  let keys: { author: string; second: string };
  let liars: Fleet;
  let honest: Fleet;

  const author = () => operatorOf(api, keys.author);
  const second = () => operatorOf(api, keys.second);

  beforeAll(async () => {
    servers = await TestServers.start();
    [api, worker, gateway] = await Promise.all([
      Slipway.start(servers.settings('api')),
      Slipway.start(servers.settings('worker')),
      Slipway.start(servers.settings('gateway')),
    ]);
    const { operator, key } = await firstOperator(api);
    const { key: other } = await operator.call<{ key: string }>('POST', '/api-keys', {
      name: 'wang',
      departmentId: 1,
      permissions: ['device:read', 'upgrade:write', 'upgrade:batch'],
    });
    keys = { author: key, second: other };
    sql = postgres(servers.settings()['DATABASE_URL']!, { max: 1 });
    wire = await Wire.open(gateway.terminalPort);
    const quick = { reportIntervalMs: DEVICES > 500 ? 20_000 : 1_000 };
    liars = await new Fleet(wire, LIARS, '6134441301', FROM, { ...quick, faults: { lie: true } }).start(operator);
    honest = await new Fleet(wire, DEVICES - LIARS, '6200000001', FROM, quick).start(operator);
  }, PATIENCE_MS);

  afterAll(async () => {
    for (const part of [api, worker, gateway])
      if (part !== undefined && !part.isRunning) process.stderr.write(`--- a process ended:\n${part.tail()}\n`);
    await Promise.all([liars?.stop(), honest?.stop()]);
    await wire?.close();
    await sql?.end();
    await Promise.all([api, worker, gateway].map((part) => part?.kill()));
    await servers?.stop();
  }, 60_000);

  async function until(task: Task, what: string, isSo: (detail: TaskDetail) => boolean): Promise<TaskDetail> {
    return waitFor(
      async () => {
        const detail = await task.detail(author());
        if (isSo(detail)) return detail;
        throw new Error(`it is ${detail.status}: ${JSON.stringify(detail.counts)}`);
      },
      { deadlineMs: PATIENCE_MS, message: what },
    );
  }

  const control = (operator: Operator, task: Task, action: string, cause: string) =>
    operator.call('POST', `/upgrade-tasks/${task.id}/${action}`, { cause });

  async function restartApi(): Promise<void> {
    await api.kill();
    api = await Slipway.start(servers.settings('api'));
  }

  async function restartWorker(): Promise<void> {
    await worker.kill();
    worker = await Slipway.start(servers.settings('worker'));
  }

  const dispatched = async (task: Task) => {
    const [row] = await sql`
      select count(*)::int as n from device_upgrades where task_id = ${task.id} and dispatched_at is not null`;
    return row!['n'] as number;
  };

  /** The most devices that were between the sending of their offer and their end at one moment, before some moment. */
  async function mostAtOnce(task: Task, before: string): Promise<number> {
    const [row] = await sql`
      with edges as (
        select min(l.at) as at, 1 as step from upgrade_log l join device_upgrades u on u.id = l.upgrade_id
        where u.task_id = ${task.id} and l.event = 'offered' group by u.id
        union all
        select u.finished_at, -1 from device_upgrades u where u.task_id = ${task.id} and u.finished_at is not null
      )
      select coalesce(max(running), 0)::int as most
      from (select sum(step) over (order by at, step) as running, at from edges) x where at < ${before}::timestamptz`;
    return row!['most'] as number;
  }

  test(
    'ends with the truth about every device, and a log that tells the story',
    async () => {
      const firmwareId = await uploadOnce(author(), FROM + 1, FROM);
      const { id } = await author().createTask({
        name: 'rollout',
        firmwareIds: [firmwareId],
        deviceIds: [...liars.deviceIds, ...honest.deviceIds],
        options: {
          dispatchDelayMinutes: 0,
          deadlineHours: 2,
          attemptsPerFile: 1,
          maxConcurrent: AT_ONCE,
          limits: { settleSeconds: 1 },
          approval: { required: true, withinHours: 1, onExpiry: 'cancel', fourEyes: true },
          abort: [{ failures: 'failed', percent: 5, afterFinished: 4, effect: 'pause' }],
        },
      });
      const task = new Task(id, FROM, 1);

      await until(task, 'the task does not await approval', ({ status }) => status === 'awaiting_approval');
      await expect(control(author(), task, 'approve', 'looks good to me')).rejects.toThrow(ApiError);
      expect(await dispatched(task)).toBe(0);
      await restartApi();
      await control(second(), task, 'approve', 'tried on my desk');

      await until(task, 'the task does not stop by itself', ({ status }) => status === 'paused');
      const stoppedAt = await dispatched(task);
      expect(stoppedAt).toBeLessThan(DEVICES * 0.75);
      await restartWorker();

      const detail = await author().call<{ revision: number }>('GET', `/upgrade-tasks/${task.id}`);
      const patch = (operator: Operator, body: object) =>
        operator.call('PATCH', `/upgrade-tasks/${task.id}/pacing`, body);
      await patch(second(), {
        maxConcurrent: AT_ONCE_LATER,
        abort: [{ failures: 'failed', percent: 90, afterFinished: DEVICES, effect: 'cancel' }],
        revision: detail.revision,
        cause: 'the first ones were a bad batch',
      });
      await expect(patch(author(), { maxConcurrent: 1, revision: detail.revision })).rejects.toThrow('edit_conflict');
      await control(author(), task, 'resume', 'the others are fine');
      const half = Math.floor(DEVICES / 2);
      await until(task, 'half of them are not upgraded', ({ counts }) => (counts['succeeded'] ?? 0) >= half / 2);

      await control(second(), task, 'pause', 'complaints from the field');
      const atPause = await dispatched(task);
      await Promise.all([restartApi(), restartWorker()]);
      await until(task, 'devices under way have not ended', ({ counts }) =>
        ['offered', 'transferring', 'confirming'].every(
          (status) => (counts[status] ?? 0) === 0 || status === 'offered',
        ),
      );
      expect(await dispatched(task)).toBe(atPause);
      await control(author(), task, 'resume', 'they were about something else');

      const ended = await until(task, 'the task has not ended', ({ status }) => status === 'finished');
      expect(ended.counts).toEqual({ succeeded: DEVICES - LIARS, failed: LIARS });
      const rows = await task.rows(author());
      const failed = rows.filter(({ status }) => status === 'failed');
      expect(failed.map(({ deviceId }) => deviceId).toSorted()).toEqual(liars.deviceIds.toSorted());
      expect(new Set(failed.map(({ reason }) => reason))).toEqual(new Set(['version_unchanged']));
      expect(honest.runs(FROM + 1)).toBe(true);
      expect(liars.runs(FROM)).toBe(true);
      expectExactTransfers(honest, task, { mostRepeats: 0 });

      const { items } = await author().call<{ items: TaskLine[] }>('GET', `/upgrade-tasks/${task.id}/log`);
      expect(items.map((line) => [line.author, line.event])).toEqual([
        ['admin', 'created'],
        ['system', 'approval_needed'],
        ['wang', 'approved'],
        ['system', 'running'],
        ['system', 'aborted'],
        ['wang', 'pacing_changed'],
        ['admin', 'resumed'],
        ['wang', 'paused'],
        ['admin', 'resumed'],
        ['system', 'finished'],
      ]);
      expect(items.every(({ event, cause }) => cause !== '' || event === 'created')).toBe(true);
      const changedAt = items.find(({ event }) => event === 'pacing_changed')!.at;
      expect(await mostAtOnce(task, changedAt)).toBeLessThanOrEqual(AT_ONCE);
      expect(await mostAtOnce(task, '2100-01-01')).toBeLessThanOrEqual(AT_ONCE_LATER);
    },
    PATIENCE_MS * 3,
  );
});
