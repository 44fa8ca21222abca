/**
 * Every part of the program and both of its servers die in the middle of transfers, without a warning, and are started
 * again. Whatever dies, every device ends proven on both files, and no packet goes over twice that had arrived.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Operator } from '../../bench/operator.ts';
import { DataFolder, firstOperator, operatorOf, Slipway, testSettings, TestServers } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { expectAllProven, expectExactTransfers, Fleet, PATIENCE_MS, type Task } from './fleet.ts';
import { Wire } from './wire.ts';

const TERMINALS = 8;
/** These stand still in the middle of a transfer when the blow falls, the others move. */
const HELD = 4;
const SIZE = 35_912;
const PACKETS = 36;
const PACKET_DELAY_MS = 15;
const FIRST_VERSION = 10;
const TEST_MS = 180_000;

describe('with the parts as processes of their own', () => {
  let servers: TestServers;
  let api: Slipway;
  let worker: Slipway;
  let gateway: Slipway;
  let key: string;
  let operator: Operator;
  let wire: Wire;
  let fleet: Fleet;
  const tasks: Task[] = [];

  beforeAll(async () => {
    servers = await TestServers.start();
    [api, worker, gateway] = await Promise.all([
      Slipway.start(servers.settings('api')),
      Slipway.start(servers.settings('worker')),
      Slipway.start(servers.settings('gateway')),
    ]);
    ({ operator, key } = await firstOperator(api));
    wire = await Wire.open(gateway.terminalPort, { packetDelayMs: PACKET_DELAY_MS });
    fleet = await new Fleet(wire, TERMINALS, '6134441301', FIRST_VERSION).start(operator);
  }, 120_000);

  beforeEach(() => wire.clear());

  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    for (const [name, part] of Object.entries({ api, worker, gateway })) {
      process.stderr.write(`--- ${name} of the failed test "${task.name}":\n${part.tail(15)}\n`);
    }
  });

  afterAll(async () => {
    await fleet?.stop();
    await wire?.close();
    await Promise.all([api, worker, gateway].map((part) => part?.kill()));
    await servers?.stop();
  }, 60_000);

  /** Orders two files and waits until every terminal is in the middle of the first. */
  async function orderAndHold(): Promise<Task> {
    fleet.hold(fleet.version + 1, HELD, PACKETS);
    const task = await fleet.order(operator, { sizeBytes: SIZE });
    tasks.push(task);
    await fleet.untilHeld(task.from + 1, HELD);
    return task;
  }

  async function killGateway(): Promise<void> {
    wire.target = null;
    await gateway.kill();
  }

  async function restartGateway(): Promise<void> {
    gateway = await Slipway.start(servers.settings('gateway'));
    wire.target = gateway.terminalPort;
  }

  async function restartApi(): Promise<void> {
    api = await Slipway.start(servers.settings('api'));
    operator = operatorOf(api, key);
  }

  test(
    'the gateway: terminals go on at the packet they ask for next, in both files',
    async () => {
      const task = await orderAndHold();
      await killGateway();
      fleet.hold(task.from + 2, HELD, PACKETS);
      await restartGateway();
      await fleet.untilHeld(task.from + 2, HELD);
      await killGateway();
      wire.release();
      await restartGateway();
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task, { sizeBytes: SIZE, mostRepeats: 1 });
      // The blow did fall in the middle: those that stood still had to ask again, once per file.
      for (const transfers of fleet.transfers().slice(0, HELD))
        expect(transfers.map(({ repeated }) => repeated)).toEqual([1, 1]);
    },
    TEST_MS,
  );

  test(
    'the worker: transfers go on without it, and what devices prove meanwhile is not forgotten',
    async () => {
      const task = await orderAndHold();
      await worker.kill();
      wire.release();
      await waitFor(() => fleet.runs(task.from + 1), {
        deadlineMs: PATIENCE_MS,
        message: 'transfers stopped with the worker',
      });
      worker = await Slipway.start(servers.settings('worker'));
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task, { sizeBytes: SIZE });
    },
    TEST_MS,
  );

  test(
    'the API: nobody notices but the operator',
    async () => {
      const task = await orderAndHold();
      await api.kill();
      wire.release();
      await waitFor(() => fleet.runs(task.from + 2), {
        deadlineMs: PATIENCE_MS,
        message: 'upgrades stopped with the API',
      });
      await restartApi();
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task, { sizeBytes: SIZE });
    },
    TEST_MS,
  );

  test(
    'the Temporal server: transfers go on, and a task ordered meanwhile is carried out afterwards',
    async () => {
      const other = await new Fleet(wire, 1, '6134441401', FIRST_VERSION).start(operator);
      const task = await orderAndHold();
      await servers.killTemporal();
      wire.release();
      const [meanwhile] = await Promise.all([
        other.order(operator),
        waitFor(() => fleet.runs(task.from + 1), {
          deadlineMs: PATIENCE_MS,
          message: 'transfers stopped with Temporal',
        }),
      ]);
      await servers.startTemporal();
      await expectAllProven(fleet, task, operator);
      await expectAllProven(other, meanwhile, operator);
      expectExactTransfers(fleet, task, { sizeBytes: SIZE });
      expectExactTransfers(other, meanwhile);
      tasks.push(meanwhile);
      await other.stop();
    },
    TEST_MS,
  );

  test(
    'the Temporal server, and then those that have something to tell it: what a device said and what an operator ordered is not lost',
    async () => {
      const refusing = await new Fleet(wire, 1, '6134441501', FIRST_VERSION, { faults: { refuse: 739 } }).start(
        operator,
      );
      const other = await new Fleet(wire, 1, '6134441601', FIRST_VERSION).start(operator);
      wire.hold(refusing.sns[0]!, FIRST_VERSION + 1, 0);
      const refused = await refusing.order(operator);
      await waitFor(() => wire.isHeld(refusing.sns[0]!), { deadlineMs: PATIENCE_MS, message: 'nothing was offered' });
      await servers.killTemporal();
      wire.release();
      const [ordered] = await Promise.all([
        other.order(operator),
        // A terminal says this once.
        waitFor(async () => (await refused.log(operator)).some(({ event }) => event === 'device_error'), {
          deadlineMs: PATIENCE_MS,
          message: 'the refusal was not written down',
        }),
      ]);
      await Promise.all([killGateway(), api.kill()]);
      await servers.startTemporal();
      await Promise.all([restartGateway(), restartApi()]);
      expect(await refused.untilRow(operator, { status: 'failed' })).toMatchObject({ reason: 'terminal_739' });
      await expectAllProven(other, ordered, operator);
      tasks.push(refused, ordered);
      await Promise.all([refusing.stop(), other.stop()]);
    },
    TEST_MS,
  );

  test(
    'PostgreSQL: packets are served without it, and terminals that reconnect meanwhile are answered afterwards',
    async () => {
      const task = await orderAndHold();
      const [still, cut] = [fleet.sns[0]!, fleet.sns[1]!];
      const count = (sn: string, kind: string) => wire.events(sn).filter((event) => event.kind === kind).length;
      const askedBefore = count(cut, 'request');
      await servers.killPostgres();
      const reportedBefore = count(still, 'report');
      wire.cut(cut);
      // A report that cannot be written must not keep the packets behind it waiting.
      await waitFor(() => count(still, 'report') > reportedBefore, {
        deadlineMs: PATIENCE_MS,
        message: 'the terminal does not report',
      });
      wire.release();
      await waitFor(() => count(still, 'over') > 0, { deadlineMs: 15_000, message: 'packets stopped with PostgreSQL' });
      await waitFor(() => count(cut, 'request') > askedBefore, {
        deadlineMs: PATIENCE_MS,
        message: 'the terminal did not reconnect',
      });
      await servers.startPostgres();
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task, { sizeBytes: SIZE, mostRepeats: 1 });
    },
    TEST_MS,
  );

  test(
    'and every task has ended',
    async () => {
      for (const task of tasks) expect(await task.untilFinished(operator)).toMatchObject({ status: 'finished' });
    },
    TEST_MS,
  );
});

