/**
 * The last fence: a gateway whose own clock says that an offer is over sends nothing of it, whatever the rest of the
 * program, by another clock, would still allow.
 */
import { afterEach, expect, test } from 'vitest';
import { PcpSimulator } from '../../gateways/pcp/simulator.ts';
import { PileSimulator } from '../../gateways/pile/simulator.ts';
import { TerminalSimulator } from '../../gateways/terminal/simulator.ts';
import type { OpenOffer } from '../../gateways/devices.ts';
import { FakeHost } from '../support/fake-host.ts';
import { TestPcp } from '../support/pcp-gateway.ts';
import { PILE, startPileGateway } from '../support/pile-client.ts';
import { SN, startGateway } from '../support/terminal-client.ts';
import { waitFor } from '../support/wait.ts';

const FILE = Buffer.alloc(10_240, 7);
const IMEI = '863703030000001';

const devices: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(devices.splice(0).map((device) => device.stop()));
});

/** A host whose clock is hours behind: nothing is ever over. */
class HostOfAnotherTime extends FakeHost {
  claims = 0;

  override async openOffer(deviceId: string): Promise<OpenOffer | null> {
    const kept = this.offers.findLast((each) => each.deviceId === deviceId);
    // The list of calls is what the test waits for.
    await super.openOffer(deviceId);
    return kept === undefined ? null : { ...kept };
  }

  override async claimSend(offer: OpenOffer): Promise<boolean> {
    this.claims += 1;
    return super.claimSend(offer);
  }
}

/** A device with an offer that has just ended is sent nothing, at no contact; with one that has not it is. */
async function expectFence(host: HostOfAnotherTime, deviceId: string, over: Partial<OpenOffer>, contact: () => void) {
  const ended = host.offer(deviceId, FILE, { ...over, expiresAtMs: Date.now() - 1 });
  for (let looks = host.count('openOffer'), times = 0; times < 3; times += 1, looks = host.count('openOffer')) {
    contact();
    await waitFor(() => host.count('openOffer') > looks);
  }
  expect(host.claims).toBe(0);
  ended.expiresAtMs = Date.now() + 600_000;
  host.announce(deviceId);
  await waitFor(() => host.claims > 0);
}

test('a terminal gets no +NBOTA', async () => {
  const host = new HostOfAnotherTime();
  const { port, deviceId } = await startGateway({ host });
  const options = { host: '127.0.0.1', port, sn: SN, softwareVersion: 10, reportIntervalMs: 50 };
  devices.push(new TerminalSimulator({ ...options, faults: { refuse: 738 } }).start());
  await expectFence(host, deviceId, {}, () => host.announce(deviceId));
});

test('a pile gets no 94', async () => {
  const host = new HostOfAnotherTime();
  const { port, deviceId } = await startPileGateway({ host });
  const options = { host: '127.0.0.1', port, pileCode: PILE, programVersion: 'V4.1.50', reconnectDelayMs: 20 };
  devices.push(new PileSimulator({ ...options, faults: { mute: true } }).start());
  await waitFor(() => host.versions().length > 0);
  const pile = { model: 'DC', powerKw: 15, control: 'at_once', downloadTimeoutMinutes: 30 } as const;
  await expectFence(host, deviceId, { targetVersion: 'V4.1.51', pile }, () => host.announce(deviceId));
});

test('a PCP device gets no 14', async () => {
  const host = new HostOfAnotherTime();
  const pcp = await TestPcp.start({ host });
  devices.push({ stop: () => pcp.close() });
  const deviceId = host.register('pcp', IMEI);
  const options = { host: '127.0.0.1', port: pcp.port, imei: IMEI, version: 'V1', contactIntervalMs: 50 };
  devices.push(new PcpSimulator({ ...options, faults: { refuse: 5 } }).start());
  await waitFor(() => host.versions().length > 0);
  await expectFence(host, deviceId, { targetVersion: 'V2', packetSize: 500 }, () => host.announce(deviceId));
});
