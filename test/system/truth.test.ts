/**
 * What an upgrade is called is what is true of the device, whatever it says and whatever people do meanwhile: real
 * processes, real servers, terminals that lie, fall back, go silent or are strangers.
 */
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoFirmware, type Operator } from '../../bench/operator.ts';
import { encodePacketRequest, encodeReport } from '../../gateways/terminal/codec.ts';
import { TerminalSimulator, type TerminalSimulatorOptions } from '../../gateways/terminal/simulator.ts';
import { firstOperator, Slipway, TestServers } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import {
  expectAllProven,
  expectExactTransfers,
  Fleet,
  PATIENCE_MS,
  QUICK,
  Task,
  uploadOnce,
  type LogLine,
} from './fleet.ts';
import { Wire } from './wire.ts';

const TEST_MS = 180_000;
const PACKETS = 10;

let servers: TestServers;
let program: Slipway;
let otherGateway: Slipway;
let operator: Operator;
/** Tests run side by side, so each fleet lives until all of them are done. */
const fleets: Fleet[] = [];
let lastFleet = 0;

beforeAll(async () => {
  servers = await TestServers.start();
  [program, otherGateway] = await Promise.all([
    Slipway.start(servers.settings()),
    Slipway.start(servers.settings('gateway')),
  ]);
  ({ operator } = await firstOperator(program));
}, 120_000);

afterAll(async () => {
  for (const part of [program, otherGateway])
    if (part !== undefined && !part.isRunning) process.stderr.write(`--- a process ended:\n${part.tail()}\n`);
  await Promise.all(fleets.map((fleet) => fleet.stop()));
  await Promise.all(fleets.map(({ wire }) => wire.close()));
  await Promise.all([program?.kill(), otherGateway?.kill()]);
  await servers?.stop();
}, 60_000);

interface FleetWishes extends Partial<TerminalSimulatorOptions> {
  terminals?: number;
  version?: number;
}

/** Terminals of a test's own, behind a wire of its own. */
async function makeFleet({ terminals = 1, version = 10, ...options }: FleetWishes = {}): Promise<Fleet> {
  lastFleet += 1;
  const firstSn = `61345${String(lastFleet).padStart(3, '0')}01`;
  const wire = await Wire.open(program.terminalPort);
  const fleet = new Fleet(wire, terminals, firstSn, version, options);
  fleets.push(fleet);
  return fleet;
}

const startFleet = async (wishes?: FleetWishes) => (await makeFleet(wishes)).start(operator);

const events = (log: readonly LogLine[]) => log.map(({ event }) => event);
const count = (fleet: Fleet, kind: string) =>
  fleet.wire.events(fleet.sns[0]!).filter((event) => event.kind === kind).length;
const offersOf = (fleet: Fleet) =>
  fleet.wire.events(fleet.sns[0]!).flatMap((event) => (event.kind === 'offer' ? [event.version] : []));

/** Two more reports have gone through, so whatever was to be sent at a contact has been sent. */
async function untilReportedAgain(fleet: Fleet): Promise<void> {
  const before = count(fleet, 'report');
  await waitFor(() => count(fleet, 'report') >= before + 2, {
    deadlineMs: PATIENCE_MS,
    message: 'the terminal does not report',
  });
}

