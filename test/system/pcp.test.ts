/**
 * PCP devices upgrade with the real program: two files in order, through kills, a bad radio and lies. What a device has
 * is its own word and the bytes it got; what Slipway says of it is the API's.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { demoPcpFirmware, pcpVersion, type Operator } from '../../bench/operator.ts';
import { imeiAt } from '../../gateways/ams/fleet.ts';
import { PCP_MODES, PcpSimulator, type PcpFaults, type PcpSimulatorOptions } from '../../gateways/pcp/simulator.ts';
import { firstOperator, Slipway, TestServers, type Settings } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { PATIENCE_MS, Task, type Row } from './fleet.ts';

const SIZE = 20_000;
const SLICES = SIZE / 500;
const TEST_MS = 150_000;

let servers: TestServers;
let rest: Slipway;
let gateway: Slipway;
let operator: Operator;
let made = 0;
const devices: PcpSimulator[] = [];

/** Devices know their server by its port: a gateway that comes back has the same one. */
function gatewaySettings(): Settings {
  return { ...servers.settings('gateway'), PCP_PORT: String(gateway?.ready.pcpPort ?? 0) };
}

beforeAll(async () => {
  servers = await TestServers.start();
  [rest, gateway] = await Promise.all([
    Slipway.start(servers.settings('api', 'worker')),
    Slipway.start(servers.settings('gateway')),
  ]);
  ({ operator } = await firstOperator(rest));
}, 120_000);

afterEach(async ({ task }) => {
  await Promise.all(devices.splice(0).map((device) => device.stop()));
  if (task.result?.state !== 'fail') return;
  for (const [name, part] of Object.entries({ rest, gateway })) {
    process.stderr.write(`--- ${name} of the failed test "${task.name}":\n${part.tail(15)}\n`);
  }
});

afterAll(async () => {
  await Promise.all([rest, gateway].map((part) => part?.kill()));
  await servers?.stop();
}, 60_000);

/** Some devices that nobody has used before, registered and running. */
async function fleet(count: number, faults: PcpFaults = {}, over: Partial<PcpSimulatorOptions> = {}) {
  const group = Array.from({ length: count }, (_, index) => {
    const device = new PcpSimulator({
      host: '127.0.0.1',
      port: gateway.ready.pcpPort!,
      imei: imeiAt('863703030100001', made++),
      version: pcpVersion(10),
      mode: PCP_MODES[index % PCP_MODES.length]!,
      contactIntervalMs: 500,
      repeatMs: 300,
      upgradeDelayMs: 100,
      offMs: 200,
      faults,
      ...over,
    });
    devices.push(device);
    return device;
  });
  const deviceIds = await operator.registerPcpDevices(group.map(({ imei }) => imei));
  for (const device of group) device.start();
  return { group, deviceIds };
}

let orders = 0;
/** Orders files, each one version up from 10. Every order has files of its own. */
async function order(deviceIds: string[], files: 1 | 2 = 1, options: object = {}, sizeBytes = SIZE) {
  const firmwareIds: number[] = [];
  const contents: Buffer[] = [];
  for (let version = 11; version < 11 + files; version += 1) {
    const firmware = demoPcpFirmware(version, version - 1, sizeBytes);
    firmware.content.writeUInt32BE((orders += 1), 0);
    contents.push(firmware.content);
    firmwareIds.push(await operator.uploadFirmware(firmware));
  }
  const { id } = await operator.createTask({
    firmwareIds,
    deviceIds,
    options: { dispatchDelayMinutes: 0, deadlineHours: 1, ...options },
  });
  return { task: new Task(id, 10, files), contents };
}

/** The files a device has fetched, each whole. */
function fetchedBy(device: PcpSimulator): Buffer[] {
  const files: Buffer[] = [];
  device.on('fetched', (file) => files.push(file));
  return files;
}

