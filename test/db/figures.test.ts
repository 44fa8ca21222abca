/** Figures for metrics: what is counted, that the log is counted once and whole, and that it stays quick. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastLogId, readFigures, readLogGain } from '../../db/figures.ts';
import { recordProof } from '../../db/upgrades/upgrades.ts';
import { claimSend } from '../../db/upgrades/messages.ts';
import { waitFor } from '../support/wait.ts';
import { Records } from './records.ts';

let records: Records;
beforeAll(async () => (records = await Records.start()));
afterAll(() => records?.stop());

/** Reads the log until as many transitions have come as are expected; what is newer than a second waits. */
async function gainBehind(afterId: number, transitions: number) {
  const sum = {
    transitions: {} as Record<string, number>,
    offersSent: 0,
    proofSeconds: [] as number[],
    lastId: afterId,
  };
  await waitFor(
    async () => {
      const gain = await readLogGain(records.db, sum.lastId);
      for (const [status, count] of Object.entries(gain.transitions))
        sum.transitions[status] = (sum.transitions[status] ?? 0) + count;
      sum.offersSent += gain.offersSent;
      sum.proofSeconds.push(...gain.proofSeconds);
      sum.lastId = gain.lastId;
      return Object.values(sum.transitions).reduce((all, count) => all + count, 0) >= transitions;
    },
    { message: 'the lines were not counted' },
  );
  return sum;
}

test('nothing is counted where nothing is', async () => {
  const empty = await Records.start();
  const figures = await readFigures(empty.db);
  expect(figures).toMatchObject({ devices: {}, tasks: {}, attention: {}, deliveries: {} });
  expect(figures.queueSeconds).toEqual({ devices: null, edges: null, tasks: null, webhooks: null });
  expect(await lastLogId(empty.db)).toBe(0);
  expect(await readLogGain(empty.db, 0)).toMatchObject({ transitions: {}, offersSent: 0, proofSeconds: [], lastId: 0 });
  await empty.stop();
});

test('devices are counted by status in tasks that have not ended, and the database tells of itself', async () => {
  const { upgrades } = await records.task([await records.device(), await records.device(), await records.device()]);
  await records.force(upgrades[0]!, 'succeeded');
  const { taskId } = await records.task([await records.device()], { status: 'finished' });
  await records.sql`update upgrade_tasks set finished_at = now() where id = ${taskId}`;
  const { devices, tasks, database } = await readFigures(records.db);
  expect(devices).toEqual({ scheduled: 2, succeeded: 1 });
  expect(tasks).toEqual({ running: 1 });
  expect(database.sizeBytes).toBeGreaterThan(1_000_000);
  expect(database.connections['active']).toBeGreaterThanOrEqual(1);
  expect(database.maxConnections).toBeGreaterThan(10);
});

test('each queue tells how long its oldest entry waits', async () => {
  const { taskId, upgrades } = await records.task([await records.device()]);
  const first = upgrades[0]!;
  const past = (seconds: number) => records.sql`now() - make_interval(secs => ${seconds})`;
  await records.sql`update upgrade_tasks set created_at = ${past(300)}, dispatch_at = ${past(200)} where id = ${taskId}`;
  const { queueSeconds: before } = await readFigures(records.db);
  expect(before.tasks).toBeGreaterThanOrEqual(300);
  expect(before.tasks).toBeLessThan(360);
  expect(before.devices).toBeGreaterThanOrEqual(200);
  expect(before.edges).toBeNull();

  await records.dispatched(first);
  await records.sql`update device_upgrades set edge_at = ${past(100)} where id = ${first.upgradeId}`;
  await records.sql`update upgrade_tasks set started_at = now() where id = ${taskId}`;
  const [event] = await records.sql`
    insert into events (department_id, kind) select department_id, 'task.finished' from upgrade_tasks where id = ${taskId} returning id`;
  const [webhook] = await records.sql`
    insert into webhooks (department_id, url, secret, kinds, created_by)
    select department_id, 'https://example.com', 's', '{}', 'test' from upgrade_tasks where id = ${taskId} returning id`;
  await records.sql`
    insert into webhook_deliveries (webhook_id, event_id, created_at, started_at)
    values (${webhook!['id'] as number}, ${event!['id'] as number}, ${past(50)}, now())`;
  const { queueSeconds: after, deliveries } = await readFigures(records.db);
  expect(after.edges).toBeGreaterThanOrEqual(100);
  expect(after.webhooks).toBeGreaterThanOrEqual(50);
  expect(after.webhooks).toBeLessThan(100);
  expect(deliveries).toEqual({ pending: 1 });
});

test('what needs a person is counted by how it ended', async () => {
  const { upgrades } = await records.task([await records.device(), await records.device()]);
  await records.force(upgrades[0]!, 'unproven');
  await records.force(upgrades[1]!, 'failed');
  await records.sql`update device_upgrades set finished_at = now() where id = any(${upgrades.map(({ upgradeId }) => upgradeId)})`;
  expect((await readFigures(records.db)).attention).toEqual({ unproven: 1, failed: 1 });
  await records.sql`update device_upgrades set decided_at = now(), decision = 'give_up' where id = ${upgrades[1]!.upgradeId}`;
  expect((await readFigures(records.db)).attention).toEqual({ unproven: 1 });
});