describe.concurrent('success is only what a version report proves', () => {
  test(
    'a terminal that says OVER and keeps its version has failed, after as many attempts as the task allows',
    async () => {
      const fleet = await startFleet({ faults: { lie: true } });
      const task = await fleet.order(operator, { options: { attemptsPerFile: 2, limits: { settleSeconds: 0.5 } } });
      const row = await task.untilRow(operator, { status: 'failed' });
      expect(row).toMatchObject({ reason: 'version_unchanged', attempt: 2, fileIndex: 0, proofs: [] });
      expect(fleet.transfers()[0]).toEqual(
        [1, 2].map(() => ({ version: 11, offers: 1, packets: PACKETS, repeated: 0, overs: 1 })),
      );
      const log = await task.log(operator, row.id);
      expect(log.filter(({ status }) => status === 'succeeded')).toEqual([]);
      expect(events(log)).not.toContain('proven');
      expect(await task.untilFinished(operator)).toMatchObject({ status: 'finished', counts: { failed: 1 } });
    },
    TEST_MS,
  );

  test(
    'a terminal that says OVER and then nothing more is unproven',
    async () => {
      const fleet = await startFleet();
      const [terminal] = fleet.terminals as [TerminalSimulator];
      terminal.once('over', () => void terminal.stop());
      // Nobody tells that nothing happens: it is noticed when it is time to look whether the transfer moves.
      const task = await fleet.order(operator, { options: { limits: { proofMinutes: 0.05, silenceMinutes: 0.05 } } });
      const row = await task.untilRow(operator, { status: 'unproven' });
      expect(row).toMatchObject({ reason: 'no_report', proofs: [] });
      expect(offersOf(fleet)).toEqual([11]);
    },
    TEST_MS,
  );

  test(
    'a device that is away when the deadline of the task comes has expired, and the task ends with it',
    async () => {
      const fleet = await startFleet();
      await fleet.stop();
      const task = await fleet.order(operator, { options: { deadlineHours: 0.001 } });
      const row = await task.untilRow(operator, { status: 'expired' });
      expect(row).toMatchObject({ reason: 'task_deadline', proofs: [] });
      expect(await task.untilFinished(operator)).toMatchObject({ status: 'finished', counts: { expired: 1 } });
    },
    TEST_MS,
  );

  test(
    'a terminal that falls back after a success becomes reverted',
    async () => {
      const fleet = await startFleet({ faults: { revertAfterMs: 3_000 } });
      const task = await fleet.order(operator, { files: 1 });
      const proven = await task.untilRow(operator, { status: 'succeeded' });
      expect(proven.proofs).toMatchObject([{ fromVersion: '10', version: '11' }]);
      const row = await task.untilRow(operator, { status: 'reverted' });
      expect(row).toMatchObject({ reason: 'reverted', finishedAt: proven.finishedAt });
      const log = await task.log(operator, row.id);
      expect(log.at(-1)).toMatchObject({ author: 'device', event: 'reverted', status: 'reverted' });
    },
    TEST_MS,
  );

  test(
    'a device waits until its compatible version is uploaded over HTTP, and then takes the file',
    async () => {
      const fleet = await makeFleet({ version: 40 });
      const imei = '863456789012345';
      const rows = [{ protocol: 'terminal', identity: fleet.sns[0], model: 'GV2', imei }];
      await operator.call('POST', '/devices', rows);
      await fleet.start(operator);
      const firmwareId = await operator.uploadFirmware({
        ...demoFirmware(41, 40, 10_240),
        compatibleVersion: 'BASE_7',
      });
      const { id } = await operator.createTask({
        firmwareIds: [firmwareId],
        deviceIds: fleet.deviceIds,
        options: { dispatchDelayMinutes: 0 },
      });
      const task = new Task(id, 40, 1);
      await task.untilRow(operator, { status: 'waiting', reason: 'compat_not_reported' });
      await untilReportedAgain(fleet);
      expect(offersOf(fleet)).toEqual([]);

      const upload = await fetch(`http://127.0.0.1:${program.ready.deviceHttpPort}/ams/${imei}/versions`, {
        method: 'POST',
        body: `{t:'3',v:'BASE_7'}`,
      });
      expect(upload.status).toBe(200);
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task);
    },
    TEST_MS,
  );

  test(
    'a terminal that nobody registered is listed and gets nothing; once registered it is served at its next contact',
    async () => {
      const fleet = await makeFleet();
      const [sn] = fleet.sns as [string];
      await uploadOnce(operator, 11, 10);
      fleet.terminals[0]!.start();
      const stranger = async () => {
        const { items } = await operator.call<{ items: { identity: string; contacts: number }[] }>(
          'GET',
          '/unknown-devices?limit=500',
        );
        return items.find(({ identity }) => identity === sn);
      };
      await waitFor(stranger, { deadlineMs: PATIENCE_MS, message: 'the stranger is not listed' });

      // Even one that asks for packets, which none does without an offer.
      const received: Buffer[] = [];
      const socket = net.connect(fleet.wire.port, '127.0.0.1').on('data', (bytes) => received.push(bytes));
      socket.write(encodeReport({ sn, sfwVal: 10, batLevel: 50, temperatureRaw: 0, acc: { x: 0, y: 0, z: 0 } }));
      socket.write(encodePacketRequest({ sn, ver: 10, pcnt: 1, psize: 1024 }));
      await waitFor(async () => ((await stranger())?.contacts ?? 0) >= 2, {
        deadlineMs: PATIENCE_MS,
        message: 'its contacts are not counted',
      });
      socket.destroy();
      expect(received).toEqual([]);
      expect(fleet.wire.events(sn).filter(({ kind }) => kind === 'bytes' || kind === 'offer')).toEqual([]);

      fleet.deviceIds = await operator.registerTerminals([sn]);
      fleet.wire.clear();
      fleet.wire.cut(sn);
      const task = await fleet.order(operator, { files: 1 });
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task);
    },
    TEST_MS,
  );
});

