/** When the terminal gateway sends an offer, and when not. */
import { describe, expect, test } from 'vitest';
import { Client, COMMAND, FILE, line, otaError, packet, report, SN, startGateway } from '../support/terminal-client.ts';
import { waitFor } from '../support/wait.ts';

test('once a minute the program is told who is connected, also of terminals that say nothing', async () => {
  const { host, port, deviceId } = await startGateway({ times: { clockMs: 5, connectedMs: 20 } });
  const client = await Client.open(port);
  client.report();
  await waitFor(() => host.connections.length >= 3);
  expect(new Set(host.connections.flat())).toEqual(new Set([deviceId]));
});

describe('offers', () => {
  test('an open offer is sent at the first contact', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    const offer = host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.report();
    expect(await client.takeCommand()).toEqual(COMMAND);
    expect(offer.sends).toBe(1);
    expect(host.reports).toEqual([
      {
        deviceId,
        source: 'terminal',
        arrivedAtMs: expect.any(Number),
        raw: 'report sfwVal 10 (1.0)',
        versions: [{ component: 'T1', version: '10' }],
      },
    ]);
    expect(host.sightings).toEqual([
      { deviceId, address: '127.0.0.1', details: { batteryPercent: 55, temperatureC: 24.42 } },
    ]);
    expect(gateway.counters).toMatchObject({ offersSent: 1, reports: 1, droppedBytes: 0, failedFrames: 0 });
  });

  test('a terminal that is connected gets a new offer when it is announced', async () => {
    const { host, port, deviceId } = await startGateway();
    const client = await Client.open(port);
    client.report();
    await waitFor(() => host.versions().length === 1);
    host.offer(deviceId, FILE);
    expect(await client.takeCommand()).toEqual(COMMAND);
  });

  test('a terminal whose first frame is an answer or an error is offered the file, too', async () => {
    for (const first of [line(`B1301RSP,${SN},10,CHKSLPT,600`), otaError(805, 'PATCHERR')]) {
      const { host, port, deviceId } = await startGateway();
      host.offer(deviceId, FILE);
      const client = await Client.open(port);
      client.send(first);
      expect(await client.takeCommand()).toEqual(COMMAND);
      expect(host.failures).toEqual([]);
    }
  });

  test('the answer to a command counts as a report', async () => {
    const { host, port } = await startGateway();
    const client = await Client.open(port);
    client.send(line(`B1301RSP,${SN},10,SLPT,60`));
    await waitFor(() => host.reports.length === 1);
    expect(host.reports[0]).toMatchObject({ raw: '+B1301RSP SLPT', versions: [{ component: 'T1', version: '10' }] });
  });

  test('nothing is sent when the claim is refused', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    const offer = host.offer(deviceId, FILE, { sends: 3 });
    const client = await Client.open(port);
    client.report();
    await waitFor(() => host.count('claimSend') > 0);
    client.report();
    await waitFor(() => gateway.counters.reports === 2);
    expect(offer.sends).toBe(3);
    expect(gateway.counters.offersSent).toBe(0);
    // An offer that was sent before may be served all the same.
    expect(await client.fetch(1)).toEqual(packet(1));
    expect(client.received).toHaveLength(0);
  });

  test('an offer with an older attempt number is not sent', async () => {
    const { host, port, deviceId } = await startGateway();
    const offer = host.offer(deviceId, FILE);
    const client = await Client.open(port);
    const release = host.hold('claimSend');
    client.report();
    await waitFor(() => host.waiting('claimSend') === 1);
    offer.attempt = 2;
    release();
    client.report(12); // handled after the claim
    await waitFor(() => host.versions().length === 2);
    expect(client.received).toHaveLength(0);
    host.announce(deviceId);
    await client.takeCommand();
  });

  test('an offer without a reaction is sent three times in all', async () => {
    const { host, port, deviceId, gateway } = await startGateway({ times: { reactionMs: 40 } });
    const offer = host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.report();
    const started = Date.now();
    for (let send = 1; send <= 3; send += 1) {
      expect(await client.takeCommand()).toEqual(COMMAND);
      expect(Date.now() - started).toBeGreaterThanOrEqual((send - 1) * 40);
    }
    await waitFor(() => host.count('claimSend') === 4);
    client.report(); // not even at the next contact
    await waitFor(() => gateway.counters.reports === 2);
    expect(offer.sends).toBe(3);
    expect(client.received).toHaveLength(0);
  });

  test('reports within the reaction time bring no second sending', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    const offer = host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.report();
    await client.takeCommand();
    client.send(report(), report(), report());
    await waitFor(() => gateway.counters.reports === 4);
    host.announce(deviceId);
    expect(await client.fetch(1)).toEqual(packet(1));
    expect(offer.sends).toBe(1);
  });

  test('an offer past its time is neither sent nor served', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    const offer = host.offer(deviceId, FILE, { expiresAtMs: Date.now() + 100 });
    const client = await Client.open(port);
    client.report();
    await client.takeCommand();
    expect(await client.fetch(1)).toEqual(packet(1));
    await waitFor(() => Date.now() > offer.expiresAtMs);
    client.ask(2);
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    const late = await Client.open(port);
    late.report();
    await waitFor(() => gateway.counters.reports === 2);
    expect([client.received.length, late.received.length]).toEqual([0, 0]);
  });

  test('a terminal that runs the target is not offered it', async () => {
    const { host, port, deviceId } = await startGateway();
    host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.report(11);
    await waitFor(() => host.count('openOffer') > 0);
    host.announce(deviceId);
    await waitFor(() => host.count('openOffer') === 2);
    expect(host.count('claimSend')).toBe(0);
    expect(client.received).toHaveLength(0);
  });

  test('an offer no terminal would take ends as refused and is not sent', async () => {
    const { host, port, deviceId } = await startGateway();
    host.offer(deviceId, FILE.subarray(0, 10_000));
    const client = await Client.open(port);
    client.report();
    await waitFor(() => host.failures.length === 1);
    expect(host.failures[0]?.failure).toEqual({ protocol: 'terminal', errcode: 745, kind: 'not_sendable' });
    expect(host.count('claimSend')).toBe(0);
    expect(client.received).toHaveLength(0);
  });
});
