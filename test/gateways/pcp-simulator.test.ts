/**
 * Simulated PCP devices, which speak CoAP by a library of its own, against the gateway: every mode and every fault, also
 * over a radio that loses, doubles and swaps datagrams.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { createPcpDevices, PcpFleetStatus } from '../../gateways/pcp/fleet.ts';
import { PCP_MODES, PcpSimulator, type PcpSimulatorOptions } from '../../gateways/pcp/simulator.ts';
import type { FakeHost, StoredOffer } from '../support/fake-host.ts';
import { fileOf, IMEI, TestPcp } from '../support/pcp-gateway.ts';
import { waitFor } from '../support/wait.ts';

const PATIENCE = { deadlineMs: 60_000 };
const ID = `pcp-${IMEI}`;
const FILE = fileOf(5_000);
const OFFER = { targetVersion: 'V1.1', packetSize: 100, pinfo: null };
const running: TestPcp[] = [];
const devices: PcpSimulator[] = [];

async function start(host?: FakeHost, port = 0): Promise<TestPcp> {
  const times = { retransmitMs: 50, answerMs: 200 };
  const pcp = await TestPcp.start({ times, port, ...(host && { host }) });
  running.push(pcp);
  return pcp;
}

function device(pcp: TestPcp, over: Partial<PcpSimulatorOptions> = {}): PcpSimulator {
  pcp.host.register('pcp', IMEI);
  const simulator = new PcpSimulator({
    host: '127.0.0.1',
    port: pcp.port,
    imei: IMEI,
    version: 'V1.0',
    contactIntervalMs: 200,
    repeatMs: 150,
    upgradeDelayMs: 20,
    offMs: 50,
    ...over,
  });
  devices.push(simulator);
  return simulator.start();
}

/** A device that is known with its version, and then offered the file. */
async function upgrading(over: Partial<PcpSimulatorOptions> = {}) {
  const pcp = await start();
  const simulator = device(pcp, over);
  const files: Buffer[] = [];
  simulator.on('fetched', (file) => files.push(file));
  await waitFor(() => pcp.host.versions().includes('V1.0'), PATIENCE);
  const offer = pcp.host.offer(ID, FILE, OFFER);
  return { pcp, simulator, offer, files };
}

const proof = (pcp: TestPcp, offer: StoredOffer) => () => pcp.host.versions().includes(offer.targetVersion);

afterEach(async () => {
  await Promise.all(devices.splice(0).map((each) => each.stop()));
  await Promise.all(running.splice(0).map((pcp) => pcp.close()));
});

