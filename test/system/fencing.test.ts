/**
 * Processes that are stopped (SIGSTOP) at the worst moment and wake when others have gone on with their work. Their
 * sockets, statements and claims are still there, and none of it may have an effect any more: nothing they were about to
 * say leaves, nothing they were about to write counts.
 *
 * The worst moment is made by triggers of the test's own database: a statement waits there until the process is stopped.
 */
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { demoFirmware, type Operator } from '../../bench/operator.ts';
import { snAt } from '../../gateways/terminal/fleet.ts';
import { TracksolidStandIn } from '../../gateways/tracksolid/stand-in.ts';
import { firstOperator, Slipway, TestServers, type Settings } from '../support/program.ts';
import { Client, otaError, over, report } from '../support/terminal-client.ts';
import { ACCOUNTS, APP, imeis } from '../support/tracksolid.ts';
import { waitFor } from '../support/wait.ts';
import { SMALL, Task } from './fleet.ts';

const PATIENCE_MS = 90_000;
const TEST_MS = 240_000;
/** Longer than what counts as a long standstill. */
const LONG_MS = 6_000;
/** Longer than what counts as a standstill at all. */
const SHORT_MS = 1_500;
const PACKETS = SMALL / 1024;
const CONTENT = demoFirmware(11, 10, SMALL).content;
/** Number of the lock that the triggers wait for. */
const GATE = 4711;

let servers: TestServers;
let sql: postgres.Sql;
let operator: Operator;
let firmwareId: number;
const parts: Record<string, Slipway> = {};

beforeAll(async () => {
  servers = await TestServers.start();
  const api = await start('api', servers.settings('api'));
  ({ operator } = await firstOperator(api));
  sql = postgres(servers.settings('api')['DATABASE_URL']!, { max: 4, onnotice: () => {} });
  await sql.unsafe(`
    create function wait_at_gate() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock_shared(${GATE}); return new; end $$;
    create trigger claims_wait before update on device_messages for each row
      when (new.sends > old.sends) execute function wait_at_gate();
    create trigger offers_wait before insert on device_messages for each row execute function wait_at_gate();
    create trigger marks_wait before update on platform_shipment_devices for each row
      when (new.imports > old.imports) execute function wait_at_gate();`);
  firmwareId = await operator.uploadFirmware(demoFirmware(11, 10, SMALL));
}, 180_000);

afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const [name, part] of Object.entries(parts)) process.stderr.write(`--- ${name}:\n${part.tail(15)}\n`);
});

afterAll(async () => {
  for (const part of Object.values(parts)) if (part.isRunning) process.kill(part.pid, 'SIGCONT');
  await Promise.all(Object.values(parts).map((part) => part.kill()));
  await sql?.end();
  await servers?.stop();
}, 60_000);

/** Starts a process; it is known, and killed at the end, also when it does not become ready. */
async function start(name: string, settings: Settings): Promise<Slipway> {
  const part = new Slipway(settings);
  parts[name] = part;
  await part.untilReady();
  return part;
}

/** Shuts the gate; statements wait at it until it is opened. */
async function shutGate(): Promise<{ open: () => Promise<void> }> {
  const session = await sql.reserve();
  await session`select pg_advisory_lock(${GATE})`;
  return {
    open: async () => {
      await session`select pg_advisory_unlock(${GATE})`;
      session.release();
    },
  };
}

/** Waits until so many statements stand at the gate. */
async function untilWaiting(count: number): Promise<void> {
  await waitFor(
    async () => {
      const [row] = await sql`
        select count(*)::int as n from pg_locks where locktype = 'advisory' and objid = ${GATE} and not granted`;
      return row?.['n'] === count;
    },
    { deadlineMs: PATIENCE_MS, message: `there are not ${count} statements at the gate` },
  );
}

/** Stops a process, does something, and wakes it when it has stood still for long enough. */
async function whileStopped(part: Slipway, leastMs: number, work: () => Promise<void>): Promise<void> {
  const stoppedMs = performance.now();
  process.kill(part.pid, 'SIGSTOP');
  await work();
  await waitFor(() => performance.now() - stoppedMs >= leastMs, { deadlineMs: leastMs * 2 });
  process.kill(part.pid, 'SIGCONT');
}

