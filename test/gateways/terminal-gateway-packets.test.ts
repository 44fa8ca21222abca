/** The packets of a file between the terminal gateway and a terminal, and how a transfer ends. */
import { describe, expect, test } from 'vitest';
import { TerminalSimulator } from '../../gateways/terminal/simulator.ts';
import {
  Client,
  COMMAND,
  FILE,
  line,
  otaError,
  over,
  packet,
  PACKETS,
  report,
  request,
  SN,
  startGateway,
} from '../support/terminal-client.ts';
import { waitFor } from '../support/wait.ts';

const ALL = Array.from({ length: PACKETS }, (_, at) => at + 1);

describe('packets', () => {
  test('are the raw bytes of the file, the last one short', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    const offer = host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.report();
    await client.takeCommand();
    const parts: Buffer[] = [];
    for (const pcnt of ALL) parts.push(await client.fetch(pcnt));
    client.send(over());
    await waitFor(() => offer.finishedAtMs !== null);
    expect(Buffer.concat(parts).equals(FILE)).toBe(true);
    expect(client.received).toHaveLength(0);
    expect(host.steps.map(({ bytes }) => bytes)).toEqual([...ALL.map((pcnt) => (pcnt - 1) * 1024), FILE.length]);
    expect(host.steps.at(-1)).toEqual({ offerId: 1, deviceId, bytes: FILE.length, finished: true });
    expect(gateway.counters).toMatchObject({ packets: PACKETS, packetBytes: FILE.length, ignoredFrames: 0 });
  });

  test('go on at any packet on a new connection, and on another gateway', async () => {
    const { host, port, deviceId } = await startGateway();
    const other = await startGateway({ host });
    host.offer(deviceId, FILE);
    const first = await Client.open(port);
    first.report();
    await first.takeCommand();
    const parts = [await first.fetch(1), await first.fetch(2), await first.fetch(3)];
    await first.cut();
    const second = await Client.open(port);
    second.report();
    for (const pcnt of [4, 5, 6, 7]) parts.push(await second.fetch(pcnt));
    await second.cut();
    const third = await Client.open(other.port);
    for (const pcnt of ALL.slice(7)) parts.push(await third.fetch(pcnt)); // without a report
    expect(Buffer.concat(parts).equals(FILE)).toBe(true);
    expect(host.versions()).toEqual(['10', '10', '10']);
  });

  test('of an offer that was never sent are served only when it goes on with an earlier one', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.ask(5);
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    host.offer(deviceId, FILE, { resumable: true, attempt: 2 });
    expect(await client.fetch(5)).toEqual(packet(5));
    expect(client.received).toHaveLength(0);
  });

  test('are not sent for a wrong size, a number of no packet or without an offer', async () => {
    const { host, port, deviceId, gateway, log } = await startGateway();
    const client = await Client.open(port);
    client.send(report(), request(1)); // nothing is open yet
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    host.offer(deviceId, FILE, { resumable: true });
    client.ask(1, { psize: 512, offset: 0 });
    client.ask(PACKETS + 1);
    client.ask(65_535);
    client.send(line(`ReqNOTAB:${SN},10,0,1024,0`));
    await waitFor(() => gateway.counters.ignoredFrames === 4 && gateway.counters.droppedBytes > 0);
    host.close(deviceId);
    host.announce(deviceId);
    client.ask(1);
    await waitFor(() => gateway.counters.ignoredFrames === 5);
    expect(client.received).toHaveLength(0);
    expect(gateway.counters.packets).toBe(0);
    expect(log.of('warn')).toContain('a terminal asked for a packet that does not exist');
  });

  test('are chosen by their number when the offset says something else, with a warning', async () => {
    const { host, port, deviceId, log } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    const client = await Client.open(port);
    client.ask(3, { offset: 7 });
    expect(await client.take(1024)).toEqual(packet(3));
    expect(log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { message: 'an odd request, answered by its packet number', fields: { deviceId, pcnt: 3, offset: 7 } },
    ]);
  });

  test('the seventh request in a row for one packet ends the attempt', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    const client = await Client.open(port);
    for (let time = 1; time <= 6; time += 1) expect(await client.fetch(2)).toEqual(packet(2));
    expect(await client.fetch(3)).toEqual(packet(3)); // another one in between starts the count again
    for (let time = 1; time <= 6; time += 1) expect(await client.fetch(2)).toEqual(packet(2));
    client.ask(2);
    await waitFor(() => host.failures.length === 1);
    client.ask(2);
    client.ask(3);
    await waitFor(() => gateway.counters.ignoredFrames === 2);
    expect(host.failures).toEqual([
      { offerId: 1, failure: { protocol: 'terminal', errcode: null, kind: 'packet_repeated' } },
    ]);
    expect(client.received).toHaveLength(0);
  });

  test('come from the file of the offer that is open, also when it changes', async () => {
    const { host, port, deviceId } = await startGateway();
    const other = Buffer.from(FILE).reverse();
    host.offer(deviceId, FILE, { resumable: true });
    const client = await Client.open(port);
    expect(await client.fetch(1)).toEqual(packet(1));
    host.broken.add('firmware'); // the new file cannot be read: the old one must not be served in its place
    host.offer(deviceId, other, { resumable: true, attempt: 2 });
    client.ask(1);
    await waitFor(() => host.count('firmware') > 2);
    expect(client.received).toHaveLength(0);
    host.broken.clear();
    expect(await client.take(1024)).toEqual(packet(1, other));
  });
});

