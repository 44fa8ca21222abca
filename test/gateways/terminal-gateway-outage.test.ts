/** The terminal gateway when the database is slow or away. */
import { describe, expect, test } from 'vitest';
import {
  Client,
  COMMAND,
  FILE,
  otaError,
  packet,
  report,
  request,
  SN,
  startGateway,
} from '../support/terminal-client.ts';
import { waitFor } from '../support/wait.ts';

/** A byte that is no frame: it is counted when the frames before it have arrived. */
const DROPPED = Buffer.from('x');

describe('when the database is away', () => {
  test.each(['identify', 'openOffer', 'firmware', 'claimSend', 'reported'] as const)(
    'nothing is sent unrecorded and all is made up for (%s)',
    async (method) => {
      const { host, port, deviceId, gateway, log } = await startGateway();
      const offer = host.offer(deviceId, FILE);
      host.broken.add(method);
      const client = await Client.open(port);
      client.report();
      await waitFor(() => gateway.counters.failedFrames > 2);
      expect(client.received).toHaveLength(0);
      expect(offer.sends).toBe(0);
      host.broken.clear();
      expect(await client.takeCommand()).toEqual(COMMAND);
      expect(offer.sends).toBe(1);
      expect(host.versions()).toContain('10');
      expect(log.of('warn')).toEqual(['what a terminal said could not be handled']);
    },
  );

  test('a report is stored although the file of the offer cannot be read', async () => {
    const { host, port, deviceId } = await startGateway();
    host.offer(deviceId, FILE);
    host.broken.add('firmware');
    const client = await Client.open(port);
    client.report();
    await waitFor(() => host.versions().length === 1);
    client.report(12);
    await waitFor(() => host.versions().at(-1) === '12');
  });

  test('a transfer that runs goes on from memory', async () => {
    const { host, port, deviceId } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    const client = await Client.open(port);
    expect(await client.fetch(1)).toEqual(packet(1));
    for (const method of ['identify', 'openOffer', 'claimSend', 'reported', 'failed'] as const) host.broken.add(method);
    for (const pcnt of [2, 3, 4]) expect(await client.fetch(pcnt)).toEqual(packet(pcnt));
  });

  test('a request on a new connection is answered when it is back, once', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    host.broken.add('identify');
    const client = await Client.open(port);
    client.send(request(7));
    await waitFor(() => gateway.counters.failedFrames > 0);
    client.send(request(7), DROPPED); // it was tired of waiting
    await waitFor(() => gateway.counters.droppedBytes === 1);
    host.broken.clear();
    expect(await client.take(1024)).toEqual(packet(7));
    expect(await client.fetch(8)).toEqual(packet(8));
    expect(gateway.counters.packets).toBe(2);
  });

  test('a request is not answered any more when the terminal has given up meanwhile', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    const release = host.hold('identify');
    const client = await Client.open(port);
    client.send(request(7), otaError(805, 'PATCHERR'));
    await waitFor(() => host.waiting('identify') === 1);
    release();
    await waitFor(() => host.failures.length === 1);
    expect(client.received).toHaveLength(0);
    expect(gateway.counters.packets).toBe(0);
  });

  test('errors of terminals are recorded when it is back', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    host.broken.add('failed');
    const client = await Client.open(port);
    client.send(otaError(801, 'PATCHERR'));
    await waitFor(() => gateway.counters.failedFrames > 0);
    host.broken.clear();
    await waitFor(() => host.failures.length === 1);
  });

  test('what was said is handled in order when it is slow', async () => {
    const { host, port } = await startGateway();
    const release = host.hold('reported');
    const client = await Client.open(port);
    client.send(report(10), report(11), report(12), report(11), report(10, SN.toLowerCase()));
    await waitFor(() => host.waiting('reported') === 1);
    release();
    await waitFor(() => host.versions().length === 5);
    expect(host.versions()).toEqual(['10', '11', '12', '11', '10']);
  });
});
