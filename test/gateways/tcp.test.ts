import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { TcpListener, type TcpLimits } from '../../gateways/tcp.ts';
import { Client, FILE, startGateway } from '../support/terminal-client.ts';
import { waitFor } from '../support/wait.ts';

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

/** A listener that answers each read with the same bytes. */
async function start(limits: Partial<TcpLimits> = {}, host = '127.0.0.1') {
  const heard: string[] = [];
  const sockets: Socket[] = [];
  const listener = new TcpListener(
    { maxConnections: 100, maxConnectionsPerAddress: 100, idleTimeoutMs: 60_000, ...limits },
    {
      opened: (socket, address) => {
        heard.push(`opened ${address}`);
        sockets.push(socket);
      },
      received: (socket, chunk) => {
        heard.push(`received ${chunk.toString()}`);
        if (socket.writable) socket.write(chunk);
      },
      closed: () => heard.push('closed'),
    },
  );
  const port = await listener.listen(0, host);
  cleanUp.push(() => listener.close(50));
  return { listener, port, heard, sockets };
}

describe('limits', () => {
  test('bytes in a turn: those that never stop wait for each other, who says little does not wait, and nothing is lost', async () => {
    const FLOOD = 200_000;
    const bytes = new Map<Socket, number>();
    const listener = new TcpListener(
      { maxConnections: 30, maxConnectionsPerAddress: 30, idleTimeoutMs: 60_000 },
      {
        opened: (socket) => bytes.set(socket, 0),
        received: (socket, chunk) => {
          bytes.set(socket, bytes.get(socket)! + chunk.length);
          if (chunk.length === 1) socket.write(chunk);
        },
        closed: () => {},
      },
    );
    const port = await listener.listen(0, '127.0.0.1');
    cleanUp.push(() => listener.close(50));
    const floods = await Promise.all(Array.from({ length: 10 }, () => Client.open(port)));
    const startedMs = performance.now();
    for (const flood of floods) flood.send('x'.repeat(FLOOD));
    const quiet = await Client.open(port);
    quiet.send('y');
    await quiet.take(1);
    const heard = () => [...bytes.values()].reduce((sum, count) => sum + count, 0);
    // One read of each, and a little more: far from all that they have to say.
    expect(heard()).toBeLessThan(7 * FLOOD);
    await waitFor(() => heard() === 10 * FLOOD + 1, { deadlineMs: 20_000 });
    expect(performance.now() - startedMs).toBeGreaterThan(1_000);
    expect([...bytes.values()].filter((count) => count === FLOOD)).toHaveLength(10);
  });

  test('connections in all: the one too many is closed, its owner never hears of it', async () => {
    const { listener, port, heard } = await start({ maxConnections: 2 });
    const first = await Client.open(port);
    await Client.open(port);
    const third = await Client.open(port);
    await third.untilClosed();
    expect(listener.stats).toMatchObject({ accepted: 2, refusedTotal: 1, refusedPerAddress: 0 });
    await first.cut();
    await waitFor(() => listener.connections === 1);
    const fourth = await Client.open(port);
    fourth.send('x');
    await fourth.take(1);
    expect(heard.filter((line) => line.startsWith('opened'))).toHaveLength(3);
    expect(heard.filter((line) => line === 'closed')).toHaveLength(1);
  });

  test('connections per address: others are not concerned, and a place becomes free again', async () => {
    const { listener, port, heard } = await start({ maxConnectionsPerAddress: 2 });
    const mine = [await Client.open(port, '127.0.0.2'), await Client.open(port, '127.0.0.2')];
    const refused = await Client.open(port, '127.0.0.2');
    await refused.untilClosed();
    const other = await Client.open(port, '127.0.0.3');
    other.send('x');
    await other.take(1);
    expect(listener.stats).toMatchObject({ accepted: 3, refusedTotal: 0, refusedPerAddress: 1 });
    await mine[0]?.cut();
    await waitFor(() => listener.connections === 2);
    const again = await Client.open(port, '127.0.0.2');
    again.send('y');
    await again.take(1);
    expect(heard.filter((line) => line.startsWith('opened'))).toEqual([
      'opened 127.0.0.2',
      'opened 127.0.0.2',
      'opened 127.0.0.3',
      'opened 127.0.0.2',
    ]);
  });
});