describe('errors and ends', () => {
  test.each([
    [731, 'OTACMDERR'],
    [803, 'PATCHERR'],
    [404, 'PATCHERR'],
  ] as const)('code %i reaches the host once, and the next offer is sent at once', async (errcode, errorType) => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.report();
    await client.takeCommand();
    await client.fetch(1);
    client.send(otaError(errcode, errorType), otaError(errcode, errorType));
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    expect(host.failures).toEqual([{ offerId: 1, failure: { protocol: 'terminal', errcode, kind: errorType } }]);
    host.offer(deviceId, FILE, { attempt: 2 });
    expect(await client.takeCommand()).toEqual(COMMAND);
  });

  test('a refusal that comes late and on another connection reaches the host', async () => {
    const { host, port, deviceId } = await startGateway();
    host.offer(deviceId, FILE, { sends: 3, lastSentAtMs: Date.now() - 70_000 });
    const client = await Client.open(port);
    client.report();
    await waitFor(() => host.count('claimSend') > 0); // refused
    client.send(otaError(740, 'OTACMDERR'));
    await waitFor(() => host.failures.length === 1);
  });

  test('errors and ends without an offer lead to nothing', async () => {
    const { host, port, gateway } = await startGateway();
    const client = await Client.open(port);
    client.send(over(), otaError(801, 'PATCHERR'));
    await waitFor(() => gateway.counters.ignoredFrames === 2);
    expect([host.failures, host.steps]).toEqual([[], []]);
  });

  test('what was said just before the connection ended is recorded', async () => {
    const { host, port, deviceId } = await startGateway();
    const offer = host.offer(deviceId, FILE, { resumable: true });
    const client = await Client.open(port);
    const release = host.hold('identify');
    client.send(report(), over());
    await client.cut();
    release();
    await waitFor(() => offer.finishedAtMs !== null);
    expect(host.versions()).toEqual(['10']);
  });

  test('every report after the end is stored, unchanged ones of an idle terminal are not', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    const client = await Client.open(port);
    client.send(report(), report(), report());
    await waitFor(() => gateway.counters.reports === 3);
    host.offer(deviceId, FILE, { resumable: true });
    client.send(over(), report(), report());
    await waitFor(() => host.reports.length === 3);
  });

  test('a simulated terminal takes the whole file through a cut', async () => {
    const { host, port, deviceId } = await startGateway();
    const offer = host.offer(deviceId, FILE);
    const terminal = new TerminalSimulator({
      host: '127.0.0.1',
      port,
      sn: SN,
      softwareVersion: 10,
      upgradeDelayMs: 20,
      reconnectDelayMs: 20,
      faults: { dropAtPacket: 5 },
    }).start();
    await waitFor(() => host.versions().at(-1) === '11');
    await terminal.stop();
    expect(terminal.requests).toEqual(ALL);
    expect(offer).toMatchObject({ sends: 1, failure: null });
    expect(offer.finishedAtMs).not.toBeNull();
  });
});