describe('with everything in one process and embedded servers', () => {
  let folder: DataFolder;
  let slipway: Slipway;
  let wire: Wire;
  let fleet: Fleet;

  beforeAll(async () => {
    folder = new DataFolder();
    slipway = await Slipway.start(testSettings(folder.path));
  }, 120_000);

  afterEach(({ task }) => {
    if (task.result?.state === 'fail')
      process.stderr.write(`--- the program of the failed test "${task.name}":\n${slipway.tail(30)}\n`);
  });

  afterAll(async () => {
    await fleet?.stop();
    await wire?.close();
    await slipway?.kill();
    await folder?.remove();
  }, 60_000);

  test(
    'the whole program, alone and with its servers: it goes on where it was',
    async () => {
      const first = await firstOperator(slipway);
      wire = await Wire.open(slipway.terminalPort, { packetDelayMs: PACKET_DELAY_MS });
      fleet = await new Fleet(wire, TERMINALS, '6134441301', FIRST_VERSION).start(first.operator);
      fleet.hold(FIRST_VERSION + 1, HELD, PACKETS);
      const task = await fleet.order(first.operator, { sizeBytes: SIZE });
      await fleet.untilHeld(FIRST_VERSION + 1, HELD);

      wire.target = null;
      await slipway.kill();
      fleet.hold(FIRST_VERSION + 2, HELD, PACKETS);
      slipway = await Slipway.start(testSettings(folder.path));
      wire.target = slipway.terminalPort;
      await fleet.untilHeld(FIRST_VERSION + 2, HELD);

      wire.target = null;
      await Promise.all([slipway.kill(), folder.killServers()]);
      wire.release();
      slipway = await Slipway.start(testSettings(folder.path));
      wire.target = slipway.terminalPort;
      const operator = operatorOf(slipway, first.key);
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task, { sizeBytes: SIZE, mostRepeats: 1 });
      for (const transfers of fleet.transfers().slice(0, HELD))
        expect(transfers.map(({ repeated }) => repeated)).toEqual([1, 1]);
      expect(await task.untilFinished(operator)).toMatchObject({ status: 'finished' });
    },
    TEST_MS,
  );
});