test('devices of secondary shipments are counted while they are under way or need a person, and pauses while they last', async () => {
  const empty = await Records.start();
  await empty.sql`insert into departments (name) values ('shipping')`;
  await empty.sql`
    insert into platform_shipments (department_id, platform_id, platform_name, lifetime, brand, info, asked, status, created_by, deadline_at)
    select (select max(id) from departments), min(id), 'x', false, '', '{}', 6, 'running', 'test', now() from platforms`;
  const statuses = ['open', 'open', 'confirmed', 'refused', 'unknown', 'not_sent', 'recorded'];
  await empty.sql`
    insert into platform_shipment_devices (shipment_id, department_id, imei, status, released_at)
    select (select max(id) from platform_shipments), 1, 'imei-' || n || gone, status, case when gone then now() end
    from unnest(${statuses}::text[]) with ordinality as s(status, n), (values (false), (true)) as g(gone)
    where not gone or status = 'refused'`;
  expect(await readFigures(empty.db)).toMatchObject({
    platformDevices: { open: 2, refused: 1, unknown: 1, not_sent: 1 },
    platformsPaused: {},
  });
  await empty.sql`
    insert into platform_connectors (name, paused_until) values ('tracksolid', 'infinity')
    on conflict (name) do update set paused_until = excluded.paused_until`;
  expect((await readFigures(empty.db)).platformsPaused).toEqual({ tracksolid: 1 });
  await empty.sql`update platform_connectors set paused_until = now()`;
  expect((await readFigures(empty.db)).platformsPaused).toEqual({});
  await empty.stop();
});

test('the log gives transitions, offers and the time from an offer to its proof, each once', async () => {
  const start = await lastLogId(records.db);
  const upgrade = await records.offered();
  await claimSend(records.db, upgrade.offerId, 1);
  await records.sql`update device_messages set first_sent_at = now() - interval '90 seconds' where id = ${upgrade.offerId}`;
  await records.report(upgrade.deviceId, { T1: '11' });
  await recordProof(records.db, { upgradeId: upgrade.upgradeId, attempt: 1, fileIndex: 0, last: true });
  const gain = await gainBehind(start, 3);
  expect(gain.transitions).toEqual({ scheduled: 1, offered: 1, succeeded: 1 });
  expect(gain.offersSent).toBe(1);
  expect(gain.proofSeconds).toHaveLength(1);
  expect(gain.proofSeconds[0]).toBeGreaterThanOrEqual(90);
  expect(gain.proofSeconds[0]).toBeLessThan(120);
  expect(await readLogGain(records.db, gain.lastId)).toMatchObject({ transitions: {}, lastId: gain.lastId });
});

test('a line whose transaction ends late is not left out, although later ones are there before it', async () => {
  const { upgrades } = await records.task([await records.device(), await records.device()]);
  const start = await lastLogId(records.db);
  const line = (sql: typeof records.sql, at: number) =>
    sql`insert into upgrade_log (upgrade_id, author, event, status) values (${upgrades[at]!.upgradeId}, 'test', 'waiting', 'waiting')`;
  await records.sql.begin(async (tx) => {
    await line(tx as unknown as typeof records.sql, 0);
    await line(records.sql, 1);
    // Old enough to be counted, were it not for the one in front of it.
    await waitFor(
      async () => {
        const [row] =
          await records.sql`select clock_timestamp() - max(at) > interval '1.5 seconds' as old from upgrade_log`;
        return row!['old'] as boolean;
      },
      { message: 'time does not pass' },
    );
    expect(await readLogGain(records.db, start)).toMatchObject({ transitions: {}, lastId: start });
  });
  expect((await gainBehind(start, 2)).transitions).toEqual({ waiting: 2 });
});

test('with 100 000 devices in a task and 300 000 lines in the log a look costs little more than counting the devices', async () => {
  const large = await Records.start();
  const { taskId } = await large.task([await large.device()]);
  await large.sql.unsafe(`
    set session_replication_role = replica;
    insert into devices (id, protocol, identity, department_id, model, created_by)
    select 'terminal-L' || n, 'terminal', 'L' || n, (select min(id) from departments), 'GV2', 'test' from generate_series(1, 100000) n;
    insert into device_upgrades (task_id, device_id, department_id, position, firmware_ids, status, dispatched_at)
    select ${taskId}, 'terminal-L' || n, (select min(id) from departments), n, array[1],
           (array['scheduled', 'waiting', 'offered', 'transferring', 'succeeded'])[1 + n % 5], now()
    from generate_series(1, 100000) n;
    insert into upgrade_log (upgrade_id, author, event, status, at)
    select (select min(id) from device_upgrades), 'test', 'waiting', 'waiting', now() - interval '1 hour' from generate_series(1, 300000);
    reset session_replication_role`);
  await large.sql.unsafe('vacuum analyze');
  const end = await lastLogId(large.db);
  const looks: number[] = [];
  const counts: number[] = [];
  const timed = async (times: number[], work: () => Promise<unknown>) => {
    const startMs = performance.now();
    await work();
    times.push(performance.now() - startMs);
  };
  for (let look = 0; look < 7; look++) {
    await timed(
      counts,
      () => large.sql`select status, count(*) from device_upgrades where task_id = ${taskId} group by status`,
    );
    await timed(looks, async () => {
      expect((await readFigures(large.db)).devices['transferring']).toBe(20_000);
      await readLogGain(large.db, end - 2_000);
    });
  }
  // The quickest of each: the others say how busy this machine is.
  expect(Math.min(...looks)).toBeLessThan(3 * Math.min(...counts) + 20);
  await large.stop();
}, 180_000);