/** Registers a terminal of version 10 and connects it. */
async function connect(sn: string, port: number): Promise<Client> {
  await operator.registerTerminals([sn]);
  const open = async () => {
    const client = await Client.open(port);
    client.report(10, sn);
    return client;
  };
  let client = await open();
  await waitFor(
    async () => {
      // A gateway that has just stood still hears nobody for a moment.
      if (client.isClosed) client = await open();
      return (await versionOf(sn)) === '10';
    },
    { deadlineMs: PATIENCE_MS, message: 'no report arrived' },
  );
  return client;
}

async function versionOf(sn: string): Promise<string | undefined> {
  const [row] = await sql`select version from device_versions where device_id = ${`terminal-${sn}`}`;
  return row?.['version'] as string | undefined;
}

async function order(...sns: string[]): Promise<Task> {
  const { id } = await operator.createTask({
    firmwareIds: [firmwareId],
    deviceIds: sns.map((sn) => `terminal-${sn}`),
    options: { dispatchDelayMinutes: 0, deadlineHours: 1 },
  });
  return new Task(id, 10, 1);
}

/** Takes everything up to so many bytes. */
async function take(client: Client, bytes: number): Promise<Buffer> {
  await waitFor(() => client.received.length >= bytes, {
    deadlineMs: PATIENCE_MS,
    message: `${bytes} bytes did not come`,
  });
  return client.take(bytes);
}

async function takeCommand(client: Client): Promise<void> {
  await waitFor(() => client.received.includes('\r\n'), { deadlineMs: PATIENCE_MS, message: 'nothing was offered' });
  const command = await client.take(client.received.indexOf('\r\n') + 2);
  expect(command.toString('latin1')).toMatch(/^\+NBOTA,1110d100,/);
}

/** Fetches packets one after the other, each exactly. */
async function fetchPackets(client: Client, sn: string, from: number, to = PACKETS): Promise<void> {
  for (let pcnt = from; pcnt <= to; pcnt++) {
    client.ask(pcnt, { sn });
    const expected = CONTENT.subarray((pcnt - 1) * 1024, pcnt * 1024);
    expect((await take(client, expected.length)).equals(expected), `packet ${pcnt}`).toBe(true);
  }
}

/** Ends a transfer and reports the new version, as after the flash. */
async function prove(client: Client, sn: string, task: Task): Promise<void> {
  client.send(over(sn));
  await waitFor(
    async () =>
      (await sql`select 1 from device_messages where device_id = ${`terminal-${sn}`} and finished_at is not null`)
        .length > 0,
    { deadlineMs: PATIENCE_MS, message: 'OVER was not written' },
  );
  client.send(report(11, sn));
  expect(await task.untilRow(operator, { status: 'succeeded' }, PATIENCE_MS)).toMatchObject({ reason: null });
}

function sendings(sn: string) {
  return sql<{ attempt: number; sends: number }[]>`
    select attempt, sends from device_messages where device_id = ${`terminal-${sn}`} order by attempt`;
}

