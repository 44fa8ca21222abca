/** The terminal gateway and peers that are strangers, split their frames, are slow or silent, flood or do not read. */
import { describe, expect, test } from 'vitest';
import {
  Client,
  COMMAND,
  FILE,
  line,
  over,
  packet,
  report,
  request,
  SN,
  startGateway,
} from '../support/terminal-client.ts';
import { waitFor } from '../support/wait.ts';

const OTHER_SN = '6134441314';

describe('who it is', () => {
  test('an unknown terminal is counted, never served and closed after a time', async () => {
    const { host, port, gateway, log } = await startGateway({ times: { identifyMs: 150 } });
    const client = await Client.open(port);
    client.send(report(10, OTHER_SN), request(1, { sn: OTHER_SN }), over(OTHER_SN), report(10, OTHER_SN));
    await client.untilClosed();
    expect(client.received).toHaveLength(0);
    expect(host.unknown).toEqual([OTHER_SN]); // asked for once per connection
    expect(gateway.counters).toMatchObject({ unknownTerminals: 1, ignoredFrames: 4 });
    expect(host.reports).toEqual([]);
    expect(log.of('info')).toEqual(['a terminal that is not registered called']);
  });

  test('a silent connection is closed after the time to say who it is, a known terminal is not', async () => {
    const { host, port, gateway } = await startGateway({ times: { identifyMs: 150 } });
    const known = await Client.open(port);
    known.report();
    await waitFor(() => host.versions().length === 1);
    const silent = await Client.open(port);
    await silent.untilClosed();
    expect(known.isClosed).toBe(false);
    expect(gateway.online).toEqual({ connections: 1, terminals: 1 });
  });

  test('a second SN on one connection is ignored', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    const other = host.register('terminal', OTHER_SN);
    host.offer(deviceId, FILE, { resumable: true });
    host.offer(other, FILE, { resumable: true });
    const client = await Client.open(port);
    client.send(report(), report(12, OTHER_SN), request(1, { sn: OTHER_SN }), over(OTHER_SN));
    await waitFor(() => gateway.counters.ignoredFrames === 3);
    expect(await client.takeCommand()).toEqual(COMMAND); // still: it did not ask for packets
    expect(await client.fetch(2)).toEqual(packet(2));
    expect(host.versions()).toEqual(['10']);
    expect(host.steps.map((step) => step.deviceId)).toEqual([deviceId]);
  });

  test('the case of an SN is no difference', async () => {
    const { host, port } = await startGateway();
    const deviceId = host.register('terminal', 'ABCDEF0123');
    host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.report(10, 'ABCDEF0123');
    await client.takeCommand();
    client.ask(1, { sn: 'abcdef0123' });
    expect(await client.take(1024)).toEqual(packet(1));
    client.ask(2, { sn: 'AbCdEf0123' });
    expect(await client.take(1024)).toEqual(packet(2));
    const lower = await Client.open(port);
    lower.ask(3, { sn: 'abcdef0123' });
    expect(await lower.take(1024)).toEqual(packet(3));
  });

  test('an SN of odd length or of many characters does no harm', async () => {
    const { host, port, gateway } = await startGateway();
    const odd = '123456789012345';
    host.offer(host.register('terminal', odd), FILE, { resumable: true });
    const client = await Client.open(port);
    client.ask(1, { sn: odd });
    expect(await client.take(1024)).toEqual(packet(1));
    client.send(Buffer.of(0x13, 1, 2, 3, 4));
    const long = await Client.open(port);
    long.send(over('A'.repeat(900)));
    await waitFor(() => gateway.counters.unknownTerminals === 1);
  });
});

describe('bytes in pieces', () => {
  const stream = Buffer.concat([report(), request(1), over(), line(`B1301RSP,${SN},10,CHKSLPT,600`)]);

  test('frames are understood wherever they are split', async () => {
    const { host, port, gateway } = await startGateway();
    for (let at = 1; at < stream.length; at += 1) {
      const client = await Client.open(port);
      client.send(stream.subarray(0, at));
      await waitFor(() => gateway.online.connections === 1);
      client.send(stream.subarray(at));
      await waitFor(() => host.reports.length === at);
      await client.cut();
      await waitFor(() => gateway.online.connections === 0);
    }
    expect(gateway.counters).toMatchObject({ reports: stream.length - 1, droppedBytes: 0 });
  });

  test('and when they come byte by byte, or many at once', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    const client = await Client.open(port);
    for (const byte of Buffer.concat([report(), request(1)])) {
      client.send(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.take(COMMAND.length)).toEqual(COMMAND);
    expect(await client.take(1024)).toEqual(packet(1));
    client.send(request(2), report(), request(3), request(4), report(), request(12));
    const expected = Buffer.concat([packet(2), packet(3), packet(4), packet(12)]);
    expect(await client.take(expected.length)).toEqual(expected);
    expect(gateway.counters).toMatchObject({ reports: 3, packets: 5, droppedBytes: 0 });
  });

  test('an unfinished record is given up after its time, and what follows is understood', async () => {
    const { host, port, gateway } = await startGateway({ times: { partialRecordMs: 60 } });
    const client = await Client.open(port);
    const rest = report().subarray(0, 10);
    client.send(rest);
    await waitFor(() => gateway.counters.droppedBytes === rest.length);
    client.send('+NOTABOVER:');
    client.report();
    await waitFor(() => host.versions().length === 1);
    client.send('+ReqNOTAB:');
    await client.cut();
    await waitFor(() => gateway.online.connections === 0);
    expect(gateway.counters.droppedBytes).toBe(rest.length + '+NOTABOVER:+ReqNOTAB:'.length);
  });
});

