import { afterEach, describe, expect, test } from 'vitest';
import { createTrackers, imeiAt, TrackerStatus } from '../../gateways/ams/fleet.ts';
import { AmsSimulator, type AmsFaults, type AmsSimulatorOptions } from '../../gateways/ams/simulator.ts';
import { fileOf, TestAms } from '../support/ams-gateway.ts';
import { waitFor } from '../support/wait.ts';

const IMEI = '868120145233604';
const DEVICE = `ams-${IMEI}`;
const FILE = fileOf(200_000);

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

async function start(
  faults: AmsFaults = {},
  over: Partial<AmsSimulatorOptions> = {},
  before: (ams: TestAms) => unknown = () => {},
) {
  const ams = await TestAms.start();
  cleanUp.push(() => ams.close());
  ams.host.register('ams', IMEI);
  before(ams);
  const tracker = new AmsSimulator({
    url: ams.url,
    imei: IMEI,
    versions: { T1: 'V10', T3: "B'10\\x" },
    pollIntervalMs: 50,
    upgradeDelayMs: 20,
    retryDelayMs: 20,
    faults,
    ...over,
  });
  const said: string[] = [];
  tracker.on('upgraded', (component, version) => said.push(`upgraded ${component} ${version}`));
  tracker.on('reverted', (component, version) => said.push(`reverted ${component} ${version}`));
  tracker.on('failed', (word) => said.push(`failed ${word}`));
  tracker.on('cut', (at) => said.push(`cut ${at > 0}`));
  tracker.on('asked', (from) => said.push(`asked ${from > 0}`));
  tracker.on('refused', (status) => said.push(`refused ${status}`));
  cleanUp.push(() => tracker.stop());
  return { ams, tracker: tracker.start(), said };
}

const offer = (ams: TestAms, over = {}) => ams.host.offer(DEVICE, FILE, { targetVersion: 'V11', ...over });
const runs = (tracker: AmsSimulator, version: string) => waitFor(() => tracker.versions['T1'] === version);

describe('a tracker', () => {
  test('reports all its components, again and again', async () => {
    const { ams } = await start();
    await waitFor(() => ams.host.reports.length > 2);
    expect(ams.host.reports[0]?.versions).toEqual([
      { component: 'T1', version: 'V10' },
      { component: 'T3', version: "B'10\\x" },
    ]);
  });

  test('fetches, checks, flashes and reports what it is told to', async () => {
    const { ams, tracker, said } = await start({}, { saysProgress: true });
    const { deviceId } = offer(ams);
    await runs(tracker, 'V11');
    ams.host.close(deviceId);
    await waitFor(() => ams.host.versions().includes('V11'));
    expect(said.filter((each) => !each.startsWith('asked'))).toEqual(['upgraded T1 V11']);
    expect(tracker.bytesReceived).toBe(FILE.length);
    expect(ams.host.steps.at(-1)).toMatchObject({ bytes: FILE.length, finished: true });
  });

  test('whose download is cut goes on where it was', async () => {
    const { ams, tracker, said } = await start({ cutAtByte: 70_000 });
    offer(ams);
    await runs(tracker, 'V11');
    expect(said).toEqual(['asked false', 'cut true', 'asked true', 'upgraded T1 V11']);
    expect(tracker.bytesReceived).toBe(FILE.length);
  });

  test('that got other bytes than it was promised says so', async () => {
    const { ams, tracker, said } = await start({ corruptTimes: 1 });
    offer(ams);
    await waitFor(() => ams.host.failures.length === 1);
    expect(ams.host.failures[0]?.failure.kind).toBe('checksum');
    offer(ams, { attempt: 2 });
    await runs(tracker, 'V11');
    expect(said.filter((each) => !each.startsWith('asked'))).toEqual(['failed checksum', 'upgraded T1 V11']);
  });

  test('may keep its version, fall back, give up, or fall silent', async () => {
    const liar = await start({ lie: true });
    offer(liar.ams);
    await waitFor(() => liar.tracker.bytesReceived === FILE.length);
    const reports = liar.ams.host.reports.length;
    await waitFor(() => liar.ams.host.reports.length > reports + 1);
    expect(liar.tracker.versions['T1']).toBe('V10');

    const busy = await start({ giveUp: 'busy' });
    offer(busy.ams);
    await waitFor(() => busy.ams.host.failures[0]?.failure.kind === 'busy');
    expect(busy.tracker.bytesReceived).toBe(0);

    const silent = await start({ silentAtByte: 50_000 });
    offer(silent.ams);
    await waitFor(() => silent.tracker.bytesReceived === 50_000);
    const heard = silent.ams.host.reports.length;
    await silent.tracker.stop(); // and it can be stopped all the same
    expect(silent.ams.host.reports).toHaveLength(heard);
  });

  test('that falls back reports it at once', async () => {
    const { ams } = await start({ revertAfterMs: 50 }, { pollIntervalMs: 60_000 }, offer);
    // Before, after the upgrade, and after the fall.
    await waitFor(() => ams.host.reports.length === 3);
    expect(ams.host.versions().filter((version) => version.startsWith('V'))).toEqual(['V10', 'V11', 'V10']);
  });

  test('comes back to a server that was away, and goes on where it was', async () => {
    const large = fileOf(16_000_000); // more than the system's buffers take
    const { ams, tracker, said } = await start({ bytesPerSecond: 8_000_000 }, {}, (each) =>
      each.host.offer(DEVICE, large, { targetVersion: 'V11' }),
    );
    await waitFor(() => tracker.bytesReceived > 0);
    await ams.close();
    await waitFor(() => said.includes('cut true'));
    const again = await TestAms.start({ host: ams.host, port: ams.port });
    cleanUp.push(() => again.close());
    await runs(tracker, 'V11');
    expect(tracker.bytesReceived).toBe(large.length);
  });

  test('whose address has ended uploads its versions again', async () => {
    const { ams, tracker, said } = await start({ cutAtByte: 70_000 }, { retryDelayMs: 200 }, offer);
    await waitFor(() => said.includes('cut true'));
    offer(ams, { attempt: 2 });
    await runs(tracker, 'V11');
    // The same file at another address: what is there already is kept.
    expect(tracker.bytesReceived).toBe(FILE.length);
  });
});

describe('a fleet', () => {
  test('counts up, and spreads its faults evenly', () => {
    expect([imeiAt('860000000000009', 1), imeiAt('000000000000009', 1)]).toEqual([
      '860000000000010',
      '000000000000010',
    ]);
    expect(() => imeiAt('999999999999999', 1)).toThrow('15 digits');
    const common = { devices: 4, url: 'http://127.0.0.1:1', startImei: '860000000000001', versions: { T1: 'A' } };
    const fleet = createTrackers({ ...common, faultShare: 0.5, faults: { lie: true } });
    expect(fleet.map(({ imei }) => imei)).toEqual([1, 2, 3, 4].map((last) => `86000000000000${last}`));
    expect(new TrackerStatus(fleet).line()).toBe(
      '0 uploads · 0 directives · 0 fetching · 0 bytes (0/s) · 0 upgrades · versions T1=A:4',
    );
  });

  test.each([
    [{ imei: '12' }, '15 digits'],
    [{ versions: { T9: 'A' } }, 'T1..T5'],
    [{ versions: { T1: ' ' } }, 'T1..T5'],
  ])('refuses what no tracker can have: %j', (wrong, message) => {
    expect(() => new AmsSimulator({ url: 'http://x', imei: IMEI, versions: { T1: 'A' }, ...wrong })).toThrow(message);
  });
});
