/** The server of the API towards clients that hold connections. */
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import express from 'express';
import { afterEach, expect, test, vi } from 'vitest';
import { apiServer } from '../../api/app.ts';
import { waitFor } from '../support/wait.ts';

/** More than the system takes for a client that does not read. */
const ANSWER = Buffer.alloc(32 * 1_048_576, 'a');
const STALLED_MS = 1_000;
const log = { warn: vi.fn() };
const LIMITS = { stalledMs: STALLED_MS, offenderMs: 10_000 };
let server: ReturnType<typeof apiServer>;
let client: Socket;

afterEach(async () => {
  client.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A client that has asked for a long answer and reads nothing yet. */
async function ask(): Promise<void> {
  const app = express().get('/', (_request, response) => void response.send(ANSWER));
  server = apiServer(app, log, LIMITS).listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  client.pause();
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
}

const connections = () =>
  new Promise<number>((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

test('a connection whose answer nobody reads is ended', async () => {
  await ask();
  await waitFor(async () => (await connections()) === 1);
  await waitFor(async () => (await connections()) === 0, { deadlineMs: 10 * STALLED_MS });
});

test('who reads slowly gets the whole answer', async () => {
  await ask();
  let bytes = 0;
  client.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    client.pause();
  });
  const reading = setInterval(() => client.resume(), 4);
  const startedMs = performance.now();
  await waitFor(() => bytes > ANSWER.length);
  clearInterval(reading);
  expect(performance.now() - startedMs).toBeGreaterThan(STALLED_MS);
});

test('an address that does not wait for answers is turned away for a while, and nobody else', async () => {
  const app = express().get('/', (_request, response) => void response.send('yes'));
  server = apiServer(app, log, { ...LIMITS, offenderMs: 3_000 }).listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  client = connect(port, '127.0.0.1')
    .on('error', () => {})
    .resume();
  client.write(request.repeat(500));
  await once(client, 'close');

  const asked = (localAddress: string) =>
    new Promise<string>((resolve) => {
      let text = '';
      const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('close', () => resolve(text));
      socket.write(request.replace('Host: x', 'Host: x\r\nConnection: close'));
    });
  expect(await asked('127.0.0.1')).toBe('');
  expect(log.warn.mock.calls).toEqual([[{ address: '127.0.0.1', seconds: 3 }, expect.stringContaining('turned away')]]);
  expect(await asked('127.0.0.2')).toContain('200 OK');
  await waitFor(async () => (await asked('127.0.0.1')).includes('200 OK'));
});
