/**
 * A pile gateway with its FTP server and a simulated pile, without a database: for tests of what they make of each other.
 */
import { afterEach } from 'vitest';
import { FakeHost, FakeLog } from './fake-host.ts';
import { PILE, startPileGateway } from './pile-client.ts';
import type { OpenOffer } from '../../gateways/devices.ts';
import { FileCache } from '../../gateways/file-cache.ts';
import type { PileTimes } from '../../gateways/pile/context.ts';
import { FtpServer } from '../../gateways/pile/ftp.ts';
import { PileSimulator } from '../../gateways/pile/simulator.ts';
import type { PileFaults, PileSimulatorOptions } from '../../gateways/pile/simulator-options.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

/** A file no other test has. */
export function programOf(sizeBytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: sizeBytes }, (_, at) => (at * at + 11) >> 4));
}

/** What a simulated pile and a gateway know of each other; all of it is closed after the test. */
export async function startPile(
  faults: PileFaults = {},
  over: Partial<PileSimulatorOptions> = {},
  times: Partial<PileTimes> = {},
) {
  const host = new FakeHost();
  const ftp = new FtpServer({
    host,
    files: new FileCache(10_000_000, (sha256) => host.firmware(sha256)),
    log: new FakeLog(),
    listenHost: '127.0.0.1',
    port: 0,
    passivePorts: null,
  });
  await ftp.listen();
  cleanUp.push(() => ftp.close(200));
  const { gateway, port, deviceId } = await startPileGateway({ host, ftp, times });
  const pile = new PileSimulator({
    host: '127.0.0.1',
    port,
    pileCode: PILE,
    programVersion: 'V4.1.50',
    heartbeatMs: 200,
    minuteMs: 1_000,
    upgradeDelayMs: 20,
    reconnectDelayMs: 20,
    faults,
    ...over,
  });
  const said: string[] = [];
  pile.on('loggedIn', (version) => said.push(`logged in ${version}`));
  pile.on('asked', (from) => said.push(`asked ${from === 0 ? 'from 0' : 'to go on'}`));
  pile.on('cut', () => said.push('cut'));
  pile.on('fetched', () => said.push('fetched'));
  pile.on('failed', (state) => said.push(`failed ${state}`));
  pile.on('upgraded', (version) => said.push(`upgraded ${version}`));
  pile.on('reverted', (version) => said.push(`reverted ${version}`));
  cleanUp.push(() => pile.stop());
  const offer = (file: Buffer, change: Partial<OpenOffer> = {}) =>
    host.offer(deviceId, file, {
      targetVersion: 'V4.1.51',
      pile: { model: 'DC', powerKw: 15, control: 'at_once', downloadTimeoutMinutes: 30 },
      ...change,
    });
  return { host, ftp, gateway, deviceId, pile: pile.start(), said, offer };
}