describe('a simulated device', () => {
  test.each(PCP_MODES)('upgrades in the way of %s', async (mode) => {
    const { pcp, simulator, offer, files } = await upgrading({ mode });
    await waitFor(proof(pcp, offer), PATIENCE);
    expect(files).toEqual([FILE]);
    expect(simulator).toMatchObject({ version: 'V1.1', upgrades: 1, bytesReceived: FILE.length });
    expect(pcp.host.failures).toEqual([]);
  });

  test.each(PCP_MODES)(
    'upgrades over a bad radio in the way of %s: every byte right, one effect each',
    async (mode) => {
      const faults = { lose: 0.15, double: 0.15, reorder: 0.15 };
      const { pcp, simulator, offer, files } = await upgrading({ mode, faults });
      let installed = 0;
      simulator.on('upgraded', () => (installed += 1));
      await waitFor(proof(pcp, offer), PATIENCE);
      expect(files.every((file) => file.equals(FILE))).toBe(true);
      expect(installed).toBe(1);
      expect(simulator.lost).toBeGreaterThan(5);
      expect(pcp.host.failures).toEqual([]);
      expect(pcp.gateway.counters.duplicates + pcp.gateway.counters.slices).toBeGreaterThan(50);
    },
  );

  test('takes two files, one after the other', async () => {
    const { pcp, offer, files } = await upgrading({ mode: 'liteos' });
    await waitFor(proof(pcp, offer), PATIENCE);
    const second = pcp.host.offer(ID, fileOf(1_234, 2), { ...OFFER, targetVersion: 'V1.2' });
    await waitFor(proof(pcp, second), PATIENCE);
    expect(files).toEqual([FILE, fileOf(1_234, 2)]);
    expect(pcp.host.failures).toEqual([]);
  });

  test('goes on at the next slice after it lost its power', async () => {
    const { pcp, simulator, offer } = await upgrading({ faults: { dieAtFragment: 20 } });
    let died = 0;
    simulator.on('died', () => (died += 1));
    await waitFor(proof(pcp, offer), PATIENCE);
    expect(died).toBe(1);
    expect(simulator.bytesReceived).toBe(FILE.length);
    expect(pcp.gateway.counters).toMatchObject({ slices: 50, offersSent: 1 });
  });

  test('goes on where it is when another process takes over', async () => {
    const { pcp, simulator, offer } = await upgrading({ faults: { lose: 0.05 } });
    await waitFor(() => simulator.bytesReceived > 1_000, PATIENCE);
    await pcp.close();
    const next = await start(pcp.host, pcp.port);
    pcp.host.listeners.push(next.gateway);
    await waitFor(proof(next, offer), PATIENCE);
    expect(simulator.bytesReceived).toBe(FILE.length);
    expect(offer.sends).toBe(1);
  });

  test('refuses, and takes it when it is offered again', async () => {
    const { pcp } = await upgrading({ faults: { refuse: 4, refuseTimes: 1 } });
    await waitFor(() => pcp.host.failures.length === 1, PATIENCE);
    expect(pcp.host.failures[0]?.failure.kind).toBe('low_battery');
    const again = pcp.host.offer(ID, FILE, { ...OFFER, attempt: 2, resumable: true });
    await waitFor(proof(pcp, again), PATIENCE);
  });

  test('says that the file failed its check, and fetches it anew', async () => {
    const { pcp } = await upgrading({ faults: { checkFails: 1 } });
    await waitFor(() => pcp.host.failures.length === 1, PATIENCE);
    expect(pcp.host.failures[0]?.failure).toMatchObject({ errcode: 7, kind: 'check_failed' });
    const again = pcp.host.offer(ID, FILE, { ...OFFER, attempt: 2, resumable: true });
    await waitFor(proof(pcp, again), PATIENCE);
    expect(pcp.gateway.counters.slices).toBe(100);
  });

  test.each([
    [{ downloadResult: 5 }, 'no_space'],
    [{ refuseExecute: 1 }, 'in_use'],
    [{ deafToExecute: true }, 'no_answer'],
    [{ installResult: 10 }, 'install_failed'],
    [{ lie: true }, 'version_unchanged'],
  ])('with %o has failed with a word for it', async (faults, kind) => {
    const { pcp, simulator } = await upgrading({ faults });
    await waitFor(() => pcp.host.failures.length === 1, PATIENCE);
    expect(pcp.host.failures[0]?.failure.kind).toBe(kind);
    expect(simulator.version).toBe('V1.0');
    expect(pcp.host.versions()).not.toContain('V1.1');
  });

  test('falls back, and that is heard because it registers again', async () => {
    const { pcp, offer } = await upgrading({ faults: { revertAfterMs: 300 } });
    await waitFor(proof(pcp, offer), PATIENCE);
    await waitFor(() => pcp.host.versions().at(-1) === 'V1.0', PATIENCE);
  });

  test('stops asking for ever, or is never heard of again: nothing is said of it', async () => {
    const silent = await upgrading({ faults: { silentAtFragment: 3 } });
    await waitFor(() => silent.pcp.gateway.counters.slices === 3, PATIENCE);
    const gone = await upgrading({ faults: { neverReport: true } });
    await waitFor(() => gone.offer.finishedAtMs !== null, PATIENCE);
    expect([...silent.pcp.host.failures, ...gone.pcp.host.failures]).toEqual([]);
    expect(gone.pcp.host.versions()).not.toContain('V1.1');
  });

  test('sleeps, and upgrades in the times it is awake', async () => {
    const { pcp, offer } = await upgrading({ faults: { sleep: { awakeMs: 100, asleepMs: 100 } } });
    await waitFor(proof(pcp, offer), PATIENCE);
    expect(pcp.host.failures).toEqual([]);
  });

  test('sends business messages, and they are told from the upgrade', async () => {
    const { pcp, simulator } = await upgrading();
    expect(await simulator.sendBusiness(Buffer.from('{"water":17}'))).toBe(true);
    expect(pcp.host.businessMessages).toContainEqual({
      deviceId: ID,
      payload: Buffer.from('{"water":17}'),
      reason: 'magic',
    });
  });

  test('stops when its task is taken away', async () => {
    const { pcp, simulator } = await upgrading({ repeatMs: 50 });
    let hasStopped = false;
    simulator.on('stopped', () => (hasStopped = true));
    await waitFor(() => simulator.bytesReceived > 0, PATIENCE);
    pcp.host.close(ID);
    pcp.host.announce(ID);
    await waitFor(() => hasStopped, PATIENCE);
    expect(simulator.bytesReceived).toBeLessThan(FILE.length);
  });

  test('an unregistered one is told so', async () => {
    const pcp = await start();
    const simulator = device(pcp, { imei: '863703030000999' });
    const codes: string[] = [];
    simulator.on('rejected', (code) => codes.push(code));
    await waitFor(() => codes.length > 0, PATIENCE);
    expect(codes[0]).toBe('4.03');
  });

  test('names and versions that cannot be sent are refused', () => {
    const options = { host: '127.0.0.1', port: 1, version: 'V1' };
    expect(() => new PcpSimulator({ ...options, imei: '12' })).toThrow('no IMEI');
    expect(() => new PcpSimulator({ ...options, imei: IMEI, version: 'much too long a version' })).toThrow(
      'currentVersion',
    );
  });

  test('a fleet counts up from its first IMEI, spreads its faults, and says what it does in one line', async () => {
    const pcp = await start();
    const group = createPcpDevices({
      host: '127.0.0.1',
      port: pcp.port,
      devices: 4,
      startImei: '863703030000101',
      version: 'V1.0',
      faultShare: 0.5,
      faults: { refuse: 1 },
      repeatMs: 150,
    });
    devices.push(...group);
    const status = new PcpFleetStatus(group);
    for (const each of group) pcp.host.register('pcp', each.imei);
    for (const each of group) each.start();
    await waitFor(() => pcp.host.versions().length === 4, PATIENCE);
    for (const each of group) pcp.host.offer(`pcp-${each.imei}`, FILE, OFFER);
    await waitFor(
      () => pcp.host.failures.length === 2 && group.filter(({ upgrades }) => upgrades === 1).length === 2,
      PATIENCE,
    );
    expect(group.map(({ imei }) => imei.slice(-3))).toEqual(['101', '102', '103', '104']);
    await waitFor(() => status.line().startsWith('6 registrations'), PATIENCE);
    expect(status.line()).toContain('100 fragments');
  });
});
