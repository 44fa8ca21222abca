/**
 * Trackers upgrade with the real program: two files in order, through kills, lies and changes of mind. What a tracker
 * has is its own word and the bytes it got; what Slipway says of it is the API's.
 */
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { demoTrackerFirmware, trackerVersion, type Operator } from '../../bench/operator.ts';
import { imeiAt } from '../../gateways/ams/fleet.ts';
import { AmsSimulator, type AmsFaults, type AmsSimulatorOptions } from '../../gateways/ams/simulator.ts';
import { firstOperator, Slipway, TestServers, type Settings } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { Fleet, PATIENCE_MS, Task, type Row } from './fleet.ts';
import { Wire } from './wire.ts';

const SIZE = 262_144;
/** More than the system's buffers between two processes take. */
const LARGE = 16_000_000;
const TEST_MS = 120_000;
/** Slow enough that a file takes some seconds, and everything can happen in the middle of it. */
const SLOW = 2_000_000;

let servers: TestServers;
let rest: Slipway;
let gateway: Slipway;
let operator: Operator;
let sql: postgres.Sql;
let made = 0;
const trackers: AmsSimulator[] = [];

/** Trackers know their server by its port, as they do in the field: a gateway that comes back has the same one. */
function gatewaySettings(): Settings {
  const port = gateway?.ready.deviceHttpPort ?? 0;
  return { ...servers.settings('gateway'), DEVICE_HTTP_PORT: String(port) };
}

beforeAll(async () => {
  servers = await TestServers.start();
  [rest, gateway] = await Promise.all([
    Slipway.start(servers.settings('api', 'worker')),
    Slipway.start(servers.settings('gateway')),
  ]);
  ({ operator } = await firstOperator(rest));
  sql = postgres(servers.settings('api')['DATABASE_URL']!, { max: 2 });
}, 120_000);

afterEach(async ({ task }) => {
  await Promise.all(trackers.splice(0).map((tracker) => tracker.stop()));
  if (task.result?.state !== 'fail') return;
  for (const [name, part] of Object.entries({ rest, gateway })) {
    process.stderr.write(`--- ${name} of the failed test "${task.name}":\n${part.tail(15)}\n`);
  }
});

afterAll(async () => {
  await sql?.end();
  await Promise.all([rest, gateway].map((part) => part?.kill()));
  await servers?.stop();
}, 60_000);

/** Some trackers that nobody has used before, registered and running. */
async function fleet(count: number, faults: AmsFaults = {}, over: Partial<AmsSimulatorOptions> = {}) {
  const group = Array.from({ length: count }, () => {
    const tracker = new AmsSimulator({
      url: `http://127.0.0.1:${gateway.ready.deviceHttpPort}`,
      imei: imeiAt('868120145000001', made++),
      versions: Object.fromEntries(['T1', 'T3', 'T4'].map((each) => [each, trackerVersion(each, 10)])),
      pollIntervalMs: 400,
      upgradeDelayMs: 100,
      retryDelayMs: 100,
      faults,
      ...over,
    });
    trackers.push(tracker);
    return tracker;
  });
  const deviceIds = await operator.registerTrackers(group.map(({ imei }) => imei));
  for (const tracker of group) tracker.start();
  return { group, deviceIds };
}

let files = 0;
/** Orders files for components, each from version 10 to 11. Every order has files of its own. */
async function order(deviceIds: string[], components: string[], options: object = {}, sizeBytes = SIZE) {
  const firmwareIds: number[] = [];
  for (const component of components) {
    const firmware = demoTrackerFirmware(component, 11, 10, sizeBytes);
    firmware.content.writeUInt32BE((files += 1), 0);
    firmwareIds.push(await operator.uploadFirmware(firmware));
  }
  const { id } = await operator.createTask({
    firmwareIds,
    deviceIds,
    options: { dispatchDelayMinutes: 0, deadlineHours: 1, ...options },
  });
  return new Task(id, 10, components.length);
}

const isInTheMiddle = (tracker: AmsSimulator) => tracker.isFetching && tracker.bytesReceived > LARGE / 16;
const versionsOf = (row: Row) => row.proofs.map(({ version }) => version);

function expectProven(rows: Row[], group: AmsSimulator[], components: string[]): void {
  const targets = components.map((component) => trackerVersion(component, 11));
  for (const row of rows) {
    expect(row).toMatchObject({ status: 'succeeded', reason: null });
    expect(versionsOf(row)).toEqual(targets);
    expect(row.proofs.every(({ note }) => note === undefined)).toBe(true);
  }
  for (const { versions } of group) expect(components.map((component) => versions[component])).toEqual(targets);
}