describe('idle time', () => {
  test('a connection without a byte is closed after it, one with bytes is not', async () => {
    const { listener, port } = await start({ idleTimeoutMs: 200 });
    const openedAt = Date.now();
    const busy = await Client.open(port);
    const silent = await Client.open(port);
    const talking = setInterval(() => busy.send('x'), 40);
    await silent.untilClosed();
    expect(Date.now() - openedAt).toBeGreaterThanOrEqual(150);
    await waitFor(() => Date.now() - openedAt > 600);
    clearInterval(talking);
    expect(busy.isClosed).toBe(false);
    await busy.untilClosed();
    expect(listener.stats.closedIdle).toBe(2);
  });

  test('bytes in the other direction count, too', async () => {
    const { port, sockets } = await start({ idleTimeoutMs: 200 });
    const client = await Client.open(port);
    await waitFor(() => sockets.length === 1);
    const openedAt = Date.now();
    const talking = setInterval(() => sockets[0]?.write('x'), 40);
    await waitFor(() => Date.now() - openedAt > 600);
    clearInterval(talking);
    expect(client.isClosed).toBe(false);
  });

  test('a terminal is closed when it is idle, too', async () => {
    const { port, gateway, host, deviceId } = await startGateway({ limits: { idleTimeoutMs: 150 } });
    const client = await Client.open(port);
    client.report();
    await client.untilClosed();
    expect(gateway.online).toEqual({ connections: 0, terminals: 0 });
    expect(gateway.tcp.closedIdle).toBe(1);
    host.offer(deviceId, FILE); // nobody is there
  });
});

describe('closing', () => {
  test('ends open connections and takes no new ones', async () => {
    const { listener, port, heard } = await start();
    const client = await Client.open(port);
    client.send('x');
    await client.take(1);
    await listener.close(5_000);
    await client.untilClosed();
    expect(heard).toEqual(['opened 127.0.0.1', 'received x', 'closed']);
    const late = connect(port, '127.0.0.1');
    const code = await new Promise((resolve) =>
      late.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
    );
    expect(code).toBe('ECONNREFUSED');
  });

  test('cuts a peer that does not end its side, after the time of grace', async () => {
    const { listener, port } = await start();
    const stubborn = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    stubborn.on('error', () => {}).resume();
    await waitFor(() => listener.connections === 1);
    const startedAt = Date.now();
    await listener.close(100);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(95);
    stubborn.destroy();
  });

  test('of the terminal gateway waits until what was said is recorded, and sends nothing more', async () => {
    const { port, gateway, host, deviceId } = await startGateway();
    host.offer(deviceId, FILE);
    const client = await Client.open(port);
    const release = host.hold('reported');
    client.report();
    await waitFor(() => host.waiting('reported') === 1);
    let isClosed = false;
    const closing = gateway.close(5_000).then(() => (isClosed = true));
    await client.untilClosed();
    expect(isClosed).toBe(false);
    release();
    await closing;
    expect(host.versions()).toEqual(['10']);
    expect(host.count('claimSend')).toBe(0);
    expect(client.received).toHaveLength(0);
  });

  test('of the terminal gateway does not wait for ever', async () => {
    const { port, gateway, host } = await startGateway();
    const client = await Client.open(port);
    host.hold('reported');
    client.report();
    await waitFor(() => host.waiting('reported') === 1);
    await gateway.close(50);
    await client.untilClosed();
  });
});

describe('listening', () => {
  test('on a port that is taken is refused', async () => {
    const { port } = await start();
    const other = new TcpListener(
      { maxConnections: 1, maxConnectionsPerAddress: 1, idleTimeoutMs: 1_000 },
      { opened: () => {}, received: () => {}, closed: () => {} },
    );
    await expect(other.listen(port, '127.0.0.1')).rejects.toThrow('EADDRINUSE');
    await other.close(10);
  });
});