describe('a gateway that was stopped', () => {
  let stale: Slipway;
  let other: Slipway;

  beforeAll(async () => {
    await start('worker', servers.settings('worker'));
    stale = await start('stale', servers.settings('gateway'));
    other = await start('other', servers.settings('gateway'));
  }, 180_000);

  afterAll(async () => {
    for (const name of ['worker', 'stale', 'other']) await parts[name]?.kill();
  });

  test(
    'in the middle of a transfer answers nothing when the terminal has gone on elsewhere',
    async () => {
      const sn = snAt('6134442001', 0);
      const before = await connect(sn, stale.terminalPort);
      const task = await order(sn);
      await takeCommand(before);
      await fetchPackets(before, sn, 1, 3);
      let after!: Client;
      await whileStopped(stale, LONG_MS, async () => {
        // Still in the buffers of the system when the process is woken, on a connection that was never closed.
        before.ask(4, { sn });
        after = await Client.open(other.terminalPort);
        await fetchPackets(after, sn, 4);
      });
      await waitFor(() => before.isClosed, { deadlineMs: PATIENCE_MS, message: 'the old connection stays' });
      expect(before.received.length).toBe(0);
      await prove(after, sn, task);
      expect([...(await sendings(sn))]).toEqual([{ attempt: 1, sends: 1 }]);
    },
    TEST_MS,
  );

  test(
    'between the claim and the frame sends no offer: not to a terminal that went elsewhere, not of an attempt that is replaced, cancelled or over',
    async () => {
      const sns = Array.from({ length: 4 }, (_, index) => snAt('6134442101', index));
      const [moved, replaced, cancelled, expired] = sns as [string, string, string, string];
      const clients = await Promise.all(sns.map((sn) => connect(sn, stale.terminalPort)));
      const tasks: Task[] = [];
      const claims = await shutClaims();
      for (const sn of sns) tasks.push(await order(sn));
      await untilWaiting(sns.length);
      let movedTo!: Client;
      let replacedAt!: Client;
      await whileStopped(stale, LONG_MS, async () => {
        await claims.open();
        await waitFor(
          async () =>
            (
              await sql`select 1 from device_messages where sends = 1 and device_id = any (${sns.map((sn) => `terminal-${sn}`)})`
            ).length === sns.length,
          {
            deadlineMs: PATIENCE_MS,
            message: 'the claims were not committed',
          },
        );
        movedTo = await Client.open(other.terminalPort);
        movedTo.report(10, moved);
        replacedAt = await Client.open(other.terminalPort);
        replacedAt.report(10, replaced);
        replacedAt.send(otaError(805, 'PATCHERR', replaced));
        await takeCommand(replacedAt);
        await tasks[2]!.control(operator, 'cancel');
        await tasks[2]!.untilRow(operator, { status: 'cancelled' }, PATIENCE_MS);
        await sql`update device_messages set expires_at = clock_timestamp() where device_id = ${`terminal-${expired}`}`;
      });
      await waitFor(() => clients.every((client) => client.isClosed), {
        deadlineMs: PATIENCE_MS,
        message: 'old connections stay',
      });
      expect(clients.map((client, index) => [sns[index], client.received.toString('latin1')])).toEqual(
        sns.map((sn) => [sn, '']),
      );
      // Nothing is lost by it: who was claimed for may ask.
      await fetchPackets(movedTo, moved, 1);
      await prove(movedTo, moved, tasks[0]!);
      expect([...(await sendings(moved))]).toEqual([{ attempt: 1, sends: 1 }]);
      await fetchPackets(replacedAt, replaced, 1);
      await prove(replacedAt, replaced, tasks[1]!);
      expect([...(await sendings(replaced))]).toEqual([
        { attempt: 1, sends: 1 },
        { attempt: 2, sends: 1 },
      ]);
      expect([...(await sendings(cancelled))]).toEqual([{ attempt: 1, sends: 1 }]);
    },
    TEST_MS,
  );

  test(
    'for a moment only asks once more before an offer leaves, and a closed one stays',
    async () => {
      const [closed, open] = [snAt('6134442201', 0), snAt('6134442201', 1)];
      const clients = await Promise.all([closed, open].map((sn) => connect(sn, stale.terminalPort)));
      const claims = await shutClaims();
      const tasks = [await order(closed), await order(open)];
      await untilWaiting(2);
      await whileStopped(stale, SHORT_MS, async () => {
        await claims.open();
        await waitFor(async () => (await sendings(closed))[0]?.sends === 1, { deadlineMs: PATIENCE_MS });
        await tasks[0]!.control(operator, 'cancel');
        await tasks[0]!.untilRow(operator, { status: 'cancelled' }, PATIENCE_MS);
      });
      // Frames are handled one after the other: when the report is, the offer was.
      const wokenAt = new Date();
      clients[0]!.report(10, closed);
      await waitFor(
        async () =>
          clients[0]!.isClosed ||
          (
            await sql`select 1 from device_contacts where device_id = ${`terminal-${closed}`} and last_seen_at > ${wokenAt}`
          ).length > 0,
        { deadlineMs: PATIENCE_MS, message: 'the gateway does not wake' },
      );
      expect(clients[0]!.received.toString('latin1')).toBe('');
      // The other offer has not changed and leaves; on a machine that took too long for that, the connection has ended.
      await waitFor(() => clients[1]!.isClosed || clients[1]!.received.length > 0, { deadlineMs: PATIENCE_MS });
      if (!clients[1]!.isClosed) await takeCommand(clients[1]!);
      await tasks[1]!.control(operator, 'cancel');
    },
    TEST_MS,
  );
});