describe('a task with two files', () => {
  test(
    'is taken by every tracker, in order, each byte once',
    async () => {
      const { group, deviceIds } = await fleet(4);
      const task = await order(deviceIds, ['T4', 'T1']);
      const rows = await task.untilDevicesEnded(operator);
      expectProven(rows, group, ['T4', 'T1']);
      for (const { bytesReceived } of group) expect(bytesReceived).toBe(2 * SIZE);
      const log = await task.log(operator, rows[0]!.id);
      for (const event of ['offered', 'offer_sent', 'transfer_started', 'transfer_finished']) {
        expect(
          log.filter((line) => line.event === event),
          event,
        ).toHaveLength(2);
      }
    },
    TEST_MS,
  );

  test(
    'needs one visit per file: the answer to the proof of the first names the second',
    async () => {
      const { group, deviceIds } = await fleet(1, {}, { pollIntervalMs: 3_600_000 });
      const [tracker] = group;
      await new Promise((resolve) => tracker!.once('reported', resolve));
      const task = await order(deviceIds, ['T4', 'T1']);
      await task.untilRow(operator, { status: 'offered' });
      // Its daily visit.
      await tracker!.stop();
      trackers.length = 0;
      const visit = new AmsSimulator({
        url: `http://127.0.0.1:${gateway.ready.deviceHttpPort}`,
        imei: tracker!.imei,
        versions: tracker!.versions,
        pollIntervalMs: 3_600_000,
        upgradeDelayMs: 100,
      });
      trackers.push(visit);
      visit.start();
      expectProven(await task.untilDevicesEnded(operator), [visit], ['T4', 'T1']);
    },
    TEST_MS,
  );
});

describe('a kill -9 in the middle of downloads', () => {
  test(
    'of the gateway: every tracker goes on at the byte it is at',
    async () => {
      const { group, deviceIds } = await fleet(3, { bytesPerSecond: SLOW });
      const asked = group.map((tracker) => {
        const from: number[] = [];
        tracker.on('asked', (at) => from.push(at));
        return from;
      });
      const task = await order(deviceIds, ['T1'], {}, LARGE);
      await waitFor(() => group.every(isInTheMiddle), { deadlineMs: PATIENCE_MS });
      const settings = gatewaySettings();
      await gateway.kill();
      gateway = await Slipway.start(settings);
      expectProven(await task.untilDevicesEnded(operator), group, ['T1']);
      for (const [index, { bytesReceived }] of group.entries()) {
        expect(bytesReceived).toBe(LARGE);
        expect(asked[index]![0]).toBe(0);
        expect(asked[index]!.length).toBeGreaterThan(1);
        expect(asked[index]!.at(-1)).toBeGreaterThan(0);
      }
    },
    TEST_MS,
  );

  test(
    'of everything else: downloads go on, and what is proven meanwhile counts',
    async () => {
      const { group, deviceIds } = await fleet(2, { bytesPerSecond: SLOW });
      const task = await order(deviceIds, ['T1'], {}, LARGE);
      await waitFor(() => group.every(isInTheMiddle), { deadlineMs: PATIENCE_MS });
      const { apiUrl } = rest.ready;
      await rest.kill();
      await waitFor(() => group.every(({ versions }) => versions['T1'] === trackerVersion('T1', 11)), {
        deadlineMs: PATIENCE_MS,
      });
      rest = await Slipway.start({ ...servers.settings('api', 'worker'), API_PORT: new URL(apiUrl!).port });
      expectProven(await task.untilDevicesEnded(operator), group, ['T1']);
      for (const { bytesReceived } of group) expect(bytesReceived).toBe(LARGE);
    },
    TEST_MS,
  );
});

describe('no silent success', () => {
  test(
    'a tracker that takes everything and keeps its version has failed',
    async () => {
      const { group, deviceIds } = await fleet(1, { lie: true });
      const task = await order(deviceIds, ['T1'], { attemptsPerFile: 2, limits: { settleSeconds: 1 } });
      const [row] = await task.untilDevicesEnded(operator);
      expect(row).toMatchObject({ status: 'failed', reason: 'version_unchanged', proofs: [] });
      expect(group[0]!.bytesReceived).toBe(2 * SIZE);
    },
    TEST_MS,
  );

  test(
    'a tracker that falls back after a success becomes reverted',
    async () => {
      const { deviceIds } = await fleet(1, { revertAfterMs: 1_500 });
      const task = await order(deviceIds, ['T1']);
      await task.untilRow(operator, { status: 'succeeded' });
      await task.untilRow(operator, { status: 'reverted' });
    },
    TEST_MS,
  );

  test(
    'a tracker that got a corrupt file says so, and gets it again at once',
    async () => {
      const { group, deviceIds } = await fleet(1, { corruptTimes: 1 });
      const task = await order(deviceIds, ['T1']);
      const [row] = await task.untilDevicesEnded(operator);
      expectProven([row!], group, ['T1']);
      const log = await task.log(operator);
      expect(log.filter(({ cause }) => cause.startsWith('ams_checksum'))).toHaveLength(1);
    },
    TEST_MS,
  );

  test(
    'a tracker that says it cannot is not asked again',
    async () => {
      const { group, deviceIds } = await fleet(1, { giveUp: 'unsupported' });
      const task = await order(deviceIds, ['T1']);
      const [row] = await task.untilDevicesEnded(operator);
      expect(row).toMatchObject({ status: 'failed', reason: 'ams_unsupported', attempt: 1 });
      expect(group[0]!.bytesReceived).toBe(0);
    },
    TEST_MS,
  );

  test(
    'baseband waits for a person, and the file behind it does not',
    async () => {
      const { group, deviceIds } = await fleet(1);
      const task = await order(deviceIds, ['T3', 'T1']);
      const row = await task.untilRow(operator, { status: 'confirming', reason: 'awaiting_operator' });
      expect(versionsOf(row)).toEqual([trackerVersion('T3', 11), trackerVersion('T1', 11)]);
      await operator.call('POST', `/device-upgrades/${row.id}/confirm`, { cause: 'seen on the bench' });
      expectProven(await task.untilDevicesEnded(operator), group, ['T3', 'T1']);
    },
    TEST_MS,
  );
});