function expectProven(rows: Row[], group: PcpSimulator[], files: 1 | 2): void {
  const targets = [11, 12].slice(0, files).map(pcpVersion);
  for (const row of rows) {
    expect(row).toMatchObject({ status: 'succeeded', reason: null });
    expect(row.proofs.map(({ version }) => version)).toEqual(targets);
  }
  for (const { version } of group) expect(version).toBe(targets.at(-1));
}

describe('a task with two files', () => {
  test(
    'is taken by devices of every kind, in order, each byte once',
    async () => {
      // A device that asks again gets again what is late only because this machine is busy.
      const { group, deviceIds } = await fleet(6, {}, { repeatMs: 4_000 });
      const fetched = group.map(fetchedBy);
      const { task, contents } = await order(deviceIds, 2);
      const rows = await task.untilDevicesEnded(operator);
      expectProven(rows, group, 2);
      for (const files of fetched)
        expect(files.map((file) => file.equals(contents[files.indexOf(file)]!))).toEqual([true, true]);
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
    'arrives over a radio that loses, doubles and swaps datagrams, every byte right',
    async () => {
      const { group, deviceIds } = await fleet(3, { lose: 0.1, double: 0.1, reorder: 0.1 });
      const fetched = group.map(fetchedBy);
      const { task, contents } = await order(deviceIds, 2);
      expectProven(await task.untilDevicesEnded(operator), group, 2);
      for (const files of fetched)
        for (const file of files) expect(contents.some((each) => each.equals(file))).toBe(true);
      for (const { lost } of group) expect(lost).toBeGreaterThan(0);
    },
    TEST_MS,
  );
});

describe('a transfer that is interrupted', () => {
  test(
    'by a kill -9 of the gateway goes on at the next slice',
    async () => {
      // Some slices must be asked for again: it takes a while.
      const { group, deviceIds } = await fleet(3, { lose: 0.2 });
      const { task } = await order(deviceIds);
      const isInTheMiddle = ({ bytesReceived }: PcpSimulator) => bytesReceived > 1_000 && bytesReceived < SIZE - 5_000;
      await waitFor(() => group.some(isInTheMiddle), { deadlineMs: PATIENCE_MS });
      const settings = gatewaySettings();
      await gateway.kill();
      expect(group.some(isInTheMiddle)).toBe(true);
      gateway = await Slipway.start(settings);
      expectProven(await task.untilDevicesEnded(operator), group, 1);
      for (const { bytesReceived } of group) expect(bytesReceived).toBe(SIZE);
    },
    TEST_MS,
  );

  test(
    'by a loss of power goes on at the next slice',
    async () => {
      const { group, deviceIds } = await fleet(3, { dieAtFragment: SLICES / 2 });
      const { task } = await order(deviceIds);
      expectProven(await task.untilDevicesEnded(operator), group, 1);
      for (const { bytesReceived } of group) expect(bytesReceived).toBe(SIZE);
    },
    TEST_MS,
  );

  test(
    'by a kill -9 of everything else goes on, and what is proven meanwhile counts',
    async () => {
      const { group, deviceIds } = await fleet(2, { lose: 0.2 });
      const { task } = await order(deviceIds);
      await waitFor(() => group.every(({ bytesReceived }) => bytesReceived > 0), { deadlineMs: PATIENCE_MS });
      const { apiUrl } = rest.ready;
      await rest.kill();
      await waitFor(() => group.every(({ version }) => version === pcpVersion(11)), { deadlineMs: PATIENCE_MS });
      rest = await Slipway.start({ ...servers.settings('api', 'worker'), API_PORT: new URL(apiUrl!).port });
      expectProven(await task.untilDevicesEnded(operator), group, 1);
    },
    TEST_MS,
  );
});

describe('no silent success', () => {
  test(
    'a device that says "succeeded" with its old version has failed',
    async () => {
      const { deviceIds } = await fleet(1, { lie: true });
      const { task } = await order(deviceIds, 1, { attemptsPerFile: 2 });
      const [row] = await task.untilDevicesEnded(operator);
      expect(row).toMatchObject({ status: 'failed', reason: 'version_unchanged', proofs: [] });
    },
    TEST_MS,
  );

  test(
    'a device that falls back after a success becomes reverted',
    async () => {
      const { deviceIds } = await fleet(1, { revertAfterMs: 1_500 });
      const { task } = await order(deviceIds);
      await task.untilRow(operator, { status: 'succeeded' });
      await task.untilRow(operator, { status: 'reverted' });
    },
    TEST_MS,
  );

  test(
    'a device that got a bad file says so, and gets it again',
    async () => {
      const { group, deviceIds } = await fleet(1, { checkFails: 1 });
      const { task } = await order(deviceIds);
      const [row] = await task.untilDevicesEnded(operator);
      expectProven([row!], group, 1);
      const log = await task.log(operator);
      expect(log.filter(({ cause }) => cause.startsWith('pcp_check_failed'))).toHaveLength(1);
    },
    TEST_MS,
  );

  test(
    'a device that has no space is not asked again',
    async () => {
      const { group, deviceIds } = await fleet(1, { refuse: 5 });
      const { task } = await order(deviceIds);
      const [row] = await task.untilDevicesEnded(operator);
      expect(row).toMatchObject({ status: 'failed', reason: 'pcp_no_space', attempt: 1 });
      expect(group[0]!.bytesReceived).toBe(0);
    },
    TEST_MS,
  );
});

describe('nothing leaves when it must not', () => {
  test(
    'a paused task: a device that has everything is not told to install until it goes on',
    async () => {
      const { group, deviceIds } = await fleet(1, { lose: 0.2 });
      const [device] = group;
      const { task } = await order(deviceIds);
      await waitFor(() => device!.bytesReceived > 0, { deadlineMs: PATIENCE_MS });
      await task.control(operator, 'pause');
      let executes = 0;
      device!.on('heard', ({ type }) => {
        if (type === 'executeUpgrade') executes += 1;
      });
      const fetched = fetchedBy(device!);
      await waitFor(() => fetched.length === 1, { deadlineMs: PATIENCE_MS });
      // Two more contacts, at each of which it could have been told.
      for (let contact = 0; contact < 2; contact += 1)
        await waitFor(() => device!.sendBusiness(), { deadlineMs: PATIENCE_MS });
      expect(executes).toBe(0);
      expect(device!.version).toBe(pcpVersion(10));
      await task.control(operator, 'resume');
      expectProven(await task.untilDevicesEnded(operator), group, 1);
    },
    TEST_MS,
  );

  test(
    'a cancelled task: there are no more slices',
    async () => {
      const { group, deviceIds } = await fleet(1, { lose: 0.2 });
      const { task } = await order(deviceIds);
      await waitFor(() => group[0]!.bytesReceived > 0, { deadlineMs: PATIENCE_MS });
      const stopped = new Promise<void>((resolve) => group[0]!.once('stopped', resolve));
      await task.control(operator, 'cancel');
      await task.untilRow(operator, { status: 'cancelled' });
      await stopped;
      expect(group[0]!.version).toBe(pcpVersion(10));
    },
    TEST_MS,
  );
});

describe('what is not PCP', () => {
  test(
    'can be read through the API, and is no error of an upgrade',
    async () => {
      const { group, deviceIds } = await fleet(1, {}, { contactIntervalMs: 3_600_000 });
      await waitFor(() => group[0]!.sendBusiness(Buffer.from('{"water":17}')), { deadlineMs: PATIENCE_MS });
      const { items } = await waitFor(
        async () => {
          const page = await operator.call<{ items: Record<string, unknown>[] }>(
            'GET',
            `/devices/${deviceIds[0]}/business-messages`,
          );
          return page.items.length > 0 ? page : null;
        },
        { deadlineMs: PATIENCE_MS },
      );
      expect(items).toEqual([
        expect.objectContaining({ reason: 'magic', text: '{"water":17}', hex: '7B227761746572223A31377D' }),
      ]);
    },
    TEST_MS,
  );
});