/** As `shutGate`, once the offers of the worker are let through. */
async function shutClaims(): Promise<{ open: () => Promise<void> }> {
  await sql.unsafe('alter table device_messages disable trigger offers_wait');
  return shutGate();
}

describe('a worker that was stopped', () => {
  test(
    'in the middle of writing an offer writes none when another worker has: one row, one frame',
    async () => {
      const gateway = await start('gateway', servers.settings('gateway'));
      const first = await start('first', servers.settings('worker'));
      await sql.unsafe('alter table device_messages enable trigger offers_wait');
      const sn = snAt('6134442301', 0);
      const client = await connect(sn, gateway.terminalPort);
      const gate = await shutGate();
      const task = await order(sn);
      await untilWaiting(1);
      let second!: Slipway;
      await whileStopped(first, LONG_MS, async () => {
        await gate.open();
        // It holds the lock on the device's row, and cannot give it back by itself.
        second = await start('second', servers.settings('worker'));
        await takeCommand(client);
      });
      await fetchPackets(client, sn, 1);
      await prove(client, sn, task);
      expect(client.received.length).toBe(0);
      expect([...(await sendings(sn))]).toEqual([{ attempt: 1, sends: 1 }]);
      expect(await task.untilFinished(operator)).toMatchObject({ status: 'finished' });
      await Promise.all([first.kill(), second.kill(), gateway.kill()]);
    },
    TEST_MS,
  );

  test(
    'between the mark and the call to a platform does not call when another worker has: each device is imported once',
    async () => {
      const standIn = new TracksolidStandIn({ ...APP, accounts: ACCOUNTS, takesDoubles: true });
      const settings = {
        ...servers.settings('worker'),
        TRACKSOLID_URL: await standIn.listen(),
        TRACKSOLID_APP_KEY: APP.appKey,
        TRACKSOLID_APP_SECRET: APP.appSecret,
        TRACKSOLID_USER: APP.user,
        TRACKSOLID_PASSWORD: 'secret',
        TRACKSOLID_TIMEOUT_S: '2',
      };
      const shipper = await start('shipper', settings);
      const list = imeis(3, 868_120_145_700_000);
      await sql`
        insert into matched_devices (imei, department_id, customer, rule)
        select imei, (select min(id) from departments), 'hemi', '1' from unnest(${list}::text[]) as imei`;
      const gate = await shutGate();
      const { id } = await operator.call<{ id: number }>('POST', '/platform-shipments', {
        platformId: 2,
        matched: { customer: 'hemi' },
        info: { account: 'cust01', customerName: '禾米', model: 'GV2' },
      });
      await untilWaiting(1);
      const status = async () => (await operator.call<{ status: string }>('GET', `/platform-shipments/${id}`)).status;
      const calls = () =>
        sql`select cause from platform_shipment_log where shipment_id = ${id} and event = 'import' order by id`;
      let relief!: Slipway;
      await whileStopped(shipper, LONG_MS, async () => {
        await gate.open();
        relief = await start('relief', settings);
        await waitFor(async () => (await status()) === 'finished', {
          deadlineMs: 2 * PATIENCE_MS,
          message: 'nobody took the shipment over',
        });
        expect(standIn.imports).toEqual({ devices: list.length, doubles: 0 });
      });
      await waitFor(async () => (await calls()).length === 2, { deadlineMs: PATIENCE_MS, message: 'it did not wake' });
      expect(standIn.imports).toEqual({ devices: list.length, doubles: 0 });
      // Whichever it hears first: that another one has taken over, or that its time is over.
      expect((await calls()).at(-1)?.['cause']).toMatch(/^it was (?:too late to send it|given up before it was sent)$/);
      await Promise.all([shipper.kill(), relief.kill()]);
      await standIn.close();
    },
    TEST_MS,
  );
});