describe('nothing leaves when it must not', () => {
  test(
    'a cancelled task: the download is cut and its address is gone',
    async () => {
      // So slow that it is in the middle for half a minute: a person's word takes its time on a busy machine.
      const { group, deviceIds } = await fleet(1, { bytesPerSecond: SLOW / 4 });
      let url = '';
      group[0]!.on('reported', (directive) => (url = directive?.url ?? url));
      const task = await order(deviceIds, ['T1'], {}, LARGE);
      await waitFor(() => isInTheMiddle(group[0]!), { deadlineMs: PATIENCE_MS });
      await task.control(operator, 'cancel');
      await task.untilRow(operator, { status: 'cancelled' });
      await waitFor(() => !group[0]!.isFetching, { deadlineMs: PATIENCE_MS });
      expect((await fetch(url)).status).toBe(410);
      expect(group[0]!.bytesReceived).toBeLessThan(LARGE);
      expect(group[0]!.versions['T1']).toBe(trackerVersion('T1', 10));
    },
    TEST_MS,
  );

  test(
    'a paused task: nobody is told of its files until it goes on',
    async () => {
      const { group, deviceIds } = await fleet(1, {}, { pollIntervalMs: 3_600_000 });
      await new Promise((resolve) => group[0]!.once('reported', resolve));
      const task = await order(deviceIds, ['T1']);
      await task.untilRow(operator, { status: 'offered' });
      await task.control(operator, 'pause');
      const ask = async () => {
        const path = `http://127.0.0.1:${gateway.ready.deviceHttpPort}/ams/${group[0]!.imei}/versions`;
        const response = await fetch(path, { method: 'POST', body: `{t:'1',v:'${trackerVersion('T1', 10)}'}` });
        return ((await response.json()) as { directive: unknown }).directive;
      };
      expect(await ask()).toBeNull();
      await task.control(operator, 'resume');
      await waitFor(ask);
      await task.control(operator, 'cancel');
      await task.untilRow(operator, { status: 'cancelled' });
    },
    TEST_MS,
  );

  test(
    'damaged bytes: neither a tracker nor a terminal gets them, and both have failed for that',
    async () => {
      const damage = () =>
        sql`update firmware_contents set content = set_byte(content, 7, 1 + get_byte(content, 7) % 255)`;
      const { group, deviceIds } = await fleet(1, {}, { pollIntervalMs: 3_600_000 });
      await new Promise((resolve) => group[0]!.once('reported', resolve));
      const wire = await Wire.open(gateway.terminalPort);
      const terminals = await new Fleet(wire, 1, '6134449901', 60).start(operator);
      const both = [
        await order(deviceIds, ['T1'], { dispatchDelayMinutes: 0 }),
        await terminals.order(operator, { files: 1, sizeBytes: 20_480, options: { dispatchDelayMinutes: 1 } }),
      ];
      await damage();
      await both[1]!.control(operator, 'start-now');
      await fetch(`http://127.0.0.1:${gateway.ready.deviceHttpPort}/ams/${group[0]!.imei}/versions`, {
        method: 'POST',
        body: `{t:'1',v:'${trackerVersion('T1', 10)}'}`,
      });
      for (const task of both) {
        const [row] = await task.untilDevicesEnded(operator);
        expect(row).toMatchObject({ status: 'failed', reason: 'file_damaged' });
      }
      expect(wire.events(terminals.sns[0]!).some(({ kind }) => kind === 'offer')).toBe(false);
      expect(group[0]!.bytesReceived).toBe(0);
      await terminals.stop();
      await wire.close();
    },
    TEST_MS,
  );
});
