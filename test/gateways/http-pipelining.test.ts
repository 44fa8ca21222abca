/** Requests of one connection that do not wait for answers. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { withoutPipelining } from '../../gateways/http-pipelining.ts';
import { waitFor } from '../support/wait.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
let server: Server;
let client: Socket;
let asked = 0;
let text = '';
afterEach(async () => {
  client.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A client of a server that answers once it is told to, or at once. */
async function start(answersAtOnce: boolean): Promise<() => void> {
  asked = 0;
  text = '';
  const waiting: (() => void)[] = [];
  server = createServer(
    withoutPipelining((_, response) => {
      asked += 1;
      if (answersAtOnce) response.end('yes');
      else waiting.push(() => response.end('yes'));
    }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  client.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => waiting.splice(0).forEach((answer) => answer());
}

test('a thousand requests in one piece end the connection, and are not worked on', async () => {
  await start(false);
  client.write(REQUEST.repeat(1_000));
  await once(client, 'close');
  expect(asked).toBe(2);
});

test('two that do not wait are answered in their order', async () => {
  const answer = await start(false);
  client.write(REQUEST.repeat(2));
  await waitFor(() => asked === 2);
  answer();
  await waitFor(() => text.split('yes').length === 3);
  expect(client.destroyed).toBe(false);
});

test('any number is served to who waits for each answer', async () => {
  await start(true);
  for (let sent = 1; sent <= 50; sent += 1) {
    client.write(REQUEST);
    await waitFor(() => text.split('yes').length === sent + 1);
  }
  expect(asked).toBe(50);
});
