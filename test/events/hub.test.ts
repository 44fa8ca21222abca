/**
 * Live streams: nothing committed is left out, whatever order transactions end in and however often a client comes
 * back; departments are walls; nobody can fill the memory.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { HubBench, type Received, type StreamClient } from './hub.ts';

let bench: HubBench;
let mine: number;
let theirs: number;
const clients: StreamClient[] = [];

beforeAll(async () => {
  bench = await HubBench.start({ times: { heartbeatMs: 200, revokedMs: 200 } });
  mine = await bench.department();
  theirs = await bench.department();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.cut();
  await waitFor(() => bench.hub.size === 0);
});
afterAll(() => bench.stop());

async function follow(of: Parameters<HubBench['follow']>[0]): Promise<StreamClient> {
  const client = await bench.follow(of);
  clients.push(client);
  return client;
}

const causes = (events: readonly Received[]) => events.map(({ data }) => data.cause as string);

describe('a stream', () => {
  it('tells what happens to devices, to tasks, and what webhooks hear, with all that a screen needs', async () => {
    const { taskId, upgradeIds } = await bench.task(mine, 2);
    const client = await follow({ departmentId: mine });
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    const logId = await bench.log(upgradeIds[0]!, 'hello');
    await bench.sql`insert into task_log (task_id, author, event, cause) values (${taskId}, 'li', 'paused', 'complaints')`;
    await bench.sql`
      insert into events (department_id, kind, task_id, device_id, data)
      values (${mine}, 'device.failed', ${taskId}, 'terminal-X', ${bench.sql.json({ status: 'failed' })})`;
    await waitFor(() => client.received.length >= 4);
    expect(client.of('device')[0]!.data).toEqual({
      id: logId,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      upgradeId: upgradeIds[0],
      deviceId: expect.stringMatching(/^terminal-/),
      taskId,
      status: 'transferring',
      reason: null,
      event: 'transferred',
      cause: 'hello',
      author: 'device',
      fileIndex: null,
      attempt: null,
      bytesSent: 0,
      bytesTotal: 0,
    });
    expect(client.of('task')[0]!.data).toMatchObject({
      taskId,
      status: 'running',
      revision: 1,
      pacing: { maxConcurrent: 5 },
      event: 'paused',
      cause: 'complaints',
      author: 'li',
    });
    expect(client.of('event')[0]!.data).toMatchObject({
      kind: 'device.failed',
      taskId,
      deviceId: 'terminal-X',
      data: { status: 'failed' },
    });
    expect(client.of('counts')[0]!.data).toEqual({ taskId, counts: { transferring: 2 } });
  });

  it('of a task tells of this task only, and begins with its counts', async () => {
    const [first, second] = [await bench.task(mine, 1), await bench.task(mine, 3)];
    const client = await follow({ departmentId: mine, taskId: second.taskId });
    await waitFor(() => client.of('counts').length === 1);
    expect(client.of('counts')[0]!.data).toEqual({ taskId: second.taskId, counts: { transferring: 3 } });
    await bench.log(first.upgradeIds[0]!, 'not this');
    await bench.log(second.upgradeIds[0]!, 'this');
    await waitFor(() => client.of('device').length > 0);
    expect(causes(client.of('device'))).toEqual(['this']);
  });

  it('tells nothing of another department', async () => {
    const [own, other] = [await bench.task(mine, 1), await bench.task(theirs, 1)];
    const client = await follow({ departmentId: mine });
    const start = client.lastEventId!;
    await bench.log(other.upgradeIds[0]!, 'theirs');
    await bench.sql`insert into task_log (task_id, author, event) values (${other.taskId}, 'x', 'paused')`;
    await bench.sql`insert into events (department_id, kind, task_id) values (${theirs}, 'task.paused', ${other.taskId})`;
    await bench.log(own.upgradeIds[0]!, 'mine');
    await waitFor(() => client.of('device').length > 0);
    expect(causes(client.of('device'))).toEqual(['mine']);
    expect([...client.of('task'), ...client.of('event')]).toEqual([]);
    // The same through the way back.
    const again = await follow({ departmentId: mine, lastEventId: start });
    await waitFor(() => again.of('device').length > 0);
    expect(causes(again.of('device'))).toEqual(['mine']);
    expect([...again.of('task'), ...again.of('event')]).toEqual([]);
  });

  it('counts at most once a second, and once more after the last change', async () => {
    const { taskId, upgradeIds } = await bench.task(mine, 4);
    const client = await follow({ departmentId: mine });
    const began = Date.now();
    for (let n = 0; n < 100; n++) {
      await bench.log(upgradeIds[0]!, `${n}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await bench.sql`update device_upgrades set status = 'confirming' where task_id = ${taskId}`;
    await bench.log(upgradeIds[0]!, 'last');
    await waitFor(() => client.of('counts').at(-1)?.data.counts.confirming === 4);
    expect(client.of('counts').length).toBeLessThanOrEqual(Math.ceil((Date.now() - began) / 1_000) + 1);
  });

  it('keeps its position fresh while nothing of its own happens', async () => {
    const other = await bench.task(theirs, 1);
    const client = await follow({ departmentId: mine });
    const start = client.lastEventId;
    await bench.log(other.upgradeIds[0]!, 'theirs');
    await waitFor(() => client.comments > 0 && client.lastEventId !== start);
    expect(client.received).toEqual([]);
  });
});

describe('transactions that end in another order than their ids', () => {
  it('lose nothing, live or on the way back', async () => {
    const { upgradeIds } = await bench.task(mine, 3);
    const client = await follow({ departmentId: mine });
    const start = client.lastEventId!;
    let commit = () => {};
    const open = new Promise<void>((resolve) => (commit = resolve));
    let isWritten = false;
    const late = bench.sql.begin(async (sql) => {
      await bench.log(upgradeIds[0]!, 'late', sql);
      isWritten = true;
      await open;
    });
    await waitFor(() => isWritten);
    await bench.log(upgradeIds[1]!, 'early');
    await waitFor(() => client.of('device').length === 1);
    expect(causes(client.of('device'))).toEqual(['early']);
    // What was seen so far is not enough to skip the row that is still to come.
    const { lastEventId } = client;
    const between = await follow({ departmentId: mine, lastEventId: start });
    await waitFor(() => between.of('device').length === 1);
    commit();
    await late;
    await waitFor(() => client.of('device').length === 2 && between.of('device').length === 2);
    for (const each of [client, between]) expect(causes(each.of('device'))).toEqual(['early', 'late']);
    const back = await follow({ departmentId: mine, lastEventId: lastEventId! });
    await waitFor(() => causes(back.of('device')).includes('late'));
    // And where everything has ended, nothing comes twice.
    await bench.log(upgradeIds[2]!, 'then');
    await waitFor(() => client.of('device').length === 3);
    await waitFor(async () => {
      const last = await follow({ departmentId: mine, lastEventId: client.lastEventId! });
      await bench.log(upgradeIds[2]!, 'end');
      await waitFor(() => last.of('device').length > 0);
      return last.of('device').every(({ data }) => data.cause === 'end');
    });
  });

  it('2 000 changes while clients come and go: each gets every row at least once, each device in its order', async () => {
    const { taskId, upgradeIds } = await bench.task(mine, 40);
    const start = (await follow({ departmentId: mine })).lastEventId!;
    const TOTAL = 2_000;
    let written = 0;
    // Twenty writers, each with devices of its own; some hold their transaction open while others commit.
    const writing = Promise.all(
      Array.from({ length: 20 }, async (_, writer) => {
        for (let n = 0; n < TOTAL / 20; n++) {
          const upgradeId = upgradeIds[writer * 2 + (n % 2)]!;
          if (n % 5 === 0) {
            await bench.sql.begin(async (sql) => {
              await bench.log(upgradeId, `${n}`, sql);
              await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
            });
          } else if (n % 17 === 0) {
            // Rolled back: an id that never appears.
            await bench.sql
              .begin(async (sql) => {
                await bench.log(upgradeId, 'never', sql);
                throw new Error('rolled back');
              })
              .catch(() => {});
            await bench.log(upgradeId, `${n}`);
          } else await bench.log(upgradeId, `${n}`);
          written += 1;
        }
      }),
    );
    const expected = new Map(
      upgradeIds.map((id, index) => [id, Array.from({ length: 50 }, (_, n) => `${n * 2 + (index % 2)}`)]),
    );
    /** Comes back at random; drops what it has by the number of the row, as clients do. */
    const wander = async (of: { taskId?: number }) => {
      const got: Received[] = [];
      const seen = new Set<number>();
      let repeated = 0;
      let lastEventId = start;
      let visits = 0;
      for (; seen.size < TOTAL; visits++) {
        const client = await follow({ departmentId: mine, ...of, lastEventId });
        const stayMs = written < TOTAL ? Math.random() * 150 : 2_000;
        const from = Date.now();
        await waitFor(() => Date.now() - from > stayMs || seen.size + client.of('device').length >= TOTAL).catch(
          () => {},
        );
        client.cut();
        lastEventId = client.lastEventId ?? lastEventId;
        for (const event of client.of('device')) {
          if (seen.has(event.data.id)) repeated += 1;
          else got.push(event);
          seen.add(event.data.id);
        }
        if (visits > 500) break;
      }
      const byDevice = new Map(upgradeIds.map((id) => [id, [] as string[]]));
      for (const { data } of got) byDevice.get(data.upgradeId)!.push(data.cause);
      return { byDevice, repeated, visits };
    };
    const steady = await follow({ departmentId: mine, lastEventId: start });
    const wanderers = await Promise.all([wander({}), wander({}), wander({ taskId })]);
    await writing;
    for (const { byDevice, repeated, visits } of wanderers) {
      expect(byDevice).toEqual(expected);
      // Only what is newer than the oldest open transaction comes again, not everything.
      expect(repeated).toBeLessThan(visits * 500);
    }
    await waitFor(() => steady.of('device').length >= TOTAL);
    expect(new Set(steady.of('device').map(({ data }) => data.id)).size).toBe(TOTAL);
    expect(steady.of('device')).toHaveLength(TOTAL);
  });
});