describe('floods', () => {
  test('garbage is dropped and counted, the terminal is served all the same', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    const client = await Client.open(port);
    let sent = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      // Nothing at its end may look like the start of a record: that would wait for more.
      const chunk = Buffer.concat([noise(30_000, seed), Buffer.alloc(30)]);
      sent += chunk.length;
      client.send(chunk);
    }
    client.ask(1);
    expect(await client.take(1024)).toEqual(packet(1));
    expect(gateway.counters.droppedBytes).toBe(sent);
    expect(client.received).toHaveLength(0);
  });

  test('a line or a record without an end is not kept', async () => {
    const { host, port, gateway } = await startGateway();
    const client = await Client.open(port);
    client.send(`+${'A'.repeat(1_000_000)}`);
    client.send(Buffer.alloc(100_000, 0x13));
    client.send(Buffer.alloc(30), report());
    await waitFor(() => host.versions().length === 1);
    expect(gateway.counters.droppedBytes).toBe(1_100_031);
  });

  test('connections that are cut anywhere leave nothing behind', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    const whole = Buffer.concat([report(), request(1), request(2), over(), report(12)]);
    const next = noise(600, 3);
    await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const client = await Client.open(port);
        client.send(whole.subarray(0, (next[at] ?? 0) % (whole.length + 1)));
        if (at % 3 === 0)
          await waitFor(() => client.received.length > 0 || client.isClosed, { deadlineMs: 20 }).catch(() => null);
        if (at % 5 === 0) client.socket.resetAndDestroy();
        await client.cut();
      }),
    );
    await waitFor(() => gateway.online.connections === 0);
    expect(gateway.online.terminals).toBe(0);
    const client = await Client.open(port);
    expect(await client.fetch(3)).toEqual(packet(3));
    expect(gateway.counters.failedFrames).toBe(0);
  });

  test('reports while the database is slow: the socket is paused, memory is bounded', async () => {
    const { host, port, gateway } = await startGateway();
    const release = host.hold('reported');
    const client = await Client.open(port);
    const flood = Buffer.concat(Array.from({ length: 2_000 }, (_, at) => report(at % 200)));
    let floods = 0;
    let isFull = false;
    while (!isFull && floods < 1_000) {
      floods += 1;
      isFull = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(true), 300);
        client.socket.write(flood, () => {
          clearTimeout(timer);
          resolve(false);
        });
      });
    }
    expect(isFull).toBe(true);
    // One read of 64 KiB, and not what the client could send into the buffers of the system.
    expect(gateway.counters.reports).toBeLessThan(65_536 / report().length + 40);
    release();
    await waitFor(() => gateway.counters.reports === floods * 2_000 && host.reports.length === floods * 2_000, {
      deadlineMs: 20_000,
    });
  });

  test('requests of a terminal that does not read: what waits for it is bounded', async () => {
    const { host, port, deviceId, gateway } = await startGateway();
    host.offer(deviceId, FILE, { resumable: true });
    const client = await Client.open(port);
    expect(await client.fetch(1)).toEqual(packet(1));
    client.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    const requests = Buffer.concat(Array.from({ length: 1_000 }, (_, at) => request(1 + (at % 11))));
    while (gateway.counters.ignoredFrames < 10_000) {
      await new Promise<void>((resolve) => client.socket.write(requests, () => resolve()));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16_000_000);
    expect(client.isClosed).toBe(false);
    client.socket.resume();
    await waitFor(() => client.received.length === (gateway.counters.packets - 1) * 1024);
    expect(await client.fetch(12)).toHaveLength(100);
  });
});

/** Bytes without any order, the same for the same seed. */
function noise(length: number, seed: number): Buffer {
  let state = seed;
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}
