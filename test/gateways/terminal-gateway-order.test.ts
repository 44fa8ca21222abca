/** The terminal gateway when things happen at the same time, in an odd order or on two connections. */
import { describe, expect, test } from 'vitest';
import {
  Client,
  COMMAND,
  FILE,
  otaError,
  over,
  packet,
  report,
  request,
  startGateway,
} from '../support/terminal-client.ts';
import { waitFor } from '../support/wait.ts';

/** A byte that is no frame: it is counted when the frames before it have arrived. */
const DROPPED = Buffer.from('x');

describe('between the first request and the end no line is sent', () => {
  test('not for a new offer, not for a report, not by the clock', async () => {
    const { host, port, deviceId, gateway } = await startGateway({ times: { reactionMs: 1 } });
    host.offer(deviceId, FILE, { resumable: true });
    const client = await Client.open(port);
    client.ask(1);
    expect(await client.take(1024)).toEqual(packet(1));
    host.offer(deviceId, FILE, { attempt: 2, resumable: true });
    client.report();
    await waitFor(() => gateway.counters.reports === 1 && host.count('openOffer') === 2);
    expect(await client.fetch(2)).toEqual(packet(2));
    expect(client.received).toHaveLength(0);
    client.send(over());
    await waitFor(() => host.steps.at(-1)?.finished === true);
    host.offer(deviceId, FILE, { attempt: 3 });
    expect(await client.takeCommand()).toEqual(COMMAND);
  });

  test('not even to a terminal whose request was not served, until it gives up', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.send(report(), request(4));
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    client.report();
    await waitFor(() => host.versions().length === 2);
    expect(client.received).toHaveLength(0);
    client.send(otaError(805, 'PATCHERR'));
    expect(await client.takeCommand()).toEqual(COMMAND);
    expect(host.failures).toEqual([]); // it was not this offer that failed
  });

  test('not when the request arrives while the sending is being claimed', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE);
    const client = await Client.open(port);
    const release = host.hold('claimSend');
    client.report();
    await waitFor(() => host.waiting('claimSend') === 1);
    client.send(request(3), DROPPED);
    await waitFor(() => gateway.counters.droppedBytes === 1);
    release();
    expect(await client.take(1024)).toEqual(packet(3));
    expect(client.received).toHaveLength(0);
    expect(gateway.counters.offersSent).toBe(0);
  });

  test('not on the next connection either, until the silence is long enough', async () => {
    const { host, port, deviceId } = await startGateway({ times: { transferSilenceMs: 300 } });
    host.offer(deviceId, FILE, { resumable: true });
    const first = await Client.open(port);
    const askedAt = Date.now();
    expect(await first.fetch(1)).toEqual(packet(1));
    await first.cut();
    host.offer(deviceId, FILE, { attempt: 2, resumable: true });
    const second = await Client.open(port);
    second.report();
    await waitFor(() => host.count('reported') === 2);
    expect(await second.takeCommand()).toEqual(COMMAND); // by the clock
    expect(Date.now() - askedAt).toBeGreaterThanOrEqual(300);
  });

  test('an end said on the next connection counts for it', async () => {
    const { host, port, deviceId } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    const first = await Client.open(port);
    await first.fetch(1);
    await first.cut();
    const second = await Client.open(port);
    second.send(report(), over());
    await waitFor(() => host.steps.at(-1)?.finished === true);
    await second.cut();
    host.offer(deviceId, FILE, { attempt: 2 });
    const third = await Client.open(port);
    third.report();
    expect(await third.takeCommand()).toEqual(COMMAND);
  });
});

describe('two connections of one terminal', () => {
  test('the newer one is served, the older one is closed and gets nothing', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    const older = await Client.open(port);
    older.report();
    await waitFor(() => host.versions().length === 1);
    const newer = await Client.open(port);
    newer.report();
    await older.untilClosed();
    host.offer(deviceId, FILE);
    expect(await newer.takeCommand()).toEqual(COMMAND);
    expect(older.received).toHaveLength(0);
    expect(gateway.online).toEqual({ connections: 1, terminals: 1 });
  });

  test.each(['first', 'last'])('the newer one wins when it is known %s', async (when) => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE);
    const older = await Client.open(port);
    const release = host.hold('identify');
    older.report();
    await waitFor(() => host.waiting('identify') === 1);
    const newer = await Client.open(port);
    newer.report();
    await waitFor(() => host.waiting('identify') === 2);
    release(when === 'first' ? 'last first' : undefined);
    expect(await newer.takeCommand()).toEqual(COMMAND);
    await older.untilClosed();
    expect(older.received).toHaveLength(0);
    expect(host.offers[0]?.sends).toBe(1);
    await waitFor(() => gateway.online.connections === 1 && gateway.online.terminals === 1);
  });

  test('one that ended before it was known takes no place', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    const first = await Client.open(port);
    const release = host.hold('identify');
    first.report();
    await waitFor(() => host.waiting('identify') === 1);
    await first.cut();
    await waitFor(() => gateway.online.connections === 0);
    release();
    await waitFor(() => host.versions().length === 1); // what it said counts
    expect(gateway.online).toEqual({ connections: 0, terminals: 0 });
    host.offer(deviceId, FILE);
    expect(host.count('claimSend')).toBe(0);
  });

  test('a claim that was asked for on the older one is not sent there', async () => {
    const { host, port, deviceId } = await startGateway({ times: { reactionMs: 50 } });
    host.offer(deviceId, FILE);
    const older = await Client.open(port);
    const release = host.hold('claimSend');
    older.report();
    await waitFor(() => host.waiting('claimSend') === 1);
    const newer = await Client.open(port);
    newer.report();
    await older.untilClosed();
    release();
    expect(await newer.takeCommand()).toEqual(COMMAND);
    expect(older.received).toHaveLength(0);
  });
});

describe('announcements', () => {
  test('one that comes while the last one is being handled is not lost', async () => {
    const { host, port, deviceId } = await startGateway();
    const client = await Client.open(port);
    client.report();
    await waitFor(() => host.count('openOffer') === 1);
    const release = host.hold('openOffer');
    host.announce(deviceId);
    await waitFor(() => host.waiting('openOffer') === 1);
    host.offer(deviceId, FILE);
    host.announce(deviceId); // one waiting stands for both
    release();
    expect(await client.takeCommand()).toEqual(COMMAND);
    expect(host.count('openOffer')).toBe(3);
  });

  test('one that cannot be followed is followed when the database is back', async () => {
    const { host, port, deviceId } = await startGateway();
    const client = await Client.open(port);
    client.report();
    await waitFor(() => host.count('openOffer') === 1);
    host.broken.add('openOffer');
    host.offer(deviceId, FILE);
    await waitFor(() => host.count('openOffer') > 3);
    expect(client.received).toHaveLength(0);
    host.broken.clear();
    expect(await client.takeCommand()).toEqual(COMMAND);
  });

  test('after a break all connected terminals are looked at', async () => {
    const { host, port, gateway } = await startGateway();
    const others = ['6134441314', '6134441315'];
    const clients = await Promise.all(
      others.map(async (sn) => {
        host.register('terminal', sn);
        const client = await Client.open(port);
        client.report(10, sn);
        return client;
      }),
    );
    await waitFor(() => host.count('openOffer') === 2);
    host.listeners.length = 0;
    for (const sn of others) host.offer(`terminal-${sn}`, FILE);
    gateway.messagesUncertain();
    for (const client of clients) expect(await client.takeCommand()).toEqual(COMMAND);
  });
});