describe('a position', () => {
  it('that nobody gave out, or that lies too far back, leads to a reset and on from there', async () => {
    const { upgradeIds } = await bench.task(mine, 1);
    for (const lastEventId of ['rubbish', 'u999999999.t0.e0']) {
      const client = await follow({ departmentId: mine, lastEventId });
      await waitFor(() => client.of('reset').length === 1);
      expect(client.of('reset')[0]!.data).toEqual({
        reason: 'unknown_position',
        advice: expect.stringContaining('Load'),
      });
      await bench.log(upgradeIds[0]!, 'on');
      await waitFor(() => client.of('device').length > 0);
    }
    await bench.sql`
      insert into upgrade_log (upgrade_id, author, event) select ${upgradeIds[0]!}, 'device', 'x' from generate_series(1, 50001)`;
    const client = await follow({ departmentId: mine, lastEventId: 'u0.t0.e0' });
    await waitFor(() => client.of('reset').length === 1);
    expect(client.of('reset')[0]!.data.reason).toBe('too_old');
  });
});

describe('the server', () => {
  it('asks for announcements only while somebody follows', async () => {
    await waitFor(async () => (await bench.watchers()) === 0);
    const client = await follow({ departmentId: mine });
    expect(await bench.watchers()).toBe(1);
    client.cut();
    await waitFor(async () => (await bench.watchers()) === 0);
  });

  it('hears of a row at once, not at its next look', async () => {
    const { upgradeIds } = await bench.task(mine, 1);
    const quick: number[] = [];
    const client = await follow({ departmentId: mine });
    for (let n = 0; n < 5; n++) {
      const began = Date.now();
      await bench.log(upgradeIds[0]!, `${n}`);
      await waitFor(() => client.of('device').length === n + 1);
      quick.push(Date.now() - began);
    }
    expect(Math.max(...quick)).toBeLessThan(1_500);
  });

  it('goes on without announcements when the connection that hears them is cut', async () => {
    const { upgradeIds } = await bench.task(mine, 1);
    const client = await follow({ departmentId: mine });
    await bench.sql`
      select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'`;
    await bench.log(upgradeIds[0]!, 'still');
    await waitFor(() => client.of('device').length === 1);
  });

  it('ends the streams of a revoked key', async () => {
    const [key] = await bench.sql<{ id: number }[]>`
      insert into api_keys (department_id, name, key_hash, permissions, created_by)
      values (${mine}, 'leaver', 'x', '{device:read}', 'test') returning id`;
    const [leaver, stayer] = [
      await follow({ departmentId: mine, keyId: key!.id }),
      await follow({ departmentId: mine }),
    ];
    await bench.sql`update api_keys set revoked_at = now() where id = ${key!.id}`;
    await waitFor(() => !leaver.isOpen);
    expect(stayer.isOpen).toBe(true);
  });

  it('lets a client go that does not read, with a bound on what waits for it; the others hear everything', async () => {
    const { taskId, upgradeIds } = await bench.task(mine, 1);
    const [slow, quick] = [await follow({ departmentId: mine, taskId }), await follow({ departmentId: mine, taskId })];
    slow.pause();
    const cause = 'x'.repeat(2_000);
    for (let n = 0; n < 20; n++) {
      await bench.sql`
        insert into upgrade_log (upgrade_id, author, event, status, cause)
        select ${upgradeIds[0]!}, 'device', 'x', 'transferring', ${cause} from generate_series(1, 500)`;
      await waitFor(() => quick.of('device').length === (n + 1) * 500);
    }
    slow.resume();
    await waitFor(() => !slow.isOpen);
    expect(slow.of('reset').map(({ data }) => data.reason)).toEqual(['too_slow']);
    expect(slow.of('device').length).toBeLessThan(10_000);
    // It goes on behind the reset.
    const back = await follow({ departmentId: mine, taskId, lastEventId: slow.lastEventId! });
    await bench.log(upgradeIds[0]!, 'after');
    await waitFor(() => causes(back.of('device')).includes('after'));
    expect(back.of('reset')).toEqual([]);
  });

  it('has a limit for one key and one in all, and says when to come again', async () => {
    const small = await HubBench.start({ maxStreams: 3, maxStreamsPerKey: 2 });
    try {
      const of = (keyId: number) => small.follow({ departmentId: 1, keyId });
      const [first] = [await of(1), await of(1)];
      expect((await of(1)).status).toBe(429);
      expect((await of(2)).status).toBe(200);
      expect((await of(3)).status).toBe(429);
      first.cut();
      await waitFor(() => small.hub.size === 2);
      expect((await of(3)).status).toBe(200);
    } finally {
      await small.stop();
    }
  });

  it('ends all streams when it stops, and leaves nothing behind', async () => {
    const other = await HubBench.start();
    const client = await other.follow({ departmentId: 1 });
    await other.hub.stop();
    await waitFor(() => !client.isOpen);
    expect(await other.watchers()).toBe(0);
    expect((await other.follow({ departmentId: 1 })).status).toBe(429);
    await other.stop();
  });

  it('reads once for all: a hundred clients get what one would', async () => {
    const { upgradeIds } = await bench.task(mine, 50);
    const many = await Promise.all(Array.from({ length: 100 }, () => follow({ departmentId: mine })));
    const before = await reads();
    await Promise.all(upgradeIds.map((id) => bench.log(id, 'to all')));
    await waitFor(() => many.every((client) => client.of('device').length === 50));
    // A read of the log costs an index scan or two, whoever waits for it.
    await waitFor(async () => (await reads()) > before);
    expect((await reads()) - before).toBeLessThan(100);
  });
});

/** How often the log of devices was looked into. */
async function reads(): Promise<number> {
  const [row] = await bench.sql`
    select coalesce(idx_scan, 0)::int + seq_scan::int as scans from pg_stat_user_tables where relname = 'upgrade_log'`;
  return row!['scans'] as number;
}