describe.concurrent('people stay in charge', () => {
  test(
    'a paused task offers no further file until it is resumed, and the transfer under way goes on',
    async () => {
      const fleet = await startFleet();
      fleet.hold(11);
      const task = await fleet.order(operator);
      await fleet.untilHeld(11);
      await task.control(operator, 'pause');
      fleet.wire.release();
      const row = await task.untilRow(operator, { status: 'waiting', reason: 'task_paused', fileIndex: 1 });
      expect(row.proofs).toMatchObject([{ version: '11' }]);
      await untilReportedAgain(fleet);
      expect(offersOf(fleet)).toEqual([11]);
      expect(await task.detail(operator)).toMatchObject({ status: 'paused' });

      await task.control(operator, 'resume');
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task);
    },
    TEST_MS,
  );

  test(
    'a cancelled task serves nothing more, and the device ends as cancelled',
    async () => {
      const fleet = await startFleet();
      fleet.hold(11);
      const task = await fleet.order(operator);
      await fleet.untilHeld(11);
      await task.control(operator, 'cancel', 'wrong file');
      const row = await task.untilRow(operator, { status: 'cancelled' });
      expect(row).toMatchObject({ reason: 'cancelled_by_operator', proofs: [] });
      const log = await task.log(operator, row.id);
      expect(log.at(-1)).toMatchObject({ author: 'admin', event: 'cancelled', cause: 'wrong file' });
      expect(await task.untilFinished(operator)).toMatchObject({ status: 'cancelled', counts: { cancelled: 1 } });

      // The packet that was on its way arrives; the next one is asked for in vain.
      const [asked, answered] = [count(fleet, 'request'), count(fleet, 'bytes')];
      fleet.wire.release();
      await waitFor(() => count(fleet, 'request') > asked, {
        deadlineMs: PATIENCE_MS,
        message: 'the terminal does not ask',
      });
      await untilReportedAgain(fleet);
      expect([count(fleet, 'request'), count(fleet, 'bytes')]).toEqual([asked + 1, answered]);
      expect(offersOf(fleet)).toEqual([11]);
      expect(fleet.version).toBe(10);
    },
    TEST_MS,
  );

  test(
    'a task cancelled between two proofs leaves the device partial',
    async () => {
      const fleet = await startFleet();
      fleet.hold(12);
      const task = await fleet.order(operator);
      await fleet.untilHeld(12);
      await task.control(operator, 'cancel');
      const row = await task.untilRow(operator, { status: 'partial' });
      expect(row.proofs).toMatchObject([{ version: '11' }]);
    },
    TEST_MS,
  );

  test(
    'a device that has the whole file when the task is cancelled is awaited, and counts as what it becomes',
    async () => {
      const fleet = await startFleet({ upgradeDelayMs: 3_000 });
      const [terminal] = fleet.terminals as [TerminalSimulator];
      const task = await fleet.order(operator, { files: 1 });
      await waitFor(() => count(fleet, 'over') > 0, { deadlineMs: PATIENCE_MS, message: 'the transfer does not end' });
      await task.untilRow(operator, { status: 'confirming' });
      await task.control(operator, 'cancel');
      expect(terminal.softwareVersion).toBe(10);
      await task.untilRow(operator, { status: 'succeeded' });
      expect(await task.untilFinished(operator)).toMatchObject({ status: 'cancelled', counts: { succeeded: 1 } });
    },
    TEST_MS,
  );

  test(
    'retry-failed begins a finished task again, with the failed devices only',
    async () => {
      const fleet = await startFleet();
      const bad = await startFleet({ faults: { refuse: 739 } });
      const ids = [await uploadOnce(operator, 11, 10), await uploadOnce(operator, 12, 11)];
      const { id } = await operator.createTask({
        firmwareIds: ids,
        deviceIds: [...fleet.deviceIds, ...bad.deviceIds],
        options: { dispatchDelayMinutes: 0 },
      });
      const task = new Task(id, 10, 2);
      expect(await task.untilFinished(operator)).toMatchObject({
        status: 'finished',
        counts: { succeeded: 1, failed: 1 },
      });
      const rows = await task.rows(operator);
      expect(rows.find(({ deviceId }) => deviceId === bad.deviceIds[0])).toMatchObject({
        status: 'failed',
        reason: 'terminal_739',
      });

      await bad.stop();
      const mended = new TerminalSimulator({
        ...QUICK,
        port: bad.wire.port,
        sn: bad.sns[0]!,
        softwareVersion: 10,
      }).start();
      bad.terminals.push(mended);
      expect(await task.control(operator, 'retry-failed')).toMatchObject({ devices: 1 });
      await waitFor(async () => (await task.detail(operator)).counts['succeeded'] === 2, {
        deadlineMs: PATIENCE_MS,
        message: 'the retry did not succeed',
      });
      expect(await task.untilFinished(operator)).toMatchObject({ status: 'finished', counts: { succeeded: 2 } });
      expect(mended.softwareVersion).toBe(12);
      expect(offersOf(fleet)).toEqual([11, 12]);
      expect(offersOf(bad)).toEqual([11, 11, 12]);
    },
    TEST_MS,
  );

  test(
    'a second task for a device waits until the first is done with it, and then goes on',
    async () => {
      const fleet = await startFleet();
      fleet.hold(12);
      const first = await fleet.order(operator);
      await fleet.untilHeld(12);
      const firmwareIds = [await uploadOnce(operator, 13, 12)];
      const { id } = await operator.createTask({
        firmwareIds,
        deviceIds: fleet.deviceIds,
        options: { dispatchDelayMinutes: 0 },
      });
      const second = new Task(id, 12, 1);
      await second.untilRow(operator, { status: 'waiting', reason: 'busy' });
      fleet.wire.release();
      await first.untilRow(operator, { status: 'succeeded' });
      // It looks again every half minute.
      await expectAllProven(fleet, second, operator);
      expect(offersOf(fleet)).toEqual([11, 12, 13]);
      expect(fleet.transfers()[0]).toHaveLength(3);
    },
    TEST_MS,
  );
});

