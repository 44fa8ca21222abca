/** The ports of embedded servers: free ones, those that will be free in a moment, and those that are somebody else's. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { choosePort } from '../../embedded/processes.ts';

const holders: Server[] = [];
afterEach(() => holders.splice(0).forEach((holder) => holder.close()));

async function held(): Promise<{ port: number; letGo: () => void }> {
  const holder = createServer().listen(0, '127.0.0.1');
  holders.push(holder);
  await once(holder, 'listening');
  return { port: (holder.address() as AddressInfo).port, letGo: () => holder.close() };
}

test('a port that its dying owner still has for a moment is waited for', async () => {
  const { port, letGo } = await held();
  setTimeout(letGo, 300);
  expect(await choosePort(port, 'the server', '')).toBe(port);
});

test('a port that somebody keeps is refused, with what to do', async () => {
  const { port } = await held();
  await expect(choosePort(port, 'the server', 'Set PORT.')).rejects.toThrow(
    `port ${port} for the server is taken by another program. Set PORT.`,
  );
});

test('any free port is one that can be used', async () => {
  const port = await choosePort(0, 'the server', '');
  const server = createServer().listen(port, '127.0.0.1');
  holders.push(server);
  await once(server, 'listening');
});