describe.concurrent('with two gateways', () => {
  test(
    'a terminal that reconnects to the other one goes on at the packet it asks for next',
    async () => {
      const fleet = await startFleet({ terminals: 3 });
      fleet.hold(11);
      const task = await fleet.order(operator);
      await fleet.untilHeld(11);
      fleet.hold(12);
      fleet.wire.target = otherGateway.terminalPort;
      fleet.wire.cut();
      await fleet.untilHeld(12);
      fleet.wire.target = program.terminalPort;
      fleet.wire.cut();
      fleet.wire.release();
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task, { mostRepeats: 1 });
      for (const transfers of fleet.transfers()) expect(transfers.map(({ repeated }) => repeated)).toEqual([1, 1]);
    },
    TEST_MS,
  );

  test(
    'it does not matter that the first one still believes to be connected',
    async () => {
      const fleet = await startFleet();
      const [sn] = fleet.sns as [string];
      fleet.hold(11);
      const task = await fleet.order(operator);
      await fleet.untilHeld(11);
      fleet.wire.target = otherGateway.terminalPort;
      fleet.wire.strand(sn);
      fleet.wire.release();
      await expectAllProven(fleet, task, operator);
      expectExactTransfers(fleet, task, { mostRepeats: 1 });
    },
    TEST_MS,
  );
});
